"""Which parts of a repository must be fetched again once its head is known, and when the catalog's list is due.

The rules are the same for every forge. A head is a commit's id, None in an empty repository, and its date as a text.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.model import weekly_commits
from djpkg.model.facts import WeeksFacts
from djpkg.times import instant, same_instant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.model.fetch_state import Sweep

# Forges cache their lists of contributors for hours (GitHub REST: "a few hours old"), so a list that was taken within a
# day of the head's date may lack the head's author: it is taken once more a day later.
CONTRIBUTORS_SETTLE = timedelta(days=1)
# The whole catalog list is read once a day.
SWEEP_AGE = timedelta(days=1)


def weeks_without_asking(
    head: str | None, head_at: str | None, *, weeks_head: str | None, now: datetime
) -> WeeksFacts | None:
    """The weeks that follow from the head alone: none at all where it lies before the window, or where there is no
    head.

    None where the window must be asked for, or where the stored weeks belong to the head already.
    """
    if head is None:
        return WeeksFacts(head="", days={}) if weeks_head != "" else None
    moment = instant(head_at)
    if head != weeks_head and moment is not None and moment < weekly_commits.window_start(now):
        return WeeksFacts(head=head, days={})
    return None


def needs_window(head: str | None, head_at: str | None, *, weeks_head: str | None, now: datetime) -> bool:
    """Whether the commits of the window must be asked for: the head moved and lies within the window.

    Never incrementally by date: a late merge brings in commits older than the last asking.
    """
    if head is None or head == weeks_head:
        return False
    moment = instant(head_at)
    return moment is None or moment >= weekly_commits.window_start(now)


def needs_contributors(
    head: str | None,
    head_at: str | None,
    *,
    contributors_head: str | None,
    contributors_taken: str | None,
    catalog_updated: str | None,
    now: datetime,
) -> bool:
    """Whether the contributors must be asked for: the stored list does not belong to the head, nor does the catalog's.

    `catalog_updated` is the catalog's `last_updated` where it has a list of participants: the list belongs to the head
    when that is the head's date.
    """
    if head is None:
        return False
    if contributors_head == head:
        taken, moment = instant(contributors_taken), instant(head_at)
        if taken is None or moment is None:
            return False
        return timedelta() <= taken - moment < CONTRIBUTORS_SETTLE <= now - taken
    return not same_instant(catalog_updated, head_at)


def needs_sweep(last: Sweep | None, *, now: datetime) -> bool:
    """Whether the whole list is due: it was never read to its end, that is a day ago, or lies in the future."""
    return last is None or not timedelta() <= now - last.completed < SWEEP_AGE


def reaches_known(ids: Iterable[int], mark: int | None) -> bool:
    """Whether a page, newest first, holds a package that the last sweep had: what follows is known."""
    return mark is not None and any(number <= mark for number in ids)
