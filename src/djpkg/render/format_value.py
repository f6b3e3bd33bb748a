"""Format a field's value for a terminal: one short line with relative times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import Kind
from djpkg.render import abbreviate, relative_time
from djpkg.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.model.package import Value
    from djpkg.render.glyphs import Glyphs

# Characters in a table cell or a line of a card, and in a field that the user asked for by name.
_MAX_LENGTH = 300
_MAX_FULL_LENGTH = 65_536
_MAX_ITEMS = 20
SPARKLINE_WIDTH = 13


def format_value(value: Value, kind: Kind, glyphs: Glyphs, *, now: datetime | None, full: bool = False) -> str:
    """Return the value as one escaped line; "" for an unknown value.

    Times are relative to `now`, or dates without it. Long texts and lists are cut unless `full`.
    """
    if value is None:
        return ""
    limit = _MAX_FULL_LENGTH if full else _MAX_LENGTH
    if isinstance(value, dict):
        return glyphs.escape(_format_mapping(value, now), limit=limit)
    if isinstance(value, list):
        if kind is Kind.COUNTS:
            return _format_counts(value, glyphs)
        return glyphs.escape(_format_list(value, kind, len(value) if full else _MAX_ITEMS), limit=limit)
    if isinstance(value, bool) or kind is Kind.FLAG:
        return "yes" if value else "no"
    return str(value) if isinstance(value, int) else glyphs.escape(_format_text(value, kind, now), limit=limit)


def format_weeks(counts: list[int], glyphs: Glyphs) -> str:
    """Return weekly counts as a short sparkline and their sum, padded to a fixed width."""
    return f"{glyphs.sparkline(counts, SPARKLINE_WIDTH):<{SPARKLINE_WIDTH}}{abbreviate.short_count(sum(counts)):>5}"


def _format_text(value: str, kind: Kind, now: datetime | None) -> str:
    if kind is Kind.TIME:
        return _format_time(value, now)
    if kind is Kind.CATEGORY:
        return _last_part(value)
    return abbreviate.short_url(value) if kind in (Kind.URL, Kind.PROJECT) else value


def _format_counts(items: list[int] | list[str], glyphs: Glyphs) -> str:
    counts = [item for item in items if isinstance(item, int)]
    return format_weeks(counts, glyphs) if counts else ""


def _format_list(items: list[int] | list[str], kind: Kind, limit: int) -> str:
    texts = [_last_part(str(item)) if kind is Kind.GRIDS else str(item) for item in items[:limit]]
    if len(items) > limit:
        texts.append(f"and {len(items) - limit} more")
    return ", ".join(texts)


def _format_mapping(value: dict[str, str], now: datetime | None) -> str:
    """Return ``github 2 h ago, pypi 3 days ago`` for times, ``github: no answer`` for other texts."""
    parts = [
        f"{key} {_format_time(text, now)}" if parse_time(text) else f"{key}: {text}" for key, text in value.items()
    ]
    return ", ".join(parts)


def _format_time(text: str, now: datetime | None) -> str:
    return relative_time.iso_date(text) if now is None else relative_time.relative(text, now=now)


def _last_part(url: str) -> str:
    """Return the number or name at the end of a catalog URL."""
    return url.rstrip("/").rpartition("/")[2]
