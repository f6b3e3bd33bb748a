"""Writes: whole pages or nothing, the merge that follows from them, and edits that no fetch touches."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import MirrorError
from djpkg.mirror import resolve, write
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.write import StoredChange, Writer
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
from djpkg.times import instant, stamp
from tests.mirrors import NOW, POTS, filled, forge, pypi, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

GITHUB, PYPI = SourceName.GITHUB, SourceName.PYPI
HERE = "github.com/mara/django-pots"
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "mirror.db")


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(path) as db:
        yield db


@pytest.fixture
def writer(db: sqlite3.Connection) -> Writer:
    return Writer(db, forges=NO_FORGES)


def shown(db: sqlite3.Connection, number: int = 1, *names: str) -> Any:
    row = db.execute(f"SELECT {', '.join(names)} FROM packages WHERE id = ?", (number,)).fetchone()
    return row[0] if len(names) == 1 else row


def kept(db: sqlite3.Connection, *names: str, number: int = 1, source: SourceName = GITHUB) -> Any:
    row = db.execute(
        f"SELECT {', '.join(names)} FROM facts WHERE package_id = ? AND source = ?", (number, source.value)
    ).fetchone()
    return row[0] if row and len(names) == 1 else row


def say(
    writer: Writer, *statements: SourceAnswer, source: SourceName = GITHUB, now: datetime = NOW
) -> list[StoredChange]:
    return writer.store_statements(source, statements, now=now)


def told(written: list[StoredChange]) -> list[tuple[str, str]]:
    return [(one.slug, event.event) for one in written for event in one.events]


def tell(writer: Writer, *page: CatalogFacts, tell_added: bool = True, now: datetime = NOW) -> list[StoredChange]:
    return writer.store_catalog(page, now=now, tell_added=tell_added)


# The catalog.


def test_packages_seen_for_the_first_time_are_news_only_once_the_directory_was_read(writer: Writer) -> None:
    assert told(tell(writer, record(50, "new"), tell_added=False)) == []
    assert told(tell(writer, record(51, "newer"), record(50, "new"))) == [("newer", "added")]


def test_what_changed_is_told_and_what_did_not_is_unchanged(db: sqlite3.Connection, writer: Writer) -> None:
    later = NOW + DAY
    again = tell(writer, replace(POTS, last_fetched="2026-09-09T00:00:00Z"), now=later)
    assert [one.changed for one in again] == [False]
    assert kept(db, "outcome", "answered", source=SourceName.CATALOG) == ("unchanged", stamp(later))
    assert [one.changed for one in tell(writer, replace(POTS, title="Pots!"))] == [True]
    assert shown(db, 1, "title") == "Pots!"


def test_of_a_package_that_stands_twice_in_a_page_the_last_one_wins(db: sqlite3.Connection, writer: Writer) -> None:
    written = tell(writer, record(9, "first"), record(8, "other"), record(9, "second"))
    assert sorted(one.slug for one in written) == ["other", "second"]
    assert shown(db, 9, "slug") == "second"


def test_an_empty_page_is_stored_as_nothing(writer: Writer) -> None:
    assert tell(writer) == []
    assert say(writer) == []
    assert writer.mark_gone(999, now=NOW) == []


def test_a_package_that_vanished_is_removed_told_once_and_back_when_it_is_seen_again(
    db: sqlite3.Connection, writer: Writer
) -> None:
    assert told(writer.mark_removed({2, 3, 4}, now=NOW, tell=True)) == [("django-pots", "removed")]
    assert writer.mark_removed({2, 3, 4}, now=NOW, tell=True) == []
    assert told(writer.mark_removed({3, 4}, now=NOW, tell=False)) == []
    assert shown(db, 1, "catalog_state", "title") == ("removed", "Django Pots")
    assert told(tell(writer, POTS)) == [("django-pots", "back")]
    assert shown(db, 1, "catalog_state") == "listed"
    assert told(tell(writer, POTS)) == []


def test_a_removed_package_stays_removed_whatever_its_forge_says(db: sqlite3.Connection, writer: Writer) -> None:
    writer.mark_removed({2, 3, 4}, now=NOW, tell=True)
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    assert shown(db, 1, "catalog_state", "repo_watchers") == ("removed", 5112)


def test_a_package_that_the_catalog_denies_is_removed_at_once(db: sqlite3.Connection, writer: Writer) -> None:
    assert told(writer.mark_gone(1, now=NOW)) == [("django-pots", "removed")]
    assert told(writer.mark_gone(1, now=NOW)) == []
    assert shown(db, 1, "catalog_state") == "removed"
    assert kept(db, "outcome", source=SourceName.CATALOG) == "gone"


def test_that_a_sweep_lacks_a_package_is_an_answer_about_it(db: sqlite3.Connection, writer: Writer) -> None:
    later = NOW + timedelta(days=1)
    writer.mark_removed({2, 3, 4}, now=later, tell=True)
    assert kept(db, "outcome", "answered", source=SourceName.CATALOG) == ("gone", stamp(later))
    assert json.loads(shown(db, 1, "checked"))["catalog"] == stamp(later)
    assert shown(db, 1, "title") == "Django Pots"


def test_an_override_of_a_type_that_no_edit_writes_is_said_to_be_foreign(
    db: sqlite3.Connection, writer: Writer
) -> None:
    db.execute("INSERT INTO overrides VALUES (1, 'repo_watchers', '\"x\"', '2026-01-01T00:00:00Z')")
    with pytest.raises(MirrorError, match="edits of these packages that djpkg did not write"):
        writer.store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)


def test_edits_stay_with_their_package_when_its_slug_goes_to_another(db: sqlite3.Connection, writer: Writer) -> None:
    writer.store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)
    writer.mark_removed({2, 3, 4}, now=NOW, tell=True)
    tell(writer, record(77, "django-pots", title="Theirs"))
    assert (shown(db, 1, "title"), shown(db, 77, "title")) == ("Mine", "Theirs")
    assert resolve.get_id(db, "django-pots", catalog="https://djangopackages.org/api/v4") == 77
    tell(writer, replace(POTS, slug="pots-2"))
    assert shown(db, 1, "title", "slug", "edited") == ("Mine", "pots-2", '["title"]')


def test_grids_and_categories_stand_by_number_until_they_are_named(db: sqlite3.Connection, writer: Writer) -> None:
    tell(writer, record(60, "new", category=99, grids=(900, 10, 901)))
    placed = db.execute("SELECT grid_id FROM package_grids WHERE package_id = 60 ORDER BY position").fetchall()
    assert placed == [(900,), (10,), (901,)]
    assert db.execute("SELECT slug FROM grids WHERE id = 900").fetchone() == (None,)
    writer.store_grids([Grid(id=900, slug="nine", title="Nine")])
    writer.store_categories([Category(id=99, slug="odd", title="Odd")])
    named = db.execute("SELECT grids.slug, categories.slug FROM grids, categories WHERE grids.id = 900").fetchall()
    assert ("nine", "odd") in named
    tell(writer, record(60, "new", category=99, grids=(10,)))
    assert db.execute("SELECT grid_id FROM package_grids WHERE package_id = 60").fetchall() == [(10,)]


@pytest.mark.parametrize("number", [1, 2**31, 2**53 + 1, 2**63 - 1])
def test_ids_may_be_as_large_as_sqlite_keeps_them(db: sqlite3.Connection, writer: Writer, number: int) -> None:
    tell(writer, record(number, "large", grids=(number,), repo_watchers=number))
    say(writer, SourceAnswer("github.com/mara/large", Outcome.UPDATED, forge("mara/large", stars=2**63 - 1)))
    assert shown(db, number, "slug", "repo_watchers") == ("large", 2**63 - 1)
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
def test_odd_texts_are_kept_character_for_character(db: sqlite3.Connection, writer: Writer, odd: str) -> None:
    tell(writer, record(60, "odd", title=odd, participants=(odd, "x"), repo_description=odd))
    assert shown(db, 60, "title", "repo_description") == (odd, odd)
    assert json.loads(shown(db, 60, "participants")) == [odd, "x"]
    assert tell(writer, record(60, "odd", title=odd, participants=(odd, "x"), repo_description=odd))[0].changed is False


# What forges and PyPI say.


def test_parts_of_a_repository_arrive_one_after_the_other(db: sqlite3.Connection, writer: Writer) -> None:
    whole = forge("mara/django-pots", days={stamp(NOW - 3 * DAY)[:10]: 4})
    first = say(writer, SourceAnswer(HERE, None, replace(whole, weeks=None, contributors=None), etag='"1"'))
    assert [one.changed for one in first] == [True]
    assert kept(db, "outcome", "head", "weeks_head", "contributors_head", "etag") == (None, "a" * 40, None, None, '"1"')
    assert shown(db, 1, "repo_watchers", "commits_last_year", "participant_count") == (5112, None, 2)
    say(writer, SourceAnswer(HERE, None, ForgeFacts(weeks=whole.weeks)))
    assert shown(db, 1, "repo_watchers", "commits_last_year") == (5112, 4)
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, ForgeFacts(contributors=whole.contributors)))
    assert shown(db, 1, "repo_watchers", "commits_last_year", "participant_count") == (5112, 4, 3)
    assert kept(db, "outcome", "weeks_head", "contributors_head", "etag") == ("updated", "a" * 40, "a" * 40, '"1"')
    again = say(writer, SourceAnswer(HERE, Outcome.UPDATED, whole))
    assert ([one.changed for one in again], kept(db, "outcome")) == ([False], "unchanged")


def test_an_answer_that_nothing_changed_slides_the_weeks(db: sqlite3.Connection, writer: Writer) -> None:
    days = {stamp(NOW - 2 * DAY)[:10]: 4}
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots", days=days)))
    assert json.loads(shown(db, 1, "commits_over_52"))[-2:] == [0, 4]
    say(writer, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"), now=NOW + 7 * DAY)
    assert json.loads(shown(db, 1, "commits_over_52"))[-2:] == [0, 4]
    say(writer, SourceAnswer(HERE, Outcome.UNCHANGED), now=NOW + 7 * DAY)
    assert json.loads(shown(db, 1, "commits_over_52"))[-2:] == [4, 0]


def test_a_failure_keeps_the_facts_and_their_date_and_says_why(db: sqlite3.Connection, writer: Writer) -> None:
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots"), etag='"1"'))
    before = kept(db, "said", "answered", "etag")
    (one,) = say(writer, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"), now=NOW + DAY)
    assert (one.changed, one.events) == (False, ())
    assert kept(db, "said", "answered", "etag") == before
    assert kept(db, "asked", "outcome", "error") == (stamp(NOW + DAY), "failed", "answered 502")
    assert json.loads(shown(db, 1, "failed")) == {"github": "answered 502"}
    assert shown(db, 1, "repo_watchers") == 5112
    say(writer, SourceAnswer(HERE, Outcome.UNCHANGED), now=NOW + 2 * DAY)
    assert json.loads(shown(db, 1, "failed")) == {}


def test_a_first_failure_leaves_the_catalogs_figures(db: sqlite3.Connection, writer: Writer) -> None:
    say(writer, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"))
    assert shown(db, 1, "repo_watchers", "repo_state") == (512, None)
    assert kept(db, "answered", "said") == (None, None)


def test_what_is_gone_is_left_in_peace_for_longer_each_time(db: sqlite3.Connection, writer: Writer) -> None:
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots"), etag='"1"'))
    now, waits = NOW, []
    for _ in range(8):
        said = say(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")), now=now)
        retry = instant(kept(db, "retry"))
        assert retry is not None
        waits.append(retry - now)
        now = retry
    assert told(said) == []
    minute = timedelta(minutes=1)  # a job at the same time of each day finds the day over
    assert waits == [timedelta(days=n) - minute for n in (1, 2, 4, 8, 16, 30, 30, 30)]
    assert shown(db, 1, "repo_state", "repo_watchers") == ("gone", 5112)
    assert kept(db, "misses", "outcome") == (8, "gone")
    back = say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")), now=now)
    assert told(back) == [("django-pots", "back")]
    assert kept(db, "misses", "retry", "outcome") == (0, None, "updated")


def test_gone_is_told_once_and_the_first_thing_learned_is_no_event(writer: Writer) -> None:
    gone = SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone"))
    assert told(say(writer, gone)) == []
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    assert told(say(writer, gone)) == [("django-pots", "gone")]
    assert told(say(writer, gone)) == []


def test_a_long_absence_does_not_overflow(db: sqlite3.Connection, writer: Writer) -> None:
    say(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    db.execute("UPDATE facts SET misses = 5000 WHERE source = 'github'")
    say(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    assert kept(db, "misses") == 5001


def test_a_page_may_speak_of_a_place_more_than_once(db: sqlite3.Connection, writer: Writer) -> None:
    whole = forge("mara/django-pots")
    archived = forge("mara/django-pots", archived=True)
    said = say(
        writer,
        SourceAnswer(HERE, None, replace(whole, weeks=None, contributors=None), etag='"1"'),
        SourceAnswer(HERE, None, ForgeFacts(weeks=WeeksFacts(head="a" * 40, days={}))),
        SourceAnswer(HERE, Outcome.UPDATED, ForgeFacts(repository=archived.repository)),
    )
    assert told(said) == [("django-pots", "archived")]
    assert kept(db, "weeks_head", "etag", "outcome") == ("a" * 40, None, "updated")
    assert shown(db, 1, "archived", "commits_last_year") == (1, 0)
    gone = SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone"))
    say(writer, gone, gone)
    assert kept(db, "misses") == 2


def test_a_validator_goes_with_the_page_that_it_spoke_of(db: sqlite3.Connection, writer: Writer) -> None:
    page = ForgeFacts(repository=forge("mara/django-pots").repository)
    starred = replace(page, repository=replace(page.repository, stars=7))  # type: ignore[type-var]  # it has one
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, page, etag='"1"'))
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, page))
    assert kept(db, "etag") == '"1"'
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, starred))
    assert kept(db, "etag") is None


def test_a_list_that_the_forge_does_not_give_leaves_the_one_that_was_known(
    db: sqlite3.Connection, writer: Writer
) -> None:
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    known = shown(db, 1, "participants")
    nobody = ContributorsFacts(head="f" * 40, names=(), taken=stamp(NOW), whole=False)
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, ForgeFacts(contributors=nobody)))
    assert shown(db, 1, "participants") == known
    assert kept(db, "contributors_head") == "f" * 40


def test_an_answer_without_news_still_slides_the_weeks_that_change(db: sqlite3.Connection, writer: Writer) -> None:
    day = (NOW - timedelta(days=7)).date().isoformat()  # the first day of the last week
    whole = replace(forge("mara/django-pots"), weeks=WeeksFacts(head="a" * 40, days={day: 5}))
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, whole))
    weeks = [json.loads(shown(db, 1, "commits_over_52"))]
    for days in (1, 2):
        say(writer, SourceAnswer(HERE, Outcome.UNCHANGED), now=NOW + timedelta(days=days))
        weeks.append(json.loads(shown(db, 1, "commits_over_52")))
    assert [one[-2:] for one in weeks] == [[0, 5], [5, 0], [5, 0]]
    assert kept(db, "answered") == stamp(NOW + timedelta(days=2))


def test_a_place_that_no_package_points_to_is_passed_over(writer: Writer) -> None:
    assert say(writer, SourceAnswer("github.com/nobody/nothing", Outcome.UPDATED, forge("nobody/nothing"))) == []


def test_one_answer_serves_all_packages_that_share_a_place(db: sqlite3.Connection, writer: Writer) -> None:
    tell(writer, record(70, "twin", repo_url="http://www.github.com/Mara/Django-Pots.git"))
    said = say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    assert sorted(one.package for one in said) == [1, 70]
    assert (shown(db, 1, "repo_watchers"), shown(db, 70, "repo_watchers")) == (5112, 5112)


@pytest.mark.parametrize(
    "statement",
    [
        SourceAnswer(HERE, Outcome.UNCHANGED),
        SourceAnswer(
            HERE, Outcome.UPDATED, ForgeFacts(contributors=ContributorsFacts(head="a" * 40, names=("mara",), taken=""))
        ),
    ],
)
def test_a_newcomer_to_a_place_gets_what_is_known_of_it(
    db: sqlite3.Connection, writer: Writer, statement: SourceAnswer
) -> None:
    """The place was asked with the validators of what is known, so "unchanged" and parts are about that."""
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots", archived=True, days={"2026-01-01": 1})))
    tell(writer, record(70, "twin", repo_url="https://github.com/mara/django-pots"))
    assert shown(db, 70, "repo_watchers") == 700
    said = say(writer, statement, now=NOW + DAY)
    assert told(said) == []
    assert shown(db, 70, "repo_watchers", "archived") == (5112, 1)
    names = ("head", "weeks_head", "contributors_head", "answered", "said")
    assert kept(db, *names, number=70) == kept(db, *names, number=1)


def test_pypi_states_the_version_and_the_serial_is_kept(db: sqlite3.Connection, writer: Writer) -> None:
    said = say(writer, SourceAnswer("django-pots", Outcome.UPDATED, pypi("django-pots"), serial=7), source=PYPI)
    assert told(said) == []
    assert kept(db, "serial", "outcome", source=PYPI) == (7, "updated")
    newer = SourceAnswer("django-pots", Outcome.UPDATED, pypi("django-pots", "3.0"), serial=9)
    assert told(say(writer, newer, source=PYPI)) == [("django-pots", "released")]
    gone = SourceAnswer("django-pots", Outcome.GONE, PypiFacts(state="gone", name="django-pots"))
    assert told(say(writer, gone, source=PYPI)) == [("django-pots", "gone")]
    assert shown(db, 1, "pypi_version", "pypi_state") == ("3.0", "gone")


def test_what_is_gone_loses_its_validators_so_that_its_return_is_noticed(
    db: sqlite3.Connection, writer: Writer
) -> None:
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots"), etag='"1"'))
    say(writer, SourceAnswer("django-pots", Outcome.UPDATED, pypi("django-pots"), serial=7), source=PYPI)
    say(writer, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    say(writer, SourceAnswer("django-pots", Outcome.GONE, PypiFacts(state="gone", name="django-pots")), source=PYPI)
    assert (kept(db, "etag"), kept(db, "serial", source=PYPI)) == (None, None)


def test_events_are_kept_with_their_run(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO runs (id, started, asked) VALUES (5, '', '')")
    writer = Writer(db, forges=NO_FORGES, run=5)
    tell(writer, record(50, "new"))
    say(writer, SourceAnswer("github.com/mara/new", Outcome.UPDATED, forge("mara/new")))
    say(writer, SourceAnswer("github.com/mara/new", Outcome.UPDATED, forge("mara/new", archived=True)))
    rows = db.execute("SELECT at, run_id, package_id, event, old, new FROM events ORDER BY id").fetchall()
    assert rows == [(stamp(NOW), 5, 50, "added", None, None), (stamp(NOW), 5, 50, "archived", None, None)]


# Edits.


def test_an_edit_shows_at_once_and_taking_it_back_brings_the_newest_upstream_value(
    db: sqlite3.Connection, writer: Writer
) -> None:
    merged = writer.store_overrides(1, {"title": "Mine", "repo_watchers": 1}, unset=[], now=NOW)
    assert (merged.values["title"], merged.upstream["title"]) == ("Mine", "Django Pots")
    tell(writer, replace(POTS, title="Newer"))
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    assert shown(db, 1, "title", "repo_watchers", "edited") == ("Mine", 1, '["repo_watchers","title"]')
    back = writer.store_overrides(1, {}, unset=["title", "repo_watchers", "repo_forks"], now=NOW)
    assert back.upstream == {}
    assert shown(db, 1, "title", "repo_watchers", "edited") == ("Newer", 5112, "[]")


def test_an_edited_address_redirects_and_its_facts_are_not_mixed_in_when_it_is_taken_back(
    db: sqlite3.Connection, writer: Writer
) -> None:
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots"), etag='"here"'))
    writer.store_overrides(1, {"repo_url": "https://gitlab.com/otto/pots"}, unset=[], now=NOW)
    assert shown(db, 1, "forge", "repository_key", "repo_watchers") == ("gitlab", "gitlab.com/otto/pots", 512)
    there = SourceAnswer(
        "gitlab.com/otto/pots", Outcome.UPDATED, forge("otto/pots", stars=9, archived=True), etag='"x"'
    )
    say(writer, there, source=SourceName.GITLAB)
    assert shown(db, 1, "repo_watchers", "archived") == (9, 1)
    assert say(writer, SourceAnswer(HERE, Outcome.UNCHANGED)) == []  # nobody points there now
    writer.store_overrides(1, {}, unset=["repo_url"], now=NOW)
    assert shown(db, 1, "repo_watchers", "archived", "forge") == (5112, 0, "github")
    assert kept(db, "etag") == '"here"'


def test_an_edit_of_grids_and_category_places_the_package_there(db: sqlite3.Connection, writer: Writer) -> None:
    writer.store_overrides(1, {"grids": [12], "category": 4}, unset=[], now=NOW)
    assert db.execute("SELECT grid_id FROM package_grids WHERE package_id = 1").fetchall() == [(12,)]
    assert shown(db, 1, "category") == 4
    writer.store_overrides(1, {}, unset=["grids", "category"], now=NOW)
    placed = db.execute("SELECT grid_id FROM package_grids WHERE package_id = 1 ORDER BY position").fetchall()
    assert placed == [(10,), (11,)]


def test_an_edit_that_is_refused_half_way_leaves_nothing(db: sqlite3.Connection, writer: Writer) -> None:
    with pytest.raises(MirrorError, match="did not write"):
        writer.store_overrides(1, {"title": "Mine", "category": 4242}, unset=[], now=NOW)
    assert not db.in_transaction
    assert db.execute("SELECT count(*) FROM overrides").fetchone() == (0,)
    assert shown(db, 1, "title") == "Django Pots"


def test_no_write_of_a_fetch_has_a_statement_that_touches_edits(db: sqlite3.Connection, writer: Writer) -> None:
    writer.store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)
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
    tell(fetching, replace(POTS, title="Theirs", slug="renamed", grids=(10, 999)), record(50, "new"))
    say(fetching, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    say(fetching, SourceAnswer(HERE, Outcome.FAILED, error="answered 502"))
    say(fetching, SourceAnswer(HERE, Outcome.GONE, ForgeFacts(state="gone")))
    say(fetching, SourceAnswer("django-pots", Outcome.UPDATED, pypi("django-pots")), source=PYPI)
    fetching.mark_removed({2}, now=NOW, tell=True)
    fetching.mark_gone(2, now=NOW)
    assert touched == []
    assert shown(db, 1, "title", "slug") == ("Mine", "renamed")
    with pytest.raises(sqlite3.DatabaseError):  # the authorizer does see such a statement
        fetching.store_overrides(1, {"title": "Other"}, unset=[], now=NOW)
    assert touched
    db.set_authorizer(None)


# The tables.


def found(db: sqlite3.Connection, word: str) -> list[int]:
    rows = db.execute("SELECT rowid FROM packages_fts WHERE packages_fts MATCH ? ORDER BY rowid", (f'"{word}"',))
    return [number for (number,) in rows]


def test_the_index_for_words_follows_every_write(db: sqlite3.Connection, writer: Writer) -> None:
    assert found(db, "pots") == [1]
    tell(writer, replace(POTS, title="Kettles", slug="kettles", repo_description="Tea"))
    assert (found(db, "pots"), found(db, "kettles")) == ([], [1])
    writer.store_overrides(1, {"title": "Samovar"}, unset=[], now=NOW)
    assert found(db, "samovar") == [1]
    writer.store_overrides(1, {}, unset=["title"], now=NOW)
    assert found(db, "samovar") == []
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    assert found(db, "flower") == [1]
    tell(writer, record(50, "brandnew"))
    assert found(db, "brandnew") == [50]
    db.execute("INSERT INTO packages_fts (packages_fts, rank) VALUES ('integrity-check', 1)")


def test_references_are_kept_whole(db: sqlite3.Connection, writer: Writer) -> None:
    tell(writer, record(50, "new", category=77, grids=(700, 701)))
    writer.store_overrides(50, {"title": "Mine"}, unset=[], now=NOW)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("DELETE FROM packages WHERE id = 50")  # it bears an edit
    db.execute("UPDATE packages SET id = 51 WHERE id = 50")
    assert db.execute("SELECT package_id FROM overrides").fetchall() == [(51,)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_columns_that_a_newer_version_added_are_not_blanked(db: sqlite3.Connection, writer: Writer) -> None:
    say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots")))
    writer.store_overrides(1, {"title": "Mine"}, unset=[], now=NOW)
    tables = ("packages", "facts", "overrides", "grids", "categories")
    for table in tables:
        db.execute(f"ALTER TABLE {table} ADD COLUMN colour TEXT")
        db.execute(f"UPDATE {table} SET colour = 'red'")
    for turn in range(5):
        tell(writer, replace(POTS, title=f"Turn {turn}", grids=(10,)))
        say(writer, SourceAnswer(HERE, Outcome.UPDATED, forge("mara/django-pots", stars=turn)))
        say(writer, SourceAnswer(HERE, Outcome.FAILED, error="x"))
        writer.store_overrides(1, {"title": f"Mine {turn}"}, unset=[], now=NOW)
        writer.store_grids([Grid(id=10, slug="garden", title=f"Garden {turn}")])
        writer.store_categories([Category(id=1, slug="apps", title=f"Apps {turn}")])
        writer.mark_removed({2, 3, 4}, now=NOW, tell=True)
    for table in tables:
        assert db.execute(f"SELECT count(*) FROM {table} WHERE colour IS NULL").fetchone() == (0,), table


def test_installed_plugins_of_the_library_are_not_run(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlite_utils import plugins  # noqa: PLC0415 - it is the library's

    called: list[object] = []
    monkeypatch.setattr(plugins.pm.hook, "prepare_connection", lambda conn: called.append(conn))  # noqa: PLW0108 - by its name
    tell(Writer(db, forges=NO_FORGES), record(50, "new"))
    assert called == []


# Kills.

PAGES, SIZE = 4, 12


def page_of(number: int, generation: int) -> list[CatalogFacts]:
    first = 1000 + number * SIZE
    return [
        record(n, f"package-{n}", title=f"generation {generation}", grids=(10 + generation % 3,))
        for n in range(first, first + SIZE)
    ]


def write_pages(path: Path, acks: int, base: int) -> None:
    """Store page after page and acknowledge each, until somebody ends it."""
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for turn in range(10_000):
            number, generation = turn % PAGES, turn // PAGES + 1
            writer.store_catalog(page_of(number, base + generation), now=NOW, tell_added=False)
            os.write(acks, bytes([number, generation % 256]))


def kill_by_progress(path: Path, acknowledged: int, pause: float, base: int = 0) -> dict[int, int]:
    """Let a child store so many pages, kill it a moment later, and give the last generation it acknowledged by page.

    Generations go up from `base`.
    """
    reader, acks = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_pages(path, acks, base)
        finally:
            os._exit(1)
    os.close(acks)
    said = os.read(reader, 2 * acknowledged)
    while len(said) < 2 * acknowledged:
        more = os.read(reader, 2 * acknowledged - len(said))
        assert more, "the child ended by itself"
        said += more
    time.sleep(pause)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reader, 4096):
        said += more
    os.close(reader)
    return {number: base + generation for number, generation in zip(said[::2], said[1::2], strict=True)}


def half_pages(path: Path, acknowledged: dict[int, int]) -> tuple[int, int]:
    """How many pages are stored in part, and how many acknowledged ones are lost."""
    with open_read(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute(
            "SELECT packages.id, title, json_extract(said, '$.title'), grids, json_group_array(grid_id)"
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
        title, said, grids, placed = next(iter(stored))
        half += not (len(stored) == 1 and title == said and grids == placed)
        lost += int(title.rpartition(" ")[2]) < acknowledged.get(number, 0)
    return half, lost


@pytest.fixture
def campaign(path: Path) -> Path:
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for number in range(PAGES):
            tell(writer, *page_of(number, 0))
        for number in range(1, 5):
            writer.store_overrides(number, {"title": f"edit {number}"}, unset=[], now=NOW)
    return path


@pytest.mark.campaign
def test_a_killed_fetch_loses_no_page_that_was_stored_and_stores_none_in_part(campaign: Path) -> None:
    chance = random.Random(20261123)  # noqa: S311 - the same moments each time
    acknowledged = hot = 0
    for run in range(60):
        acks = kill_by_progress(campaign, chance.randrange(1, 6), chance.uniform(0, 0.004), run * 100)
        hot += campaign.with_name("mirror.db-journal").exists()
        assert half_pages(campaign, acks) == (0, 0)
        acknowledged += len(acks)
    assert acknowledged > 60
    assert hot >= 3  # so many kills came in the middle of a page


def test_without_a_transaction_killed_fetches_would_leave_half_pages(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def none(db: sqlite3.Connection) -> Iterator[None]:
        db.execute("PRAGMA synchronous = OFF")  # a kill is no power cut, and rows one by one take long
        yield

    monkeypatch.setattr(write, "transaction", none)
    chance = random.Random(20261123)  # noqa: S311 - the same moments each time
    halves = kills = 0
    while halves < 5 and kills < 200:
        halves += half_pages(campaign, kill_by_progress(campaign, 1, chance.uniform(0, 0.004)))[0]
        kills += 1
    assert halves >= 5


# Writers side by side.

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
    """Editors who add to one list while a fetch writes; the names that are there at the end."""

    def editing(editor: int) -> None:
        for number in range(EDITS):
            with open_write(path) as db:
                edit(db, f"{editor}-{number}")

    def fetching() -> None:
        with open_write(path) as db:
            writer = Writer(db, forges=NO_FORGES)
            for turn in range(25):
                tell(writer, replace(POTS, title=f"Turn {turn}"), *page_of(0, turn))
                time.sleep(0.002)

    in_children(*(lambda editor=editor: editing(editor) for editor in range(EDITORS)), fetching)
    with open_read(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return set(json.loads(shown(db, 1, "participants")))


def names() -> set[str]:
    return {f"{editor}-{number}" for editor in range(EDITORS) for number in range(EDITS)}


@pytest.mark.campaign
def test_of_edits_that_race_with_each_other_and_with_a_fetch_none_is_lost(path: Path) -> None:
    def add(db: sqlite3.Connection, name: str) -> None:
        Writer(db, forges=NO_FORGES).revise_overrides(
            1, lambda current: {"participants": [*current["participants"], name]}, unset=[], now=NOW
        )

    assert names() <= race(path, add)


@pytest.mark.campaign
def test_edits_that_read_before_their_transaction_would_be_lost(path: Path) -> None:
    def add(db: sqlite3.Connection, name: str) -> None:
        before = json.loads(shown(db, 1, "participants"))
        Writer(db, forges=NO_FORGES).store_overrides(1, {"participants": [*before, name]}, unset=[], now=NOW)

    assert not names() <= race(path, add)
