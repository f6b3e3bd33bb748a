"""Opening a mirror: which files are refused, permissions, and the effects of kills, full disks and damage."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import MirrorError, MirrorMissing, PackageNotFound
from djpkg.mirror import connection, listing, lock, resolve, schema
from djpkg.mirror.connection import find_version, open_read, open_write, transaction
from djpkg.mirror.package import get_package
from djpkg.mirror.seed import store_seed
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.model.repository_url import NO_FORGES
from djpkg.query import parser
from tests.mirror.forks import die, dying_after, killed, run_in_child
from tests.mirrors import NOW, catalog_facts, fetched_mirror, filled_mirror, override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CATALOG = "https://djangopackages.org/api/v4"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can read; pytest's own cannot be."""
    folder = Path(tempfile.mkdtemp(prefix="djpkg-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def titles(path: Path) -> list[str]:
    with open_read(path) as db:
        return [title for (title,) in db.execute("SELECT title FROM packages ORDER BY id")]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mirror_of_version(version: int, path: Path) -> Path:
    filled_mirror(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    return path


def ways_to_open(path: Path) -> Iterator[Callable[[], object]]:
    def reading() -> None:
        with open_read(path):
            pass

    def writing() -> None:
        with open_write(path):
            pass

    yield reading
    yield writing
    yield partial(find_version, path)
    yield partial(lock.ensure, path)


def errors_of(path: Path) -> set[str]:
    """Return the messages with which all ways to open the file fail."""
    messages = set()
    for use in ways_to_open(path):
        with pytest.raises(MirrorError) as raised:
            use()
        assert not isinstance(raised.value, MirrorMissing)
        assert raised.value.exit_code == 74
        assert str(path) in str(raised.value)
        messages.add(str(raised.value))
    return messages


# Which files are mirrors.


def test_a_missing_file_is_a_missing_mirror_and_reading_does_not_create_it(path: Path) -> None:
    for use in (lambda: titles(path), lambda: open_write(path).__enter__()):
        with pytest.raises(MirrorMissing, match="no mirror at"):
            use()
    assert find_version(path) is None
    assert list(path.parent.iterdir()) == []


def test_an_empty_file_is_a_missing_mirror_and_can_become_one(path: Path) -> None:
    path.touch()
    with pytest.raises(MirrorMissing):
        titles(path)
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


def test_an_empty_database_is_a_missing_mirror_and_can_become_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM")
    assert path.stat().st_size > 0
    with pytest.raises(MirrorMissing):
        titles(path)
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


@pytest.mark.parametrize("content", [b"hello\n", b"SQLite format 3\0" + b"\0" * 84, b"\0" * 4096, os.urandom(9000)])
def test_a_file_that_is_not_a_sqlite_file_is_refused_and_unchanged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert len(errors_of(path)) == 1
    assert path.read_bytes() == content
    assert not path.with_name("mirror.db-journal").exists()


def test_a_folder_a_pipe_and_a_symlink_loop_are_refused(path: Path) -> None:
    path.mkdir()
    assert "is a folder" in errors_of(path).pop()
    path.rmdir()
    os.mkfifo(path)
    assert "is a named pipe, not a mirror" in errors_of(path).pop()
    path.unlink()
    path.symlink_to(path)
    assert errors_of(path)


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert errors_of(tmp_path / "file" / "mirror.db")


@pytest.mark.parametrize("version", [0, 1, 5])
def test_a_database_of_another_program_is_refused_and_unchanged(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text)")
        db.execute(f"PRAGMA user_version = {version}")
    before = digest(path)
    assert errors_of(path) == {f"{path} is a SQLite file, but not a mirror of djpkg"}
    assert digest(path) == before


@pytest.mark.parametrize("version", [1, 5])
def test_a_database_with_a_version_and_no_tables_is_refused_and_unchanged(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    before = digest(path)
    assert errors_of(path)
    assert digest(path) == before


def test_a_mirror_without_tables_is_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    assert "damaged" in errors_of(path).pop()


@pytest.mark.parametrize("version", [schema.VERSION + 1, schema.VERSION + 5, 2**31 - 1])
def test_a_mirror_of_a_newer_version_is_refused_and_unchanged(path: Path, version: int) -> None:
    mirror_of_version(version, path)
    before = digest(path)
    assert f"version {version}" in errors_of(path).pop()
    assert digest(path) == before
    assert [file.name for file in path.parent.iterdir() if file.suffix != ".lock"] == ["mirror.db"]


@pytest.mark.parametrize("version", [-1, 0])
def test_a_mirror_without_a_version_is_damaged_and_not_newer(path: Path, version: int) -> None:
    mirror_of_version(version, path)
    before = digest(path)
    assert "damaged: it has no version" in errors_of(path).pop()
    assert digest(path) == before


def test_a_file_name_may_contain_characters_that_are_special_in_urls(tmp_path: Path) -> None:
    path = tmp_path / "my #1 mirror?mode=memory%41.db"
    lock.ensure(path)
    assert path.is_file()
    assert titles(path) == ["django-todo"]


def test_the_folder_is_created_and_other_users_cannot_write_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "mirror.db"
    before = os.umask(0)
    try:
        lock.ensure(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.with_name("mirror.db.lock").stat().st_mode & 0o777 == 0o600


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled_mirror(path)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(MirrorError, match=r"needs 3\.37"):
        titles(path)


# Reading and writing.


def test_a_reader_cannot_write(path: Path) -> None:
    filled_mirror(path)
    before = digest(path)
    with pytest.raises(MirrorError, match="permission denied: cannot write"), open_read(path) as db:
        db.execute("UPDATE packages SET title = 'mine'")
    assert digest(path) == before


def test_a_mirror_is_one_file_at_rest(path: Path) -> None:
    fetched_mirror(path)
    titles(path)
    assert [file.name for file in path.parent.iterdir()] == ["mirror.db"]


def test_programming_errors_are_not_reported_as_a_damaged_mirror(path: Path) -> None:
    filled_mirror(path)
    with pytest.raises(sqlite3.OperationalError), open_read(path) as db:
        db.execute("SELECT nonsense FROM packages")
    with pytest.raises(ZeroDivisionError), open_read(path):
        _ = 1 / 0


def test_a_transaction_is_rolled_back_by_any_exception(path: Path) -> None:
    filled_mirror(path)

    def leave(way_out: type[BaseException]) -> None:
        with open_write(path) as db, transaction(db):
            db.execute("UPDATE packages SET title = 'mine'")
            raise way_out

    for way_out in (KeyboardInterrupt, SystemExit, ValueError):
        with pytest.raises(way_out):
            leave(way_out)
    assert "mine" not in titles(path)


def test_a_mirror_that_another_process_holds_is_reported_as_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled_mirror(path)
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    ready, release = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        os.write(ready[1], b".")
        os.read(release[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        for use in (lambda: titles(path), lambda: filled_mirror(path)):
            with pytest.raises(MirrorError, match="locked by another program") as raised:
                use()
            assert raised.value.hint
    finally:
        os.write(release[1], b".")
        os.waitpid(child, 0)
    for end in (*ready, *release):
        os.close(end)
    assert len(titles(path)) == 4


# Write-ahead logs, which tools that replicate a file may need.


@pytest.fixture
def wal(path: Path) -> Iterator[Path]:
    """A mirror in WAL mode that another connection keeps reading."""
    fetched_mirror(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        db.execute("BEGIN")
        before = db.execute("SELECT title FROM packages ORDER BY id").fetchall()
        yield path
        assert db.execute("SELECT title FROM packages ORDER BY id").fetchall() == before
        db.execute("COMMIT")
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_mirror_in_wal_mode_is_read_and_written_and_stays_in_it(wal: Path) -> None:
    with open_write(wal) as db:
        override(db, 1, {"title": "Mine"})
    fetched_mirror(wal)
    read_everything(wal)
    assert titles(wal)[0] == "Mine"


# Permissions.


def seen(path: Path) -> Any:
    return run_in_child(lambda: titles(path), as_nobody=True)


def written(path: Path) -> Any:
    return run_in_child(lambda: str(filled_mirror(path)), as_nobody=True)


def test_a_mirror_in_a_read_only_folder_can_be_read_and_not_written(shared: Path) -> None:
    path = filled_mirror(shared / "mirror.db")
    for mode in (0o644, 0o666):
        path.chmod(mode)
        shared.chmod(0o555)
        assert len(seen(path)) == 4
        result = written(path)
        assert result["code"] == 74
        assert str(path) in result["error"]
        assert run_in_child(lambda: lock.ensure(path), as_nobody=True) is None  # there is nothing to do
        held = run_in_child(lambda: lock.fetch_lock(path).__enter__(), as_nobody=True)
        assert held["code"] == 74
        shared.chmod(0o755)
    assert [file.name for file in shared.iterdir()] == ["mirror.db"]


def test_a_message_about_missing_permission_names_the_file(shared: Path) -> None:
    path = filled_mirror(shared / "mirror.db")
    path.chmod(0)
    for result in (seen(path), written(path), run_in_child(lambda: lock.ensure(path), as_nobody=True)):
        assert result["code"] == 74
        assert str(path) in result["error"]
    path.chmod(0o644)
    (shared / "closed").mkdir(mode=0o700)
    if os.getuid() == 0:
        inner = filled_mirror(shared / "closed" / "mirror.db")
        assert seen(inner)["code"] == 74
        assert run_in_child(lambda: lock.ensure(inner), as_nobody=True)["code"] == 74
    shared.chmod(0o555)
    new = run_in_child(lambda: lock.ensure(shared / "new.db"), as_nobody=True)
    assert new["code"] == 74
    deep = run_in_child(lambda: lock.ensure(shared / "a" / "b" / "new.db"), as_nobody=True)
    assert deep["code"] == 74


# Kills.


def half_a_page(path: Path) -> None:
    """Die in a transaction, after pages were written to the file and before the commit."""
    with open_write(path) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE packages SET title = 'dirty'")
        db.execute(
            "INSERT INTO runs (started, asked, report) SELECT '', '', json_quote(hex(zeroblob(30000))) FROM packages"
        )
        die()


def dirty(path: Path) -> int:
    """Return the number of uncommitted rows in the file, ignoring the journal."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        number: int = db.execute("SELECT count(*) FROM packages WHERE title = 'dirty'").fetchone()[0]
        return number


def test_the_next_reader_after_a_kill_sees_what_was_committed(path: Path) -> None:
    filled_mirror(path)
    before = titles(path)
    assert killed(lambda: half_a_page(path))
    assert path.with_name("mirror.db-journal").stat().st_size > 0
    assert dirty(path) == 4  # the journal is hot: the file itself holds what was never committed
    assert titles(path) == before
    assert not path.with_name("mirror.db-journal").exists()


def kill_creations(path: Path) -> tuple[int, int]:
    """Kill creations at each statement until one completes; return how many were killed and left half a mirror."""
    kills = halves = 0
    while True:
        for file in path.parent.iterdir():
            file.unlink()
        if not killed(partial(dying_after, kills + 1, partial(lock.ensure, path))):
            return kills, halves
        kills += 1
        lock.ensure(path)
        with open_read(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        halves += titles(path) != ["django-todo"]


@pytest.mark.campaign
def test_a_kill_during_creation_leaves_nothing_or_a_whole_mirror(
    path: Path, monkeypatch: pytest.MonkeyPatch, create_by_steps: Callable[[], sqlite3.Connection]
) -> None:
    monkeypatch.setattr(connection, "create_in_memory", create_by_steps)
    kills, halves = kill_creations(path)
    assert kills >= 30
    assert halves == 0


@pytest.mark.nightly
def test_kills_would_leave_half_a_mirror_if_it_were_created_in_its_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_in_file(path: Path, *, fill: Callable[[sqlite3.Connection], None]) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            schema.migrate(db)
            fill(db)

    monkeypatch.setattr(connection, "create", create_in_file)
    kills, halves = kill_creations(path)
    assert kills >= 30
    assert halves >= 1


@pytest.mark.parametrize("pages", [0, 1, 2, 9, 20])
def test_a_kill_while_the_seed_is_written_leaves_no_mirror_and_the_next_run_creates_it(path: Path, pages: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (pages * 4096 + 100, pages * 4096 + 100))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # kills at the write that exceeds the limit
            connection.create(path, fill=store_seed)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert find_version(path) is None
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


def test_a_kill_between_the_tables_and_the_seed_leaves_no_mirror(path: Path) -> None:
    assert killed(lambda: connection.create(path, fill=lambda _: die()))
    assert find_version(path) is None
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


def test_a_mirror_is_not_created_in_a_locked_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MirrorError, match="locked by another program"):
            connection.create(path, fill=store_seed)


def test_a_journal_in_a_read_only_folder_is_reported_and_no_uncommitted_row_is_read(shared: Path) -> None:
    path = filled_mirror(shared / "mirror.db")
    assert killed(lambda: half_a_page(path))
    assert dirty(path) == 4
    for mode in (0o644, 0o666):
        path.chmod(mode)
        shared.chmod(0o555)
        result = seen(path)
        assert result["code"] == 74, result
        assert str(path) in result["error"]
        assert "unfinished write" in result["error"]
        shared.chmod(0o755)
    assert "dirty" not in titles(path)


# Disks.


def many() -> list[Any]:
    return [catalog_facts(n, f"package-{n}", repo_description="x" * 2000) for n in range(100, 400)]


def test_a_full_disk_is_reported_and_the_mirror_is_unchanged(path: Path) -> None:
    filled_mirror(path)
    before = titles(path)

    def on_a_small_disk() -> None:
        with open_write(path) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages + 3}")
            Writer(db, forges=NO_FORGES).store_catalog(many(), now=NOW, report_added=False)

    with pytest.raises(MirrorError) as raised:
        on_a_small_disk()
    assert "disk is full" in str(raised.value)
    assert raised.value.hint == "free some space and run the command again"
    assert str(path) in str(raised.value)
    assert titles(path) == before
    filled_mirror(path, many())
    assert len(titles(path)) == len(before) + 300


def test_a_file_size_limit_is_reported_and_the_mirror_is_unchanged(path: Path) -> None:
    filled_mirror(path)
    before = titles(path)

    def limited() -> None:
        most = path.stat().st_size + 8192
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        filled_mirror(path, many())

    result = run_in_child(limited)
    assert result["code"] == 74
    assert "disk" in result["error"]
    assert "rollback" not in result["error"]
    assert titles(path) == before


# Damage.


def read_everything(path: Path) -> None:
    with open_read(path) as db:
        ids = listing.find_ids(db, parser.parse_query([], now=NOW), [])
        for page in listing.get_json(db, ids, fields.ALL_COLUMNS):
            assert page
        list(listing.get_rows(db, ids, fields.ALL_COLUMNS))
        listing.find_ids(db, parser.parse_query(["pots"], now=NOW), [])
        for number in ids:
            get_package(db, number, forges=NO_FORGES)
        resolve.find_ids(db, "lids", catalog=CATALOG)


def test_a_damaged_file_is_read_or_refused_with_a_mirror_error(tmp_path: Path) -> None:
    sound = fetched_mirror(tmp_path / "sound.db", now=NOW)
    content, path = sound.read_bytes(), tmp_path / "mirror.db"
    chance = random.Random(20261123)  # noqa: S311 - the same damage each time
    pages, refusals = len(content) // 4096, []
    for _ in range(160):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 4, 40))):
            page = chance.randrange(pages)
            place = page * 4096 + chance.randrange(4096)
            size = chance.choice((1, 8, 512))
            damaged[place : place + size] = chance.randbytes(len(damaged[place : place + size]))
        path.write_bytes(damaged)
        try:
            read_everything(path)
        except (MirrorError, PackageNotFound) as error:
            refusals.append(str(error))
    assert 16 <= len(refusals) < 160
    assert all("mirror" in result for result in refusals)
