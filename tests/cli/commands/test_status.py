from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.cli import options
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from tests.cli.running import look, run
from tests.mirrors import NOW, ago

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["schema", "mirror", "packages", "overrides", "sources", "quotas", "runs"]
SECRET = "ghp_CANARYcanaryCANARYcanary00"


@pytest.fixture(autouse=True)
def _no_gh(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    """A mirror after two fetches, of which the second was killed."""
    with open_write(fetched_mirror) as db:
        Writer(db, forges=NO_FORGES).store_overrides(1, {"title": "Pots!", "repo_forks": 3}, unset=(), now=NOW)
        run_number = fetch_history.start_run(db, "--all", now=NOW - timedelta(hours=3))
        report: dict[str, object] = {"causes": ["github: answered 502 (django-pans)"]}
        fetch_history.finish_run(db, run_number, code=5, report=report, now=NOW - timedelta(hours=2))
        fetch_history.start_run(db, "django-pots", now=NOW - timedelta(minutes=5))
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW - timedelta(hours=2), 4, 4))
        fetch_history.store_quota(
            db,
            [
                QuotaRow("github", "graphql", 5000, 4990, NOW + timedelta(minutes=30), None),
                QuotaRow("bitbucket", "", None, None, None, NOW + timedelta(hours=1)),
            ],
        )
    return fetched_mirror


def told() -> dict[str, object]:
    found: dict[str, object] = json.loads(run("status", "--json").out)
    return found


def test_the_json_says_how_the_mirror_is(mirror: Path) -> None:
    found = told()
    assert list(found) == KEYS
    assert found["schema"] == 1
    assert found["mirror"] == {
        "path": str(mirror), "exists": True, "bytes": mirror.stat().st_size, "version": 1,
    }  # fmt: skip
    assert found["packages"] == {"listed": 4, "removed": 0, "edited": 1}
    assert found["overrides"] == 2


def test_each_source_says_how_fresh_it_is_and_what_failed(mirror: Path) -> None:
    sources = told()["sources"]
    assert isinstance(sources, dict)
    assert list(sources) == [source.value for source in SourceName]
    assert sources["catalog"] == {
        "packages": 4, "answered": 4, "failed": 0, "newest": ago(hours=2), "oldest": ago(hours=2),
        "swept": {"completed": ago(hours=2), "packages": 4}, "token": None,
    }  # fmt: skip
    assert sources["github"] == {
        "packages": 3, "answered": 2, "failed": 1, "newest": ago(hours=1), "oldest": ago(hours=1), "swept": None,
        "token": None,
    }  # fmt: skip
    assert sources["pypi"]["failed"] == 1
    assert sources["gitlab"]["packages"] == 0


def test_a_place_that_was_left_does_not_count(mirror: Path) -> None:
    with open_write(mirror) as db:
        elsewhere = {"repo_url": "https://gitlab.com/mara/pots"}
        Writer(db, forges=NO_FORGES).store_overrides(1, elsewhere, unset=(), now=NOW)
    sources = told()["sources"]
    assert isinstance(sources, dict)
    assert (sources["github"]["packages"], sources["github"]["answered"]) == (2, 1)
    assert (sources["gitlab"]["packages"], sources["gitlab"]["answered"]) == (1, 0)


def test_runs_are_told_newest_first_and_one_that_was_killed_has_no_end(mirror: Path) -> None:
    assert told()["runs"] == [
        {"started": ago(minutes=5), "finished": None, "asked": "django-pots", "exit": None, "causes": []},
        {
            "started": ago(hours=3), "finished": ago(hours=2), "asked": "--all", "exit": 5,
            "causes": ["github: answered 502 (django-pans)"],
        },
    ]  # fmt: skip


def test_quotas_are_told_with_when_they_reset_and_when_not_to_ask(mirror: Path) -> None:
    assert told()["quotas"] == [
        {
            "source": "bitbucket", "pool": "", "limit": None, "remaining": None, "reset": None,
            "not_before": ago(hours=-1),
        },
        {
            "source": "github", "pool": "graphql", "limit": 5000, "remaining": 4990, "reset": ago(minutes=-30),
            "not_before": None,
        },
    ]  # fmt: skip


def test_into_a_pipe_every_value_is_a_line_under_its_name(mirror: Path) -> None:
    lines = run("status").lines
    assert lines[0] == "schema\t1"
    for line in (
        "packages.listed\t4", "sources.github.failed\t1", "runs.1.finished\t", "runs.2.exit\t5",
        "runs.2.causes.1\tgithub: answered 502 (django-pans)", "quotas.2.remaining\t4990",
    ):  # fmt: skip
        assert line in lines
    assert all(line.count("\t") == 1 for line in lines)


def test_on_a_terminal_it_is_told_in_words(mirror: Path) -> None:
    out = look("status", width=140).out
    for words in (
        "packages  4 listed", "edits     2 values in 1 package", "github    2 of 3 answered, 1 h ago, 1 failed",
        "swept     catalog 2 h ago, 4 listed", "github graphql: 4,990 of 5,000 left, resets in",
        "bitbucket: unknown left, not to be asked before", "fetches   5 min ago: django-pots, not finished",
        "3 h ago: --all, exit 5 (github: answered 502 (django-pans))",
    ):  # fmt: skip
        assert words in out


def test_a_quota_that_resets_in_a_moment_has_not_done_so_just_now(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "now", lambda: NOW)
    with open_write(mirror) as db:
        fetch_history.store_quota(db, [QuotaRow("gitlab", "", 2000, 1944, NOW + timedelta(seconds=59), None)])
    assert "gitlab: 1,944 of 2,000 left, resets in under a minute\n" in look("status", width=140).out


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_is_kept_to(mirror: Path, width: int) -> None:
    assert max(map(len, look("status", width=width).lines)) <= width


def test_without_a_mirror_the_shape_is_the_same_and_no_file_is_made(tmp_path: Path) -> None:
    ended = run("status", "--json")
    found = json.loads(ended.out)
    assert (ended.code, ended.err, list(found)) == (0, "", KEYS)
    assert found["mirror"] == {
        "path": str(tmp_path / "mirror.db"), "exists": False, "bytes": None, "version": None,
    }  # fmt: skip
    assert list(found["sources"]) == [source.value for source in SourceName]
    assert "none yet at" in look("status").out
    assert "mirror.exists\tfalse" in run("status").lines
    assert list(tmp_path.iterdir()) == []


# Tokens.


@pytest.mark.parametrize(
    ("variable", "source"),
    [
        ("GH_TOKEN", "github"),
        ("GITHUB_TOKEN", "github"),
        ("GITLAB_TOKEN", "gitlab"),
        ("BITBUCKET_TOKEN", "bitbucket"),
        ("CODEBERG_TOKEN", "forgejo"),
    ],
)
def test_a_token_is_told_by_the_variable_that_holds_it_and_never_itself(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, variable: str, source: str
) -> None:
    monkeypatch.setenv(variable, f"mara@example.org:{SECRET}" if source == "bitbucket" else SECRET)
    sources = told()["sources"]
    assert isinstance(sources, dict)
    assert sources[source]["token"] == variable
    for ended in (run("status"), run("status", "--json"), look("status")):
        assert SECRET not in ended.out + ended.err


def test_gh_is_named_where_it_has_a_token_and_what_it_prints_is_not(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gh = tmp_path / "gh"
    gh.write_text(f"#!/bin/sh\necho {SECRET}\necho {SECRET} >&2\n")
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = look("status")
    assert "tokens    github from gh\n" in ended.out
    assert SECRET not in ended.out + ended.err
    for silent in ("exit 1", "exit 0", "echo"):
        gh.write_text(f"#!/bin/sh\n{silent}\n")
        assert "sources.github.token\t\n" in run("status").out


def test_gh_is_asked_for_the_token_of_the_server_that_is_github_here(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\n[ "$*" = "auth token --hostname github.example.org" ] && echo {SECRET}\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sources.github.token\t\n" in run("status").out
    monkeypatch.setenv("DJPKG_GITHUB_URL", "https://github.example.org/api/v3")
    assert "sources.github.token\tgh\n" in run("status").out
    monkeypatch.setenv("DJPKG_GITHUB_URL", "http://[x")
    ended = run("status")
    assert "sources.github.token\t\n" in ended.out
    assert ended.err == "djpkg: DJPKG_GITHUB_URL is no http or https address\n"


def test_a_token_that_can_be_none_is_said_and_the_rest_told(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", f"{SECRET} {SECRET}")
    ended = run("status")
    assert ended.code == 0
    assert ended.err == "djpkg: GH_TOKEN holds characters that no token has\n"
    assert SECRET not in ended.out


def test_a_working_folder_that_is_gone_is_not_taken_for_an_output_that_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ended = run("status", "--db", "x.db")
    assert (ended.code, ended.out) == (1, "")
    assert "no working folder" in ended.err


def test_nothing_is_written(mirror: Path) -> None:
    before = mirror.read_bytes()
    run("status")
    assert mirror.read_bytes() == before
    assert [file.name for file in mirror.parent.iterdir()] == ["mirror.db"]


def test_a_damaged_mirror_ends_with_seventy_four(mirror: Path) -> None:
    db = sqlite3.connect(mirror)
    db.execute("DROP TABLE events")
    db.execute("DROP TABLE runs")
    db.close()
    ended = run("status")
    assert (ended.code, ended.out) == (74, "")


def test_words_are_refused(mirror: Path) -> None:
    assert run("status", "now").code == 2


def test_what_a_fetch_of_all_put_off_is_told_with_its_run(mirror: Path) -> None:
    report = {"causes": [], "deferred": [{"source": "github", "packages": 411, "until": "2026-01-01T00:00:00Z"}]}
    with open_write(mirror) as db:
        number = fetch_history.start_run(db, "--all", now=NOW)
        fetch_history.finish_run(db, number, code=0, report=report, now=NOW)
    told = json.loads(run("status", "--json").out)["runs"]
    assert any(one["causes"] == ["github: 411 put off, until 2026-01-01T00:00:00Z"] for one in told)
