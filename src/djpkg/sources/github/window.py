"""The window: the histories of repositories whose head moved, 25 in a query, page by page.

A history is read below the head that the probe found, by committer date, as `since` works, and counted by author date.
Never only since the last time: a late merge brings in commits that are older.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from djpkg.errors import SourceError
from djpkg.model import weekly_commits
from djpkg.sources.github.errors import SOURCE
from djpkg.sources.github.graphql import RATE, Answered, Gap, quote, write_query
from djpkg.sources.github.rest import Oid  # noqa: TC001 - msgspec reads it
from djpkg.sources.http import payload
from djpkg.times import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.sources.github.answers import Pending

PER_PAGE = 100
MAX_COMMITS = 100_000
"""A history that claims to have more in a year is not believed."""

_COMMITS = "totalCount pageInfo{hasNextPage endCursor} nodes{oid authoredDate}"


class _Commit(msgspec.Struct, rename="camel", gc=False):
    oid: Oid
    authored_date: str


class _PageInfo(msgspec.Struct, rename="camel", gc=False):
    has_next_page: bool
    end_cursor: str | None


class _History(msgspec.Struct, rename="camel", gc=False):
    total_count: payload.Count
    page_info: _PageInfo
    nodes: list[_Commit]


class _Below(msgspec.Struct, gc=False):
    oid: Oid
    history: _History


class _Node(msgspec.Struct, gc=False):
    object: _Below | None = None


_NODE = msgspec.json.Decoder(_Node)


@dataclass(slots=True, kw_only=True)
class Window:
    """What is read so far of one repository's window; `lacks` counts the pages that are still to come.

    Once it is `closed`, what still comes of it is of no use.
    """

    pending: Pending
    total: int | None = None
    days: dict[str, int] = field(default_factory=dict)
    lacks: int = 1
    closed: bool = False


class WindowAsk(NamedTuple):
    """One page of a window to be asked for: `had` commits come before it, `after` is the cursor of the last of them."""

    window: Window
    had: int = 0
    after: str | None = None


class HistoryPage(NamedTuple):
    """One page of a history; `after` is where the next one begins, None where there is none."""

    days: dict[str, int]
    received: int
    total: int
    after: str | None


def write_window(asks: Sequence[WindowAsk], *, now: datetime) -> bytes:
    """A request for one page of the history of each repository, the first one or a further one."""
    aliases = "".join(
        f"w{number}:node(id:{quote(ask.window.pending.node_id or '')}){{...on Repository{{"
        f"object(oid:{quote(ask.window.pending.head)}){{...on Commit{{oid history(since:$since,first:{PER_PAGE}"
        f"{'' if ask.after is None else ',after:' + quote(ask.after)}){{{_COMMITS}}}}}}}}}}}"
        for number, ask in enumerate(asks)
    )
    since = stamp(weekly_commits.window_start(now))
    return write_query(f"query Window($since:GitTimestamp!){{{RATE} {aliases}}}", since=since)


def read_window(
    answered: Answered, asks: Sequence[WindowAsk], *, now: datetime
) -> list[HistoryPage | Gap | SourceError]:
    """The page of the history of each repository; one that lacks a commit counts as not answered."""
    found = answered.pick([(f"w{number}",) for number in range(len(asks))])
    return [_read(one, ask, now=now) for one, ask in zip(found, asks, strict=True)]


def following(ask: WindowAsk, page: HistoryPage) -> list[WindowAsk]:
    """The asks for what comes behind a page.

    Where cursors count, as GitHub's do so far, those of all further pages are known with the first one, and 25 of them
    share a query; each is checked against what the page before it says. Else there is one at a time.
    """
    had = ask.had + page.received
    if page.after is None or (ask.had and _counts(ask)):
        return []
    following = WindowAsk(ask.window, had, page.after)
    if not _counts(following):
        return [following]
    head = ask.window.pending.head
    return [WindowAsk(ask.window, place, _cursor(head, place)) for place in range(had, page.total, PER_PAGE)]


def _read(raw: msgspec.Raw | Gap, ask: WindowAsk, *, now: datetime) -> HistoryPage | Gap | SourceError:
    if isinstance(raw, Gap):
        return raw
    try:
        below = payload.decode(_NODE, raw, source=SOURCE).object
        if below is None:
            return Gap.UNCLEAR  # pushed over by force since the probe, or left out
        if not _is_whole(below, ask):
            return Gap.UNANSWERED
        nodes = below.history.nodes
        dates = (payload.moment(commit.authored_date, source=SOURCE) for commit in nodes)
        return HistoryPage(
            days=weekly_commits.author_days(dates, now=now),
            received=len(nodes),
            total=below.history.total_count,
            after=below.history.page_info.end_cursor if below.history.page_info.has_next_page else None,
        )
    except SourceError as error:
        return error


def _is_whole(below: _Below, ask: WindowAsk) -> bool:
    """Whether nothing is missing from a page. GitHub has been seen to leave out commits, without an error.

    The first page begins with the head, which lies in the window; each page has what its place in the total asks for.
    """
    total, nodes, info = below.history.total_count, below.history.nodes, below.history.page_info
    pending = ask.window.pending
    if below.oid != pending.head or total > MAX_COMMITS or ask.window.total not in {None, total}:
        return False
    if ask.after is None and pending.head_at is not None and (not nodes or nodes[0].oid != below.oid):
        return False
    had = ask.had + len(nodes)
    if len(nodes) != min(PER_PAGE, total - ask.had) or info.has_next_page != (had < total):
        return False
    if not info.has_next_page:
        return True
    if ask.had and _counts(ask):
        return info.end_cursor == _cursor(pending.head, had)
    return info.end_cursor not in {None, ask.after}


def _counts(ask: WindowAsk) -> bool:
    return ask.after == _cursor(ask.window.pending.head, ask.had)


def _cursor(head: str, had: int) -> str:
    """The cursor of the commit number `had` below `head`, as GitHub writes it: its number from 0 on."""
    return f"{head} {had - 1}"
