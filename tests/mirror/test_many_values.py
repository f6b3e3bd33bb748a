"""Statements about many packages bind one value: SQLite limits the number of values."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import PackageNotFound
from djpkg.mirror import queue, resolve
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import Outcome
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from tests.mirrors import NOW, catalog_facts, filled_mirror, forge_facts, pypi_facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# sqlite-utils binds up to 999 values; SQLite allows 32,766, and some distributions 250,000.
MOST_VALUES = 1_000
PACKAGES = [catalog_facts(number, f"pot-{number}", grids=(10,)) for number in range(1, MOST_VALUES + 10)]
IDS = [package.id for package in PACKAGES]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(filled_mirror(tmp_path / "mirror.db", ())) as db:
        db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MOST_VALUES)
        yield db


@pytest.fixture
def writer(db: sqlite3.Connection) -> Writer:
    writer = Writer(db, forges=NO_FORGES)
    writer.store_catalog(PACKAGES, now=NOW, report_added=True)
    return writer


def test_a_page_of_any_length_is_stored(db: sqlite3.Connection, writer: Writer) -> None:
    forges = [
        SourceAnswer(f"github.com/mara/pot-{number}", Outcome.UPDATED, forge_facts(f"mara/pot-{number}"))
        for number in IDS
    ]
    assert len(writer.store_answers(SourceName.GITHUB, forges, now=NOW)) == len(IDS)
    projects = [SourceAnswer(f"pot-{number}", Outcome.UPDATED, pypi_facts(f"pot-{number}")) for number in IDS]
    assert len(writer.store_answers(SourceName.PYPI, projects, now=NOW)) == len(IDS)
    assert db.execute("SELECT count(*) FROM packages WHERE repo_watchers = 5112").fetchone() == (len(IDS),)
    assert len(writer.mark_removed((), now=NOW, report=True)) == len(IDS)


@pytest.mark.usefixtures("writer")
def test_any_number_of_named_packages_is_queued(db: sqlite3.Connection) -> None:
    assert len(queue.queue_repositories(db, only=IDS, now=NOW)[SourceName.GITHUB].targets) == len(IDS)
    assert len(queue.queue_projects(db, only=set(IDS), now=NOW).targets) == len(IDS)


def test_a_repository_of_any_number_of_packages_is_found(db: sqlite3.Connection, writer: Writer) -> None:
    shared = [catalog_facts(number, f"pot-{number}", repo_url="https://github.com/mara/shared") for number in IDS]
    writer.store_catalog(shared, now=NOW, report_added=False)
    with pytest.raises(PackageNotFound, match=f"matches {len(IDS)} packages"):
        resolve.get_id(db, "mara/shared", catalog="https://example.org")
