"""The formats of ``djpkg check``, on a project and a mirror."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from djpkg.cli import options
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.model.fetch_state import Sweep
from djpkg.source_name import SourceName
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, fetched_mirror

ARGUMENTS = ("--django", "5.2", "--python", "3.12")
FORMATS = ("--json", "--tsv", "--markdown", "--github")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_write(fetched_mirror(Path(os.environ["DJPKG_DB"]))) as db:
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW - timedelta(minutes=30), 1, 1))
    monkeypatch.setattr(options, "now", lambda: NOW)
    monkeypatch.chdir(tmp_path)
    Path("base.txt").write_text("django-pots==2.5.0\nDjango_Kiln>=1\nattrs\ndjango-inhouse\n", encoding="utf-8")


def test_the_text_is_the_same_in_a_log_and_on_a_terminal() -> None:
    log = run("check", "base.txt", *ARGUMENTS, env={"COLUMNS": "80"})
    assert log.code == 1
    assert log.err == ""
    assert log.lines[0] == "base.txt: 4 packages, 2 in the directory · Django 5.2 · mirror 1 h old"
    assert log.lines[1] == "1 fails, no notes, 1 fine; 2 are not in the directory and not judged (-v)"
    assert log.lines[3] == "FAIL  django-kiln >=1                base.txt:2  direct"
    assert "SKIP  not in the directory: django-inhouse and 1 more (-v)" in log.lines
    assert run_on_terminal("check", "base.txt", *ARGUMENTS, width=80).out == log.out


def test_only_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in run("check", "base.txt").out
    assert "\x1b[1;31mFAIL\x1b[0m" in run("check", "base.txt", env={"FORCE_COLOR": "1"}).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("check", "base.txt", env={"FORCE_COLOR": "1"}).out


def test_verbose_names_what_is_unlisted_and_what_is_fine() -> None:
    lines = run("check", "base.txt", "-v", *ARGUMENTS).lines
    assert "SKIP  not in the directory: attrs, django-inhouse" in lines
    assert any(line.startswith("      django-pots  2.5.0 ") for line in lines)


@pytest.mark.parametrize(
    ("option", "start"),
    [
        ("--tsv", "severity\trule\tname\t"),
        ("--markdown", "### djpkg check: 1 fails, no notes, 1 fine\n"),
        ("--github", "::notice title=djpkg check::1 fails, no notes, 1 fine; 2 are not in the directory"),
        ("--json", '{\n    "schema": 1,\n    "exit": 1,\n'),
    ],
)
def test_each_option_prints_its_format_and_exits_as_the_text_does(option: str, start: str) -> None:
    ended = run("check", "base.txt", option, *ARGUMENTS)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith(start)
    assert "django-kiln" in ended.out


def test_an_annotation_names_the_file_as_it_was_typed() -> None:
    Path("requirements").mkdir()
    Path("base.txt").rename("requirements/base.txt")
    (error,) = [line for line in run("check", "requirements/base.txt", "--github").lines if line.startswith("::error")]
    assert error.startswith("::error file=requirements/base.txt,line=2,title=djpkg check%3A django-kiln gone::")


@pytest.mark.parametrize("option", FORMATS[1:])
def test_two_formats_cannot_be_used_together(option: str) -> None:
    ended = run("check", "base.txt", "--json", option)
    assert (ended.code, ended.out) == (2, "")
    assert f"--json and {option} cannot be used together" in ended.err


@pytest.mark.parametrize("option", ["--tsv", "--markdown"])
def test_a_file_that_cannot_be_read_prints_nothing_on_stdout(option: str) -> None:
    ended = run("check", "missing.txt", option)
    assert (ended.code, ended.out) == (2, "")
    assert "missing.txt" in ended.err


def test_a_check_that_could_not_judge_states_it_in_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "now", lambda: NOW + timedelta(hours=2))
    for option in ("--markdown", "--github", "-v"):
        ended = run("check", "base.txt", "--max-age", "1h", option)
        assert ended.code == 5
        assert "not judged" in ended.out
        assert "--max-age" in ended.err
