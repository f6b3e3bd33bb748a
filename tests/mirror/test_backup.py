from __future__ import annotations

import errno
import os
import random
import resource
import signal
import sqlite3
import stat
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import FetchRunning, MirrorBusy, MirrorError, MirrorMissing, UsageError
from djpkg.mirror import busy, connection, lock, schema
from djpkg.mirror.backup import backup
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.write import Writer
from djpkg.model.repository_url import NO_FORGES
from tests.mirror.forks import die, killed
from tests.mirrors import NOW, catalog_facts, fetched_mirror, override

if TYPE_CHECKING:
    from collections.abc import Callable

KILLS = 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A mirror with an edit."""
    mirror = fetched_mirror(tmp_path / "mirror.db")
    with open_write(mirror) as db:
        override(db, 1, {"title": "Pots!"})
    return mirror


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the copies go."""
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies" / "copy.db"


def dump(path: Path) -> list[str]:
    """Return everything in the file, as SQL."""
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def beside(file: Path) -> list[str]:
    """Return the names of all files in the folder of the copies."""
    return sorted(one.name for one in file.parent.iterdir())


def titles(path: Path) -> set[str]:
    with open_read(path) as db:
        return {title for (title,) in db.execute("SELECT title FROM packages")}


def write_generation(path: Path, generation: int) -> None:
    """Give all packages the same title, in one transaction."""
    page = [catalog_facts(n, f"package-{n}", title=f"generation {generation}") for n in range(1, 200)]
    with open_write(path) as db:
        Writer(db, forges=NO_FORGES).store_catalog(page, now=NOW, report_added=False)


def test_a_copy_is_a_mirror_with_all_rows_edits_included(path: Path, file: Path) -> None:
    backup(path, file)
    assert dump(file) == dump(path)
    assert beside(file) == ["copy.db"]
    with open_write(file) as db:
        override(db, 2, {"title": "Pans!"})
    assert {"Pots!", "Pans!"} <= titles(file)
    assert "Pans!" not in titles(path)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_copy_has_the_permissions_of_the_mirror(path: Path, file: Path, mode: int) -> None:
    path.chmod(mode)
    backup(path, file)
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_an_older_copy_is_replaced(path: Path, file: Path) -> None:
    backup(path, file)
    write_generation(path, 7)
    backup(path, file)
    assert "generation 7" in titles(file)


def test_an_empty_file_is_replaced(path: Path, file: Path) -> None:
    file.touch()
    backup(path, file)
    assert dump(file) == dump(path)


def test_a_symbolic_link_to_a_copy_stays_a_link(path: Path, file: Path, tmp_path: Path) -> None:
    backup(path, file)
    link = tmp_path / "latest.db"
    link.symlink_to(file)
    write_generation(path, 7)
    backup(path, link)
    assert link.is_symlink()
    assert "generation 7" in titles(file)


def links(path: Path) -> dict[str, Path]:
    """Return other names of the mirror: by a symbolic link to it, to its folder, and by a hard link."""
    folder = path.parent
    (folder / "link.db").symlink_to(path)
    (folder / "same").symlink_to(folder)
    os.link(path, folder / "hard.db")
    return {
        "itself": path,
        "dots": folder / "copies" / ".." / path.name,
        "symbolic link": folder / "link.db",
        "link to the folder": folder / "same" / path.name,
        "hard link": folder / "hard.db",
    }


@pytest.mark.parametrize("name", ["itself", "dots", "symbolic link", "link to the folder", "hard link"])
def test_the_mirror_itself_is_refused_by_any_name(path: Path, file: Path, name: str) -> None:
    before = path.read_bytes()
    other = links(path)[name]
    for source, target in ((path, other), (other, path)):
        with pytest.raises(UsageError, match="is the mirror itself"):
            backup(source, target)
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm", ".lock"])
def test_files_that_belong_to_the_mirror_are_refused(path: Path, suffix: str) -> None:
    with pytest.raises(UsageError, match="belongs to the mirror"):
        backup(path, Path(f"{path}{suffix}"))
    assert not Path(f"{path}{suffix}").exists()


def other_database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE mine (a)")


@pytest.mark.parametrize(
    "make", [lambda file: file.write_text("my notes"), other_database, lambda file: file.write_bytes(b"\0" * 300)]
)
def test_a_file_that_is_not_a_mirror_is_not_replaced(path: Path, file: Path, make: Callable[[Path], object]) -> None:
    make(file)
    before = file.read_bytes()
    with pytest.raises(MirrorError, match="exists and is not a mirror of djpkg; it was not replaced") as raised:
        backup(path, file)
    assert raised.value.exit_code == 74
    assert file.read_bytes() == before
    assert beside(file) == ["copy.db"]


@pytest.mark.parametrize(("kind", "make"), [("a folder", Path.mkdir), ("a named pipe", os.mkfifo)])
@pytest.mark.parametrize("name", ["copy.db", ".copy.db.djpkg.tmp"])
def test_a_folder_or_a_pipe_is_refused_with_its_kind(
    path: Path, file: Path, kind: str, make: Callable[[Path], object], name: str
) -> None:
    make(file.with_name(name))
    with pytest.raises(MirrorError, match=f"{name} is {kind}; nothing was written"):
        backup(path, file)
    assert os.path.lexists(file.with_name(name))


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
@pytest.mark.parametrize("exists", [True, False])
def test_no_copy_is_put_beside_a_journal_that_would_change_it(
    path: Path, file: Path, suffix: str, *, exists: bool
) -> None:
    if exists:
        backup(path, file)
    Path(f"{file}{suffix}").write_bytes(b"x")
    with pytest.raises(MirrorError, match=f"copy.db{suffix} exists: another program uses") as raised:
        backup(path, file)
    assert "djpkg status --db" in str(raised.value.hint)


def test_a_copy_into_which_a_fetch_writes_is_not_replaced(path: Path, file: Path) -> None:
    backup(path, file)
    with lock.fetch_lock(file), pytest.raises(FetchRunning):
        backup(path, file)
    backup(path, file)


def test_a_missing_mirror_or_folder_is_an_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(MirrorMissing):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
    with pytest.raises(MirrorError, match="there is no folder"):
        backup(path, tmp_path / "no" / "copy.db")


def test_a_mirror_in_wal_mode_is_copied_with_its_newest_rows_into_one_file(path: Path, file: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("UPDATE packages SET title = 'only in the wal' WHERE id = 2")
        backup(path, file)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert "only in the wal" in titles(file)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert beside(file) == ["copy.db"]


def test_an_older_mirror_is_copied_as_it_is(tmp_path: Path, file: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        schema.migrate(db, steps=schema.STEPS[:2])
    backup(old, file)
    assert dump(file) == dump(old)
    assert connection.find_version(file) == 2


def test_a_locked_mirror_is_not_copied(path: Path, file: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MirrorBusy):
            backup(path, file, busy_seconds=0.05)
    assert beside(file) == []


def test_a_copy_under_a_writer_is_always_of_one_moment(path: Path, file: Path) -> None:
    write_generation(path, 0)
    stop = threading.Event()

    def write() -> None:
        generation = 0
        while not stop.is_set():
            generation += 1
            busy.retry(partial(write_generation, path, generation), busy.EDIT, notify=lambda: None)

    writer = threading.Thread(target=write)
    writer.start()
    seen: set[str] = set()
    try:
        for _ in range(20):
            busy.retry(partial(backup, path, file), busy.EDIT, notify=lambda: None)
            generations = {title for title in titles(file) if title.startswith("generation")}
            assert len(generations) == 1
            seen |= generations
            with closing(sqlite3.connect(file)) as db:
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        stop.set()
        writer.join()
    assert len(seen) > 1


# Kills and full disks.


def kill_within(path: Path, file: Path, calls: int) -> bool:
    """Kill a child before its n-th call that creates, writes, or renames; return whether it came so far."""

    def work() -> None:
        left = calls

        def counted(name: str, owner: object) -> None:
            original = getattr(owner, name)

            def call(*args: object, **kwargs: object) -> object:
                nonlocal left
                left -= 1
                if left == 0:
                    die()
                return original(*args, **kwargs)

            setattr(owner, name, call)

        for name in ("open", "ftruncate", "fchmod", "pwrite", "fsync", "fstat", "close"):
            counted(name, os)
        counted("replace", Path)
        backup(path, file)

    return killed(work)


def kill_while_writing(path: Path, file: Path, written: int) -> bool:
    """Kill a child at the write that makes a file longer than that many bytes."""

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        backup(path, file)

    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def kill_backups(path: Path, file: Path) -> tuple[int, int]:
    """Kill copies of changing mirrors; return the number of kills, and of copies that were not whole."""
    chance = random.Random(13)  # noqa: S311 - the same moments each time
    write_generation(path, 0)
    backup(path, file)
    size = path.stat().st_size
    kills = halves = 0
    run = 0
    while kills < KILLS:
        run += 1
        write_generation(path, run)
        before = dump(file)
        if run % 2:
            kills += kill_within(path, file, run // 2 % 20 + 1)
        else:
            kills += kill_while_writing(path, file, chance.randrange(size))
        try:
            whole = dump(file) in (before, dump(path))
        except sqlite3.DatabaseError:
            whole = False
        halves += not whole
        if not whole:
            file.unlink()
        assert len(beside(file)) <= 2
        assert run < 200
    return kills, halves


@pytest.mark.campaign
def test_a_killed_copy_leaves_the_older_one_or_the_whole_new_one(path: Path, file: Path) -> None:
    assert kill_backups(path, file) == (KILLS, 0)
    backup(path, file)
    assert dump(file) == dump(path)
    assert beside(file) == ["copy.db"]


def use_no_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy be written to its final name."""
    original = Path.with_name
    monkeypatch.setattr(Path, "with_name", lambda self, name: self if "djpkg.tmp" in name else original(self, name))


@pytest.mark.campaign
def test_without_the_temporary_file_killed_copies_would_be_half(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_no_temporary_file(monkeypatch)
    kills, halves = kill_backups(path, file)
    assert kills == KILLS
    assert halves >= 5


def fill_disk(path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, part: float) -> bool:
    """Replace a copy on a disk with room for that part of the new one, and return whether the older one is there."""
    before = file.read_bytes()
    write_generation(path, 1)
    pages = round(path.stat().st_size / 4096 * part) or 1
    original = sqlite3.connect

    def on_a_small_disk(*args: object, **kwargs: object) -> sqlite3.Connection:
        db: sqlite3.Connection = original(*args, **kwargs)  # type: ignore[call-overload]
        if file.name in str(args[0]):
            db.execute(f"PRAGMA max_page_count = {pages}")
        return db

    monkeypatch.setattr(sqlite3, "connect", on_a_small_disk)
    with pytest.raises(MirrorError, match="the disk is full; it is unchanged") as raised:
        backup(path, file)
    assert raised.value.exit_code == 74
    return file.exists() and file.read_bytes() == before


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_a_full_disk_is_reported_and_the_older_copy_stays(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, part: float
) -> None:
    backup(path, file)
    assert fill_disk(path, file, monkeypatch, part)
    assert beside(file) == ["copy.db"]


def test_without_the_temporary_file_a_full_disk_would_destroy_the_older_copy(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(path, file)
    use_no_temporary_file(monkeypatch)
    assert not fill_disk(path, file, monkeypatch, 0.5)


def test_a_disk_that_is_full_at_the_last_write_is_reported(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MirrorError, match="No space left on device; it is unchanged"):
        backup(path, file)
    assert beside(file) == []


def test_a_folder_that_cannot_be_synchronized_is_no_failure(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    folders = []

    def of_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            folders.append(descriptor)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_only)
    backup(path, file)
    assert len(folders) == 1
    assert dump(file) == dump(path)
    assert beside(file) == ["copy.db"]
