"""Kills and a full disk while a snapshot is written or taken in: the old state or the new one, nothing between."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import MirrorError
from djpkg.fetch import export, snapshot
from djpkg.fetch.progress import NoProgress
from djpkg.mirror import busy, fetch_history
from djpkg.mirror.busy import BusyLimits
from djpkg.mirror.connection import open_write
from djpkg.mirror.lock import fetch_lock
from tests.damage import Damage, apply
from tests.fetching import check_integrity, quick_folder
from tests.mirror.forks import dying_in_commit, use_no_journal
from tests.mirrors import NOW, catalog_facts, fetched_mirror, filled_mirror, override
from tests.snapshots import read_lines, take, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from djpkg.fetch.report import Report

KILLS = 50
TABLES = ("packages", "facts", "overrides", "tags", "history", "events", "sweeps", "categories", "releases")


DAMAGES = (
    Damage("packages", "repo_watchers", 0, "x"),
    Damage("packages", "yanked", 2, b"\x00\xff"),
    Damage("facts", "facts", 1, "["),
    Damage("history", "stars", 0, "x"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with quick_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def source(folder: Path) -> Path:
    """A mirror with more packages than one page of those that are stored together."""
    path = fetched_mirror(folder / "source.db")
    return filled_mirror(path, [catalog_facts(number, f"p{number}") for number in range(10, 320)])


@pytest.fixture
def mirror(folder: Path) -> Path:
    """A mirror with older answers, and with edits."""
    path = fetched_mirror(folder / "mirror.db", now=NOW - timedelta(days=5))
    with open_write(path) as db:
        override(db, 1, {"title": "Mine", "tags": ["prod"]})
    return path


def in_child(
    work: Callable[[], object], *, kill_at: int | None = None, written: int | None = None, size: int | None = None
) -> int:
    """Run `work` in a fork and return its exit status, negative after a signal; 3 for an error of the mirror.

    It is killed at the n-th call of a function, or where a COMMIT writes a page after so many bytes. It may write files
    of `size` bytes at most.
    """
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 9
    try:
        if size is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        if kill_at is not None:
            count_calls(lambda calls: os.kill(os.getpid(), signal.SIGKILL) if calls == kill_at else None)
        if written is not None:
            dying_in_commit(written, work)
        else:
            work()
        code = 0
    except MirrorError:
        code = 3
    finally:
        os._exit(code)


def count_calls(notify: Callable[[int], object]) -> None:
    """Call `notify` at each call of a function with the number of calls."""
    calls = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        if event in ("call", "c_call"):
            calls += 1
            notify(calls)

    sys.setprofile(profile)


def number_of_calls(work: Callable[[], object]) -> int:
    """Return how many functions `work` calls; it runs in this process."""
    counted = [0]
    count_calls(lambda calls: counted.__setitem__(0, calls))
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted[0]


def contents(mirror: Path) -> dict[str, list[Any]]:
    """Return the rows of the tables that a snapshot changes; SQLite rolls back what a killed process left."""
    with closing(sqlite3.connect(mirror)) as db:
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in TABLES}


def find_contents(mirror: Path) -> dict[str, list[Any]] | None:
    """Return the contents of a mirror; None if a killed process left a damaged file."""
    try:
        found = contents(mirror)
        check_integrity(mirror)
    except (sqlite3.DatabaseError, AssertionError):
        return None
    return found


def kill_imports(mirror: Path, file: Path, kills: int) -> Counter[str]:
    """Kill the taking of a snapshot; return how often the state was old, new or torn.

    Every second time it is killed inside COMMIT, the other times at a call of a function, both evenly spaced.
    """
    sound = mirror.read_bytes()
    old = contents(mirror)
    take(file, mirror)  # what is loaded once does not count
    mirror.write_bytes(sound)
    calls = number_of_calls(lambda: take(file, mirror))
    new, size = contents(mirror), mirror.stat().st_size
    assert new != old
    reached: Counter[str] = Counter()
    for number in range(kills):
        mirror.write_bytes(sound)
        mirror.with_name(f"{mirror.name}-journal").unlink(missing_ok=True)
        if number % 2:
            code = in_child(lambda: take(file, mirror), written=1 + number * (size - 1) // kills)
            reached["killed in COMMIT"] += code == -signal.SIGXFSZ
        else:
            code = in_child(lambda: take(file, mirror), kill_at=1 + number * (calls - 1) // kills)
        reached["killed"] += code in (-signal.SIGKILL, -signal.SIGXFSZ)
        found = find_contents(mirror)
        reached["old" if found == old else "new" if found == new else "torn"] += 1
        if found is not None:
            assert found["overrides"] == old["overrides"]
            assert found["tags"] == old["tags"]
    return reached


class Watcher(NoProgress):
    """Calls `work` after the first page is stored."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self.called = 0

    def advance(self, source: str, n: int = 1, outcome: object = None) -> None:
        self.called += 1
        if self.called == 1:
            self._work()


def watch(file: Path, mirror: Path, progress: NoProgress, *, busy_limits: BusyLimits = busy.FETCH) -> Report:
    place = snapshot.parse_place(str(file))
    return snapshot.take_snapshot(place, mirror, {}, progress=progress, clock=lambda: NOW, busy_limits=busy_limits)


def test_others_read_the_mirror_meanwhile(source: Path, mirror: Path) -> None:
    def read() -> None:
        with closing(sqlite3.connect(mirror, timeout=0)) as db:
            seen.append(db.execute("SELECT count(*) FROM packages").fetchone())

    seen: list[Any] = []
    watcher = Watcher(read)
    assert watch(write(source, source.with_name("s.jsonl.gz")), mirror, watcher).exit_code == 0
    assert seen == [(4,)]
    assert watcher.called > 1


def test_it_waits_for_a_reader_that_blocks_it(source: Path, mirror: Path) -> None:
    file = write(source, source.with_name("s.jsonl.gz"))
    with closing(sqlite3.connect(mirror, isolation_level=None)) as reader:

        def end_reading(text: str) -> None:
            warnings.append(text)
            reader.execute("COMMIT")

        warnings: list[str] = []
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM packages").fetchone()
        limits = BusyLimits(total=60, notice=0.05)
        assert watch(file, mirror, NoProgress(warn=end_reading), busy_limits=limits).exit_code == 0
    (warning,) = warnings
    assert "another program that uses the mirror" in warning
    assert len(contents(mirror)["packages"]) == 314


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_fetch_changes_nothing(source: Path, mirror: Path, number: signal.Signals, code: int) -> None:
    file = write(source, source.with_name("s.jsonl.gz"))
    old = contents(mirror)
    report = watch(file, mirror, Watcher(lambda: os.kill(os.getpid(), number)))
    assert report.exit_code == code
    assert not report.has_stored
    assert contents(mirror) == old


def test_damaged_rows_do_not_stop_a_snapshot(source: Path, mirror: Path) -> None:
    file = write(source, source.with_name("s.jsonl.gz"), history=True)
    sound = mirror.read_bytes()
    applied = 0
    for damage in DAMAGES:
        mirror.write_bytes(sound)
        applied += apply(mirror, damage)
        assert take(file, mirror).exit_code == 0, damage
        assert len(contents(mirror)["packages"]) == 314
    assert applied == len(DAMAGES)


def test_a_snapshot_is_written_while_a_fetch_writes(source: Path) -> None:
    with fetch_lock(source), closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE packages SET title = 'half done'")
        file = write(source, source.with_name("s.jsonl.gz"))
        db.execute("ROLLBACK")
    assert read_lines(file)[0]["packages"] == 314


@pytest.mark.campaign
def test_a_killed_fetch_from_a_snapshot_leaves_the_old_mirror_or_the_new_one(source: Path, mirror: Path) -> None:
    file = write(source, source.with_name("s.jsonl.gz"), history=True)
    reached = kill_imports(mirror, file, KILLS)
    assert reached["killed"] >= KILLS - 2
    assert reached["killed in COMMIT"] == KILLS // 2
    assert reached["torn"] == 0
    assert reached["old"] >= KILLS // 2
    assert take(file, mirror).exit_code == 0


@pytest.mark.campaign
def test_without_a_journal_the_same_kills_leave_half_a_snapshot(
    source: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(source, source.with_name("s.jsonl.gz"))
    use_no_journal(monkeypatch)
    assert kill_imports(mirror, file, 20)["torn"] >= 5


def remove_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every statement that takes a snapshot be a transaction of its own."""

    @contextlib.contextmanager
    def untransacted(db: sqlite3.Connection) -> Iterator[None]:
        db.execute("PRAGMA foreign_keys = OFF")  # deferred to the end of the transaction otherwise
        yield

    monkeypatch.setattr(snapshot, "transaction", untransacted)
    monkeypatch.setattr(fetch_history, "transaction", untransacted)


@pytest.mark.campaign
def test_without_its_transaction_the_same_kills_leave_half_a_snapshot(
    source: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(source, source.with_name("s.jsonl.gz"))
    remove_transactions(monkeypatch)
    reached = kill_imports(mirror, file, 20)
    assert reached["torn"] > 0


@pytest.mark.campaign
def test_a_killed_snapshot_leaves_the_old_file_or_the_new_one(source: Path, mirror: Path) -> None:
    file = write(mirror, mirror.with_name("s.jsonl.gz"))
    old = file.read_bytes()
    calls = number_of_calls(lambda: write(source, file))
    new = file.read_bytes()
    assert old != new
    before = source.read_bytes()
    reached: Counter[str] = Counter()
    for number in range(KILLS):
        file.write_bytes(old)
        # More of the kills towards the end, where the file is written.
        at = calls - (calls * (KILLS - 1 - number) ** 3) // KILLS**3 - 1
        reached["killed"] += in_child(lambda: write(source, file), kill_at=max(1, at)) == -signal.SIGKILL
        found = file.read_bytes()
        reached["old" if found == old else "new" if found == new else "torn"] += 1
    assert reached["killed"] >= KILLS - 2
    assert reached["torn"] == 0
    assert reached["old"] > 0
    assert source.read_bytes() == before
    write(source, file)
    assert read_lines(file)[-1]["kind"] == "end"
    assert not file.with_name(f"{file.name}.part").exists()


@contextlib.contextmanager
def open_in_place(target: Path) -> Iterator[Any]:
    """Open the file itself instead of one that replaces it."""
    with target.open("wb", buffering=0) as opened:
        yield opened


@pytest.mark.campaign
def test_a_snapshot_that_is_written_in_place_would_be_torn(
    source: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(mirror, mirror.with_name("s.jsonl.gz"))
    old = file.read_bytes()
    monkeypatch.setattr(export, "_replacing", open_in_place)
    calls = number_of_calls(lambda: write(source, file))
    new = file.read_bytes()
    torn = 0
    for at in range(calls - 40, calls):
        file.write_bytes(old)
        in_child(lambda: write(source, file), kill_at=at)
        torn += file.read_bytes() not in (old, new)
    assert torn > 0


def fill_disk_while_taking(source: Path, mirror: Path) -> Counter[str]:
    """Take a snapshot on disks of 24 sizes; return how often it was taken or refused, or was refused and changed rows.

    The size of files is limited, so that the temporary copy, the journal or the mirror itself cannot be written.
    """
    file = write(source, source.with_name("s.jsonl.gz"), history=True)
    sound, old = mirror.read_bytes(), contents(mirror)
    take(file, mirror)
    grown, new = mirror.stat().st_size, contents(mirror)
    reached: Counter[str] = Counter()
    for number in range(24):
        mirror.write_bytes(sound)
        code = in_child(lambda: take(file, mirror), size=1 + grown * number // 20)
        assert code in (0, 3)
        found = contents(mirror)
        is_torn = found != (new if code == 0 else old)
        reached["torn" if is_torn else "taken" if code == 0 else "refused"] += 1
        if not is_torn:
            check_integrity(mirror)
    return reached


@pytest.mark.campaign
def test_a_full_disk_at_any_stage_changes_nothing(source: Path, mirror: Path) -> None:
    reached = fill_disk_while_taking(source, mirror)
    assert reached["torn"] == 0
    assert reached["refused"] >= 10
    assert reached["taken"] >= 2


@pytest.mark.campaign
def test_without_its_transaction_a_full_disk_would_leave_half_a_snapshot(
    source: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_transactions(monkeypatch)
    assert fill_disk_while_taking(source, mirror)["torn"] >= 5


def fill_disk_while_writing(source: Path, mirror: Path) -> tuple[list[int], int]:
    """Replace a snapshot on disks that are too small for the new one.

    Return the exit statuses, and how often the old one was changed.
    """
    file = write(mirror, mirror.with_name("s.jsonl.gz"))
    old = file.read_bytes()
    size = len(write(source, source.with_name("whole.jsonl.gz")).read_bytes())
    codes, changed = [], 0
    for limit in (0, 1, size // 2, size - 1):
        file.write_bytes(old)
        codes.append(in_child(lambda: write(source, file), size=limit))
        changed += file.read_bytes() != old
    return codes, changed


@pytest.mark.campaign
def test_a_full_disk_while_a_snapshot_is_written_leaves_the_old_one(source: Path, mirror: Path) -> None:
    assert fill_disk_while_writing(source, mirror) == ([3] * 4, 0)


@pytest.mark.campaign
def test_a_full_disk_would_cut_a_snapshot_that_is_written_in_place(
    source: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_replacing", open_in_place)
    _, changed = fill_disk_while_writing(source, mirror)
    assert changed == 4
