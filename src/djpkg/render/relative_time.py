"""Relative times: "3 weeks ago" in a card, "3 w" in a table."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from djpkg.render.escape import escape
from djpkg.times import parse_time

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365.2425 * _DAY
_MONTH = _YEAR / 12
# Of each unit: the age in seconds from which it is used, its length in seconds, singular, plural and short name.
_UNITS: tuple[tuple[float, float, str, str, str], ...] = (
    (_MINUTE, _MINUTE, "min", "min", "min"),
    (_HOUR, _HOUR, "h", "h", "h"),
    (_DAY, _DAY, "day", "days", "d"),
    (14 * _DAY, 7 * _DAY, "week", "weeks", "w"),
    (2 * _MONTH, _MONTH, "month", "months", "mo"),
    (2 * _YEAR, _YEAR, "year", "years", "y"),
)
# Characters shown of a text that is not a time.
_MAX_LENGTH = 64


class _Span(NamedTuple):
    """A whole number of one unit, with the names of the unit."""

    number: int
    one: str
    many: str
    short: str


def relative(text: str | None, *, now: datetime) -> str:
    """Return ``"4 years ago"``, ``"yesterday"``, ``"2 h ago"`` or ``"in 3 days"``; other texts are escaped."""
    moment = parse_time(text)
    if moment is None:
        return escape(text or "", limit=_MAX_LENGTH)
    seconds = (now - moment).total_seconds()
    span = _span(abs(seconds))
    if span.number == 0:
        return "just now"
    if span.one == "day" and span.number == 1:
        return "yesterday" if seconds > 0 else "tomorrow"
    words = f"{span.number} {span.one if span.number == 1 else span.many}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def relative_short(text: str | None, *, now: datetime) -> str:
    """Return ``"6 y"``, ``"4 mo"``, ``"3 w"``, ``"2 d"`` or ``"5 h"``; ``"in 2 d"`` for the future."""
    moment = parse_time(text)
    if moment is None:
        return escape(text or "", limit=_MAX_LENGTH)
    seconds = (now - moment).total_seconds()
    span = _span(abs(seconds))
    if span.number == 0:
        return "now"
    words = f"{span.number} {span.short}"
    return words if seconds > 0 else f"in {words}"


def iso_date(text: str | None) -> str:
    """Return the date of a time in its own time zone: ``"2022-11-03"``."""
    if text and parse_time(text):
        return datetime.fromisoformat(text).date().isoformat()
    return escape(text or "", limit=_MAX_LENGTH)


def _span(seconds: float) -> _Span:
    """Return the duration in the largest unit that fits; weeks, months and years are used from two on."""
    for start, length, one, many, short in reversed(_UNITS):
        if seconds >= start:
            return _Span(int(seconds // length), one, many, short)
    return _Span(0, "", "", "")
