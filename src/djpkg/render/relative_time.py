"""Relative times: "3 weeks ago" in a card, "3 w" in a table."""

from __future__ import annotations

from datetime import datetime

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


def relative(text: str | None, *, now: datetime, short: bool = False) -> str:
    """Return ``"4 years ago"``, ``"yesterday"``, ``"2 h ago"`` or ``"in 3 days"``; other texts are escaped.

    `short` gives ``"4 y"``, ``"1 d"``, ``"2 h"`` or ``"in 3 d"``. Weeks, months and years are used from two on.
    """
    moment = parse_time(text)
    if moment is None:
        return escape(text or "", limit=_MAX_LENGTH)
    seconds = (now - moment).total_seconds()
    unit = next((unit for unit in reversed(_UNITS) if abs(seconds) >= unit[0]), None)
    if unit is None:
        return "now" if short else "just now"
    _, length, one, many, abbreviation = unit
    number = int(abs(seconds) // length)
    if short:
        words = f"{number} {abbreviation}"
        return words if seconds > 0 else f"in {words}"
    if one == "day" and number == 1:
        return "yesterday" if seconds > 0 else "tomorrow"
    words = f"{number} {one if number == 1 else many}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def iso_date(text: str | None) -> str:
    """Return the date of a time in its own time zone: ``"2022-11-03"``."""
    if text and parse_time(text):
        return datetime.fromisoformat(text).date().isoformat()
    return escape(text or "", limit=_MAX_LENGTH)
