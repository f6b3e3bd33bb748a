from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from djpkg.model.fields import RECORD
from djpkg.render.compare import DEFAULT_COLUMNS
from tests.cli.running import run, run_on_terminal
from tests.mirrors import catalog_facts, filled_mirror

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


def test_packages_are_compared_in_the_given_order(mirror: Path) -> None:
    result = run_on_terminal("compare", "django-pans", "1")
    assert result.lines[0].split() == ["django-pans", "django-pots"]
    assert next(line for line in result.lines if line.startswith("stars")).split() == [
        "stars", "20", "†", "5.1k", "*",
    ]  # fmt: skip
    assert result.err == ""


def test_a_pipe_gets_tsv_with_a_header_and_one_line_per_package(mirror: Path) -> None:
    head, *lines = run("compare", "django-pans", "django-pots").lines
    assert head.split("\t") == ["slug", *(column.key for column in DEFAULT_COLUMNS)]
    assert [line.split("\t")[0] for line in lines] == ["django-pans", "django-pots"]


def test_the_json_is_the_same_as_that_of_list(mirror: Path) -> None:
    packages = json.loads(run("compare", "2", "1", "--json").out)
    assert [package["slug"] for package in packages] == ["django-pans", "django-pots"]
    assert list(packages[0]) == [field.name for field in RECORD]
    named = run("compare", "2", "1", "--json", "-f", "slug,stars").out
    assert named == '[\n{"slug":"django-pans","stars":20},\n{"slug":"django-pots","stars":5112}\n]\n'


def test_what_comes_from_the_catalog_is_marked_and_what_was_fetched_is_not(mirror: Path) -> None:
    result = run_on_terminal("compare", "django-pans", "django-pots", "-f", "stars,version,contributors,license")
    rows = {line.split("  ")[0]: line.split() for line in result.lines[1:]}
    assert rows["stars"] == ["stars", "20", "†", "5.1k", "*"]
    assert rows["version"] == ["version", "1.0", "†", "2.5.0"]
    assert result.lines[-2:] == ["* best value", "† from the catalog, not from a fetch"]
    table = run("compare", "2", "1", "--markdown", "-f", "stars").out
    assert table.endswith("| stars | 20 (catalog) | **5112** |\n")
    assert run("compare", "2", "1", "-f", "stars").lines[1] == "django-pans\t20"


def test_the_state_comes_first_and_a_dead_package_is_never_the_best(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(9, "django-old", last_updated="2019-01-01T00:00:00Z", repo_watchers=9000)])
    lines = run_on_terminal("compare", "Django_Kiln", "django-pans", "django-old").lines
    assert lines[1].split() == ["state", "archived", "stale"]
    assert lines[2].split()[0] == "description"
    assert next(line for line in lines if line.startswith("stars")).split() == [
        "stars", "77", "20", "*", "†", "9.0k", "†",
    ]  # fmt: skip
    assert "* best value; packages that are archived or stale do not count" in lines
    markdown = run("compare", "4", "9", "2", "--markdown").lines
    assert markdown[2] == "| state | archived | stale | active |"
    assert "**" not in next(line for line in markdown if "| stars |" in line).partition("9000")[0]


def test_active_is_written_in_pipes_and_documents_and_not_on_a_terminal(mirror: Path) -> None:
    for chosen in ((), ("-f", "stars"), ("-f", "stars,state")):
        assert "active" not in run_on_terminal("compare", "1", "3", *chosen).out
    assert run("compare", "django-pots", "-f", "state").lines == ["slug\tstate", "django-pots\tactive"]
    assert run("compare", "django-pots", "-f", "state", "--csv").lines == ["slug,state", "django-pots,active"]
    assert run("compare", "django-pots", "-f", "state", "--json").out == '[\n{"state":"active"}\n]\n'
    assert run("compare", "django-pots", "-f", "state", "--markdown").lines[-1] == "| state | active |"


def test_a_damaged_package_is_left_out_of_the_marks(mirror: Path) -> None:
    with closing(sqlite3.connect(mirror)) as db, db:
        db.execute("UPDATE facts SET facts = '[]' WHERE package_id = 2 AND source = 'catalog'")
    assert run_on_terminal("compare", "1", "2", "-f", "stars").code == 0


def test_csv_and_markdown_contain_the_selected_fields(mirror: Path) -> None:
    out = run("compare", "1", "2", "--csv", "-f", "stars,slug,participants").out
    assert next(csv.DictReader(io.StringIO(out))) == {
        "slug": "django-pots", "stars": "5112", "participants": '["mara","otto","ines"]',
    }  # fmt: skip
    assert run("compare", "1", "2", "--markdown", "-f", "stars").out == (
        "|  | django-pots | django-pans |\n| --- | --- | --- |\n| stars | **5112** | 20 (catalog) |\n"
    )


def test_unknown_values_are_never_shown_as_zero(mirror: Path) -> None:
    bare = catalog_facts(6, "bare", repo_watchers=0, repo_forks=0, participants=())
    gone = catalog_facts(
        7, "homeless", repo_url="", repo_watchers=0, repo_forks=0, participants=(), commits_over_52=(0,) * 52
    )
    filled_mirror(mirror, [bare, gone])
    figures = "stars,forks,contributors,commits,commits_over_52"
    nothing = "|  | bare | homeless |\n| --- | --- | --- |\n" + "".join(
        f"| {name.replace('_', ' ')} |  |  |\n" for name in figures.split(",")
    )
    assert run("compare", "6", "7", "--markdown", "-f", figures).out == nothing
    assert [line.rstrip() for line in run_on_terminal("compare", "6", "7", "-f", figures).lines[1:]] == [
        name.replace("_", " ") for name in figures.split(",")
    ]
    for package in ("bare", "homeless"):
        assert run_on_terminal("list", f"slug:{package}", "-f", figures).lines[1].strip() == ""
        assert "★" not in run_on_terminal("show", package).out
        assert " 0" not in run_on_terminal("list", f"slug:{package}").lines[1].replace(" 1.0 ", "")


def test_markdown_shows_version_ranges_like_the_terminal(mirror: Path) -> None:
    table = run("compare", "1", "2", "--markdown", "-f", "django,python,requires_python").out
    assert "| django | 4.2, 5.2 |" in table
    assert "| requires python | ≥3.10 |" in table
    with_release = run("compare", "4", "1", "--markdown", "-f", "django").out
    assert with_release == "|  | Django\\_Kiln | django-pots |\n| --- | --- | --- |\n| django |  | 4.2, 5.2 |\n"


@pytest.mark.parametrize("grid", ["pottery", "11", "Pottery & Kilns", "POTTERY"])
def test_all_packages_of_a_grid_are_compared_most_stars_first(mirror: Path, grid: str) -> None:
    assert [line.split("\t")[0] for line in run("compare", f"grid:{grid}").lines[1:]] == [
        "django-pots", "Django_Kiln", "django-pans",
    ]  # fmt: skip


def test_there_is_no_limit(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(number, f"p{number}", grids=(10,)) for number in range(100, 200)])
    assert len(run("compare", "grid:gardening").lines) == 102
    drawn = run_on_terminal("compare", "grid:gardening").out
    assert all(f"p{number}" in drawn for number in range(100, 200))


def test_names_and_files_add_up_and_terms_narrow_them(mirror: Path) -> None:
    both = ("compare", "lids", "1", "--in", "-", "-f", "id")
    result = run(*both, stdin="django-pans\nDjango_Pots\nnone-such\n")
    assert [line.split("\t")[0] for line in result.lines] == ["slug", "lids", "django-pots", "django-pans"]
    assert result.err == (
        "1 of 3 dependencies is not listed on Django Packages; djpkg list --in FILE --unlisted names them\n"
    )
    result = run(*both, "grid:pottery", "-category:frameworks", stdin="django-pans\n")
    assert [line.split("\t")[0] for line in result.lines] == ["slug", "django-pots"]
    assert run("compare", "lids", "is:archived", "-f", "id") == (0, "slug\tid\n", "")
    assert run("compare", "grid:pottery", "^is:archived", "-f", "id").lines[1:] == ["django-pots\t1", "django-pans\t2"]
    assert run("compare", "grid:pottery", "-is:archived", "-f", "id").lines[1:] == ["django-pots\t1", "django-pans\t2"]


def test_the_head_of_a_markdown_table_is_escaped_like_every_cell(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(100, "a|b\x1b[31m\nc\u202ed*_"), catalog_facts(101, "plain")])
    lines = run("compare", "100", "101", "--markdown", "-f", "title").lines
    assert lines[0] == "|  | a\\|b^\\[\\[31m c\\<U+202E\\>d\\*\\_ | plain |"
    assert lines[1] == "| --- | --- | --- |"
    assert len(lines) == 3


def test_an_empty_grid_gives_output_of_the_same_shape(mirror: Path) -> None:
    assert run("compare", "grid:empty-grid", "--json") == (0, "[\n]\n", "")
    assert run("compare", "grid:empty-grid", "-f", "stars") == (0, "slug\tstars\n", "")
    assert run_on_terminal("compare", "grid:empty-grid") == (0, "", "no packages to compare\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["nobody"], 3),
        (["1", "--csv", "--json"], 2),
        (["1", "-f", "x"], 2),
        (["-forms"], 2),
        (["Remark: x"], 2),
        (["--in", "nowhere.txt"], 2),
    ],
)
def test_invalid_arguments_are_rejected(mirror: Path, arguments: list[str], code: int) -> None:
    result = run("compare", *arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("djpkg: ")


@pytest.mark.parametrize("width", [30, 60, 80, 140])
def test_a_comparison_fits_the_width_of_the_terminal(mirror: Path, width: int) -> None:
    for arguments in (["1", "2"], ["grid:pottery"], ["1", "2", "3", "4", "-f", "all"]):
        assert max(map(len, run_on_terminal("compare", *arguments, width=width).lines)) <= max(width, 40)
