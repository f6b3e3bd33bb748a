"""Everything that the README shows is what the program prints."""

from __future__ import annotations

import re
import shutil

import pytest

from djpkg import config, fields, query
from djpkg.cli import COMMANDS
from tests import readme

TEXT = readme.README.read_text(encoding="utf-8")
EXAMPLES = readme.examples(TEXT)


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """What each example prints, in the README's order: later ones see what earlier ones did."""
    missing = [program for program in ("bash", "jq", "sqlite3") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"the examples need {', '.join(missing)}")
    return readme.outputs(EXAMPLES)


@pytest.mark.parametrize("place", range(len(EXAMPLES)), ids=[example.command for example in EXAMPLES])
def test_an_example_prints_what_the_readme_says(printed: list[str], place: int) -> None:
    assert printed[place] == EXAMPLES[place].output


def test_the_table_of_fields_is_made_from_the_register() -> None:
    assert readme.fields_table() in TEXT


def test_every_command_is_shown() -> None:
    shown = {word for example in EXAMPLES for word in re.findall(r"djpkg (\w+)", example.command)}
    assert set(COMMANDS) - {"fields"} <= shown
    assert "djpkg fields" in TEXT


@pytest.mark.parametrize("api", config.APIS, ids=lambda api: api.source.value)
def test_every_variable_of_an_api_is_named(api: config.Api) -> None:
    for variable in (api.variable, *api.tokens):
        assert f"`{variable}" in TEXT


def test_every_filter_in_the_table_is_one() -> None:
    cells = re.findall(
        r"^\| (`.*?`) \|", TEXT.partition("| write | to get |")[2].partition("<!-- states -->")[0], re.MULTILINE
    )
    terms = [term for cell in cells for term in re.findall(r"`([^`]+)`", cell)]
    assert len(terms) > 20
    for term in terms:
        parsed = query.parse([term], now=readme.NOW)
        assert parsed.filters or parsed.conditions, term


def test_the_table_of_states_is_made_from_those_that_the_query_takes() -> None:
    assert readme.states_table() in TEXT


def test_the_json_of_a_record_has_as_many_keys_as_the_readme_says() -> None:
    assert f"{len(fields.RECORD)} keys" in TEXT
