from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from djpkg.mirror.connection import open_write
from djpkg.model.fields import FIELDS
from tests.cli.running import run, run_on_terminal

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["name", "aliases", "type", "source", "record", "editable", "sortable", "queryable", "example", "about"]


def test_the_json_is_an_object_with_every_field() -> None:
    assert list(json.loads(run("fields", "--json").out)) == ["schema", "fields"]
    rows = json.loads(run("fields", "--json").out)["fields"]
    assert [row["name"] for row in rows] == [field.name for field in FIELDS]
    assert all(list(row) == KEYS for row in rows)
    by_name = {row["name"]: row for row in rows}
    assert by_name["repo_watchers"]["aliases"] == ["stars"]
    assert by_name["repo_watchers"]["editable"] is True
    assert by_name["checked"]["sortable"] is False
    assert by_name["license"]["source"] == "pypi or forge"


def test_a_pipe_gets_a_header_and_one_line_per_field() -> None:
    head, *lines = run("fields").lines
    assert head.split("\t") == KEYS
    assert len(lines) == len(FIELDS)
    assert all(len(line.split("\t")) == len(KEYS) for line in lines)
    assert "last_updated\tupdated\ttime\tforge\ttrue\ttrue\ttrue\ttrue\tupdated:6m..\t" in "\n".join(lines)


def test_a_terminal_gets_a_table() -> None:
    result = run_on_terminal("fields", width=160)
    assert result.out.startswith("FIELD")
    assert "stars:100.." in result.out


def test_the_mirror_is_not_read(tmp_path: Path) -> None:
    result = run("fields", "--db", str(tmp_path / "nowhere" / "mirror.db"))
    assert (result.code, result.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_every_example_is_a_valid_filter(filled_mirror: Path) -> None:
    with open_write(filled_mirror) as db:
        db.execute("UPDATE grids SET slug = 'forms' WHERE id = 10")
        db.execute("UPDATE packages SET slug = 'django-filter' WHERE id = 1")
    for field in json.loads(run("fields", "--json").out)["fields"]:
        result = run("list", field["example"], "--json")
        assert result.code == 0, field


def test_sort_accepts_exactly_the_sortable_fields() -> None:
    for field in json.loads(run("fields", "--json").out)["fields"]:
        assert run("list", "--sort", field["name"]).code == (0 if field["sortable"] else 2)


def test_named_fields_alone_are_shown() -> None:
    assert [line.split("\t")[0] for line in run("fields", "stars", "Last-Updated", "repo_watchers").lines] == [
        "name", "repo_watchers", "last_updated",
    ]  # fmt: skip
    shown = run_on_terminal("fields", "stars", width=60).lines
    assert shown[0] == "field    repo_watchers"
    assert "example  stars:100.." in shown


def test_the_json_of_named_fields_has_the_same_shape() -> None:
    every, one = (json.loads(run("fields", *names, "--json").out) for names in ([], ["stars"]))
    assert type(every) is type(one)
    assert '"repo_watchers"' in json.dumps(one)
    assert '"slug"' not in json.dumps(one)


def test_an_unknown_name_exits_with_2_and_suggests_the_nearest() -> None:
    result = run("fields", "stars", "starz", "--json")
    assert (result.code, result.out) == (2, "")
    assert "unknown field 'starz'" in result.err
    assert "stars" in result.err.splitlines()[-1]


def test_the_table_is_readable_at_80_columns() -> None:
    lines = run_on_terminal("fields", width=80).lines
    assert lines[0].split() == ["FIELD", "ALIASES", "MEANING"]
    assert "repo_watchers stars number of stars (stars:100..)" in [" ".join(line.split()) for line in lines]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("names", [(), ("stars", "checked", "requires")])
def test_the_fields_fit_a_terminal_of_60_columns_and_nothing_is_cut(names: tuple[str, ...]) -> None:
    shown = run_on_terminal("fields", *names, width=60)
    assert max(map(cell_len, shown.lines)) <= 60
    assert "…" not in shown.out
