"""What of a repository is to be asked for again, once its page and its head are known. The same for every forge."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg import weeks
from djpkg.facts import WeeksFacts
from djpkg.times import instant, same_instant

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.facts import RepositoryFacts

# Forges cache their lists of contributors for hours (GitHub REST: "a few hours old"), so a list that was taken within a
# day of the head's date may lack the head's author: it is taken once more a day later.
CONTRIBUTORS_SETTLE = timedelta(days=1)


def weeks_without_asking(page: RepositoryFacts, *, weeks_head: str | None, now: datetime) -> WeeksFacts | None:
    """The weeks that follow from the head alone: none at all where it lies before the window, or where there is no
    head.

    None where the window must be asked for, or where the stored weeks belong to the head already.
    """
    if page.head is None:
        return WeeksFacts(head="", days={}) if weeks_head != "" else None
    head_at = instant(page.head_at)
    if page.head != weeks_head and head_at is not None and head_at < weeks.window_start(now):
        return WeeksFacts(head=page.head, days={})
    return None


def needs_window(page: RepositoryFacts, *, weeks_head: str | None, now: datetime) -> bool:
    """Whether the commits of the window must be asked for: the head moved and lies within the window.

    Never incrementally by date: a late merge brings in commits older than the last asking.
    """
    if page.head is None or page.head == weeks_head:
        return False
    head_at = instant(page.head_at)
    return head_at is None or head_at >= weeks.window_start(now)


def needs_contributors(
    page: RepositoryFacts,
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
    if page.head is None:
        return False
    if contributors_head == page.head:
        taken, head_at = instant(contributors_taken), instant(page.head_at)
        if taken is None or head_at is None:
            return False
        return timedelta() <= taken - head_at < CONTRIBUTORS_SETTLE <= now - taken
    return not same_instant(catalog_updated, page.head_at)
