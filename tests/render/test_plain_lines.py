from __future__ import annotations

import pytest

from djpkg.render.plain_lines import count_columns, fill
from tests.render.samples import hostile_text


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 4), ("한", 2), ("👩", 2), ("❤️", 2)]
)
def test_wide_and_combining_characters_count_as_on_a_terminal(text: str, columns: int) -> None:
    assert count_columns(text) == columns


def test_lines_break_between_atoms_and_further_lines_are_indented() -> None:
    lines = fill(["one,", "two (via b),", "three"], width=16, first="N  ", indent=3)
    assert lines == ["N  one,", "   two (via b),", "   three"]


def test_an_atom_that_fits_on_no_line_breaks_at_its_spaces() -> None:
    assert fill(["aa", "bb cc dd"], width=8) == ["aa", "bb cc dd"]
    assert fill(["aa", "bb cc dd e"], width=8) == ["aa bb cc", "dd e"]


def test_a_word_that_fits_on_no_line_is_folded_and_nothing_of_it_is_lost() -> None:
    lines = fill(["django-" + "x" * 30], width=20, indent=4)
    assert max(map(len, lines)) <= 20
    assert "".join(line.strip() for line in lines) == "django-" + "x" * 30


def test_a_wide_character_is_not_cut_in_half() -> None:
    lines = fill(["日" * 9], width=11)
    assert [count_columns(line) for line in lines] == [10, 8]


def test_nothing_gives_the_first_text_alone() -> None:
    assert fill([], width=20, first="NOTE  ") == ["NOTE"]


@pytest.mark.parametrize("width", [20, 60, 80])
def test_no_line_is_wider_than_the_width(width: int) -> None:
    for seed in range(200):
        text = "".join(character for character in hostile_text(seed) if character.isprintable())
        for line in fill(text.split(" "), width=width, first="  ", indent=6):
            assert count_columns(line) <= width
            assert line == line.rstrip()
