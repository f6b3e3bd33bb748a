from __future__ import annotations

import csv
import io
import json

import pytest

from djpkg.render.delimited import csv_line, render_csv, render_plain, render_tsv, tsv_line
from djpkg.render.rows import RowList
from tests.render.samples import FORBIDDEN, hostile_text

ROWS = RowList(("slug", "stars"), [("pots", 5), ("pans", None)])


def test_csv_and_tsv_begin_with_a_header_and_plain_does_not() -> None:
    assert list(render_csv(ROWS)) == ["slug,stars\r\n", "pots,5\r\n", "pans,\r\n"]
    assert list(render_tsv(ROWS)) == ["slug\tstars\n", "pots\t5\n", "pans\t\n"]
    assert list(render_plain(ROWS)) == ["pots\t5\n", "pans\t\n"]


def test_csv_quotes_only_where_needed_and_ends_with_crlf() -> None:
    assert csv_line(["slug", 'a "b", c', None, True, [1, 2]]) == 'slug,"a ""b"", c",,true,"[1,2]"\r\n'


def test_tsv_has_tabs_only_between_values() -> None:
    assert tsv_line(["slug", "a\tb\nc", None, 3, ["x", "y"]]) == 'slug\ta b c\t\t3\t["x","y"]\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_a_text_that_looks_like_a_formula_is_not_changed(text: str) -> None:
    assert csv_line([text]) == f"{text}\r\n"


def test_thousands_of_hostile_texts_stay_one_line_of_the_same_cells() -> None:
    for seed in range(3000):
        text = hostile_text(seed)
        in_csv, in_tsv = csv_line(["slug", text, [text], {text: text}]), tsv_line(["slug", text, [text], {text: text}])
        assert not FORBIDDEN.search(in_csv.removesuffix("\r\n"))
        assert not FORBIDDEN.search(in_tsv.replace("\t", ""))
        [cells] = csv.reader(io.StringIO(in_csv, newline=""))
        assert cells == in_tsv.removesuffix("\n").split("\t")
        assert json.loads(cells[2]) == [text]
        assert json.loads(cells[3]) == {text: text}
