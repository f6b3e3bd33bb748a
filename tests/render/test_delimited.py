from __future__ import annotations

import csv
import io
import json

import pytest

from djpkg.render.delimited import csv_line, tsv_line
from tests.render.samples import FORBIDDEN, hostile


def test_csv_quotes_where_it_must_and_ends_as_its_rule_has_it() -> None:
    assert csv_line(["slug", 'a "b", c', None, True, [1, 2]]) == 'slug,"a ""b"", c",,true,"[1,2]"\r\n'


def test_tsv_is_values_and_tabs() -> None:
    assert tsv_line(["slug", "a\tb\nc", None, 3, ["x", "y"]]) == 'slug\ta b c\t\t3\t["x","y"]\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_a_text_that_looks_like_a_formula_stays_as_it_is(text: str) -> None:
    assert csv_line([text]) == f"{text}\r\n"


@pytest.mark.campaign
def test_thousands_of_hostile_texts_stay_one_line_of_the_same_cells() -> None:
    for seed in range(3000):
        text = hostile(seed)
        in_csv, in_tsv = csv_line(["slug", text, [text]]), tsv_line(["slug", text, [text]])
        assert not FORBIDDEN.search(in_csv.removesuffix("\r\n"))
        assert not FORBIDDEN.search(in_tsv.replace("\t", ""))
        [cells] = csv.reader(io.StringIO(in_csv, newline=""))
        assert cells == in_tsv.removesuffix("\n").split("\t")
        assert json.loads(cells[2]) == [text]
