"""One fetch at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import FetchRunning, MirrorError
from djpkg.mirror.connection import create, open_read, open_write
from djpkg.mirror.lock import ensure, fetch_lock
from djpkg.mirror.write import Writer
from djpkg.model.repository_url import NO_FORGES
from tests.mirror.forks import answer_of
from tests.mirrors import NOW, filled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


def held(path: Path, then: Callable[[], object] = lambda: None) -> tuple[int, int]:
    """A child that holds the lock, has done `then` and waits; its number and what ends its waiting."""
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


def end(child: int, release: int, *, by: int | None = None) -> None:
    if by is None:
        os.write(release, b".")
    else:
        os.kill(child, by)
    os.waitpid(child, 0)
    os.close(release)


def test_of_twenty_that_race_one_wins_and_the_others_are_told_without_waiting(path: Path) -> None:
    start, tell, finish = os.pipe(), os.pipe(), os.pipe()

    def wait(_: float) -> None:
        os.write(tell[1], b"s")
        os._exit(0)

    def race() -> None:
        os.close(finish[1])
        time.sleep = wait
        os.read(start[0], 1)
        try:
            with fetch_lock(path):
                os.write(tell[1], b"w")
                os.read(finish[0], 1)
        except FetchRunning as error:
            os.write(tell[1], b"l" if error.exit_code == 75 else b"?")

    children = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            try:
                race()
            finally:
                os._exit(0)
        children.append(child)
    os.close(tell[1])
    os.write(start[1], b"." * 20)
    said = b"".join(os.read(tell[0], 1) for _ in range(20))
    os.close(finish[1])
    codes = [os.waitpid(child, 0)[1] for child in children]
    for descriptor in (*start, tell[0], finish[0]):
        os.close(descriptor)
    assert codes == [0] * 20
    assert sorted(said) == sorted(b"w" + b"l" * 19)


def test_a_lock_dies_with_its_holder(path: Path) -> None:
    for by in (signal.SIGKILL, signal.SIGTERM, None):
        child, release = held(path)
        with pytest.raises(FetchRunning), fetch_lock(path):
            pass
        end(child, release, by=by)
        with fetch_lock(path):
            pass


def test_a_program_that_the_holder_started_does_not_keep_the_lock(path: Path) -> None:
    pid = path.with_name("pid")

    def start() -> None:
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pid.write_text(str(started.pid))

    child, release = held(path, start)
    end(child, release, by=signal.SIGKILL)
    try:
        with fetch_lock(path):
            os.kill(int(pid.read_text()), 0)  # it lives, and the lock is ours
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_the_lock_is_free_after_an_error_and_can_be_taken_again(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), fetch_lock(path):
        raise KeyboardInterrupt
    for _ in range(3):
        with fetch_lock(path):
            pass


def test_a_link_planted_at_the_locks_place_is_not_followed(path: Path) -> None:
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


def test_the_locks_file_is_not_the_mirrors_and_is_not_emptied(path: Path) -> None:
    filled(path)
    before = path.read_bytes()
    path.with_name("mirror.db.lock").write_text("somebody's")
    with fetch_lock(path):
        assert path.read_bytes() == before
    assert path.with_name("mirror.db.lock").read_text() == "somebody's"


def test_edits_and_reads_do_not_wait_for_a_fetch(path: Path) -> None:
    filled(path)
    child, release = held(path)
    ensure(path)
    with open_write(path) as db:
        Writer(db, forges=NO_FORGES).store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)
    with open_read(path) as db:
        assert db.execute("SELECT title FROM packages WHERE id = 1").fetchone() == ("Mine",)
    end(child, release)


def test_a_mirror_is_not_made_while_a_fetch_makes_one(path: Path) -> None:
    child, release = held(path)
    with pytest.raises(FetchRunning):
        ensure(path)
    assert not path.exists()
    end(child, release)
    ensure(path)
    assert path.exists()


def test_of_many_that_need_a_mirror_each_gets_the_same_one(path: Path) -> None:
    def need() -> str:
        try:
            ensure(path)
        except FetchRunning:
            return "busy"
        with open_read(path) as db:
            return str(db.execute("SELECT slug FROM packages").fetchall())

    answers = {answer_of(need) for _ in range(5)}
    assert answers == {"[('django-todo',)]"}


def test_a_new_mirror_is_for_its_owner_to_write_and_a_file_that_is_there_keeps_its_mode(path: Path) -> None:
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


def test_an_existing_mirror_is_not_made_anew(path: Path) -> None:
    create(path, fill=lambda _: None)
    before = path.read_bytes()
    ensure(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mirror.db"]  # there was nothing to lock for


def test_nothing_is_left_beside_what_can_be_no_mirror(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(MirrorError, match="is a folder"), fetch_lock(folder):
        pass
    assert list(tmp_path.iterdir()) == [folder]
