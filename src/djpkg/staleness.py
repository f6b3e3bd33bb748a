"""What of a repository is to be asked for again, once its head is known. The same for every forge.

A head is a commit's id, None in an empty repository, and its date as a text.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg import weeks
from djpkg.facts import WeeksFacts
from djpkg.times import instant, same_instant

if TYPE_CHECKING:
    from datetime import datetime

# Forges cache their lists of contributors for hours (GitHub REST: "a few hours old"), so a list that was taken within a
# day of the head's date may lack the head's author: it is taken once more a day later.
CONTRIBUTORS_SETTLE = timedelta(days=1)


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
    if head != weeks_head and moment is not None and moment < weeks.window_start(now):
        return WeeksFacts(head=head, days={})
    return None


def needs_window(head: str | None, head_at: str | None, *, weeks_head: str | None, now: datetime) -> bool:
    """Whether the commits of the window must be asked for: the head moved and lies within the window.

    Never incrementally by date: a late merge brings in commits older than the last asking.
    """
    if head is None or head == weeks_head:
        return False
    moment = instant(head_at)
    return moment is None or moment >= weeks.window_start(now)


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
