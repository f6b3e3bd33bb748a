"""``djpkg show``: one package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.completion.candidates import PAGES
from djpkg.cli.options import AsJson, Db, Fields
from djpkg.errors import UsageError
from djpkg.mirror import read
from djpkg.model import fields, forge_servers
from djpkg.render import json
from djpkg.render.escape import plain
from djpkg.text import quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from djpkg.model.fields import Column
    from djpkg.model.package import Package

_WEB = ("-w", "--web")

# Named, because Typer reads what is written in the signature itself more than once.
PackageName = Annotated[
    str,
    typer.Argument(
        metavar="PACKAGE",
        help="An id, slug, catalog address, owner/name, repository or project on PyPI.",
        autocompletion=candidates.when_completing(candidates.packages),
    ),
]
Sources = Annotated[
    bool, typer.Option("--sources", help="Say of each field who stated it, when, and what your edits lie over.")
]
Web = Annotated[
    str | None,
    typer.Option(
        *_WEB,
        metavar="[PAGE]",
        help="Open a page of it in your browser: catalog, repo, pypi or docs; catalog unless said.",
        autocompletion=candidates.when_completing(candidates.pages),
    ),
]

app = options.new_app()


class ShowCommand(options.Command):
    """Lets ``--web`` stand without a value."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # vendored Click's
        """Give it its value in one word with it."""
        takers = {name for one in self.params if not getattr(one, "is_flag", True) for name in one.opts}
        return super().parse_args(ctx, with_page(args, takers=takers - set(_WEB)))


def with_page(args: Sequence[str], *, takers: Collection[str]) -> list[str]:
    """``-w docs`` -> ``--web=docs``, ``-w`` before anything else -> ``--web=catalog``.

    A word behind it that is no page is PACKAGE, unless that is named elsewhere: then it is meant for a page. What
    follows an option in `takers` is its value.
    """
    end = args.index("--") if "--" in args else len(args)
    words = [
        place
        for place, arg in enumerate(args)
        if place > end or (place < end and arg[:1] != "-" and not (place and args[place - 1] in takers))
    ]
    written: list[str] = []
    for place, arg in enumerate(args):
        before = args[place - 1] if 0 < place <= end else ""
        if place < end and arg in _WEB:
            written.append(f"--web={PAGES[0]}")
        elif before in _WEB and place in words and (arg in PAGES or len(words) > 1):
            written[-1] = f"--web={arg}"
        else:
            written.append(arg)
    return written


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
    """Show one package, from the mirror alone."""
    wanted = fields.parse_columns(names) if names is not None else None
    if web is not None:
        _check_page(web, alone=not (as_json or wanted or sources))
    with options.reading(db) as mirror:
        number = options.find_package(mirror, package)
        if web is not None:
            from djpkg.cli import browser  # noqa: PLC0415 - for this option alone

            browser.open_page(mirror, number, web)
        elif sources:
            _show_sources(mirror, number, wanted, as_json=as_json)
        elif as_json or not terminal.is_terminal():
            columns = wanted or (fields.RECORD_COLUMNS if as_json else fields.ALL_COLUMNS)
            values = read.get_values(mirror, number, columns)
            terminal.write_stdout(json.record(values, columns) if as_json else plain(values, columns))
        elif wanted:
            _draw_fields(mirror, number, wanted)
        else:
            _draw(_with_next_step(_package(mirror, number), db))


def _check_page(page: str, *, alone: bool) -> None:
    if page not in PAGES:
        raise UsageError(f"--web takes {', '.join(PAGES[:-1])} or {PAGES[-1]}, not {quote_input(page)}")
    if not alone:
        message = "--web opens a page and prints nothing: --json, --fields and --sources have no place beside it"
        raise UsageError(message)


def _package(mirror: sqlite3.Connection, number: int) -> Package:
    from djpkg.mirror.package import get_package

    return get_package(mirror, number, forges=forge_servers.forge_servers(os.environ))


def _show_sources(mirror: sqlite3.Connection, number: int, columns: Sequence[Column] | None, *, as_json: bool) -> None:
    from djpkg.cli import provenance  # noqa: PLC0415 - rich is for terminals

    package = _package(mirror, number)
    columns = columns or fields.ALL_COLUMNS
    if as_json:
        terminal.write_stdout(provenance.as_json(package, columns))
    elif terminal.is_terminal():
        from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
        from djpkg.render.small_tables import sources_table

        screen.draw(
            sources_table(package, columns, now=options.now(), width=terminal.width(), ascii_only=screen.ascii_only())
        )
    else:
        terminal.write_stdout(provenance.as_lines(package, columns))


def _with_next_step(told: Package, db: Path | None) -> Package:
    """The repository that the project itself names, as a sentence with the command that follows it."""
    if told.suggestion is None:
        return told
    from djpkg.cli.suggested_command import edit_command  # noqa: PLC0415 - rare

    follow = edit_command(told.values, [f"repo_url={told.suggestion}"], db)
    return told._replace(suggestion=f"the project names another repository, {told.suggestion}; to follow it: {follow}")


def _draw_fields(mirror: sqlite3.Connection, number: int, columns: Sequence[Column]) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render import known_figures  # noqa: PLC0415 - as above
    from djpkg.render.small_tables import values_table

    values = read.get_values(mirror, number, (*columns, *known_figures.NEEDED))
    screen.draw(
        values_table(values, columns, now=options.now(), width=terminal.width(), ascii_only=screen.ascii_only())
    )


def _draw(told: Package) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.card import card

    screen.draw(
        card(
            told,
            now=options.now(),
            width=terminal.width(),
            links=screen.links(),
            ascii_only=screen.ascii_only(),
        )
    )
