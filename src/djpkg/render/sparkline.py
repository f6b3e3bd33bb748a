"""Weekly counts as a line of blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-~=+*#"


def sparkline(counts: Sequence[int], width: int | None = None, *, encoding: str = "utf-8") -> str:
    """One character a week, or `width` of them where there are more weeks, each the sum of neighbours.

    The highest is the full block, none at all the lowest; anything above none is at least the second, so that a single
    commit shows. Where `encoding` has no blocks, characters of ASCII stand for them.
    """
    blocks = BLOCKS if _encodes(BLOCKS, encoding) else ASCII_BLOCKS
    sums = squeeze(counts, width)
    peak = max(sums, default=0)
    if peak <= 0:
        return blocks[0] * len(sums)
    top = len(blocks) - 1
    # Rounded up: more than none is never drawn as none.
    return "".join(blocks[-(-count * top // peak) if count > 0 else 0] for count in sums)


def squeeze(counts: Sequence[int], width: int | None) -> Sequence[int]:
    """At most `width` counts, oldest first: sums of neighbouring ones, of as equal spans as there are."""
    weeks = len(counts)
    if width is None or weeks <= width:
        return counts
    if width <= 0:
        return ()
    edges = [place * weeks // width for place in range(width + 1)]
    return [sum(counts[start:end]) for start, end in pairwise(edges)]


def scale(counts: Sequence[int]) -> str:
    """What the highest block stands for: ``"peak 12 a week"``; nothing where there is no peak."""
    peak = max(counts, default=0)
    return f"peak {peak:,} a week" if peak > 0 else ""


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True
