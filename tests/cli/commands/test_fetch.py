"""The command `djpkg fetch`: its output, JSON and exit codes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from djpkg.cli import options
from djpkg.cli.app import app
from djpkg.fetch import run as fetch_run
from djpkg.mirror import lock, schema
from djpkg.mirror.busy import BusyLimits
from djpkg.mirror.connection import open_write
from djpkg.source_name import SourceName
from tests.fetching import QUICK, Desk, add_starter, expected, quick_folder
from tests.world import CODEBERG, GITLAB, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.world import WorldServer

    Fetch = Callable[..., Result]

TALLY = ["asked", "updated", "unchanged", "gone", "deferred", "failed", "requests", "points", "quota"]
SOURCES = [source.value for source in SourceName]


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    world.add_package("plain", stars=3, commits=[2], releases=[("1.0", 5)])
    world.add_package("other", host=GITLAB, path="group/other", stars=2)
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db")


@pytest.fixture
def fetch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """Run `djpkg fetch ARGUMENTS` with the world's clock and short timeouts."""
    monkeypatch.setattr(fetch_run, "fetch", partial(fetch_run.fetch, limits=QUICK))
    monkeypatch.setattr(options, "now", lambda: desk.world.now)

    def run(*arguments: str, **env: str | None) -> Result:
        desk.server.clear_log()
        known = {**desk.environment, "DJPKG_DB": str(desk.path)}
        return CliRunner().invoke(app, ["fetch", *arguments], env={**known, **env}, catch_exceptions=False)

    return run


@pytest.mark.parametrize("quiet", [(), ("-q",), ("--json",)])
def test_a_wait_for_another_program_is_a_line_on_stderr(
    fetch: Fetch, desk: Desk, monkeypatch: pytest.MonkeyPatch, quiet: tuple[str, ...]
) -> None:
    fetch("--all")
    monkeypatch.setattr(fetch_run, "fetch", partial(fetch_run.fetch, busy_limits=BusyLimits(total=0.2, notice=0)))
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM packages").fetchone()
        result = fetch("--all", *quiet)
    waiting = f"djpkg: waiting up to 0.2 seconds for another program that uses the mirror {desk.path}"
    locked = f"djpkg: the mirror {desk.path} is locked by another program"
    lines = result.stderr.splitlines()
    assert result.exit_code == 74
    assert lines[:-1] == ([locked] if quiet == ("-q",) else [waiting, locked])


def stderr_lines(result: Result) -> list[str]:
    assert result.stdout == ""
    return result.stderr.splitlines()


# Output.


@pytest.mark.parametrize("arguments", [["--all"], ["plain"], ["--all", "-q"]], ids=" ".join)
def test_success_prints_nothing(fetch: Fetch, desk: Desk, arguments: list[str]) -> None:
    for _ in range(2):
        result = fetch(*arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert desk.show("plain") == expected(desk.world, desk.world.package("plain"))


def test_deferred_and_gone_packages_are_no_errors_with_all(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    desk.world.delete("acme/plain")
    desk.world.add_package("nowhere", repo_url="")
    desk.world.add_package("unsupported", repo_url="https://example.org/x/y")
    server.exhaust("github", authorised=False)
    result = fetch("--all")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    (line,) = [line for line in stderr_lines(fetch("--all", "-v")) if "deferred" in line and "until" in line]
    assert line.startswith("github: 2 deferred until 2026-11-23T13:00:00Z")
    assert stderr_lines(fetch("--all")) == [
        "djpkg: github: closed until 2026-11-23T13:00:00Z; 2 packages not requested"
    ]


def test_verbose_prints_one_line_per_source_on_stderr(fetch: Fetch, desk: Desk) -> None:
    hint, remedy, stored, *lines = stderr_lines(fetch("--all", "-v"))
    assert hint.startswith("No GitHub token found")
    assert "GITHUB_TOKEN" in remedy
    assert stored == "3 packages stored; they can be listed already"
    assert [line.partition(":")[0] for line in lines] == [
        "catalog",
        "github",
        "pypi",
        "gitlab",
        "done in less than 1 s",
    ]
    assert all(line.endswith(" requests)") for line in lines[:-1])
    desk.world.release("plain", "2.0")
    assert "released: plain" in stderr_lines(fetch("--all", "-v"))


@pytest.mark.parametrize("flag", [[], ["-q"], ["-v"]], ids=["", "quiet", "verbose"])
def test_errors_are_one_line_per_cause(fetch: Fetch, desk: Desk, server: WorldServer, flag: list[str]) -> None:
    for place in range(20):
        desk.world.add_package(f"p{place:02}", repo_url="", project=f"p{place:02}", releases=[("1.0", 3)])
    server.fault("pypi", kind="status", status=403)
    server.fault("gitlab", kind="html")
    result = fetch("--all", *flag)
    errors = [line for line in stderr_lines(result) if line.startswith("djpkg: ")]
    assert result.exit_code == 5
    assert len(errors) == 2
    assert [line for line in errors if "pypi: " in line and line.endswith("and 19 more)")]
    assert [line for line in errors if "gitlab: " in line and line.endswith("(other)")]
    assert flag == ["-v"] or len(result.stderr.splitlines()) == 2


def test_text_of_a_server_is_escaped(fetch: Fetch, server: WorldServer) -> None:
    server.fault(
        "github",
        kind="status",
        status=403,
        headers={"retry-after": "90"},
        body={"message": "\x1b[31mslow down secondary rate limit"},
    )
    result = fetch("plain")
    assert result.exit_code == 5
    assert "secondary" in result.stderr
    assert "\x1b" not in result.stderr


# JSON.


def check_keys(document: dict[str, Any]) -> None:
    """Check the keys of the JSON of `fetch --json`."""
    error = ["error"] if document["exit"] else []
    assert list(document) == [
        "schema", "started", "finished", "exit", *error, "sources", "events", "failures", "deferred",
    ]  # fmt: skip
    assert not error or (list(document["error"]) == ["message", "hint"] and document["error"]["message"])
    assert document["schema"] == 1
    assert list(document["sources"]) == SOURCES
    for tally in document["sources"].values():
        assert list(tally) == TALLY
        assert tally["asked"] == sum(tally[name] for name in TALLY[1:6])
        assert tally["quota"] is None or list(tally["quota"]) == ["limit", "remaining", "reset"]
    assert all(list(event) == ["slug", "event", "old", "new"] for event in document["events"])
    assert all(list(failure) == ["slug", "source", "reason"] for failure in document["failures"])
    assert all(list(one) == ["source", "packages", "reason", "until"] for one in document["deferred"])


def prepare(case: str, desk: Desk) -> tuple[list[str], dict[str, str | None]]:
    """Prepare a case; return the arguments and environment variables for it."""
    server, nowhere = desk.server, dict.fromkeys(desk.server.env, "http://127.0.0.1:9/x")
    match case:
        case "failed":
            return ["--all"], {**nowhere}
        case "unknown":
            return ["no-such-thing"], {}
        case "refused":
            server.exhaust("github", authorised=False)
            return ["--all", "--source", "github"], {"GH_TOKEN": "ghp_wrong_0123456789"}
        case "partial":
            server.fault("pypi", kind="status", status=404, body={"message": "“★”"}, match="plain")
            server.fault("gitlab", kind="status", status=400)
        case "deferred":
            server.exhaust("github", authorised=False)
        case "disk":
            return ["--all"], {"DJPKG_DB": "/dev/null/mirror.db"}
        case "config":
            return ["--all"], {"DJPKG_PYPI_URL": "nonsense"}
        case _:
            desk.world.add_package("“Größe”", stars=1)
            return ["--all"], {}
    return ["plain", "other"], {}


EXIT_CODES = {
    "done": 0,
    "failed": 1,
    "config": 1,
    "unknown": 3,
    "refused": 4,
    "partial": 5,
    "deferred": 5,
    "disk": 74,
}


@pytest.mark.parametrize(("case", "code"), EXIT_CODES.items(), ids=EXIT_CODES)
def test_json_has_the_same_keys_for_every_exit_code(fetch: Fetch, desk: Desk, case: str, code: int) -> None:
    if case == "refused":
        fetch("--all")
    arguments, env = prepare(case, desk)
    result = fetch(*arguments, "--json", **env)
    assert result.exit_code == code
    assert result.stdout.isascii()
    assert result.stdout.endswith("}\n")
    document = json.loads(result.stdout)
    check_keys(document)
    assert document["exit"] == code
    assert bool(document["failures"] or document["deferred"]) == bool(code)
    assert bool(result.stderr) == bool(code)
    assert not code or document["error"]["message"].partition(" (and ")[0] in result.stderr
    assert "Traceback" not in result.stderr


def test_json_has_counts_events_and_failures(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    fetch("--all")
    desk.world.release("plain", "2.0")
    document = json.loads(fetch("plain", "no-such-thing", "--json").stdout)
    assert document["exit"] == 5
    assert document["started"] == document["finished"] == "2026-11-23T12:00:00Z"
    assert document["sources"]["pypi"] == {
        "asked": 1, "updated": 1, "unchanged": 0, "gone": 0, "deferred": 0, "failed": 0, "requests": 1,
        "points": 0, "quota": None,
    }  # fmt: skip
    github = document["sources"]["github"]
    assert (github["asked"], github["unchanged"], github["requests"]) == (1, 1, len(server.requests("github")))
    assert github["quota"]["limit"] == 60
    assert document["sources"]["gitlab"]["asked"] == 0
    assert document["events"] == [{"slug": "plain", "event": "released", "old": "1.0", "new": "2.0"}]
    (failure,) = document["failures"]
    assert (failure["slug"], failure["source"]) == ("no-such-thing", "catalog")


def test_json_has_the_time_until_which_packages_are_deferred(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    server.exhaust("github", authorised=False)
    document = json.loads(fetch("--all", "--json").stdout)
    assert document["exit"] == 0
    (one,) = document["deferred"]
    assert (one["source"], one["packages"], one["until"]) == ("github", 2, "2026-11-23T13:00:00Z")


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_status_shows_deferred_packages(fetch: Fetch, desk: Desk, server: WorldServer, flags: list[str]) -> None:
    server.exhaust("github", authorised=False)
    fetch("--all")
    arguments = ["status", "--db", str(desk.path), *flags]
    status = CliRunner().invoke(app, arguments, env=desk.environment, catch_exceptions=False)
    assert status.exit_code == 0
    assert "13:00:00Z" in status.stdout


def test_status_shows_the_arguments_of_a_fetch_as_typed(fetch: Fetch, desk: Desk) -> None:
    fetch("--all")
    url = "https://github.com/acme/plain"
    fetch("-stars:..1", "plain", "^is:gone", "title:a b", url, "--source", "pypi", "--refetch")
    fetch("https://me:canary@github.com/acme/plain")
    found = CliRunner().invoke(app, ["status", "--json", "--db", str(desk.path)], env=desk.environment)
    assert [run["arguments"] for run in json.loads(found.stdout)["runs"]] == [
        url,
        f"-stars:..1 plain '^is:gone' 'title:a b' {url} --source pypi --refetch",
        "--all",
    ]


# Exit codes.


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["plain", "--all"],
        ["--all", "--source", "svn"],
        ["--all", "-q", "-v"],
        ["--nonsense"],
        ["--all", "--source"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_sends_no_request(
    fetch: Fetch, desk: Desk, server: WorldServer, arguments: list[str]
) -> None:
    result = fetch(*arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert result.stdout == ""
    assert server.log == []
    assert not desk.path.exists()


@pytest.mark.parametrize(("name", "near"), [("gihub", "github"), ("Pypy", "pypi"), ("svn", None)])
def test_an_unknown_source_is_an_error_with_the_nearest(fetch: Fetch, name: str, near: str | None) -> None:
    message, hint = stderr_lines(fetch("--all", "--source", name))
    assert message == f"djpkg: unknown source '{name}'"
    assert hint.strip().startswith(f"did you mean {near}? use one of: " if near else "use one of: ")


@pytest.mark.parametrize("term", ["grid:no-such", "-category:no-such"])
def test_an_unknown_grid_is_no_run(fetch: Fetch, desk: Desk, server: WorldServer, term: str) -> None:
    fetch("--all")
    before = desk.rows("SELECT count(*) FROM runs")
    assert (fetch(term).exit_code, server.log) == (2, [])
    assert json.loads(fetch(term, "--json").stdout)["exit"] == 2
    assert desk.rows("SELECT count(*) FROM runs") == before


def test_an_empty_selection_says_so(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    result = fetch("tag:x", "--source", "pypi", "-v")  # on a new mirror
    assert (result.exit_code, server.log) == (0, [])
    assert stderr_lines(result)[0] == "nothing selected; the mirror has no catalog yet, run djpkg fetch --all"
    fetch("--all")
    result = fetch("stars:1000000..", "-v")
    assert (result.exit_code, stderr_lines(result)[0], server.log) == (0, "nothing selected", [])
    assert stderr_lines(fetch("stars:1000000..")) == []
    assert "nothing selected" not in fetch("plain", "-v").stderr
    assert "nothing selected" not in fetch("nobody", "-v").stderr


def test_unknown_names_exit_with_3_and_have_suggestions(fetch: Fetch, server: WorldServer) -> None:
    fetch("--all")
    result = fetch("plian", "nor/this")
    assert result.exit_code == 3
    assert stderr_lines(result) == [
        "djpkg: plian: not found; did you mean plain?",
        "djpkg: nor/this: not found",
    ]


def test_a_rejected_token_is_reported_and_not_printed(fetch: Fetch, desk: Desk) -> None:
    fetch("--all")
    result = fetch("plain", "--source", "github", GH_TOKEN="ghp_canary_wrong_0123456789")
    assert result.exit_code == 0
    line, hint = stderr_lines(result)
    assert "rejected the token from GH_TOKEN" in line
    assert hint == "       check the environment variable GH_TOKEN"
    assert "canary" not in line


@pytest.mark.parametrize("arguments", [["--all"], ["plain", "gone"]], ids=["all", "named"])
def test_a_hint_follows_its_cause_once(fetch: Fetch, desk: Desk, arguments: list[str]) -> None:
    wrong = desk.server.env["DJPKG_CATALOG_URL"].removesuffix("v4") + "v5"
    result = fetch(*arguments, "--source", "catalog", DJPKG_CATALOG_URL=wrong)
    line, hint = stderr_lines(result)
    assert f"API not found at {wrong} (404)" in line
    assert hint == "       set DJPKG_CATALOG_URL to its address, which ends with /api/v4"


def test_no_lock_is_made_beside_a_file_that_is_not_a_mirror(fetch: Fetch, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "text.db").write_text("a text")
    result = fetch("plain", "--db", str(folder / "text.db"))
    assert result.exit_code == 74
    assert stderr_lines(result)[0] == f"djpkg: {folder / 'text.db'} is not a mirror: not a SQLite file"
    assert [file.name for file in folder.iterdir()] == ["text.db"]


def test_a_second_fetch_exits_with_75(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    with lock.fetch_lock(desk.path):
        result = fetch("--all")
    assert result.exit_code == 75
    assert stderr_lines(result) == [
        f"djpkg: another fetch of {desk.path} is running",
        "       wait until it has finished",
    ]
    assert server.log == []


def not_a_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE packages (id INTEGER)")
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE people (id INTEGER)")


def cut(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE people (id INTEGER)")
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize("make", [not_a_database, newer, of_another_program, cut], ids=lambda make: make.__name__)
def test_a_file_that_is_no_mirror_exits_with_74_and_is_unchanged(
    fetch: Fetch, desk: Desk, server: WorldServer, make: Callable[[Path], None]
) -> None:
    make(desk.path)
    before = desk.path.read_bytes()
    result = fetch("--all")
    assert result.exit_code == 74
    assert str(desk.path) in stderr_lines(result)[0]
    assert desk.path.read_bytes() == before
    assert server.log == []


def test_a_path_that_cannot_be_written_exits_with_74(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    for place in ("/dev/null/mirror.db", "/sys/mirror.db", str(desk.path.parent)):
        result = fetch("--all", "--db", place)
        assert result.exit_code == 74
        assert place in stderr_lines(result)[0]
    assert server.log == []


def test_a_full_disk_exits_with_74_and_a_hint(
    fetch: Fetch, desk: Desk, server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("--all")
    before = {slug: desk.show(slug) for slug in desk.slugs()}
    for place in range(300):
        desk.world.add_package(f"p{place}", repo_url="", description="long " * 2000)

    @contextmanager
    def small(path: Path, **more: Any) -> Iterator[sqlite3.Connection]:
        with open_write(path, **more) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages + 5}")
            yield db

    monkeypatch.setattr(fetch_run, "open_write", small)
    result = fetch("--all", "--refetch")
    assert result.exit_code == 74
    assert stderr_lines(result) == [
        f"djpkg: the disk is full; the mirror {desk.path} is unchanged",
        "       free some space and run the command again",
    ]
    assert {slug: desk.show(slug) for slug in desk.slugs()} == before


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"DJPKG_FORGES": "git.example.org=cvs"}, "DJPKG_FORGES"),
        ({"DJPKG_CATALOG_URL": "djangopackages.org"}, "DJPKG_CATALOG_URL"),
        ({"DJPKG_GITLAB_URL": "file:///etc/passwd"}, "DJPKG_GITLAB_URL"),
        ({"GH_TOKEN": "ghp_x y"}, "GH_TOKEN"),
    ],
    ids=["forges", "catalog", "gitlab", "token"],
)
def test_an_invalid_environment_variable_exits_with_1_and_is_named(
    fetch: Fetch, server: WorldServer, env: dict[str, str], name: str
) -> None:
    result = fetch("--all", **env)
    assert result.exit_code == 1
    assert name in stderr_lines(result)[0]
    assert len(result.stderr.splitlines()) <= 2
    assert server.log == []


# Estimates.


def test_a_dry_run_prints_estimates_and_sends_no_request(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    result = fetch("--all", "--dry-run")
    assert (result.exit_code, server.log, desk.path.exists()) == (0, [], False)
    fetch("--all")
    before = desk.path.read_bytes()
    result = fetch("--all", "--dry-run")
    assert (result.exit_code, result.stderr, server.log) == (0, "", [])
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["catalog", "github", "gitlab", "pypi"]
    assert all(" requests" in line for line in lines)
    document = json.loads(fetch("--all", "--dry-run", "--json").stdout)
    assert [estimate["source"] for estimate in document["estimates"]] == ["catalog", "github", "gitlab", "pypi"]
    assert all(
        list(estimate) == ["source", "packages", "least", "most", "points", "quota", "rest_quota", "outdated"]
        for estimate in document["estimates"]
    )
    assert server.log == []
    assert desk.path.read_bytes() == before


@pytest.mark.parametrize("token", [False, True], ids=["anonymous", "token"])
def test_a_fetch_costs_no_more_than_estimated(fetch: Fetch, desk: Desk, server: WorldServer, *, token: bool) -> None:
    desk.world.add_package("third", host=CODEBERG, path="team/third", commits=[1, 2])
    env = server.token_env("github") if token else {}
    fetch("--all", "--source", "catalog")
    for _ in range(2):
        estimates = json.loads(fetch("--all", "--dry-run", "--json", **env).stdout)["estimates"]
        used = json.loads(fetch("--all", "--json", **env).stdout)["sources"]
        for estimate in estimates:
            assert used[estimate["source"]]["requests"] <= estimate["most"]
            assert used[estimate["source"]]["asked"] <= estimate["packages"]


def test_a_mirror_in_wal_mode_can_be_fetched_and_edited(desk: Desk, fetch: Fetch) -> None:
    assert fetch("--all").exit_code == 0
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as replicating:
        assert replicating.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        replicating.execute("BEGIN")
        assert replicating.execute("SELECT count(*) FROM packages").fetchone() == (3,)
        assert fetch("--all").exit_code == 0
        assert fetch("plain").exit_code == 0
        edit = CliRunner().invoke(app, ["edit", "plain", "title=Mine", "--db", str(desk.path)], env=desk.environment)
        assert edit.exit_code == 0
        replicating.execute("COMMIT")
        assert replicating.execute("SELECT title FROM packages WHERE slug = 'plain'").fetchone() == ("Mine",)
        assert replicating.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_requirements_are_fetched_and_unknown_ones_are_listed(desk: Desk, fetch: Fetch, tmp_path: Path) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("Plain>=1  # ours\nsix\n")
    result = fetch("--in", str(tmp_path / "requirements.txt"), "-v")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[0] == (
        "1 of 2 dependencies is not listed on Django Packages; djpkg list --in FILE --unlisted names them"
    )
    assert {request.path.rpartition("/pypi/")[2] for request in desk.server.requests("pypi")} == {
        "plain/json",
        "django/json",
    }


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_unknown_requirements_are_not_listed_without_a_terminal_or_with_quiet(
    desk: Desk, fetch: Fetch, tmp_path: Path, quiet: tuple[str, ...]
) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("plain\nsix\n")
    result = fetch("--in", str(tmp_path / "requirements.txt"), *quiet)
    assert (result.exit_code, result.output) == (0, "")


def test_without_known_requirements_no_request_is_sent_and_json_is_complete(
    desk: Desk, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("six\n")
    result = fetch("--in", str(tmp_path / "requirements.txt"), "-v")
    assert result.exit_code == 0
    assert stderr_lines(result)[0] == "nothing selected"
    assert stderr_lines(result)[1].startswith("1 of 1 dependency is not listed on Django Packages; ")
    report = json.loads(fetch("--in", str(tmp_path / "requirements.txt"), "--json").stdout)
    assert (report["exit"], list(report["sources"]), report["failures"]) == (0, SOURCES, [])
    dry_run = fetch("--in", str(tmp_path / "requirements.txt"), "--dry-run", "--json")
    assert (dry_run.exit_code, json.loads(dry_run.stdout)) == (0, {"schema": 1, "exit": 0, "estimates": []})
    assert not desk.server.log


@pytest.mark.parametrize("selection", [["--in", "requirements.txt"], ["slug:plain"], ["grid:forms", "-slug:none"]])
def test_before_the_first_sweep_files_and_terms_read_the_list_first(
    desk: Desk, fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("plain\n")
    desk.world.add_grid(53, "Forms")
    desk.world.package("plain").grids = [53]
    estimated = fetch(*selection, "--dry-run")
    assert estimated.stderr.endswith("the other sources can be estimated after the catalog is fetched\n")
    assert estimated.stdout.count("\n") == 1
    assert fetch(*selection).exit_code == 0
    assert next(request.path for request in desk.server.requests("catalog")) == "/packages/"
    assert {request.path.rpartition("/pypi/")[2] for request in desk.server.requests("pypi")} == {
        "plain/json",
        "django/json",
    }
    assert desk.show("plain") == expected(desk.world, desk.world.package("plain"))


def test_without_the_catalog_files_and_terms_select_nothing_on_a_new_mirror(
    desk: Desk, fetch: Fetch, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("django-filter\n")
    for selection in (["--in", str(tmp_path / "requirements.txt")], ["stars:9000.."]):
        result = fetch(*selection, "--source", "pypi", "--json", "-v")
        assert (result.exit_code, json.loads(result.stdout)["exit"]) == (0, 0)
        assert "run djpkg fetch --all" in result.stderr
        assert not desk.server.log


def test_terms_select_and_narrow_what_is_fetched(desk: Desk, fetch: Fetch, tmp_path: Path) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("plain\ndjango-todo\n")

    def projects(*selection: str) -> set[str]:
        result = fetch(*selection)
        assert (result.exit_code, result.output) == (0, "")
        return {request.path.rpartition("/pypi/")[2] for request in desk.server.requests("pypi")} - {"django/json"}

    assert projects("slug:plain") == {"plain/json"}
    assert projects("--in", str(tmp_path / "requirements.txt"), "stars:100..") == {"django-todo/json"}
    assert projects("plain", "--in", str(tmp_path / "requirements.txt")) == {"plain/json", "django-todo/json"}
    assert projects("plain", "django-todo", "-slug:plain") == {"django-todo/json"}
    with closing(sqlite3.connect(desk.path)) as db:
        (request,) = db.execute("SELECT asked FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    assert request == "plain django-todo -slug:plain"


@pytest.mark.parametrize(
    "selection", [["slug:plain", "stars:9000.."], ["plain", "stars:9000.."], ["--in", "empty.txt"]]
)
def test_an_empty_selection_asks_nobody(
    desk: Desk, fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    if "--in" not in selection:
        assert fetch("--all", "--source", "catalog").exit_code == 0
    result = fetch(*selection, "--json")
    assert (result.exit_code, desk.server.log) == (0, [])
    assert [json.loads(result.stdout)[name] for name in ("exit", "failures", "deferred")] == [0, [], []]
    assert json.loads(fetch(*selection, "--dry-run", "--json").stdout)["estimates"] == []


def test_an_unknown_grid_is_reported_by_json_too(desk: Desk, fetch: Fetch) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    result = fetch("grid:nosuch", "--json")
    assert (result.exit_code, json.loads(result.stdout)["exit"], desk.server.log) == (2, 2, [])
    assert "unknown grid 'nosuch'" in result.stderr
    assert fetch("grid:nosuch", "--dry-run").exit_code == 2


def test_a_selection_defers_like_all_and_named_packages_do_not(desk: Desk, fetch: Fetch) -> None:
    desk.world.delete("acme/plain")
    assert fetch("--all").exit_code == 0
    gone = [request.path for request in desk.server.requests("github") if "plain" in request.path]
    assert gone
    for selection, asked in (("slug:plain", False), ("plain", True)):
        assert fetch(selection).exit_code == 0
        assert any("plain" in request.path for request in desk.server.requests("github")) is asked
    desk.world.add_package("fresh", path="acme/fresh")
    assert fetch("--all", "--source", "catalog").exit_code == 0
    desk.server.exhaust("github", authorised=False)
    assert fetch("slug:fresh").exit_code == 0
    assert fetch("fresh").exit_code == 5


def test_a_large_selection_reads_the_list_instead_of_each_package(desk: Desk, fetch: Fetch) -> None:
    for number in range(20):
        desk.world.add_package(f"many-{number}", repo_url="")
    assert fetch("--all", "--source", "catalog").exit_code == 0
    estimated = json.loads(fetch("slug:many", "--source", "catalog", "--dry-run", "--json").stdout)["estimates"]
    assert fetch("slug:many", "--source", "catalog").exit_code == 0
    assert len(desk.server.requests("catalog")) == estimated[0]["most"] == 3
    assert fetch("slug:many-1", "--source", "catalog", "stars:..0").exit_code == 0
    assert fetch("slug:many-5", "--source", "catalog").exit_code == 0
    assert len(desk.server.requests("catalog")) == 1


@pytest.mark.parametrize("arguments", [(), ("a", "--all"), ("a", "-q", "-v"), ("a", "--source", "hub"), ("--in", "no")])
@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)], ids=["fetch", "dry run"])
def test_wrong_usage_still_prints_json(fetch: Fetch, arguments: tuple[str, ...], dry_run: tuple[str, ...]) -> None:
    result = fetch(*arguments, "--json", *dry_run)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["schema"], document["exit"]) == (2, 1, 2)
    assert list(document["error"]) == ["message", "hint"]
    assert document["error"]["message"] in result.stderr
    assert document["estimates" if dry_run else "failures"] is not None


@pytest.mark.parametrize("command", ["fetch", "edit"])
def test_an_unknown_option_prints_no_json(fetch: Fetch, command: str) -> None:
    result = CliRunner().invoke(app, [command, "plain", "--json", "--bogus"], prog_name="djpkg")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--bogus" in result.stderr


def test_few_named_packages_are_estimated_in_requests_without_points(fetch: Fetch, desk: Desk) -> None:
    desk.tokens = desk.server.token_env()
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (github,) = (
        one
        for one in json.loads(fetch("plain", "--dry-run", "--json").stdout)["estimates"]
        if one["source"] == "github"
    )
    assert (github["least"], github["most"], github["points"]) == (1, 4, 0)
    (github,) = (
        one
        for one in json.loads(fetch("--all", "--dry-run", "--json").stdout)["estimates"]
        if one["source"] == "github"
    )
    assert github["points"] > 0


def test_a_very_long_request_is_cut_in_the_run_history(fetch: Fetch, desk: Desk) -> None:
    fetch("a" * 100_000)
    with closing(sqlite3.connect(desk.path)) as db:
        (length,) = db.execute("SELECT length(asked) FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    assert length <= 4000


def test_an_invalid_requirements_file_still_prints_json(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("plain\n=1\n")
    result = fetch("--in", str(tmp_path / "requirements.txt"), "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["exit"]) == (2, 2)
    assert "requirements.txt:2: " in report["failures"][0]["reason"]
    assert "requirements.txt:2: " in result.stderr


def test_requirements_are_fetched_by_id_even_if_slugs_are_reused(desk: Desk, fetch: Fetch, tmp_path: Path) -> None:
    gone = desk.world.add_package("reused", path="acme/gone", releases=[("1.0", 5)], project="old-name")
    number = desk.world.add_package("2048", path="acme/number", releases=[("1.0", 5)], project="number")
    desk.world.add_package("third", id=2048, path="acme/third")
    for place in range(10):  # a list that lost more than a tenth is rejected
        desk.world.add_package(f"other-{place}", repo_url="")
    assert fetch("--all", "--source", "catalog").exit_code == 0
    desk.world.remove_package("reused")
    desk.world.add_package("reused", path="acme/new", releases=[("1.0", 5)], project="new-name")
    assert fetch("--all", "--refetch", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("old-name\nnumber\n")
    result = fetch("--in", str(tmp_path / "requirements.txt"))
    assert (result.exit_code, result.output) == (0, "")
    projects = {request.path.rpartition("/pypi/")[2] for request in desk.server.requests("pypi")}
    assert projects == {"old-name/json", "number/json", "django/json"}
    assert {request.path for request in desk.server.requests("catalog")} >= {
        f"/packages/{package.id}/" for package in (gone, number)
    }
    with closing(sqlite3.connect(desk.path)) as db:
        (request,) = db.execute("SELECT asked FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    assert request == f"--in {tmp_path / 'requirements.txt'}"


def test_a_failed_requirement_is_reported_by_slug(desk: Desk, fetch: Fetch, tmp_path: Path) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("plain\n")
    desk.server.fault("catalog", status=500)
    report = json.loads(fetch("--in", str(tmp_path / "requirements.txt"), "--json").stdout)
    assert [one["slug"] for one in report["failures"] if one["source"] == "catalog"] == ["plain"]


@pytest.mark.parametrize("words", [["--all", "--in", "x"], ["django-todo", "--in", "x"], ["--in", "nowhere.txt"]])
def test_a_requirements_file_must_be_readable_and_cannot_be_combined(fetch: Fetch, words: list[str]) -> None:
    assert fetch(*words).exit_code == 2


@pytest.mark.parametrize("name", ["DJPKG_PYPI_URL", "DJPKG_CATALOG_URL", "DJPKG_GITHUB_URL"])
def test_a_dry_run_refuses_the_addresses_that_a_fetch_refuses(fetch: Fetch, name: str) -> None:
    dry_run, result = fetch("--all", "--dry-run", **{name: "ftp://x"}), fetch("--all", **{name: "ftp://x"})
    assert (dry_run.exit_code, dry_run.stderr) == (result.exit_code, result.stderr)
    assert name in result.stderr
