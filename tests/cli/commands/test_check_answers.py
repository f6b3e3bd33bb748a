"""What `djpkg check` states about sources that have not answered or answered long ago, and what it suggests."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.cli import options
from djpkg.fetch import run as fetch_run
from tests.check.directory import Package, make_directory
from tests.cli.running import run, run_on_pty, run_process
from tests.fetching import QUICK, add_starter
from tests.mirrors import ago

if TYPE_CHECKING:
    from tests.world import WorldServer

OLD = ago(days=100)


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")


def directory(*packages: Package) -> Path:
    return make_directory(Path(os.environ["DJPKG_DB"]), packages)


def execute(mirror: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(mirror)) as db, db:
        assert db.execute(statement, values).rowcount


def write(text: str, name: str = "requirements.txt") -> None:
    Path(name).write_text(text, encoding="utf-8")


def check(*arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run("check", *arguments, "--json").out)
    return report


def messages(report: dict[str, Any], name: str, rule: str) -> list[str]:
    package = next(one for one in report["packages"] if one["name"] == name)
    return [finding["message"] for finding in package["findings"] if finding["rule"] == rule]


# Sources that have not answered.


def test_a_forge_or_pypi_that_has_not_answered_is_named() -> None:
    mirror = directory(Package("django-a"), Package("django-b"), Package("django-c", answered=False))
    execute(mirror, "UPDATE packages SET checked = json_remove(checked, '$.github') WHERE slug = 'django-a'")
    execute(mirror, "UPDATE packages SET checked = json_remove(checked, '$.pypi') WHERE slug = 'django-b'")
    write("django-a\ndjango-b\ndjango-c\n")
    report = check()
    assert messages(report, "django-a", "unknown") == ["GitHub has not answered yet about its repository"]
    assert messages(report, "django-b", "unknown") == ["PyPI has not answered yet about its project"]
    assert messages(report, "django-c", "unknown") == [
        "GitHub has not answered yet about its repository and PyPI has not answered yet about its project"
    ]
    assert "django-a\tdjango-a" in run("check", "--tsv").out
    assert "djpkg fetch django-a" in run("check", "--tsv").out


def test_a_package_without_a_supported_forge_or_project_is_not_unknown() -> None:
    mirror = directory(Package("django-a"), Package("django-b", answered=False))
    execute(
        mirror,
        "UPDATE packages SET forge = NULL, repository = NULL, repository_key = NULL, repo_state = 'unsupported',"
        " checked = json_remove(checked, '$.github') WHERE slug = 'django-a'",
    )
    execute(mirror, "UPDATE packages SET repository_key = 'git.example.org/a/b', forge = 'forgejo' WHERE id = 2")
    write("django-a\ndjango-b\n")
    report = check()
    assert messages(report, "django-a", "unknown") == []
    (message,) = messages(report, "django-b", "unknown")
    assert message.startswith("git.example.org has not answered yet about its repository")


# The age of the answers.


def test_one_old_answer_among_fresh_ones_is_too_old_and_named() -> None:
    mirror = directory(*(Package(f"django-{letter}") for letter in "abcdef"))
    for slug in ("django-b", "django-c", "django-d"):
        execute(mirror, "UPDATE packages SET checked = json_set(checked, '$.github', ?) WHERE slug = ?", OLD, slug)
    execute(mirror, "UPDATE packages SET checked = json_remove(checked, '$.pypi') WHERE slug = 'django-e'")
    write("".join(f"django-{letter}\n" for letter in "abcdef"))
    result = run("check", "--max-age", "7d", "--json")
    report = json.loads(result.out)
    assert (result.code, report["mirror"]["age_days"]) == (5, 100)
    day = OLD[:10]
    assert report["error"]["message"] == (
        "forges and PyPI answered longer ago than --max-age 7d about 4 of 6 packages:"
        f" django-e (never), django-b ({day}), django-c ({day}) and 1 more"
    )
    assert "mirror 3 mo old" in run("check").lines[0]


def test_what_is_gone_or_has_no_source_does_not_make_the_mirror_old() -> None:
    mirror = directory(Package("django-a", state="gone"), Package("django-b", project_gone=True), Package("django-c"))
    execute(mirror, "UPDATE packages SET checked = json_set(checked, '$.github', ?) WHERE slug = 'django-a'", OLD)
    execute(mirror, "UPDATE packages SET checked = json_set(checked, '$.pypi', ?) WHERE slug = 'django-b'", OLD)
    execute(
        mirror,
        "UPDATE packages SET repository_key = NULL, forge = NULL, pypi_name = 'django-c', checked = ? WHERE id = 3",
        json.dumps({"pypi": ago(days=1), "github": OLD}),
    )
    write("django-a\ndjango-b\ndjango-c\n")
    report = check("--max-age", "7d", "--fail-on", "none")
    assert (report["exit"], report["mirror"]["age_days"]) == (0, 1)


def test_a_list_older_than_max_age_is_read_again_by_fetch(server: WorldServer, monkeypatch: pytest.MonkeyPatch) -> None:
    add_starter(server.world)
    server.world.add_package("plain", stars=3, commits=[2], releases=[("1.0", 5)])
    monkeypatch.setattr(fetch_run, "fetch", partial(fetch_run.fetch, limits=QUICK))
    start = server.world.now
    write("plain\n")
    for age, span, code in ((0, "7d", 0), (2, "7d", 0), (10, "7d", 0), (10.5, "6h", 0)):
        server.world.now = start + timedelta(days=age)
        monkeypatch.setattr(options, "now", lambda: server.world.now)
        result = run("check", "--fetch", "--max-age", span, "--json", env=server.env)
        assert (result.code, result.err) == (code, "")
        swept = json.loads(result.out)["mirror"]["swept"]
        expected = start if age == 2 else server.world.now
        assert swept[:13] == f"{expected:%Y-%m-%dT%H}"


def test_unchanged_answers_keep_a_mirror_that_is_fetched_young(
    server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_starter(server.world)
    for name in ("plain", "other"):
        server.world.add_package(name, stars=3, commits=[2], releases=[("1.0", 5)])
    monkeypatch.setattr(fetch_run, "fetch", partial(fetch_run.fetch, limits=QUICK))
    start = server.world.now
    write("plain\n")
    for day in (0, 6, 12):
        server.world.now = start + timedelta(days=day)
        monkeypatch.setattr(options, "now", lambda: server.world.now)
        fetched = run("fetch", "--all", "--json", env=server.env)
        assert fetched.code == 0
        updated = json.loads(fetched.out)["sources"]["pypi"]["updated"]
        assert bool(updated) == (day == 0)
    report = json.loads(run("check", "--max-age", "7d", "--json", env=server.env).out)
    assert (report["exit"], report["mirror"]["age_days"]) == (0, 0)


# Django.


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("Django>=4.2,<6", "allows only Django <6,>=4.2; checked against 6.0"),
        ("Django<5", "allows only Django <5; checked against 6.0"),
    ],
)
def test_a_file_that_forbids_the_newest_django_is_a_remark(line: str, stated: str) -> None:
    directory(Package("django-a"))
    write(f"{line}\ndjango-a\n")
    shown = run("check").out
    assert f"requirements.txt:1  {stated} (the newest series on PyPI); --django " in shown
    newest = "5.2" if "<6" in line else "4.2"
    assert f"--django {newest} is the newest that it allows" in shown
    assert "allows only" not in run("check", "--django", newest).out


@pytest.mark.parametrize("text", ["Django>=4.2\n", "Django==5.2.1\n", "Django~=5.2.0\n", "django-a\n"])
def test_a_file_that_allows_the_django_checked_against_is_no_remark(text: str) -> None:
    directory(Package("django-a"))
    write(f"{text}django-a\n")
    assert "allows only Django <" not in run("check", "--markdown").out
    assert "is the newest that it allows" not in run("check", "--markdown").out


# Replacements, and yanked releases.


def test_a_noted_replacement_that_does_not_fit_is_explained() -> None:
    mirror = directory(
        Package("django-dead", archived=True, days=900),
        Package("django-late", requires=("Django>=3.2,<5.0",), django=("4.2",)),
        Package("django-new", answered=False),
    )
    execute(mirror, "UPDATE packages SET replaced_by = 'django-late' WHERE slug = 'django-dead'")
    write("django-dead\n")
    assert "instead     none fits: django-late, which you noted, excludes Django 6.0" in run("check").out
    assert "instead: none fits: django-late" in run("check", "--github").out
    assert check()["packages"][0]["instead"] == []
    assert "django-late (your replaced\\_by)" in run("check", "--markdown", "--django", "4.2").out
    execute(mirror, "UPDATE packages SET replaced_by = 'django-other' WHERE slug = 'django-dead'")
    assert "none fits: django-other, which you noted, is not in the mirror" in run("check").out
    execute(mirror, "UPDATE packages SET replaced_by = 'django-new' WHERE slug = 'django-dead'")
    assert "none fits: django-new, which you noted, has no known commit" in run("check").out
    execute(mirror, "UPDATE packages SET pypi_name = 'django-dead' WHERE slug = 'django-new'")
    assert "none fits: django-new, which you noted, is the same project" in run("check").out
    execute(mirror, "UPDATE packages SET replaced_by = NULL WHERE slug = 'django-dead'")
    assert "instead     none known" in run("check").out


def test_a_yanked_release_that_pip_does_not_install_is_not_in_use() -> None:
    directory(Package("django-a", versions=("1.0", "1.1", "1.2", "2.0"), yanked=("1.1", "1.2")))
    write("django-a<2\n")
    report = check()
    (message,) = messages(report, "django-a", "outdated")
    assert message.startswith("1.0 is in use; 2.0 is out")
    assert messages(report, "django-a", "yanked")[0].startswith("1.2, the newest that <2 allows, is yanked")


# Commands that are suggested.


def test_every_command_of_the_report_names_the_mirror() -> None:
    mirror = directory(Package("django-a", answered=False))
    execute(mirror, "DELETE FROM project_releases")
    mirror.rename("other.db")
    write("django-a\n")
    shown = run("check", "--db", "other.db").out
    assert "next        djpkg fetch --db other.db django-a\n" in shown
    assert "run djpkg fetch --db other.db --all)" in shown
    Path("other.db").rename(mirror)
    assert "--db" not in run("check").out


def test_every_command_of_a_hint_names_the_mirror() -> None:
    write("django-a\n")
    result = run("check", "--db", "nope.db", "--json")
    hint = (
        "run djpkg fetch --db nope.db --all, djpkg fetch --db nope.db --from URL for a snapshot,"
        " or djpkg check --db nope.db --fetch"
    )
    assert json.loads(result.out)["error"]["hint"] == hint
    assert hint in result.err
    assert run("check", "--db", "nope.db", "--github").out.count("--db nope.db") == 3


def test_the_reports_of_other_commands_name_the_mirror_in_their_hints() -> None:
    fetched = json.loads(run("fetch", "--db", "nope.db", "--json").out)
    assert fetched["error"]["hint"] == "for example: djpkg fetch --db nope.db django-todo"
    estimated = json.loads(run("fetch", "--db", "nope.db", "--dry-run", "--json").out)
    assert estimated["error"]["hint"] == "for example: djpkg fetch --db nope.db django-todo"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check"], 74, "there is no mirror"),
        (["check", "missing.txt"], 2, "missing.txt cannot be read"),
        (["check", "--django", "x"], 2, "invalid --django"),
    ],
)
def test_an_error_that_ends_the_check_is_an_annotation(arguments: list[str], code: int, message: str) -> None:
    write("django-a\n")
    result = run(*arguments, "--github")
    assert result.code == code
    (line,) = result.lines
    assert line.startswith("::error title=djpkg check%3A not judged::")
    assert message.replace("there is no mirror", "mirror") in line


# Options.


def test_a_baseline_may_be_a_stream() -> None:
    mirror = directory(Package("django-a", state="gone"))
    write("django-a\n")
    baseline = run("check", "--json").out.encode()
    result = run_process("check", "--baseline", "/dev/stdin", "--db", str(mirror), stdin=baseline)
    assert (result.code, "in the baseline" in result.out) == (0, True)


def test_a_baseline_in_a_stream_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    directory(Package("django-a"))
    write("django-a\n")
    monkeypatch.setattr("djpkg.cli.project_files._MAX_BYTES", 10)
    ours, theirs = os.pipe()
    os.write(theirs, b"{" * 20)
    os.close(theirs)
    try:
        result = run("check", "--baseline", f"/dev/fd/{ours}")
    finally:
        os.close(ours)
    assert (result.code, "is larger than" in result.err) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--quiet-after", "9999999y"],
        ["check", "--max-age", "9999999y"],
        ["changes", "--since", "9999999y"],
        ["list", "updated:9999999y.."],
    ],
)
def test_a_span_that_is_too_long_is_called_that(arguments: list[str]) -> None:
    write("django-a\n")
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "time span '9999999y' is too long" in result.err


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["fetch", "--from", "a.gz", "--from", "b.gz"], "--from"),
        (["check", "--fail-on", "yanked", "--fail-on", "gone"], "--fail-on"),
        (["check", "--baseline", "a.json", "--baseline", "b.json"], "--baseline"),
        (["list", "-n", "1", "--limit", "2"], "--limit"),
        (["changes", "--since", "1d", "--since", "2d"], "--since"),
        (["status", "--db", "a.db", "--db", "b.db"], "--db"),
    ],
)
def test_an_option_with_one_value_is_given_once(arguments: list[str], option: str) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert f"{option} can be given only once" in result.err


def test_repeatable_options_and_flags_can_be_repeated() -> None:
    directory(Package("django-a"))
    write("django-a\n")
    assert (
        run("list", "-r", "requirements.txt", "-r", ".", "--sort", "stars", "-s", "slug", "--json", "--json").code == 0
    )


@pytest.mark.parametrize("width", [40, 60, 80])
def test_notes_on_dependencies_are_wrapped_at_words_on_a_terminal(width: int) -> None:
    mirror = directory(Package("django-a"))
    write("django-a\nrequests\nsix\n")
    out = run_on_pty("list", "-r", "requirements.txt", "--db", str(mirror), "-n", "1", width=width, messages_too=True)
    note = "2 of 3 dependencies are not listed on Django Packages; djpkg list"
    assert note in " ".join(out.out.split())
    lines = [line.rstrip("\r") for line in out.out.split("\n")]
    assert all(len(line) <= width for line in lines if str(mirror) not in line and "/" not in line)
    assert any(line.endswith("names them") or line == "them" for line in lines)
