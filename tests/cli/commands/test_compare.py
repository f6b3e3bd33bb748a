from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from djpkg.model.fields import RECORD
from djpkg.render.compare import COMPARED
from tests.cli.running import look, run
from tests.mirrors import filled, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


def test_packages_stand_side_by_side_in_the_order_in_which_they_are_named(mirror: Path) -> None:
    ended = look("compare", "django-pans", "1")
    assert ended.lines[0].split() == ["django-pans", "django-pots"]
    assert next(line for line in ended.lines if line.startswith("stars")).split() == ["stars", "20", "5.1k", "*"]
    assert ended.err == ""


def test_into_a_pipe_goes_tsv_with_a_header_and_a_package_a_line(mirror: Path) -> None:
    head, *lines = run("compare", "django-pans", "django-pots").lines
    assert head.split("\t") == ["slug", *(column.key for column in COMPARED)]
    assert [line.split("\t")[0] for line in lines] == ["django-pans", "django-pots"]


def test_the_json_is_an_array_of_records_as_list_gives_them(mirror: Path) -> None:
    told = json.loads(run("compare", "2", "1", "--json").out)
    assert [one["slug"] for one in told] == ["django-pans", "django-pots"]
    assert list(told[0]) == [field.name for field in RECORD]
    named = run("compare", "2", "1", "--json", "-f", "slug,stars").out
    assert named == '[\n{"slug":"django-pans","stars":20},\n{"slug":"django-pots","stars":5112}\n]\n'


def test_csv_and_markdown_hold_the_named_fields(mirror: Path) -> None:
    out = run("compare", "1", "2", "--csv", "-f", "stars,slug,participants").out
    assert next(csv.DictReader(io.StringIO(out))) == {
        "slug": "django-pots", "stars": "5112", "participants": '["mara","otto","ines"]',
    }  # fmt: skip
    assert run("compare", "1", "2", "--markdown", "-f", "stars").out == (
        "|  | django-pots | django-pans |\n| --- | --- | --- |\n| stars | **5112** | 20 |\n"
    )


def test_what_is_unknown_is_drawn_as_zero_nowhere(mirror: Path) -> None:
    bare = record(6, "bare", repo_watchers=0, repo_forks=0, participants=())
    gone = record(7, "homeless", repo_url="", repo_watchers=0, repo_forks=0, participants=(), commits_over_52=(0,) * 52)
    filled(mirror, [bare, gone])
    figures = "stars,forks,contributors,commits,commits_over_52"
    nothing = "|  | bare | homeless |\n| --- | --- | --- |\n" + "".join(
        f"| {name.replace('_', ' ')} |  |  |\n" for name in figures.split(",")
    )
    assert run("compare", "6", "7", "--markdown", "-f", figures).out == nothing
    assert [line.rstrip() for line in look("compare", "6", "7", "-f", figures).lines[1:]] == [
        name.replace("_", " ") for name in figures.split(",")
    ]
    for package in ("bare", "homeless"):
        assert look("list", f"slug:{package}", "-f", figures).lines[1].strip() == ""
        assert "★" not in look("show", package).out
        assert " 0" not in look("list", f"slug:{package}").lines[1].replace(" 1.0 ", "")


def test_a_document_says_versions_as_the_terminal_does(mirror: Path) -> None:
    told = run("compare", "1", "2", "--markdown", "-f", "django,python,requires_python").out
    assert "| django | 4.2\N{EN DASH}5.2 |" in told
    assert "| requires python | ≥3.10 |" in told
    with_release = run("compare", "4", "1", "--markdown", "-f", "django").out
    assert (
        with_release == "|  | Django\\_Kiln | django-pots |\n| --- | --- | --- |\n| django |  | 4.2\N{EN DASH}5.2 |\n"
    )


@pytest.mark.parametrize("grid", ["pottery", "11", "Pottery & Kilns", "POTTERY"])
def test_all_members_of_a_grid_are_compared_most_stars_first(mirror: Path, grid: str) -> None:
    assert [line.split("\t")[0] for line in run("compare", "--grid", grid).lines[1:]] == [
        "django-pots", "Django_Kiln", "django-pans",
    ]  # fmt: skip


def test_there_is_no_limit(mirror: Path) -> None:
    filled(mirror, [record(number, f"p{number}", grids=(10,)) for number in range(100, 200)])
    assert len(run("compare", "--grid", "gardening").lines) == 102
    drawn = look("compare", "--grid", "gardening").out
    assert all(f"p{number}" in drawn for number in range(100, 200))


def test_an_unknown_grid_ends_with_three_and_the_nearest(mirror: Path) -> None:
    ended = run("compare", "--grid", "potery", "--json")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.splitlines() == [
        "djpkg: there is no grid 'potery' in the mirror",
        "       did you mean pottery?",
    ]
    assert "djpkg grids lists them" in run("compare", "--grid", "zzz").err


def test_packages_grid_and_requirements_add_up_each_once(mirror: Path) -> None:
    ended = run(
        "compare", "lids", "1", "--grid", "gardening", "--in", "-", "-f", "id", stdin="django-pans\nnone-such\n"
    )
    assert [line.split("\t")[0] for line in ended.lines] == ["slug", "lids", "django-pots", "django-pans"]
    assert ended.err == "1 of 2 required projects is not in the mirror: none-such\n"


def test_the_help_says_that_they_add_up() -> None:
    said = " ".join(run("compare", "--help").out.split())
    assert "--in FILE Also what this project stands on" in said
    assert "--grid GRID Also every package of a grid" in said


def test_a_grid_without_packages_has_the_same_shape(mirror: Path) -> None:
    assert run("compare", "--grid", "empty-grid", "--json") == (0, "[\n]\n", "")
    assert run("compare", "--grid", "empty-grid", "-f", "stars") == (0, "slug\tstars\n", "")
    assert look("compare", "--grid", "empty-grid") == (0, "", "no package to compare\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["nobody"], 3), (["1", "--csv", "--json"], 2), (["1", "-f", "x"], 2), (["--in", "nowhere.txt"], 2)],
)
def test_what_makes_no_sense_is_refused(mirror: Path, arguments: list[str], code: int) -> None:
    ended = run("compare", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("djpkg: ")


@pytest.mark.parametrize("width", [30, 60, 80, 140])
def test_a_comparison_keeps_to_the_width_of_the_terminal(mirror: Path, width: int) -> None:
    for arguments in (["1", "2"], ["--grid", "pottery"], ["1", "2", "3", "4", "-f", "all"]):
        assert max(map(len, look("compare", *arguments, width=width).lines)) <= max(width, 40)
