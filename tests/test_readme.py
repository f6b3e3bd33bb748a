"""Everything that the README shows is what the program prints."""

from __future__ import annotations

import re
import shutil
from contextlib import closing

import pytest

from djpkg import config
from djpkg.cli.app import COMMANDS
from djpkg.mirror.connection import in_memory
from djpkg.model import fields
from djpkg.query import parser
from tests import readme

TEXT = readme.README.read_text(encoding="utf-8")
EXAMPLES = readme.examples(TEXT)


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """What each example prints, in the README's order: later ones see what earlier ones did."""
    missing = [program for program in readme.PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"the examples need {', '.join(missing)}")
    return readme.outputs(EXAMPLES)


@pytest.mark.parametrize("place", range(len(EXAMPLES)), ids=[example.command for example in EXAMPLES])
def test_an_example_prints_what_the_readme_says(printed: list[str], place: int) -> None:
    assert printed[place] == EXAMPLES[place].output


def test_the_table_of_fields_is_made_from_the_register() -> None:
    assert readme.fields_table() in TEXT


def test_every_table_and_every_column_of_the_mirror_is_explained() -> None:
    explained: dict[str, list[str]] = {}
    table = ""
    rows = TEXT.partition("<!-- columns -->\n")[2].partition("<!-- /columns -->")[0].splitlines()[2:]
    for row in rows:
        _, first, columns, meaning, _ = (cell.strip() for cell in row.split("|"))
        table = first.strip("`") or table
        assert meaning
        explained.setdefault(table, []).extend(re.findall(r"`(\w+)`", columns))
    with closing(in_memory()) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        made = {
            name: [column for _, column, _, _, _, _, hidden in db.execute(f"PRAGMA table_xinfo({name})") if hidden != 1]
            for name in names
            if not name.startswith("packages_fts_")
        }
    kept = [field.name for field in fields.FIELDS if field.name in made["packages"]]
    elsewhere = {field.name for field in fields.FIELDS} - set(kept)
    assert elsewhere <= set(explained["packages"])
    explained["packages"] = kept + [name for name in explained["packages"] if name not in elsewhere]
    assert {name: sorted(columns) for name, columns in explained.items()} == {
        name: sorted(columns) for name, columns in made.items()
    }


def test_ci_demands_what_the_examples_run() -> None:
    script = (readme.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (demanded,) = re.findall(r"^for program in (.*); do$", script, re.MULTILINE)
    assert set(demanded.split()) | {"bash"} == set(readme.PROGRAMS)


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
        parsed = parser.parse_query([term], now=readme.NOW)
        assert parsed.filters or parsed.conditions, term


def test_the_table_of_states_is_made_from_those_that_the_query_takes() -> None:
    assert readme.states_table() in TEXT


def test_the_json_of_a_record_has_as_many_keys_as_the_readme_says() -> None:
    assert f"{len(fields.RECORD)} keys" in TEXT
