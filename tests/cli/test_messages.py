"""What commands that read print on stderr, and only if it is a terminal: old data, and rows that are not shown."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from djpkg.cli import terminal
from djpkg.mirror.connection import open_write
from djpkg.mirror.fetch_history import store_sweep
from djpkg.model.facts import Grid
from djpkg.model.fetch_state import Sweep
from djpkg.source_name import SourceName
from tests.cli.conftest import complete
from tests.cli.running import run, run_on_pty, run_on_terminal
from tests.mirrors import NOW, catalog_facts, filled_mirror

READING = [
    ["show", "1"],
    ["show", "1", "--json"],
    ["list"],
    ["list", "--json"],
    ["compare", "1", "2"],
    ["changes"],
    ["grids"],
]


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


@pytest.fixture
def _on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """stderr counts as a terminal."""
    monkeypatch.setattr(terminal, "stderr_is_terminal", lambda: True)


def sweep(mirror: Path, **age: float) -> None:
    with open_write(mirror) as db:
        store_sweep(db, SourceName.CATALOG, Sweep(NOW - timedelta(**age), 4, 4))


@pytest.mark.parametrize("command", READING)
@pytest.mark.usefixtures("_on_terminal")
def test_a_catalog_that_was_fetched_more_than_a_week_ago_is_reported_as_old(mirror: Path, command: list[str]) -> None:
    sweep(mirror, days=16)
    result = run(*command)
    assert result.err.splitlines()[-1] == "the catalog was last fetched 2 weeks ago; djpkg fetch --all updates it"
    assert (result.code, "catalog was" in result.out) == (0, False)


@pytest.mark.usefixtures("_on_terminal")
def test_a_catalog_of_this_week_or_of_unknown_age_is_not_reported(mirror: Path) -> None:
    assert run("show", "1").err == ""
    sweep(mirror, days=7)
    assert run("show", "1").err == ""
    sweep(mirror, days=7, seconds=1)
    assert "7 days ago" in run("show", "1").err


@pytest.mark.parametrize("command", READING)
def test_nothing_about_old_data_is_written_where_nobody_reads_it(mirror: Path, command: list[str]) -> None:
    sweep(mirror, days=400)
    assert run(*command).err == ""


def test_old_data_is_reported_below_the_answer_on_a_real_terminal(mirror: Path) -> None:
    sweep(mirror, days=3000)
    shown = run_on_pty("show", "1", messages_too=True).lines
    assert shown[-1].startswith("the catalog was last fetched ")
    assert shown[0].startswith("Django Pots")
    assert json.loads(run_on_pty("show", "1", "--json").out)["id"] == 1


@pytest.fixture
def _many(tmp_path: Path) -> None:
    path = filled_mirror(
        Path(os.environ["DJPKG_DB"]),
        [catalog_facts(number, f"p{number}", grids=(number,)) for number in range(1, 41)],
        grids=[Grid(id=number, slug=f"g{number}", title=f"Grid {number}") for number in range(1, 41)],
    )
    complete(path)


@pytest.mark.usefixtures("_many")
def test_a_terminal_shows_30_rows_and_how_many_there_are() -> None:
    lines = run_on_pty("list", messages_too=True).lines
    assert (len(lines), lines[-1]) == (32, "showing 30 of 40; -n 0 shows all")
    assert len(run_on_pty("list", "-n", "0", messages_too=True).lines) == 41
    assert (len(run("list").lines), run("list").err) == (40, "")
    assert run("list", "-n", "3").err == ""


@pytest.mark.usefixtures("_many")
def test_a_terminal_shows_30_grids_and_how_many_there_are() -> None:
    lines = run_on_pty("grids", messages_too=True).lines
    assert sum(line.startswith("g") for line in lines) == 30
    assert lines[-1] == "showing 30 of 40 grids; djpkg grids | cat shows all"
    assert any(line.startswith("apps ") for line in lines)
    assert sum("\tgrid\t" in line for line in run("grids").lines) == 40
    assert sum(line.startswith("g") for line in run_on_terminal("grids").lines) == 40  # only forced colours


@pytest.mark.usefixtures("_on_terminal")
def test_packages_hidden_by_is_active_are_counted(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(9, "django-old", last_updated="2019-01-01T00:00:00Z")])
    result = run("list", "is:active")
    assert "django-old" not in result.out
    assert result.err == "1 hidden by is:active\n"
    assert run("list", "is:active", "-n", "1").err == "showing 1 of 4; -n 0 shows all\n1 hidden by is:active\n"


@pytest.mark.usefixtures("_on_terminal")
def test_packages_hidden_from_a_comparison_are_counted(mirror: Path) -> None:
    assert run("compare", "grid:pottery", "state:active").err == "1 hidden by state:active\n"
    assert run("compare", "grid:pottery").err == run("compare", "is:active").err == ""


def test_hidden_packages_are_not_counted_where_nobody_reads_it(mirror: Path) -> None:
    assert run("list", "is:active", "-n", "1").err == ""
