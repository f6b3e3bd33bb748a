"""Sparklines of weekly counts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-~=+*#"


def sparkline(counts: Sequence[int], width: int | None = None, *, blocks: str = BLOCKS) -> str:
    """Return one character per week, or `width` characters with the sums of neighbouring weeks.

    The maximum is the last of `blocks` and 0 the first; any other count is at least the second, so that a single commit
    is visible.
    """
    sums = downsample(counts, width)
    peak = max(sums, default=0)
    if peak <= 0:
        return blocks[0] * len(sums)
    top = len(blocks) - 1
    # Rounded up, so that 1 never looks like 0.
    return "".join(blocks[-(-count * top // peak) if count > 0 else 0] for count in sums)


def downsample(counts: Sequence[int], width: int | None) -> Sequence[int]:
    """Return at most `width` counts, the sums of spans of neighbouring counts that are as equal as possible."""
    weeks = len(counts)
    if width is None or weeks <= width:
        return counts
    if width <= 0:
        return ()
    edges = [index * weeks // width for index in range(width + 1)]
    return [sum(counts[start:end]) for start, end in pairwise(edges)]


def peak_label(counts: Sequence[int]) -> str:
    """Return what the full block means, ``"peak 12 per week"``; "" without a peak."""
    peak = max(counts, default=0)
    return f"peak {peak:,} per week" if peak > 0 else ""
