"""Times as people say them: "3 weeks ago" in a card, "3 w" in a table."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from djpkg.render.escape import escape
from djpkg.times import instant

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365.2425 * _DAY
_MONTH = _YEAR / 12
# From how many seconds on a unit is used, how many it has, and its three forms.
_UNITS: tuple[tuple[float, float, str, str, str], ...] = (
    (_MINUTE, _MINUTE, "min", "min", "min"),
    (_HOUR, _HOUR, "h", "h", "h"),
    (_DAY, _DAY, "day", "days", "d"),
    (14 * _DAY, 7 * _DAY, "week", "weeks", "w"),
    (2 * _MONTH, _MONTH, "month", "months", "mo"),
    (2 * _YEAR, _YEAR, "year", "years", "y"),
)
# Longer than any time that a source writes; of what is no time so much is shown.
_LONGEST = 64


class _Span(NamedTuple):
    """So many of a unit, with the unit in its three forms."""

    number: int
    one: str
    many: str
    short: str


def relative(text: str | None, *, now: datetime) -> str:
    """``"4 years ago"``, ``"yesterday"``, ``"2 h ago"``, ``"in 3 days"``; what is no time as it is, made safe."""
    moment = instant(text)
    if moment is None:
        return escape(text or "", limit=_LONGEST)
    seconds = (now - moment).total_seconds()
    span = _span(abs(seconds))
    if span.number == 0:
        return "just now"
    if span.one == "day" and span.number == 1:
        return "yesterday" if seconds > 0 else "tomorrow"
    words = f"{span.number} {span.one if span.number == 1 else span.many}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def relative_short(text: str | None, *, now: datetime) -> str:
    """``"6 y"``, ``"4 mo"``, ``"3 w"``, ``"2 d"``, ``"5 h"``; ``"in 2 d"`` for what is to come."""
    moment = instant(text)
    if moment is None:
        return escape(text or "", limit=_LONGEST)
    seconds = (now - moment).total_seconds()
    span = _span(abs(seconds))
    if span.number == 0:
        return "now"
    words = f"{span.number} {span.short}"
    return words if seconds > 0 else f"in {words}"


def day(text: str | None) -> str:
    """``"2022-11-03"``: the date that the text states, in its own time zone."""
    if text and instant(text):
        return datetime.fromisoformat(text).date().isoformat()
    return escape(text or "", limit=_LONGEST)


def _span(seconds: float) -> _Span:
    """The largest unit of which enough has passed; weeks, months and years from two on."""
    for begins, length, one, many, short in reversed(_UNITS):
        if seconds >= begins:
            return _Span(int(seconds // length), one, many, short)
    return _Span(0, "", "", "")
