from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from djpkg.render.glyphs import ASCII
from djpkg.render.sparkline import ASCII_BLOCKS, BLOCKS, downsample, peak_label, sparkline

COUNTS = st.lists(st.integers(0, 10**6), max_size=60)


def test_each_week_is_one_block() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BLOCKS


def test_a_single_commit_is_visible_beside_a_thousand() -> None:
    assert sparkline([0, 1, 1000]) == "▁▂█"


def test_a_year_without_commits_is_flat() -> None:
    assert sparkline([0] * 52) == "▁" * 52


def test_no_counts_give_no_text() -> None:
    assert sparkline([]) == ""
    assert peak_label([]) == ""


def test_neighbouring_weeks_are_added_on_narrow_terminals() -> None:
    assert list(downsample([1, 2, 3, 4, 5, 6], 3)) == [3, 7, 11]
    assert sparkline([1] * 52, 13) == "█" * 13


def test_a_terminal_without_blocks_gets_ascii() -> None:
    assert ASCII.sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == ASCII_BLOCKS
    assert ASCII_BLOCKS.isascii()


def test_the_peak_is_labelled() -> None:
    assert peak_label([0, 12, 3]) == "peak 12 per week"
    assert peak_label([0, 1200]) == "peak 1,200 per week"
    assert peak_label([0, 0]) == ""


@given(COUNTS, st.integers(1, 60))
def test_downsampling_keeps_the_sum_and_the_width(counts: list[int], width: int) -> None:
    sums = downsample(counts, width)
    assert sum(sums) == sum(counts)
    assert len(sums) == min(width, len(counts))
    assert len(sparkline(counts, width)) == len(sums)


@given(COUNTS)
def test_blocks_are_ordered_like_counts_and_only_zero_is_lowest(counts: list[int]) -> None:
    heights = [BLOCKS.index(block) for block in sparkline(counts)]
    pairs = sorted(zip(counts, heights, strict=True))
    assert [height for _, height in pairs] == sorted(heights)
    assert all((height == 0) == (count == 0) for count, height in pairs)


def test_negative_counts_look_like_zero() -> None:
    assert sparkline([-5, 7]) == "▁█"
