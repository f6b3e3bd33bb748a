"""Weekly commits and authors, counted from the commits themselves.

For forges that can neither filter commits by date nor list contributors (Bitbucket, Forgejo). Pages are read, newest
first, until one is wholly older than the window.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from djpkg import times
from djpkg.model.facts import WeeksFacts
from djpkg.model.lookups import NO_HEAD, Head
from djpkg.model.weekly_commits import commits_by_day, window_start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from djpkg.sources.rest_forge.lookup import RepositoryLookup


class Commit(NamedTuple):
    """One commit: its dates (aware; equal where the forge has only one) and the name of its author."""

    oid: str
    committed: datetime
    authored: datetime
    author: str


def find_head(first_page: Sequence[Commit]) -> Head:
    """Return the head of a branch from its first page of commits."""
    if not first_page:
        return NO_HEAD
    return Head(first_page[0].oid, times.format_time(first_page[0].committed))


async def read_commits(
    lookup: RepositoryLookup, head: Head, first_page: Sequence[Commit], later_pages: AsyncIterator[Sequence[Commit]]
) -> None:
    """Set the weeks and contributors of `lookup`, as far as they are needed.

    Requests none of `later_pages` when the head did not move. Raises UnexpectedPayload when pages repeat, and whatever
    reading a page raises.
    """
    needed = lookup.find_needed(head, cached=False)
    if head.oid is None or not (needed.commits or needed.contributors):
        return
    commits = {commit.oid: commit for commit in first_page}
    page = first_page
    while not _is_before(page, window_start(lookup.now)):
        page = await anext(later_pages, [])  # a tuple as the default breaks CPython 3.11
        # A push between two requests shifts commits to the next page, so that pages may overlap.
        fresh = [commit for commit in page if commit.oid not in commits]
        if page and not fresh:
            raise lookup.unexpected("the commit pages repeat")
        commits |= {commit.oid: commit for commit in fresh}
    if needed.commits:
        dates = (commit.authored for commit in commits.values())
        lookup.weeks = WeeksFacts(head=head.oid, days=commits_by_day(dates, now=lookup.now))
    if needed.contributors:
        authors = Counter(commit.author for commit in commits.values())
        lookup.set_contributors(head.oid, (author for author, _ in authors.most_common()), whole=False)


def _is_before(page: Sequence[Commit], start: datetime) -> bool:
    """Return whether every commit of a page is older than the window; true for an empty page."""
    return all(commit.committed < start for commit in page)
