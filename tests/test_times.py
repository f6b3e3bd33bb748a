"""Conversion of times."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.times import format_time, is_same_time, parse_time, to_sortable

seconds = st.integers(-30_000_000_000, 250_000_000_000)  # years 1019 to 9892
moments = seconds.map(
    lambda second: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second, microseconds=second % 7)
)
reproducible = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "2026-11-23T12:00:00Z"),
        (datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=UTC), "2026-11-23T12:00:00Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2025-12-31T19:00:00Z"),
        (datetime(26, 1, 1, tzinfo=UTC), "0026-01-01T00:00:00Z"),
    ],
)
def test_a_formatted_time_is_in_whole_seconds_of_utc(moment: datetime, text: str) -> None:
    assert format_time(moment) == text


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_parses_a_formatted_time() -> None:
    text = json.dumps(format_time(datetime(2026, 11, 23, 12, tzinfo=UTC)))
    found = subprocess.run(["jq", "fromdate"], input=text, capture_output=True, text=True, check=True)
    assert int(found.stdout) == int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-02-15T20:08:21.858607-05:00", datetime(2026, 2, 16, 1, 8, 21, 858_607, tzinfo=UTC)),
    ],
)
def test_a_parsed_time_is_aware_and_in_utc(text: str, moment: datetime) -> None:
    found = parse_time(text)
    assert found == moment
    assert found is not None
    assert found.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "now",
        "1",
        "2026-02-30",
        "2026-13-01",
        " 2026-01-31",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:00:00-10:00",
        "\ud800",
    ],
)
def test_an_invalid_time_is_none(text: str | None) -> None:
    assert parse_time(text) is None
    assert to_sortable(text) is None
    assert not is_same_time(text, text)


@reproducible
@given(st.lists(moments, min_size=2, max_size=6))
def test_sortable_texts_sort_like_their_times(times: list[datetime]) -> None:
    texts = {to_sortable(moment.isoformat()): moment for moment in times}
    assert [texts[text] for text in sorted(texts, key=str)] == sorted(texts.values())


@reproducible
@given(moments, st.integers(-12 * 60, 14 * 60))
def test_the_offset_does_not_change_the_time(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert is_same_time(moment.isoformat(), elsewhere.isoformat())
    assert not is_same_time((moment + timedelta(microseconds=1)).isoformat(), elsewhere.isoformat())
    assert format_time(elsewhere) == format_time(moment)


@reproducible
@given(st.text(max_size=30))
def test_parsing_never_raises(text: str) -> None:
    found = parse_time(text)
    assert found is None or found.tzinfo is UTC
    assert (to_sortable(text) is None) == (found is None)
