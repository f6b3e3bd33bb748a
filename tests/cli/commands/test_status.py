from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg import config
from djpkg.cli import options
from djpkg.mirror import fetch_history, schema
from djpkg.mirror.connection import open_write
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.source_name import SourceName
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, ago, override

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["schema", "mirror", "packages", "overrides", "removed_edits", "sources", "quotas", "runs"]
SECRET = "ghp_CANARYcanaryCANARYcanary00"


@pytest.fixture(autouse=True)
def _no_gh(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    """A mirror after two fetches; the second was killed."""
    with open_write(fetched_mirror) as db:
        override(db, 1, {"title": "Pots!", "repo_forks": 3})
        run_number = fetch_history.start_run(db, "--all", now=NOW - timedelta(hours=3))
        report: dict[str, object] = {"causes": ["github: answered 502 (django-pans)"]}
        fetch_history.finish_run(db, run_number, code=5, report=report, now=NOW - timedelta(hours=2))
        fetch_history.start_run(db, "django-pots", now=NOW - timedelta(minutes=5))
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW - timedelta(hours=2), 4, 4))
        fetch_history.store_quotas(
            db,
            [
                QuotaRow("github", "graphql", 5000, 4990, NOW + timedelta(minutes=30), None),
                QuotaRow("bitbucket", "", None, None, None, NOW + timedelta(hours=1)),
            ],
        )
    return fetched_mirror


def status_json() -> dict[str, object]:
    state: dict[str, object] = json.loads(run("status", "--json").out)
    return state


def test_the_json_describes_the_mirror(mirror: Path) -> None:
    found = status_json()
    assert list(found) == KEYS
    assert found["schema"] == 1
    assert found["mirror"] == {
        "path": str(mirror), "exists": True, "bytes": mirror.stat().st_size, "version": schema.VERSION,
    }  # fmt: skip
    assert found["packages"] == {"listed": 4, "removed": 0, "edited": 1}
    assert found["overrides"] == 2


def test_each_source_has_its_answers_and_failures(mirror: Path) -> None:
    sources = status_json()["sources"]
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


def test_facts_of_a_former_address_do_not_count(mirror: Path) -> None:
    with open_write(mirror) as db:
        elsewhere = {"repo_url": "https://gitlab.com/mara/pots"}
        override(db, 1, elsewhere)
    sources = status_json()["sources"]
    assert isinstance(sources, dict)
    assert (sources["github"]["packages"], sources["github"]["answered"]) == (2, 1)
    assert (sources["gitlab"]["packages"], sources["gitlab"]["answered"]) == (1, 0)


def test_runs_are_listed_newest_first_and_a_killed_one_has_no_end(mirror: Path) -> None:
    assert status_json()["runs"] == [
        {"started": ago(minutes=5), "finished": None, "arguments": "django-pots", "exit": None, "causes": []},
        {
            "started": ago(hours=3), "finished": ago(hours=2), "arguments": "--all", "exit": 5,
            "causes": ["github: answered 502 (django-pans)"],
        },
    ]  # fmt: skip


def test_quotas_have_the_times_of_their_reset_and_of_the_next_request(mirror: Path) -> None:
    assert status_json()["quotas"] == [
        {
            "source": "bitbucket", "pool": "", "limit": None, "remaining": None, "reset": None,
            "not_before": ago(hours=-1),
        },
        {
            "source": "github", "pool": "graphql", "limit": 5000, "remaining": 4990, "reset": ago(minutes=-30),
            "not_before": None,
        },
    ]  # fmt: skip


def test_a_pipe_gets_one_name_and_value_per_line(mirror: Path) -> None:
    lines = run("status").lines
    assert lines[0] == "schema\t1"
    for line in (
        "packages.listed\t4", "sources.github.failed\t1", "runs.0.finished\t", "runs.1.exit\t5",
        "runs.1.causes.0\tgithub: answered 502 (django-pans)", "quotas.1.remaining\t4990",
    ):  # fmt: skip
        assert line in lines
    assert all(line.count("\t") == 1 for line in lines)


def test_a_terminal_gets_a_table_in_words(mirror: Path) -> None:
    out = run_on_terminal("status", width=140).out
    for words in (
        "packages  4 listed", "edits     2 values in 1 package", "github    2 of 3 answered, 1 h ago, 1 failed",
        "swept     catalog 2 h ago, 4 listed", "github graphql: 4,990 of 5,000 left, resets in",
        "bitbucket: unknown left, no requests before", "fetches   5 min ago: django-pots, not finished",
        "3 h ago: --all, exit 5 (github: answered 502 (django-pans))",
    ):  # fmt: skip
        assert words in out


def test_a_quota_that_resets_soon_is_not_shown_as_reset_just_now(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "now", lambda: NOW)
    with open_write(mirror) as db:
        fetch_history.store_quotas(db, [QuotaRow("gitlab", "", 2000, 1944, NOW + timedelta(seconds=59), None)])
    assert "gitlab: 1,944 of 2,000 left, resets in under a minute\n" in run_on_terminal("status", width=140).out


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_table_fits_a_narrow_terminal(mirror: Path, width: int) -> None:
    assert max(map(len, run_on_terminal("status", width=width).lines)) <= width


def test_without_a_mirror_the_keys_are_the_same_and_no_file_is_made(tmp_path: Path) -> None:
    ended = run("status", "--json")
    found = json.loads(ended.out)
    assert (ended.code, ended.err, list(found)) == (0, "", KEYS)
    assert found["mirror"] == {
        "path": str(tmp_path / "mirror.db"), "exists": False, "bytes": None, "version": None,
    }  # fmt: skip
    assert list(found["sources"]) == [source.value for source in SourceName]
    assert "none yet at" in run_on_terminal("status").out
    assert "mirror.exists\tfalse" in run("status").lines
    assert list(tmp_path.iterdir()) == []


# Tokens.


@pytest.mark.parametrize(
    ("variable", "source"),
    [(variable, api.source.value) for api in config.APIS for variable in api.token_variables],
)
def test_the_variable_of_a_token_is_shown_and_never_the_token(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, variable: str, source: str
) -> None:
    monkeypatch.setenv(variable, f"mara@example.org:{SECRET}" if source == "bitbucket" else SECRET)
    sources = status_json()["sources"]
    assert isinstance(sources, dict)
    assert sources[source]["token"] == variable
    for ended in (run("status"), run("status", "--json"), run_on_terminal("status")):
        assert SECRET not in ended.out + ended.err


def test_gh_is_named_if_it_is_installed_and_is_not_started(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gh, started = tmp_path / "gh", tmp_path / "started"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sources.github.token\t\n" in run("status").out
    gh.write_text(f"#!/bin/sh\necho > {started}\n")
    gh.chmod(0o755)
    assert "tokens    github from gh, asked when fetching\n" in run_on_terminal("status").out
    assert "sources.github.token\tgh\n" in run("status").out
    assert not started.exists()
    monkeypatch.setenv("DJPKG_GITHUB_URL", "http://[x")
    ended = run("status")
    assert "sources.github.token\t\n" in ended.out
    assert ended.err == "djpkg: DJPKG_GITHUB_URL is not an http or https URL\n"


def test_an_invalid_token_is_reported_and_the_rest_shown(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", f"{SECRET} {SECRET}")
    ended = run("status")
    assert ended.code == 0
    assert ended.err == "djpkg: the token in GH_TOKEN contains invalid characters\n"
    assert SECRET not in ended.out


def test_a_deleted_working_directory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ended = run("status", "--db", "x.db")
    assert (ended.code, ended.out) == (1, "")
    assert "working directory does not exist" in ended.err


def test_nothing_is_written(mirror: Path) -> None:
    before = mirror.read_bytes()
    run("status")
    assert mirror.read_bytes() == before
    assert [file.name for file in mirror.parent.iterdir()] == ["mirror.db"]


def test_a_damaged_mirror_is_exit_code_74(mirror: Path) -> None:
    with closing(sqlite3.connect(mirror)) as db:
        db.execute("DROP TABLE events")
        db.execute("DROP TABLE runs")
    ended = run("status")
    assert (ended.code, ended.out) == (74, "")


def test_arguments_are_refused(mirror: Path) -> None:
    assert run("status", "now").code == 2


def test_deferred_packages_of_a_fetch_are_shown_with_its_run(mirror: Path) -> None:
    report: dict[str, object] = {
        "causes": [],
        "deferred": [{"source": "github", "packages": 411, "until": "2026-01-01T00:00:00Z"}],
    }
    with open_write(mirror) as db:
        number = fetch_history.start_run(db, "--all", now=NOW)
        fetch_history.finish_run(db, number, code=0, report=report, now=NOW)
    runs = json.loads(run("status", "--json").out)["runs"]
    assert any(one["causes"] == ["github: 411 deferred until 2026-01-01T00:00:00Z"] for one in runs)
