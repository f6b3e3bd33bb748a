"""What a fetch is to ask the forges and PyPI about."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror import queue
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import ForgeFacts, Outcome, PypiFacts
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import FORGES, SourceName
from tests.mirrors import NOW, filled, forge, pypi, record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

GITHUB, GITLAB, PYPI = SourceName.GITHUB, SourceName.GITLAB, SourceName.PYPI
HOUR = timedelta(hours=1)
PACKAGES = (
    record(1, "few", repo_watchers=1),
    record(2, "many", repo_watchers=1000),
    record(3, "unrated", repo_watchers=None),
    record(4, "lab", repo_url="https://gitlab.com/Group/Sub/Lab"),
    record(5, "nowhere", repo_url="", pypi_url=""),
    record(6, "odd", repo_url="https://example.org/x", pypi_url="https://example.org/y"),
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(filled(tmp_path / "mirror.db", PACKAGES)) as db:
        yield db


@pytest.fixture
def writer(db: sqlite3.Connection) -> Writer:
    return Writer(db, forges=NO_FORGES)


def place(slug: str) -> str:
    return f"github.com/mara/{slug}"


def asked(db: sqlite3.Connection, only: set[int] | None = None, source: SourceName = GITHUB) -> list[str]:
    found = queue.queue_repositories(db, only=only, now=NOW)[source]
    return [ask.coordinate.rpartition("/")[2] for ask in found.asks]


def projects(db: sqlite3.Connection, only: set[int] | None = None) -> list[str]:
    return [ask.coordinate for ask in queue.queue_projects(db, only=only, now=NOW).asks]


def test_what_was_never_asked_comes_first_and_of_that_the_most_stars(db: sqlite3.Connection) -> None:
    assert asked(db) == ["many", "few", "unrated"]
    assert projects(db) == ["many", "lab", "few", "unrated"]
    assert asked(db, source=GITLAB) == ["lab"]
    assert set(queue.queue_repositories(db, only=None, now=NOW)) == set(FORGES)


def test_then_the_stalest_answer_comes_first(db: sqlite3.Connection, writer: Writer) -> None:
    for hours, slug in ((5, "many"), (1, "unrated"), (3, "few")):
        said = SourceAnswer(place(slug), Outcome.UPDATED, forge(f"mara/{slug}"))
        writer.store_statements(GITHUB, [said], now=NOW - hours * HOUR)
        release = SourceAnswer(slug, Outcome.UPDATED, pypi(slug))
        writer.store_statements(PYPI, [release], now=NOW - hours * HOUR)
    assert asked(db) == ["many", "few", "unrated"]
    assert projects(db) == ["lab", "many", "few", "unrated"]
    failed = SourceAnswer(place("many"), Outcome.FAILED, error="answered 502")
    writer.store_statements(GITHUB, [failed], now=NOW)
    assert asked(db)[0] == "many"  # a failure is no answer
    writer.store_statements(GITHUB, [SourceAnswer(place("many"), Outcome.UNCHANGED)], now=NOW)
    assert asked(db) == ["few", "unrated", "many"]


def test_an_ask_carries_the_validators_of_what_is_stored(db: sqlite3.Connection, writer: Writer) -> None:
    stated = record(1, "few", repo_watchers=1, last_updated="2026-01-03T02:16:36-04:00", participants=("mara",))
    writer.store_catalog([stated], now=NOW, tell_added=False)
    said = SourceAnswer("gitlab.com/group/sub/lab", Outcome.UPDATED, forge("Group/Sub/Lab"), etag='"1"')
    writer.store_statements(GITLAB, [said], now=NOW)
    (lab,) = queue.queue_repositories(db, only=None, now=NOW)[GITLAB].asks
    facts = forge("x")
    assert facts.repository is not None
    assert facts.contributors is not None
    assert lab == RepositoryTarget(
        coordinate="gitlab.com/group/sub/lab",
        host="gitlab.com",
        path="Group/Sub/Lab",
        etag='"1"',
        node_id=None,
        head="a" * 40,
        head_at=facts.repository.head_at,
        weeks_head="a" * 40,
        contributors_head="a" * 40,
        contributors_taken=facts.contributors.taken,
        catalog_updated=stated.last_updated,
    )
    few = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].asks
    assert few == [
        RepositoryTarget(
            coordinate=place("few"), host="github.com", path="mara/few", catalog_updated="2026-01-03T02:16:36-04:00"
        )
    ]
    writer.store_statements(PYPI, [SourceAnswer("few", Outcome.UPDATED, pypi("few"), etag='"2"', serial=7)], now=NOW)
    assert queue.queue_projects(db, only={1}, now=NOW).asks == [ProjectTarget(coordinate="few", etag='"2"', serial=7)]


def test_the_catalogs_date_counts_only_where_it_has_a_list_of_participants(
    db: sqlite3.Connection, writer: Writer
) -> None:
    writer.store_catalog([record(1, "few", participants=())], now=NOW, tell_added=False)
    (ask,) = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].asks
    assert ask.catalog_updated is None


def test_packages_that_share_a_place_are_one_ask(db: sqlite3.Connection, writer: Writer) -> None:
    twin = record(20, "twin", repo_url="http://github.com/Mara/Few.git", pypi_url="FEW", repo_watchers=5)
    writer.store_catalog([twin], now=NOW, tell_added=False)
    found = queue.queue_repositories(db, only=None, now=NOW)[GITHUB]
    assert [ask.coordinate for ask in found.asks].count(place("few")) == 1
    assert sorted(found.slugs[place("few")]) == ["few", "twin"]
    names = queue.queue_projects(db, only=None, now=NOW)
    assert [ask.coordinate for ask in names.asks].count("few") == 1
    assert sorted(names.slugs["few"]) == ["few", "twin"]
    assert set(found.slugs) == {ask.coordinate for ask in found.asks}


def test_what_is_gone_is_not_asked_again_before_its_time_unless_it_is_named(
    db: sqlite3.Connection, writer: Writer
) -> None:
    gone = SourceAnswer(place("many"), Outcome.GONE, ForgeFacts(state="gone"))
    off = SourceAnswer("many", Outcome.GONE, PypiFacts(state="gone", name="many"))
    writer.store_statements(GITHUB, [gone], now=NOW - HOUR)
    writer.store_statements(PYPI, [off], now=NOW - HOUR)
    assert asked(db) == ["few", "unrated"]
    assert projects(db) == ["lab", "few", "unrated"]
    assert (asked(db, {2}), projects(db, {2})) == (["many"], ["many"])
    day_later = NOW - HOUR + timedelta(days=1)
    again = queue.queue_repositories(db, only=None, now=day_later)[GITHUB].asks
    assert [ask.coordinate for ask in again][-1] == place("many")
    assert "many" in [ask.coordinate for ask in queue.queue_projects(db, only=None, now=day_later).asks]


def test_a_newcomer_to_a_place_that_is_gone_is_asked_about(db: sqlite3.Connection, writer: Writer) -> None:
    gone = SourceAnswer(place("many"), Outcome.GONE, ForgeFacts(state="gone"))
    writer.store_statements(GITHUB, [gone], now=NOW - HOUR)
    writer.store_catalog([record(20, "twin", repo_url="https://github.com/mara/many")], now=NOW, tell_added=False)
    assert "many" in asked(db)


def test_only_the_named_are_asked_about(db: sqlite3.Connection) -> None:
    assert (asked(db, {1, 3}), projects(db, {4})) == (["few", "unrated"], ["lab"])
    assert (asked(db, {5, 6}), projects(db, {5, 6})) == ([], [])
    assert (asked(db, set()), projects(db, set())) == ([], [])


def test_removed_packages_are_still_asked_about(db: sqlite3.Connection, writer: Writer) -> None:
    writer.mark_removed({2, 3, 4, 5, 6}, now=NOW, tell=True)
    assert "few" in asked(db)


def test_an_edited_address_is_what_is_asked(db: sqlite3.Connection, writer: Writer) -> None:
    here = SourceAnswer(place("few"), Outcome.UPDATED, forge("mara/few"), etag='"1"')
    writer.store_statements(GITHUB, [here], now=NOW)
    writer.store_statements(PYPI, [SourceAnswer("few", Outcome.UPDATED, pypi("few"), serial=7)], now=NOW)
    edit = {"repo_url": "https://codeberg.org/mara/few", "pypi_url": "other"}
    writer.store_overrides(1, edit, unset=[], now=NOW)
    assert "few" not in asked(db)
    assert asked(db, source=SourceName.FORGEJO) == ["few"]
    assert queue.queue_projects(db, only={1}, now=NOW).asks == [ProjectTarget(coordinate="other")]
    (there,) = queue.queue_repositories(db, only={1}, now=NOW)[SourceName.FORGEJO].asks
    assert (there.etag, there.head, there.weeks_head) == (None, None, None)
    writer.store_overrides(1, {"repo_url": "https://github.com/ines/few"}, unset=[], now=NOW)
    (there,) = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].asks
    assert (there.coordinate, there.etag, there.head) == ("github.com/ines/few", None, None)


def test_the_catalogs_list_counts_only_where_every_package_of_a_repository_has_it(
    db: sqlite3.Connection, writer: Writer
) -> None:
    def tell(number: int, updated: str) -> str | None:
        said = record(number, f"twin-{number}", repo_url="https://github.com/mara/twin", last_updated=updated)
        writer.store_catalog([said], now=NOW, tell_added=False)
        return next(
            ask.catalog_updated
            for ask in queue.queue_repositories(db, only=None, now=NOW)[GITHUB].asks
            if ask.coordinate == place("twin")
        )

    assert tell(70, "2026-01-02T10:00:00Z") == "2026-01-02T10:00:00Z"
    assert tell(71, "2026-01-02T11:00:00+01:00") in ("2026-01-02T10:00:00Z", "2026-01-02T11:00:00+01:00")
    assert tell(72, "2025-01-02T10:00:00Z") is None


def test_whether_a_repository_was_gone_goes_along(db: sqlite3.Connection, writer: Writer) -> None:
    writer.store_statements(GITHUB, [SourceAnswer(place("few"), Outcome.GONE, ForgeFacts(state="gone"))], now=NOW)
    gone = {ask.coordinate: ask.gone for ask in queue.queue_repositories(db, only={1, 2}, now=NOW)[GITHUB].asks}
    assert gone == {place("few"): True, place("many"): False}
