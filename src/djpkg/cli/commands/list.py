"""``djpkg list``: all packages, or those that match a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from typer.core import TyperCommand

from djpkg.cli import options, output, project_files, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsCsv, AsJson, Db, Fields, Limit
from djpkg.errors import UsageError
from djpkg.mirror import listing
from djpkg.model import fields
from djpkg.query import parser
from djpkg.render import known_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from typer._click.formatting import HelpFormatter
    from typer._click.shell_completion import CompletionItem

    from djpkg.mirror.damage import DamagedRow
    from djpkg.model.fields import Column
    from djpkg.query.parser import Query, Sort

# The columns of a pipe.
PIPE_COLUMNS = fields.parse_columns("slug,state,stars,updated,commits,version,released,django,description")
_SLUG = fields.parse_columns("slug")

app = options.new_app()


class ListCommand(TyperCommand):
    """A command that accepts terms with a leading minus (`-is:archived`) without a `--` before them."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # vendored Click's
        """Parse the arguments after replacing the minus of such terms by `^`, which has the same meaning."""
        with_value = {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}
        known = {name for param in self.params for name in param.opts} | {"-h"}
        return super().parse_args(ctx, exclude_with_carets(args, with_value=with_value, known=known))

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> list[CompletionItem]:  # type: ignore[override] # see above
        """Return options, and terms with a leading minus."""
        from typer._click.shell_completion import CompletionItem  # noqa: PLC0415 - for completion alone

        items = super().shell_complete(ctx, incomplete)
        if incomplete[:1] == "-" and incomplete[1:2] not in ("", "-"):
            items += [CompletionItem(term) for term in candidates.terms(ctx, incomplete)]
        return items

    def format_epilog(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override] # see above
        """Write what each state means, before the terms and the examples."""
        with formatter.section("States"):
            formatter.write_dl([(f"is:{state.name}", state.about) for state in parser.STATES])
        super().format_epilog(ctx, formatter)


def exclude_with_carets(args: Sequence[str], *, with_value: Collection[str], known: Collection[str]) -> list[str]:
    """Replace the minus of excluding terms by a caret: ``-is:archived`` -> ``^is:archived``.

    `known` are the options, and `with_value` those of them that take the next argument as their value. ``-n10`` is an
    option too, but only where ``10`` is valid for it.
    """
    result: list[str] = []
    is_value = False
    for index, arg in enumerate(args):
        if arg == "--":
            return [*result, *args[index:]]
        is_option = is_value or arg in known or arg[1:2] in ("", "-") or _takes_value(arg[1], arg[2:])
        result.append(arg if is_option or arg[:1] != "-" else f"^{arg[1:]}")
        is_value = not is_value and arg in with_value
    return result


def _takes_value(letter: str, value: str) -> bool:
    """Whether an option takes a value attached to its letter: ``-n10`` does, ``-ninja`` does not."""
    try:
        match letter:
            case "n":
                return value.isascii() and value.isdecimal()
            case "f":
                return bool(fields.parse_columns(value))
            case "s":
                return bool(parser.parse_sort([value]))
            case "r":
                return project_files.exists(value)
    except UsageError:
        pass
    return False


_TERMS = """A TERM is a word, is:STATE or a filter FIELD:VALUE. Words match slug, title, description, category and
grids. Commas separate alternatives; a leading - or ^ excludes.

Numbers and times take ranges: stars:100.. or released:2025..2026. A time is a date, or a time span before now: 12h, 7d,
2w, 6m, 1y. djpkg fields lists the fields, each with an example.
"""


@app.command(
    cls=ListCommand,
    epilog=options.examples(
        "djpkg list todo",
        "djpkg list stars:100.. updated:6m.. -is:archived",
        "djpkg list is:active grid:forms --sort -released",
        "djpkg list django:5.2 license:MIT,BSD -n 10",
        "djpkg list -r requirements.txt is:stale",
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
            help="Sort by fields; -FIELD reverses.",
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
    db: Db = None,
) -> None:
    """List packages: all, or those that match every TERM."""
    output_format = output.choose_format(json=as_json, jsonl=as_lines, csv=as_csv, tsv=as_tsv)
    query = parser.parse_query(terms or (), now=options.now())
    sorts = parser.parse_sort(sort or ())
    selected = fields.parse_columns(names) if names is not None else None
    max_rows = options.row_limit(limit, machine_readable=output_format is not None)
    files = project_files.read_project_files(manifests) if manifests else None
    with options.read_mirror(db) as mirror:
        allowed = frozenset(selection.find_and_report(mirror, files)) if files is not None else None
        search = _Search(mirror, sorts, allowed)
        ids = search.find_ids(query, max_rows)
        damaged: list[DamagedRow] = []
        if output_format is None and terminal.is_terminal():
            _draw(mirror, ids, query, selected, damaged)
        else:
            columns = selected or (PIPE_COLUMNS if output_format is None else fields.RECORD_COLUMNS)
            output.write_rows(output.PackageRows(mirror, ids, columns, damaged), output_format or "plain")
        terminal.flush()
        for message in listing.describe_unknown_names(mirror, query):
            terminal.write_stderr(message)
        output.report_damaged(damaged)
        _report_hidden(search, query, shown=len(ids), limit=max_rows)


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
            rows, columns=columns, now=options.now(), width=width, ascii_only=ascii_only, matches=matches
        )
        terminal.print_renderable(table)


def _report_hidden(search: _Search, query: Query, *, shown: int, limit: int) -> None:
    """Print on stderr, if it is a terminal, how many packages the limit or `is:active` hides."""
    if not terminal.is_stderr_terminal():
        return
    total = search.count(query) if limit and shown == limit else shown
    if total > shown:
        terminal.write_stderr(f"showing {shown} of {total}; -n 0 shows all")
    elif not shown and terminal.is_terminal():
        terminal.write_stderr("no packages match")
    if (active := parser.without_active(query)) is not None:
        others, term = active
        if hidden := search.count(others) - total:
            terminal.write_stderr(f"{hidden} hidden by {term}")
