from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from bisect import bisect_left
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import FetchRunning, MirrorBusy, MirrorError, MirrorMissing
from djpkg.mirror import lock, rebuild, schema
from djpkg.mirror.connection import open_read, open_write
from djpkg.model.repository_url import NO_FORGES
from tests.fetching import check_integrity
from tests.mirror.forks import dying_after, dying_in_commit, killed, use_no_journal
from tests.mirrors import NOW, fetched_mirror, override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = 50
USERS = ("overrides", "notes", "tags")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A mirror with edits, a note and a tag."""
    mirror = fetched_mirror(tmp_path / "mirror.db")
    with open_write(mirror) as db:
        override(db, 1, {"title": "Pots!", "note": "used", "tags": ["one"], "grids": [11]})
    return mirror


def dump(path: Path) -> list[str]:
    """Return everything in the file, as SQL, except the index for words, whose segments differ."""
    with closing(sqlite3.connect(path)) as db:
        return [line for line in db.iterdump() if "packages_fts" not in line]


def rows(path: Path, *tables: str) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        return [db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def run(path: Path, *, later: float = 0) -> rebuild.Rebuilt:
    return rebuild.rebuild(path, forges=NO_FORGES, now=NOW + timedelta(seconds=later))


def found_by_words(path: Path, word: str) -> list[int]:
    with open_read(path) as db:
        return [number for (number,) in db.execute("SELECT rowid FROM packages_fts WHERE packages_fts MATCH ?", [word])]


def test_a_sound_mirror_is_unchanged(path: Path) -> None:
    before = dump(path)
    rebuilt = run(path)
    assert dump(path) == before
    assert (rebuilt.packages, rebuilt.damaged) == (4, {})


def test_values_follow_from_facts_and_edits_again(path: Path) -> None:
    before = dump(path)
    change(
        path,
        "UPDATE packages SET repo_watchers = 7, title = 'wrong', edited = '[]', requires = '[\"x\"]', used_by = 99",
        "DELETE FROM package_grids",
    )
    assert dump(path) != before
    run(path)
    assert dump(path) == before


def test_words_and_indexes_match_their_tables_again(path: Path) -> None:
    change(path, "INSERT INTO packages_fts (packages_fts) VALUES ('delete-all')", "DROP INDEX packages_slug")
    change(path, "DROP TRIGGER packages_fts_update", "UPDATE packages SET slug = 'renamed' WHERE id = 2")
    run(path)
    assert found_by_words(path, "pans") == [2]
    with closing(sqlite3.connect(path)) as db:
        assert rebuild.read_schema(db) == rebuild.expected_schema()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_index_for_words_without_its_own_tables_is_made_anew(path: Path) -> None:
    change(path, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_master WHERE name = 'packages_fts_data'")
    run(path)
    assert found_by_words(path, "pans") == [2]


def test_rows_of_packages_that_do_not_exist_are_deleted_except_those_of_the_user(path: Path) -> None:
    change(
        path,
        "INSERT INTO facts (package_id, source, coordinate) VALUES (77, 'github', 'x')",
        "INSERT INTO history (package_id, day) VALUES (77, '2026-01-01')",
        "INSERT INTO overrides VALUES (77, 'title', '\"Mine\"', '2026-01-01T00:00:00Z')",
        "INSERT INTO tags VALUES (77, 'mine', '2026-01-01T00:00:00Z')",
    )
    mine = rows(path, *USERS)
    run(path)
    assert rows(path, *USERS) == mine
    with closing(sqlite3.connect(path)) as db:
        tables = {table for (table,) in db.execute('SELECT DISTINCT "table" FROM pragma_foreign_key_check')}
    assert tables == {"overrides", "tags"}


def test_tables_and_columns_of_the_user_stay(path: Path) -> None:
    change(
        path,
        "CREATE TABLE mine (a)",
        "INSERT INTO mine VALUES (1)",
        "ALTER TABLE packages ADD COLUMN rating INTEGER",
        "UPDATE packages SET rating = 5 WHERE id = 1",
        "CREATE INDEX my_index ON packages (rating)",
    )
    before = dump(path)
    run(path)
    assert dump(path) == before


def test_the_copy_is_the_mirror_before_and_two_copies_stay(path: Path) -> None:
    change(path, "UPDATE packages SET title = 'wrong'")
    before = dump(path)
    first = run(path)
    assert dump(first.copy) == before
    others = path.with_name("mirror.db.rebuild-mine.bak")
    others.touch()
    copies = [first.copy, *(run(path, later=number).copy for number in (1, 2))]
    assert [copy.exists() for copy in copies] == [False, True, True]
    assert others.exists()


def test_copies_of_the_same_second_have_numbers(path: Path) -> None:
    copies = [run(path).copy for _ in range(11)]
    assert len(set(copies)) == 11
    assert [copy for copy in copies if copy.exists()] == copies[-2:]


def test_a_failed_rebuild_deletes_only_its_own_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(path).copy
    before = first.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise MirrorError("no")

    monkeypatch.setattr(rebuild, "rewrite", fail)
    with pytest.raises(MirrorError):
        run(path)
    assert first.read_bytes() == before
    assert len(list(path.parent.glob("*.bak"))) == 1


def test_an_older_mirror_is_upgraded_and_copied_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.migrate(db, steps=schema.STEPS[:3])
    rebuilt = run(path)
    with open_write(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    with closing(sqlite3.connect(rebuilt.copy)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)


def test_without_a_mirror_it_makes_no_file_and_no_folder(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a mirror")
    with pytest.raises(MirrorMissing):
        run(tmp_path / "none" / "mirror.db")
    with pytest.raises(MirrorError, match="is not a mirror"):
        run(other)
    assert list(tmp_path.iterdir()) == [other]


def test_it_needs_a_mirror_and_the_fetch_lock(path: Path, tmp_path: Path) -> None:
    with pytest.raises(MirrorMissing):
        run(tmp_path / "none.db")
    with lock.fetch_lock(path), pytest.raises(FetchRunning):
        run(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM packages").fetchone()
        with pytest.raises(MirrorBusy):
            run(path)
    assert [name for name in os.listdir(tmp_path) if name.endswith(".bak")] == []  # noqa: PTH208 - names


def fill_disk(path: Path, monkeypatch: pytest.MonkeyPatch, pages: int) -> bool:
    """Rebuild on a disk with room for so many more pages, and return whether the mirror is unchanged."""
    change(path, "UPDATE packages SET repo_description = ''", "DELETE FROM packages_fts_data WHERE id > 10", "VACUUM")
    change(path, "UPDATE facts SET facts = json_set(facts, '$.repo_description', printf('%.*c', 50000, 'x'))")
    before = dump(path)
    opened = open_write

    @contextmanager
    def small(path: Path, *, busy_seconds: float) -> Iterator[sqlite3.Connection]:
        with opened(path, busy_seconds=busy_seconds) as db:
            (count,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {count + pages}")
            yield db

    monkeypatch.setattr(rebuild, "open_write", small)
    with pytest.raises(MirrorError, match="the disk is full"):
        run(path)
    return dump(path) == before


@pytest.mark.usefixtures("_package_by_package")
@pytest.mark.parametrize("pages", [0, 1, 3])
def test_a_full_disk_is_reported_and_nothing_is_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    assert fill_disk(path, monkeypatch, pages)


@pytest.mark.usefixtures("_package_by_package")
def test_without_a_transaction_a_full_disk_would_leave_half_a_rebuild(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_no_transaction(monkeypatch)
    assert not fill_disk(path, monkeypatch, 3)


def use_no_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every statement of a rebuild be a transaction of its own."""

    @contextmanager
    def none(_db: sqlite3.Connection) -> Iterator[None]:
        yield

    monkeypatch.setattr(rebuild, "transaction", none)


def kill_rebuilds(path: Path) -> tuple[int, int]:
    """Kill rebuilds before the last statements, and inside COMMIT; return the kills, and how often the mirror was half
    rebuilt.
    """
    change(path, "UPDATE packages SET repo_watchers = 7, title = 'wrong'", "DELETE FROM package_grids")
    damaged = dump(path)
    mine = rows(path, *USERS)
    kept = path.with_name("kept.db")
    shutil.copy(path, kept)
    run(path)
    whole, size = dump(path), path.stat().st_size

    def is_killed(statement: int) -> bool:
        shutil.copy(kept, path)
        return killed(partial(dying_after, statement, partial(run, path, later=statement)))

    number = bisect_left(range(10_000), 1, key=lambda statement: not is_killed(statement + 1))
    kills = halves = 0
    for kill in range(KILLS):
        if kill % 2:
            shutil.copy(kept, path)
            # The last pages do not change.
            kills += killed(partial(dying_in_commit, 1 + kill * size // (KILLS + 10), partial(run, path, later=kill)))
        else:
            kills += is_killed(number - 2 * kill)
        try:
            found = dump(path)  # rolls back
            check_integrity(path)
        except (sqlite3.DatabaseError, AssertionError):
            halves += 1
        else:
            halves += found not in (damaged, whole)
            assert rows(path, *USERS) == mine
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    return kills, halves


@pytest.fixture
def _package_by_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_PAGE", 1)


@pytest.mark.usefixtures("_package_by_package")
@pytest.mark.campaign
def test_a_killed_rebuild_changes_nothing_or_everything_and_nothing_of_the_user(path: Path) -> None:
    kills, halves = kill_rebuilds(path)
    assert kills == KILLS
    assert halves == 0


@pytest.mark.usefixtures("_package_by_package")
@pytest.mark.campaign
def test_without_a_journal_killed_rebuilds_would_be_half(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_no_journal(monkeypatch)
    _, halves = kill_rebuilds(path)
    assert halves >= 5


@pytest.mark.usefixtures("_package_by_package")
@pytest.mark.campaign
def test_without_a_transaction_killed_rebuilds_would_be_half(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_no_transaction(monkeypatch)
    kills, halves = kill_rebuilds(path)
    assert kills == KILLS // 2
    assert halves >= 5


def test_an_old_copy_that_cannot_be_deleted_is_no_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path, **_: bool) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(type(path), "unlink", refused)
    rebuilt = [run(path, later=later) for later in range(4)]
    assert all(one.packages == 4 and one.copy.exists() for one in rebuilt)
