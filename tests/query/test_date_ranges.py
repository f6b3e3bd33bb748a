from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djpkg.query import date_ranges
from djpkg.times import sortable_instant

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
def test_a_written_time_is_the_whole_period_that_it_names(text: str, first: str, last: str) -> None:
    period = date_ranges.parse_date_range(text, now=NOW)
    assert period is not None
    assert (sortable_instant(period.first), sortable_instant(period.last), period.back) == (first, last, False)


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
def test_a_span_leads_back_from_now_by_the_calendar(text: str, moment: str) -> None:
    period = date_ranges.parse_date_range(text, now=NOW)
    assert period is not None
    assert (sortable_instant(period.first), period.first == period.last, period.back) == (moment, True, True)


def test_the_29th_of_february_has_a_28th_a_year_before() -> None:
    period = date_ranges.parse_date_range("1y", now=datetime(2024, 2, 29, tzinfo=UTC))
    assert period is not None
    assert sortable_instant(period.first) == "2023-02-28T00:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "6", "6q", "--6m", "6m ", "999999d"),
        *("20250", "2025-13", "2025-02-30", "2025-1-1", "0000", "٢٠٢٥"),
        *("2025-01-01T10:00+99:99", "2025-01-01T10:00+24:00", "2025-01-01T10:00-0260"),
        *("2025-01-01T10", "2025-01-01T25:00", "0001-01-01T00:00+14:00"),
    ],
)
def test_what_names_no_time_is_none(text: str) -> None:
    assert date_ranges.parse_date_range(text, now=NOW) is None


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_sortable_texts_compare_as_their_times(one: datetime, other: datetime) -> None:
    assert (sortable_instant(one) < sortable_instant(other)) == (one < other)


@given(st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)), st.integers(0, 500))  # noqa: DTZ001 - hypothesis adds the zone
def test_months_back_land_in_the_right_month(now: datetime, count: int) -> None:
    period = date_ranges.parse_date_range(f"{count}m", now=now)
    assert period is not None
    wanted = now.year * 12 + now.month - 1 - count
    if wanted < 12:  # before the calendar
        assert period.first.isoformat() == "0001-01-01T00:00:00+00:00"
        return
    assert period.first.year * 12 + period.first.month - 1 == wanted
    last = (period.first + timedelta(days=1)).month != period.first.month
    assert period.first.day == now.day or (last and period.first.day < now.day)
