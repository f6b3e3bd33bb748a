from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.check.age import FETCH
from djpkg.cli import options
from djpkg.fetch import run as fetch_run
from djpkg.fetch.report import Report
from djpkg.mirror.lock import fetch_lock
from djpkg.source_name import SourceName
from tests.check.directory import Package, make_directory
from tests.cli.running import run
from tests.fetching import QUICK, add_starter
from tests.mirrors import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cli.running import Result
    from tests.world import WorldServer

DEAD = Package("django-dead", archived=True, days=900)
PACKAGES = (
    Package("django-good"),
    DEAD,
    Package("django-gone", state="gone"),
    Package("django-withdrawn", project_gone=True),
    Package("django-yanked", yanked=("1.1",)),
    Package("django-all-yanked", yanked=("1.0", "1.1", "2.0")),
    Package("django-late", requires=("Django>=3.2,<5.0",), django=("4.2",)),
    Package("django-moved", state="moved"),
    Package("django-new", answered=False),
    Package("django-parent", requires=("Django>=4.2", "django-dead>=1", 'django-gone; extra == "x"')),
    Package("django-elsewhere", state="gone", homepage="https://gitlab.com/mara/elsewhere"),
)
KEYS = [
    "schema", "exit", "django", "python", "mirror", "files", "packages", "unlisted", "excluded_by_marker", "counts",
]  # fmt: skip
PACKAGE_KEYS = [
    "name", "slug", "requirements", "direct", "via", "newest", "newest_released", "django", "python", "evidence",
    "findings", "instead",
]  # fmt: skip


@pytest.fixture
def mirror() -> Path:
    return make_directory(Path(os.environ["DJPKG_DB"]), PACKAGES)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return folder


def write(project: Path, text: str, name: str = "requirements.txt") -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def check(*arguments: str) -> dict[str, Any]:
    result = run("check", *arguments, "--json")
    report: dict[str, Any] = json.loads(result.out)
    assert report["exit"] == result.code
    return report


def findings(report: dict[str, Any], name: str) -> dict[str, str]:
    package = next(one for one in report["packages"] if one["name"] == name)
    return {finding["rule"]: finding["severity"] for finding in package["findings"]}


def package_of(report: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report["packages"] if one["name"] == name)
    return found


def test_the_default_is_this_folder_and_a_living_project_exits_0(mirror: Path, project: Path) -> None:
    write(project, "django-good==2.0\nrequests\n")
    report = check()
    assert report["files"] == ["requirements.txt"]
    assert (report["exit"], report["unlisted"]) == (0, ["requests"])
    assert report["django"] == {"version": "6.0", "why": "the newest series on PyPI"}
    assert report["python"] == {"version": "3.14", "why": "the newest that Django's newest release declares"}
    assert report["mirror"] == {"swept": "2026-11-23T12:00:00Z", "age_days": 0}


def test_the_json_has_the_keys_of_the_contract(mirror: Path, project: Path) -> None:
    write(project, 'django-dead==1.0\ndjango-good; sys_platform == "win32"\n')
    report = check()
    assert list(report) == KEYS
    (package,) = report["packages"]
    assert list(package) == PACKAGE_KEYS
    assert package["requirements"] == [
        {"file": "requirements.txt", "line": 1, "specifier": "==1.0", "pinned": "1.0"}
    ]  # fmt: skip
    assert list(package["findings"][0]) == ["rule", "severity", "message", "ignored"]
    assert report["excluded_by_marker"] == ["django-good"]
    assert list(report["counts"]) == [
        "yanked", "gone", "archived", "removed", "excluded", "ahead", "unproven", "python", "moved", "quiet",
        "outdated", "replaced", "unknown",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "rule", "code"),
    [
        ("django-yanked==1.1", "yanked", 1),
        ("django-all-yanked", "yanked", 1),
        ("django-gone", "gone", 1),
        ("django-withdrawn==1.0", "gone", 1),
        ("django-dead==2.0", "archived", 0),
        ("django-dead==2.0", "quiet", 0),
        ("django-late==2.0", "excluded", 0),
        ("django-moved==2.0", "moved", 0),
        ("django-elsewhere==2.0", "moved", 0),
        ("django-good==1.0", "outdated", 0),
        ("django-new", "unknown", 0),
    ],
)
def test_by_default_only_yanked_and_gone_fail(mirror: Path, project: Path, line: str, rule: str, code: int) -> None:
    write(project, f"{line}\nrequests\n")
    report = check()
    name = report["packages"][0]["name"]
    assert findings(report, name)[rule] == ("fail" if code else "note")
    assert report["exit"] == code


def test_a_yanked_release_that_pip_would_not_install_is_a_note(mirror: Path, project: Path) -> None:
    write(project, "django-yanked<2\n")
    report = check()
    assert findings(report, "django-yanked") == {"yanked": "note", "outdated": "note"}
    assert package_of(report, "django-yanked")["findings"][0]["message"].startswith("1.1, the newest that <2 allows")


def test_what_fails_says_what_to_do_next(mirror: Path, project: Path) -> None:
    write(project, "django-yanked==1.1\ndjango-gone\ndjango-withdrawn\ndjango-all-yanked\n")
    result = run("check")
    fails = [block for block in result.out.split("\n\n") if block.startswith("FAIL")]
    assert result.code == 1
    assert len(fails) == 4
    assert all("\n      next  " in fail for fail in fails)
    assert "2.0 is out and declares Django 6.0" in result.out


def test_a_given_django_fails_on_what_excludes_it(mirror: Path, project: Path) -> None:
    write(project, "django-late==2.0\nDjango==4.2.11\n")
    assert check()["exit"] == 0
    report = check("--django", "5.2.8")
    assert (report["exit"], report["django"]) == (1, {"version": "5.2", "why": "--django"})
    assert package_of(report, "django-late")["evidence"] == "2.0 (2026-10-24) requires Django >=3.2,<5.0"


@pytest.mark.parametrize(
    ("line", "version", "why"),
    [
        ("Django==5.2.8", "5.2", "requirements.txt:1 pins 5.2.8"),
        ("Django==5.2.8+acme1", "5.2", "requirements.txt:1 pins 5.2.8+acme1"),
        ("Django~=5.2.0", "5.2", "requirements.txt:1 allows only 5.2 (~=5.2.0)"),
        ("Django>=4.2,<5.0", "4.2", "requirements.txt:1 allows only 4.2 (<5.0,>=4.2)"),
        ("Django>=6.0", "6.0", "the newest series on PyPI"),
        ("Django", "6.0", "the newest series on PyPI"),
    ],
)
def test_the_django_of_the_files_is_asked_for(mirror: Path, project: Path, line: str, version: str, why: str) -> None:
    write(project, f"{line}\ndjango-good\n")
    assert check()["django"] == {"version": version, "why": why}


def test_several_pins_of_django_are_named(mirror: Path, project: Path) -> None:
    write(project, "Django==5.2.8\ndjango-good\n", "requirements/base.txt")
    write(project, "Django==4.2.11\n", "requirements/prod.txt")
    result = run("check")
    assert "requirements/prod.txt:1" in result.out
    assert "pins Django 4.2.11; checked against 5.2 (requirements/base.txt:1 pins 5.2.8)" in result.out


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("pyproject.toml", '[project]\nrequires-python = ">=3.10"\ndependencies = ["django-good"]\n', "3.10"),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.11"\ndjango-good = "*"\n', "3.11"),
        ("Pipfile", '[packages]\ndjango-good = "*"\n[requires]\npython_version = "3.12"\n', "3.12"),
        ("uv.lock", 'version = 1\nrequires-python = ">=3.13"\n[[package]]\nname = "django-good"\n', "3.13"),
        ("pyproject.toml", '[project]\nrequires-python = "<4"\ndependencies = ["django-good"]\n', "3.14"),
    ],
)
def test_the_python_of_the_project_is_the_lowest_that_it_supports(
    mirror: Path, project: Path, name: str, text: str, version: str
) -> None:
    write(project, text, name)
    assert check()["python"]["version"] == version
    assert check("--python", "3.9")["python"] == {"version": "3.9", "why": "--python"}


UV_LOCK = """version = 1
requires-python = ">=3.12"
[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [{ name = "django-parent" }, { name = "django-yanked" }]
[[package]]
name = "django-parent"
version = "2.0"
dependencies = [{ name = "django-gone" }, { name = "django-yanked" }]
[[package]]
name = "django-gone"
version = "2.0"
[[package]]
name = "django-yanked"
version = "1.1"
"""


def test_a_lock_states_who_brings_a_dependency_in(mirror: Path, project: Path) -> None:
    write(project, UV_LOCK, "uv.lock")
    report = check()
    gone = package_of(report, "django-gone")
    assert (gone["direct"], gone["via"], findings(report, "django-gone")) == (
        False,
        ["django-parent"],
        {"gone": "note"},
    )
    yanked = package_of(report, "django-yanked")
    assert (yanked["direct"], yanked["via"]) == (True, ["django-parent"])
    assert report["exit"] == 1


def test_only_yanked_fails_where_another_dependency_brings_it_in(mirror: Path, project: Path) -> None:
    write(
        project,
        "django-parent==2.0\ndjango-yanked==1.1\n    # via django-parent\ndjango-gone==2.0 # via django-parent\n",
    )
    report = check()
    assert findings(report, "django-yanked")["yanked"] == "fail"
    assert findings(report, "django-gone") == {"gone": "note"}


def test_without_a_lock_the_mirror_states_who_requires_it(mirror: Path, project: Path) -> None:
    write(project, "django-dead==2.0\ndjango-gone==2.0\ndjango-parent==2.0\n")  # as pip freeze prints it
    report = check("--fail-on", "archived,gone")
    assert (package_of(report, "django-dead")["direct"], package_of(report, "django-dead")["via"]) == (
        False, ["django-parent"],
    )  # fmt: skip
    assert package_of(report, "django-gone")["via"] == []  # an extra brings in nothing
    assert findings(report, "django-dead")["archived"] == "note"
    assert findings(report, "django-gone")["gone"] == "fail"


def test_fail_on_replaces_the_default_and_none_never_fails(mirror: Path, project: Path) -> None:
    write(project, "django-dead\ndjango-gone\n")
    assert findings(check("--fail-on", "archived"), "django-gone") == {"gone": "note"}
    assert findings(check("--fail-on", "archived"), "django-dead")["archived"] == "fail"
    assert check("--fail-on", "none")["exit"] == 0


EXCEPTIONS = """[project]
name = "shop"
[tool.djpkg.check]
ignore = [
  {package = "Django_Gone", rule = "gone", reason = "we keep a fork", until = 2026-11-23},
  {package = "django-yanked", rule = "yanked", reason = "tested", until = "2026-11-22"},
  {package = "django-good", rule = "archived", reason = "was archived once"},
  {package = "django-other", rule = "archived", reason = "removed since"},
]
"""


def test_exceptions_make_notes_until_their_day_and_stale_ones_are_named(mirror: Path, project: Path) -> None:
    write(project, EXCEPTIONS, "pyproject.toml")
    write(project, "django-gone==2.0\ndjango-yanked==1.1\ndjango-good\n")
    report = check()
    assert package_of(report, "django-gone")["findings"][0]["ignored"] == "we keep a fork"
    assert findings(report, "django-gone") == {"gone": "note"}
    assert findings(report, "django-yanked")["yanked"] == "fail"
    out = run("check").out
    assert "pyproject.toml:6  exception for django-yanked, yanked: ended on 2026-11-22; renew or remove it" in out
    assert "pyproject.toml:7  exception for django-good, archived: the rule no longer applies; remove it" in out
    assert "pyproject.toml:8  exception for django-other, archived: django-other is not required; remove it" in out
    out = run("check", "requirements.txt").out  # other files may require more
    assert "django-yanked, yanked: ended" in out
    assert "remove it" not in out.replace("renew or remove it", "")


def test_an_exception_is_not_stale_where_the_package_was_not_judged(mirror: Path, project: Path) -> None:
    entries = [
        f'{{package = "{name}", rule = "archived", reason = "r"}}' for name in ("django-new", "requests", "django-good")
    ]
    write(project, f"[tool.djpkg.check]\nignore = [\n{', '.join(entries)}]\n", "pyproject.toml")
    write(project, "django-new==2.0\nrequests\ndjango-good; sys_platform == 'win32'\n")
    assert "exception" not in run("check").out
    write(project, "django-new==2.0\nrequests\ndjango-good\n")
    assert "exception for django-good, archived: the rule no longer applies" in run("check").out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ignore = [{package = "a", rule = "gone"}]', "pyproject.toml:2: an exception has no reason"),
        ('ignore = [{package = "a", rule = "gon", reason = "r"}]', "pyproject.toml:2: unknown rule 'gon'"),
        (
            'ignore = [{package = "a", rule = "gone", reason = "r", untill = 1}]',
            "pyproject.toml:2: unknown key 'untill'",
        ),
        ('ignore = [{package = "a", rule = "gone", reason = "r", until = 7}]', "pyproject.toml:2: until is not a day"),
        ('ignore = ["a"]', "pyproject.toml:2: tool.djpkg.check.ignore 1 is not a table"),
        ("ignores = []", "pyproject.toml:2: tool.djpkg.check.ignores is unknown; use ignore"),
        ("[tool.djpkg.checks]\nignore = []", "pyproject.toml:2: tool.djpkg.checks is unknown; use check"),
        ("ignore = 1", "pyproject.toml:2: tool.djpkg.check.ignore is not a list"),
        ("ignore = [", "pyproject.toml:2: invalid TOML"),
    ],
)
def test_an_invalid_exception_is_an_error_with_file_and_line(
    mirror: Path, project: Path, text: str, message: str
) -> None:
    write(project, f"[tool.djpkg.check]\n{text}", "pyproject.toml")
    write(project, "django-good\n")
    result = run("check", "requirements.txt")
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_baseline_makes_notes_of_what_it_contains(mirror: Path, project: Path) -> None:
    write(project, "django-gone==2.0\n")
    write(project, run("check", "--json").out, "report.json")
    write(project, "django-gone==2.0\ndjango-yanked==1.1\n")
    report = check("--baseline", "report.json")
    assert package_of(report, "django-gone")["findings"][0]["ignored"] == "in the baseline"
    assert (findings(report, "django-gone"), report["exit"]) == ({"gone": "note"}, 1)
    assert findings(report, "django-yanked")["yanked"] == "fail"


@pytest.mark.parametrize(
    ("before", "now", "name"),
    [
        ("django-two==1.0", "django-two==1.1", "django-two"),
        ("django-two==2.0", "django-two==1.1", "django-two"),
        ("django-two==1.0\n", "django-two==1.0\ndjango-two==1.1", "django-two"),
        ("django-good==2.0\ndjango-gone==2.0  # via django-good", "django-good==2.0\ndjango-gone==2.0", "django-gone"),
    ],
)
def test_a_baseline_does_not_cover_another_release_or_what_is_required_directly_since(
    project: Path, before: str, now: str, name: str
) -> None:
    packages = [Package("django-two", yanked=("1.0", "1.1")), *PACKAGES]
    make_directory(Path(os.environ["DJPKG_DB"]), packages)
    write(project, before)
    write(project, run("check", "--json").out, "report.json")
    assert check("--baseline", "report.json")["exit"] == 0
    write(project, now)
    assert "fail" in findings(check("--baseline", "report.json"), name).values()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"schema": 1,\n', "report.json:3: invalid JSON"),
        ("[]", "report.json: not the output of check --json"),
        ('{"schema": 1, "packages": [{"name": 1, "findings": []}]}', None),
        (
            '{"schema": 1, "packages": [{"name": "a", "findings": [{"rule": "gone", "message": "m"}]}]}',
            "not the output of",
        ),
        (
            '{"schema": 1, "packages": [], "error": {"message": "m"}}',
            "report.json: the report of a check that could not",
        ),
        ('{"schema": 1, "packages": [1]}', "report.json: not the output"),
        ('{"schema": 2, "packages": []}', "report.json: not the output"),
    ],
)
def test_an_invalid_baseline_is_an_error(mirror: Path, project: Path, text: str, message: str | None) -> None:
    write(project, "django-good\n")
    write(project, text, "report.json")
    result = run("check", "--baseline", "report.json")
    assert result.code == (0 if message is None else 2)
    assert message is None or message in result.err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("requirements.txt", "ok\n\ndjango-good=1\n", "requirements.txt:3: invalid requirement"),
        ("requirements.txt", "-r missing.txt\n", "requirements.txt:1: missing.txt cannot be read"),
        ("pyproject.toml", '[project]\ndependencies = [\n"a b"]\n', "pyproject.toml:3: invalid requirement"),
        ("pyproject.toml", "[project\n", "pyproject.toml:1: invalid TOML"),
        ("Pipfile", '[packages]\na = "=>1"\n', "Pipfile:2: invalid version"),
        ("uv.lock", 'version = 1\n[[package]]\nversion = "1"\n', "uv.lock:2"),
        ("poetry.lock", "[[package]]\nname = 1\n[metadata]\n", "poetry.lock:1"),
        ("pdm.lock", "package = 1\n", "pdm.lock:1"),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "a!"\n', "pylock.toml:3: invalid project name"),
        ("Pipfile.lock", '{\n"default": {"a": 1}}', "Pipfile.lock:2"),
        (
            "uv.lock",
            'version = 1\n[[package]]\nname = "a"\nversion = "0.4..6"\n',
            "uv.lock:4: invalid version '0.4..6' of a",
        ),
        ("poetry.lock", '[[package]]\nname = "a"\nmarkers = "no"\n[metadata]\n', "poetry.lock:3: invalid marker 'no'"),
    ],
)
def test_a_mistake_in_a_file_is_an_error_with_file_and_line(
    mirror: Path, project: Path, name: str, text: str, message: str
) -> None:
    write(project, text, name)
    result = run("check")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    report = check()
    assert report["exit"] == 2
    assert list(report) == [*KEYS, "error"]
    assert message in report["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--django", "52"], "invalid --django '52'"),
        (["--django", "5.2rabbit"], "invalid --django '5.2rabbit'"),
        (["--django", "five"], "use X.Y, such as 5.2"),
        (["--python", "3"], "use X.Y, such as 3.12"),
        (["--quiet-after", "2025"], "invalid --quiet-after '2025'"),
        (["--max-age", "-7d"], "invalid --max-age '-7d'"),
        (["--quiet-after", "-1y"], "invalid --quiet-after '-1y'"),
        (["--max-age", "week"], "use a time span such as 12h, 7d, 2w, 6m, 2y"),
        (["--fail-on", "archive"], "did you mean archived?"),
        (["--fail-on", ""], "--fail-on requires a rule"),
        (["--fail-on", "none,gone"], "--fail-on none cannot be used together with rules"),
        (["--baseline", ""], "--baseline requires a file"),
        (["--baseline", "none.json"], "none.json cannot be read"),
        (["nothing.txt"], "nothing.txt cannot be read"),
        (["long" * 100 + ".txt"], "cannot be read: File name too long"),
        ([""], "FILE is empty"),
        (["empty"], "empty contains no lock file"),
        (["setup.cfg"], "setup.cfg: unsupported file"),
    ],
)
def test_a_wrong_option_or_file_is_a_usage_error(
    mirror: Path, project: Path, arguments: list[str], message: str
) -> None:
    write(project, "django-good\n")
    write(project, "[metadata]\n", "setup.cfg")
    (project / "empty").mkdir()
    result = run("check", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_missing_mirror_says_what_to_run(project: Path) -> None:
    write(project, "django-good\n")
    result = run("check")
    assert (result.code, result.out) == (74, "")
    assert FETCH in result.err
    assert check()["error"]["hint"] == FETCH


def test_a_file_that_is_no_mirror_is_an_error(project: Path) -> None:
    write(project, "django-good\n")
    write(project, "no database", "other.db")
    assert run("check", "--db", "other.db").code == 74


def test_a_mirror_without_a_catalog_cannot_judge(project: Path) -> None:
    make_directory(Path(os.environ["DJPKG_DB"]), [Package("django-good")], swept=False)
    write(project, "django-other\n")
    result = run("check")
    assert result.code == 5
    assert f"the mirror has no catalog yet\n       {FETCH}" in result.err
    assert check()["error"]["message"] == "the mirror has no catalog yet"


def test_a_name_that_an_incomplete_catalog_does_not_have_cannot_be_judged(project: Path) -> None:
    make_directory(
        Path(os.environ["DJPKG_DB"]), [Package("django-good"), Package("django-gone", state="gone")], swept=False
    )
    write(project, "django-good\nrequests\ndjango-other\n")
    report = check()
    assert (report["exit"], report["error"]["message"]) == (5, "the catalog was never read completely: 2 unknown")
    result = run("check")
    assert result.code == 5
    assert "not judged: the catalog was never read completely: 2 unknown" in result.out
    for option in ("-v", "--tsv", "--github", "--markdown"):
        shown = run("check", option)
        assert "not in the mirror" in shown.out + shown.err
        assert "not in the directory" not in shown.out + shown.err
    write(project, "django-good\nDjango>=5\n")
    assert check()["exit"] == 0
    write(project, "django-gone\n")
    assert check()["exit"] == 1


def test_max_age_exits_5_where_the_catalog_or_the_answers_are_older(project: Path) -> None:
    path = Path(os.environ["DJPKG_DB"])
    make_directory(path, [Package("django-good")], now=NOW - timedelta(days=8))
    write(project, "django-good\n")
    assert check("--max-age", "9d")["exit"] == 0
    report = check("--max-age", "7d")
    assert (report["exit"], report["mirror"]["age_days"]) == (5, 8)
    assert "the catalog was last read on 2026-11-15, longer ago than --max-age 7d" in report["error"]["message"]
    make_directory(path, [Package("django-good", answered=False)])
    message = check("--max-age", "7d")["error"]["message"]
    assert message.endswith("longer ago than --max-age 7d about 1 of 1 package: django-good (2026-11-15)")


def test_quiet_after_sets_the_span(mirror: Path, project: Path) -> None:
    write(project, "django-good==2.0\n")
    assert findings(check("--quiet-after", "10d"), "django-good") == {"quiet": "note"}
    assert findings(check(), "django-good") == {}


def test_no_request_is_sent_without_fetch(mirror: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError("refused")

    tried: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    write(project, "django-good\ndjango-gone @ git+https://github.com/mara/django-gone\n")
    assert check()["exit"] == 1
    assert tried == []  # what fails to connect may go on without an error
    monkeypatch.setattr(fetch_run, "fetch", partial(fetch_run.fetch, limits=QUICK))
    check("--fetch")
    assert tried != []


def test_a_dependency_from_a_repository_is_found_by_its_address(mirror: Path, project: Path) -> None:
    write(project, "-e git+https://github.com/mara/django-withdrawn.git#egg=shop-fork\n")
    report = check()
    assert package_of(report, "shop-fork")["slug"] == "django-withdrawn"
    assert findings(report, "shop-fork") == {}  # what is installed does not come from PyPI


def test_standard_input_is_read(mirror: Path, project: Path) -> None:
    report = json.loads(run("check", "-", "--json", stdin="django-gone==2.0\n").out)
    assert (report["files"], report["exit"]) == (["standard input"], 1)


def test_a_damaged_package_harms_only_itself(mirror: Path, project: Path) -> None:
    with closing(sqlite3.connect(mirror)) as db, db:
        db.execute("UPDATE packages SET repo_description = CAST(X'FF' AS TEXT), last_updated_utc = 'soon' WHERE id = 1")
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE packages SET checked = 'damaged', django_versions = '{' WHERE id = 2")
        db.execute("UPDATE releases SET version = CAST(X'FF' AS TEXT) WHERE package_id = 5 AND version = '1.0'")
    write(project, "django-good==2.0\ndjango-dead==2.0\ndjango-gone\ndjango-yanked==1.1\n")
    report = check()
    assert findings(report, "django-gone") == {"gone": "fail"}
    assert findings(report, "django-yanked")["yanked"] == "fail"


def fetching_check(
    server: WorldServer, monkeypatch: pytest.MonkeyPatch, *arguments: str, env: Mapping[str, str] | None = None
) -> Result:
    """Run a check against the world and with the variables `env`, with the world's clock and few attempts."""
    monkeypatch.setattr(fetch_run, "fetch", partial(fetch_run.fetch, limits=QUICK))
    monkeypatch.setattr(options, "now", lambda: server.world.now)
    return run("check", *arguments, env={**server.env, **(env or {})})


def test_fetch_reads_the_catalog_and_the_required_packages_first(
    server: WorldServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_starter(server.world)
    server.world.add_package("plain", stars=3, commits=[2], releases=[("1.0", 5)], archived=True)
    server.world.add_package("other", stars=3, commits=[2], releases=[("1.0", 5)])
    write(project, "plain==1.0\nrequests\n")
    result = fetching_check(server, monkeypatch, "--fetch", "--json")
    report = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert findings(report, "plain")["archived"] == "note"
    assert report["unlisted"] == ["requests"]
    assert server.requests("pypi", "plain")
    assert not server.requests("pypi", "other")


def test_a_fetch_that_fails_is_named_and_the_mirror_is_checked(
    server: WorldServer, mirror: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "django-gone==2.0\n")
    server.close()
    result = fetching_check(server, monkeypatch, "--fetch", "--json")
    assert "djpkg: " in result.err
    report = json.loads(result.out)
    assert (result.code, findings(report, "django-gone")) == (1, {"gone": "fail"})
    assert report["fetch"]["exit"] == 1
    assert any("no connection to 127.0.0.1" in cause for cause in report["fetch"]["causes"])
    for option in ((), ("--markdown",), ("--github",)):
        out = fetching_check(server, monkeypatch, "--fetch", *option).out
        assert ", fetch failed" in out
        assert "failed: " in out.replace(", fetch failed", "")
        assert "no connection to 127.0.0.1" in out
        assert "just fetched" not in out


def test_a_fetch_that_updates_a_part_does_not_look_fresh(
    server: WorldServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_starter(server.world)
    server.world.add_package("plain", stars=3, commits=[2], releases=[("1.0", 5)])
    write(project, "plain==1.0\n")
    complete = json.loads(fetching_check(server, monkeypatch, "--fetch", "--json").out)
    assert complete["fetch"] == {"exit": 0, "causes": []}
    assert "mirror just fetched\n" in fetching_check(server, monkeypatch, "--fetch").out
    assert json.loads(fetching_check(server, monkeypatch, "--json").out).keys() == complete.keys() - {"fetch"}
    env = {"DJPKG_PYPI_URL": "http://127.0.0.1:9"}
    result = fetching_check(server, monkeypatch, "--fetch", "--json", env=env)
    report = json.loads(result.out)
    assert (result.code, report["exit"], report["fetch"]["exit"]) == (0, 0, 5)
    assert report["fetch"]["causes"] == ["pypi: no connection to 127.0.0.1:9 (connection refused) (plain)"]
    shown = fetching_check(server, monkeypatch, "--fetch", env=env).lines
    assert shown[0].endswith("mirror updated just now, fetch incomplete")
    assert any(line.startswith("Fetch   incomplete: pypi: no connection") for line in shown)


def test_what_a_rate_limit_deferred_is_stated_in_the_report(
    server: WorldServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_starter(server.world)
    server.world.add_package("plain", stars=3, commits=[2], releases=[("1.0", 5)])
    write(project, "plain==1.0\n")
    fetching_check(server, monkeypatch, "--fetch")
    until = server.world.now + timedelta(hours=1)
    reason = "rate limit reached"

    def defer(*arguments: Any, **more: Any) -> Report:
        report: Report = original(*arguments, **more)
        report.defer(SourceName.GITHUB, 1, reason, until)
        return report

    original = fetch_run.fetch
    monkeypatch.setattr(fetch_run, "fetch", defer)
    result = fetching_check(server, monkeypatch, "--fetch", "--json")
    (cause,) = json.loads(result.out)["fetch"]["causes"]
    assert result.code == 0
    assert cause.startswith("github: ")
    assert reason in cause
    assert ", fetch incomplete" in fetching_check(server, monkeypatch, "--fetch").out


def test_a_fetch_that_cannot_start_is_stated_in_the_report(
    server: WorldServer, mirror: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "django-good==2.0\n")
    with fetch_lock(mirror):
        result = fetching_check(server, monkeypatch, "--fetch", "--json")
    assert json.loads(result.out)["fetch"] == {"exit": 75, "causes": [f"another fetch of {mirror} is running"]}


def test_a_replacement_of_your_own_is_a_note_and_offered(mirror: Path, project: Path) -> None:
    write(project, "django-dead==2.0\ndjango-moved==2.0\ndjango-good==2.0\n")
    run("edit", "django-dead", "replaced_by=django-good")
    run("edit", "django-moved", "replaced_by=https://example.org/parts")
    report = check()
    assert findings(report, "django-dead")["replaced"] == "note"
    assert package_of(report, "django-dead")["instead"] == [{"slug": "django-good", "reason": "your replaced_by"}]
    assert package_of(report, "django-moved")["instead"] == [
        {"slug": "https://example.org/parts", "reason": "your replaced_by"}
    ]
    assert findings(report, "django-good") == {}


@pytest.mark.parametrize(
    ("rule", "before", "now"),
    [
        (
            "gone",
            Package("django-lost", state="gone"),
            Package("django-lost", project_gone=True),
        ),
        (
            "moved",
            Package("django-lost", state="moved"),
            Package("django-lost", state="gone", homepage="https://gitlab.com/mara/lost"),
        ),
    ],
)
def test_a_baseline_does_not_cover_another_meaning_of_its_rule(
    project: Path, rule: str, before: Package, now: Package
) -> None:
    path = Path(os.environ["DJPKG_DB"])
    write(project, "django-lost==2.0\n")
    make_directory(path, [before])
    write(project, run("check", "--json", "--fail-on", rule).out, "report.json")
    options = ("--baseline", "report.json", "--fail-on", rule)
    assert check(*options)["exit"] == 0
    path.unlink()
    make_directory(path, [now])
    report = check(*options)
    assert (report["exit"], findings(report, "django-lost")[rule]) == (1, "fail")
    # A repository that is blocked after it was gone is the same finding.
    path.unlink()
    make_directory(path, [replace(before, state="blocked" if rule == "gone" else "moved")])
    assert check(*options)["exit"] == 0


@pytest.mark.parametrize("code", [130, 143])
def test_an_interrupted_fetch_ends_the_check_with_one_object(
    server: WorldServer, mirror: Path, project: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def interrupt(*_: Any, **__: Any) -> Report:
        report = Report(started=NOW, finished=NOW)
        report.stop_code = code
        return report

    write(project, "django-good==2.0\n")
    monkeypatch.setattr(fetch_run, "fetch", interrupt)
    result = run("check", "--fetch", "--json")
    report = json.loads(result.out)
    assert (result.code, report["exit"], report["packages"]) == (code, code, [])
    assert report["error"] == {"message": "interrupted", "hint": "run the command again to continue"}
    assert result.err.count("interrupted") == 1
    result = run("check", "--fetch")
    assert (result.code, result.out) == (code, "")
