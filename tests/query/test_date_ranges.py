from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.query import date_ranges
from djpkg.times import format_sortable

NOW = datetime(2026, 3, 31, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025", "2025-01-01T00:00:00.000000Z", "2025-12-31T23:59:59.999999Z"),
        ("2024", "2024-01-01T00:00:00.000000Z", "2024-12-31T23:59:59.999999Z"),
        ("2024-02", "2024-02-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z"),
        ("2025-12-31", "2025-12-31T00:00:00.000000Z", "2025-12-31T23:59:59.999999Z"),
        ("2025-01-01T10:20", "2025-01-01T10:20:00.000000Z", "2025-01-01T10:20:59.999999Z"),
        ("2025-01-01 10:20:30Z", "2025-01-01T10:20:30.000000Z", "2025-01-01T10:20:30.999999Z"),
        ("2025-01-01T10:20:30.5+02:00", "2025-01-01T08:20:30.500000Z", "2025-01-01T08:20:30.599999Z"),
        ("2025-01-01t10:20:30.123456-0130", "2025-01-01T11:50:30.123456Z", "2025-01-01T11:50:30.123456Z"),
        ("0001", "0001-01-01T00:00:00.000000Z", "0001-12-31T23:59:59.999999Z"),
        ("9999", "9999-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_the_whole_period_it_names(text: str, first: str, last: str) -> None:
    period = date_ranges.parse_date_range(text, now=NOW)
    assert period is not None
    assert (format_sortable(period.first), format_sortable(period.last), period.is_span) == (first, last, False)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12h", "2026-03-31T00:30:15.250000Z"),
        ("7d", "2026-03-24T12:30:15.250000Z"),
        ("2W", "2026-03-17T12:30:15.250000Z"),
        ("1m", "2026-02-28T12:30:15.250000Z"),
        ("-6m", "2025-09-30T12:30:15.250000Z"),
        ("15m", "2024-12-31T12:30:15.250000Z"),
        ("1y", "2025-03-31T12:30:15.250000Z"),
        ("0d", "2026-03-31T12:30:15.250000Z"),
        ("99999y", "0001-01-01T00:00:00.000000Z"),
        ("99999w", "0109-09-24T12:30:15.250000Z"),
        ("99999m", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_an_age_is_subtracted_by_the_calendar(text: str, moment: str) -> None:
    period = date_ranges.parse_date_range(text, now=NOW)
    assert period is not None
    assert (format_sortable(period.first), period.first == period.last, period.is_span) == (moment, True, True)


def test_a_year_before_february_29th_is_february_28th() -> None:
    period = date_ranges.parse_date_range("1y", now=datetime(2024, 2, 29, tzinfo=UTC))
    assert period is not None
    assert format_sortable(period.first) == "2023-02-28T00:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "6", "6q", "--6m", "6m "),
        *("20250", "2025-13", "2025-02-30", "2025-1-1", "0000", "٢٠٢٥"),
        *("2025-01-01T10:00+99:99", "2025-01-01T10:00+24:00", "2025-01-01T10:00-0260"),
        *("2025-01-01T10", "2025-01-01T25:00", "0001-01-01T00:00+14:00"),
    ],
)
def test_other_texts_are_none(text: str) -> None:
    assert date_ranges.parse_date_range(text, now=NOW) is None


@settings(derandomize=True)
@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_sortable_texts_compare_like_their_times(one: datetime, other: datetime) -> None:
    assert (format_sortable(one) < format_sortable(other)) == (one < other)


@settings(derandomize=True)
@given(st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)), st.integers(0, 500))  # noqa: DTZ001 - hypothesis adds the zone
def test_subtracted_months_end_in_the_right_month(now: datetime, count: int) -> None:
    period = date_ranges.parse_date_range(f"{count}m", now=now)
    assert period is not None
    wanted = now.year * 12 + now.month - 1 - count
    if wanted < 12:  # before the calendar
        assert period.first.isoformat() == "0001-01-01T00:00:00+00:00"
        return
    assert period.first.year * 12 + period.first.month - 1 == wanted
    last = (period.first + timedelta(days=1)).month != period.first.month
    assert period.first.day == now.day or (last and period.first.day < now.day)
