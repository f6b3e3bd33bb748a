"""What of a repository is asked for again once its head is known, as tables of values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from djpkg.model.facts import WeeksFacts
from djpkg.model.freshness import needs_contributors, needs_window, weeks_without_asking
from djpkg.model.weekly_commits import window_start
from djpkg.times import stamp

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
START = window_start(NOW)
HEAD, OLDER = "a" * 40, "b" * 40
SECOND = timedelta(seconds=1)


def text(moment: datetime | None) -> str | None:
    return stamp(moment) if moment else None


@pytest.mark.parametrize(
    ("head", "head_at", "weeks_head", "window", "known"),
    [
        (HEAD, NOW, None, True, None),
        (HEAD, NOW, OLDER, True, None),
        (HEAD, NOW, HEAD, False, None),
        (HEAD, START, OLDER, True, None),
        (HEAD, START - SECOND, OLDER, False, WeeksFacts(head=HEAD, days={})),
        (HEAD, START - SECOND, None, False, WeeksFacts(head=HEAD, days={})),
        (HEAD, START - SECOND, HEAD, False, None),
        (HEAD, None, OLDER, True, None),
        (HEAD, None, HEAD, False, None),
        (HEAD, NOW + timedelta(days=900), OLDER, True, None),
        (None, None, None, False, WeeksFacts(head="", days={})),
        (None, None, HEAD, False, WeeksFacts(head="", days={})),
        (None, None, "", False, None),
        (HEAD, NOW, "", True, None),
    ],
)
def test_the_window_is_asked_for_where_the_head_moved_within_it(
    head: str | None,
    head_at: datetime | None,
    weeks_head: str | None,
    *,
    window: bool,
    known: WeeksFacts | None,
) -> None:
    asked = needs_window(head, text(head_at), weeks_head=weeks_head, now=NOW)
    follows = weeks_without_asking(head, text(head_at), weeks_head=weeks_head, now=NOW)
    assert (asked, follows) == (window, known)
    assert not (asked and follows)


DAY = timedelta(days=1)
LONG_AGO = NOW - 30 * DAY


@pytest.mark.parametrize(
    ("head", "head_at", "own", "taken", "catalog_updated", "asked"),
    [
        # nobody has a list
        (HEAD, LONG_AGO, None, None, None, True),
        (HEAD, LONG_AGO, OLDER, LONG_AGO - DAY, None, True),
        # the catalog's belongs to the head, or not
        (HEAD, LONG_AGO, None, None, LONG_AGO, False),
        (HEAD, LONG_AGO, OLDER, LONG_AGO - DAY, LONG_AGO, False),
        (HEAD, LONG_AGO, None, None, LONG_AGO - SECOND, True),
        (HEAD, None, None, None, None, True),
        # our own does, and had time to settle
        (HEAD, LONG_AGO, HEAD, LONG_AGO + DAY, None, False),
        (HEAD, LONG_AGO, HEAD, LONG_AGO + 5 * DAY, None, False),
        # taken within a day of the head: once more, a day later
        (HEAD, LONG_AGO, HEAD, LONG_AGO + DAY - SECOND, None, True),
        (HEAD, LONG_AGO, HEAD, LONG_AGO, None, True),
        (HEAD, NOW - DAY, HEAD, NOW - DAY, None, True),
        (HEAD, NOW - DAY + SECOND, HEAD, NOW - DAY + SECOND, None, False),
        # a head that bears a date after the list was taken says nothing of caches
        (HEAD, LONG_AGO, HEAD, LONG_AGO - SECOND, None, False),
        (HEAD, LONG_AGO, HEAD, None, None, False),
        (HEAD, None, HEAD, LONG_AGO, None, False),
        # an empty repository has no contributors
        (None, None, None, None, None, False),
    ],
)
def test_contributors_are_asked_for_where_no_list_belongs_to_the_head(
    head: str | None,
    head_at: datetime | None,
    own: str | None,
    taken: datetime | None,
    catalog_updated: datetime | None,
    *,
    asked: bool,
) -> None:
    answer = needs_contributors(
        head,
        text(head_at),
        contributors_head=own,
        contributors_taken=text(taken),
        catalog_updated=text(catalog_updated),
        now=NOW,
    )
    assert answer is asked


def test_a_list_taken_too_early_is_taken_once_more_and_then_left_alone() -> None:
    head_at, asked_at = LONG_AGO, []
    taken = head_at + timedelta(hours=1)
    now = taken
    while now < head_at + 10 * DAY:
        if needs_contributors(
            HEAD, text(head_at), contributors_head=HEAD, contributors_taken=stamp(taken), catalog_updated=None, now=now
        ):
            taken = now
            asked_at.append(now)
        now += timedelta(hours=1)
    assert asked_at == [head_at + timedelta(hours=25)]
