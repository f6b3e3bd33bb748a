from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import Grid
from tests.cli.running import run, run_on_terminal
from tests.mirrors import GRIDS, catalog_facts, filled_mirror
from tests.render.samples import FORBIDDEN

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mirror(filled_mirror: Path) -> Path:
    return filled_mirror


def test_categories_and_grids_are_listed_with_their_package_counts(mirror: Path) -> None:
    found = json.loads(run("grids", "--json").out)
    assert list(found) == ["schema", "categories", "grids"]
    assert found["schema"] == 1
    assert found["categories"][0] == {"id": 1, "slug": "apps", "title": "App", "packages": 3}
    assert [(row["slug"], row["packages"]) for row in found["grids"]] == [
        ("pottery", 3), ("gardening", 1), ("empty-grid", 0),
    ]  # fmt: skip


def test_a_pipe_gets_one_line_each_without_a_header(mirror: Path) -> None:
    lines = run("grids").lines
    assert lines[0] == "apps\tcategory\t3\tApp\t1"
    assert "pottery\tgrid\t3\tPottery & Kilns\t11" in lines


def test_a_terminal_gets_two_tables(mirror: Path) -> None:
    lines = run_on_terminal("grids").lines
    assert lines[0] == "CATEGORY          PACKAGES  TITLE"
    assert lines[lines.index("") + 1] == "GRID        PACKAGES  TITLE"


def test_without_a_mirror_the_packaged_record_is_used_and_no_file_is_created(tmp_path: Path) -> None:
    result = run("grids")
    assert "apps\tcategory\t1\tApp\t1" in result.lines
    assert "53\tgrid\t1\t\t53" in result.lines
    assert "there is no mirror" in result.err
    assert list(tmp_path.iterdir()) == []


def test_removed_packages_are_not_counted(mirror: Path) -> None:
    grids = json.loads(run("grids", "--json").out)["grids"]
    filled_mirror(mirror, [catalog_facts(8, "new-one", grids=(10,))])
    after = json.loads(run("grids", "--json").out)["grids"]
    assert sum(row["packages"] for row in after) == sum(row["packages"] for row in grids) + 1


def test_titles_contain_no_terminal_control_characters(mirror: Path) -> None:
    filled_mirror(mirror, [], grids=[*GRIDS, Grid(id=99, slug="x\x1b[31my", title="a\x1b]0;b\x07\tc")])
    for result in (run("grids"), run_on_terminal("grids")):
        assert not FORBIDDEN.search(result.out.replace("\n", "").replace("\t", ""))
    assert len([line for line in run("grids").lines if line.count("\t") != 4]) == 0
