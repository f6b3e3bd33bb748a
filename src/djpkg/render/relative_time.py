"""Relative times: "3 weeks ago" in a card, "3 w" in a table."""

from __future__ import annotations

from datetime import UTC, datetime

from djpkg.render.escape import escape
from djpkg.text import pluralize
from djpkg.times import is_ahead, months_before, parse_time

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
# Of each unit: the age in seconds from which it is used, its length in seconds, singular, plural and short name.
_UNITS: tuple[tuple[float, float, str, str, str], ...] = (
    (_MINUTE, _MINUTE, "min", "min", "min"),
    (_HOUR, _HOUR, "h", "h", "h"),
    (_DAY, _DAY, "day", "days", "d"),
    (14 * _DAY, 7 * _DAY, "week", "weeks", "w"),
)
AHEAD = "dated in the future"
"""The text for a time more than a day ahead."""
# Characters shown of a text that is not a time.
_MAX_LENGTH = 64


def relative(text: str | None, *, now: datetime, short: bool = False) -> str:
    """Return ``"4 years ago"``, ``"yesterday"``, ``"2 h ago"``, ``"in 3 h"`` or ``"dated in the future"``.

    `short` gives ``"4 y"``, ``"1 d"``, ``"2 h"`` or ``"in 3 h"``. Weeks and months are used from two on. Months and
    years are those of the calendar: a year has passed on the anniversary. Texts that are not times are escaped.
    """
    moment = parse_time(text)
    if moment is None:
        return escape(text or "", limit=_MAX_LENGTH)
    if is_ahead(moment, now=now):
        return AHEAD
    if months := _full_months(moment, now):
        return _calendar_age(months, short=short)
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


def _full_months(moment: datetime, now: datetime) -> int:
    """Return the number of calendar months that have passed, 0 below two."""
    now = now.astimezone(UTC)
    months = (now.year - moment.year) * 12 + now.month - moment.month
    passed = months_before(now, months) if months > 1 else None
    if passed is not None and passed < moment:
        months -= 1
    return months if months > 1 else 0


def _calendar_age(months: int, *, short: bool) -> str:
    # From the anniversary on it is one year, a month later 13 months.
    years, rest = divmod(months, 12)
    number, unit = (years, "year") if years > 1 or (years and not rest) else (months, "month")
    if short:
        return f"{number} {'y' if unit == 'year' else 'mo'}"
    return f"{pluralize(number, unit)} ago"


def iso_date(text: str | None) -> str:
    """Return the date of a time in its own time zone: ``"2022-11-03"``."""
    if text and parse_time(text):
        return datetime.fromisoformat(text).date().isoformat()
    return escape(text or "", limit=_MAX_LENGTH)
