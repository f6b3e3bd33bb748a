"""What is easy to forget when a source, a field, an output format or a command is added."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.cli import output
from djpkg.cli.app import COMMANDS
from djpkg.config import APIS
from djpkg.model import facts, fields
from djpkg.render.rows import RowList
from djpkg.source_name import FORGES, SourceName
from tests.cli.running import run
from tests.readme import ROOT
from tests.render.samples import FORBIDDEN, hostile_text
from tests.sources.forges import FORGE_CASES

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

# Facts that reach fields under other names, or that are needed for later requests.
RENAMED_FACTS = {
    facts.RepositoryFacts: {"path", "node_id", "description", "stars", "forks", "head", "head_at"},
    facts.PypiFacts: {"state", "name", "version", "repository_urls"},
}
# For pipes, without an option.
DEFAULT_FORMATS = {"plain"}


def test_every_source_has_one_entry_and_every_forge_a_host() -> None:
    assert [api.source for api in APIS] == list(SourceName)
    assert tuple(api.source for api in APIS if api.host) == FORGES


def test_every_forge_without_a_bulk_api_has_a_test_case() -> None:
    assert [SourceName.GITHUB, *(case.source.name for case in FORGE_CASES)] == list(FORGES)


@pytest.mark.parametrize("document", ["README.md", ".github/SECURITY.md"])
def test_every_variable_of_a_token_is_named(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert [name for api in APIS for name in api.token_variables if f"`{name}`" not in text] == []


@pytest.mark.parametrize("kind", RENAMED_FACTS)
def test_every_fact_reaches_a_field(kind: Any) -> None:
    names: AbstractSet[str] = kind.__dataclass_fields__.keys()
    assert names - RENAMED_FACTS[kind] <= {field.name for field in fields.FIELDS}


def test_every_format_is_offered_by_a_command() -> None:
    helps = "".join(run(command, "--help").out for command in COMMANDS)
    assert set(output.FORMATS) - DEFAULT_FORMATS <= set(re.findall(r"--(\w+)", helps))


def test_every_module_of_a_command_is_listed_and_has_a_test() -> None:
    commands = {path.stem for path in (ROOT / "src/djpkg/cli/commands").glob("[a-z]*.py")}
    assert {module.rpartition(".")[2] for module in COMMANDS.values()} == commands
    tests = {path.stem for path in (ROOT / "tests/cli/commands").glob("test_*.py")}
    assert {f"test_{name}" for name in commands} <= tests


@pytest.mark.parametrize("command", COMMANDS)
def test_two_formats_cannot_be_used_together(command: str) -> None:
    offered = set(re.findall(r"--(\w+)", run(command, "--help").out)) & output.FORMATS.keys()
    for name in offered - {"json"}:
        assert f"--json and --{name} cannot be used together" in run(command, "--json", f"--{name}", "a", "b").err


@pytest.mark.parametrize("name", output.FORMATS)
def test_no_format_prints_control_characters_or_drops_rows(name: str) -> None:
    for seed in range(300):
        rows = RowList(("slug", "about"), [("pots", hostile_text(seed)), ("pans", None), ("lids", [1, True])])
        text = "".join(output.FORMATS[name](rows))
        assert not FORBIDDEN.search(text.replace("\r\n", "\n").replace("\t", ""))
        assert text.endswith("\n")
        assert all(slug in text for slug in ("pots", "pans", "lids"))


@pytest.mark.parametrize("name", output.FORMATS)
def test_every_format_can_print_no_rows(name: str) -> None:
    text = "".join(output.FORMATS[name](RowList(("slug",), [])))
    assert not text or text.endswith("\n")
