"""The symbols that djpkg prints, in Unicode and in ASCII."""

from __future__ import annotations

from typing import NamedTuple

from djpkg.render import sparkline
from djpkg.render.escape import ELLIPSIS, escape


class Glyphs(NamedTuple):
    """One set of symbols."""

    star: str
    edited: str
    dot: str
    dash: str
    ellipsis: str
    at_least: str
    at_most: str
    arrow: str
    from_catalog: str
    blocks: str

    def escape(self, text: str, *, block: bool = False, limit: int | None = None) -> str:
        """Return the escaped text; the ASCII set also writes other characters as Python escapes."""
        shown = escape(text, block=block, limit=limit, ellipsis=self.ellipsis)
        return shown.encode("ascii", "backslashreplace").decode("ascii") if self is ASCII else shown

    def sparkline(self, counts: list[int], width: int | None = None) -> str:
        """Return the counts as a sparkline in this set."""
        return sparkline.sparkline(counts, width, blocks=self.blocks)


UNICODE = Glyphs("★", "✎", "·", "\N{EN DASH}", ELLIPSIS, "≥", "≤", "→", "†", sparkline.BLOCKS)
ASCII = Glyphs("stars", "~", "|", "-", "...", ">=", "<=", "->", "^", sparkline.ASCII_BLOCKS)


def get_glyphs(*, ascii_only: bool) -> Glyphs:
    """Return the symbols for a terminal."""
    return ASCII if ascii_only else UNICODE
