"""The fetch lock."""

from __future__ import annotations

import fcntl
import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import FetchRunning, MirrorError
from djpkg.mirror import schema
from djpkg.mirror.busy import BusyLimits, retry
from djpkg.mirror.connection import create, find_version, open_read, open_write
from djpkg.mirror.lock import ensure, ensure_locked, fetch_lock
from tests.mirror.forks import run_in_child
from tests.mirrors import filled_mirror, override

if TYPE_CHECKING:
    from collections.abc import Callable


RELEASED = Path(__file__).parents[1] / "data" / "mirrors" / "0.1.0.db.gz"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


def start_holder(path: Path, then: Callable[[], object] = lambda: None) -> tuple[int, int]:
    """Start a child that takes the lock, runs `then` and waits; return its id and the pipe that ends it."""
    ready, release = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with fetch_lock(path):
                then()
                os.write(ready[1], b".")
                os.read(release[0], 1)
        finally:
            os._exit(0)
    os.close(ready[1])
    assert os.read(ready[0], 1) == b"."
    os.close(ready[0])
    os.close(release[0])
    return child, release[1]


def stop_holder(child: int, release: int, *, by: int | None = None) -> None:
    if by is None:
        os.write(release, b".")
    else:
        os.kill(child, by)
    os.waitpid(child, 0)
    os.close(release)


def test_one_of_twenty_processes_gets_the_lock_and_the_others_fail_at_once(path: Path) -> None:
    start, report, finish = os.pipe(), os.pipe(), os.pipe()

    def wait(_: object) -> None:
        os.write(report[1], b"s")
        os._exit(0)

    def race() -> None:
        os.close(finish[1])
        time.sleep = wait
        os.read(start[0], 1)
        try:
            with fetch_lock(path):
                os.write(report[1], b"w")
                os.read(finish[0], 1)
        except FetchRunning as error:
            os.write(report[1], b"l" if error.exit_code == 75 else b"?")

    children = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            try:
                race()
            finally:
                os._exit(0)
        children.append(child)
    os.close(report[1])
    os.write(start[1], b"." * 20)
    results = b"".join(os.read(report[0], 1) for _ in range(20))
    os.close(finish[1])
    codes = [os.waitpid(child, 0)[1] for child in children]
    for descriptor in (*start, report[0], finish[0]):
        os.close(descriptor)
    assert codes == [0] * 20
    assert sorted(results) == sorted(b"w" + b"l" * 19)


def test_the_lock_ends_with_its_process(path: Path) -> None:
    for by in (signal.SIGKILL, signal.SIGTERM, None):
        child, release = start_holder(path)
        with pytest.raises(FetchRunning), fetch_lock(path):
            pass
        stop_holder(child, release, by=by)
        with fetch_lock(path):
            pass


def test_a_program_that_the_holder_started_does_not_keep_the_lock(path: Path) -> None:
    pid = path.with_name("pid")

    def start() -> None:
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pid.write_text(str(started.pid))

    child, release = start_holder(path, start)
    stop_holder(child, release, by=signal.SIGKILL)
    try:
        with fetch_lock(path):
            os.kill(int(pid.read_text()), 0)  # it is alive, and the lock is free
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_the_lock_is_free_after_an_error_and_can_be_taken_again(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), fetch_lock(path):
        raise KeyboardInterrupt
    for _ in range(3):
        with fetch_lock(path):
            pass


def test_no_lock_is_made_beside_a_file_that_is_not_a_mirror(path: Path) -> None:
    path.write_text("not a mirror")
    with pytest.raises(MirrorError, match="is not a mirror"), fetch_lock(path):
        pass
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_symlink_in_place_of_the_lock_file_is_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_text("precious")
    path.with_name("mirror.db.lock").symlink_to(victim)
    with pytest.raises(MirrorError) as raised, fetch_lock(path):
        pass
    assert str(path) in str(raised.value)
    assert victim.read_text() == "precious"
    path.with_name("mirror.db.lock").unlink()
    path.with_name("mirror.db.lock").symlink_to(path.with_name("nothing"))
    with pytest.raises(MirrorError), fetch_lock(path):
        pass
    assert not path.with_name("nothing").exists()


def test_the_lock_file_is_separate_and_its_content_is_kept(path: Path) -> None:
    filled_mirror(path)
    before = path.read_bytes()
    path.with_name("mirror.db.lock").write_text("other content")
    with fetch_lock(path):
        assert path.read_bytes() == before
    assert path.with_name("mirror.db.lock").read_text() == "other content"


def test_edits_and_reads_do_not_wait_for_a_fetch(path: Path) -> None:
    filled_mirror(path)
    child, release = start_holder(path)
    ensure(path)
    with open_write(path) as db:
        override(db, 1, {"title": "Mine"})
    with open_read(path) as db:
        assert db.execute("SELECT title FROM packages WHERE id = 1").fetchone() == ("Mine",)
    stop_holder(child, release)


def test_a_mirror_is_not_created_while_a_fetch_runs(path: Path) -> None:
    child, release = start_holder(path)
    with pytest.raises(FetchRunning):
        ensure(path)
    assert not path.exists()
    stop_holder(child, release)
    ensure(path)
    assert path.exists()


def test_all_symbolic_links_to_a_file_share_its_lock(path: Path) -> None:
    folder = path.parent / "folder"
    folder.mkdir()
    names = [path, path.parent / "link.db", folder / "link.db", folder / "dangling.db", folder / ".." / path.name]
    names += [path.parent / "link" / path.name]
    names[1].symlink_to(path.name)
    names[2].symlink_to(names[1])
    names[3].symlink_to(path)  # the mirror does not exist yet
    (path.parent / "link").symlink_to(path.parent)
    for exists in (False, True):
        if exists:
            ensure(path)
        for held in names:
            child, release = start_holder(held)
            for name in names:
                with pytest.raises(FetchRunning), fetch_lock(name):
                    pass
            stop_holder(child, release)
    assert [file.name for file in path.parent.rglob("*.lock")] == ["mirror.db.lock"]


def start_slow_maker(path: Path) -> tuple[int, int]:
    """Start a child that takes the lock and creates or upgrades the mirror when it gets a byte; see `start_holder`."""
    ready, make = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with fetch_lock(path):
                os.write(ready[1], b".")
                os.read(make[0], 1)
                # As a fetch does: the other program may read between two steps.
                retry(lambda: ensure_locked(path), BusyLimits(total=60, notice=60), notify=lambda: None)
                os.read(make[0], 1)  # a fetch goes on holding the lock
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    for end in (*ready, make[0]):
        os.close(end)
    return child, make[1]


@pytest.mark.parametrize("older", [False, True], ids=["created", "upgraded"])
def test_an_edit_waits_while_the_mirror_is_made_and_not_for_the_fetch_that_follows(path: Path, *, older: bool) -> None:
    if older:
        path.write_bytes(gzip.decompress(RELEASED.read_bytes()))
    child, make = start_slow_maker(path)
    notices: list[int] = []
    limits = BusyLimits(total=60, notice=0.02)
    retry(lambda: ensure(path), limits, notify=lambda: notices.append(os.write(make, b".")))
    assert notices == [1]
    assert find_version(path) == schema.VERSION
    with open_write(path) as db:
        override(db, 409, {"title": "Mine"})
    with pytest.raises(FetchRunning), fetch_lock(path):
        pass
    stop_holder(child, make)


def test_several_processes_create_one_mirror(path: Path) -> None:
    def need() -> str:
        try:
            ensure(path)
        except FetchRunning:
            return "busy"
        with open_read(path) as db:
            return str(db.execute("SELECT slug FROM packages").fetchall())

    answers = {run_in_child(need) for _ in range(5)}
    assert answers == {"[('django-todo',)]"}


def test_a_new_mirror_is_writable_by_its_owner_and_an_existing_file_keeps_its_mode(path: Path) -> None:
    before = os.umask(0)
    try:
        ensure(path)
        assert path.stat().st_mode & 0o777 == 0o644
        shared = path.with_name("shared.db")
        shared.touch(0o664)
        ensure(shared)
        assert shared.stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


def test_an_existing_mirror_is_not_changed(path: Path) -> None:
    create(path, fill=lambda _: None)
    before = path.read_bytes()
    ensure(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mirror.db"]  # no lock file was needed


def test_no_lock_file_is_made_beside_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(MirrorError, match="is a folder"), fetch_lock(folder):
        pass
    assert list(tmp_path.iterdir()) == [folder]


def test_a_lock_that_was_made_for_nothing_is_deleted_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "some" / "folder" / "mirror.db"
    with pytest.raises(KeyboardInterrupt), fetch_lock(path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with fetch_lock(path):
        assert path.with_name("mirror.db.lock").exists()
    assert list(tmp_path.iterdir()) == []
    ensure(tmp_path / "mirror.db")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(MirrorError), fetch_lock(tmp_path / "mirror.db"):
        raise MirrorError("refused")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_another_program_uses_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "some" / "folder" / "mirror.db"
    with fetch_lock(path):
        path.with_name("mine.txt").write_text("mine")
    assert [file.name for file in path.parent.iterdir()] == ["mine.txt"]


def test_a_lock_that_its_holder_deletes_is_not_taken_for_a_place_without_files(path: Path) -> None:
    """A process opens the lock, and its holder deletes it before the process can lock it."""
    opened = threading.Barrier(2)
    flock = fcntl.flock
    results: list[object] = []

    def wait(descriptor: int, operation: int) -> None:
        if threading.current_thread() is not threading.main_thread() and not results:
            results.append("opened")
            opened.wait(60)
            opened.wait(60)
        flock(descriptor, operation)

    def take() -> None:
        with fetch_lock(path):
            results.append("locked")

    taker = threading.Thread(target=take)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", wait)
        with fetch_lock(path):
            taker.start()
            opened.wait(60)
        opened.wait(60)
        taker.join(60)
    assert results == ["opened", "locked"]
