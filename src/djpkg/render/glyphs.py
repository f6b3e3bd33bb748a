"""The symbols that djpkg prints, in Unicode and in ASCII."""

from __future__ import annotations

from typing import NamedTuple

from djpkg.render import sparkline
from djpkg.render.escape import ELLIPSIS, escape


class Glyphs(NamedTuple):
    """One set of symbols; `encoding` is enough for all text printed with it."""

    star: str
    edited: str
    dot: str
    dash: str
    ellipsis: str
    at_least: str
    at_most: str
    arrow: str
    encoding: str

    def escape(self, text: str, *, block: bool = False, limit: int | None = None) -> str:
        """Return the escaped text; the ASCII set also writes other characters as Python escapes."""
        shown = escape(text, block=block, limit=limit, ellipsis=self.ellipsis)
        if self.encoding == "ascii" and not shown.isascii():
            return shown.encode("ascii", "backslashreplace").decode("ascii")
        return shown

    def sparkline(self, counts: list[int], width: int | None = None) -> str:
        """Return the counts as a sparkline in this set."""
        return sparkline.sparkline(counts, width, encoding=self.encoding)

    def join(self, parts: list[str]) -> str:
        """Return the parts joined by dots."""
        return f" {self.dot} ".join(parts)


UNICODE = Glyphs("★", "✎", "·", "\N{EN DASH}", ELLIPSIS, "≥", "≤", "→", "utf-8")
ASCII = Glyphs("stars", "~", "|", "-", "...", ">=", "<=", "->", "ascii")


def get_glyphs(*, ascii_only: bool) -> Glyphs:
    """Return the symbols for a terminal."""
    return ASCII if ascii_only else UNICODE
