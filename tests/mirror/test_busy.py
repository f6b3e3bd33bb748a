"""Waiting for other programs that lock the mirror."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import FetchRunning, MirrorBusy, MirrorError, MirrorMissing
from djpkg.mirror import busy
from djpkg.mirror.busy import BusyLimits, BusyWait, retry
from djpkg.mirror.connection import open_read, open_write, transaction, upgrade
from tests.mirror.forks import run_in_child
from tests.mirrors import filled_mirror, override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Clock:
    """A clock that only its own pauses advance."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled_mirror(tmp_path / "mirror.db")


@contextmanager
def reader(path: Path) -> Iterator[None]:
    """Another program that reads, for as long as the block runs."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM packages").fetchone()
        yield
        db.execute("COMMIT")


def retry_with(clock: Clock, work: Callable[[], object], *, is_stopped: bool = False) -> object:
    return retry(work, busy.EDIT, notify=lambda: None, is_stopped=lambda: is_stopped, clock=clock, sleep=clock.sleep)


def rename(path: Path, title: str) -> None:
    with open_write(path) as db:
        override(db, 1, {"title": title})


# How long.


@pytest.mark.parametrize(("limits", "text"), [(busy.FETCH, "5 minutes"), (busy.EDIT, "30 seconds")])
def test_work_is_repeated_up_to_the_limit_with_one_message(limits: BusyLimits, text: str, tmp_path: Path) -> None:
    clock, notices = Clock(), list[float]()

    def work() -> None:
        raise MirrorBusy(f"attempt {len(clock.pauses)}")

    with pytest.raises(MirrorBusy) as raised:
        retry(work, limits, notify=lambda: notices.append(clock.now - 1000), clock=clock, sleep=clock.sleep)
    assert str(raised.value) == f"attempt {len(clock.pauses)}"
    assert sum(clock.pauses) == pytest.approx(limits.total)
    assert len(notices) == 1
    assert limits.notice <= notices[0] < limits.notice + busy.LONGEST_PAUSE
    assert max(clock.pauses) == busy.LONGEST_PAUSE
    assert min(clock.pauses[:10]) == clock.pauses[0] == busy.FIRST_PAUSE
    assert text in busy.waiting_message(tmp_path, limits)


def test_a_fetch_waits_five_minutes_and_an_edit_thirty_seconds() -> None:
    assert busy.FETCH == (300, 10)
    assert busy.EDIT == (30, 1)


def test_a_success_ends_the_wait_and_the_next_one_has_its_own_message() -> None:
    clock, notices = Clock(), list[float]()
    wait = BusyWait(BusyLimits(total=20, notice=5), notify=lambda: notices.append(clock.now), clock=clock)
    for round_ in (1, 2):
        while clock.now < 1000 + 10 * round_:
            pause = wait.next_pause()
            assert pause is not None
            clock.sleep(pause)
        wait.reset()
        assert len(notices) == round_


def test_other_errors_and_a_stop_end_it_at_once() -> None:
    clock = Clock()

    def fail(error: Exception) -> None:
        raise error

    others = (MirrorError("x"), MirrorMissing("x"), sqlite3.OperationalError("no such table"), ValueError("x"))
    for error in others:
        with pytest.raises(type(error)):
            retry_with(clock, partial(fail, error))
    for stopped in (MirrorBusy("x"), FetchRunning("x")):
        with pytest.raises(type(stopped)):
            retry_with(clock, partial(fail, stopped), is_stopped=True)
    assert clock.pauses == []


# Real locks.


def test_a_write_beside_a_reader_fails_at_once_and_holds_no_lock(path: Path) -> None:
    with reader(path):
        with pytest.raises(MirrorBusy, match="locked by another program"):
            rename(path, "first")
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
    rename(path, "second")


def test_while_a_write_waits_for_a_reader_others_read_and_only_the_reader_is_waited_for(path: Path) -> None:
    checked = []

    def check_others() -> None:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            for _ in range(20):
                other.execute("SELECT count(*) FROM packages").fetchone()
            other.execute("BEGIN IMMEDIATE")  # an edit is not locked out
            other.execute("ROLLBACK")
        checked.append(True)
        readers.pop().__exit__(None, None, None)

    readers = [reader(path)]
    readers[0].__enter__()
    retry(lambda: rename(path, "Mine"), BusyLimits(total=60, notice=0.05), notify=check_others)
    assert checked == [True]
    with open_read(path) as db:
        assert db.execute("SELECT title FROM packages WHERE id = 1").fetchone() == ("Mine",)


def test_nothing_waits_inside_a_transaction_and_a_connection_waits_as_before_after_it(path: Path) -> None:
    def timeout(db: sqlite3.Connection) -> int:
        (milliseconds,) = db.execute("PRAGMA busy_timeout").fetchone()
        assert isinstance(milliseconds, int)
        return milliseconds

    with open_write(path) as db:
        assert timeout(db) == 10_000
        with transaction(db):
            assert timeout(db) == 0
        assert timeout(db) == 10_000
        with pytest.raises(ValueError, match="mine"), transaction(db):
            raise ValueError("mine")
        assert timeout(db) == 10_000


def test_an_upgrade_beside_a_reader_fails_at_once_without_a_copy(path: Path) -> None:
    with reader(path), pytest.raises(MirrorBusy):
        upgrade(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_writer_in_another_process_is_busy(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")

        def attempt() -> str:
            clock = Clock()
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
                try:
                    retry_with(clock, lambda: db.execute("SELECT 1 FROM packages"))
                except sqlite3.OperationalError as error:
                    return f"{error.sqlite_errorname} after {sum(clock.pauses):.0f} s"
            return "read"

        assert run_in_child(attempt) == "SQLITE_BUSY after 30 s"
