"""The benchmarks run and print complete tables; the measured values are not tested."""

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
    """The output of a quick run of all sections."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(printed: str, title: str) -> list[list[str]]:
    """Return the cells of one table, without its header."""
    (table,) = (part for part in printed.split("\n\n") if re.match(rf"{re.escape(title)}(\W|$)", part))
    lines = table.split("\n---")[-1].splitlines()[1:]
    return [re.split(r" {3,}", line) for line in lines]


@pytest.mark.parametrize("title", ["start", "complete"])
def test_each_command_is_compared_with_a_bare_program(printed: str, title: str) -> None:
    bare, *commands = rows(printed, title)[:-1]
    assert float(bare[2]) > 0
    assert len(commands) >= 2
    for name, lines, *cells in commands:
        assert int(lines) > 0, name
        assert re.fullmatch(r"\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)", cells[2]), name
        assert float(cells[-1]) > 1, name


def test_a_listing_is_compared_with_sqlite_utils(printed: str) -> None:
    theirs, ours = rows(printed, "list of 60")[:-1]
    assert int(ours[1]) == int(theirs[1]) + 2  # the brackets
    assert float(ours[-1]) > 1


def test_queries_are_measured_on_two_sizes(printed: str) -> None:
    found = rows(printed, "query")
    assert len(found) >= 15
    assert all(len(cells) == 5 for cells in found)
    assert {cells[0]: (cells[1], cells[3]) for cells in found}["(all)"] == ("61", "600")


@pytest.mark.parametrize("fetch", FETCHES)
def test_requests_and_time_of_every_fetch_are_shown(printed: str, fetch: str) -> None:
    requests = {cells[1]: int(cells[2]) for cells in rows(printed, "fetch: requests") if cells[0] == fetch}
    assert {"catalog", "graphql", "pypi"} <= requests.keys()
    (took,) = (cells for cells in rows(printed, "fetch: time and memory") if cells[0] == fetch)
    assert float(took[1]) > 0
    assert float(took[-1]) > 1


def test_the_fetched_mirror_is_correct(printed: str) -> None:
    compared, correct, *differences = rows(printed, "fetch: mirror compared with the world")
    assert differences == []
    assert int(compared[1]) > 30
    assert correct[1] == compared[1]
