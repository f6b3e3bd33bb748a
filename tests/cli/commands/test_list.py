from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from djpkg.cli import terminal
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.model.fetch_state import Sweep
from djpkg.model.fields import FIELDS, RECORD
from djpkg.query.parser import STATES
from djpkg.source_name import SourceName
from tests.cli.conftest import complete
from tests.cli.running import RECORD as RECORD_FILE
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, catalog_facts, filled_mirror


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


def slugs(*arguments: str) -> list[str]:
    return [line.split("\t")[0] for line in run("list", *arguments).lines]


# Selection and order.


def test_all_packages_are_listed_with_most_stars_first(mirror: Path) -> None:
    assert slugs() == ["django-pots", "Django_Kiln", "django-pans", "lids"]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (["pots"], ["django-pots", "Django_Kiln"]),
        (["stars:30.."], ["django-pots", "Django_Kiln"]),
        (["grid:pottery", "-is:archived"], ["django-pots", "django-pans"]),
        (["^grid:pottery"], ["lids"]),
        (["^pots", "django"], ["django-pans"]),
        (["--", "-pots", "django"], ["django-pans"]),
        (["django", "--", "-is:archived", "-pots"], ["django-pans"]),
        (["category:frameworks"], ["django-pans"]),
        (["django:5.2"], ["django-pots"]),
        (["nothing-like-it"], []),
    ],
)
def test_terms_select_packages(mirror: Path, terms: list[str], found: list[str]) -> None:
    assert sorted(slugs(*terms)) == sorted(found)


@pytest.mark.parametrize(
    ("term", "message", "hint"),
    [
        ("category:framworks", "unknown category 'framworks'", "did you mean frameworks?"),
        ("grid:potery", "unknown grid 'potery'", "did you mean pottery?"),
        ("-grid_slugs:zzz", "unknown grid 'zzz'", "djpkg grids lists them"),
        ("is:activ", "unknown state 'activ'; use removed, gone, blocked, archived,", "did you mean active"),
        ("-state:arch", "invalid value 'arch' for state; use removed, gone,", "did you mean archived?"),
        ("starz:5", "unknown field 'starz'", "did you mean stars?"),
    ],
)
@pytest.mark.parametrize("command", ["list", "compare", "fetch", "changes"])
def test_an_unknown_name_is_a_usage_error_with_the_nearest_in_every_command(
    mirror: Path, command: str, term: str, message: str, hint: str
) -> None:
    with open_write(mirror) as db:  # or fetch would read the list first
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW, 4, 4))
    result = run(command, term)
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first.startswith(f"djpkg: {message}")
    assert second.startswith(f"       {hint}")
    assert run("list", "grid:pottery", "category:apps").err == ""


def test_without_names_of_grids_the_catalog_is_to_be_fetched(mirror: Path) -> None:
    with open_write(mirror) as db:
        db.execute("UPDATE grids SET slug = NULL, title = NULL")
    result = run("list", "grid:pottery")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        "djpkg: unknown grid 'pottery'; no names of grids are known yet",
        "       run djpkg fetch --all",
    ]
    assert slugs("grid:10") == ["django-pots"]


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("stars=100", "stars:100"),
        ("stars==100", "stars:100"),
        ("stars>100", "stars:100.."),
        ("stars>=100", "stars:100.."),
        ("stars<5", "stars:..5"),
        ("stars!=5", "^stars:5"),
        ("-stars=5", "^stars:5"),
        ("stars:>100", "stars:100.."),
        ("-updated:<2020", "updated:..2020"),
        ("is=active", "is:active"),
        ("is=", "is:active"),
        ("django=5.2", "django:5.2"),
        ("title=django todo", 'title:"django todo"'),
        ("stars:", "stars:100.."),
        ("stars=", "stars:100.."),
        ("-stars:", "stars:100.."),
        ("is:", "is:active"),
        ("updated:", "updated:6m.."),
        ("docs:,", "docs:readthedocs"),
    ],
)
@pytest.mark.parametrize("command", ["list", "compare", "fetch", "changes"])
def test_a_term_in_the_wrong_form_is_an_error_that_shows_the_right_one(
    mirror: Path, command: str, typed: str, right: str
) -> None:
    result = run(command, typed)
    assert (result.code, result.out) == (2, "")
    assert right in result.err.splitlines()[1]
    assert len(result.err.splitlines()) <= 5


def test_an_unknown_number_of_contributors_is_null_in_every_output(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(6, "jars", participants=()), catalog_facts(7, "cups")])
    assert slugs("contributors:0") == slugs("contributors:..1") == slugs("participants:..1") == []
    assert slugs("contributors:none", "slug:jars") == ["jars"]
    assert slugs("contributors:..5", "slug:cups") == ["cups"]
    assert slugs("slug:jars,cups", "--sort", "-contributors") == ["cups", "jars"]
    columns = ("slug:jars", "-f", "contributors,participants")
    assert json.loads(run("list", *columns, "--json").out) == [{"contributors": None, "participants": []}]
    assert run("list", *columns, "--csv").lines == ["contributors,participants", ",[]"]
    assert run_on_terminal("list", *columns).out.splitlines()[1:] in ([""], [])
    assert json.loads(run("show", "jars", "--json", "-f", "participant_count").out) == {"participant_count": None}


def test_a_commit_dated_in_the_future_is_not_active_and_keeps_its_time(mirror: Path) -> None:
    date = "2036-01-01T00:00:00Z"
    filled_mirror(mirror, [catalog_facts(6, "jars", last_updated=date), catalog_facts(7, "cups")])
    both = ("slug:jars,cups",)
    assert slugs(*both, "is:active") == slugs(*both, "updated:2020..") == ["cups"]
    assert slugs(*both, "updated:none") == ["jars"]
    assert slugs(*both, "-s", "updated") == slugs(*both, "-s", "-updated") == ["cups", "jars"]
    assert json.loads(run("list", "slug:jars", "--json").out)[0]["last_updated"] == date
    assert "dated in the future" in run_on_terminal("list", "slug:jars").out
    assert "dated in the future" in run_on_terminal("show", "jars").out


def test_later_sort_fields_break_ties(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(6, "twin-b", repo_watchers=20), catalog_facts(7, "twin-a", repo_watchers=20)])
    assert slugs("--sort", "stars,slug")[2:5] == ["django-pans", "twin-a", "twin-b"]
    assert slugs("--sort", "stars", "--sort", "-slug")[2:5] == ["twin-b", "twin-a", "django-pans"]
    assert slugs("-s", "-stars", "stars:20")[:3] == ["django-pans", "twin-a", "twin-b"]


def test_sort_accepts_a_field_with_a_leading_minus(mirror: Path) -> None:
    assert slugs("--sort", "-slug", "-n", "1") == slugs("--sort=-slug", "-n1") == ["lids"]
    assert slugs("--sort", "-slug", "-n", " 1") == ["lids"]


def test_the_signs_of_sort_fields(mirror: Path) -> None:
    by_stars = ["django-pots", "Django_Kiln", "django-pans", "lids"]
    assert slugs("-s", "stars") == slugs("-s", "-stars") == by_stars
    assert slugs("-s", "+stars") == [*by_stars[-2::-1], "lids"]  # whose stars nobody has counted
    by_slug = ["django-pans", "django-pots", "Django_Kiln", "lids"]
    assert slugs("-s", "slug") == slugs("-s", "+slug") == by_slug
    assert slugs("-s", "-slug") == by_slug[::-1]
    assert slugs("-s", "state") == ["django-pans", "django-pots", "lids", "Django_Kiln"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("-forms", "-f: unknown field 'orms'"),
        ("-todo", "unknown option '-todo'"),
        ("-social", "-s: unknown field 'ocial'"),
        ("-ninja", "-n: invalid number 'inja'"),
        ("-n5x", "-n: invalid number '5x'"),
        ("-read", "-r: no such file: 'ead'"),
        ("-stars,starz", "-s: unknown field 'tars'"),
        ("-is", "unknown option '-is'"),
    ],
)
def test_a_word_with_a_minus_is_an_error_that_shows_the_caret(mirror: Path, typed: str, message: str) -> None:
    result = run("list", typed)
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first == f"djpkg: {message}"
    assert second.endswith(f"'^{typed[1:]}'")
    assert run("list", f"^{typed[1:]}").code == 0


@pytest.mark.parametrize("term", ["-stars:100..", "-forks:50..", "-slug:django-pots", "-forge:none"])
def test_a_filter_that_starts_like_an_option_can_be_excluded(mirror: Path, term: str) -> None:
    assert run("list", term) == run("list", f"^{term[1:]}")


def test_an_unknown_field_in_an_excluding_filter_is_reported(mirror: Path) -> None:
    assert "unknown field 'starz'" in run("list", "-starz:1..").err
    assert "unknown field 'nosuch'" in run("list", "-nosuch:1").err


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
def test_a_short_option_accepts_an_attached_value(mirror: Path, typed: list[str], meant: list[str]) -> None:
    assert run("list", *typed) == run("list", *meant)


# Formats.


def test_a_pipe_gets_one_line_per_package_without_a_header(mirror: Path) -> None:
    rows = [line.split("\t") for line in run("list").lines]
    assert rows[0] == [
        "django-pots", "active", "5112", "2026-11-03T12:00:00Z", "78", "2.5.0", "2026-10-14T12:00:00Z",
        '["4.2","5.2"]', "Flower pots for every model.",
    ]  # fmt: skip
    assert [row[:2] for row in rows[1:]] == [["Django_Kiln", "archived"], ["django-pans", "active"], ["lids", "active"]]


def test_the_json_is_an_array_with_one_record_per_line(mirror: Path) -> None:
    out = run("list", "--json").out
    assert [package["slug"] for package in json.loads(out)][:2] == ["django-pots", "Django_Kiln"]
    assert out.startswith("[\n{")
    assert out.endswith("}\n]\n")
    assert len(out.splitlines()) == 6
    assert all(list(package) == [field.name for field in RECORD] for package in json.loads(out))


def test_each_json_record_equals_the_output_of_show(mirror: Path) -> None:
    for package in json.loads(run("list", "--json", "-f", "all").out):
        assert package == json.loads(run("show", str(package["id"]), "--json", "-f", "all").out)


@pytest.mark.parametrize(
    ("form", "empty"), [("--json", "[\n]\n"), ("--jsonl", ""), ("--csv", "slug,stars\n"), ("--tsv", "slug\tstars\n")]
)
def test_the_output_has_the_same_shape_without_results(mirror: Path, form: str, empty: str) -> None:
    assert run("list", "nothing-like-it", form, "-f", "slug,stars") == (0, empty, "")


def test_jsonl_prints_one_object_per_line(mirror: Path) -> None:
    lines = run("list", "--jsonl", "-f", "slug,stars").lines
    assert lines[0] == '{"slug":"django-pots","stars":5112}'
    assert len(lines) == 4


def test_csv_has_a_header_and_lists_as_json(mirror: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("list", "--csv").out)))
    assert list(rows[0]) == [field.name for field in RECORD]
    assert json.loads(rows[0]["participants"]) == ["mara", "otto", "ines"]


def test_tsv_has_a_header_and_the_selected_fields(mirror: Path) -> None:
    assert run("list", "--tsv", "-f", "slug,version", "django-pots").out == "slug\tversion\ndjango-pots\t2.5.0\n"


def test_every_field_can_be_listed_in_every_format(mirror: Path) -> None:
    for form in ("--json", "--jsonl", "--csv", "--tsv"):
        assert run("list", form, "-f", "all").code == 0
    assert run_on_terminal("list", "-f", "all").code == 0
    assert list(json.loads(run("list", "--jsonl", "-f", "all", "-n1").out)) == [field.name for field in FIELDS]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_a_table_fits_the_width_of_the_terminal(mirror: Path, width: int) -> None:
    result = run_on_terminal("list", width=width)
    assert result.lines[0].startswith("PACKAGE")
    assert max(map(len, result.lines)) <= width
    assert "archived" in result.out or width < 60


@pytest.mark.parametrize("width", [80, 140])
def test_a_package_found_by_grid_or_category_alone_says_so(mirror: Path, width: int) -> None:
    filled_mirror(mirror, [catalog_facts(6, "django-vases", grids=(11,), repo_description="Made of pottery.")])
    out = run_on_terminal("list", "pottery", width=width).out
    assert out.count("(grid Pottery & Kilns)") == 3
    assert "django-vases (grid" not in out
    assert "(grid" not in run_on_terminal("list", "django", width=width).out
    assert run_on_terminal("list", "frame", width=width).out.count("(category Framework)") == 1
    assert "(grid" not in run("list", "pottery").out
    assert "(grid Pottery & Kilns)" in run_on_terminal("list", "pottery", "-f", "stars", width=width).out


def test_a_terminal_shows_the_state_with_any_choice_of_fields(mirror: Path) -> None:
    lines = run_on_terminal("list", "-f", "slug,stars").lines
    assert [line.split() for line in lines[:3]] == [
        ["SLUG", "STARS", "STATE"], ["django-pots", "5112"], ["Django_Kiln", "77", "archived"],
    ]  # fmt: skip
    assert run("list", "-f", "slug,stars").lines[1] == "Django_Kiln\t77"
    assert run("list", "-f", "slug,state", "--jsonl").lines[0] == '{"slug":"django-pots","state":"active"}'


# Messages.


def test_forced_colour_does_not_limit_the_rows_of_a_pipe(tmp_path: Path) -> None:
    packages = [catalog_facts(number, f"p{number}") for number in range(1, 41)]
    complete(filled_mirror(Path(os.environ["DJPKG_DB"]), packages))
    coloured = run("list", env={"FORCE_COLOR": "1", "TERM": "xterm"})
    assert (len(coloured.lines), coloured.err) == (41, "")
    assert "\x1b[" in coloured.out
    assert run("list", env={"FORCE_COLOR": "0"}).out == run("list").out


@pytest.mark.parametrize("command", ["list", "changes"])
def test_a_limit_that_is_too_large_is_a_usage_error(mirror: Path, command: str) -> None:
    result = run(command, "-n", "99999999999999999999")
    assert (result.code, result.out) == (2, "")
    assert run(command, "-n", "1000000000").code == 0


def test_no_match_is_reported_only_on_a_terminal(mirror: Path) -> None:
    assert run_on_terminal("list", "nothing-like-it") == (0, "", "no packages match\n")
    assert run("list", "nothing-like-it") == (0, "", "")


def test_a_search_without_hits_suggests_near_slugs(mirror: Path) -> None:
    assert run("list", "djnago-pots") == (0, "", "no packages match; did you mean django-pots?\n")
    assert run("list", "pot-s", "--json") == (0, "[\n]\n", "no packages match; did you mean django-pots?\n")
    # It is not the word that hides the packages.
    assert run("list", "pots", "stars:9000..") == (0, "", "")


def test_tables_filters_and_counts_agree_on_unknown_stars(mirror: Path) -> None:
    assert run("list", "stars:none", "-f", "slug,stars").out == "lids\t0\n"  # a pipe has what the catalog states
    assert run("list", "stars:0").out == ""
    assert run_on_terminal("list", "stars:none", "-f", "slug,stars").out.split() == ["SLUG", "STARS", "STATE", "lids"]
    assert "0" not in run_on_terminal("list", "stars:none", "--count", "stars").out
    assert run("list", "stars:none", "--count", "stars").out == "\t1\n"
    row = next(line for line in run_on_terminal("show", "lids", "--sources").lines if line.startswith("repo_watchers"))
    assert row.split()[-1] == "0"


def test_suggested_packages_match_the_other_terms(mirror: Path) -> None:
    assert run("list", "djnago-pots", "stars:500..").err == "no packages match; did you mean django-pots?\n"
    assert run("list", "djnago-pots", "stars:..400").err == ""
    assert run("list", "djnago-pots", "^grid:pottery").err == ""
    assert run("list", "kiln", "djnago-pots").err == ""
    assert run("list", "kiln", "stars:..1").err == ""


def test_a_field_name_that_matches_nothing_hints_at_quotes(mirror: Path) -> None:
    expected = "no packages match; stars is a field: quote < and >, which a shell takes; for example 'stars:100..'\n"
    assert run("list", "stars") == (0, "", expected)
    assert run("list", "django", "stars", "--json").err == expected
    assert run("list", "description:nothing").err == ""


def test_an_address_that_matches_nothing_hints_at_show(mirror: Path) -> None:
    url = "https://github.com/mara/django-pots"
    assert run("list", url) == (0, "", f"no packages match; djpkg show {url} finds a package by an address\n")
    assert run("show", url, "-f", "slug").out == "slug\tdjango-pots\n"
    assert "djpkg show 'https://example.org/?a&b' finds" in run("list", "https://example.org/?a&b").err


# Counts.


def test_values_are_counted_with_their_packages(mirror: Path) -> None:
    assert run("list", "--count", "state").lines == ["active\t3", "archived\t1"]
    assert run("list", "-is:archived", "--count", "category").lines == [
        "https://djangopackages.org/api/v4/categories/1/\t2",
        "https://djangopackages.org/api/v4/categories/2/\t1",
    ]
    out = run("list", "--count", "license", "--json").out
    assert json.loads(out) == {
        "schema": 1,
        "values": [{"value": "BSD-3-Clause", "packages": 2}, {"value": None, "packages": 2}],
    }
    assert run("list", "nothing-like-it", "--count", "stars", "--json").code == 0
    assert run("list", "--count", "archived", "--csv").lines == ["value,packages", ",2", "false,1", "true,1"]
    assert run("list", "--count", "checked").lines == ["catalog\t4", "github\t2", "pypi\t2"]


@pytest.mark.parametrize("field", ["category", "grid"])
def test_counted_values_select_the_counted_packages(mirror: Path, field: str) -> None:
    counts = json.loads(run("list", "--count", field, "--json").out)["values"]
    assert counts
    for one in counts:
        assert len(run("list", f"{field}:{one['value'] or 'none'}", "-f", "slug").lines) == one["packages"]


def test_elements_of_lists_are_counted_singly(mirror: Path) -> None:
    assert run("list", "--count", "grid_slugs").lines == ["pottery\t3", "gardening\t1"]
    counted = json.loads(run("list", "--count", "django", "--json").out)["values"]
    assert counted == [{"value": "4.2", "packages": 1}, {"value": "5.2", "packages": 1}]


def test_counts_on_a_terminal_are_limited_and_say_so(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "stderr_is_terminal", lambda: True)
    assert run_on_terminal("list", "--count", "forge", "-n", "1") == (
        0,
        "PACKAGES  FORGE\n       3  github\n",
        "showing 1 of 2 values; -n 0 shows all\n",
    )
    assert "none" in run_on_terminal("list", "--count", "license").out
    # A person reads the names behind the addresses.
    assert run_on_terminal("list", "--count", "grid").lines[1].split() == ["3", "pottery"]
    assert run_on_terminal("list", "--count", "category").lines[0].split() == ["PACKAGES", "CATEGORY"]
    assert len(run_on_terminal("list", "--count", "category").lines) == 3


# Invalid arguments.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "--csv"], "--json and --csv cannot be used together"),
        (["--json", "--jsonl", "--tsv"], "--json, --jsonl and --tsv cannot be used together"),
        (["starz:5"], "unknown field 'starz'"),
        (["stars:many"], "invalid value 'many' for stars"),
        (["is:lovely"], "unknown state 'lovely'"),
        (["--count", "starz"], "did you mean stars?"),
        (["--count", "stars", "-s", "stars"], "--count and --sort cannot be used together"),
        (["--count", "stars", "-f", "slug"], "--count and --fields cannot be used together"),
        (["--unlisted"], "--unlisted needs --in FILE"),
        (["--unlisted", "--count", "stars"], "--count and --unlisted cannot be used together"),
        (["--sort", "starz"], "did you mean stars?"),
        (["--sort", "checked"], "cannot sort by checked"),
        (["-f", "nothing"], "unknown field 'nothing'"),
        (["-n", "-1"], "--limit requires a number of rows"),
        (["-n", "few"], "few"),
        (["--in", "no-such-file.txt"], "no-such-file.txt cannot be read"),
        (["--in", ""], "--in requires a file"),
        (["--in", "https://mara:secret@example.org/r.txt"], "https://example.org/r.txt cannot be read"),
        (["--in", "https://mara:sec/ret@example.org/r.txt"], ": https://example.org/r.txt cannot be read"),
        (["--in", "mara:secret@h/r.txt"], ": h/r.txt cannot be read"),
        (["--sort", ""], "--sort needs at least one field"),
        (["-f", ""], "--fields needs at least one field"),
    ],
)
def test_invalid_arguments_are_usage_errors(mirror: Path, arguments: list[str], message: str) -> None:
    result = run("list", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_without_a_mirror_list_prints_the_packaged_record_and_creates_no_file(tmp_path: Path) -> None:
    result = run("list", "--json")
    assert json.loads(result.out) == [json.loads(RECORD_FILE.read_text())]
    assert "djpkg fetch --all" in result.err
    assert list(tmp_path.iterdir()) == []


# Requirements.


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("Django-Pots==2.5\nrequests>=2\ndjango_pans\n# lids\nDjango-Kiln\nzope.interface\n")
    return path


def test_a_requirements_file_selects_packages_and_unlisted_dependencies_are_reported(
    mirror: Path, requirements: Path
) -> None:
    result = run("list", "--in", str(requirements), "-f", "slug")
    assert result.lines == ["django-pots", "Django_Kiln", "django-pans"]
    assert (
        result.err
        == "2 of 5 dependencies are not listed on Django Packages; djpkg list --in FILE --unlisted names them\n"
    )
    assert run("list", "--in", str(requirements), "--unlisted") == (0, "requests\nzope-interface\n", "")
    as_json = json.loads(run("list", "--in", str(requirements), "--unlisted", "--json").out)
    assert as_json == {"schema": 1, "unlisted": ["requests", "zope-interface"]}
    assert run("list", "--in", str(requirements), "--unlisted", "-n", "1") == (0, "requests\n", "")
    assert len(run("list", "--in", str(requirements), "--unlisted", "-n", "0").lines) == 2
    assert run("list", "--in", str(requirements), "--unlisted", "--csv").lines == ["name", "requests", "zope-interface"]


def test_urls_and_paths_are_dependencies_too(mirror: Path, requirements: Path) -> None:
    requirements.write_text(
        "git+https://token:x@github.com/Mara/Django-Pots.git@main\n"
        "-e git+ssh://git@github.com/mara/django_kiln#egg=a-name-that-nobody-knows\n"
        "renamed @ https://github.com/mara/django-pans/archive/main.zip\n"
        "git+https://me:secret@github.com/mara/nowhere\n./local/lids\nfile:///abs/x\n-e /home/x/thing\n-e .\n"
    )
    result = run("list", "--in", str(requirements), "-f", "slug")
    assert result.lines == ["django-pots", "Django_Kiln", "django-pans"]
    assert result.err.startswith("4 of 7 dependencies are not listed on Django Packages")
    names = ["./local/lids", "/home/x/thing", "file:///abs/x", "git+https://github.com/mara/nowhere"]
    assert run("list", "--in", str(requirements), "--unlisted").lines == names


def test_terms_and_limit_apply_to_the_packages_of_the_file(
    mirror: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "stderr_is_terminal", lambda: True)
    result = run("list", "--in", str(requirements), "state:active", "-n", "1")
    assert [line.split("\t")[0] for line in result.lines] == ["django-pots"]
    assert result.err.splitlines()[1:] == ["showing 1 of 2; -n 0 shows all", "1 hidden by state:active"]


def test_standard_input_accepts_pip_freeze_output(mirror: Path) -> None:
    result = run("list", "--in", "-", "-f", "slug", stdin="django-pots==2.5.0\n-e git+https://x.org/a.git#egg=lids\n")
    assert (result.code, result.lines) == (0, ["django-pots"])


def test_a_utf_16_file_is_read(mirror: Path, requirements: Path) -> None:
    requirements.write_bytes("django-pots==2.5.0\r\n".encode("utf-16"))
    assert run("list", "--in", str(requirements), "-f", "slug").lines == ["django-pots"]


def test_included_files_are_read_relative_to_the_first(mirror: Path, requirements: Path) -> None:
    (requirements.parent / "sub").mkdir()
    (requirements.parent / "sub" / "base.txt").write_text("django-pots\n")
    requirements.write_text("-r sub/base.txt\n")
    assert run("list", "--in", str(requirements), "-f", "slug").lines == ["django-pots"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("requirements.txt", b"==1.0\n", "requirements.txt:1: invalid requirement '==1.0'"),
        ("requirements.txt", b"django-pots\n\xff\xfe\xff\n", "requirements.txt:2: not valid UTF-8"),
        ("requirements.txt", b"django-pots\n-r missing.txt\n", "requirements.txt:2: "),
        ("pyproject.toml", b"[project\n", "pyproject.toml:1: invalid TOML"),
        ("pyproject.toml", b"[project]\ndependencies = 1\n", "pyproject.toml:2: project.dependencies is not a list"),
        ("uv.lock", b"\npackage = 3\n", "uv.lock:2: package is not a list"),
        ("poetry.lock", b"[tool.poetry]\n", "poetry.lock:1: not a valid poetry.lock"),
        ("Pipfile.lock", b"{", "Pipfile.lock:1: invalid JSON"),
        ("notes.md", b"django-pots\n", "notes.md: unsupported file"),
    ],
)
def test_an_invalid_requirements_file_exits_with_2_and_names_the_line(
    mirror: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("list", "--in", str(tmp_path / name))
    assert (result.code, result.out) == (2, "")
    assert f"djpkg: {tmp_path}/{message}" in result.err


# Help.


def test_the_help_explains_every_state() -> None:
    text = " ".join(run("list", "--help").out.split())
    assert all(f"is:{state.name} {state.about}" in text for state in STATES)
