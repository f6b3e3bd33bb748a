from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.times import instant, same_instant, sortable, stamp

seconds = st.integers(-30_000_000_000, 250_000_000_000)  # years 1019 to 9892
moments = seconds.map(
    lambda second: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second, microseconds=second % 7)
)
still = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "2026-11-23T12:00:00Z"),
        (datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=UTC), "2026-11-23T12:00:00Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2025-12-31T19:00:00Z"),
        (datetime(26, 1, 1, tzinfo=UTC), "0026-01-01T00:00:00Z"),
    ],
)
def test_a_stamp_is_whole_seconds_of_utc(moment: datetime, text: str) -> None:
    assert stamp(moment) == text


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not there")
def test_jq_takes_a_stamp() -> None:
    said = json.dumps(stamp(datetime(2026, 11, 23, 12, tzinfo=UTC)))
    found = subprocess.run(["jq", "fromdate"], input=said, capture_output=True, text=True, check=True)
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
def test_an_instant_is_aware_and_in_utc(text: str, moment: datetime) -> None:
    found = instant(text)
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
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert instant(text) is None
    assert sortable(text) is None
    assert not same_instant(text, text)


@still
@given(st.lists(moments, min_size=2, max_size=6))
def test_sortable_texts_compare_as_their_moments_do(times: list[datetime]) -> None:
    texts = {sortable(moment.isoformat()): moment for moment in times}
    assert [texts[text] for text in sorted(texts, key=str)] == sorted(texts.values())


@still
@given(moments, st.integers(-12 * 60, 14 * 60))
def test_the_offset_does_not_change_the_moment(moment: datetime, minutes: int) -> None:
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert same_instant(moment.isoformat(), there.isoformat())
    assert not same_instant((moment + timedelta(microseconds=1)).isoformat(), there.isoformat())
    assert stamp(there) == stamp(moment)


@still
@given(st.text(max_size=30))
def test_no_text_raises(text: str) -> None:
    found = instant(text)
    assert found is None or found.tzinfo is UTC
    assert (sortable(text) is None) == (found is None)
