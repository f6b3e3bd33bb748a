"""A fetch, an edit and other readers as processes, beside a reader that keeps the mirror open for 20 seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.fetching import Desk, add_starter, quick_folder
from tests.launching import SOURCE
from tests.pauses import wait_until
from tests.world import World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READER = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN")
db.execute("SELECT count(*) FROM packages").fetchone()
print("reading", flush=True)
time.sleep(float(sys.argv[2]))
"""
# Reads every 5 ms until its input ends; the timeout is far longer than a commit takes.
OTHERS = """
import json, select, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=1)
reads = failures = 0
while not select.select([sys.stdin], [], [], 0.005)[0]:
    try:
        db.execute("SELECT count(*) FROM packages").fetchone()
        reads += 1
    except sqlite3.OperationalError:
        failures += 1
print(json.dumps([reads, failures]))
"""
MAIN = "from djpkg.__main__ import main; main()"
WAITING_COMMITS = """
import contextlib, djpkg.fetch.page_writes, djpkg.mirror.connection

@contextlib.contextmanager
def transaction(db):
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise

djpkg.mirror.connection.transaction = transaction
djpkg.fetch.page_writes.ATTEMPT = 10
"""
NO_REPETITION = "import djpkg.mirror.busy; djpkg.mirror.busy.BusyWait.next_pause = lambda self: None\n"


class Ended(NamedTuple):
    code: int
    err: str


class Outcome(NamedTuple):
    fetch: Ended
    edit: Ended
    reads: int
    failures: int


@pytest.fixture
def world() -> World:
    world = World(now=datetime.now(UTC))
    add_starter(world)
    for place in range(3):
        world.add_package(f"p{place}", stars=place, commits=[3, 40], releases=[("1.0", 30)])
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        desk = Desk(server, folder / "mirror.db")
        desk.fetch()
        yield desk


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(process: subprocess.Popen[str]) -> Ended:
    _, err = process.communicate(timeout=200)
    return Ended(process.returncode, err)


def fetch_and_edit_beside_a_reader(desk: Desk, *, seconds: float, patch: str = "") -> Outcome:
    """Start a reader after the first request of a fetch, and an edit when the fetch waits; let them all end."""
    world, server = desk.world, desk.server
    for place in range(3):
        world.star(f"acme/p{place}", 100)
        world.package(f"p{place}").title = "Changed"
    server.clear_log()
    server.latency = {"catalog": 1.5}  # the reader is there before the first page
    env = {"PYTHONPATH": str(SOURCE), "DJPKG_DB": str(desk.path), **server.env}

    def djpkg(*arguments: str, patch: str = "") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", patch + MAIN, *arguments], stdout=-1, stderr=subprocess.PIPE, text=True, env=env
        )

    others = start(OTHERS, str(desk.path))
    fetch = djpkg("fetch", "--all", "--refetch", patch=patch)
    wait_until(lambda: server.requests("catalog"))
    reader = start(READER, str(desk.path), str(seconds))
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    server.latency = {}
    edit = djpkg("edit", "p0", "docs=https://example.org/mine")
    ended = end(fetch), end(edit)
    end(reader)
    reads, failures = json.loads(others.communicate("stop", timeout=60)[0])
    return Outcome(*ended, reads, failures)


@pytest.mark.campaign
def test_a_reader_of_20_seconds_delays_a_fetch_and_an_edit_and_no_other_reader(desk: Desk) -> None:
    outcome = fetch_and_edit_beside_a_reader(desk, seconds=20)
    assert outcome.fetch == (
        0,
        f"djpkg: waiting up to 5 minutes for another program that uses the mirror {desk.path}\n",
    )
    assert outcome.edit.code == 0
    waiting, _ = outcome.edit.err.split("\n", 1)
    assert waiting == f"djpkg: waiting up to 30 seconds for another program that uses the mirror {desk.path}"
    assert outcome.reads >= 200
    assert outcome.failures == 0
    assert desk.fields("p0", "stars", "title", "docs") == {
        "stars": 100,
        "title": "Changed",
        "docs": "https://example.org/mine",
    }
    assert desk.rows("SELECT exit FROM runs") == [(0,), (0,)]


@pytest.mark.campaign
def test_without_repetition_a_reader_would_end_the_fetch(desk: Desk) -> None:
    outcome = fetch_and_edit_beside_a_reader(desk, seconds=3, patch=NO_REPETITION)
    assert outcome.fetch.code == 74
    assert "locked by another program" in outcome.fetch.err
    assert desk.field("p0", "stars") == 0


@pytest.mark.campaign
def test_if_commits_waited_other_readers_would_be_kept_out(desk: Desk) -> None:
    outcome = fetch_and_edit_beside_a_reader(desk, seconds=12, patch=WAITING_COMMITS)
    assert outcome.failures >= 5
