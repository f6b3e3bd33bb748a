"""Writes: whole pages or nothing, the merge that follows, and overrides that no fetch changes."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import MirrorError
from djpkg.mirror import busy, resolve, write
from djpkg.mirror.apply_answer import SourceAnswer, StoredChange
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import (
    CatalogFacts,
    Category,
    ContributorsFacts,
    ForgeFacts,
    Grid,
    Outcome,
    PypiFacts,
    WeeksFacts,
)
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from djpkg.times import format_time, parse_time
from tests.mirrors import LIDS, NOW, POTS, catalog_facts, filled_mirror, forge_facts, override, pypi_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from djpkg.model.merge import StoredValue

GITHUB, PYPI = SourceName.GITHUB, SourceName.PYPI
HERE = "github.com/mara/django-pots"
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled_mirror(tmp_path / "mirror.db")


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(path) as db:
        yield db


@pytest.fixture
def writer(db: sqlite3.Connection) -> Writer:
    return Writer(db, forges=NO_FORGES)


def values(db: sqlite3.Connection, number: int = 1, *names: str) -> Any:
    row = db.execute(f"SELECT {', '.join(names)} FROM packages WHERE id = ?", (number,)).fetchone()
    return row[0] if len(names) == 1 else row


def stored(db: sqlite3.Connection, *names: str, number: int = 1, source: SourceName = GITHUB) -> Any:
    row = db.execute(
        f"SELECT {', '.join(names)} FROM facts WHERE package_id = ? AND source = ?", (number, source.value)
    ).fetchone()
    return row[0] if row and len(names) == 1 else row


def answer(
    writer: Writer, *answers: SourceAnswer, source: SourceName = GITHUB, now: datetime = NOW
) -> list[StoredChange]:
    return writer.store_answers(source, answers, now=now)


def events_of(written: list[StoredChange]) -> list[tuple[str, str]]:
    return [(one.slug, event.event) for one in written for event in one.events]


def store_page(
    writer: Writer, *page: CatalogFacts, report_added: bool = True, now: datetime = NOW
) -> list[StoredChange]:
    return writer.store_catalog(page, now=now, report_added=report_added)


# The catalog.


def test_a_new_package_is_an_event_only_after_the_first_sweep(writer: Writer) -> None:
    assert events_of(store_page(writer, catalog_facts(50, "new"), report_added=False)) == []
    assert events_of(store_page(writer, catalog_facts(51, "newer"), catalog_facts(50, "new"))) == [("newer", "added")]


def test_a_catalog_record_is_updated_or_unchanged(db: sqlite3.Connection, writer: Writer) -> None:
    later = NOW + DAY
    again = store_page(writer, replace(POTS, last_fetched="2026-09-09T00:00:00Z"), now=later)
    assert [one.changed for one in again] == [False]
    assert stored(db, "outcome", "answered", source=SourceName.CATALOG) == ("unchanged", format_time(later))
    assert [one.changed for one in store_page(writer, replace(POTS, title="Pots!"))] == [True]
    assert values(db, 1, "title") == "Pots!"


def test_the_last_of_two_records_of_a_package_in_one_page_wins(db: sqlite3.Connection, writer: Writer) -> None:
    written = store_page(writer, catalog_facts(9, "first"), catalog_facts(8, "other"), catalog_facts(9, "second"))
    assert sorted(one.slug for one in written) == ["other", "second"]
    assert values(db, 9, "slug") == "second"


def test_an_empty_page_changes_nothing(writer: Writer) -> None:
    assert store_page(writer) == []
    assert answer(writer) == []
    assert writer.mark_gone(999, now=NOW) == []


def test_a_missing_package_is_removed_with_one_event_and_comes_back_with_another(
    db: sqlite3.Connection, writer: Writer
) -> None:
    assert events_of(writer.mark_removed({2, 3, 4}, now=NOW, report=True)) == [("django-pots", "removed")]
    assert writer.mark_removed({2, 3, 4}, now=NOW, report=True) == []
    assert events_of(writer.mark_removed({3, 4}, now=NOW, report=False)) == []
    assert values(db, 1, "catalog_state", "title") == ("removed", "Django Pots")
    assert events_of(store_page(writer, POTS)) == [("django-pots", "back")]
    assert values(db, 1, "catalog_state") == "listed"
    assert events_of(store_page(writer, POTS)) == []


def test_a_removed_package_stays_removed_after_answers_of_its_forge(db: sqlite3.Connection, writer: Writer) -> None:
    writer.mark_removed({2, 3, 4}, now=NOW, report=True)
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    assert values(db, 1, "catalog_state", "repo_watchers") == ("removed", 5112)


def test_a_package_that_the_catalog_does_not_have_is_removed_at_once(db: sqlite3.Connection, writer: Writer) -> None:
    assert events_of(writer.mark_gone(1, now=NOW)) == [("django-pots", "removed")]
    assert events_of(writer.mark_gone(1, now=NOW)) == []
    assert values(db, 1, "catalog_state") == "removed"
    assert stored(db, "outcome", source=SourceName.CATALOG) == "gone"


def test_a_sweep_without_a_package_counts_as_an_answer_about_it(db: sqlite3.Connection, writer: Writer) -> None:
    later = NOW + timedelta(days=1)
    writer.mark_removed({2, 3, 4}, now=later, report=True)
    assert stored(db, "outcome", "answered", source=SourceName.CATALOG) == ("gone", format_time(later))
    assert json.loads(values(db, 1, "checked"))["catalog"] == format_time(later)
    assert values(db, 1, "title") == "Django Pots"


def test_an_override_of_the_wrong_type_is_named_and_does_not_apply(db: sqlite3.Connection, writer: Writer) -> None:
    db.execute("INSERT INTO overrides VALUES (1, 'repo_watchers', '\"x\"', '2026-01-01T00:00:00Z')")
    override(db, 1, {"title": "Mine"})
    assert values(db, 1, "title", "repo_watchers", "edited") == ("Mine", 512, '["title"]')
    store_page(writer, POTS)
    assert "djpkg edit django-pots --unset repo_watchers" in writer.damaged[1].reason


def test_edits_stay_with_their_package_when_the_catalog_reuses_its_slug(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, {"title": "Mine"})
    writer.mark_removed({2, 3, 4}, now=NOW, report=True)
    store_page(writer, catalog_facts(77, "django-pots", title="Theirs", repo_url="https://github.com/otto/pots"))
    assert (values(db, 1, "title"), values(db, 77, "title")) == ("Mine", "Theirs")
    assert resolve.get_id(db, "django-pots", catalog="https://djangopackages.org/api/v4") == 77
    store_page(writer, replace(POTS, slug="pots-2"))
    assert values(db, 1, "title", "slug", "edited") == ("Mine", "pots-2", '["title"]')


def test_grids_and_categories_have_only_an_id_until_their_names_are_fetched(
    db: sqlite3.Connection, writer: Writer
) -> None:
    store_page(writer, catalog_facts(60, "new", category=99, grids=(900, 10, 901)))
    placed = db.execute("SELECT grid_id FROM package_grids WHERE package_id = 60 ORDER BY position").fetchall()
    assert placed == [(900,), (10,), (901,)]
    assert db.execute("SELECT slug FROM grids WHERE id = 900").fetchone() == (None,)
    writer.store_grids([Grid(id=900, slug="nine", title="Nine")])
    writer.store_categories([Category(id=99, slug="odd", title="Odd")])
    named = db.execute("SELECT grids.slug, categories.slug FROM grids, categories WHERE grids.id = 900").fetchall()
    assert ("nine", "odd") in named
    store_page(writer, catalog_facts(60, "new", category=99, grids=(10,)))
    assert db.execute("SELECT grid_id FROM package_grids WHERE package_id = 60").fetchall() == [(10,)]


@pytest.mark.parametrize("number", [1, 2**31, 2**53 + 1, 2**63 - 1])
def test_ids_may_be_as_large_as_sqlite_allows(db: sqlite3.Connection, writer: Writer, number: int) -> None:
    store_page(writer, catalog_facts(number, "large", grids=(number,), repo_watchers=number))
    answer(writer, SourceAnswer("github.com/mara/large", Outcome.UPDATED, forge_facts("mara/large", stars=2**63 - 1)))
    assert values(db, number, "slug", "repo_watchers") == ("large", 2**63 - 1)
    assert resolve.find_ids(db, str(number), catalog="https://djangopackages.org/api/v4") == [number]


ODD = (
    "\x01\x1b[31m\x7f\x85",
    "'; DROP TABLE packages; --",
    '"%s{}\\',
    "\u202e\u2028\ufeff",
    "👩\u200d💻",
    "\ufffd\uffff",
)


@pytest.mark.parametrize("odd", ODD)
def test_unusual_texts_are_stored_unchanged(db: sqlite3.Connection, writer: Writer, odd: str) -> None:
    store_page(writer, catalog_facts(60, "odd", title=odd, participants=(odd, "x"), repo_description=odd))
    assert values(db, 60, "title", "repo_description") == (odd, odd)
    assert json.loads(values(db, 60, "participants")) == [odd, "x"]
    assert (
        store_page(writer, catalog_facts(60, "odd", title=odd, participants=(odd, "x"), repo_description=odd))[
            0
        ].changed
        is False
    )


# Answers of forges and PyPI.


def test_the_parts_of_a_repository_are_stored_one_after_the_other(db: sqlite3.Connection, writer: Writer) -> None:
    whole = forge_facts("mara/django-pots", days={format_time(NOW - 3 * DAY)[:10]: 4})
    first = answer(writer, SourceAnswer(HERE, None, replace(whole, weeks=None, contributors=None), etag='"1"'))
    assert [one.changed for one in first] == [True]
    assert stored(db, "outcome", "head", "weeks_head", "contributors_head", "etag") == (
        None,
        "a" * 40,
        None,
        None,
        '"1"',
    )
    assert values(db, 1, "repo_watchers", "commits_last_year", "participant_count") == (5112, None, 2)
    answer(writer, SourceAnswer(HERE, None, ForgeFacts(weeks=whole.weeks)))
    assert values(db, 1, "repo_watchers", "commits_last_year") == (5112, 4)
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, ForgeFacts(contributors=whole.contributors)))
    assert values(db, 1, "repo_watchers", "commits_last_year", "participant_count") == (5112, 4, 3)
    assert stored(db, "outcome", "weeks_head", "contributors_head", "etag") == ("updated", "a" * 40, "a" * 40, '"1"')
    again = answer(writer, SourceAnswer(HERE, Outcome.UPDATED, whole))
    assert ([one.changed for one in again], stored(db, "outcome")) == ([False], "unchanged")


def test_an_unchanged_answer_moves_the_weekly_counts(db: sqlite3.Connection, writer: Writer) -> None:
    days = {format_time(NOW - 2 * DAY)[:10]: 4}
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots", days=days)))
    assert json.loads(values(db, 1, "commits_over_52"))[-2:] == [0, 4]
    answer(writer, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"), now=NOW + 7 * DAY)
    assert json.loads(values(db, 1, "commits_over_52"))[-2:] == [0, 4]
    answer(writer, SourceAnswer(HERE, Outcome.UNCHANGED), now=NOW + 7 * DAY)
    assert json.loads(values(db, 1, "commits_over_52"))[-2:] == [4, 0]


def test_a_failure_keeps_the_facts_and_their_time_and_stores_the_reason(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots"), etag='"1"'))
    before = stored(db, "facts", "answered", "etag")
    (one,) = answer(writer, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"), now=NOW + DAY)
    assert (one.changed, one.events) == (False, ())
    assert stored(db, "facts", "answered", "etag") == before
    assert stored(db, "asked", "outcome", "error") == (format_time(NOW + DAY), "failed", "answered 502")
    assert json.loads(values(db, 1, "failed")) == {"github": "answered 502"}
    assert values(db, 1, "repo_watchers") == 5112
    answer(writer, SourceAnswer(HERE, Outcome.UNCHANGED), now=NOW + 2 * DAY)
    assert json.loads(values(db, 1, "failed")) == {}


def test_a_first_failure_leaves_the_values_of_the_catalog(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"))
    assert values(db, 1, "repo_watchers", "repo_state") == (512, None)
    assert stored(db, "answered", "facts") == (None, None)


def test_the_retry_delay_of_a_gone_repository_doubles_up_to_a_month(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots"), etag='"1"'))
    now, waits = NOW, []
    changes: list[StoredChange] = []
    for _ in range(8):
        changes = answer(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")), now=now)
        retry = parse_time(stored(db, "retry_after"))
        assert retry is not None
        waits.append(retry - now)
        now = retry
    assert events_of(changes) == []
    minute = timedelta(minutes=1)  # so that a daily job is never a moment too early
    assert waits == [timedelta(days=n) - minute for n in (1, 2, 4, 8, 16, 30, 30, 30)]
    assert values(db, 1, "repo_state", "repo_watchers") == ("gone", 5112)
    assert stored(db, "gone_count", "outcome") == (8, "gone")
    back = answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")), now=now)
    assert events_of(back) == [("django-pots", "back")]
    assert stored(db, "gone_count", "retry_after", "outcome") == (0, None, "updated")


def test_gone_is_one_event_and_none_in_the_first_answer(writer: Writer) -> None:
    gone = SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone"))
    assert events_of(answer(writer, gone)) == []
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    assert events_of(answer(writer, gone)) == [("django-pots", "gone")]
    assert events_of(answer(writer, gone)) == []


def test_a_large_gone_count_does_not_overflow(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    db.execute("UPDATE facts SET gone_count = 5000 WHERE source = 'github'")
    answer(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    assert stored(db, "gone_count") == 5001


def test_a_page_may_contain_several_answers_about_one_repository(db: sqlite3.Connection, writer: Writer) -> None:
    whole = forge_facts("mara/django-pots")
    archived = forge_facts("mara/django-pots", archived=True)
    changes = answer(
        writer,
        SourceAnswer(HERE, None, replace(whole, weeks=None, contributors=None), etag='"1"'),
        SourceAnswer(HERE, None, ForgeFacts(weeks=WeeksFacts(head="a" * 40, days={}))),
        SourceAnswer(HERE, Outcome.UPDATED, ForgeFacts(repository=archived.repository)),
    )
    assert events_of(changes) == [("django-pots", "archived")]
    assert stored(db, "weeks_head", "etag", "outcome") == ("a" * 40, None, "updated")
    assert values(db, 1, "archived", "commits_last_year") == (1, 0)
    gone = SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone"))
    answer(writer, gone, gone)
    assert stored(db, "gone_count") == 2


def test_an_etag_is_dropped_with_the_repository_facts_it_belongs_to(db: sqlite3.Connection, writer: Writer) -> None:
    page = ForgeFacts(repository=forge_facts("mara/django-pots").repository)
    starred = replace(page, repository=replace(page.repository, stars=7))  # type: ignore[type-var]  # it has one
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, page, etag='"1"'))
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, page))
    assert stored(db, "etag") == '"1"'
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, starred))
    assert stored(db, "etag") is None


def test_a_missing_list_of_contributors_leaves_the_known_one(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    known = values(db, 1, "participants")
    nobody = ContributorsFacts(head="f" * 40, names=(), taken=format_time(NOW), whole=False)
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, ForgeFacts(contributors=nobody)))
    assert values(db, 1, "participants") == known
    assert stored(db, "contributors_head") == "f" * 40


def test_an_unchanged_answer_updates_weekly_counts_that_change(db: sqlite3.Connection, writer: Writer) -> None:
    day = (NOW - timedelta(days=7)).date().isoformat()  # the first day of the last week
    whole = replace(forge_facts("mara/django-pots"), weeks=WeeksFacts(head="a" * 40, days={day: 5}))
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, whole))
    weeks = [json.loads(values(db, 1, "commits_over_52"))]
    for days in (1, 2):
        answer(writer, SourceAnswer(HERE, Outcome.UNCHANGED), now=NOW + timedelta(days=days))
        weeks.append(json.loads(values(db, 1, "commits_over_52")))
    assert [one[-2:] for one in weeks] == [[0, 5], [5, 0], [5, 0]]
    assert stored(db, "answered") == format_time(NOW + timedelta(days=2))


def test_an_answer_about_a_repository_of_no_package_is_ignored(writer: Writer) -> None:
    assert (
        answer(writer, SourceAnswer("github.com/nobody/nothing", Outcome.UPDATED, forge_facts("nobody/nothing"))) == []
    )


def test_one_answer_is_stored_for_all_packages_of_a_repository(db: sqlite3.Connection, writer: Writer) -> None:
    store_page(writer, catalog_facts(70, "twin", repo_url="http://www.github.com/Mara/Django-Pots.git"))
    changes = answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    assert sorted(one.package for one in changes) == [1, 70]
    assert (values(db, 1, "repo_watchers"), values(db, 70, "repo_watchers")) == (5112, 5112)


@pytest.mark.parametrize(
    "second",
    [
        SourceAnswer(HERE, Outcome.UNCHANGED),
        SourceAnswer(
            HERE, Outcome.UPDATED, ForgeFacts(contributors=ContributorsFacts(head="a" * 40, names=("mara",), taken=""))
        ),
    ],
)
def test_a_new_package_of_a_known_repository_gets_the_known_facts(
    db: sqlite3.Connection, writer: Writer, second: SourceAnswer
) -> None:
    """The request carried the validators of the known facts, so "unchanged" and partial answers refer to them."""
    answer(
        writer,
        SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots", archived=True, days={"2026-01-01": 1})),
    )
    store_page(writer, catalog_facts(70, "twin", repo_url="https://github.com/mara/django-pots"))
    assert values(db, 70, "repo_watchers") == 700
    changes = answer(writer, second, now=NOW + DAY)
    assert events_of(changes) == []
    assert values(db, 70, "repo_watchers", "archived") == (5112, 1)
    names = ("head", "weeks_head", "contributors_head", "answered", "facts")
    assert stored(db, *names, number=70) == stored(db, *names, number=1)


def test_an_answer_of_pypi_sets_the_version_and_the_serial(db: sqlite3.Connection, writer: Writer) -> None:
    changes = answer(
        writer, SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots"), serial=7), source=PYPI
    )
    assert events_of(changes) == []
    assert stored(db, "serial", "outcome", source=PYPI) == (7, "updated")
    newer = SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots", "3.0"), serial=9)
    assert events_of(answer(writer, newer, source=PYPI)) == [("django-pots", "released")]
    gone = SourceAnswer("django-pots", Outcome.GONE, PypiFacts(state="gone", name="django-pots"))
    assert events_of(answer(writer, gone, source=PYPI)) == [("django-pots", "gone")]
    assert values(db, 1, "pypi_version", "pypi_state") == ("3.0", "gone")


def test_gone_removes_the_validators_so_that_a_return_is_noticed(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots"), etag='"1"'))
    answer(writer, SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots"), serial=7), source=PYPI)
    answer(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    answer(writer, SourceAnswer("django-pots", Outcome.GONE, PypiFacts(state="gone", name="django-pots")), source=PYPI)
    assert (stored(db, "etag"), stored(db, "serial", source=PYPI)) == (None, None)


def test_events_are_kept_with_their_run(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO runs (id, started, asked) VALUES (5, '', '')")
    writer = Writer(db, forges=NO_FORGES, run=5)
    store_page(writer, catalog_facts(50, "new"))
    answer(writer, SourceAnswer("github.com/mara/new", Outcome.UPDATED, forge_facts("mara/new")))
    answer(writer, SourceAnswer("github.com/mara/new", Outcome.UPDATED, forge_facts("mara/new", archived=True)))
    rows = db.execute("SELECT at, run_id, package_id, event, old, new FROM events ORDER BY id").fetchall()
    assert rows == [(format_time(NOW), 5, 50, "added", None, None), (format_time(NOW), 5, 50, "archived", None, None)]


# Edits.


def test_an_edit_has_effect_at_once_and_unset_restores_the_newest_upstream_value(
    db: sqlite3.Connection, writer: Writer
) -> None:
    merged = override(db, 1, {"title": "Mine", "repo_watchers": 1})
    assert (merged.values["title"], merged.upstream["title"]) == ("Mine", "Django Pots")
    store_page(writer, replace(POTS, title="Newer"))
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    assert values(db, 1, "title", "repo_watchers", "edited") == ("Mine", 1, '["repo_watchers","title"]')
    back = override(db, 1, {}, unset=["title", "repo_watchers", "repo_forks"])
    assert back.upstream == {}
    assert values(db, 1, "title", "repo_watchers", "edited") == ("Newer", 5112, "[]")


def test_an_edited_repository_address_has_facts_of_its_own(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots"), etag='"here"'))
    override(db, 1, {"repo_url": "https://gitlab.com/otto/pots"})
    assert values(db, 1, "forge", "repository_key", "repo_watchers") == ("gitlab", "gitlab.com/otto/pots", 512)
    there = SourceAnswer(
        "gitlab.com/otto/pots", Outcome.UPDATED, forge_facts("otto/pots", stars=9, archived=True), etag='"x"'
    )
    answer(writer, there, source=SourceName.GITLAB)
    assert values(db, 1, "repo_watchers", "archived") == (9, 1)
    assert answer(writer, SourceAnswer(HERE, Outcome.UNCHANGED)) == []  # no package has this repository now
    override(db, 1, {}, unset=["repo_url"])
    assert values(db, 1, "repo_watchers", "archived", "forge") == (5112, 0, "github")
    assert stored(db, "etag") == '"here"'


def test_an_edit_of_grids_and_category_moves_the_package(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, {"grids": [12], "category": 4})
    assert db.execute("SELECT grid_id FROM package_grids WHERE package_id = 1").fetchall() == [(12,)]
    assert values(db, 1, "category") == 4
    override(db, 1, {}, unset=["grids", "category"])
    placed = db.execute("SELECT grid_id FROM package_grids WHERE package_id = 1 ORDER BY position").fetchall()
    assert placed == [(10,), (11,)]


def test_a_refused_edit_changes_nothing(db: sqlite3.Connection, writer: Writer) -> None:
    with pytest.raises(MirrorError, match="your value of category is invalid"):
        override(db, 1, {"title": "Mine", "category": 4242})
    assert not db.in_transaction
    assert db.execute("SELECT count(*) FROM overrides").fetchone() == (0,)
    assert values(db, 1, "title") == "Django Pots"


def test_no_write_of_a_fetch_changes_overrides(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, {"title": "Mine"})
    touched: list[int] = []

    def authorize(action: int, table: str | None, *_: object) -> int:
        writes = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)
        if table == "overrides" and action in writes:
            touched.append(action)
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    db.set_authorizer(authorize)
    fetching = Writer(db, forges=NO_FORGES, run=None)
    fetching.store_categories([Category(id=1, slug="apps", title="Apps")])
    fetching.store_grids([Grid(id=10, slug="garden", title="Garden")])
    store_page(fetching, replace(POTS, title="Theirs", slug="renamed", grids=(10, 999)), catalog_facts(50, "new"))
    answer(fetching, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    answer(fetching, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"))
    answer(fetching, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    answer(fetching, SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots")), source=PYPI)
    fetching.mark_removed({2}, now=NOW, report=True)
    fetching.mark_gone(2, now=NOW)
    assert touched == []
    assert values(db, 1, "title", "slug") == ("Mine", "renamed")
    with pytest.raises(sqlite3.DatabaseError):  # the authorizer does see such a statement
        override(db, 1, {"title": "Other"})
    assert touched
    db.set_authorizer(None)


# The tables.


def found(db: sqlite3.Connection, word: str) -> list[int]:
    rows = db.execute("SELECT rowid FROM packages_fts WHERE packages_fts MATCH ? ORDER BY rowid", (f'"{word}"',))
    return [number for (number,) in rows]


def test_the_full_text_index_follows_every_write(db: sqlite3.Connection, writer: Writer) -> None:
    assert found(db, "pots") == [1]
    store_page(writer, replace(POTS, title="Kettles", slug="kettles", repo_description="Tea"))
    assert (found(db, "pots"), found(db, "kettles")) == ([], [1])
    override(db, 1, {"title": "Samovar"})
    assert found(db, "samovar") == [1]
    override(db, 1, {}, unset=["title"])
    assert found(db, "samovar") == []
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    assert found(db, "flower") == [1]
    store_page(writer, catalog_facts(50, "brandnew"))
    assert found(db, "brandnew") == [50]
    db.execute("INSERT INTO packages_fts (packages_fts, rank) VALUES ('integrity-check', 1)")


def test_foreign_keys_hold(db: sqlite3.Connection, writer: Writer) -> None:
    store_page(writer, catalog_facts(50, "new", category=77, grids=(700, 701)))
    override(db, 50, {"title": "Mine"})
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("DELETE FROM packages WHERE id = 50")  # it has an override
    db.execute("UPDATE packages SET id = 51 WHERE id = 50")
    assert db.execute("SELECT package_id FROM overrides").fetchall() == [(51,)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_columns_of_a_newer_version_are_not_overwritten(db: sqlite3.Connection, writer: Writer) -> None:
    answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots")))
    override(db, 1, {"title": "Mine"})
    tables = ("packages", "facts", "overrides", "grids", "categories")
    for table in tables:
        db.execute(f"ALTER TABLE {table} ADD COLUMN colour TEXT")
        db.execute(f"UPDATE {table} SET colour = 'red'")
    for turn in range(5):
        store_page(writer, replace(POTS, title=f"Turn {turn}", grids=(10,)))
        answer(writer, SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots", stars=turn)))
        answer(writer, SourceAnswer(HERE, Outcome.FAILED, error="x"))
        override(db, 1, {"title": f"Mine {turn}"})
        writer.store_grids([Grid(id=10, slug="garden", title=f"Garden {turn}")])
        writer.store_categories([Category(id=1, slug="apps", title=f"Apps {turn}")])
        writer.mark_removed({2, 3, 4}, now=NOW, report=True)
    for table in tables:
        assert db.execute(f"SELECT count(*) FROM {table} WHERE colour IS NULL").fetchone() == (0,), table


def test_packages_of_one_page_that_differ_in_their_sources_are_updated_as_if_they_were_new(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    repository = SourceAnswer(HERE, Outcome.UPDATED, forge_facts("mara/django-pots"))
    page = [
        replace(POTS, title="Pots and pans", repo_watchers=4),
        replace(LIDS, title="Lid", pypi_url="https://pypi.org/project/lids/", repo_watchers=9, category=2),
    ]
    with open_write(filled_mirror(tmp_path / "new.db", page)) as new:
        for mirror in (db, new):
            writer = Writer(mirror, forges=NO_FORGES)
            writer.store_answers(GITHUB, [repository], now=NOW)
            writer.store_catalog(page, now=NOW, report_added=False)
        sql = "SELECT * FROM packages WHERE id IN (1, 3) ORDER BY id"
        assert db.execute(sql).fetchall() == new.execute(sql).fetchall()


def test_plugins_of_sqlite_utils_are_not_run(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlite_utils import plugins  # noqa: PLC0415 - it is the library's

    called: list[object] = []
    monkeypatch.setattr(plugins.pm.hook, "prepare_connection", lambda conn: called.append(conn))  # noqa: PLW0108 - by its name
    store_page(Writer(db, forges=NO_FORGES), catalog_facts(50, "new"))
    assert called == []


# Kills.

PAGES, SIZE = 4, 12


def page_of(number: int, generation: int) -> list[CatalogFacts]:
    first = 1000 + number * SIZE
    return [
        catalog_facts(n, f"package-{n}", title=f"generation {generation}", grids=(10 + generation % 3,))
        for n in range(first, first + SIZE)
    ]


def write_pages(path: Path, acks: int, base: int) -> None:
    """Store page after page and acknowledge each, until the process is killed."""
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for turn in range(10_000):
            number, generation = turn % PAGES, turn // PAGES + 1
            writer.store_catalog(page_of(number, base + generation), now=NOW, report_added=False)
            os.write(acks, bytes([number, generation % 256]))


def kill_by_progress(path: Path, acknowledged: int, pause: float, base: int = 0) -> dict[int, int]:
    """Kill a child some time after it stored so many pages; return the last acknowledged generation of each page.

    Generations count up from `base`.
    """
    reader, acks = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_pages(path, acks, base)
        finally:
            os._exit(1)
    os.close(acks)
    acknowledgements = os.read(reader, 2 * acknowledged)
    while len(acknowledgements) < 2 * acknowledged:
        more = os.read(reader, 2 * acknowledged - len(acknowledgements))
        assert more, "the child ended by itself"
        acknowledgements += more
    time.sleep(pause)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reader, 4096):
        acknowledgements += more
    os.close(reader)
    return {
        number: base + generation
        for number, generation in zip(acknowledgements[::2], acknowledgements[1::2], strict=True)
    }


def half_pages(path: Path, acknowledged: dict[int, int]) -> tuple[int, int]:
    """Return how many pages are stored in part, and how many acknowledged ones are lost."""
    with open_read(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute(
            "SELECT packages.id, title, json_extract(facts, '$.title'), grids, json_group_array(grid_id)"
            " FROM packages JOIN facts ON facts.package_id = packages.id AND source = 'catalog'"
            " LEFT JOIN package_grids ON package_grids.package_id = packages.id"
            " WHERE packages.id >= 1000 GROUP BY packages.id"
        ).fetchall()
        edits = db.execute("SELECT package_id, value FROM overrides ORDER BY package_id").fetchall()
    assert edits == [(number, f'"edit {number}"') for number in range(1, 5)]
    assert len(rows) == PAGES * SIZE
    half = lost = 0
    for number in range(PAGES):
        stored = {tuple(row[1:]) for row in rows if (row[0] - 1000) // SIZE == number}
        title, stated, grids, placed = next(iter(stored))
        half += not (len(stored) == 1 and title == stated and grids == placed)
        lost += int(title.rpartition(" ")[2]) < acknowledged.get(number, 0)
    return half, lost


@pytest.fixture
def campaign(path: Path) -> Path:
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for number in range(PAGES):
            store_page(writer, *page_of(number, 0))
        for number in range(1, 5):
            override(db, number, {"title": f"edit {number}"})
    return path


@pytest.mark.campaign
def test_a_killed_fetch_loses_no_stored_page_and_stores_no_half_page(campaign: Path) -> None:
    chance = random.Random(20261123)  # noqa: S311 - the same moments each time
    acknowledged = hot = 0
    for run in range(60):
        acks = kill_by_progress(campaign, chance.randrange(1, 6), chance.uniform(0, 0.004), run * 100)
        hot += campaign.with_name("mirror.db-journal").exists()
        assert half_pages(campaign, acks) == (0, 0)
        acknowledged += len(acks)
    assert acknowledged > 60
    assert hot >= 3  # kills in the middle of a page


def kill_at_statement(path: Path, number: int) -> None:
    """Kill a child when it executes its statement of that number."""
    child = os.fork()
    if child == 0:
        try:
            with open_write(path) as db:
                count = itertools.count(1)
                db.set_trace_callback(lambda _: os.kill(os.getpid(), signal.SIGKILL) if next(count) == number else None)
                writer = Writer(db, forges=NO_FORGES)
                for generation in itertools.count(1):
                    writer.store_catalog(page_of(0, generation), now=NOW, report_added=False)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_without_a_transaction_killed_fetches_would_leave_half_pages(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def none(db: sqlite3.Connection) -> Iterator[None]:
        yield

    monkeypatch.setattr(write, "transaction", none)
    halves = 0
    for number in range(60, 100, 4):
        kill_at_statement(campaign, number)
        halves += half_pages(campaign, {})[0]
    assert halves >= 5


# Concurrent writers.

EDITS, EDITORS = 70, 3


def in_children(*works: Callable[[], None]) -> None:
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            try:
                work()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(works)


def race(path: Path, edit: Callable[[sqlite3.Connection, str], None]) -> set[str]:
    """Append to one list in several processes while a fetch writes; return the names at the end."""

    def editing(editor: int) -> None:
        def add(name: str) -> None:
            with open_write(path) as db:
                edit(db, name)

        for number in range(EDITS):
            busy.retry(partial(add, f"{editor}-{number}"), busy.EDIT, notify=lambda: None)

    def fetching() -> None:
        with open_write(path) as db:
            writer = Writer(db, forges=NO_FORGES)
            for turn in range(25):
                page = (replace(POTS, title=f"Turn {turn}"), *page_of(0, turn))
                busy.retry(partial(store_page, writer, *page), busy.FETCH, notify=lambda: None)
                time.sleep(0.002)

    in_children(*(lambda editor=editor: editing(editor) for editor in range(EDITORS)), fetching)
    with open_read(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return set(json.loads(values(db, 1, "participants")))


def names() -> set[str]:
    return {f"{editor}-{number}" for editor in range(EDITORS) for number in range(EDITS)}


@pytest.mark.campaign
def test_no_edit_is_lost_beside_other_edits_and_a_fetch(path: Path) -> None:
    def add(db: sqlite3.Connection, name: str) -> None:
        def append(current: Mapping[str, StoredValue]) -> dict[str, StoredValue]:
            participants = current["participants"]
            assert isinstance(participants, list)
            return {"participants": [*map(str, participants), name]}

        Writer(db, forges=NO_FORGES).update_overrides(1, append, unset=[], now=NOW)

    assert names() <= race(path, add)


@pytest.mark.campaign
def test_edits_that_read_outside_their_transaction_would_be_lost(path: Path) -> None:
    def add(db: sqlite3.Connection, name: str) -> None:
        before = json.loads(values(db, 1, "participants"))
        override(db, 1, {"participants": [*before, name]})

    assert not names() <= race(path, add)
