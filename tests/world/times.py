"""Times in the formats of the services, and weekly counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.world.model import Commit

WEEKS = 52


def weekly_counts(commits: Iterable[Commit], now: datetime) -> list[int]:
    """Return commits per week by author date: 52 windows that end at today's midnight UTC, oldest first."""
    end = datetime(now.year, now.month, now.day, tzinfo=UTC)
    counts = [0] * WEEKS
    for commit in commits:
        # A window [T-7d, T) includes its start; a time at or after T gives a negative week.
        week = (end - commit.authored - timedelta(microseconds=1)) // timedelta(days=7)
        if 0 <= week < WEEKS:
            counts[WEEKS - 1 - week] += 1
    return counts


def utc_text(moment: datetime) -> str:
    """Return a time as ``2026-11-23T12:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def catalog_time(moment: datetime, *, fraction: bool = True) -> str:
    """Return a time in the catalog's format: New York's UTC offset, with six fraction digits or none."""
    moment = moment.astimezone(UTC)
    start, end = _daylight(moment.year)
    hours = -4 if start <= moment < end else -5
    local = moment + timedelta(hours=hours)
    text = local.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{local.microsecond:06d}{hours:+03d}:00" if fraction else f"{text}{hours:+03d}:00"


@lru_cache
def _daylight(year: int) -> tuple[datetime, datetime]:
    """Return start (second Sunday of March) and end (first Sunday of November) of New York's summer time."""
    march, november = datetime(year, 3, 8, 7, tzinfo=UTC), datetime(year, 11, 1, 6, tzinfo=UTC)
    return (
        march + timedelta(days=6 - march.weekday()),
        november + timedelta(days=6 - november.weekday()),
    )
