"""The window query: the last 52 weeks of commits of up to 25 repositories, page by page.

A history is read from the head that the probe found. `since` filters by committer date; commits are counted by author
date. The whole window is read each time, because a merge can add commits older than the last fetch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from djpkg.errors import SourceError
from djpkg.model import weekly_commits
from djpkg.sources.github.errors import SOURCE
from djpkg.sources.github.graphql import GraphQLResponse, NoResult, request_body, string_literal
from djpkg.sources.github.rest import PER_PAGE, Oid
from djpkg.sources.http import payload
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.sources.github.answers import PendingRepository

MAX_COMMITS = 100_000
"""A response that states more commits in a year is treated as wrong."""

_QUERY = """
query Window($since: GitTimestamp!) {
  rateLimit { limit cost remaining resetAt }
  %s
}
fragment Page on CommitHistoryConnection {
  totalCount
  pageInfo { hasNextPage endCursor }
  nodes { oid authoredDate }
}
"""
_HISTORY = """
  w%(number)d: node(id: %(id)s) {
    ... on Repository {
      object(oid: %(head)s) {
        ... on Commit { oid history(since: $since, first: %(first)d%(after)s) { ...Page } }
      }
    }
  }
"""


class _Commit(msgspec.Struct, rename="camel"):
    oid: Oid
    authored_date: str


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None


class _History(msgspec.Struct, rename="camel"):
    total_count: payload.Count
    page_info: _PageInfo
    nodes: list[_Commit]


class _Head(msgspec.Struct):
    oid: Oid
    history: _History


class _Node(msgspec.Struct):
    object: _Head | None = None


_NODE = msgspec.json.Decoder(_Node)


@dataclass(slots=True, kw_only=True)
class Window:
    """The commits of one repository that were read so far; results that arrive after it is `closed` are ignored."""

    pending: PendingRepository
    total: int | None = None
    days: dict[str, int] = field(default_factory=dict)
    missing_pages: int = 1
    closed: bool = False


class PageRequest(NamedTuple):
    """A request for one page of a window: `offset` commits are before it, `after` is the cursor of the last of them."""

    window: Window
    offset: int = 0
    after: str | None = None


class HistoryPage(NamedTuple):
    """One page of a history: commits per author day, their number, and the cursor of the next page, None at the end."""

    days: dict[str, int]
    size: int
    total: int
    after: str | None


def window_query(requests: Sequence[PageRequest], *, now: datetime) -> bytes:
    """Return the request body for one page of each history."""
    histories = [
        _HISTORY
        % {
            "number": number,
            "id": string_literal(request.window.pending.node_id or ""),
            "head": string_literal(request.window.pending.head),
            "first": PER_PAGE,
            "after": "" if request.after is None else f", after: {string_literal(request.after)}",
        }
        for number, request in enumerate(requests)
    ]
    return request_body(_QUERY % "".join(histories), since=format_time(weekly_commits.window_start(now)))


def parse_window(
    response: GraphQLResponse, requests: Sequence[PageRequest], *, now: datetime
) -> list[HistoryPage | NoResult | SourceError]:
    """Return the page of each history, why it is missing, or the error in it. An incomplete page is UNANSWERED."""
    results = response.results([(f"w{number}",) for number in range(len(requests))])
    return [_parse_page(raw, request, now=now) for raw, request in zip(results, requests, strict=True)]


def next_pages(request: PageRequest, page: HistoryPage) -> list[PageRequest]:
    """Return the requests for what follows a page.

    GitHub's cursors contain the number of the commit, so the other cursors can be computed from the first page, and the
    pages can share a query; `_is_complete` checks the cursors. With other cursors there is one request at a time.
    """
    offset = request.offset + page.size
    if page.after is None or (request.offset and _has_numbered_cursor(request)):
        return []
    following = PageRequest(request.window, offset, page.after)
    if not _has_numbered_cursor(following):
        return [following]
    head = request.window.pending.head
    starts = range(offset, page.total, PER_PAGE)
    return [PageRequest(request.window, start, _numbered_cursor(head, start)) for start in starts]


def _parse_page(
    raw: msgspec.Raw | NoResult, request: PageRequest, *, now: datetime
) -> HistoryPage | NoResult | SourceError:
    if isinstance(raw, NoResult):
        return raw
    try:
        head = payload.decode_json(_NODE, raw, source=SOURCE).object
        if head is None:
            return NoResult.UNCLEAR  # a force push since the probe, or missing from the response
        if not _is_complete(head, request):
            return NoResult.UNANSWERED
        commits, info = head.history.nodes, head.history.page_info
        dates = (payload.parse_moment(commit.authored_date, source=SOURCE) for commit in commits)
        return HistoryPage(
            days=weekly_commits.commits_by_day(dates, now=now),
            size=len(commits),
            total=head.history.total_count,
            after=info.end_cursor if info.has_next_page else None,
        )
    except SourceError as error:
        return error


def _is_complete(head: _Head, request: PageRequest) -> bool:
    """Return whether a page has all its commits: GitHub sometimes omits some without an error.

    The first page starts with the head if that is in the window; the total decides how many commits each page has.
    """
    total, commits, info = head.history.total_count, head.history.nodes, head.history.page_info
    pending = request.window.pending
    if head.oid != pending.head or total > MAX_COMMITS or request.window.total not in {None, total}:
        return False
    if request.after is None and pending.head_at is not None and (not commits or commits[0].oid != head.oid):
        return False
    end = request.offset + len(commits)
    if len(commits) != min(PER_PAGE, total - request.offset) or info.has_next_page != (end < total):
        return False
    if not info.has_next_page:
        return True
    if request.offset and _has_numbered_cursor(request):
        return info.end_cursor == _numbered_cursor(pending.head, end)
    return info.end_cursor not in {None, request.after}


def _has_numbered_cursor(request: PageRequest) -> bool:
    return request.after == _numbered_cursor(request.window.pending.head, request.offset)


def _numbered_cursor(head: str, offset: int) -> str:
    """Return the cursor after the first `offset` commits, as GitHub writes it: head and index of the last one."""
    return f"{head} {offset - 1}"
