"""``djpkg show``: one package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, output, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.completion.candidates import PAGES
from djpkg.cli.options import AsJson, Db, Fields
from djpkg.errors import UsageError
from djpkg.mirror import read
from djpkg.mirror.removed_edits import find_removed_edits
from djpkg.model import fields, forge_servers
from djpkg.model.package import describe_via
from djpkg.render import known_values
from djpkg.render.json import render_record
from djpkg.render.rows import RowList
from djpkg.text import quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from djpkg.model.fields import Column
    from djpkg.model.package import Package, Value

SOURCES_SCHEMA = 1
# The order of the tab-separated values of --sources behind the field's name.
_SOURCES_LINE = ("source", "answered", "value", "upstream", "upstream_source", "upstream_answered")
_WEB = ("-w", "--web")

# Defined here because Typer evaluates annotations in a signature more than once.
PackageName = Annotated[str, options.package_argument("PACKAGE", "Id, slug, URL, owner/name or PyPI project.")]
Sources = Annotated[
    bool, typer.Option("--sources", help="Show the source and time of each field, and the upstream value of edits.")
]
Web = Annotated[
    str | None,
    typer.Option(
        *_WEB,
        metavar="[PAGE]",
        help="Open a page in the browser: catalog (default), repo, pypi or docs.",
        autocompletion=candidates.pages,
    ),
]

app = options.new_app()


class ShowCommand(options.Command):
    """A command with ``--web``, whose value is optional."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # vendored Click's
        """Parse the arguments after attaching the value of ``--web`` to it."""
        with_value = {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}
        return super().parse_args(ctx, attach_page(args, with_value=with_value - set(_WEB)))


def attach_page(args: Sequence[str], *, with_value: Collection[str]) -> list[str]:
    """Attach the page to ``--web``: ``-w docs`` -> ``--web=docs``, and a bare ``-w`` -> ``--web=catalog``.

    A word behind it that is not a page is PACKAGE, unless there is another word: then it is an invalid page. Options in
    `with_value` take the next argument as their value.
    """
    end = args.index("--") if "--" in args else len(args)
    words = [
        index
        for index, arg in enumerate(args)
        if index > end or (index < end and arg[:1] != "-" and not (index and args[index - 1] in with_value))
    ]
    result: list[str] = []
    for index, arg in enumerate(args):
        previous = args[index - 1] if 0 < index <= end else ""
        if index < end and arg in _WEB:
            result.append(f"--web={PAGES[0]}")
        elif previous in _WEB and index in words and (arg in PAGES or len(words) > 1):
            result[-1] = f"--web={arg}"
        else:
            result.append(arg)
    return result


@app.command(
    cls=ShowCommand,
    epilog=options.examples(
        "djpkg show django-todo",
        "djpkg show 409 --json | jq .repo_watchers",
        "djpkg show shacker/django-todo -f slug,stars",
        "djpkg show django-todo --sources",
        "djpkg show django-todo -w docs",
    ),
)
def show(
    package: PackageName,
    *,
    as_json: AsJson = False,
    names: Fields = None,
    sources: Sources = False,
    web: Web = None,
    db: Db = None,
) -> None:
    """Show one package."""
    selected = fields.parse_columns(names) if names is not None else None
    if web is not None:
        _check_page(web, alone=not (as_json or selected or sources))
    with options.read_mirror(db, named=True) as mirror:
        number = options.find_package(mirror, package)
        _report_removed_edits(mirror, number, db)
        if web is not None:
            from djpkg.cli import browser  # noqa: PLC0415 - for this option alone

            browser.open_page(mirror, number, web)
        elif sources:
            _show_sources(_get_package(mirror, number), selected or fields.ALL_COLUMNS, as_json=as_json)
        elif as_json:
            columns = selected or fields.RECORD_COLUMNS
            terminal.write_stdout(render_record(read.get_values(mirror, number, columns, now=options.now()), columns))
        elif not terminal.is_terminal():
            columns = selected or fields.ALL_COLUMNS
            values = read.get_values(mirror, number, columns, now=options.now())
            rows = [(column.key, values.get(column.field.name)) for column in columns]
            output.write_rows(RowList(("field", "value"), rows), "plain")
        elif selected:
            _draw_fields(mirror, number, selected)
        else:
            _draw_card(_get_package(mirror, number), db)


def _check_page(page: str, *, alone: bool) -> None:
    if page not in PAGES:
        raise UsageError(f"unknown page {quote_input(page)}; --web takes {', '.join(PAGES[:-1])} or {PAGES[-1]}")
    if not alone:
        message = "--web prints nothing and cannot be used with --json, --fields or --sources"
        raise UsageError(message)


def _get_package(mirror: sqlite3.Connection, number: int) -> Package:
    from djpkg.mirror.package import get_package

    package = get_package(mirror, number, forges=forge_servers.forge_servers(os.environ), now=options.now())
    for problem in package.problems:
        terminal.write_stderr(f"djpkg: {problem}")
    return package


def _report_removed_edits(mirror: sqlite3.Connection, number: int, db: Path | None) -> None:
    for edits in find_removed_edits(mirror, number):
        from djpkg.cli.suggested_command import describe_removed_edits  # noqa: PLC0415 - rare

        terminal.write_stderr(describe_removed_edits(edits, db))


def _show_sources(package: Package, columns: Sequence[Column], *, as_json: bool) -> None:
    if not as_json and terminal.is_terminal():
        from djpkg.render.small_tables import sources_table

        width, ascii_only = terminal.width(), terminal.ascii_only()
        table = sources_table(package, columns, now=options.now(), width=width, ascii_only=ascii_only)
        terminal.print_renderable(table)
        return
    origins = {column.key: _origin_to_json(package, column.field.name) for column in columns}
    if as_json:
        # A fetch's `asked` is a number of packages.
        sources = [
            {"requested" if key == "asked" else key: value for key, value in source._asdict().items() if key != "via"}
            | _via(source.via)
            for source in package.sources
        ]
        slug = package.values["slug"]
        requirements = [one._asdict() for one in package.dependencies.requires] if package.dependencies else []
        output.write_object(
            {
                "schema": SOURCES_SCHEMA,
                "slug": slug,
                "fields": origins,
                "requirements": requirements,
                "sources": sources,
            }
        )
        return
    rows: list[list[Value]] = []
    for column in columns:
        origin = origins[column.key]
        rows.append([column.key, *(origin[name] for name in (*_SOURCES_LINE, "via") if name in origin)])
        if column.field.name == "requires":
            rows += _requirement_rows(package, origin)
    output.write_rows(RowList(("field", *_SOURCES_LINE), rows), "plain")


def _requirement_rows(package: Package, origin: dict[str, Value]) -> Iterator[list[Value]]:
    """Yield a row for each requirement, named as the term that finds it."""
    from djpkg.render.dependencies import requirement_text  # noqa: PLC0415 - for this option alone

    for one in package.dependencies.requires if package.dependencies else ():
        values = origin | {"value": requirement_text(one)}
        yield [f"requires:{one.slug}", *(values[name] for name in (*_SOURCES_LINE, "via") if name in values)]


def _origin_to_json(package: Package, name: str) -> dict[str, Value]:
    """Return a field's value and its origin.

    `source` is the name of a source, ``you`` for an edited value, or ``djpkg`` for a value that djpkg keeps itself;
    `answered` is the time of that source's last answer, or of the edit. `upstream`, its source and its time are null
    for a field that is not edited. `via` is only there if the answer of the source came in a snapshot.
    """
    origin, upstream = package.origins[name], package.upstream_origins.get(name)
    return {
        "value": package.values[name],
        "source": origin.source,
        "answered": origin.at,
        "edited": upstream is not None,
        "upstream": package.upstream.get(name),
        "upstream_source": upstream.source if upstream else None,
        "upstream_answered": upstream.at if upstream else None,
        **_via((upstream or origin).via),
    }


def _via(made: str | None) -> dict[str, str]:
    return {"via": describe_via(made)} if made else {}


def _draw_fields(mirror: sqlite3.Connection, number: int, columns: Sequence[Column]) -> None:
    from djpkg.render.small_tables import values_table

    values = read.get_values(mirror, number, (*columns, *known_values.NEEDED_COLUMNS), now=options.now())
    width, ascii_only = terminal.width(), terminal.ascii_only()
    terminal.print_renderable(values_table(values, columns, now=options.now(), width=width, ascii_only=ascii_only))


def _draw_card(package: Package, db: Path | None) -> None:
    from djpkg.render.card import card

    if package.suggestion is not None:
        from djpkg.cli.suggested_command import edit_command  # noqa: PLC0415 - rare

        command = edit_command(package.values, [f"repo_url={package.suggestion}"], db)
        suggestion = f"the project names another repository, {package.suggestion}; to follow it: {command}"
        package = package._replace(suggestion=suggestion)
    width, links, ascii_only = terminal.width(), terminal.supports_links(), terminal.ascii_only()
    terminal.print_renderable(card(package, now=options.now(), width=width, links=links, ascii_only=ascii_only))
