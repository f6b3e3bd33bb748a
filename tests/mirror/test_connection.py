"""Which file is a mirror, who may use it, and what a kill, a full disk or damage leave behind."""

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
from djpkg.mirror.connection import find_version, open_read, open_write, transaction, upgrade
from djpkg.mirror.package import get_package
from djpkg.mirror.seed import store_seed
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.model.repository_url import NO_FORGES
from djpkg.query import parser
from tests.mirror.forks import answer_of, die, killed
from tests.mirrors import NOW, fetched, filled, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CATALOG = "https://djangopackages.org/api/v4"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that others can look into, as pytest's own cannot."""
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


def made_by(version: int, path: Path, *, application: int = schema.APPLICATION_ID) -> Path:
    filled(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
        db.execute(f"PRAGMA application_id = {application}")
    return path


def every_use(path: Path) -> Iterator[Callable[[], object]]:
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


def refused(path: Path) -> set[str]:
    """What each way to use the file says of it; none of them may go through."""
    said = set()
    for use in every_use(path):
        with pytest.raises(MirrorError) as raised:
            use()
        assert not isinstance(raised.value, MirrorMissing)
        assert raised.value.exit_code == 74
        assert str(path) in str(raised.value)
        said.add(str(raised.value))
    return said


# Which file is one.


def test_what_is_not_there_is_missing_and_reading_does_not_make_it(path: Path) -> None:
    for use in (lambda: titles(path), lambda: open_write(path).__enter__()):
        with pytest.raises(MirrorMissing, match="no mirror at"):
            use()
    assert find_version(path) is None
    assert list(path.parent.iterdir()) == []


def test_an_empty_file_is_no_mirror_yet_and_becomes_one(path: Path) -> None:
    path.touch()
    with pytest.raises(MirrorMissing):
        titles(path)
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


def test_a_sqlite_file_without_tables_is_no_mirror_yet_and_becomes_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM")
    assert path.stat().st_size > 0
    with pytest.raises(MirrorMissing):
        titles(path)
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


@pytest.mark.parametrize("content", [b"hello\n", b"SQLite format 3\0" + b"\0" * 84, b"\0" * 4096, os.urandom(9000)])
def test_a_file_that_is_no_sqlite_file_is_refused_and_left_as_it_was(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    said = refused(path)
    assert len(said) == 1
    assert path.read_bytes() == content
    assert not path.with_name("mirror.db-journal").exists()


def test_a_folder_a_pipe_and_a_loop_are_refused(path: Path) -> None:
    path.mkdir()
    assert "is a folder" in refused(path).pop()
    path.rmdir()
    os.mkfifo(path)
    assert "not a file" in refused(path).pop()
    path.unlink()
    path.symlink_to(path)
    assert refused(path)


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file" / "mirror.db")


@pytest.mark.parametrize("version", [0, 1, 5])
def test_another_programs_sqlite_file_is_refused_and_left_as_it_was(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text)")
        db.execute(f"PRAGMA user_version = {version}")
    before = digest(path)
    assert refused(path) == {f"{path} is a SQLite file, but not a mirror of djpkg"}
    assert digest(path) == before


@pytest.mark.parametrize("version", [1, 5])
def test_a_sqlite_file_that_bears_a_version_and_no_tables_is_not_taken_over(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    before = digest(path)
    assert refused(path)
    assert digest(path) == before


def test_a_mirror_whose_tables_are_gone_is_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    assert "damaged" in refused(path).pop()


@pytest.mark.parametrize("version", [schema.VERSION + 1, schema.VERSION + 5, 2**31 - 1])
def test_a_mirror_of_a_newer_version_is_refused_and_not_a_byte_of_it_changes(path: Path, version: int) -> None:
    made_by(version, path)
    before = digest(path)
    assert f"version {version}" in refused(path).pop()
    assert digest(path) == before
    assert [file.name for file in path.parent.iterdir() if file.suffix != ".lock"] == ["mirror.db"]


@pytest.mark.parametrize("version", [-1, 0])
def test_a_mirror_without_a_version_is_damaged_and_not_newer(path: Path, version: int) -> None:
    made_by(version, path)
    before = digest(path)
    assert "damaged: it has no version" in refused(path).pop()
    assert digest(path) == before


def test_a_name_with_marks_that_addresses_use_is_a_name_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "my #1 mirror?mode=memory%41.db"
    lock.ensure(path)
    assert path.is_file()
    assert titles(path) == ["django-todo"]


def test_the_folder_is_made_and_others_cannot_write_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "mirror.db"
    before = os.umask(0)
    try:
        lock.ensure(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.with_name("mirror.db.lock").stat().st_mode & 0o777 == 0o600


def test_an_old_sqlite_is_said_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(MirrorError, match=r"needs 3\.37"):
        titles(path)


# Reading and writing.


def test_a_reader_cannot_write(path: Path) -> None:
    filled(path)
    before = digest(path)
    with pytest.raises(MirrorError, match="no permission to write"), open_read(path) as db:
        db.execute("UPDATE packages SET title = 'mine'")
    assert digest(path) == before


def test_one_file_at_rest(path: Path) -> None:
    fetched(path)
    titles(path)
    assert [file.name for file in path.parent.iterdir()] == ["mirror.db"]


def test_a_mistake_in_the_code_is_not_blamed_on_the_mirror(path: Path) -> None:
    filled(path)
    with pytest.raises(sqlite3.OperationalError), open_read(path) as db:
        db.execute("SELECT nonsense FROM packages")
    with pytest.raises(ZeroDivisionError), open_read(path):
        _ = 1 / 0


def test_a_transaction_is_rolled_back_on_any_way_out(path: Path) -> None:
    filled(path)

    def leave(way_out: type[BaseException]) -> None:
        with open_write(path) as db, transaction(db):
            db.execute("UPDATE packages SET title = 'mine'")
            raise way_out

    for way_out in (KeyboardInterrupt, SystemExit, ValueError):
        with pytest.raises(way_out):
            leave(way_out)
    assert "mine" not in titles(path)


def test_a_mirror_that_another_process_holds_is_said_to_be_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
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
        for use in (lambda: titles(path), lambda: filled(path)):
            with pytest.raises(MirrorError, match="locked by another program") as raised:
                use()
            assert raised.value.hint
    finally:
        os.write(release[1], b".")
        os.waitpid(child, 0)
    for end in (*ready, *release):
        os.close(end)
    assert len(titles(path)) == 4


# Write-ahead logs, which what replicates a mirror may put it into.


@pytest.fixture
def watched(path: Path) -> Iterator[Path]:
    """A mirror in WAL mode, and somebody who goes on reading what it held at first."""
    fetched(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        db.execute("BEGIN")
        before = db.execute("SELECT title FROM packages ORDER BY id").fetchall()
        yield path
        assert db.execute("SELECT title FROM packages ORDER BY id").fetchall() == before
        db.execute("COMMIT")
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_mirror_that_somebody_put_into_wal_is_read_and_written_and_stays_in_it(watched: Path) -> None:
    with open_write(watched) as db:
        Writer(db, forges=NO_FORGES).store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)
    fetched(watched)
    all_that_is_read(watched)
    assert titles(watched)[0] == "Mine"


def test_a_mirror_in_wal_is_upgraded_and_its_copy_is_one_file(watched: Path) -> None:
    copy = upgrade(watched, steps=STEPS)
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert state(watched)[:2] == (2, True)


def test_an_older_mirror_in_wal_is_read(watched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setattr(schema, "apply", partial(schema.apply, steps=STEPS))
    with open_read(watched) as db:
        assert db.execute("SELECT DISTINCT colour FROM packages").fetchall() == [("red; or blue",)]


# Permissions.


def seen(path: Path) -> Any:
    return answer_of(lambda: titles(path), as_nobody=True)


def written(path: Path) -> Any:
    return answer_of(lambda: str(filled(path)), as_nobody=True)


def test_a_mirror_in_a_folder_that_cannot_be_written_can_be_read_and_not_written(shared: Path) -> None:
    path = filled(shared / "mirror.db")
    for mode in (0o644, 0o666):
        path.chmod(mode)
        shared.chmod(0o555)
        assert len(seen(path)) == 4
        said = written(path)
        assert said["code"] == 74
        assert str(path) in said["error"]
        assert answer_of(lambda: lock.ensure(path), as_nobody=True) is None  # there is nothing to do
        held = answer_of(lambda: lock.fetch_lock(path).__enter__(), as_nobody=True)
        assert held["code"] == 74
        shared.chmod(0o755)
    assert [file.name for file in shared.iterdir()] == ["mirror.db"]


def test_without_permission_the_file_is_named(shared: Path) -> None:
    path = filled(shared / "mirror.db")
    path.chmod(0)
    for said in (seen(path), written(path), answer_of(lambda: lock.ensure(path), as_nobody=True)):
        assert said["code"] == 74
        assert str(path) in said["error"]
    path.chmod(0o644)
    (shared / "closed").mkdir(mode=0o700)
    if os.getuid() == 0:
        inner = filled(shared / "closed" / "mirror.db")
        assert seen(inner)["code"] == 74
        assert answer_of(lambda: lock.ensure(inner), as_nobody=True)["code"] == 74
    shared.chmod(0o555)
    new = answer_of(lambda: lock.ensure(shared / "new.db"), as_nobody=True)
    assert new["code"] == 74
    deep = answer_of(lambda: lock.ensure(shared / "a" / "b" / "new.db"), as_nobody=True)
    assert deep["code"] == 74


# Kills.


def half_a_page(path: Path) -> None:
    """Die in mid-transaction, after the pages were written to the file and before the commit."""
    with open_write(path) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE packages SET title = 'dirty'")
        db.execute(
            "INSERT INTO runs (started, asked, report) SELECT '', '', json_quote(hex(zeroblob(30000))) FROM packages"
        )
        die()


def dirty(path: Path) -> int:
    """How many rows a reader that ignores the journal would take for true."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        return db.execute("SELECT count(*) FROM packages WHERE title = 'dirty'").fetchone()[0]


def test_the_next_reader_after_a_kill_sees_what_was_committed(path: Path) -> None:
    filled(path)
    before = titles(path)
    assert killed(lambda: half_a_page(path))
    assert path.with_name("mirror.db-journal").stat().st_size > 0
    assert dirty(path) == 4  # the journal is hot: the file itself holds what was never committed
    assert titles(path) == before
    assert not path.with_name("mirror.db-journal").exists()


@pytest.mark.campaign
def test_a_kill_while_the_mirror_is_made_leaves_nothing_or_a_mirror(path: Path) -> None:
    for statement in range(1, 200):
        for file in path.parent.iterdir():
            file.unlink()
        survived = not killed(partial(dying_after, statement, partial(lock.ensure, path)))
        lock.ensure(path)
        with open_read(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert titles(path) == ["django-todo"]
        if survived:
            break
    assert survived
    assert statement > 30


@pytest.mark.parametrize("pages", [0, 1, 2, 9, 20])
def test_a_kill_while_the_first_record_is_written_leaves_no_mirror_and_the_next_makes_it_whole(
    path: Path, pages: int
) -> None:
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (pages * 4096 + 100, pages * 4096 + 100))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which kills at the write that goes beyond
            connection.create(path, fill=store_seed)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert find_version(path) is None
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


def test_a_kill_between_the_tables_and_the_first_record_leaves_no_mirror(path: Path) -> None:
    assert killed(lambda: connection.create(path, fill=lambda _: die()))
    assert find_version(path) is None
    lock.ensure(path)
    assert titles(path) == ["django-todo"]


def test_a_mirror_is_not_made_in_a_file_that_another_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MirrorError, match="locked by another program"):
            connection.create(path, fill=store_seed)


def test_a_journal_in_a_place_that_cannot_be_written_is_said_and_no_dirty_row_is_shown(shared: Path) -> None:
    path = filled(shared / "mirror.db")
    assert killed(lambda: half_a_page(path))
    assert dirty(path) == 4
    for mode in (0o644, 0o666):
        path.chmod(mode)
        shared.chmod(0o555)
        said = seen(path)
        assert said["code"] == 74, said
        assert str(path) in said["error"]
        shared.chmod(0o755)
    assert "unfinished write" in said["error"]
    assert "dirty" not in titles(path)


class Dying(sqlite3.Connection):
    """Dies before its n-th statement."""

    left = 0

    def execute(self, *words: Any) -> sqlite3.Cursor:
        Dying.left -= 1
        if Dying.left == 0:
            die()
        return super().execute(*words)


def dying_after(statements: int, work: Callable[[], object]) -> None:
    Dying.left = statements
    sqlite3.connect = partial(sqlite3.connect, factory=Dying)
    work()


# Versions.

SECOND = """
ALTER TABLE packages ADD COLUMN colour TEXT;
UPDATE packages SET colour = 'red; or blue';
CREATE TABLE colours (name TEXT PRIMARY KEY) STRICT;
CREATE TRIGGER colours_named AFTER INSERT ON colours BEGIN
    UPDATE packages SET colour = new.name;
    UPDATE packages SET title = title;
END;
"""
STEPS = (*schema.STEPS, SECOND)


def edited(path: Path) -> Path:
    fetched(path)
    with open_write(path) as db:
        Writer(db, forges=NO_FORGES).store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)
    return path


def state(path: Path) -> tuple[int, bool, list[Any]]:
    """The version, whether the second step's columns are there, and what the user may not lose."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        columns = {name for _, name, *_ in db.execute("PRAGMA table_info(packages)")}
        kept = db.execute("SELECT * FROM overrides").fetchall() + db.execute("SELECT title FROM packages").fetchall()
    has = {"colours" in names, "colours_named" in names, "colour" in columns}
    assert len(has) == 1, "half a step"
    return version, has.pop(), kept


def test_an_older_mirror_is_upgraded_and_a_copy_of_it_kept(path: Path) -> None:
    edited(path)
    before = state(path)
    copy = upgrade(path, steps=STEPS)
    assert state(path) == (2, True, before[2])
    assert state(copy) == before
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT DISTINCT colour FROM packages").fetchall() == [("red; or blue",)]
        assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    with open_read(copy) as old:
        assert old.execute("SELECT count(*) FROM packages").fetchone() == (4,)


@pytest.mark.parametrize("name", ["mirror.db", "mirror[1]*.db"])
def test_the_last_two_copies_stay(tmp_path: Path, name: str) -> None:
    path = filled(tmp_path / name)
    (tmp_path / "mirror.db.v9.bak.mine").touch()
    copies = []
    for number in range(4):
        more = tuple(f"CREATE TABLE extra{n} (id INTEGER PRIMARY KEY) STRICT;" for n in range(number + 1))
        copies.append(upgrade(path, steps=(*schema.STEPS, *more)))
        os.utime(copies[-1], (1000 + number, 1000 + number))
    assert sorted(file.name for file in tmp_path.glob("*.bak")) == sorted(copy.name for copy in copies[-2:])
    assert (tmp_path / "mirror.db.v9.bak.mine").exists()


@pytest.mark.campaign
def test_a_kill_during_an_upgrade_leaves_the_old_version_or_the_new(tmp_path: Path) -> None:
    origin = edited(tmp_path / "origin.db")
    path = tmp_path / "mirror.db"
    kept, versions = state(origin)[2], []
    for statement in range(1, 40):
        shutil.copy(origin, path)
        survived = not killed(partial(dying_after, statement, partial(upgrade, path, steps=STEPS)))
        version, new, values = state(path)
        assert (version == 2) is new
        assert values == kept
        versions.append(version)
        if survived:
            break
        if not new:
            upgrade(path, steps=STEPS)  # no repair step is needed
            assert state(path)[:2] == (2, True)
    assert survived
    assert versions.count(1) >= 8


@pytest.mark.campaign
def test_without_its_transaction_an_upgrade_would_not_survive_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(db: sqlite3.Connection, *, steps: tuple[str, ...]) -> None:
        for statement in schema.statements(steps[-1]):
            db.execute(statement)
        db.execute("PRAGMA user_version = 2")

    origin = edited(tmp_path / "origin.db")
    monkeypatch.setattr(schema, "apply", careless)
    path, halves = tmp_path / "mirror.db", 0
    for statement in range(1, 20):
        shutil.copy(origin, path)
        killed(partial(dying_after, statement, partial(upgrade, path, steps=STEPS)))
        try:
            version, new, _ = state(path)
        except AssertionError:
            halves += 1
        else:
            halves += (version == 2) is not new
    assert halves >= 3


@pytest.fixture
def older(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror of this version, and the program one version on."""
    filled(path)
    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setattr(schema, "apply", partial(schema.apply, steps=STEPS))
    return path


def test_an_older_mirror_is_read_from_an_upgraded_copy_in_memory(older: Path) -> None:
    before = digest(older)
    with open_read(older) as db:
        assert db.execute("SELECT DISTINCT colour FROM packages").fetchall() == [("red; or blue",)]
    with pytest.raises(MirrorError), open_read(older) as db:
        db.execute("DELETE FROM packages")
    assert find_version(older) == 1
    assert digest(older) == before


def test_a_reader_of_an_older_mirror_waits_for_a_writer_no_longer_than_others(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    ask_version = connection._version
    with closing(sqlite3.connect(older, isolation_level=None)) as writer:

        def ask_then_lock(db: sqlite3.Connection, path: Path) -> int:
            version = ask_version(db, path)
            writer.execute("BEGIN EXCLUSIVE")
            return version

        monkeypatch.setattr(connection, "_version", ask_then_lock)
        with pytest.raises(MirrorError, match="locked by another program"), open_read(older):
            pass


def test_an_older_mirror_is_not_written_before_it_is_upgraded(older: Path) -> None:
    before = digest(older)
    with pytest.raises(MirrorError, match="older version") as raised, open_write(older):
        pass
    assert "djpkg fetch" in (raised.value.hint or "")
    assert digest(older) == before


# Disks.


def many() -> list[Any]:
    return [record(n, f"package-{n}", repo_description="x" * 2000) for n in range(100, 400)]


def test_a_full_disk_is_said_and_leaves_the_mirror_as_it_was(path: Path) -> None:
    filled(path)
    before = titles(path)

    def on_a_small_disk() -> None:
        with open_write(path) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages + 3}")
            Writer(db, forges=NO_FORGES).store_catalog(many(), now=NOW, tell_added=False)

    with pytest.raises(MirrorError) as raised:
        on_a_small_disk()
    assert "disk is full" in str(raised.value)
    assert str(path) in str(raised.value)
    assert titles(path) == before
    filled(path, many())
    assert len(titles(path)) == len(before) + 300


def test_a_file_that_may_not_grow_is_said_and_leaves_the_mirror_as_it_was(path: Path) -> None:
    filled(path)
    before = titles(path)

    def limited() -> None:
        most = path.stat().st_size + 8192
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        filled(path, many())

    said = answer_of(limited)
    assert said["code"] == 74
    assert "disk" in said["error"]
    assert "rollback" not in said["error"]
    assert titles(path) == before


# Damage.


def all_that_is_read(path: Path) -> None:
    with open_read(path) as db:
        ids = listing.find_ids(db, parser.parse_query([], now=NOW), [])
        for page in listing.get_json(db, ids, fields.ALL_COLUMNS):
            assert page
        list(listing.get_rows(db, ids, fields.ALL_COLUMNS))
        listing.find_ids(db, parser.parse_query(["pots"], now=NOW), [])
        for number in ids:
            get_package(db, number, forges=NO_FORGES)
        resolve.find_ids(db, "lids", catalog=CATALOG)


def test_a_damaged_file_is_read_as_it_is_or_refused_in_a_sentence(tmp_path: Path) -> None:
    sound = fetched(tmp_path / "sound.db", now=NOW)
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
            all_that_is_read(path)
        except (MirrorError, PackageNotFound) as error:
            refusals.append(str(error))
    assert 16 <= len(refusals) < 160
    assert all("mirror" in said for said in refusals)
