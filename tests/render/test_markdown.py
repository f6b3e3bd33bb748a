from __future__ import annotations

from djpkg.render.markdown import Strong, render_markdown
from djpkg.render.rows import RowList
from tests.render.samples import FORBIDDEN, hostile_text


def test_the_keys_are_the_header_of_the_table() -> None:
    rows = RowList(("slug", "stars"), [("pots", 5), ("pans", None)])
    assert "".join(render_markdown(rows)) == "| slug | stars |\n| --- | --- |\n| pots | 5 |\n| pans |  |\n"


def test_strong_cells_are_bold() -> None:
    assert list(render_markdown(RowList(("a",), [(Strong("9*"),)])))[2] == "| **9\\*** |\n"


def test_markup_in_keys_and_values_is_escaped() -> None:
    lines = list(render_markdown(RowList(("a_b",), [("x|y",), ("<b>&[z](u)`#~{}\\",)])))
    assert lines[0] == "| a\\_b |\n"
    assert lines[2] == "| x\\|y |\n"
    assert lines[3] == r"| \<b\>\&\[z\](u)\`\#\~\{\}\\ |" + "\n"


def test_hostile_text_stays_one_line_without_control_characters() -> None:
    for seed in range(100):
        line = list(render_markdown(RowList(("a",), [(hostile_text(seed),)])))[2]
        assert not FORBIDDEN.search(line.removesuffix("\n"))
