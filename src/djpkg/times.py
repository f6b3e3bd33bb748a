"""The clock, and conversion of times to and from ISO 8601 text."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time; all other code gets the clock as an argument."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Return an aware time in whole seconds of UTC: ``2026-11-23T12:00:00Z``, the format of `fromdate` in jq."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_time(text: str | None) -> datetime | None:
    """Parse an ISO 8601 text to an aware time in UTC; without an offset it is UTC. None when it is invalid."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None  # the year would be 0 or 10000


def to_sortable(text: str | None) -> str | None:
    """Return an ISO 8601 text in the format of `format_sortable`; None when it is invalid."""
    moment = parse_time(text)
    return None if moment is None else format_sortable(moment)


def format_sortable(moment: datetime) -> str:
    """Return an aware time in UTC with microseconds, so that texts sort like the times."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def is_same_time(one: str | None, other: str | None) -> bool:
    """Whether two ISO 8601 texts are the same time, whatever their offsets; False when one is invalid."""
    moment = parse_time(one)
    return moment is not None and moment == parse_time(other)


def utc_day(moment: datetime) -> str:
    """Return the UTC date of an aware time: ``2026-11-23``."""
    return moment.astimezone(UTC).date().isoformat()


def years_before(moment: datetime, years: int) -> datetime:
    """Return the same time years earlier by the calendar; 28 February for the 29th."""
    try:
        return moment.replace(year=moment.year - years)
    except ValueError:
        return moment.replace(year=moment.year - years, day=28)
