"""``djpkg list``: packages, all or those that match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from typer.core import TyperCommand

from djpkg.cli import options, output, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsCsv, AsJson, Db, Fields, Limit
from djpkg.errors import UsageError
from djpkg.mirror import listing
from djpkg.model import fields
from djpkg.query import parser
from djpkg.render.delimited import tsv_line

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from typer._click.formatting import HelpFormatter
    from typer._click.shell_completion import CompletionItem

    from djpkg.model.fields import Column
    from djpkg.query.parser import Query, Sort

PIPED = fields.parse_columns("slug,repo_watchers,last_updated,commits_last_year,pypi_version,released,repo_description")

app = options.new_app()


class ListCommand(TyperCommand):
    """Lets a term be excluded with a leading minus (`-is:archived`) without a `--` before it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # vendored Click's
        """Write such terms with `^`, which excludes just so and is no option."""
        takers = {name for one in self.params if not getattr(one, "is_flag", True) for name in one.opts}
        alone = {name for one in self.params for name in one.opts} | {"-h"}
        return super().parse_args(ctx, with_carets(args, takers=takers, alone=alone))

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> list[CompletionItem]:  # type: ignore[override]
        """Options, and terms that a minus excludes."""
        from typer._click.shell_completion import CompletionItem  # noqa: PLC0415 - on demand alone

        offered = super().shell_complete(ctx, incomplete)
        if incomplete[:1] == "-" and incomplete[1:2] not in ("", "-"):
            offered += [CompletionItem(term) for term in candidates.terms(ctx, incomplete)]
        return offered

    def format_epilog(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]
        """What the states mean, before the terms and the examples."""
        with formatter.section("States"):
            formatter.write_dl([(f"is:{state.name}", state.about) for state in parser.STATES])
        super().format_epilog(ctx, formatter)


def with_carets(args: Sequence[str], *, takers: Collection[str], alone: Collection[str]) -> list[str]:
    """Write each argument that excludes with a minus as one with a caret: ``-is:archived`` -> ``^is:archived``.

    What follows an option in `takers` is its value. What stands in `alone` is an option; a letter with something behind
    it is one only where that can be its value.
    """
    written: list[str] = []
    value = False
    for place, arg in enumerate(args):
        if arg == "--":
            return [*written, *args[place:]]
        is_option = value or arg in alone or arg[1:2] in ("", "-") or _has_value(arg[1], arg[2:])
        written.append(arg if is_option or arg[:1] != "-" else f"^{arg[1:]}")
        value = not value and arg in takers
    return written


def _has_value(letter: str, value: str) -> bool:
    """Whether ``-n10`` is an option with its value, as ``-ninja`` is none."""
    try:
        match letter:
            case "n":
                return value.isascii() and value.isdecimal()
            case "f":
                return bool(fields.parse_columns(value))
            case "s":
                return bool(parser.parse_sort([value]))
    except UsageError:
        pass
    return False


_TERMS = """A TERM is a word, which is looked for in slug, title, description, category and grids, is: with a state, or
a filter FIELD:VALUE. Commas part values of which one must hold, a leading - or ^ excludes.

Numbers and times take ranges: stars:100.. or released:2025..2026; a time may be a span back from now: 12h, 7d, 2w, 6m,
1y. djpkg fields lists the fields, each with an example.
"""


@app.command(
    cls=ListCommand,
    epilog=options.examples(
        "djpkg list todo",
        "djpkg list stars:100.. updated:6m.. -is:archived",
        "djpkg list is:active grid:forms --sort -released",
        "djpkg list django:5.2 license:MIT,BSD -n 10",
        "djpkg list --in requirements.txt is:stale",
        "djpkg list --json | jq '.[].slug'",
        more=_TERMS,
    ),
)
def list_(
    terms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TERM]...",
            help="Words and filters; all must hold.",
            autocompletion=candidates.when_completing(candidates.terms),
        ),
    ] = None,
    *,
    sort: Annotated[
        list[str] | None,
        typer.Option(
            "-s",
            "--sort",
            metavar="FIELD,...",
            help="Order by fields, each most or newest first; -FIELD turns it.",
            autocompletion=candidates.when_completing(candidates.sorts),
        ),
    ] = None,
    limit: Limit = None,
    as_json: AsJson = False,
    as_lines: Annotated[bool, typer.Option("--jsonl", help="Print one JSON object a line.")] = False,
    as_csv: AsCsv = False,
    as_tsv: Annotated[bool, typer.Option("--tsv", help="Print tab-separated values with a header.")] = False,
    names: Fields = None,
    manifest: Annotated[str | None, options.manifest("Only what")] = None,
    db: Db = None,
) -> None:
    """List packages: all, or those that match every TERM."""
    options.exclude(as_json=as_json, as_jsonl=as_lines, as_csv=as_csv, as_tsv=as_tsv)
    asked = parser.parse_query(terms or (), now=options.now())
    sorts = parser.parse_sort(sort or ())
    wanted = fields.parse_columns(names) if names is not None else None
    rows_wanted = options.row_limit(limit, machine=as_json or as_lines or as_csv or as_tsv)
    required = selection.read(manifest) if manifest is not None else None
    with options.reading(db) as mirror:
        only = frozenset(selection.find_reported(mirror, required)) if required is not None else None
        chosen = _Chosen(mirror, sorts, only)
        ids = chosen.ids(asked, rows_wanted)
        if as_json or as_lines:
            output.write_json(mirror, ids, wanted or fields.RECORD_COLUMNS, array=as_json)
        elif as_csv or as_tsv:
            output.write_sheet(mirror, ids, wanted or fields.RECORD_COLUMNS, comma=as_csv)
        elif terminal.is_terminal():
            _draw(mirror, ids, wanted)
        else:
            for row in listing.get_rows(mirror, ids, wanted or PIPED):
                terminal.write_stdout(tsv_line(row[column.field.name] for column in wanted or PIPED))
        terminal.flush()
        for sentence in listing.unknown_names(mirror, asked):
            terminal.write_stderr(sentence)
        _tell_hidden(chosen, asked, shown=len(ids), limit=rows_wanted)


class _Chosen(NamedTuple):
    """Which packages a query may choose from (`only`; None is all), and in which order it gives them."""

    mirror: sqlite3.Connection
    sorts: tuple[Sort, ...]
    only: frozenset[int] | None

    def ids(self, asked: Query, limit: int) -> list[int]:
        """The first of those that match, all where `limit` is 0."""
        if self.only is None:
            return listing.find_ids(self.mirror, asked, self.sorts, limit=limit)
        found = [number for number in listing.find_ids(self.mirror, asked, self.sorts) if number in self.only]
        return found[:limit] if limit else found

    def count(self, asked: Query) -> int:
        """How many match."""
        return listing.count(self.mirror, asked) if self.only is None else len(self.ids(asked, 0))


def _draw(mirror: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column] | None) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render import known_figures  # noqa: PLC0415 - for tables alone
    from djpkg.render.table import TABLE_FIELDS, packages_table

    needed = (*columns, *known_figures.NEEDED) if columns else fields.parse_columns(",".join(TABLE_FIELDS))
    shown = list(listing.get_rows(mirror, ids, needed))
    if shown:
        screen.draw(
            packages_table(
                shown,
                columns=columns,
                now=options.now(),
                width=terminal.width(),
                ascii_only=screen.ascii_only(),
            )
        )


def _tell_hidden(chosen: _Chosen, asked: Query, *, shown: int, limit: int) -> None:
    """What a limit or `is:active` left out is said, so that a short list is not taken for the whole."""
    total = chosen.count(asked) if limit and shown == limit else shown
    if total > shown:
        terminal.write_stderr(f"{shown} of {total}, -n 0 for all")
    elif not shown and terminal.is_terminal():
        terminal.write_stderr("no package matches")
    everyone = parser.without_active(asked)
    if everyone is not None and (hidden := chosen.count(everyone) - total):
        terminal.write_stderr(f"{hidden} hidden by is:active")
