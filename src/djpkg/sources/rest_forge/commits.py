"""Weeks and authors from the commits themselves, for forges that can neither filter commits by date nor list
contributors (Bitbucket, Forgejo): pages are read, newest first, until one lies wholly before the window.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from djpkg import times
from djpkg.model.facts import WeeksFacts
from djpkg.model.lookups import EMPTY, Head
from djpkg.model.weekly_commits import author_days, window_start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from djpkg.sources.rest_forge.lookup import RepositoryLookup


class Commit(NamedTuple):
    """One commit: both its dates (aware; the same where the forge gives but one) and what its author is called."""

    oid: str
    committed: datetime
    authored: datetime
    author: str


def head_of(commits: Sequence[Commit]) -> Head:
    """The head of a branch whose first page of commits this is."""
    return Head(commits[0].oid, times.stamp(commits[0].committed)) if commits else EMPTY


async def read_history(
    visit: RepositoryLookup, head: Head, first: Sequence[Commit], rest: AsyncIterator[Sequence[Commit]]
) -> None:
    """Says the weeks and the authors of the commits read, as far as they are wanted.

    `first` is the first page of commits, which told the head; no page of `rest` is asked for when the head did not
    move. Raises what reading pages raises, and UnexpectedPayload when a page repeats earlier ones.
    """
    wanted = visit.decide(head, cached=False)
    if head.oid is None or not (wanted.window or wanted.contributors):
        return
    commits = {commit.oid: commit for commit in first}
    last = first
    while not _is_before(last, window_start(visit.now)):
        last = await anext(rest, [])  # a tuple as the default breaks CPython 3.11
        # The branch may grow while it is read, so that a page begins with what the last one ended with.
        fresh = [commit for commit in last if commit.oid not in commits]
        if last and not fresh:
            raise visit.unexpected("the pages of commits repeat themselves")
        commits |= {commit.oid: commit for commit in fresh}
    if wanted.window:
        dates = (commit.authored for commit in commits.values())
        visit.weeks = WeeksFacts(head=head.oid, days=author_days(dates, now=visit.now))
    if wanted.contributors:
        authors = Counter(commit.author for commit in commits.values())
        visit.say_contributors(head.oid, (author for author, _ in authors.most_common()), whole=False)


def _is_before(commits: Sequence[Commit], start: datetime) -> bool:
    """Whether all of a page is older than the window; the end of the list is too."""
    return all(commit.committed < start for commit in commits)
