from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import Grid
from tests.cli.running import look, run
from tests.mirrors import GRIDS, filled, record
from tests.render.samples import FORBIDDEN

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mirror(filled_mirror: Path) -> Path:
    return filled_mirror


def test_categories_and_then_grids_are_told_with_their_counts_the_fullest_first(mirror: Path) -> None:
    told = json.loads(run("grids", "--json").out)
    assert told[0] == {"type": "category", "id": 1, "slug": "apps", "title": "App", "packages": 3}
    assert [(one["slug"], one["packages"]) for one in told if one["type"] == "grid"] == [
        ("pottery", 3), ("gardening", 1), ("empty-grid", 0),
    ]  # fmt: skip


def test_into_a_pipe_goes_one_a_line_without_a_header(mirror: Path) -> None:
    lines = run("grids").lines
    assert lines[0] == "apps\tcategory\t3\tApp\t1"
    assert "pottery\tgrid\t3\tPottery & Kilns\t11" in lines


def test_on_a_terminal_two_tables_are_drawn(mirror: Path) -> None:
    lines = look("grids").lines
    assert lines[0] == "CATEGORY          PACKAGES  TITLE"
    assert lines[lines.index("") + 1] == "GRID        PACKAGES  TITLE"


def test_without_a_mirror_the_packaged_record_answers_and_no_file_is_made(tmp_path: Path) -> None:
    ended = run("grids")
    assert "apps\tcategory\t1\tApp\t1" in ended.lines
    assert "53\tgrid\t1\t\t53" in ended.lines
    assert "there is no mirror" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_what_the_catalog_no_longer_lists_is_not_counted(mirror: Path) -> None:
    grids = json.loads(run("grids", "--json").out)
    filled(mirror, [record(8, "new-one", grids=(10,))])
    after = json.loads(run("grids", "--json").out)
    assert sum(one["packages"] for one in after) == sum(one["packages"] for one in grids) + 2


def test_titles_cannot_command_a_terminal(mirror: Path) -> None:
    filled(mirror, [], grids=[*GRIDS, Grid(id=99, slug="x\x1b[31my", title="a\x1b]0;b\x07\tc")])
    for ended in (run("grids"), look("grids")):
        assert not FORBIDDEN.search(ended.out.replace("\n", "").replace("\t", ""))
    assert len([line for line in run("grids").lines if line.count("\t") != 4]) == 0
