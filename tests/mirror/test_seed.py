"""The seed record."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlite_utils import Database

import tests.seed
from djpkg.mirror import fetch_history, lock, seed
from djpkg.mirror.connection import open_read
from djpkg.mirror.package import get_package
from djpkg.mirror.read import get_values
from djpkg.model import fields
from djpkg.model.repository_url import NO_FORGES
from djpkg.render import json as as_json
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from pathlib import Path

RECORD = tests.seed.RECORD.read_text(encoding="ascii")


def test_the_seed_is_the_record_of_the_catalog() -> None:
    with closing(seed.open_seed()) as db:
        values = get_values(db, 409, fields.RECORD_COLUMNS)
    assert as_json.render_record(values, fields.RECORD_COLUMNS).strip() == RECORD.strip()
    assert list(values) == list(json.loads(RECORD))


def test_the_packaged_rows_are_up_to_date() -> None:
    assert seed.SEED_FILE.read_text(encoding="ascii") == tests.seed.seed_text()


def test_the_seed_makes_no_file_and_is_read_only(tmp_path: Path) -> None:
    with closing(seed.open_seed()) as db, pytest.raises(Exception, match="readonly"):
        db.execute("DELETE FROM packages")
    assert list(tmp_path.iterdir()) == []


def test_a_new_mirror_contains_only_the_seed(tmp_path: Path) -> None:
    path = tmp_path / "mirror.db"
    lock.ensure(path)
    with open_read(path) as db, closing(seed.open_seed()) as memory:
        assert get_package(db, 409, forges=NO_FORGES) == get_package(memory, 409, forges=NO_FORGES)
        assert db.execute("SELECT count(*) FROM packages").fetchone() == (1,)
        assert db.execute("SELECT slug FROM packages_fts WHERE packages_fts MATCH 'todo'").fetchall() == [
            ("django-todo",)
        ]
        assert fetch_history.find_sweep(db, SourceName.CATALOG) is None
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        for table in ("runs", "events", "overrides", "sources"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_the_seed_has_its_own_dates_and_its_category() -> None:
    with closing(seed.open_seed()) as db:
        package = get_package(db, 409, forges=NO_FORGES)
    assert package.values["last_fetched"] == "2026-02-15T20:08:21.858607-05:00"
    assert package.values["checked"] == {}
    assert package.category == "App"
    assert package.grids == ("53", "62")
    assert (package.sources[0].asked, package.sources[0].answered) == (None, None)


def test_sqlite_utils_finds_the_full_text_index(tmp_path: Path) -> None:
    path = tmp_path / "mirror.db"
    lock.ensure(path)
    with open_read(path) as db:
        table = Database(db, execute_plugins=False).table("packages")
        assert table.detect_fts() == "packages_fts"
        assert [row["slug"] for row in table.search("todo")] == ["django-todo"]
