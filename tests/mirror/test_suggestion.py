"""A project that names another repository as its own makes a suggestion and an event, and changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror import listing, lock, read
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write
from djpkg.mirror.package import get_merged
from djpkg.mirror.write import Writer
from djpkg.model.facts import ForgeFacts, Outcome, PypiFacts, RepositoryFacts
from djpkg.model.fields import parse_columns
from djpkg.query.parser import parse_query
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

PAGE = RepositoryFacts(
    path="shacker/django-todo", node_id="R", description="", stars=1, forks=1, archived=False, license=None,
    head="a", head_at="2026-01-01T00:00:00Z",
)  # fmt: skip
MOVED = replace(PAGE, description="This project moved to https://codeberg.org/shacker/django-todo.")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    lock.ensure(tmp_path / "mirror.db")
    with open_write(tmp_path / "mirror.db") as db:
        yield db


def store(
    db: sqlite3.Connection, now: datetime, source: SourceName, coordinate: str, facts: ForgeFacts | PypiFacts
) -> None:
    answer = SourceAnswer(coordinate, Outcome.UPDATED, facts=facts)
    Writer(db, forges={}).store_answers(source, [answer], now=now)


def events(db: sqlite3.Connection) -> list[tuple[str, str | None, str | None]]:
    return db.execute("SELECT event, old, new FROM events ORDER BY id").fetchall()


def test_a_description_that_names_another_repository_is_an_event_and_a_suggestion(
    db: sqlite3.Connection, now: datetime
) -> None:
    store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=PAGE))
    store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=MOVED))
    elsewhere = "https://codeberg.org/shacker/django-todo"
    assert events(db) == [("suggested", "https://github.com/shacker/django-todo", elsewhere)]
    assert db.execute("SELECT suggestion, repository_key FROM packages").fetchall() == [
        (elsewhere, "github.com/shacker/django-todo")
    ]


def test_a_suggestion_is_one_event(db: sqlite3.Connection, now: datetime) -> None:
    for page in (PAGE, MOVED, MOVED):
        store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=page))
    assert [event for event, _, _ in events(db)] == ["suggested"]


def test_a_suggestion_in_the_first_answer_is_no_event(db: sqlite3.Connection, now: datetime) -> None:
    store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=MOVED))
    assert events(db) == []
    assert db.execute("SELECT suggestion FROM packages").fetchone() != (None,)


def test_links_of_the_project_count_unless_one_is_the_current_repository(db: sqlite3.Connection, now: datetime) -> None:
    here, there = "https://github.com/Shacker/django-todo/issues", "https://gitlab.com/shacker/django-todo"
    store(
        db,
        now,
        SourceName.PYPI,
        "django-todo",
        PypiFacts(name="django-todo", version="1", repository_urls=(here, there)),
    )
    assert events(db) == []
    store(db, now, SourceName.PYPI, "django-todo", PypiFacts(name="django-todo", version="1", repository_urls=(there,)))
    assert events(db) == [("suggested", "https://github.com/shacker/django-todo", there)]


def test_a_move_within_one_forge_is_a_suggestion_too(db: sqlite3.Connection, now: datetime) -> None:
    elsewhere = "https://github.com/jazzband/django-todo"
    moved = replace(PAGE, description=f"This project has moved to {elsewhere}")
    for page in (PAGE, moved):
        store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=page))
    assert events(db) == [("suggested", "https://github.com/shacker/django-todo", elsewhere)]


def test_a_repository_that_moved_is_no_suggestion(db: sqlite3.Connection, now: datetime) -> None:
    elsewhere = "https://github.com/jazzband/django-todo"
    page = replace(PAGE, path="jazzband/django-todo", description=f"This project has moved to {elsewhere}")
    for each in (PAGE, page):
        store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=each))
    assert events(db) == [("moved", "shacker/django-todo", "jazzband/django-todo")]
    assert db.execute("SELECT suggestion FROM packages").fetchone() == (None,)


def test_a_name_that_only_this_version_recognizes_is_no_event(db: sqlite3.Connection, now: datetime) -> None:
    store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=MOVED))
    db.execute("UPDATE packages SET suggestion = NULL")
    db.execute("UPDATE facts SET error = 'no answer'")  # so that the next answer is merged
    store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=MOVED))
    assert events(db) == []
    assert db.execute("SELECT suggestion FROM packages").fetchone() == ("https://codeberg.org/shacker/django-todo",)


def test_a_page_with_several_answers_about_one_repository_is_one_event(db: sqlite3.Connection, now: datetime) -> None:
    coordinate = "github.com/shacker/django-todo"
    store(db, now, SourceName.GITHUB, coordinate, ForgeFacts(repository=PAGE))
    answers = [SourceAnswer(coordinate, Outcome.UPDATED, facts=ForgeFacts(repository=MOVED)) for _ in range(2)]
    answers[1] = answers[1]._replace(outcome=Outcome.FAILED, error="no answer")
    Writer(db, forges={}).store_answers(SourceName.GITHUB, answers, now=now)
    assert [event for event, _, _ in events(db)] == ["suggested"]


def test_the_suggestion_is_a_field_with_the_source_that_makes_it(db: sqlite3.Connection, now: datetime) -> None:
    store(db, now, SourceName.GITHUB, "github.com/shacker/django-todo", ForgeFacts(repository=MOVED))
    elsewhere = "https://codeberg.org/shacker/django-todo"
    columns = parse_columns("slug,suggestion")
    assert read.get_values(db, 409, columns) == {"slug": "django-todo", "suggestion": elsewhere}
    merged, _, _ = get_merged(db, 409, forges={})
    assert (merged.suggestion, merged.origins["suggestion"].source) == (elsewhere, "github")
    query = parse_query(["suggestion:codeberg"], now=now)
    assert listing.find_ids(db, query, (), now=now) == [409]
