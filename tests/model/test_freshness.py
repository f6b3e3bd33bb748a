"""Which parts of a repository are fetched again, and when the catalog's list is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from djpkg.model.facts import WeeksFacts
from djpkg.model.fetch_state import Sweep
from djpkg.model.freshness import needs_commits, needs_contributors, needs_sweep, reaches_known_id, weeks_from_head
from djpkg.model.lookups import Head, RepositoryTarget
from djpkg.model.weekly_commits import window_start
from djpkg.times import format_time

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
START = window_start(NOW)
TARGET = RepositoryTarget(coordinate="github.com/a/b", host="github.com", path="a/b")
HEAD, OLDER = "a" * 40, "b" * 40
SECOND = timedelta(seconds=1)


def text(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None


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
def test_commits_are_fetched_when_the_head_changed_within_the_window(
    head: str | None,
    head_at: datetime | None,
    weeks_head: str | None,
    *,
    window: bool,
    known: WeeksFacts | None,
) -> None:
    target, found = replace(TARGET, weeks_head=weeks_head), Head(head, text(head_at))
    due = needs_commits(target, found, now=NOW)
    follows = weeks_from_head(target, found, now=NOW)
    assert (due, follows) == (window, known)
    assert not (due and follows)


DAY = timedelta(days=1)
LONG_AGO = NOW - 30 * DAY


@pytest.mark.parametrize(
    ("head", "head_at", "own", "taken", "catalog_updated", "due"),
    [
        # no list at all
        (HEAD, LONG_AGO, None, None, None, True),
        (HEAD, LONG_AGO, OLDER, LONG_AGO - DAY, None, True),
        # the catalog's list belongs to the head, or not
        (HEAD, LONG_AGO, None, None, LONG_AGO, False),
        (HEAD, LONG_AGO, OLDER, LONG_AGO - DAY, LONG_AGO, False),
        (HEAD, LONG_AGO, None, None, LONG_AGO - SECOND, True),
        (HEAD, None, None, None, None, True),
        # the stored list does, and was read late enough
        (HEAD, LONG_AGO, HEAD, LONG_AGO + DAY, None, False),
        (HEAD, LONG_AGO, HEAD, LONG_AGO + 5 * DAY, None, False),
        # read within a day of the head: once more, a day later
        (HEAD, LONG_AGO, HEAD, LONG_AGO + DAY - SECOND, None, True),
        (HEAD, LONG_AGO, HEAD, LONG_AGO, None, True),
        (HEAD, NOW - DAY, HEAD, NOW - DAY, None, True),
        (HEAD, NOW - DAY + SECOND, HEAD, NOW - DAY + SECOND, None, False),
        # a head dated after the list was read
        (HEAD, LONG_AGO, HEAD, LONG_AGO - SECOND, None, False),
        (HEAD, LONG_AGO, HEAD, None, None, False),
        (HEAD, None, HEAD, LONG_AGO, None, False),
        # an empty repository has no contributors
        (None, None, None, None, None, False),
    ],
)
def test_contributors_are_fetched_when_no_list_belongs_to_the_head(
    head: str | None,
    head_at: datetime | None,
    own: str | None,
    taken: datetime | None,
    catalog_updated: datetime | None,
    *,
    due: bool,
) -> None:
    target = replace(
        TARGET, contributors_head=own, contributors_taken=text(taken), catalog_updated=text(catalog_updated)
    )
    assert needs_contributors(target, Head(head, text(head_at)), now=NOW) is due


def test_a_list_that_is_never_out_of_date_is_read_once_per_head() -> None:
    target = replace(TARGET, contributors_head=HEAD, contributors_taken=text(LONG_AGO))
    found = Head(HEAD, text(LONG_AGO))
    assert needs_contributors(target, found, now=NOW)
    assert not needs_contributors(target, found, now=NOW, cached=False)


def test_a_list_read_too_early_is_read_once_more() -> None:
    head_at, read_at = LONG_AGO, []
    taken = head_at + timedelta(hours=1)
    now = taken
    while now < head_at + 10 * DAY:
        target = replace(TARGET, contributors_head=HEAD, contributors_taken=format_time(taken))
        if needs_contributors(target, Head(HEAD, text(head_at)), now=now):
            taken = now
            read_at.append(now)
        now += timedelta(hours=1)
    assert read_at == [head_at + timedelta(hours=25)]


@pytest.mark.parametrize(
    ("ago", "due"),
    [
        (timedelta(), False),
        (timedelta(hours=23, minutes=59, seconds=59), False),
        (timedelta(days=1), True),
        (timedelta(days=400), True),
        (timedelta(seconds=-1), True),  # the clock went back
        (timedelta(days=-1000), True),
    ],
)
def test_the_list_is_due_once_a_day_whatever_the_clock_did(ago: timedelta, *, due: bool) -> None:
    assert needs_sweep(Sweep(NOW - ago, 5000, 6000), now=NOW) is due


def test_a_list_never_read_completely_is_due() -> None:
    assert needs_sweep(None, now=NOW)


@pytest.mark.parametrize(
    ("ids", "mark", "known"),
    [
        ((9, 8, 7), 7, True),
        ((9, 8, 7), 8, True),
        ((9, 8), 7, False),
        ((5,), 7, True),  # the highest id of the last sweep may be removed
        ((), 7, False),
        ((9, 8), None, False),
        ((), None, False),
    ],
)
def test_paging_stops_at_a_page_with_known_ids(ids: tuple[int, ...], mark: int | None, *, known: bool) -> None:
    assert reaches_known_id(ids, mark) is known
