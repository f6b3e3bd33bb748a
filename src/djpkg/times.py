"""The clock, conversion of times to and from ISO 8601 text, and months of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

# Clocks differ, and a date may be in the time zone of its author. What lies further ahead is no known time.
MAX_AHEAD = timedelta(days=1)


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


def is_ahead(moment: datetime, *, now: datetime) -> bool:
    """Return whether a time is more than a day in the future, so that it says nothing about the past."""
    return moment - now > MAX_AHEAD


def latest_known(now: datetime) -> str:
    """Return the last time that is not `is_ahead`, in the format of `format_sortable`."""
    return format_sortable(now + min(MAX_AHEAD, datetime.max.replace(tzinfo=UTC) - now))


def months_before(moment: datetime, months: int) -> datetime | None:
    """Return the time that many calendar months earlier; the last day of a shorter month. None before year 1."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    if year < 1:
        return None
    return moment.replace(year=year, month=month + 1, day=min(moment.day, days_in_month(year, month + 1)))


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month from 1 to 12."""
    # The calendar module would take longer to import than everything else here.
    december = 12
    return 31 if month == december else (date(year, month + 1, 1) - date(year, month, 1)).days


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
