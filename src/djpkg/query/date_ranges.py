"""Times as a person types them: ``2025``, ``2025-01-31``, a full stamp, or a span back from now such as ``6m``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

FORMS = "2025, 2025-01, 2025-01-31, 2025-01-31T12:00Z, or a span back from now: 12h, 7d, 2w, 6m, 1y"

_SPAN = re.compile(r"-?([0-9]{1,5})([hdwmy])", re.IGNORECASE)
_DATE = re.compile(
    r"(?P<year>[0-9]{4})"
    r"(?:-(?P<month>[0-9]{2})"
    r"(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<zone>[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
    r")?)?)?"
)
_TICK = timedelta(microseconds=1)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class DateRange(NamedTuple):
    """From `first` to `last`, both within, aware and in UTC. A span back from now (`back`) is a single moment."""

    first: datetime
    last: datetime
    back: bool = False


def parse_date_range(text: str, *, now: datetime) -> DateRange | None:
    """What `text` means at `now`; None where it is no time. A stamp without a zone is UTC."""
    span = _SPAN.fullmatch(text)
    if span:
        moment = _back(now.astimezone(UTC), int(span[1]), span[2].lower())
        return DateRange(moment, moment, back=True)
    written = _DATE.fullmatch(text)
    if written is None:
        return None
    try:
        return _period(written)
    except (ValueError, OverflowError):  # the 31st of February, 25 o'clock, a zone that leads out of the calendar
        return None


def _back(now: datetime, count: int, unit: str) -> datetime:
    """`now` less that many hours, days, weeks, calendar months or years, but no earlier than the calendar."""
    if unit in "my":
        months = now.year * 12 + now.month - 1 - count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        if year < 1:
            return _FIRST
        day = min(now.day, _days(year, month + 1))
        return now.replace(year=year, month=month + 1, day=day)
    try:
        return now - timedelta(hours=count * {"h": 1, "d": 24, "w": 168}[unit])
    except OverflowError:
        return _FIRST


def _period(written: re.Match[str]) -> DateRange:
    """The year, month, day, minute, second or microsecond that was written."""
    year, month, day = int(written["year"]), int(written["month"] or 1), int(written["day"] or 1)
    if written["hour"] is None:
        first = datetime(year, month, day, tzinfo=UTC)
        days = 1
        if written["month"] is None:
            days = _days(year, 2) + 337
        elif written["day"] is None:
            days = _days(year, month)
        return DateRange(first, _end(first, timedelta(days=days)))
    fraction = written["fraction"]
    first = datetime(
        year,
        month,
        day,
        int(written["hour"]),
        int(written["minute"]),
        int(written["second"] or 0),
        int((fraction or "").ljust(6, "0")),
        tzinfo=UTC,
    )
    first -= _offset(written["zone"])
    length = timedelta(minutes=1) if written["second"] is None else timedelta(seconds=1)
    if fraction is not None:
        length = timedelta(microseconds=10 ** (6 - len(fraction)))
    return DateRange(first, _end(first, length))


def _days(year: int, month: int) -> int:
    """How many days the month has. The standard library's calendar takes longer to load than all else here."""
    december = 12
    return 31 if month == december else (date(year, month + 1, 1) - date(year, month, 1)).days


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -size if zone[0] == "-" else size


def _end(first: datetime, length: timedelta) -> datetime:
    """The last moment of a period; the calendar's last where it would pass it."""
    return first + (length - _TICK) if _LAST - first >= length else _LAST
