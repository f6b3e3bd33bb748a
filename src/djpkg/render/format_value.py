"""A field's value as a person reads it on a terminal: short, relative, on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import Kind
from djpkg.render import abbreviate, relative_time
from djpkg.times import instant

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.model.package import Value
    from djpkg.render.glyphs import Glyphs

# A cell of a table or a line of a card; what a person asks for by name may fill a screen.
_LONGEST = 300
_LONGEST_WHOLE = 65_536
_MOST_NAMES = 20
SPARK_WIDTH = 13


def format_value(value: Value, kind: Kind, glyphs: Glyphs, *, now: datetime | None, whole: bool = False) -> str:
    """The value in one line without anything foreign that a terminal would obey; "" for what is unknown.

    Times are relative to `now`, without it they are dates. Long texts and lists are cut, unless wanted `whole`.
    """
    if value is None:
        return ""
    longest = _LONGEST_WHOLE if whole else _LONGEST
    if isinstance(value, dict):
        return glyphs.foreign(_mapping(value, now), limit=longest)
    if isinstance(value, list):
        if kind is Kind.COUNTS:
            return _counts(value, glyphs)
        return glyphs.foreign(_list(value, kind, len(value) if whole else _MOST_NAMES), limit=longest)
    if isinstance(value, bool) or kind is Kind.FLAG:
        return "yes" if value else "no"
    return str(value) if isinstance(value, int) else glyphs.foreign(_text(value, kind, now), limit=longest)


def format_weeks(counts: list[int], glyphs: Glyphs) -> str:
    """A year as a short sparkline and its sum, in columns."""
    return f"{glyphs.sparkline(counts, SPARK_WIDTH):<{SPARK_WIDTH}}{abbreviate.short_count(sum(counts)):>5}"


def _text(value: str, kind: Kind, now: datetime | None) -> str:
    if kind is Kind.TIME:
        return _time(value, now)
    if kind is Kind.CATEGORY:
        return _last_part(value)
    return abbreviate.short_address(value) if kind in (Kind.ADDRESS, Kind.PROJECT) else value


def _counts(items: list[int] | list[str], glyphs: Glyphs) -> str:
    counts = [item for item in items if isinstance(item, int)]
    return format_weeks(counts, glyphs) if counts else ""


def _list(items: list[int] | list[str], kind: Kind, most: int) -> str:
    texts = [_last_part(str(item)) if kind is Kind.GRIDS else str(item) for item in items[:most]]
    if len(items) > most:
        texts.append(f"and {len(items) - most} more")
    return ", ".join(texts)


def _mapping(value: dict[str, str], now: datetime | None) -> str:
    """``github 2 h ago, pypi 3 days ago`` for times, ``github: no answer`` for reasons."""
    parts = [f"{key} {_time(text, now)}" if instant(text) else f"{key}: {text}" for key, text in value.items()]
    return ", ".join(parts)


def _time(text: str, now: datetime | None) -> str:
    return relative_time.day(text) if now is None else relative_time.relative(text, now=now)


def _last_part(address: str) -> str:
    """The number, or name, that an address of the catalog ends with."""
    return address.rstrip("/").rpartition("/")[2]
