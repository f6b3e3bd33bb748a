from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from djpkg.model.fields import FIELDS, RECORD
from djpkg.query.parser import ACTIVE_RULE, STATES
from tests.cli.running import RECORD as RECORD_FILE
from tests.cli.running import look, run, watch
from tests.mirrors import filled, record


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


def slugs(*arguments: str) -> list[str]:
    return [line.split("\t")[0] for line in run("list", *arguments).lines]


# Which, and in which order.


def test_all_are_listed_with_most_stars_first(mirror: Path) -> None:
    assert slugs() == ["django-pots", "Django_Kiln", "django-pans", "lids"]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (["pots"], ["django-pots", "Django_Kiln"]),
        (["stars:30.."], ["django-pots", "Django_Kiln"]),
        (["grid:pottery", "-is:archived"], ["django-pots", "django-pans"]),
        (["^grid:pottery"], ["lids"]),
        (["-pots", "django"], ["django-pans"]),
        (["category:frameworks"], ["django-pans"]),
        (["django:5.2"], ["django-pots"]),
        (["nothing-like-it"], []),
    ],
)
def test_terms_choose(mirror: Path, terms: list[str], found: list[str]) -> None:
    assert sorted(slugs(*terms)) == sorted(found)


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("category:framworks", "there is no category 'framworks' in the mirror; did you mean frameworks?"),
        ("grid:potery", "there is no grid 'potery' in the mirror; did you mean pottery?"),
        ("grid_slugs:zzz", "there is no grid 'zzz' in the mirror; djpkg grids lists them"),
    ],
)
def test_a_category_or_grid_that_is_not_there_is_told(mirror: Path, term: str, told: str) -> None:
    ended = run("list", term)
    assert (ended.code, ended.out, ended.err) == (0, "", f"{told}\n")
    assert run("list", "grid:pottery", "category:apps").err == ""


def test_several_fields_order_one_after_the_other(mirror: Path) -> None:
    filled(mirror, [record(6, "twin-b", repo_watchers=20), record(7, "twin-a", repo_watchers=20)])
    assert slugs("--sort", "stars,slug")[2:5] == ["django-pans", "twin-a", "twin-b"]
    assert slugs("--sort", "stars", "--sort", "-slug")[2:5] == ["twin-b", "twin-a", "django-pans"]
    assert slugs("-s", "-stars", "stars:20")[:3] == ["django-pans", "twin-a", "twin-b"]


def test_the_option_takes_a_field_that_begins_with_a_minus(mirror: Path) -> None:
    assert slugs("--sort", "-slug", "-n", "1") == slugs("--sort=-slug", "-n1") == ["lids"]


@pytest.mark.parametrize(
    "word", ["-forms", "-social", "-ninja", "-history", "-starz", "-n5x", "-stars,starz", "-s-starz", "-fallen", "-nil"]
)
def test_a_word_that_begins_with_the_letter_of_an_option_can_be_excluded(mirror: Path, word: str) -> None:
    filled(mirror, [record(6, f"x-{word[1:]}", repo_description="")])
    assert slugs(word) == ["django-pots", "Django_Kiln", "django-pans", "lids"]


@pytest.mark.parametrize("term", ["-stars:100..", "-forks:50..", "-slug:django-pots", "-forge:none", "-name:pots"])
def test_a_filter_that_begins_with_the_letter_of_an_option_can_be_excluded(mirror: Path, term: str) -> None:
    assert run("list", term) == run("list", f"^{term[1:]}")


def test_a_filter_that_is_none_is_told_as_such_where_it_is_excluded(mirror: Path) -> None:
    assert "there is no field 'starz'" in run("list", "-starz:1..").err
    assert "there is no field 'nosuch'" in run("list", "-nosuch:1").err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["-n2"], ["--limit", "2"]),
        (["-fslug"], ["--fields", "slug"]),
        (["-fslug,stars"], ["--fields", "slug,stars"]),
        (["-fall"], ["--fields", "all"]),
        (["-sforks,-slug"], ["--sort", "forks,-slug"]),
        (["-s-stars"], ["--sort", "-stars"]),
        (["-s", "-slug"], ["--sort", "-slug"]),
        (["-f", "slug", "-n", "1"], ["--fields", "slug", "--limit", "1"]),
        (["-h"], ["--help"]),
    ],
)
def test_the_letter_of_an_option_takes_its_value(mirror: Path, typed: list[str], meant: list[str]) -> None:
    assert run("list", *typed) == run("list", *meant)


# How.


def test_into_a_pipe_goes_a_line_a_package_the_slug_first_and_no_header(mirror: Path) -> None:
    first = run("list").lines[0].split("\t")
    assert first[:2] == ["django-pots", "5112"]
    assert len(first) == 7


def test_the_json_is_an_array_of_records_one_a_line(mirror: Path) -> None:
    out = run("list", "--json").out
    assert [one["slug"] for one in json.loads(out)][:2] == ["django-pots", "Django_Kiln"]
    assert out.startswith("[\n{")
    assert out.endswith("}\n]\n")
    assert len(out.splitlines()) == 6
    assert all(list(one) == [field.name for field in RECORD] for one in json.loads(out))


def test_each_element_is_what_show_prints(mirror: Path) -> None:
    for one in json.loads(run("list", "--json", "-f", "all").out):
        assert one == json.loads(run("show", str(one["id"]), "--json", "-f", "all").out)


@pytest.mark.parametrize(
    ("form", "empty"), [("--json", "[\n]\n"), ("--jsonl", ""), ("--csv", "slug,stars\n"), ("--tsv", "slug\tstars\n")]
)
def test_the_shape_is_the_same_without_results(mirror: Path, form: str, empty: str) -> None:
    assert run("list", "nothing-like-it", form, "-f", "slug,stars") == (0, empty, "")


def test_lines_of_json_are_objects(mirror: Path) -> None:
    lines = run("list", "--jsonl", "-f", "slug,stars").lines
    assert lines[0] == '{"slug":"django-pots","stars":5112}'
    assert len(lines) == 4


def test_csv_reads_back_with_lists_as_json(mirror: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("list", "--csv").out)))
    assert list(rows[0]) == [field.name for field in RECORD]
    assert json.loads(rows[0]["participants"]) == ["mara", "otto", "ines"]


def test_tsv_has_a_header_and_the_named_fields(mirror: Path) -> None:
    assert run("list", "--tsv", "-f", "slug,version", "django-pots").out == "slug\tversion\ndjango-pots\t2.5.0\n"


def test_all_fields_can_be_listed_in_every_form(mirror: Path) -> None:
    for form in ("--json", "--jsonl", "--csv", "--tsv"):
        assert run("list", form, "-f", "all").code == 0
    assert look("list", "-f", "all").code == 0
    assert list(json.loads(run("list", "--jsonl", "-f", "all", "-n1").out)) == [field.name for field in FIELDS]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_a_table_keeps_to_the_width_of_the_terminal(mirror: Path, width: int) -> None:
    ended = look("list", width=width)
    assert ended.lines[0].startswith("PACKAGE")
    assert max(map(len, ended.lines)) <= width
    assert "archived" in ended.out or width < 60


# What is said beside it.


def test_a_terminal_shows_a_screenful_and_says_so(tmp_path: Path) -> None:
    filled(Path(os.environ["DJPKG_DB"]), [record(number, f"p{number}") for number in range(1, 41)])
    ended = watch("list")
    assert (len(ended.lines), ended.err) == (31, "30 of 40, -n 0 for all\n")
    assert len(watch("list", "-n", "0").lines) == 41
    assert (len(run("list").lines), run("list").err) == (40, "")
    assert run("list", "-n", "3", "p3").err == "3 of 11, -n 0 for all\n"


def test_colour_that_is_forced_takes_no_row_from_a_pipe(tmp_path: Path) -> None:
    filled(Path(os.environ["DJPKG_DB"]), [record(number, f"p{number}") for number in range(1, 41)])
    coloured = run("list", env={"FORCE_COLOR": "1", "TERM": "xterm"})
    assert (len(coloured.lines), coloured.err) == (41, "")
    assert "\x1b[" in coloured.out
    assert run("list", env={"FORCE_COLOR": "0"}).out == run("list").out


@pytest.mark.parametrize("command", ["list", "changes"])
def test_more_rows_than_there_can_be_are_not_asked_for(mirror: Path, command: str) -> None:
    ended = run(command, "-n", "99999999999999999999")
    assert (ended.code, ended.out) == (2, "")
    assert run(command, "-n", "1000000000").code == 0


def test_what_is_active_hides_is_counted(mirror: Path) -> None:
    ended = run("list", "is:active")
    assert "Django_Kiln" not in ended.out
    assert ended.err == "1 hidden by is:active\n"


def test_no_match_is_said_to_a_person_only(mirror: Path) -> None:
    assert look("list", "nothing-like-it") == (0, "", "no package matches\n")
    assert run("list", "nothing-like-it") == (0, "", "")


# What makes no sense.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "--csv"], "--json and --csv exclude each other"),
        (["--json", "--jsonl", "--tsv"], "--json, --jsonl and --tsv exclude each other"),
        (["starz:5"], "there is no field 'starz'"),
        (["stars:many"], "stars takes a number"),
        (["is:lovely"], "there is no is:lovely"),
        (["--sort", "starz"], "did you mean stars?"),
        (["--sort", "checked"], "checked has no order"),
        (["-f", "nothing"], "there is no field 'nothing'"),
        (["-n", "-1"], "not in the range"),
        (["-n", "few"], "few"),
        (["--in", "no-such-file.txt"], "no-such-file.txt cannot be read"),
        (["--in", ""], "--in names no file"),
        (["--in", "https://mara:secret@example.org/r.txt"], "https://example.org/r.txt cannot be read"),
        (["--sort", ""], "--sort names no field"),
        (["-f", ""], "--fields names no field"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(mirror: Path, arguments: list[str], said: str) -> None:
    ended = run("list", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_without_a_mirror_the_packaged_record_is_listed_and_no_file_is_made(tmp_path: Path) -> None:
    ended = run("list", "--json")
    assert json.loads(ended.out) == [json.loads(RECORD_FILE.read_text())]
    assert "djpkg fetch --all" in ended.err
    assert list(tmp_path.iterdir()) == []


# What a project stands on.


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("Django-Pots==2.5\nrequests>=2\ndjango_pans\n# lids\nDjango-Kiln\nzope.interface\n")
    return path


def test_a_requirements_file_chooses_and_what_is_unknown_is_counted_and_named(mirror: Path, requirements: Path) -> None:
    ended = run("list", "--in", str(requirements), "-f", "slug")
    assert ended.lines == ["django-pots", "Django_Kiln", "django-pans"]
    assert ended.err == "2 of 5 required projects are not in the mirror: requests, zope-interface\n"


def test_addresses_and_paths_are_required_too(mirror: Path, requirements: Path) -> None:
    requirements.write_text(
        "git+https://token:x@github.com/Mara/Django-Pots.git@main\n"
        "-e git+ssh://git@github.com/mara/django_kiln#egg=a-name-that-nobody-knows\n"
        "renamed @ https://github.com/mara/django-pans/archive/main.zip\n"
        "git+https://me:secret@github.com/mara/nowhere\n./local/lids\nfile:///abs/x\n-e /home/x/thing\n-e .\n"
    )
    ended = run("list", "--in", str(requirements), "-f", "slug")
    assert ended.lines == ["django-pots", "Django_Kiln", "django-pans"]
    assert ended.err == (
        "4 of 7 required projects are not in the mirror:"
        " ./local/lids, /home/x/thing, file:///abs/x, git+https://github.com/mara/nowhere\n"
    )


def test_terms_limit_and_counts_hold_within_the_file(mirror: Path, requirements: Path) -> None:
    ended = run("list", "--in", str(requirements), "is:active", "-n", "1")
    assert [line.split("\t")[0] for line in ended.lines] == ["django-pots"]
    assert ended.err.splitlines()[1:] == ["1 of 2, -n 0 for all", "1 hidden by is:active"]


def test_standard_input_takes_what_pip_freeze_prints(mirror: Path) -> None:
    ended = run("list", "--in", "-", "-f", "slug", stdin="django-pots==2.5.0\n-e git+https://x.org/a.git#egg=lids\n")
    assert (ended.code, ended.lines) == (0, ["django-pots"])


def test_a_file_of_powershell_is_read(mirror: Path, requirements: Path) -> None:
    requirements.write_bytes("django-pots==2.5.0\r\n".encode("utf-16"))
    assert run("list", "--in", str(requirements), "-f", "slug").lines == ["django-pots"]


def test_included_files_are_read_beside_the_first(mirror: Path, requirements: Path) -> None:
    (requirements.parent / "sub").mkdir()
    (requirements.parent / "sub" / "base.txt").write_text("django-pots\n")
    requirements.write_text("-r sub/base.txt\n")
    assert run("list", "--in", str(requirements), "-f", "slug").lines == ["django-pots"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("requirements.txt", b"==1.0\n", "requirements.txt:1: '==1.0' is no requirement"),
        ("requirements.txt", b"django-pots\n\xff\xfe\xff\n", "requirements.txt:2: this is no UTF-8 text"),
        ("requirements.txt", b"django-pots\n-r missing.txt\n", "requirements.txt:2: "),
        ("pyproject.toml", b"[project\n", "pyproject.toml:1: no TOML"),
        ("pyproject.toml", b"[project]\ndependencies = 1\n", "pyproject.toml:2: project.dependencies is no list"),
        ("uv.lock", b"\npackage = 3\n", "uv.lock:2: package is no list"),
        ("poetry.lock", b"[tool.poetry]\n", "poetry.lock:1: this is no poetry.lock"),
        ("Pipfile.lock", b"{", "Pipfile.lock:1: no JSON"),
        ("notes.md", b"django-pots\n", "notes.md is no kind of file that djpkg reads"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_two_and_names_the_place(
    mirror: Path, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    ended = run("list", "--in", str(tmp_path / name))
    assert (ended.code, ended.out) == (2, "")
    assert f"djpkg: {tmp_path}/{told}" in ended.err


def test_a_folder_is_no_file_of_requirements(mirror: Path, tmp_path: Path) -> None:
    assert run("list", "--in", str(tmp_path)).code == 2


# Help.


def test_the_help_says_what_every_state_means() -> None:
    said = " ".join(run("list", "--help").out.split())
    assert all(f"is:{state.name} {state.about}" in said for state in STATES)
    assert ACTIVE_RULE in said
