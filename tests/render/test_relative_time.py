from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from djpkg.query.date_ranges import parse_date_range
from djpkg.render.relative_time import iso_date, relative
from tests.render.samples import NOW


@pytest.mark.parametrize(
    ("past", "long", "short"),
    [
        (timedelta(seconds=20), "just now", "now"),
        (timedelta(minutes=1), "1 min ago", "1 min"),
        (timedelta(minutes=59), "59 min ago", "59 min"),
        (timedelta(hours=2), "2 h ago", "2 h"),
        (timedelta(hours=30), "yesterday", "1 d"),
        (timedelta(days=3), "3 days ago", "3 d"),
        (timedelta(days=13), "13 days ago", "13 d"),
        (timedelta(days=22), "3 weeks ago", "3 w"),
        (timedelta(days=60), "8 weeks ago", "8 w"),
        (timedelta(days=61), "2 months ago", "2 mo"),
        (timedelta(days=500), "16 months ago", "16 mo"),
        (timedelta(days=4 * 366), "4 years ago", "4 y"),
        (-timedelta(seconds=20), "just now", "now"),
        (-timedelta(hours=2), "in 2 h", "in 2 h"),
        (-timedelta(days=1), "tomorrow", "in 1 d"),
        (-timedelta(days=1, seconds=1), "dated in the future", "dated in the future"),
        (-timedelta(days=4_000), "dated in the future", "dated in the future"),
    ],
)
def test_a_time_is_shown_in_the_largest_unit_that_fits(past: timedelta, long: str, short: str) -> None:
    stamp = (NOW - past).isoformat()
    assert relative(stamp, now=NOW) == long
    assert relative(stamp, now=NOW, short=True) == short


@pytest.mark.parametrize(
    "stamp", ["2026-11-23T10:00:00Z", "2026-11-23T10:00:00", "2026-11-23T05:00:00-05:00", "2026-11-23T10:00:00.123456Z"]
)
def test_time_zones_are_respected_and_the_default_is_utc(stamp: str) -> None:
    assert relative(stamp, now=NOW) in {"2 h ago", "1 h ago"}
    assert relative(stamp.replace(".123456", ""), now=NOW) == "2 h ago"


@pytest.mark.parametrize(
    ("stamp", "now", "long", "short"),
    [
        ("2025-11-23T12:00:00Z", "2026-11-23T12:00:00Z", "1 year ago", "1 y"),
        ("2025-11-23T12:00:01Z", "2026-11-23T12:00:00Z", "11 months ago", "11 mo"),
        ("2025-10-24T12:00:00Z", "2026-11-23T12:00:00Z", "1 year ago", "1 y"),
        ("2025-10-23T12:00:00Z", "2026-11-23T12:00:00Z", "13 months ago", "13 mo"),
        ("2024-11-23T12:00:01Z", "2026-11-23T12:00:00Z", "23 months ago", "23 mo"),
        ("2024-11-23T12:00:00Z", "2026-11-23T12:00:00Z", "2 years ago", "2 y"),
        ("2016-11-23T12:00:00Z", "2026-11-23T12:00:00Z", "10 years ago", "10 y"),
        ("2024-02-29T12:00:00Z", "2025-02-28T12:00:00Z", "11 months ago", "11 mo"),
        ("2024-02-28T12:00:00Z", "2025-02-28T12:00:00Z", "1 year ago", "1 y"),
        ("2024-02-29T12:00:00Z", "2025-03-01T12:00:00Z", "1 year ago", "1 y"),
        ("2025-11-22T23:00:00-05:00", "2026-11-23T04:00:00Z", "1 year ago", "1 y"),
        ("2026-01-31T00:00:00Z", "2026-03-30T00:00:00Z", "8 weeks ago", "8 w"),
        ("2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", "2 months ago", "2 mo"),
    ],
)
def test_months_and_years_are_those_of_the_calendar_as_in_queries(stamp: str, now: str, long: str, short: str) -> None:
    moment = datetime.fromisoformat(now)
    assert relative(stamp, now=moment) == long
    assert relative(stamp, now=moment, short=True) == short
    number, unit = short.split()
    if unit != "w":
        age = parse_date_range(number + unit[0], now=moment)
        assert age is not None
        assert datetime.fromisoformat(stamp) <= age.first


@pytest.mark.parametrize(("stamp", "text"), [("0001-01-01", "2,025 years ago"), ("9999-12-31", "dated in the future")])
def test_the_ends_of_the_calendar_are_valid(stamp: str, text: str) -> None:
    assert relative(stamp, now=NOW) == text


@pytest.mark.parametrize(
    "junk",
    ["soon", "2026-13-45", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "not\x1b a time", "9" * 5000],
)
def test_other_texts_are_shown_escaped_and_cut(junk: str) -> None:
    for shown in (relative(junk, now=NOW), relative(junk, now=NOW, short=True), iso_date(junk)):
        assert shown[:3] == junk[:3]
        assert "\x1b" not in shown
        assert len(shown) <= 70


def test_a_missing_time_is_empty() -> None:
    assert relative(None, now=NOW) == relative("", now=NOW, short=True) == iso_date(None) == ""


def test_a_date_is_in_the_time_zone_of_the_text() -> None:
    assert iso_date("2022-11-03T23:16:36-04:00") == "2022-11-03"
