"""Decide which parts of a repository are fetched again, and when the catalog's list is due.

The rules are the same for every forge.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.model import weekly_commits
from djpkg.model.facts import WeeksFacts
from djpkg.times import is_same_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.model.fetch_state import Sweep
    from djpkg.model.lookups import Head, RepositoryTarget

# Forges cache their lists of contributors for hours (GitHub REST: "a few hours old"). A list read within a day of the
# head's date may lack the head's author, so it is read once more a day later.
CONTRIBUTORS_SETTLE = timedelta(days=1)
# The whole catalog list is read once a day.
SWEEP_AGE = timedelta(days=1)


def weeks_from_head(target: RepositoryTarget, head: Head, *, now: datetime) -> WeeksFacts | None:
    """Return zero commits where the head is older than the window or missing.

    None where the commits must be fetched (`needs_commits`) or where the stored weeks belong to the head already.
    """
    if head.oid is None:
        return WeeksFacts(head="", days={}) if target.weeks_head != "" else None
    moment = parse_time(head.at)
    if head.oid != target.weeks_head and moment is not None and moment < weekly_commits.window_start(now):
        return WeeksFacts(head=head.oid, days={})
    return None


def needs_commits(target: RepositoryTarget, head: Head, *, now: datetime) -> bool:
    """Return whether the commits of the window must be fetched: the head changed and lies within the window.

    All of them, not only those since the last fetch: a late merge adds commits with older dates.
    """
    if head.oid is None or head.oid == target.weeks_head:
        return False
    moment = parse_time(head.at)
    return moment is None or moment >= weekly_commits.window_start(now)


def needs_contributors(target: RepositoryTarget, head: Head, *, now: datetime, cached: bool = True) -> bool:
    """Return whether the contributors must be fetched: neither the stored list nor the catalog's belongs to the head.

    The catalog's list belongs to the head when `catalog_updated` is the head's date. `cached` means that the forge's
    own list may be older than the head.
    """
    if head.oid is None:
        return False
    if target.contributors_head == head.oid:
        taken, moment = parse_time(target.contributors_taken), parse_time(head.at)
        if not cached or taken is None or moment is None:
            return False
        return timedelta() <= taken - moment < CONTRIBUTORS_SETTLE <= now - taken
    return not is_same_time(target.catalog_updated, head.at)


def needs_sweep(last: Sweep | None, *, now: datetime) -> bool:
    """Return whether the whole list is due: never read completely, not for a day, or (clock changed) in the future."""
    return last is None or not timedelta() <= now - last.completed < SWEEP_AGE


def reaches_known_id(ids: Iterable[int], mark: int | None) -> bool:
    """Return whether a page, newest first, reaches ids of the last sweep; the pages after it are known."""
    return mark is not None and any(number <= mark for number in ids)
