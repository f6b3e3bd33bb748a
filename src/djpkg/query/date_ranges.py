"""Parse times that a user types: ``2025``, ``2025-01-31``, a full timestamp, or a time span such as ``6m``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from djpkg.errors import UsageError
from djpkg.text import quote_input
from djpkg.times import days_in_month, months_before

DATE_FORMATS = "2025, 2025-01, 2025-01-31, 2025-01-31T12:00Z, or a time span such as 12h, 7d, 2w, 6m, 1y"

_SPAN = re.compile(r"-?([0-9]{1,5})([hdwmy])", re.IGNORECASE)
_LONG_SPAN = re.compile(r"-?[0-9]{6,}[hdwmy]", re.IGNORECASE)
_DATE = re.compile(
    r"(?P<year>[0-9]{4})"
    r"(?:-(?P<month>[0-9]{2})"
    r"(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<zone>[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
    r")?)?)?"
)
_RESOLUTION = timedelta(microseconds=1)
_MIN = datetime.min.replace(tzinfo=UTC)
_MAX = datetime.max.replace(tzinfo=UTC)


class DateRange(NamedTuple):
    """The period from `first` to `last`, inclusive, in UTC. A time span (`is_span`) is a single moment."""

    first: datetime
    last: datetime
    is_span: bool = False


def parse_date_range(text: str, *, now: datetime) -> DateRange | None:
    """Return the period that `text` names at `now`; None if it is not a time. A time without a zone is UTC.

    Raises UsageError for a time span of more than five digits.
    """
    if _LONG_SPAN.fullmatch(text):
        raise UsageError(f"time span {quote_input(text)} is too long", hint="use at most five digits, such as 7d or 2y")
    span = _SPAN.fullmatch(text)
    if span:
        moment = _subtract(now.astimezone(UTC), int(span[1]), span[2].lower())
        return DateRange(moment, moment, is_span=True)
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return _period(match)
    except (ValueError, OverflowError):  # February 31st, 25:00, or outside years 1 to 9999 in UTC
        return None


def _subtract(now: datetime, count: int, unit: str) -> datetime:
    """Return `now` minus hours, days, weeks, calendar months or years, but not before year 1."""
    if unit in "my":
        return months_before(now, count * (12 if unit == "y" else 1)) or _MIN
    try:
        return now - timedelta(hours=count * {"h": 1, "d": 24, "w": 168}[unit])
    except OverflowError:
        return _MIN


def _period(match: re.Match[str]) -> DateRange:
    """Return the year, month, day, minute, second or fraction of a second in the match."""
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    if match["hour"] is None:
        first = datetime(year, month, day, tzinfo=UTC)
        days = 1
        if match["month"] is None:
            days = sum(days_in_month(year, number) for number in range(1, 13))
        elif match["day"] is None:
            days = days_in_month(year, month)
        return DateRange(first, _last_moment(first, timedelta(days=days)))
    fraction = match["fraction"]
    first = datetime(
        year,
        month,
        day,
        int(match["hour"]),
        int(match["minute"]),
        int(match["second"] or 0),
        int((fraction or "").ljust(6, "0")),
        tzinfo=UTC,
    )
    first -= _utc_offset(match["zone"])
    length = timedelta(minutes=1) if match["second"] is None else timedelta(seconds=1)
    if fraction is not None:
        length = timedelta(microseconds=10 ** (6 - len(fraction)))
    return DateRange(first, _last_moment(first, length))


def _utc_offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -size if zone[0] == "-" else size


def _last_moment(first: datetime, length: timedelta) -> datetime:
    """Return the last moment of a period, at most the end of year 9999."""
    return first + (length - _RESOLUTION) if _MAX - first >= length else _MAX
