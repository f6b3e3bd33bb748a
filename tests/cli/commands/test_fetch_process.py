"""`djpkg fetch` as a process: signals, kills, environments and output streams."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.running import read_terminal
from tests.fetching import Desk, add_starter, check_integrity, expected, quick_folder
from tests.launching import SOURCE, Launcher, command
from tests.pauses import wait_until
from tests.world import GITLAB, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.launching import Ended

pytestmark = pytest.mark.campaign

KILLS = 30
PYTHON = {"PYTHONPATH": str(SOURCE)}


@pytest.fixture
def world() -> World:
    """A world with the current time, which processes use."""
    world = World(now=datetime.now(UTC))
    add_starter(world)
    world.add_grid(4, "Forms")
    for place in range(2):
        world.add_package(f"p{place}", stars=place, commits=[3, 40], releases=[("1.0", 30)], grids=[4])
    world.add_package("elsewhere", host=GITLAB, path="group/x", commits=[3], stars=2)
    return world


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with quick_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def desk(server: WorldServer, folder: Path) -> Desk:
    server.quota("github", authorised=False).limit = 100_000
    return Desk(server, folder / "mirror.db")


@pytest.fixture(scope="module")
def forks() -> Iterator[Launcher]:
    with Launcher() as launcher:
        yield launcher


@pytest.fixture
def launcher(forks: Launcher, server: WorldServer, folder: Path) -> Launcher:
    forks.folder, forks.env = folder, {**server.env, "DJPKG_DB": str(folder / "mirror.db")}
    return forks


def run(desk: Desk, *args: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a new process with only the given environment."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 120, **options}
    return subprocess.run(command(*args), env={**PYTHON, **desk.server.env, **(env or {})}, check=False, **options)


def change(world: World, number: int) -> None:
    """Change every package at every source."""
    for place in range(2):
        world.star(f"acme/p{place}")
        world.push(f"acme/p{place}", 0.001)
        world.release(f"p{place}", f"2.{number}")
        world.package(f"p{place}").title = f"Title {number}"


def check_whole_pages(desk: Desk) -> None:
    """Check that no page is half stored: each package matches its stored facts."""
    check_integrity(desk.path)
    for slug, checked, coordinate, project in desk.rows(
        "SELECT slug, checked, repository_key, pypi_name FROM packages"
    ):
        facts = desk.rows(
            "SELECT source, answered FROM facts JOIN packages ON packages.id = package_id WHERE slug = ?"
            " AND (source = 'catalog' OR coordinate IN (?, ?)) AND answered IS NOT NULL",
            (slug, coordinate, project),
        )
        assert json.loads(checked) == dict(facts)
    for title, version, catalog_title, pypi_release in desk.rows(
        "SELECT title, pypi_version, json_extract(catalog.facts, '$.title'), json_extract(pypi.facts, '$.version')"
        " FROM packages JOIN facts AS catalog ON catalog.package_id = id AND catalog.source = 'catalog'"
        " JOIN facts AS pypi ON pypi.package_id = id AND pypi.source = 'pypi'"
    ):
        assert (title, version) == (catalog_title, pypi_release)


def check_equals_the_world(desk: Desk) -> None:
    for package in desk.world.packages.values():
        record, wanted = desk.show(package.slug), expected(desk.world, package)
        for name in ("last_fetched", "participants"):
            record.pop(name)
            wanted.pop(name)
        assert record == wanted


# Kills.


def kill_through(desk: Desk, launcher: Launcher, *, step: int, **options: Any) -> tuple[int, int]:
    """Kill fetches at ever later statements until one completes; return how many were killed and tore a page."""
    killed = torn = 0
    at = 1
    while True:
        change(desk.world, at)
        ended = launcher.run("fetch", "--all", "--refetch", at=at, signal=signal.SIGKILL, **options)
        if ended.code == 0:
            return killed, torn
        assert ended.code == -signal.SIGKILL
        killed += 1
        try:
            check_whole_pages(desk)
        except AssertionError:
            torn += 1
        at += step


def test_a_killed_fetch_leaves_whole_pages_and_the_next_one_completes(desk: Desk, launcher: Launcher) -> None:
    assert launcher.run("fetch", "--all").code == 0
    desk.edit("p0", documentation_url="https://example.org/mine")
    killed, torn = kill_through(desk, launcher, step=5)
    assert killed >= KILLS
    assert torn == 0
    assert launcher.run("fetch", "--all", "--refetch").code == 0
    assert desk.show("p0")["documentation_url"] == "https://example.org/mine"
    desk.world.package("p0").documentation_url = "https://example.org/mine"
    check_equals_the_world(desk)


def test_without_transactions_the_same_kills_leave_half_stored_pages(desk: Desk, launcher: Launcher) -> None:
    launcher.run("fetch", "--all")
    _, torn = kill_through(desk, launcher, step=20, untransacted=True)
    assert torn > 0


def test_a_killed_first_fetch_leaves_a_valid_mirror_or_none(desk: Desk, launcher: Launcher) -> None:
    for at in (1, 40):
        desk.path.unlink(missing_ok=True)
        assert launcher.run("fetch", "--all", at=at, signal=signal.SIGKILL).code == -signal.SIGKILL
        check_whole_pages(desk)
        assert launcher.run("fetch", "--all").code == 0
        check_equals_the_world(desk)


# Signals.


def check_interrupted(ended: Ended, code: int) -> None:
    assert ended.code == code
    document = json.loads(ended.stdout)
    answered = sum(one["updated"] + one["unchanged"] + one["gone"] for one in document["sources"].values())
    stored = "What was fetched is stored" if answered else "(Nothing was|What was fetched is) stored"
    assert re.fullmatch(
        rf"djpkg: interrupted(; not reached: [\w, ]+)?\. {stored}; run the command again to continue\n", ended.stderr
    )
    assert document["exit"] == code
    assert document["finished"]


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_an_interrupted_fetch_says_so_and_leaves_whole_pages(
    desk: Desk, launcher: Launcher, number: signal.Signals, code: int, times: int
) -> None:
    for at in (3, 55):
        change(desk.world, at)
        desk.server.latency = dict.fromkeys(("catalog", "github", "pypi", "gitlab"), 0.01)
        check_interrupted(
            launcher.run("fetch", "--all", "--refetch", "--json", at=at, signal=number, times=times), code
        )
        check_whole_pages(desk)
    desk.server.latency = {}
    assert launcher.run("fetch", "--all").code == 0
    check_equals_the_world(desk)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_without_its_handlers_an_interrupted_fetch_would_not_report(
    desk: Desk, launcher: Launcher, number: signal.Signals, code: int
) -> None:
    desk.server.latency = dict.fromkeys(("catalog", "github", "pypi", "gitlab"), 0.01)
    ended = launcher.run("fetch", "--all", "--refetch", "--json", at=55, signal=number, without_handlers=True)
    assert ended.code in {130, 143, -number}  # the signal was reached
    with pytest.raises((AssertionError, json.JSONDecodeError)):
        check_interrupted(ended, code)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_a_fetch_that_waits_for_a_response_is_interrupted_at_once(
    desk: Desk, launcher: Launcher, number: signal.Signals, code: int
) -> None:
    desk.server.fault("pypi", kind="never")
    desk.server.fault("github", kind="slow", seconds=300)
    pid = launcher.start("fetch", "--all", "--json")
    wait_until(lambda: desk.server.requests("pypi") and desk.server.requests("github"))
    os.kill(pid, number)
    ended = launcher.wait(pid)
    check_interrupted(ended, code)
    assert {request.status for request in desk.server.requests("github")} == {0}  # no response yet
    assert json.loads(ended.stdout)["sources"]["catalog"]["updated"] == 4
    assert len(desk.slugs()) == 4
    assert desk.rows("SELECT exit FROM runs") == [(code,)]


def test_a_fetch_that_is_interrupted_before_the_first_answer_has_stored_nothing(desk: Desk, launcher: Launcher) -> None:
    desk.server.fault("catalog", kind="never")
    pid = launcher.start("fetch", "--all")
    wait_until(lambda: desk.server.requests("catalog"))
    os.kill(pid, signal.SIGINT)
    ended = launcher.wait(pid)
    assert ended.code == 130
    assert ended.stderr.endswith(". Nothing was stored; run the command again to continue\n")


def test_an_interrupted_fetch_does_not_wait_for_a_dns_lookup(desk: Desk, launcher: Launcher) -> None:
    launcher.env["DJPKG_PYPI_URL"] = "https://pypi.example.org"
    pid = launcher.start("fetch", "--all", silent_names=300)
    wait_until(lambda: desk.server.requests("gitlab"))
    os.kill(pid, signal.SIGINT)
    ended = launcher.wait(pid)
    assert ended.code == 130
    assert not (launcher.folder / "names").exists()


# Environments.


def test_a_cron_job_needs_only_the_path_of_the_mirror(desk: Desk) -> None:
    for env in ({}, {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}):
        desk.world.package("p0").title = "“Größer” ★\u202e\x1b[31m"
        ended = run(desk, "fetch", "--all", "--db", str(desk.path), env=env, cwd="/")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert desk.show("p0")["title"] == "“Größer” ★\u202e\x1b[31m"


def test_without_a_home_folder_the_error_has_a_hint(desk: Desk) -> None:
    ended = run(desk, "fetch", "--all")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "djpkg: no home directory for the mirror",
        "       set the file with --db FILE or DJPKG_DB=FILE",
    ]


def test_a_second_concurrent_fetch_exits_with_75_and_sends_no_request(desk: Desk, launcher: Launcher) -> None:
    desk.server.fault("catalog", kind="never")
    first = launcher.start("fetch", "--all")
    wait_until(lambda: desk.server.requests("catalog"))
    requests = len(desk.server.log)
    second = launcher.run("fetch", "--all")
    os.kill(first, signal.SIGKILL)
    launcher.wait(first)
    assert (second.code, second.stdout) == (75, "")
    assert second.stderr.splitlines() == [
        f"djpkg: another fetch of {desk.path} is running",
        "       wait until it has finished",
    ]
    assert len(desk.server.log) == requests
    desk.server.faults.clear()
    assert launcher.run("fetch", "--all").code == 0  # the lock died with its holder


# Output streams.


def test_a_full_output_file_exits_with_74_and_one_line(desk: Desk, launcher: Launcher) -> None:
    ended = launcher.run("fetch", "p0", "--json", out="/dev/full")
    assert ended.code == 74
    assert ended.stderr == "djpkg: the output cannot be written: No space left on device\n"
    assert desk.show("p0")["repo_watchers"] == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_closed_stream_does_not_change_the_result(desk: Desk, number: int) -> None:
    args = " ".join(command("fetch", "p0", "no-such-thing", "--json", "--db", str(desk.path)))
    ended = subprocess.run(
        ["/bin/sh", "-c", f"{args} {number}>&-"],
        env={**PYTHON, **desk.server.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 5
    assert ended.stderr == ("djpkg: no-such-thing: not found\n" if number == 1 else "")
    assert (json.loads(ended.stdout)["exit"] == 5) if number == 2 else (ended.stdout == "")


def test_a_full_stderr_does_not_change_the_result(desk: Desk, launcher: Launcher) -> None:
    ended = launcher.run("fetch", "no-such-thing", err="/dev/full")
    assert (ended.code, ended.stdout) == (3, "")


def test_a_closed_pipe_is_no_error(desk: Desk) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with closing(os.fdopen(writing, "w")) as pipe:
        ended = run(desk, "fetch", "p0", "--json", "--db", str(desk.path), stdout=pipe)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_terminal_shows_progress_and_a_summary(desk: Desk) -> None:
    leader, follower = os.openpty()
    with ThreadPoolExecutor(1) as reader:  # what nobody reads would stop the fetch
        reading = reader.submit(lambda: b"".join(read_terminal(leader)))
        ended = run(desk, "fetch", "--all", "--db", str(desk.path), env={"TERM": "xterm-256color"}, stderr=follower)
        os.close(follower)
        output = reading.result().decode()
    os.close(leader)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "catalog" in output
    assert "4 updated" in output
    assert "Traceback" not in output
    assert sys.executable not in output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_a_check_whose_fetch_is_interrupted_prints_one_object(
    desk: Desk, launcher: Launcher, number: signal.Signals, code: int
) -> None:
    (launcher.folder / "requirements.txt").write_text("p0\n")
    desk.server.fault("catalog", kind="never")
    pid = launcher.start("check", str(launcher.folder / "requirements.txt"), "--fetch", "--json")
    wait_until(lambda: desk.server.requests("catalog"))
    os.kill(pid, number)
    ended = launcher.wait(pid)
    document = json.loads(ended.stdout)
    assert (ended.code, document["exit"]) == (code, code)
    assert document["error"] == {"message": "interrupted", "hint": "run the command again to continue"}
    assert ended.stderr.count("interrupted") == 1
