from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from djpkg.model.fields import RECORD_COLUMNS, parse_columns
from djpkg.render.json import render_array, render_lines, render_record
from djpkg.render.rows import RowList
from tests.render.samples import VALUES

ROWS = RowList(("slug", "stars"), [("pots", 5), ("pans", None)])


def test_a_record_keeps_the_order_of_the_keys_and_is_indented_by_four_spaces() -> None:
    text = render_record(VALUES, RECORD_COLUMNS)
    assert list(json.loads(text)) == [column.field.name for column in RECORD_COLUMNS]
    assert text.startswith(
        '{\n    "category": "https://djangopackages.org/api/v4/categories/1/",\n    "grids": [\n        "'
    )
    assert text.endswith("]\n}\n")


def test_a_key_is_the_name_that_was_typed() -> None:
    assert render_record(VALUES, parse_columns("slug,stars,updated")) == (
        '{\n    "slug": "django-pots",\n    "stars": 5112,\n    "updated": "2026-11-01T09:00:00Z"\n}\n'
    )


@given(st.text())
def test_any_text_is_written_as_ascii_and_reads_back(text: str) -> None:
    written = render_record({"title": text}, parse_columns("title"))
    assert json.loads(written) == {"title": text}
    assert all(" " <= character <= "~" for line in written.split("\n") for character in line)


def test_an_array_has_one_object_per_line() -> None:
    assert "".join(render_array(ROWS)) == '[\n{"slug":"pots","stars":5},\n{"slug":"pans","stars":null}\n]\n'


def test_lines_have_one_object_per_line() -> None:
    assert "".join(render_lines(ROWS)) == '{"slug":"pots","stars":5}\n{"slug":"pans","stars":null}\n'


def test_pages_are_joined_and_empty_pages_are_skipped() -> None:
    class Pages:
        keys = ("id",)

        def values(self) -> list[list[int]]:
            return [[1], [2], [3]]

        def json_pages(self) -> list[list[str]]:
            return [[], ['{"id":1}', '{"id":2}'], [], ['{"id":3}']]

    assert "".join(render_array(Pages())) == '[\n{"id":1},\n{"id":2},\n{"id":3}\n]\n'
    assert "".join(render_lines(Pages())) == '{"id":1}\n{"id":2}\n{"id":3}\n'


def test_without_rows_the_array_is_empty_and_there_are_no_lines() -> None:
    empty = RowList(("slug",), [])
    assert "".join(render_array(empty)) == "[\n]\n"
    assert "".join(render_lines(empty)) == ""
