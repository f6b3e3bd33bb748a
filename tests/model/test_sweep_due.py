from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from djpkg.model.fetch_state import Sweep
from djpkg.model.freshness import needs_sweep, reaches_known

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "due"),
    [
        (timedelta(), False),
        (timedelta(hours=23, minutes=59, seconds=59), False),
        (timedelta(days=1), True),
        (timedelta(days=400), True),
        (timedelta(seconds=-1), True),  # a clock that went back does not freeze the directory
        (timedelta(days=-1000), True),
    ],
)
def test_the_list_is_read_to_its_end_once_a_day_whatever_the_clock_did(ago: timedelta, *, due: bool) -> None:
    assert needs_sweep(Sweep(NOW - ago, 5000, 6000), now=NOW) is due


def test_a_list_that_was_never_read_to_its_end_is_due() -> None:
    assert needs_sweep(None, now=NOW)


@pytest.mark.parametrize(
    ("ids", "mark", "known"),
    [
        ((9, 8, 7), 7, True),
        ((9, 8, 7), 8, True),
        ((9, 8), 7, False),
        ((5,), 7, True),  # the newest of the last sweep may have been taken out since
        ((), 7, False),
        ((9, 8), None, False),
        ((), None, False),
    ],
)
def test_reading_stops_at_a_page_that_holds_what_is_known(
    ids: tuple[int, ...], mark: int | None, *, known: bool
) -> None:
    assert reaches_known(ids, mark) is known
