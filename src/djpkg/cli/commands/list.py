"""``djpkg list``: all packages, or those that match a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from djpkg.cli import options, output, project_files, selection, suggested_command, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsCsv, AsJson, Db, Fields, Limit
from djpkg.cli.term_arguments import WordCommand
from djpkg.errors import UsageError
from djpkg.mirror import listing, resolve
from djpkg.mirror.selection import Selection
from djpkg.model import fields
from djpkg.model.value_counts import ValueCount, count_values
from djpkg.query import parser
from djpkg.render import known_values
from djpkg.render.rows import RowList
from djpkg.text import strip_credentials

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from typer._click.formatting import HelpFormatter

    from djpkg.mirror.damage import DamagedRow
    from djpkg.model.fields import Column
    from djpkg.query.parser import Query, Sort

# The columns of a pipe.
PIPE_COLUMNS = fields.parse_columns("slug,state,stars,updated,commits,version,released,django,description")
_SLUG = fields.parse_columns("slug")
# The similarity of a suggested slug: "djnago-pots" has 0.91 to django-pots and 0.73 to django-pans.
_NEAR = 0.75

# Fields of addresses, and those with the names that a person reads.
_READABLE = {"category": fields.get("category_title"), "grids": fields.get("grid_slugs")}

app = options.new_app()


class ListCommand(WordCommand):
    """A command whose help explains the states."""

    def format_epilog(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override] # see above
        """Write what each state means, before the terms and the examples."""
        with formatter.section("States"):
            formatter.write_dl([(f"is:{state.name}", state.about) for state in parser.STATES])
        super().format_epilog(ctx, formatter)


_TERMS = """A TERM is a word, is:STATE or a filter FIELD:VALUE. Words match slug, title, description, category and
grids. Commas separate alternatives. ^ before any term excludes it, as does - before is: and FIELD:.

Numbers and times take ranges: stars:100.. or released:2025..2026. A time is a date, or a time span before now: 12h, 7d,
2w, 6m, 1y. djpkg fields lists the fields, each with an example.
"""


@app.command(
    cls=ListCommand,
    epilog=options.examples(
        "djpkg list todo",
        "djpkg list stars:100.. updated:6m.. -is:archived",
        "djpkg list state:active grid:forms --sort released",
        "djpkg list django:5.2 license:MIT,BSD -n 10",
        "djpkg list -r requirements.txt is:stale",
        "djpkg list is:active --count license",
        "djpkg list --json | jq '.[].slug'",
        more=_TERMS,
    ),
)
def list_(
    terms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TERM]...",
            help="Words and filters; all must match.",
            autocompletion=candidates.terms,
        ),
    ] = None,
    *,
    sort: Annotated[
        list[str] | None,
        typer.Option(
            "-s",
            "--sort",
            metavar="FIELD,...",
            help="Sort by fields, numbers and times highest first; -FIELD descends, +FIELD ascends.",
            autocompletion=candidates.sorts,
        ),
    ] = None,
    limit: Limit = None,
    as_json: AsJson = False,
    as_lines: Annotated[bool, typer.Option("--jsonl", help="Print one JSON object per line.")] = False,
    as_csv: AsCsv = False,
    as_tsv: Annotated[bool, typer.Option("--tsv", help="Print tab-separated values with a header.")] = False,
    names: Fields = None,
    manifests: Annotated[list[str] | None, options.requirements_option("Only")] = None,
    counted: Annotated[
        str | None,
        typer.Option(
            "--count",
            metavar="FIELD",
            help="Print each value of a field with its number of packages.",
            autocompletion=candidates.columns,
        ),
    ] = None,
    unlisted: Annotated[
        bool, typer.Option("--unlisted", help="With --in: print the dependencies that the catalog does not list.")
    ] = False,
    db: Db = None,
) -> None:
    """List packages: all, or those that match every TERM."""
    output_format = output.choose_format(json=as_json, jsonl=as_lines, csv=as_csv, tsv=as_tsv)
    _check_combination(
        {"--count": counted is not None, "--unlisted": unlisted},
        {"--sort": bool(sort), "--fields": names is not None},
    )
    query = parser.parse_query(terms or (), now=options.now())
    sorts = parser.parse_sort(sort or ())
    selected = fields.parse_columns(names) if names is not None else None
    column = fields.Column(counted, fields.get(counted)) if counted is not None else None
    max_rows = options.row_limit(limit, machine_readable=output_format is not None)
    if unlisted and (terms or not manifests):
        raise UsageError("--unlisted needs --in FILE and no terms", hint="for example: djpkg list -r . --unlisted")
    files = project_files.read_project_files(manifests) if manifests else None
    with options.read_mirror(db) as mirror:
        if unlisted and files is not None:
            project_files.report_files(files)
            unknown = selection.find_unlisted(mirror, files.requirements)
            _print_unlisted(unknown[:limit] if limit else unknown, output_format)
            return
        listing.check_names(mirror, query)
        allowed = None
        if files is not None:
            selection.report(mirror, files)
            allowed = frozenset(selection.find_ids(mirror, Selection(requirements=files.requirements)))
        search = _Search(mirror, sorts, allowed)
        ids = search.find_ids(query, 0 if column else max_rows)
        damaged: list[DamagedRow] = []
        if column is not None:
            _print_counts(mirror, ids, column, damaged, output_format=output_format, limit=max_rows)
        elif output_format is None and terminal.is_terminal():
            _draw(mirror, ids, query, selected, damaged, with_used_by=parser.is_about("used_by", query, sorts))
        else:
            columns = selected or (PIPE_COLUMNS if output_format is None else fields.RECORD_COLUMNS)
            output.write_rows(output.PackageRows(mirror, ids, columns, damaged), output_format or "plain")
        terminal.flush()
        output.report_damaged(damaged)
        _report_hidden(search, query, shown=len(ids), limit=0 if column else max_rows)


def _check_combination(modes: Mapping[str, bool], others: Mapping[str, bool]) -> None:
    """Raise UsageError if an option that prints something else than packages comes with one that is about packages."""
    given = [name for name, is_given in modes.items() if is_given]
    rest = [*given[1:], *(name for name, is_given in others.items() if is_given)]
    if given and rest:
        message = f"{given[0]} and {rest[0]} cannot be used together"
        raise UsageError(message)


def _print_unlisted(names: Sequence[str], output_format: str | None) -> None:
    if output_format == "json":
        output.write_object({"schema": 1, "unlisted": list(names)})
    else:
        output.write_rows(RowList(("name",), [(name,) for name in names]), output_format or "plain")


def _print_counts(
    mirror: sqlite3.Connection,
    ids: Sequence[int],
    column: Column,
    damaged: list[DamagedRow],
    *,
    output_format: str | None,
    limit: int,
) -> None:
    to_terminal = output_format is None and terminal.is_terminal()
    if to_terminal:
        column = fields.Column(column.key, _READABLE.get(column.field.name, column.field))
    rows = listing.get_rows(mirror, ids, (column, *known_values.NEEDED_COLUMNS), damaged, now=options.now())
    counts = count_values(known_values.value(row, column.field.name) for row in rows)
    shown = counts[:limit] if limit else counts
    if output_format == "json":
        output.write_object({"schema": 1, "values": [one._asdict() for one in shown]})
    elif not to_terminal:
        output.write_rows(RowList(ValueCount._fields, shown), output_format or "plain")
    elif shown:
        from djpkg.render.small_tables import counts_table

        width, ascii_only = terminal.width(), terminal.ascii_only()
        terminal.print_renderable(counts_table(shown, column, now=options.now(), width=width, ascii_only=ascii_only))
    if len(counts) > len(shown) and terminal.stderr_is_terminal():
        terminal.flush()
        terminal.write_stderr(f"showing {len(shown)} of {len(counts):,} values; -n 0 shows all")


class _Search(NamedTuple):
    """Runs queries on all packages of the mirror, or only on the `allowed` ids."""

    mirror: sqlite3.Connection
    sorts: tuple[Sort, ...]
    allowed: frozenset[int] | None

    def find_ids(self, query: Query, limit: int) -> list[int]:
        """Return the matching ids in order, at most `limit`; 0 for all."""
        if self.allowed is None:
            return listing.find_ids(self.mirror, query, self.sorts, limit=limit, now=options.now())
        ids = listing.find_ids(self.mirror, query, self.sorts, now=options.now())
        found = [number for number in ids if number in self.allowed]
        return found[:limit] if limit else found

    def count(self, query: Query) -> int:
        """Return the number of matching packages."""
        if self.allowed is None:
            return listing.count(self.mirror, query, now=options.now())
        return len(self.find_ids(query, 0))


def _draw(
    mirror: sqlite3.Connection,
    ids: Sequence[int],
    query: Query,
    columns: Sequence[Column] | None,
    damaged: list[DamagedRow],
    *,
    with_used_by: bool,
) -> None:
    from djpkg.render.table import TABLE_FIELDS, packages_table

    needed = (
        (*columns, *_SLUG, *known_values.NEEDED_COLUMNS) if columns else fields.parse_columns(",".join(TABLE_FIELDS))
    )
    rows = list(listing.get_rows(mirror, ids, needed, damaged, now=options.now()))
    if rows:
        width, ascii_only = terminal.width(), terminal.ascii_only()
        matches = listing.find_name_matches(mirror, ids, query)
        table = packages_table(
            rows,
            columns=columns,
            now=options.now(),
            width=width,
            ascii_only=ascii_only,
            matches=matches,
            with_used_by=with_used_by,
        )
        terminal.print_renderable(table)


def _report_hidden(search: _Search, query: Query, *, shown: int, limit: int) -> None:
    """Report on stderr that nothing matches, and if it is a terminal how many packages limit and `is:active` hide."""
    if not shown:
        _report_no_match(search, query)
    if not terminal.stderr_is_terminal():
        return
    total = search.count(query) if limit and shown == limit else shown
    if total > shown:
        terminal.write_stderr(f"showing {shown} of {total:,}; -n 0 shows all")
    if (active := parser.without_active(query)) is not None:
        others, term = active
        if hidden := search.count(others) - total:
            terminal.write_stderr(f"{hidden:,} hidden by {term}")


def _report_no_match(search: _Search, query: Query) -> None:
    """Report on stderr that nothing matches, with the next step if a word is the reason; without one on a terminal."""
    if hint := _hint_at_word(search, query):
        terminal.write_stderr(f"no packages match; {hint}")
    elif terminal.is_terminal():
        terminal.write_stderr("no packages match")


def _hint_at_word(search: _Search, query: Query) -> str:
    """Return what to type instead of the words that match nothing; an empty text if that is unknown."""
    missing = [word for word in query.words if not word.excluded and not search.count(parser.Query(words=(word,)))]
    for word in missing:
        if "://" in word.text:
            return suggested_command.show_command(strip_credentials(word.text)) + " finds a package by an address"
        if (field := fields.find(word.text)) is not None:
            return f"{word.text} is a field: quote < and >, which a shell takes; for example '{field.example}'"
    if not missing:
        return ""
    others = query._replace(words=tuple(word for word in query.words if word not in missing))
    return resolve.suggest_slugs(
        search.mirror,
        "-".join(query.included_words),
        catalog=selection.addresses().catalog,
        among=frozenset(search.find_ids(others, 0)),
        cutoff=_NEAR,
    )
