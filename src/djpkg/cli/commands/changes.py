"""``djpkg changes``: events that fetches recorded."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, output, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db, Limit
from djpkg.cli.term_arguments import TermCommand
from djpkg.errors import UsageError
from djpkg.mirror import fetch_history
from djpkg.mirror.events import Change, find_changes
from djpkg.model.event_names import EVENTS
from djpkg.model.package import package_url
from djpkg.query import date_ranges, parser
from djpkg.render import abbreviate
from djpkg.render.rows import RowList
from djpkg.text import quote_input
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from djpkg.mirror.damage import DamagedRow

DEFAULT_SINCE = "30d"
LAST_FETCH = "last-fetch"
SCHEMA = 1
# The values of a line, and the keys of an event in JSON.
_KEYS = ("at", "slug", "event", "old", "new")

app = options.new_app()


@app.command(
    cls=TermCommand,
    epilog=options.examples(
        "djpkg changes --since 7d",
        "djpkg changes django-todo --since 2025",
        "djpkg changes -r requirements.txt --since last-fetch",
        "djpkg changes is:active --event archived,gone",
        "djpkg changes --since 1d --json | jq -r '.events[].slug'",
        more=f"Events: {', '.join(EVENTS[:-1])} and {EVENTS[-1]}."
        " A pipe gets one line each, with tabs: time, slug, event, old value, new value."
        " last-fetch: what was found after the fetch --all before the last one. Only those of all sources that ended"
        " with 0 count, so that nothing is missed after djpkg fetch --all && djpkg changes --since last-fetch."
        " Where one forge fails every time, write ; instead of &&: news are then repeated until a fetch ends with 0;"
        " with --since 1d they are those of one day.",
    ),
)
def changes(
    selected: Annotated[list[str] | None, options.selection_argument("Only these packages.")] = None,
    *,
    manifests: Annotated[list[str] | None, options.requirements_option("Only")] = None,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="TIME", help="Start: a date, a time span before now such as 7d or 6m, or last-fetch."
        ),
    ] = DEFAULT_SINCE,
    event_names: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            metavar="NAME,...",
            help="Only these events. Repeatable.",
            autocompletion=candidates.events,
        ),
    ] = None,
    limit: Limit = None,
    as_json: AsJson = False,
    as_atom: Annotated[bool, typer.Option("--atom", help="Print an Atom feed.")] = False,
    db: Db = None,
) -> None:
    """Show what changed between fetches.

    Packages that were added or removed, releases, and repositories that were archived, moved or deleted; newest first.
    """
    options.check_exclusive(json=as_json, atom=as_atom)
    now = options.now()
    start = None if since.strip() == LAST_FETCH else format_time(_parse_since(since, now=now))
    names = _parse_events(event_names or ())
    chosen, files = selection.parse_selection(selected, manifests)
    damaged: list[DamagedRow] = []
    max_rows = options.row_limit(limit, machine_readable=as_json or as_atom)
    with options.read_mirror(db, missing="no changes are known", named=chosen.is_named) as mirror:
        if files is not None:
            selection.report(mirror, files, quiet=not terminal.stderr_is_terminal())
        last = fetch_history.find_last_but_one(mirror) if start is None else None
        found = find_changes(
            mirror,
            since=start,
            after=last,
            packages=selection.find_ids(mirror, chosen) if chosen.is_given else None,
            names=names,
            # One more row than is printed shows whether there are more.
            limit=max_rows + 1 if max_rows else 0,
            damaged=damaged,
        )
    shown = found[:max_rows] if max_rows else found
    rows = [(one.at, one.slug, one.event, one.old, one.new) for one in shown]
    if as_json:
        output.write_object({"schema": SCHEMA, "events": [dict(zip(_KEYS, row, strict=True)) for row in rows]})
    elif as_atom:
        files_read = [f"--in {name}" for name in manifests or ()]
        private = {*files_read, *(word for word in selected or () if parser.is_private(word))}
        words = [*(selected or ()), *files_read, *(f"--event {name}" for name in names)]
        _write_feed(shown, words, private, now=now)
    elif not terminal.is_terminal():
        output.write_rows(RowList(_KEYS, rows), "plain")
    elif shown:
        from djpkg.render.small_tables import events_table

        width, ascii_only = terminal.width(), terminal.ascii_only()
        terminal.print_renderable(events_table(rows, now=now, width=width, ascii_only=ascii_only))
    else:
        begin = start or (last.finished if last is not None else None)
        terminal.write_stderr(f"nothing changed since {begin}" if begin else "nothing changed so far")
    output.report_damaged(damaged)
    if len(found) > len(shown) and terminal.stderr_is_terminal():
        terminal.flush()
        terminal.write_stderr(f"showing the newest {len(shown)}; -n 0 shows all")


def _parse_since(text: str, *, now: datetime) -> datetime:
    period = None if text.strip().startswith("-") else date_ranges.parse_date_range(text.strip(), now=now)
    if period is None:
        name = text.strip().lower().replace("_", "-")
        hint = f"did you mean {LAST_FETCH}?" if get_close_matches(name, [LAST_FETCH], cutoff=0.6) else None
        raise UsageError(
            f"invalid --since {quote_input(text)}; use {LAST_FETCH}, {date_ranges.DATE_FORMATS}", hint=hint
        )
    if period.first > now:
        raise UsageError(f"--since {quote_input(text)} is in the future", hint=f"for example: --since {DEFAULT_SINCE}")
    return period.first


def _write_feed(
    changes: Sequence[Change], selection_words: Sequence[str], private: Collection[str], *, now: datetime
) -> None:
    from djpkg.render.atom import FeedEvent, render_feed  # noqa: PLC0415 - for this option alone

    events = [
        FeedEvent(
            change.at,
            change.package,
            change.slug,
            abbreviate.safe_link(package_url(change.slug)),
            change.event,
            change.old,
            change.new,
        )
        for change in changes
    ]
    feed = render_feed(events, selection=selection_words, private=private, updated=format_time(now))
    terminal.write_stdout(feed)


def _parse_events(texts: Iterable[str]) -> list[str]:
    """Return the names in texts such as ``"archived,gone"``, each once.

    UsageError for an unknown name, with the nearest one, and for a text without a name.
    """
    names: list[str] = []
    for text in texts:
        given = [name for name in (part.strip().lower() for part in text.split(",")) if name]
        if not given:
            raise UsageError("--event needs at least one name", hint=_all_events())
        names += given
    for name in names:
        if name not in EVENTS:
            raise UsageError(f"unknown event {quote_input(name)}", hint=_nearest_event(name))
    return list(dict.fromkeys(names))


def _nearest_event(name: str) -> str:
    near = get_close_matches(name, EVENTS, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else _all_events()


def _all_events() -> str:
    return f"use one of: {', '.join(EVENTS)}"
