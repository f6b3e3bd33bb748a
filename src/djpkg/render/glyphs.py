"""The characters beyond ASCII that djpkg draws with, and what stands for them where a terminal has none."""

from __future__ import annotations

from typing import NamedTuple

from djpkg.render import sparkline
from djpkg.render.escape import ELLIPSIS, escape


class Glyphs(NamedTuple):
    """One set of signs; `encoding` is what everything drawn with it can be written in."""

    star: str
    edited: str
    dot: str
    dash: str
    ellipsis: str
    at_least: str
    at_most: str
    arrow: str
    encoding: str

    def foreign(self, text: str, *, block: bool = False, limit: int | None = None) -> str:
        """Text from elsewhere, made safe, and in a set of ASCII with escapes of Python for what ASCII lacks."""
        shown = escape(text, block=block, limit=limit, ellipsis=self.ellipsis)
        if self.encoding == "ascii" and not shown.isascii():
            return shown.encode("ascii", "backslashreplace").decode("ascii")
        return shown

    def sparkline(self, counts: list[int], width: int | None = None) -> str:
        """The counts in the blocks of this set."""
        return sparkline.sparkline(counts, width, encoding=self.encoding)

    def join(self, parts: list[str]) -> str:
        """The parts with dots between them."""
        return f" {self.dot} ".join(parts)


UNICODE = Glyphs("★", "✎", "·", "\N{EN DASH}", ELLIPSIS, "≥", "≤", "→", "utf-8")
ASCII = Glyphs("stars", "~", "|", "-", "...", ">=", "<=", "->", "ascii")


def glyphs(*, ascii_only: bool) -> Glyphs:
    """The set for a terminal."""
    return ASCII if ascii_only else UNICODE
