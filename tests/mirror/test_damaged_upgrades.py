"""Damaged values in older mirrors: an upgrade goes on, harms no other package and loses no edit."""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from djpkg.errors import MirrorError
from djpkg.mirror import lock, schema, sqlite_errors
from djpkg.mirror.connection import open_read, open_write, upgrade
from djpkg.mirror.write import Writer
from djpkg.model.repository_url import NO_FORGES
from tests.damage import INVALID_UTF8, OWNERS, TABLES, Damage, apply, columns_of, key_of
from tests.mirror.test_migrations import RELEASED

VALUES = (None, 1.5, b"\x00\xff", "x", -1, "[", "null", '{"a":1}', INVALID_UTF8, "y" * 70_000)
ROW = 3
RESET = ("packages", "facts", "sweeps")
"""The tables in which an upgrade resets values of single rows of the test data."""


@pytest.fixture(params=[1, 2, 3], ids=["version 1", "version 2", "version 3"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A mirror of an older version with fetched packages and edits."""
    path = tmp_path / "older.db"
    path.write_bytes(older_mirror(request.param))
    return path


@cache
def older_mirror(version: int) -> bytes:
    """Return the file of a mirror of that version with fetched packages and edits."""
    with TemporaryDirectory(prefix="djpkg-test-") as folder:
        path = Path(folder) / "older.db"
        path.write_bytes(gzip.decompress((RELEASED / "0.1.0.db.gz").read_bytes()))
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            schema.migrate(db, steps=schema.STEPS[:version])
        return path.read_bytes()


@cache
def sound_rows(older: bytes) -> tuple[dict[str, list[Any]], dict[object, Any]]:
    """Return the rows of the upgraded mirror by table, and those of its packages as a fetch writes them, by id."""
    with TemporaryDirectory(prefix="djpkg-test-") as folder:
        path = Path(folder) / "mirror.db"
        path.write_bytes(older)
        sound = upgraded(path)
        with open_write(path) as db:  # what an upgrade leaves as it is, and a fetch writes as this version does
            Writer(db, forges=NO_FORGES).repair([row[0] for row in sound["packages"]], rewrite=True)
        return sound, {row[0]: row for row in read(path, "packages")}


def damages(path: Path) -> list[Damage]:
    """Return every value in every column of the older mirror."""
    with closing(sqlite3.connect(path)) as db:
        exists = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        rows = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES if table in exists}
    return [
        Damage(table, column, min(ROW, rows[table] - 1), value)
        for table, columns in columns_of(path).items()
        if rows.get(table)
        for column in columns
        for value in VALUES
    ]


@dataclass
class Tally:
    """What a campaign reached."""

    applied: Counter[str] = field(default_factory=Counter)
    reset: int = 0
    restored: int = 0
    failed: list[str] = field(default_factory=list)


def upgrade_damaged(older: Path, some: list[Damage]) -> Tally:
    """Upgrade the mirror with each of the damages."""
    path, tally = older.with_name("mirror.db"), Tally()
    sound, anew = sound_rows(older.read_bytes())
    for damage in some:
        path.write_bytes(older.read_bytes())
        owner = owner_of(path, damage)
        if not apply(path, damage):
            continue
        tally.applied[damage.table] += 1
        try:
            check(path, damage, owner, sound, anew, tally)
        except Exception as error:  # noqa: BLE001 - counted, and shown by the assertion of the test
            tally.failed.append(f"{damage}: {error!r:.300}")
    return tally


def check(  # noqa: PLR0917
    path: Path, damage: Damage, owner: object, sound: dict[str, list[Any]], anew: dict[object, Any], tally: Tally
) -> None:
    edits = read(path, "overrides")
    harmed = find_row(path, owner) if damage.table == "packages" else {}
    with open_read(path) as db:
        db.execute("SELECT * FROM packages").fetchall()
    found = upgraded(path)
    assert read(path, "overrides") == edits
    for table in ("packages", "facts"):
        before, after = ([row for row in rows[table] if row[0] not in (owner, damage.value)] for rows in (sound, found))
        assert after == before, table
    tally.reset += found != sound
    if damage.table != "packages" or damage.column == "id":
        return
    # The next fetch writes the row anew: it contains what facts and overrides give, or a damage that can be stored.
    with open_write(path) as db:
        Writer(db, forges=NO_FORGES).repair(None)
    restored = find_row(path, owner)
    expected = anew[owner]
    # A row whose damage can be stored is not written anew.
    (before,) = (row for row in sound["packages"] if row[0] == owner)
    stored = {*zip(restored, expected, strict=True), *zip(restored, before, strict=True)}
    allowed = {(damage.column, harmed[damage.column])}
    if damage.column == "repo_state":  # which tells the steps that a 0 of the catalog means "unknown"
        allowed.add(("commits_last_year", 0))
    assert set(restored.items()) - stored <= allowed
    tally.restored += tuple(restored.values()) == expected


def owner_of(path: Path, damage: Damage) -> object:
    """Return the package of the row, if it is a row of one package."""
    if damage.table not in OWNERS:
        return None
    with closing(sqlite3.connect(path)) as db:
        keys = ", ".join(key_of(db, damage.table))
        sql = f"SELECT {OWNERS[damage.table]} FROM {damage.table} ORDER BY {keys} LIMIT 1 OFFSET ?"
        (owner,) = db.execute(sql, (damage.row,)).fetchone()
    return owner


def find_row(path: Path, package: object) -> dict[str, Any]:
    """Return the row of a package by column; an empty one if it has none."""
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = lambda text: text.decode(errors="replace")
        db.row_factory = sqlite3.Row
        return dict(db.execute("SELECT * FROM packages WHERE id = ?", (package,)).fetchone() or {})


def upgraded(path: Path) -> dict[str, list[Any]]:
    upgrade(path)
    return {table: read(path, table) for table in RESET}


def read(path: Path, table: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = lambda text: text.decode(errors="replace")
        return sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


EXAMPLES = (
    Damage("packages", "repo_watchers", ROW, "x"),
    Damage("packages", "title", ROW, None),
    Damage("packages", "participants", ROW, b"\xff"),
    Damage("packages", "slug", ROW, INVALID_UTF8),
    Damage("overrides", "value", ROW, b"\xff"),
)


@pytest.mark.parametrize("damage", EXAMPLES, ids=str)
def test_a_damaged_value_does_not_stop_an_upgrade(older: Path, damage: Damage) -> None:
    tally = upgrade_damaged(older, [damage])
    assert tally.failed == []
    assert tally.applied == {damage.table: 1}


@pytest.mark.parametrize(
    ("column", "value"), [("outcome", "x"), ("source", None), ("serial", 1.5), ("etag", b"\xff"), ("answered", b"")]
)
def test_damaged_facts_do_not_stop_an_upgrade(older: Path, column: str, value: object) -> None:
    tally = upgrade_damaged(older, [Damage("facts", column, ROW, value)])
    assert tally.failed == []
    assert tally.applied == {"facts": 1}


def test_facts_that_are_lost_are_asked_for_without_validators(older: Path) -> None:
    with closing(sqlite3.connect(older)) as db:
        (column,) = {"said", "facts"} & {row[1] for row in db.execute("PRAGMA table_info(facts)")}
        ((row, package),) = db.execute(
            "SELECT (SELECT count(*) FROM facts AS other WHERE (other.package_id, other.source, other.coordinate)"
            " < (facts.package_id, facts.source, facts.coordinate)), package_id FROM facts"
            " WHERE source = 'pypi' AND serial IS NOT NULL LIMIT 1"
        )
    assert apply(older, Damage("facts", column, row, b"\xff"))
    lock.ensure(older)
    with open_read(older) as db:
        stored = db.execute("SELECT facts, etag, serial FROM facts WHERE package_id = ? AND source = 'pypi'", [package])
        assert stored.fetchall() == [(None, None, None)]


def test_columns_that_users_added_keep_their_values(older: Path) -> None:
    assert apply(older, Damage("packages", "repo_forks", ROW, "x"))
    with closing(sqlite3.connect(older)) as db:
        for declared, value in (("INT", "7"), ("REAL", "1.5"), ("BLOB", "x'ff'"), ("ANY", "'a'"), ("TEXT", "'b'")):
            db.execute(f'ALTER TABLE packages ADD COLUMN "my {declared}" {declared} DEFAULT {value}')
    lock.ensure(older)
    with open_write(older) as db:
        assert Writer(db, forges=NO_FORGES).repair(None) != []
        mine = db.execute('SELECT DISTINCT "my INT", "my REAL", "my BLOB", "my ANY", "my TEXT" FROM packages')
        assert mine.fetchall() == [(7, 1.5, b"\xff", "a", "b")]


def test_what_else_stops_an_upgrade_is_an_error_with_a_next_step(older: Path) -> None:
    with closing(sqlite3.connect(older)) as db:
        db.execute("CREATE TRIGGER mine AFTER UPDATE ON packages BEGIN INSERT INTO missing VALUES (new.id); END")
        db.commit()
    before = older.read_bytes()
    for attempt in (lambda: open_read(older).__enter__(), lambda: lock.ensure(older)):
        with pytest.raises(MirrorError, match=r"cannot upgrade the mirror .*missing") as raised:
            attempt()
        assert raised.value.hint == sqlite_errors.RESTORE
        assert raised.value.exit_code == 74
    assert older.read_bytes() == before


@pytest.mark.campaign
def test_damaged_values_do_not_stop_upgrades(older: Path) -> None:
    tally = upgrade_damaged(older, damages(older)[::13])
    assert tally.failed == []
    assert sum(tally.applied.values()) >= 60
    assert tally.reset >= 15
    assert tally.restored >= 10


@pytest.mark.nightly
def test_hundreds_of_damaged_values_do_not_stop_upgrades(older: Path) -> None:
    tally = upgrade_damaged(older, damages(older))
    assert tally.failed == []
    assert sum(tally.applied.values()) >= 800
    assert len(tally.applied) >= 10
    assert tally.reset >= 200
    assert tally.restored >= 150


@pytest.mark.campaign
def test_the_campaign_fails_without_resets(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "reset_damaged_values", lambda _: None)
    tally = upgrade_damaged(older, damages(older)[::13])
    assert len(tally.failed) >= 8
