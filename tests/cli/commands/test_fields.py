from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.model.fields import FIELDS
from tests.cli.running import look, run

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["name", "aliases", "type", "source", "record", "editable", "sortable", "queryable", "example", "about"]


def test_the_json_is_an_array_of_every_field() -> None:
    told = json.loads(run("fields", "--json").out)
    assert [one["name"] for one in told] == [field.name for field in FIELDS]
    assert all(list(one) == KEYS for one in told)
    by_name = {one["name"]: one for one in told}
    assert by_name["repo_watchers"]["aliases"] == ["stars"]
    assert by_name["repo_watchers"]["editable"] is True
    assert by_name["checked"]["sortable"] is False


def test_into_a_pipe_goes_a_header_and_a_line_a_field() -> None:
    head, *lines = run("fields").lines
    assert head.split("\t") == KEYS
    assert len(lines) == len(FIELDS)
    assert all(len(line.split("\t")) == len(KEYS) for line in lines)
    assert "last_updated\tupdated\ttime\tforge\ttrue\ttrue\ttrue\ttrue\tupdated:6m..\t" in "\n".join(lines)


def test_on_a_terminal_it_is_a_table() -> None:
    ended = look("fields", width=140)
    assert ended.out.startswith("FIELD")
    assert "stars:100.." in ended.out


def test_the_mirror_is_not_read(tmp_path: Path) -> None:
    ended = run("fields", "--db", str(tmp_path / "nowhere" / "mirror.db"))
    assert (ended.code, ended.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_query_can_ask_for_every_example() -> None:
    for field in json.loads(run("fields", "--json").out):
        ended = run("list", field["example"], "--json")
        assert ended.code == 0, field


def test_every_field_that_says_so_can_be_sorted_by() -> None:
    for field in json.loads(run("fields", "--json").out):
        assert run("list", "--sort", field["name"]).code == (0 if field["sortable"] else 2)


def test_words_are_refused() -> None:
    assert run("fields", "stars").code == 2
