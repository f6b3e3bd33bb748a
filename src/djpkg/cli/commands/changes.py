"""``djpkg changes``: what fetches found to be new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, output, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db, Limit
from djpkg.errors import UsageError
from djpkg.mirror.events import find_changes
from djpkg.query import date_ranges
from djpkg.render.delimited import tsv_line
from djpkg.text import quote_input
from djpkg.times import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.mirror.events import Change

DEFAULT_SINCE = "30d"

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg changes --since 7d",
        "djpkg changes django-todo --since 2025",
        "djpkg changes --since 1d --json | jq -r '.[].slug'",
        more="Events are added, removed, back, released, yanked, archived, unarchived, moved, gone, blocked and"
        " license. Into a pipe: when, slug, event, what was, what is; one a line, and nothing where there is nothing to"
        " tell.",
    )
)
def changes(
    packages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACKAGE]...",
            help="Of these only; as show takes them.",
            autocompletion=candidates.when_completing(candidates.packages),
        ),
    ] = None,
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From when on: a date, or a span back such as 7d or 6m.")
    ] = DEFAULT_SINCE,
    limit: Limit = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Tell what fetches found to be new.

    Packages that came or went, releases, repositories that were archived, moved or vanished; the newest first.
    """
    moment = _moment(since, now=options.now())
    wanted = options.row_limit(limit, machine=as_json)
    with options.reading(db) as mirror:
        only = [options.find_package(mirror, text) for text in packages] if packages else None
        # One more than is shown tells that there are more.
        found = find_changes(mirror, since=stamp(moment), packages=only, limit=wanted + 1 if wanted else 0)
    shown = found[:wanted] if wanted else found
    if as_json:
        output.write_pages([[json.dumps(one._asdict(), separators=(",", ":")) for one in shown]], array=True)
    elif not terminal.is_terminal():
        for one in shown:
            terminal.write_stdout(tsv_line(one))
    elif shown:
        _draw(shown)
    else:
        terminal.write_stderr(f"nothing changed since {stamp(moment)}")
    if len(found) > len(shown):
        terminal.flush()
        terminal.write_stderr(f"the newest {len(shown)}, -n 0 for all")


def _moment(text: str, *, now: datetime) -> datetime:
    period = date_ranges.parse_date_range(text.strip(), now=now)
    if period is None:
        raise UsageError(f"--since takes {date_ranges.FORMS}, not {quote_input(text)}")
    return period.first


def _draw(shown: Sequence[Change]) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.small_tables import EventRow, events_table

    events = [EventRow(one.at, one.slug, one.event, one.old or "", one.new or "") for one in shown]
    screen.draw(events_table(events, now=options.now(), width=terminal.width(), ascii_only=screen.ascii_only()))
