"""The benchmarks run; what they say of speed is for people to read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).parent.parent
FETCHES = ("cold", "again", "day two", "sweep day")


@pytest.fixture(scope="module")
def printed() -> str:
    """What a tiny run of every section prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(printed: str, title: str) -> list[list[str]]:
    """The cells of one table, without its header."""
    (table,) = (part for part in printed.split("\n\n") if re.match(rf"{re.escape(title)}(\W|$)", part))
    lines = table.split("\n---")[-1].splitlines()[1:]
    return [re.split(r" {3,}", line) for line in lines]


@pytest.mark.parametrize("title", ["start", "complete"])
def test_each_command_is_set_beside_a_bare_program(printed: str, title: str) -> None:
    bare, *commands = rows(printed, title)[:-1]
    assert float(bare[2]) > 0
    assert len(commands) >= 2
    for name, lines, *cells in commands:
        assert int(lines) > 0, name
        assert re.fullmatch(r"\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)", cells[2]), name
        assert float(cells[-1]) > 1, name


def test_a_listing_is_set_beside_sqlite_utils(printed: str) -> None:
    theirs, ours = rows(printed, "list of 60")[:-1]
    assert int(ours[1]) == int(theirs[1]) + 2  # the brackets
    assert float(ours[-1]) > 1


def test_queries_are_timed_on_two_sizes(printed: str) -> None:
    found = rows(printed, "query")
    assert len(found) >= 15
    assert all(len(cells) == 5 for cells in found)
    assert {cells[0]: (cells[1], cells[3]) for cells in found}["(all)"] == ("61", "600")


@pytest.mark.parametrize("fetch", FETCHES)
def test_every_fetch_says_what_it_asked_and_what_it_took(printed: str, fetch: str) -> None:
    asked = {cells[1]: int(cells[2]) for cells in rows(printed, "fetch: requests") if cells[0] == fetch}
    assert {"catalog", "graphql", "pypi"} <= asked.keys()
    (took,) = (cells for cells in rows(printed, "fetch: time and memory") if cells[0] == fetch)
    assert float(took[1]) > 0
    assert float(took[-1]) > 1


def test_what_was_fetched_is_what_is_out_there(printed: str) -> None:
    compared, agree, *differing = rows(printed, "fetch: the mirror beside the world")
    assert differing == []
    assert int(compared[1]) > 30
    assert agree[1] == compared[1]
