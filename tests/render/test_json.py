from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from djpkg.model.fields import RECORD_COLUMNS, parse_columns
from djpkg.render.json import record
from tests.render.samples import VALUES


def test_a_record_has_the_keys_in_order_four_spaces_and_a_last_newline() -> None:
    text = record(VALUES, RECORD_COLUMNS)
    assert list(json.loads(text)) == [column.field.name for column in RECORD_COLUMNS]
    assert text.startswith(
        '{\n    "category": "https://djangopackages.org/api/v4/categories/1/",\n    "grids": [\n        "'
    )
    assert text.endswith("]\n}\n")


def test_a_key_is_what_was_typed() -> None:
    assert record(VALUES, parse_columns("slug,stars,updated")) == (
        '{\n    "slug": "django-pots",\n    "stars": 5112,\n    "updated": "2026-11-01T09:00:00Z"\n}\n'
    )


@given(st.text())
def test_any_text_comes_back_and_the_json_is_ascii(text: str) -> None:
    written = record({"title": text}, parse_columns("title"))
    assert json.loads(written) == {"title": text}
    assert all(" " <= character <= "~" for line in written.split("\n") for character in line)
