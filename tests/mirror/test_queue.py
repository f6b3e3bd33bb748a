"""The queues of repositories and projects that a fetch looks up."""

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
from tests.mirrors import NOW, catalog_facts, filled_mirror, forge_facts, override, pypi_facts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

GITHUB, GITLAB, PYPI = SourceName.GITHUB, SourceName.GITLAB, SourceName.PYPI
HOUR = timedelta(hours=1)
PACKAGES = (
    catalog_facts(1, "few", repo_watchers=1),
    catalog_facts(2, "many", repo_watchers=1000),
    catalog_facts(3, "unrated", repo_watchers=None),
    catalog_facts(4, "lab", repo_url="https://gitlab.com/Group/Sub/Lab"),
    catalog_facts(5, "nowhere", repo_url="", pypi_url=""),
    catalog_facts(6, "odd", repo_url="https://example.org/x", pypi_url="https://example.org/y"),
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(filled_mirror(tmp_path / "mirror.db", PACKAGES)) as db:
        yield db


@pytest.fixture
def writer(db: sqlite3.Connection) -> Writer:
    return Writer(db, forges=NO_FORGES)


def coordinate(slug: str) -> str:
    return f"github.com/mara/{slug}"


def queued(db: sqlite3.Connection, only: set[int] | None = None, source: SourceName = GITHUB) -> list[str]:
    found = queue.queue_repositories(db, only=only, named=only or (), now=NOW)[source]
    return [target.coordinate.rpartition("/")[2] for target in found.targets]


def projects(db: sqlite3.Connection, only: set[int] | None = None) -> list[str]:
    return [target.coordinate for target in queue.queue_projects(db, only=only, named=only or (), now=NOW).targets]


def test_targets_without_an_answer_come_first_by_stars(db: sqlite3.Connection) -> None:
    assert queued(db) == ["many", "few", "unrated"]
    assert projects(db) == ["many", "lab", "few", "unrated"]
    assert queued(db, source=GITLAB) == ["lab"]
    assert set(queue.queue_repositories(db, only=None, now=NOW)) == set(FORGES)


def test_the_oldest_answers_come_next(db: sqlite3.Connection, writer: Writer) -> None:
    for hours, slug in ((5, "many"), (1, "unrated"), (3, "few")):
        answer = SourceAnswer(coordinate(slug), Outcome.UPDATED, forge_facts(f"mara/{slug}"))
        writer.store_answers(GITHUB, [answer], now=NOW - hours * HOUR)
        release = SourceAnswer(slug, Outcome.UPDATED, pypi_facts(slug))
        writer.store_answers(PYPI, [release], now=NOW - hours * HOUR)
    assert queued(db) == ["many", "few", "unrated"]
    assert projects(db) == ["lab", "many", "few", "unrated"]
    failed = SourceAnswer(coordinate("many"), Outcome.FAILED, error="answered 502")
    writer.store_answers(GITHUB, [failed], now=NOW)
    assert queued(db)[0] == "many"  # a failure does not count as an answer
    writer.store_answers(GITHUB, [SourceAnswer(coordinate("many"), Outcome.UNCHANGED)], now=NOW)
    assert queued(db) == ["few", "unrated", "many"]


def test_a_target_has_the_stored_validators(db: sqlite3.Connection, writer: Writer) -> None:
    record = catalog_facts(1, "few", repo_watchers=1, last_updated="2026-01-03T02:16:36-04:00", participants=("mara",))
    writer.store_catalog([record], now=NOW, report_added=False)
    answer = SourceAnswer("gitlab.com/group/sub/lab", Outcome.UPDATED, forge_facts("Group/Sub/Lab"), etag='"1"')
    writer.store_answers(GITLAB, [answer], now=NOW)
    (lab,) = queue.queue_repositories(db, only=None, now=NOW)[GITLAB].targets
    facts = forge_facts("x")
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
        catalog_updated=record.last_updated,
    )
    few = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].targets
    assert few == [
        RepositoryTarget(
            coordinate=coordinate("few"),
            host="github.com",
            path="mara/few",
            catalog_updated="2026-01-03T02:16:36-04:00",
        )
    ]
    writer.store_answers(PYPI, [SourceAnswer("few", Outcome.UPDATED, pypi_facts("few"), etag='"2"', serial=7)], now=NOW)
    assert queue.queue_projects(db, only={1}, now=NOW).targets == [
        ProjectTarget(coordinate="few", etag='"2"', serial=7)
    ]


def test_a_target_has_the_catalogs_date_only_with_its_participants(db: sqlite3.Connection, writer: Writer) -> None:
    writer.store_catalog([catalog_facts(9, "new", participants=())], now=NOW, report_added=False)
    (target,) = queue.queue_repositories(db, only={9}, now=NOW)[GITHUB].targets
    assert target.catalog_updated is None
    former = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].targets[0].catalog_updated
    record = catalog_facts(1, "few", participants=(), last_updated="2026-09-09T00:00:00Z")
    writer.store_catalog([record], now=NOW, report_added=False)
    (target,) = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].targets
    assert target.catalog_updated == former  # that of the list which is kept


def test_packages_of_one_repository_are_one_target(db: sqlite3.Connection, writer: Writer) -> None:
    twin = catalog_facts(20, "twin", repo_url="http://github.com/Mara/Few.git", pypi_url="FEW", repo_watchers=5)
    writer.store_catalog([twin], now=NOW, report_added=False)
    found = queue.queue_repositories(db, only=None, now=NOW)[GITHUB]
    assert [target.coordinate for target in found.targets].count(coordinate("few")) == 1
    assert sorted(found.slugs[coordinate("few")]) == ["few", "twin"]
    names = queue.queue_projects(db, only=None, now=NOW)
    assert [target.coordinate for target in names.targets].count("few") == 1
    assert sorted(names.slugs["few"]) == ["few", "twin"]
    assert set(found.slugs) == {target.coordinate for target in found.targets}


def test_a_gone_target_waits_for_its_retry_time_unless_named(db: sqlite3.Connection, writer: Writer) -> None:
    gone = SourceAnswer(coordinate("many"), Outcome.GONE, ForgeFacts(state="gone"))
    off = SourceAnswer("many", Outcome.GONE, PypiFacts(state="gone", name="many"))
    writer.store_answers(GITHUB, [gone], now=NOW - HOUR)
    writer.store_answers(PYPI, [off], now=NOW - HOUR)
    assert queued(db) == ["few", "unrated"]
    assert projects(db) == ["lab", "few", "unrated"]
    assert (queued(db, {2}), projects(db, {2})) == (["many"], ["many"])
    day_later = NOW - HOUR + timedelta(days=1)
    again = queue.queue_repositories(db, only=None, now=day_later)[GITHUB].targets
    assert [target.coordinate for target in again][-1] == coordinate("many")
    assert "many" in [target.coordinate for target in queue.queue_projects(db, only=None, now=day_later).targets]


@pytest.mark.parametrize("time", ["yesterday", "9999-12-31T00:00:00Z", "2027-01-01T00:00:00Z"])
def test_a_retry_time_that_no_answer_causes_does_not_count(db: sqlite3.Connection, writer: Writer, time: str) -> None:
    gone = SourceAnswer(coordinate("many"), Outcome.GONE, ForgeFacts(state="gone"))
    writer.store_answers(GITHUB, [gone], now=NOW - HOUR)
    assert "many" not in queued(db)
    db.execute("UPDATE facts SET retry_after = ?", (time,))
    assert "many" in queued(db)


def test_a_new_package_of_a_gone_repository_is_queued(db: sqlite3.Connection, writer: Writer) -> None:
    gone = SourceAnswer(coordinate("many"), Outcome.GONE, ForgeFacts(state="gone"))
    writer.store_answers(GITHUB, [gone], now=NOW - HOUR)
    writer.store_catalog(
        [catalog_facts(20, "twin", repo_url="https://github.com/mara/many")], now=NOW, report_added=False
    )
    assert "many" in queued(db)


def test_only_named_packages_are_queued(db: sqlite3.Connection) -> None:
    assert (queued(db, {1, 3}), projects(db, {4})) == (["few", "unrated"], ["lab"])
    assert (queued(db, {5, 6}), projects(db, {5, 6})) == ([], [])
    assert (queued(db, set()), projects(db, set())) == ([], [])


def test_removed_packages_are_queued(db: sqlite3.Connection, writer: Writer) -> None:
    writer.mark_removed({2, 3, 4, 5, 6}, now=NOW, report=True)
    assert "few" in queued(db)


def test_an_edited_address_is_queued(db: sqlite3.Connection, writer: Writer) -> None:
    here = SourceAnswer(coordinate("few"), Outcome.UPDATED, forge_facts("mara/few"), etag='"1"')
    writer.store_answers(GITHUB, [here], now=NOW)
    writer.store_answers(PYPI, [SourceAnswer("few", Outcome.UPDATED, pypi_facts("few"), serial=7)], now=NOW)
    edit = {"repo_url": "https://codeberg.org/mara/few", "pypi_url": "other"}
    override(db, 1, edit)
    assert "few" not in queued(db)
    assert queued(db, source=SourceName.FORGEJO) == ["few"]
    assert queue.queue_projects(db, only={1}, now=NOW).targets == [ProjectTarget(coordinate="other")]
    (there,) = queue.queue_repositories(db, only={1}, now=NOW)[SourceName.FORGEJO].targets
    assert (there.etag, there.head, there.weeks_head) == (None, None, None)
    override(db, 1, {"repo_url": "https://github.com/ines/few"})
    (there,) = queue.queue_repositories(db, only={1}, now=NOW)[GITHUB].targets
    assert (there.coordinate, there.etag, there.head) == ("github.com/ines/few", None, None)


def test_the_catalogs_date_must_be_the_same_for_all_packages_of_a_repository(
    db: sqlite3.Connection, writer: Writer
) -> None:
    def store_twin(number: int, updated: str) -> str | None:
        record = catalog_facts(number, f"twin-{number}", repo_url="https://github.com/mara/twin", last_updated=updated)
        writer.store_catalog([record], now=NOW, report_added=False)
        return next(
            target.catalog_updated
            for target in queue.queue_repositories(db, only=None, now=NOW)[GITHUB].targets
            if target.coordinate == coordinate("twin")
        )

    assert store_twin(70, "2026-01-02T10:00:00Z") == "2026-01-02T10:00:00Z"
    assert store_twin(71, "2026-01-02T11:00:00+01:00") in ("2026-01-02T10:00:00Z", "2026-01-02T11:00:00+01:00")
    assert store_twin(72, "2025-01-02T10:00:00Z") is None


def test_a_target_has_the_state_gone(db: sqlite3.Connection, writer: Writer) -> None:
    writer.store_answers(GITHUB, [SourceAnswer(coordinate("few"), Outcome.GONE, ForgeFacts(state="gone"))], now=NOW)
    gone = {
        target.coordinate: target.gone
        for target in queue.queue_repositories(db, only={1, 2}, named={1, 2}, now=NOW)[GITHUB].targets
    }
    assert gone == {coordinate("few"): True, coordinate("many"): False}
