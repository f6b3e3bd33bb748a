"""Upgrades of older mirrors: nothing is lost, and a kill leaves the old version or the new one."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import MirrorError
from djpkg.mirror import connection, listing, lock, queue, schema
from djpkg.mirror.connection import create_in_memory, find_version, open_read, open_write, upgrade
from djpkg.mirror.package import get_merged, get_package
from djpkg.model import fields
from djpkg.model.repository_url import NO_FORGES
from djpkg.query import parser
from djpkg.source_name import SourceName
from tests.mirror.forks import dying_after, killed
from tests.mirrors import NOW, fetched_mirror, filled_mirror, override

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASED = Path(__file__).parent.parent / "data" / "mirrors"
"""Mirrors made by released versions: fetches of a small generated world, with events, failures and edits."""
RENAMED = {
    ("facts", "misses"): "gone_count",
    ("facts", "retry"): "retry_after",
    ("facts", "said"): "facts",
    ("sweeps", "mark"): "newest_id",
}
"""Former names of columns."""
RECOUNTED = [("packages", "participant_count"), ("packages", "commits_last_year"), ("events", "event")]
"""Columns in which an upgrade replaces what was wrong."""

WEEKS_OF_ZEROS = json.dumps([0] * 52)

NEXT = schema.VERSION + 1
NEXT_STEP = """
ALTER TABLE packages ADD COLUMN colour TEXT;
UPDATE packages SET colour = 'red; or blue';
CREATE TABLE colours (name TEXT PRIMARY KEY) STRICT;
CREATE TRIGGER colours_named AFTER INSERT ON colours BEGIN
    UPDATE packages SET colour = new.name;
    UPDATE packages SET title = title;
END;
"""
STEPS = (*schema.STEPS, NEXT_STEP)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Mirrors of released versions.


@pytest.fixture(params=["0.1.0"])
def released(request: pytest.FixtureRequest, path: Path) -> Path:
    path.write_bytes(gzip.decompress((RELEASED / f"{request.param}.db.gz").read_bytes()))
    return path


def columns_of(db: sqlite3.Connection) -> dict[str, list[str]]:
    tables = [
        name
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith("packages_fts")
    ]
    return {table: [row[1] for row in db.execute(f"PRAGMA table_xinfo({table})")] for table in tables}


def read_all(db: sqlite3.Connection, columns: dict[str, list[str]]) -> dict[str, list[Any]]:
    return {
        table: db.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(names)}").fetchall()
        for table, names in columns.items()
    }


def everything(path: Path) -> list[Any]:
    """Return all packages as `show` sees them."""
    with open_read(path) as db:
        ids = listing.find_ids(db, parser.parse_query([], now=NOW), [])
        records = [line for page in listing.get_json(db, ids, fields.ALL_COLUMNS) for line in page]
        return [records, [get_package(db, number, forges=NO_FORGES) for number in ids]]


def test_an_upgrade_keeps_every_value(released: Path) -> None:
    with closing(sqlite3.connect(released)) as db:
        columns = columns_of(db)
        for table, name in RECOUNTED:
            columns[table].remove(name)
        before = read_all(db, columns)
    lock.ensure(released)
    renamed = {table: [RENAMED.get((table, name), name) for name in names] for table, names in columns.items()}
    with closing(sqlite3.connect(released)) as db:
        assert read_all(db, renamed) == before
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert all(before.values())  # no table of the test data is empty


def test_an_upgrade_counts_like_the_next_merge(released: Path) -> None:
    cases = [  # weeks, participants, state of the repository, and the counts after the upgrade
        ("[]", "[]", "ok", (None, None)),
        ("[1,2]", "[]", "gone", (None, None)),
        (WEEKS_OF_ZEROS, "[]", "none", (None, None)),
        (WEEKS_OF_ZEROS, "[]", "gone", (None, None)),
        (WEEKS_OF_ZEROS, "[]", "blocked", (None, None)),
        (WEEKS_OF_ZEROS, "[]", "empty", (0, 0)),
        (WEEKS_OF_ZEROS, '["mara"]', "ok", (0, 1)),
    ]
    with closing(sqlite3.connect(released)) as db:
        ids = [number for (number,) in db.execute("SELECT id FROM packages WHERE edited = '[]' ORDER BY id")]
        db.executemany(
            "DELETE FROM facts WHERE source NOT IN ('catalog', 'pypi') AND package_id = ?",
            [(number,) for number in ids[: len(cases)]],
        )
        db.executemany(
            "UPDATE packages SET commits_last_year = 0, participant_count = json_array_length(:names),"
            " commits_over_52 = :weeks, participants = :names, repo_state = :state WHERE id = :number",
            [
                {"weeks": weeks, "names": names, "state": state, "number": number}
                for (weeks, names, state, _), number in zip(cases, ids, strict=False)
            ],
        )
        db.commit()
    lock.ensure(released)
    with open_read(released) as db:
        rows = db.execute("SELECT id, commits_last_year, participant_count FROM packages").fetchall()
        counts = {number: tuple(found) for number, *found in rows}
        assert [counts[number] for number in ids[: len(cases)]] == [expected for *_, expected in cases]
        for number in counts.keys() - ids[: len(cases)]:
            values = get_merged(db, number, forges=NO_FORGES)[0].values
            assert counts[number] == (values["commits_last_year"], values["participant_count"]), values["slug"]


def test_an_upgrade_turns_moves_to_an_address_into_suggestions_and_takes_events_of_any_name(released: Path) -> None:
    with closing(sqlite3.connect(released)) as db:
        db.execute("DELETE FROM events")
        for new in ("https://codeberg.org/mara/pots", "clay/pots"):
            db.execute(
                "INSERT INTO events (at, package_id, event, new) SELECT '', min(id), 'moved', ? FROM packages", [new]
            )
        db.commit()
    lock.ensure(released)
    with closing(sqlite3.connect(released)) as db:
        assert db.execute("SELECT event, new FROM events ORDER BY id").fetchall() == [
            ("suggested", "https://codeberg.org/mara/pots"),
            ("moved", "clay/pots"),
        ]
        db.execute("INSERT INTO events (at, package_id, event) SELECT '', min(id), 'of a later version' FROM packages")


def test_an_upgrade_keeps_the_columns_indexes_and_triggers_of_users(released: Path) -> None:
    mine = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'mine%' ORDER BY name"
    with closing(sqlite3.connect(released)) as db:
        db.execute("ALTER TABLE packages ADD COLUMN mine TEXT DEFAULT 'my value'")
        db.execute("CREATE INDEX mine_index ON packages (participant_count)")
        db.execute("CREATE TRIGGER mine_trigger AFTER INSERT ON events BEGIN SELECT new.event; END")
        before = db.execute(mine).fetchall()
    lock.ensure(released)
    with closing(sqlite3.connect(released)) as db:
        assert db.execute(mine).fetchall() == before
        assert db.execute("SELECT DISTINCT mine FROM packages").fetchall() == [("my value",)]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_damaged_list_does_not_stop_an_upgrade(released: Path) -> None:
    with closing(sqlite3.connect(released)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(
            "UPDATE packages SET participants = '[', commits_over_52 = '{' WHERE id = (SELECT min(id) FROM packages)"
        )
        db.commit()
    lock.ensure(released)
    with closing(sqlite3.connect(released)) as db:
        row = db.execute("SELECT participant_count, commits_last_year FROM packages ORDER BY id LIMIT 1").fetchone()
    assert row == (None, None)


def test_other_connections_notice_an_upgrade(released: Path) -> None:
    with closing(sqlite3.connect(released, isolation_level=None)) as other:
        other.execute("SELECT count(*) FROM packages").fetchone()
        lock.ensure(released)
        other.execute("UPDATE packages SET participant_count = NULL")


def test_an_upgraded_mirror_has_the_tables_of_a_new_one(released: Path) -> None:
    lock.ensure(released)
    created = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    with closing(sqlite3.connect(released)) as db, closing(create_in_memory()) as new:
        assert db.execute(created).fetchall() == new.execute(created).fetchall()
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_an_older_mirror_is_read_like_an_upgraded_one_and_left_unchanged(released: Path) -> None:
    before = digest(released)
    records = everything(released)
    assert digest(released) == before
    lock.ensure(released)
    assert everything(released) == records
    assert len(records[0]) > 60


def test_after_an_upgrade_only_the_facts_of_pypi_are_old(released: Path) -> None:
    lock.ensure(released)
    with open_read(released) as db:
        queues = queue.queue_repositories(db, only=None, now=NOW)
        projects = queue.queue_projects(db, only=None, now=NOW)
        assert queue.count_outdated_records(db) == 0
        ((stored,),) = db.execute("SELECT count(DISTINCT coordinate) FROM facts WHERE source = 'pypi' AND serial > 0")
    assert {len(one.outdated) for one in queues.values()} == {0}
    assert any(target.weeks_head for target in queues[SourceName.GITHUB].targets)
    assert len(projects.outdated) >= stored > 30
    assert [target for target in projects.targets if target.etag or target.serial] == []


def test_the_history_of_an_upgraded_mirror_begins_with_its_last_answers(released: Path) -> None:
    lock.ensure(released)
    with open_read(released) as db:
        rows = db.execute(
            "SELECT history.stars = json_extract(facts.facts, '$.repository.stars'), day = date(facts.answered),"
            " packages.edited, commits IS packages.commits_last_year, history.coordinate IS packages.repository_key"
            " FROM history"
            " JOIN packages ON packages.id = history.package_id JOIN facts ON facts.package_id = packages.id"
            " AND facts.source = packages.forge AND facts.coordinate = packages.repository_key"
        ).fetchall()
    assert len(rows) > 40
    assert {row[:2] for row in rows} == {(1, 1)}
    assert {row[-1] for row in rows} == {1}
    assert not any(name in edited for _, _, edited, *_ in rows for name in ("repo_url", "participants"))


def test_the_rows_of_a_history_get_the_repository_of_their_package() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db, steps=schema.STEPS[:3])
        db.executemany(
            "INSERT INTO packages (id, slug, title, repository_key) VALUES (?, ?, 'P', ?)",
            [(1, "pots", "github.com/mara/pots"), (2, "pans", "github.com/edited/pans"), (3, "bare", None)],
        )
        db.execute("INSERT INTO overrides VALUES (2, 'repo_url', '\"https://github.com/edited/pans\"', '2026-01-01')")
        db.executemany(
            "INSERT INTO facts (package_id, source, coordinate, answered) VALUES (2, ?, ?, ?)",
            [
                ("github", "github.com/edited/pans", "2026-03-03T00:00:00Z"),
                ("github", "github.com/mara/pans", "2026-02-02T00:00:00Z"),
                ("gitlab", "gitlab.com/mara/pans", "2026-01-01T00:00:00Z"),
                ("pypi", "pans", "2026-03-03T00:00:00Z"),
            ],
        )
        db.executemany("INSERT INTO history VALUES (?, '2026-01-01', 5, 1, 1, 0)", [(1,), (2,), (3,)])
        schema.migrate(db)
        assert db.execute("SELECT package_id, stars, coordinate FROM history ORDER BY 1").fetchall() == [
            (1, 5, "github.com/mara/pots"),
            (2, 5, "github.com/mara/pans"),
            (3, 5, None),
        ]


def test_an_upgraded_mirror_can_be_edited(released: Path) -> None:
    lock.ensure(released)
    with open_write(released) as db:
        ((number,),) = db.execute("SELECT id FROM packages WHERE slug = 'django-todo'").fetchall()
        assert override(db, number, {}, unset=["title"]).values["title"] == "django-todo"


def test_an_upgrade_does_not_touch_the_views_of_users(released: Path) -> None:
    views = "SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY name"
    with closing(sqlite3.connect(released)) as db:
        db.execute("CREATE VIEW outcomes AS SELECT source, outcome FROM facts")
        db.execute("CREATE VIEW broken AS SELECT missing FROM missing_table")
        before = db.execute(views).fetchall()
        outcomes = db.execute("SELECT * FROM outcomes ORDER BY 1, 2").fetchall()
    lock.ensure(released)
    with closing(sqlite3.connect(released)) as db:
        assert db.execute(views).fetchall() == before
        assert db.execute("SELECT * FROM outcomes ORDER BY 1, 2").fetchall() == outcomes


def test_an_older_mirror_without_some_tables_is_damaged(released: Path) -> None:
    with closing(sqlite3.connect(released)) as db:
        db.execute("DROP TABLE facts")
    with pytest.raises(MirrorError, match="damaged: its tables were changed"), open_read(released):
        pass
    with pytest.raises(MirrorError, match="damaged: its tables were changed"):
        lock.ensure(released)


def kill_upgrades(released: Path, copy: Path) -> tuple[int, int, int]:
    """Kill upgrades at each statement until one completes.

    Return how many were killed, how many of those after the first change of the file, and how many lost something.
    """
    records = everything(released)
    kills = hot = losses = 0
    while True:
        shutil.copy(released, copy)
        if not killed(partial(dying_after, kills + 1, partial(upgrade, copy))):
            assert everything(copy) == records
            return kills, hot, losses
        kills += 1
        hot += copy.with_name(f"{copy.name}-journal").exists()
        try:
            assert everything(copy) == records
            lock.ensure(copy)
            assert everything(copy) == records
        except (MirrorError, AssertionError):
            losses += 1


@pytest.mark.campaign
def test_a_kill_during_an_upgrade_of_a_released_mirror_loses_nothing(released: Path, tmp_path: Path) -> None:
    kills, hot, losses = kill_upgrades(released, tmp_path / "copy.db")
    assert kills >= 30
    assert hot >= 10
    assert losses == 0


@pytest.mark.nightly
def test_without_transactions_killed_upgrades_of_a_released_mirror_would_lose_it(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate = schema.migrate

    def without_transactions(db: sqlite3.Connection, *, steps: tuple[str, ...] = schema.STEPS) -> None:
        if not db.execute("PRAGMA database_list").fetchone()[2]:  # in memory
            return migrate(db, steps=steps)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        for number, step in enumerate(steps[version:], start=version + 1):
            for statement in schema.split_statements(step):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
        return None

    monkeypatch.setattr(schema, "migrate", without_transactions)
    _, _, losses = kill_upgrades(released, tmp_path / "copy.db")
    assert losses >= 5


# One more version.


def edited(path: Path) -> Path:
    fetched_mirror(path)
    with open_write(path) as db:
        override(db, 1, {"title": "Mine"})
    return path


def state(path: Path) -> tuple[int, bool, list[Any]]:
    """Return the version, whether the next step was applied, and the user's values."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        columns = {name for _, name, *_ in db.execute("PRAGMA table_info(packages)")}
        values = db.execute("SELECT * FROM overrides").fetchall() + db.execute("SELECT title FROM packages").fetchall()
    applied = {"colours" in names, "colours_named" in names, "colour" in columns}
    assert len(applied) == 1, "half a step"
    return version, applied.pop(), values


def test_an_older_mirror_is_upgraded_and_a_copy_of_it_kept(path: Path) -> None:
    edited(path)
    before = state(path)
    copy = upgrade(path, steps=STEPS)
    assert state(path) == (NEXT, True, before[2])
    assert state(copy) == before == (schema.VERSION, False, before[2])
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT DISTINCT colour FROM packages").fetchall() == [("red; or blue",)]
        assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    with open_read(copy) as old:
        assert old.execute("SELECT count(*) FROM packages").fetchone() == (4,)


@pytest.mark.parametrize("name", ["mirror.db", "mirror[1]*.db"])
def test_the_last_two_copies_are_kept(tmp_path: Path, name: str) -> None:
    path = filled_mirror(tmp_path / name)
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
        assert (version == NEXT) is new
        assert values == kept
        versions.append(version)
        if survived:
            break
        if not new:
            upgrade(path, steps=STEPS)  # no repair step is needed
            assert state(path)[:2] == (NEXT, True)
    else:
        pytest.fail("every upgrade was killed")
    assert versions.count(schema.VERSION) >= 8


@pytest.mark.campaign
def test_without_its_transaction_an_upgrade_would_not_survive_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def migrate_without_transaction(db: sqlite3.Connection, *, steps: tuple[str, ...]) -> None:
        for statement in schema.split_statements(steps[-1]):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {NEXT}")

    origin = edited(tmp_path / "origin.db")
    monkeypatch.setattr(schema, "migrate", migrate_without_transaction)
    path, halves = tmp_path / "mirror.db", 0
    for statement in range(1, 20):
        shutil.copy(origin, path)
        killed(partial(dying_after, statement, partial(upgrade, path, steps=STEPS)))
        try:
            version, new, _ = state(path)
        except AssertionError:
            halves += 1
        else:
            halves += (version == NEXT) is not new
    assert halves >= 3


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program with one more step."""
    migrate = schema.migrate
    monkeypatch.setattr(schema, "VERSION", NEXT)
    monkeypatch.setattr(schema, "STEPS", STEPS)
    monkeypatch.setattr(schema, "migrate", lambda db, *, steps=STEPS: migrate(db, steps=steps))


@pytest.fixture
def older(path: Path, request: pytest.FixtureRequest) -> Path:
    """A mirror of the current version, before the program gets one more step."""
    filled_mirror(path)
    request.getfixturevalue("next_version")
    return path


def test_an_older_mirror_is_read_from_an_upgraded_copy_in_memory(older: Path) -> None:
    before = digest(older)
    with open_read(older) as db:
        assert db.execute("SELECT DISTINCT colour FROM packages").fetchall() == [("red; or blue",)]
    with pytest.raises(MirrorError), open_read(older) as db:
        db.execute("DELETE FROM packages")
    assert find_version(older) == schema.VERSION - 1
    assert digest(older) == before


def test_a_reader_of_an_older_mirror_waits_for_a_writer_no_longer_than_others(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    get_version = connection._get_version
    with closing(sqlite3.connect(older, isolation_level=None)) as writer:

        def get_version_then_lock(db: sqlite3.Connection, path: Path) -> int:
            version = get_version(db, path)
            writer.execute("BEGIN EXCLUSIVE")
            return version

        monkeypatch.setattr(connection, "_get_version", get_version_then_lock)
        with pytest.raises(MirrorError, match="locked by another program"), open_read(older):
            pass


def test_an_older_mirror_is_not_written_before_it_is_upgraded(older: Path) -> None:
    before = digest(older)
    with pytest.raises(MirrorError, match="older version") as raised, open_write(older):
        pass
    assert "djpkg fetch" in (raised.value.hint or "")
    assert digest(older) == before


# Write-ahead logs.


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


def test_a_mirror_in_wal_mode_is_upgraded_and_its_copy_is_one_file(wal: Path) -> None:
    copy = upgrade(wal, steps=STEPS)
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert state(wal)[:2] == (NEXT, True)


def test_an_older_mirror_in_wal_mode_is_read(wal: Path, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("next_version")
    with open_read(wal) as db:
        assert db.execute("SELECT DISTINCT colour FROM packages").fetchall() == [("red; or blue",)]
