from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djpkg.render.sparkline import ASCII_BLOCKS, BLOCKS, scale, sparkline, squeeze

COUNTS = st.lists(st.integers(0, 10**6), max_size=60)


def test_a_year_is_one_block_a_week_from_the_lowest_to_the_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BLOCKS


def test_a_single_commit_shows_beside_a_thousand() -> None:
    assert sparkline([0, 1, 1000]) == "▁▂█"


def test_a_year_without_commits_is_flat() -> None:
    assert sparkline([0] * 52) == "▁" * 52


def test_nothing_known_is_nothing_drawn() -> None:
    assert sparkline([]) == ""
    assert scale([]) == ""


def test_neighbouring_weeks_are_added_where_room_is_short() -> None:
    assert list(squeeze([1, 2, 3, 4, 5, 6], 3)) == [3, 7, 11]
    assert sparkline([1] * 52, 13) == "█" * 13


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such-encoding"])
def test_an_encoding_without_blocks_gets_ascii(encoding: str) -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], encoding=encoding) == ASCII_BLOCKS
    assert ASCII_BLOCKS.isascii()


def test_the_scale_names_the_peak() -> None:
    assert scale([0, 12, 3]) == "peak 12 a week"
    assert scale([0, 1200]) == "peak 1,200 a week"
    assert scale([0, 0]) == ""


@given(COUNTS, st.integers(1, 60))
def test_squeezing_loses_no_commit_and_keeps_to_the_width(counts: list[int], width: int) -> None:
    squeezed = squeeze(counts, width)
    assert sum(squeezed) == sum(counts)
    assert len(squeezed) == min(width, len(counts))
    assert len(sparkline(counts, width)) == len(squeezed)


@given(COUNTS)
def test_more_is_never_drawn_lower_and_only_nothing_is_drawn_lowest(counts: list[int]) -> None:
    heights = [BLOCKS.index(block) for block in sparkline(counts)]
    pairs = sorted(zip(counts, heights, strict=True))
    assert [height for _, height in pairs] == sorted(heights)
    assert all((height == 0) == (count == 0) for count, height in pairs)


def test_counts_below_zero_are_drawn_as_none() -> None:
    assert sparkline([-5, 7]) == "▁█"
