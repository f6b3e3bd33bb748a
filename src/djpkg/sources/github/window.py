"""The window: the histories of repositories whose head moved, 25 in a query, page by page.

A history is read below the head that the probe found, by committer date, as `since` works, and counted by author date.
Never only since the last time: a late merge brings in commits that are older.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from djpkg import weeks
from djpkg.errors import SourceError
from djpkg.sources import payload
from djpkg.sources.github.complaints import SOURCE
from djpkg.sources.github.graphql import RATE, Answered, Gap, quote, write
from djpkg.sources.github.rest import Oid  # noqa: TC001 - msgspec reads it
from djpkg.times import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.sources.github.answers import Pending

PER_PAGE = 100
MOST_COMMITS = 100_000
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
    """How far the history of one repository is read: `had` of `total` commits, up to the cursor `after`."""

    pending: Pending
    had: int = 0
    total: int | None = None
    after: str | None = None
    days: dict[str, int] = field(default_factory=dict)


class HistoryPage(NamedTuple):
    """One page of a history; `after` is where the next one begins, None where there is none."""

    days: dict[str, int]
    received: int
    total: int
    after: str | None


def write_window(windows: Sequence[Window], *, now: datetime) -> bytes:
    """A request for one page of the history of each repository, the first one or a further one."""
    aliases = "".join(
        f"w{number}:node(id:{quote(window.pending.node_id or '')}){{...on Repository{{"
        f"object(oid:{quote(window.pending.head)}){{...on Commit{{oid history(since:$since,first:{PER_PAGE}"
        f"{'' if window.after is None else ',after:' + quote(window.after)}){{{_COMMITS}}}}}}}}}}}"
        for number, window in enumerate(windows)
    )
    since = stamp(weeks.window_start(now))
    return write(f"query Window($since:GitTimestamp!){{{RATE} {aliases}}}", since=since)


def read_window(
    answered: Answered, windows: Sequence[Window], *, now: datetime
) -> list[HistoryPage | Gap | SourceError]:
    """The page of the history of each repository; one that lacks a commit counts as not answered."""
    found = answered.pick([(f"w{number}",) for number in range(len(windows))])
    return [_read(one, window, now=now) for one, window in zip(found, windows, strict=True)]


def _read(raw: msgspec.Raw | Gap, window: Window, *, now: datetime) -> HistoryPage | Gap | SourceError:
    if isinstance(raw, Gap):
        return raw
    try:
        below = payload.decode(_NODE, raw, source=SOURCE).object
        if below is None:
            return Gap.UNCLEAR  # pushed over by force since the probe, or left out
        if not _is_whole(below, window):
            return Gap.UNANSWERED
        nodes = below.history.nodes
        dates = (payload.moment(commit.authored_date, source=SOURCE) for commit in nodes)
        return HistoryPage(
            days=weeks.author_days(dates, now=now),
            received=len(nodes),
            total=below.history.total_count,
            after=below.history.page_info.end_cursor if below.history.page_info.has_next_page else None,
        )
    except SourceError as error:
        return error


def _is_whole(below: _Below, window: Window) -> bool:
    """Whether nothing is missing from a page. GitHub has been seen to leave out commits, without an error.

    The first page begins with the head, which lies in the window; each page has what its place in the total asks for.
    """
    total, nodes, info = below.history.total_count, below.history.nodes, below.history.page_info
    if below.oid != window.pending.head or total > MOST_COMMITS or window.total not in {None, total}:
        return False
    if window.total is None and window.pending.head_at is not None and (not nodes or nodes[0].oid != below.oid):
        return False
    more = total - window.had - len(nodes)
    if len(nodes) != min(PER_PAGE, total - window.had) or info.has_next_page != (more > 0):
        return False
    return not info.has_next_page or info.end_cursor not in {None, window.after}
