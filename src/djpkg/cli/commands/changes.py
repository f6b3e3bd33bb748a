"""``djpkg changes``: events that fetches recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, output, selection, terminal
from djpkg.cli.options import AsJson, Db, Limit
from djpkg.cli.term_arguments import TermCommand
from djpkg.errors import UsageError
from djpkg.mirror.events import Change, find_changes
from djpkg.query import date_ranges
from djpkg.render.rows import RowList
from djpkg.text import quote_input
from djpkg.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.mirror.damage import DamagedRow

DEFAULT_SINCE = "30d"

app = options.new_app()


@app.command(
    cls=TermCommand,
    epilog=options.examples(
        "djpkg changes --since 7d",
        "djpkg changes django-todo --since 2025",
        "djpkg changes -r requirements.txt is:archived",
        "djpkg changes --since 1d --json | jq -r '.[].slug'",
        more="Events: added, removed, back, released, yanked, archived, unarchived, moved, gone, blocked,"
        " license and suggested."
        " A pipe gets one line each, with tabs: time, slug, event, old value, new value.",
    ),
)
def changes(
    selected: Annotated[list[str] | None, options.selection_argument("Only these packages.")] = None,
    *,
    manifests: Annotated[list[str] | None, options.requirements_option("Only")] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Start: a date, or a time span before now such as 7d or 6m.")
    ] = DEFAULT_SINCE,
    limit: Limit = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Show what changed between fetches.

    Packages that were added or removed, releases, and repositories that were archived, moved or deleted; newest first.
    """
    start = _parse_since(since, now=options.now())
    chosen, files = selection.parse_selection(selected, manifests)
    damaged: list[DamagedRow] = []
    max_rows = options.row_limit(limit, machine_readable=as_json)
    with options.open_mirror(db) as mirror:
        if files is not None:
            selection.report(mirror, files, quiet=not terminal.stderr_is_terminal())
        ids = selection.find_ids(mirror, chosen) if chosen.is_given else None
        # One more row than is printed shows whether there are more.
        found = find_changes(
            mirror, since=format_time(start), packages=ids, limit=max_rows + 1 if max_rows else 0, damaged=damaged
        )
    shown = found[:max_rows] if max_rows else found
    if as_json or not terminal.is_terminal():
        output.write_rows(RowList(Change._fields, shown), "json" if as_json else "plain")
    elif shown:
        from djpkg.render.small_tables import events_table

        width, ascii_only = terminal.width(), terminal.ascii_only()
        terminal.print_renderable(events_table(shown, now=options.now(), width=width, ascii_only=ascii_only))
    else:
        terminal.write_stderr(f"nothing changed since {format_time(start)}")
    output.report_damaged(damaged)
    if len(found) > len(shown):
        terminal.flush()
        terminal.write_stderr(f"showing the newest {len(shown)}; -n 0 shows all")


def _parse_since(text: str, *, now: datetime) -> datetime:
    period = date_ranges.parse_date_range(text.strip(), now=now)
    if period is None:
        raise UsageError(f"invalid --since {quote_input(text)}; use {date_ranges.DATE_FORMATS}")
    return period.first
