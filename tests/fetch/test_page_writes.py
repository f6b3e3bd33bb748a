"""A fetch beside other programs that use the mirror, and one whose mirror is moved."""

from __future__ import annotations

import os
import pkgutil
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import MirrorBusy, MirrorError
from djpkg.fetch import run
from djpkg.fetch.progress import NoProgress
from djpkg.mirror import connection
from djpkg.mirror.busy import BusyLimits
from tests.fetching import Desk, add_starter, quick_folder
from tests.world import World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def fill(world: World) -> World:
    add_starter(world)
    for place in range(3):
        world.add_package(f"p{place}", stars=place, commits=[3, 40], releases=[("1.0", 30)])
    return world


@pytest.fixture
def world(world: World) -> World:
    return fill(world)


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db", tokens=server.token_env(), busy_limits=BusyLimits(60, 0.05))


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file after a fetch of all."""
    path = tmp_path_factory.mktemp("fetched") / "mirror.db"
    with WorldServer(fill(World())) as server:
        assert Desk(server, path, tokens=server.token_env()).fetch().exit_code == 0
    return path.read_bytes()


@pytest.fixture
def _fetched(desk: Desk, mirror: bytes) -> None:
    desk.path.write_bytes(mirror)


class Reader(NoProgress):
    """Another program that begins to read when a source starts, and goes on until the fetch says that it waits."""

    def __init__(self, path: Path, *, released: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._path = path
        self._released = released
        self._db: sqlite3.Connection | None = None
        self.warnings: list[str] = []

    def begin(self) -> None:
        if self._db is None:
            self._db = sqlite3.connect(self._path, isolation_level=None)
            self._db.execute("BEGIN")
            self._db.execute("SELECT count(*) FROM packages").fetchone()

    def start(self, source: str, total: int | None) -> None:
        self.begin()

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as other:
            for _ in range(20):
                other.execute("SELECT count(*) FROM packages").fetchone()
            other.execute("BEGIN IMMEDIATE")  # an edit can begin
            other.execute("ROLLBACK")
        self._released()
        self.end()

    def end(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def change(desk: Desk) -> None:
    desk.advance(days=2)
    for place in range(3):
        desk.world.star(f"acme/p{place}", 100)
        desk.world.push(f"acme/p{place}", 0.001)
        desk.world.release(f"p{place}", "2.0")
        desk.world.package(f"p{place}").title = "Changed"


@pytest.mark.usefixtures("_fetched")
def test_readers_delay_the_pages_of_each_source_and_do_not_end_the_fetch(desk: Desk) -> None:
    change(desk)
    desk.progress = reader = Reader(desk.path)
    reader.begin()  # the start of the run is stored too
    report = desk.fetch()
    reader.end()
    assert report.exit_code == 0
    assert len(reader.warnings) >= 4  # the run, the catalog, GitHub, PyPI
    assert set(reader.warnings) == {f"waiting up to 60 seconds for another program that uses the mirror {desk.path}"}
    for place in range(3):
        assert desk.fields(f"p{place}", "title", "stars", "version") == {
            "title": "Changed",
            "stars": place + 100,
            "version": "2.0",
        }
    assert desk.rows("SELECT exit FROM runs") == [(0,), (0,)]


READS = {
    "djpkg.fetch.run.open_write": "",
    "djpkg.mirror.fetch_history.get_quotas": "",
    "djpkg.fetch.recorder.find_removed_edits": "",
    "djpkg.mirror.fetch_history.find_sweep": "",
    "djpkg.mirror.queue.count_outdated_records": "",
    "djpkg.mirror.resolve.find_listed": "",
    "djpkg.mirror.queue.queue_repositories": "",
    "djpkg.mirror.queue.queue_projects": "",
    "djpkg.mirror.queue.add_django": "p1",
    "djpkg.mirror.resolve.find_ids": "p1",
    "djpkg.mirror.resolve.get_id": "p1",
    "djpkg.mirror.categories.has_unnamed": "p1",
    "djpkg.mirror.resolve.suggest_slugs": "p1x",
}
"""The reads of a fetch, and the package to name, if it is none of all packages."""


@pytest.mark.usefixtures("_fetched")
@pytest.mark.parametrize("read", READS)
def test_a_program_that_locks_readers_out_delays_each_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    change(desk)
    original, calls = pkgutil.resolve_name(read), list[str]()
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:

        def lock_first(*arguments: Any, **more: Any) -> Any:
            calls.append(read)
            if len(calls) == 1:
                other.execute("BEGIN EXCLUSIVE")
            return original(*arguments, **more)

        class Released(NoProgress):
            warnings = 0

            def warn(self, text: str) -> None:
                self.warnings += 1
                other.execute("ROLLBACK")

        monkeypatch.setattr(read, lock_first)
        monkeypatch.setattr(connection, "BUSY_SECONDS", 0)  # the wait is not inside SQLite
        desk.progress = progress = Released()
        report = desk.fetch(*filter(None, [READS[read]]))
    assert (report.exit_code, report.failures) == (3 if READS[read] == "p1x" else 0, [])
    assert progress.warnings == 1
    assert len(calls) >= 2


@pytest.mark.usefixtures("_fetched")
def test_after_the_limit_the_fetch_ends_with_what_it_has_stored(desk: Desk) -> None:
    change(desk)

    class Endless(Reader):
        def start(self, source: str, total: int | None) -> None:
            if source != "catalog":
                self.begin()

        def warn(self, text: str) -> None:
            self.warnings.append(text)

    desk.progress = reader = Endless(desk.path)
    desk.busy_limits = BusyLimits(0.2, 0)
    report = desk.fetch()
    reader.end()
    assert report.exit_code == 74
    assert [failure.reason for failure in report.failures if failure.source is None] == [
        f"the mirror {desk.path} is locked by another program"
    ]
    assert len(reader.warnings) == 1
    assert desk.fields("p1", "title", "stars") == {"title": "Changed", "stars": 1}
    desk.progress = NoProgress()
    assert desk.fetch().exit_code == 0
    assert desk.field("p1", "stars") == 101


@pytest.mark.usefixtures("_fetched")
def test_a_fetch_that_cannot_even_start_within_the_limit_is_an_error(desk: Desk) -> None:
    desk.progress = reader = Reader(desk.path)
    desk.busy_limits = BusyLimits(0.05, 60)
    reader.begin()
    with pytest.raises(MirrorBusy, match="locked by another program"):
        desk.fetch()
    assert desk.server.log == []
    reader.end()


@pytest.mark.usefixtures("_fetched")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
@pytest.mark.parametrize("source", ["start", "catalog", "github"])
def test_a_waiting_fetch_is_interrupted_at_once(desk: Desk, number: int, code: int, source: str) -> None:
    change(desk)

    class Interrupting(Reader):
        def start(self, name: str, total: int | None) -> None:
            if name == source:
                self.begin()

        def warn(self, text: str) -> None:
            self.warnings.append(text)
            os.kill(os.getpid(), number)

    desk.progress = reader = Interrupting(desk.path)
    desk.busy_limits = BusyLimits(3600, 0.05)
    if source == "start":
        reader.begin()
    report = desk.fetch()
    reader.end()
    assert report.exit_code == code
    assert len(reader.warnings) == 1
    desk.progress = NoProgress()
    assert desk.fetch().exit_code == 0
    assert desk.field("p1", "stars") == 101


def test_every_write_of_a_fetch_waits_for_readers() -> None:
    direct = re.compile(r"(?:\b_?writer\.\w+|\bfetch_history\.(?:store|start|finish)\w*)\(")
    found = {
        module.name: direct.findall(module.read_text(encoding="utf-8"))
        for module in Path(run.__file__).parent.glob("*.py")
    }
    # Those of `run` are given to `busy.retry`, and in `snapshot` what contains them.
    assert {name: calls for name, calls in found.items() if calls} == {
        "run.py": ["fetch_history.start_run(", "fetch_history.finish_run("],
        "snapshot.py": ["fetch_history.start_run(", "writer.take_in(", "fetch_history.finish_run("],
    }


# A mirror that is moved.


class Moving(NoProgress):
    """Moves the mirror when a source starts."""

    def __init__(self, source: str, move: Callable[[], object]) -> None:
        super().__init__()
        self._source = source
        self._move = move

    def start(self, source: str, total: int | None) -> None:
        if source == self._source:
            self._source = ""
            self._move()


@pytest.mark.usefixtures("_fetched")
@pytest.mark.parametrize("source", ["catalog", "github", "pypi"])
@pytest.mark.parametrize("how", ["unlinked", "moved", "folder moved", "replaced", "link changed"])
def test_a_mirror_that_is_moved_during_a_fetch_is_reported_as_such(
    desk: Desk, mirror: bytes, source: str, how: str
) -> None:
    real = desk.path
    change(desk)
    spare = real.with_name("spare.db")
    spare.write_bytes(mirror)
    if how == "link changed":
        desk.path = real.with_name("link.db")
        desk.path.symlink_to(real)

    def change_link() -> None:
        desk.path.unlink()
        desk.path.symlink_to(spare)

    moves: dict[str, Callable[[], object]] = {
        "unlinked": real.unlink,
        "moved": lambda: real.rename(real.with_name("moved.db")),
        "folder moved": lambda: real.parent.rename(real.parent.with_name(f"{real.parent.name}-moved")),
        "replaced": lambda: spare.rename(real),
        "link changed": change_link,
    }
    desk.progress = Moving(source, moves[how])
    report = desk.fetch()
    moved = real.parent.with_name(f"{real.parent.name}-moved")
    if moved.exists():
        moved.rename(real.parent)
    assert report.exit_code == 74
    what = "replaced by another file" if how in {"replaced", "link changed"} else "moved or deleted"
    assert [failure.reason for failure in report.failures if failure.source is None] == [
        f"the mirror {desk.path} was {what} while djpkg wrote to it"
    ]
    if how == "replaced":
        assert real.read_bytes() == mirror  # nothing of this fetch is in the other file
    if how == "link changed":
        assert spare.read_bytes() == mirror


def test_a_mirror_that_is_unlinked_at_the_end_of_a_fetch_is_reported_as_such(desk: Desk) -> None:
    class AtTheEnd(NoProgress):
        def stop(self) -> None:
            desk.path.unlink()

    desk.progress = AtTheEnd()
    report = desk.fetch()
    assert report.exit_code == 74
    assert "was moved or deleted" in report.failures[0].reason
    assert not desk.path.exists()


@pytest.mark.usefixtures("_fetched")
def test_a_mirror_in_wal_mode_that_is_unlinked_during_a_fetch_is_reported_as_such(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    desk.progress = Moving("github", desk.path.unlink)
    change(desk)
    report = desk.fetch()
    assert report.exit_code == 74
    assert "was moved or deleted" in report.failures[0].reason


def test_a_place_that_makes_no_files_is_an_error_before_any_request(desk: Desk) -> None:
    desk.path = Path("/proc/mirror.db")
    with pytest.raises(MirrorError, match=r"cannot write the mirror /proc/mirror\.db: no file can be created in /proc"):
        desk.fetch()
    assert desk.server.log == []
