"""What a fetch stores and reports, against a world whose packages change and whose servers fail."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import ConfigError
from djpkg.fetch.progress import NoProgress
from djpkg.fetch.report_text import REPOSITORIES_WITHOUT_TOKEN, error_lines, interrupted_line, summary_lines
from djpkg.mirror import apply_answer, merging, write
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model import merge
from djpkg.model.facts import Outcome, RepositoryFacts
from djpkg.source_name import FORGES, SourceName
from djpkg.sources import registry
from djpkg.sources.catalog import source
from djpkg.sources.http.retry import Limits
from djpkg.text import pluralize
from djpkg.times import format_time
from tests.fetching import QUICK, STARTER, Desk, add_starter, check_integrity, expected, quick_folder
from tests.world import BITBUCKET, CODEBERG, GITLAB, NOW, Release, World
from tests.world.times import weekly_counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from djpkg.fetch.report import Report
    from djpkg.mirror.apply_answer import AppliedAnswer, SourceAnswer
    from djpkg.model.merge import FactsRow, Merged
    from tests.pauses import Pauses
    from tests.world import WorldServer
    from tests.world.faults import FaultKind


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    return world


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with quick_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def desk(server: WorldServer, folder: Path) -> Desk:
    """A desk without tokens and with large quotas."""
    for api in ("github", "bitbucket"):
        server.quota(api, authorised=False).limit = 1000
    return Desk(server, folder / "mirror.db")


@pytest.fixture
def token_desk(server: WorldServer, folder: Path) -> Desk:
    return Desk(server, folder / "mirror.db", tokens=server.token_env())


@pytest.fixture(params=["anonymous", "token"])
def any_desk(request: pytest.FixtureRequest, desk: Desk, server: WorldServer) -> Desk:
    """A desk without tokens, then one with tokens."""
    if request.param == "token":
        desk.tokens = server.token_env()
    return desk


def fill(world: World) -> None:
    """A package on every forge, and two that share their repository."""
    world.add_grid(7, "Forms")
    world.add_package(
        "on-github",
        stars=5,
        forks=2,
        description="Forms “by hand”",
        commits=[0.2, (3, "alice"), (40, "bob"), (363, "carol"), 500],
        releases=[("1.0", 30), ("1.1", 3)],
        grids=[7],
        documentation_url=None,
    )
    world.add_package("on-gitlab", host=GITLAB, path="group/sub/x", commits=[3, 9], stars=4, forks=1)
    world.add_package("on-bitbucket", host=BITBUCKET, path="team/x", commits=[3, 9], stars=2, forks=3)
    world.add_package("on-codeberg", host=CODEBERG, path="team/y", commits=[3, 9], stars=4, releases=[("2.0", 3)])
    world.add_package("twin", path="acme/shared", stars=9, commits=[2], category=2)
    world.add_package("sibling", repo_url="https://github.com/Acme/Shared/tree/main/sub", category=2)


def make_catalog_outdated(world: World) -> None:
    """Make the catalog's figures outdated: the record must come from the forges and PyPI."""
    for package in world.packages.values():
        package.repo_watchers, package.repo_forks, package.repo_description = 1, 1, "as it was"
        package.commits_over_52, package.last_updated = [1] * 52, "2020-01-01T00:00:00-05:00"
        package.pypi_version = package.pypi_version and "0.1"


def test_github_states_every_fact_about_a_repository_through_both_apis(any_desk: Desk) -> None:
    any_desk.world.add_package("licensed", license="MIT", commits=[3])
    any_desk.world.add_package("archived", archived=True, commits=[3])
    any_desk.fetch()
    only_by_graphql = set() if any_desk.tokens else {"archived_at"}
    sql = "SELECT DISTINCT key FROM facts, json_each(facts, '$.repository') WHERE source = 'github' AND value NOT NULL"
    with closing(sqlite3.connect(any_desk.path)) as db:
        assert {key for (key,) in db.execute(sql)} == set(RepositoryFacts.__dataclass_fields__) - only_by_graphql


def count_requests(server: WorldServer, match: str, api: str = "github") -> int:
    return len(server.requests(api, match))


def failed_sources(report: Report) -> set[tuple[str | None, str | None]]:
    return {(failure.slug, failure.source) for failure in report.failures}


def listed_failures(report: Report) -> list[dict[str, Any]]:
    """Return the failures as `fetch --json` prints them."""
    failures = report.as_json()["failures"]
    assert isinstance(failures, list)
    return failures


def event_names(desk: Desk) -> list[tuple[str, str]]:
    return [(slug, event) for slug, event, _, _ in desk.events()]


# Stored records.


@pytest.mark.parametrize("named", [False, True], ids=["all", "named"])
def test_the_record_has_the_current_data_of_all_sources(any_desk: Desk, *, named: bool) -> None:
    world = any_desk.world
    fill(world)
    make_catalog_outdated(world)
    names = [package.slug for package in world.packages.values()] if named else []
    report = any_desk.fetch(*names)
    assert (report.exit_code, error_lines(report), report.events) == (0, [], [])
    for package in world.packages.values():
        if package.slug == "sibling":
            continue
        record, wanted = any_desk.show(package.slug), expected(world, package)
        if package.slug in {"on-bitbucket", "on-codeberg"}:
            # They have no list of contributors: the authors of commits are appended to the catalog's list.
            assert record.pop("participants")[: len(wanted["participants"])] == wanted.pop("participants")
        if package.slug == "on-gitlab":
            assert [name.lower() for name in record.pop("participants")] == wanted.pop("participants")
        assert record == wanted
        assert list(record) == [name for name in expected(world, package) if name in record]
    assert any_desk.show("sibling")["repo_watchers"] == any_desk.show("twin")["repo_watchers"] == 9
    tallies = report.sources
    assert {source: dict(+tally.outcomes) for source, tally in tallies.items()} == {
        source: dict(+Counter({Outcome.UPDATED: tally.asked})) for source, tally in tallies.items()
    }
    assert {source: tallies[source].asked for source in FORGES} == {
        SourceName.GITHUB: 4,
        SourceName.GITLAB: 1,
        SourceName.BITBUCKET: 1,
        SourceName.FORGEJO: 1,
    }
    check_integrity(any_desk.path)


def test_titles_of_grids_and_categories_are_stored(any_desk: Desk) -> None:
    fill(any_desk.world)
    any_desk.world.categories[1].title = "Appliance"
    any_desk.fetch("on-github")
    assert any_desk.field("on-github", "grid_slugs") == ["forms"]
    any_desk.fetch()
    assert any_desk.fields("twin", "category_slug", "category_title") == {
        "category_slug": "frameworks",
        "category_title": "Framework",
    }
    assert any_desk.field("on-github", "category_title") == "Appliance"


def test_two_packages_with_one_repository_cost_one_request(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    for names in (("twin", "sibling"), ()):
        desk.fetch(*names)
        assert count_requests(server, r"^/repos/acme/shared$") + count_requests(server, r"^/repos/Acme/Shared$") == 1
    assert desk.fields("sibling", "repo_state", "commits_last_year") == desk.fields(
        "twin", "repo_state", "commits_last_year"
    )


def test_no_state_of_a_repository_is_an_error(any_desk: Desk) -> None:
    world = any_desk.world
    world.add_package("moves", path="old/name", stars=3, commits=[5])
    world.rename("old/name", "fresh/name")
    for slug, state in (("gone", "gone"), ("dmca", "blocked_dmca"), ("tos", "blocked_tos"), ("void", "empty")):
        world.add_package(slug, state=state, stars=1)  # type: ignore[arg-type]  # it is one of them
    world.add_package("elsewhere", repo_url="https://example.org/some/thing")
    world.add_package("nowhere", repo_url="")
    report = any_desk.fetch()
    assert (report.exit_code, error_lines(report), report.events) == (0, [], [])
    assert {slug: any_desk.field(slug, "repo_state") for slug in any_desk.slugs()} == {
        STARTER: "ok",
        "moves": "moved",
        "gone": "gone",
        "dmca": "blocked",
        "tos": "blocked",
        "void": "empty",
        "elsewhere": "unsupported",
        "nowhere": "none",
    }
    assert any_desk.field("moves", "moved_to") == "https://github.com/fresh/name"
    assert any_desk.show("moves")["repo_url"] == "https://github.com/old/name"
    assert any_desk.show("moves")["repo_watchers"] == 3
    assert any_desk.show("void")["commits_over_52"] == [0] * 52
    assert report.sources[SourceName.GITHUB].outcomes[Outcome.GONE] == 3
    assert not any_desk.field("gone", "failed")


def test_a_redirect_of_pypi_to_another_project_is_a_failure(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("renamed", project="New.Name", releases=[("3.0", 2)], pypi_url="old_name")
    server.fault(
        "pypi", r"^/pypi/old-name/json", kind="redirect", status=301, location=f"{server.url}/pypi/pypi/new-name/json"
    )
    desk.fetch(sources=["catalog"])
    before = desk.rows("SELECT pypi_version FROM packages")
    for names in ([], ["renamed"]):
        assert error_lines(desk.fetch(*names)) == ["pypi: got an answer about 'New.Name' instead of old-name (renamed)"]
    assert desk.field("renamed", "pypi_state") is None
    assert desk.rows("SELECT pypi_version FROM packages") == before


def test_a_project_with_only_yanked_releases_is_yanked(desk: Desk) -> None:
    desk.world.add_package("bad", releases=[Release("1.0", NOW - timedelta(days=9), yanked=True)])
    desk.fetch("bad")
    assert desk.fields("bad", "pypi_version", "yanked") == {"pypi_version": "1.0", "yanked": True}


def test_a_project_removed_from_pypi_keeps_its_stored_data(desk: Desk) -> None:
    desk.world.add_package("lost", releases=[("1.4", "2025-01-01")])
    desk.fetch()
    desk.world.delete_project("lost")
    desk.world.package("lost").pypi_version = "0.9"
    desk.advance(days=1)
    report = desk.fetch()
    assert report.exit_code == 0
    assert desk.fields("lost", "pypi_state", "pypi_version", "released") == {
        "pypi_state": "gone",
        "pypi_version": "1.4",
        "released": "2025-01-01T00:00:00Z",
    }
    assert ("lost", "gone") in event_names(desk)


# Requests sent.


def test_a_second_named_fetch_with_a_token_costs_no_quota(token_desk: Desk, server: WorldServer) -> None:
    fill(token_desk.world)
    token_desk.fetch("on-github", "twin")
    report = token_desk.fetch("on-github", "twin")
    assert server.requests("github")
    assert (server.charged("github"), server.points()) == (0, 0)
    assert report.sources[SourceName.GITHUB].outcomes == {Outcome.UNCHANGED: 2}
    assert report.sources[SourceName.PYPI].outcomes == {Outcome.UNCHANGED: 1}


def test_a_second_fetch_of_all_costs_only_the_probe(token_desk: Desk, server: WorldServer) -> None:
    fill(token_desk.world)
    token_desk.begin_with("filled")
    token_desk.fetch()
    report = token_desk.fetch()
    assert server.charged("github") == 0
    assert server.points() <= 1
    assert not [one for one in report.sources.values() if one.outcomes[Outcome.UPDATED]]
    assert report.exit_code == 0


def test_only_the_given_sources_get_requests(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.fetch(sources=["catalog"])
    assert {request.api for request in server.log} == {"catalog"}
    desk.fetch(sources=["pypi", "gitlab"])
    assert {request.api for request in server.log} == {"pypi", "gitlab"}
    desk.fetch("on-github", sources=["github"])
    assert {request.api for request in server.log} == {"github"}


def test_without_the_catalog_names_are_looked_up_in_the_mirror(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    report = desk.fetch("on-github", sources=["github"])
    assert (report.exit_code, list(report.unknown), server.log) == (3, ["on-github"], [])


# Names.


def test_an_unknown_and_a_known_name_are_partial_success(desk: Desk) -> None:
    fill(desk.world)
    report = desk.fetch("on-github", "no-such-thing")
    assert report.exit_code == 5
    assert desk.show("on-github") == expected(desk.world, desk.world.package("on-github"))
    assert report.as_json()["failures"] == [{"slug": "no-such-thing", "source": "catalog", "reason": "not found"}]


@pytest.mark.parametrize(
    "name", ["", "..", "a" * 500, "1" * 30, "%2e%2e", "★", "\x1b[31m", "a/b/c/d", "https://", "\udcff"]
)
def test_an_invalid_name_is_not_found(desk: Desk, server: WorldServer, name: str) -> None:
    assert desk.fetch(name).exit_code == 3
    assert {request.path for request in server.log} <= {f"/packages/{name}/"}


def test_an_unknown_name_comes_with_suggestions(desk: Desk) -> None:
    fill(desk.world)
    desk.fetch(sources=["catalog"])
    report = desk.fetch("on-githbu")
    assert report.exit_code == 3
    assert error_lines(report) == ["on-githbu: not found; did you mean on-github, on-gitlab, on-bitbucket?"]


def test_only_unknown_names_exit_with_3(desk: Desk) -> None:
    assert desk.fetch("no-such-thing", "nor/this").exit_code == 3


def test_an_ambiguous_name_lists_its_packages_and_does_not_affect_others(desk: Desk) -> None:
    fill(desk.world)
    desk.fetch(sources=["catalog"])
    report = desk.fetch("acme/shared")
    assert report.exit_code == 3
    assert any("sibling" in line and "twin" in line for line in error_lines(report))
    report = desk.fetch("acme/shared", "on-gitlab")
    assert report.exit_code == 5
    assert desk.show("on-gitlab")["repo_watchers"] == 4


@pytest.mark.parametrize(
    "name", ["on-github", "ON_GITHUB", "acme/on-github", "https://github.com/acme/on-github.git", "{site}/on-github/"]
)
def test_a_package_is_found_by_slug_repository_and_url(desk: Desk, name: str) -> None:
    fill(desk.world)
    desk.fetch(sources=["catalog"])
    desk.advance(hours=1)
    desk.world.star("acme/on-github")
    assert desk.fetch(name.format(site="https://djangopackages.org/packages/p")).exit_code == 0
    assert desk.show("on-github")["repo_watchers"] == 6


def test_a_reused_slug_fetches_the_new_package(desk: Desk) -> None:
    desk.world.add_package("reused", id=500, path="old/one", stars=1)
    desk.fetch("reused")
    desk.world.remove_package("reused")
    desk.world.add_package("reused", id=600, path="new/one", stars=2)
    report = desk.fetch("reused")
    assert report.exit_code == 0
    assert desk.rows("SELECT id, catalog_state, repo_watchers FROM packages WHERE slug = 'reused' ORDER BY id") == [
        (500, "removed", 1),
        (600, "listed", 2),
    ]


def test_a_named_package_removed_from_the_catalog_is_still_fetched_from_its_forge(desk: Desk) -> None:
    fill(desk.world)
    desk.fetch("on-github")
    desk.world.remove_package("on-github")
    desk.world.star("acme/on-github")
    report = desk.fetch("on-github")
    assert report.exit_code == 0
    assert desk.fields("on-github", "catalog_state", "repo_watchers") == {
        "catalog_state": "removed",
        "repo_watchers": 6,
    }
    assert ("on-github", "removed") in event_names(desk)


# The catalog's list.


def many(world: World, number: int = 30) -> None:
    for place in range(number):
        world.add_package(f"p{place:03}", repo_url="")


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CATALOG_PAGE_SIZE", 10)


def test_a_sweep_marks_removed_packages_and_restores_them(desk: Desk) -> None:
    many(desk.world)
    desk.fetch(sources=["catalog"])
    kept = desk.world.package("p007")
    desk.world.remove_package("p007")
    desk.advance(days=1, minutes=1)
    report = desk.fetch(sources=["catalog"])
    assert desk.field("p007", "catalog_state") == "removed"
    assert [(event.slug, event.event) for event in report.events] == [("p007", "removed")]
    assert report.sources[SourceName.CATALOG].outcomes[Outcome.GONE] == 1
    desk.world.packages[kept.id] = kept
    desk.advance(days=1, minutes=1)
    report = desk.fetch(sources=["catalog"])
    assert desk.field("p007", "catalog_state") == "listed"
    assert [(event.slug, event.event) for event in report.events] == [("p007", "back")]


def test_a_list_that_lost_more_than_a_tenth_changes_nothing_and_is_an_error(desk: Desk) -> None:
    many(desk.world, 40)
    desk.fetch(sources=["catalog"])
    before = desk.rows("SELECT * FROM packages ORDER BY id"), desk.rows("SELECT * FROM sweeps")
    for place in range(5):
        desk.world.remove_package(f"p{place:03}")
    desk.world.package("p020").title = "Another title"
    desk.advance(days=2)
    report = desk.fetch(sources=["catalog"])
    assert (desk.rows("SELECT * FROM packages ORDER BY id"), desk.rows("SELECT * FROM sweeps")) == before
    assert report.exit_code == 1
    (line,) = error_lines(report)
    assert "36" in line
    assert "41" in line
    assert "nothing was changed" in line


def test_new_packages_do_not_hide_the_loss_of_more_than_a_tenth(desk: Desk) -> None:
    many(desk.world, 40)
    desk.fetch(sources=["catalog"])
    for place in range(5):
        desk.world.remove_package(f"p{place:03}")
        desk.world.add_package(f"new{place}", repo_url="")
    desk.advance(days=2)
    report = desk.fetch(sources=["catalog"])
    assert desk.rows("SELECT count(*) FROM packages WHERE catalog_state = 'removed'") == [(0,)]
    (line,) = error_lines(report)
    assert "lacks 5 of the 41" in line
    assert "new3" in desk.slugs()


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("tenth", [1, 2, 3])
def test_a_list_that_lost_exactly_a_tenth_marks_removed_packages(desk: Desk, tenth: int, replaced: bool) -> None:  # noqa: FBT001
    many(desk.world, 10 * tenth - 1)  # and the seed package
    desk.fetch(sources=["catalog"])
    for place in range(tenth):
        desk.world.remove_package(f"p{place:03}")
        if replaced:
            desk.world.add_package(f"new{place}", repo_url="")
    desk.advance(days=2)
    assert desk.fetch(sources=["catalog"]).exit_code == 0
    assert desk.rows("SELECT count(*) FROM packages WHERE catalog_state = 'removed'") == [(tenth,)]


def test_a_package_that_cannot_be_merged_is_named_and_does_not_end_the_fetch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(desk.world, 3)
    desk.fetch()

    def fail(rows: Sequence[FactsRow], *args: Any, **more: Any) -> Merged:
        merged = merge.merge(rows, *args, **more)
        if merged.values["slug"] == "p001":
            raise KeyError("archived")
        return merged

    monkeypatch.setattr(merging, "merge", fail)
    for package in desk.world.packages.values():
        package.title = "Newer"
    report = desk.fetch(refetch=True)
    assert {failure.slug for failure in report.failures} == {"p001"}
    assert all("KeyError: 'archived'" in failure.reason for failure in report.failures)
    assert (desk.field("p000", "title"), report.exit_code) == ("Newer", 5)


def test_removals_in_the_first_sweep_are_no_events(desk: Desk) -> None:
    many(desk.world, 3)
    desk.world.remove_package(STARTER)
    report = desk.fetch(sources=["catalog"])
    assert desk.field(STARTER, "catalog_state") == "removed"
    assert report.events == []


@pytest.mark.usefixtures("_small_pages")
def test_repeated_rows_count_once(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 25)
    first: list[Any] = []

    def repeat(page: dict[str, Any]) -> dict[str, Any]:
        results = [*first, *page["results"]]
        first[:] = page["results"][-1:]
        return page | {"results": results}

    server.fault("catalog", r"^/packages/\?", kind="rewrite", rewrite=repeat)
    assert desk.fetch(sources=["catalog"]).sources[SourceName.CATALOG].asked == 26


def test_a_rate_limited_catalog_gets_no_requests_until_the_reset(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 12)
    desk.fetch(sources=["catalog"])
    desk.advance(days=2)
    server.fault("catalog", status=429, headers={"retry-after": "3600"})
    for requests in (1, 0):
        report = desk.fetch(sources=["catalog"])
        assert (report.exit_code, report.failures) == (0, [])
        (deferral,) = report.deferred
        assert (deferral.source, deferral.packages) == ("catalog", 13)
        assert deferral.until == desk.world.now + timedelta(hours=1)
        assert len(server.requests("catalog")) == requests
    named = desk.fetch("p001", sources=["catalog"])
    assert (named.exit_code, len(server.requests())) == (4, 0)
    server.faults.clear()
    desk.advance(hours=1)
    assert desk.fetch(sources=["catalog"]).sources[SourceName.CATALOG].answered == 13


@pytest.mark.parametrize("kind", ["challenge", "maintenance"])
def test_an_unavailable_catalog_gets_one_request_per_fetch(desk: Desk, server: WorldServer, kind: FaultKind) -> None:
    many(desk.world, 5)
    desk.fetch(sources=["catalog"])
    server.fault("catalog", kind=kind)
    report = desk.fetch("p000", "p001", "p002", sources=["catalog"])
    assert len(server.requests("catalog")) == 1
    assert len(error_lines(report)) == 1
    assert report.sources[SourceName.CATALOG].outcomes[Outcome.FAILED] == 3


def test_a_package_under_several_names_is_fetched_once(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 3)
    number = desk.world.package("p001").id
    report = desk.fetch("p001", str(number), "P001", sources=["catalog"])
    assert report.sources[SourceName.CATALOG].asked == 1
    report = desk.fetch("p001", str(number), "P001", sources=["catalog"])
    assert len(server.requests("catalog", "^/packages/")) == 1
    assert report.sources[SourceName.CATALOG].asked == 1


def test_a_list_that_ends_early_removes_nothing(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 40)
    desk.fetch(sources=["catalog"])
    desk.advance(days=2)
    server.fault(
        "catalog", r"^/packages/", kind="rewrite", rewrite=lambda page: page | {"results": page["results"][:9]}
    )
    report = desk.fetch(sources=["catalog"])
    assert report.failures
    assert desk.rows("SELECT count(*) FROM packages WHERE catalog_state = 'removed'") == [(0,)]


@pytest.mark.parametrize("where", ["another server", "itself"])
def test_an_invalid_next_page_ends_the_sweep_and_removes_nothing(desk: Desk, server: WorldServer, where: str) -> None:
    many(desk.world)
    desk.fetch(sources=["catalog"])
    desk.advance(days=2)
    link = (
        "http://example.org/packages/"
        if where == "another server"
        else f"{desk.environment['DJPKG_CATALOG_URL']}/packages/?limit=250"
    )
    server.fault("catalog", r"^/packages/", kind="rewrite", rewrite=lambda page: page | {"next": link})
    report = desk.fetch(sources=["catalog"])
    assert len(server.requests("catalog", "^/packages/")) == 1
    assert report.exit_code == 5  # the first page is stored
    assert len(error_lines(report)) == 1
    assert desk.rows("SELECT count(*) FROM packages WHERE catalog_state = 'removed'") == [(0,)]


def test_an_invalid_record_does_not_affect_others(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 5)
    bad = desk.world.package("p002").id

    def break_record(page: dict[str, Any]) -> dict[str, Any]:
        for record in page["results"]:
            if record["id"] == bad:
                record["repo_watchers"] = "many"
        return page

    server.fault("catalog", r"^/packages/\?", kind="rewrite", rewrite=break_record)
    report = desk.fetch(sources=["catalog"])
    assert report.exit_code == 5
    assert desk.slugs() == {STARTER, "p000", "p001", "p003", "p004"}
    (failure,) = listed_failures(report)
    assert (failure["slug"], failure["source"]) == (None, "catalog")
    assert f"package {bad}: " in failure["reason"]
    assert "repo_watchers" in failure["reason"]
    server.faults.clear()
    desk.fetch(sources=["catalog"], refetch=True)
    assert "p002" in desk.slugs()
    server.fault("catalog", r"^/packages/\?", kind="rewrite", rewrite=break_record)
    report = desk.fetch(sources=["catalog"], refetch=True)
    (failure,) = listed_failures(report)
    assert (failure["slug"], failure["source"]) == ("p002", "catalog")
    assert report.sources[SourceName.CATALOG].asked == 6


@pytest.mark.parametrize(("kind", "word"), [("challenge", "Cloudflare"), ("maintenance", "maintenance")])
def test_a_blocked_catalog_is_an_error_and_the_other_sources_are_fetched(
    any_desk: Desk, server: WorldServer, kind: Any, word: str
) -> None:
    fill(any_desk.world)
    any_desk.begin_with("filled")
    any_desk.advance(days=2)
    any_desk.world.star("acme/on-github")
    server.fault("catalog", kind=kind)
    for names in ((), ("on-github",)):
        report = any_desk.fetch(*names)
        assert report.exit_code == 5
        assert [word in line for line in error_lines(report)] == [True]
        assert any_desk.show("on-github")["repo_watchers"] == 6


def test_an_empty_list_of_weeks_keeps_the_stored_counts(desk: Desk) -> None:
    desk.world.add_package("plain", repo_url="https://example.org/", catalog={"commits_over_52": [2] * 52})
    desk.fetch(sources=["catalog"])
    desk.world.package("plain").commits_over_52 = []
    desk.fetch("plain", sources=["catalog"])
    assert desk.show("plain")["commits_over_52"] == [2] * 52
    desk.fetch(sources=["catalog"], refetch=True)
    assert desk.show("plain")["commits_over_52"] == [2] * 52


@pytest.mark.usefixtures("_small_pages")
def test_only_the_first_page_is_read_within_a_day_of_a_sweep(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 15)
    desk.fetch(sources=["catalog"])
    assert count_requests(server, "^/packages/", "catalog") == 2
    desk.world.add_package("fresh", repo_url="")
    desk.advance(hours=23)
    report = desk.fetch(sources=["catalog"])
    assert count_requests(server, "^/packages/", "catalog") == 1
    assert [(event.slug, event.event) for event in report.events] == [("fresh", "added")]
    desk.fetch(sources=["catalog"], refetch=True)
    assert count_requests(server, "^/packages/", "catalog") == 2
    desk.advance(hours=25)
    desk.fetch(sources=["catalog"])
    assert count_requests(server, "^/packages/", "catalog") == 2


@pytest.mark.usefixtures("_small_pages")
def test_pages_are_read_until_one_has_a_known_package(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 15)
    desk.fetch(sources=["catalog"])
    for place in range(12):
        desk.world.add_package(f"new{place}", repo_url="")
    report = desk.fetch(sources=["catalog"])
    assert count_requests(server, "^/packages/", "catalog") == 2
    assert len(report.events) == 12
    assert {f"new{place}" for place in range(12)} <= desk.slugs()


@pytest.mark.usefixtures("_small_pages")
def test_an_interrupted_first_sweep_is_completed_by_the_next(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 25)
    fault = server.fault("catalog", r"offset=10", kind="status", status=404)
    report = desk.fetch(sources=["catalog"])
    assert (report.exit_code, fault.hits > 0) == (5, True)
    assert len(desk.slugs()) == 11  # ten and the seed package
    server.faults.clear()
    report = desk.fetch(sources=["catalog"])
    assert count_requests(server, "^/packages/", "catalog") == 3
    assert desk.slugs() == {package.slug for package in desk.world.packages.values()}
    assert (report.exit_code, report.events) == (0, [])


# Sources that fail.

KINDS = ("drop", "status", "html", "invalid_json", "cut", "wrong_types", "deep", "redirect", "unknown_encoding")
# APIs of the world that fail together, with the names of their sources.
TOGETHER = (
    {"github": "github", "graphql": "github", "bitbucket": "bitbucket"},
    {"gitlab": "gitlab", "pypi": "pypi", "codeberg": "forgejo"},
)
FORGE_FIELDS = ("repo_watchers", "repo_forks", "repo_description", "participants", "commits_over_52", "last_updated")


def fail_sources(desk: Desk, server: WorldServer, kind: Any) -> int:
    """Let the sources fail in turn, check what the mirror keeps, and return the number of failed requests."""
    failed = 0
    world = desk.world
    fill(world)
    if KINDS.index(kind) % 2:
        desk.tokens = server.token_env()
    desk.fetch()
    for place, broken in enumerate(TOGETHER, start=2):
        before = {slug: desk.show(slug) | desk.fields(slug, "checked") for slug in desk.slugs()}
        desk.advance(days=1, hours=1)
        for repo in world.repositories.values():
            world.push(repo)
            world.star(repo, 100)
        for project in world.projects.values():
            world.release(project, f"{place}0.0")
        faults = [server.fault(api, kind=kind, location="http://198.51.100.7/") for api in broken]
        report = desk.fetch()
        assert report.exit_code == 5
        assert {failure.source for failure in report.failures} == set(broken.values())
        for slug, old in before.items():
            check_kept_or_fresh(desk, slug, old, set(broken.values()))
        failed += sum(fault.hits for fault in faults)
        server.faults.clear()
    assert desk.fetch().exit_code == 0
    for slug in desk.slugs():
        assert desk.field(slug, "failed") == {}
        check_kept_or_fresh(desk, slug, desk.show(slug), set())
    check_integrity(desk.path)
    return failed


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_source_keeps_its_data_and_does_not_affect_others(desk: Desk, server: WorldServer, kind: Any) -> None:
    assert fail_sources(desk, server, kind) >= 5


@pytest.mark.nightly
def test_failures_that_replaced_facts_would_lose_data(
    desk: Desk, server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apply_failure(before: FactsRow, answer: SourceAnswer, *arguments: Any, **options: Any) -> AppliedAnswer:
        applied = apply_answer.apply_answer(before, answer, *arguments, **options)
        return applied._replace(row=applied.row | {"facts": None}) if answer.outcome is Outcome.FAILED else applied

    monkeypatch.setattr(write, "apply_answer", apply_failure)
    with pytest.raises(AssertionError):
        fail_sources(desk, server, "status")


def check_kept_or_fresh(desk: Desk, slug: str, old: dict[str, Any], broken: set[str]) -> None:
    """Check that data of failed sources is unchanged, with its dates and the error; other data is current."""
    now = desk.show(slug)
    forge, path, project, failed, checked = (
        desk.field(slug, name) for name in ("forge", "repository", "pypi_name", "failed", "checked")
    )
    sources = {forge, "pypi"} if project else {forge}
    assert failed.keys() == sources & broken
    assert all(reason and not reason.startswith(f"{source}: ") for source, reason in failed.items())
    assert {source: checked[source] for source in failed} == {source: old["checked"][source] for source in failed}
    if forge in broken:
        assert {name: now[name] for name in FORGE_FIELDS} == {name: old[name] for name in FORGE_FIELDS}
    else:
        repo = next(one for one in desk.world.repositories.values() if one.path.lower() == path.lower())
        assert now["repo_watchers"] == repo.stars
        assert now["commits_over_52"] == weekly_counts(repo.commits, desk.world.now)
    if project:
        fresh = desk.world.project(project).latest.version
        assert now["pypi_version"] == (old["pypi_version"] if "pypi" in broken else fresh)


@pytest.mark.parametrize("kind", [*KINDS, "empty_list"])
def test_a_failed_catalog_keeps_its_data_and_does_not_stop_others(desk: Desk, server: WorldServer, kind: Any) -> None:
    fill(desk.world)
    desk.begin_with("filled")
    before = desk.rows("SELECT id, slug, title, category, grids, catalog_state FROM packages ORDER BY id")
    desk.advance(days=2)
    desk.world.star("acme/on-github", 100)
    server.fault("catalog", kind=kind, location="http://198.51.100.7/")
    report = desk.fetch()
    assert report.exit_code == 5
    assert {name for _, name in failed_sources(report)} == {"catalog"}
    assert desk.rows("SELECT id, slug, title, category, grids, catalog_state FROM packages ORDER BY id") == before
    assert desk.rows("SELECT count(*) FROM grids WHERE slug = 'forms'") == [(1,)]
    assert desk.show("on-github")["repo_watchers"] == 105


def test_a_source_that_never_answers_times_out(
    desk: Desk, server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(desk.world)
    short, open_forge, open_pypi = Limits(attempt=0.3, total=0.3, attempts=1), registry.open_forge, registry.open_pypi

    def open_forge_with_limits(source: SourceName, *args: Any, limits: Limits, **options: Any) -> Any:
        return open_forge(source, *args, limits=short if source is SourceName.GITLAB else limits, **options)

    def open_pypi_with_limits(*args: Any, limits: Limits, **options: Any) -> Any:
        return open_pypi(*args, limits=short, **options)

    monkeypatch.setattr(registry, "open_forge", open_forge_with_limits)
    monkeypatch.setattr(registry, "open_pypi", open_pypi_with_limits)
    server.fault("gitlab", kind="never")
    server.fault("pypi", kind="drip", seconds=0.02)
    report = desk.fetch()
    assert report.exit_code == 5
    assert {name for _, name in failed_sources(report)} == {"gitlab", "pypi"}
    assert desk.show("on-github")["repo_watchers"] == 5


def test_servers_that_accept_but_never_answer_get_one_request_each(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.fetch(sources=["catalog"])
    with open_write(desk.path) as db:
        db.execute("UPDATE grids SET slug = NULL")  # so that two more lists of the catalog are due
        db.execute("UPDATE categories SET slug = NULL")
    for api in ("catalog", "github", "pypi"):
        server.fault(api, kind="never")
    desk.limits = Limits(attempt=0.3, total=0.3, attempts=1)
    report = desk.fetch("on-github")
    assert {name for _, name in failed_sources(report)} == {"catalog", "github", "pypi"}
    # At most: a slow machine may read a request too late. From PyPI, Django is requested at the same time.
    for api, most in (("catalog", 1), ("github", 1), ("pypi", 2)):
        assert len(server.requests(api)) <= most


@pytest.mark.parametrize("names", [(), ("on-github", "twin")], ids=["all", "named"])
def test_without_any_server_the_mirror_is_unchanged(any_desk: Desk, names: tuple[str, ...]) -> None:
    fill(any_desk.world)
    any_desk.begin_with("filled")
    before = {slug: any_desk.show(slug) for slug in any_desk.slugs()}
    any_desk.env = dict.fromkeys(any_desk.server.env, "http://127.0.0.1:9/x")
    report = any_desk.fetch(*names)
    assert report.exit_code == 1
    assert {slug: any_desk.show(slug) for slug in any_desk.slugs()} == before
    assert all("127.0.0.1:9" in line for line in error_lines(report))


def test_a_disk_error_in_one_worker_stops_the_others(
    desk: Desk, server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(desk.world)
    store_answers = Writer.store_answers

    def fail_for_pypi(writer: Writer, source: SourceName, *args: Any, **kwargs: Any) -> Any:
        if source is SourceName.PYPI:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
            raise error
        return store_answers(writer, source, *args, **kwargs)

    monkeypatch.setattr(Writer, "store_answers", fail_for_pypi)
    server.latency["github"] = 0.3
    report = desk.fetch()
    assert report.exit_code == 74
    assert any("disk error" in line for line in error_lines(report))
    assert report.sources[SourceName.CATALOG].answered == len(desk.slugs())
    assert desk.rows("SELECT exit FROM runs") == [(74,)]
    assert len(server.requests("github")) == 1
    check_integrity(desk.path)


def test_facts_from_before_a_failed_request_are_kept_and_the_target_stays_due(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.fetch(sources=["catalog"])
    desk.world.repo("group/sub/x", GITLAB).stars = 9
    fault = server.fault("gitlab", "since=", status=500)
    report = desk.fetch("on-gitlab")
    assert fault.hits
    assert report.sources[SourceName.GITLAB].outcomes[Outcome.FAILED] == 1
    assert desk.field("on-gitlab", "repo_watchers") == 9
    ended = desk.rows("SELECT outcome, answered, etag IS NOT NULL FROM facts WHERE source = 'gitlab'")
    assert ended == [("failed", None, 1)]
    server.faults.clear()
    assert desk.fetch("on-gitlab").exit_code == 0
    assert sum(desk.field("on-gitlab", "commits_over_52")) == 2


def test_a_failed_catalog_request_is_shown_until_one_succeeds(desk: Desk, server: WorldServer) -> None:
    many(desk.world, 3)
    desk.fetch(sources=["catalog"])
    server.fault("catalog", status=500)
    assert desk.fetch("p001", sources=["catalog"]).exit_code == 1
    assert list(desk.field("p001", "failed")) == ["catalog"]
    server.faults.clear()
    desk.fetch("p001", sources=["catalog"])
    assert desk.field("p001", "failed") == {}


def test_contributor_lists_that_are_not_ready_are_one_cause(token_desk: Desk, server: WorldServer) -> None:
    for place in range(5):
        token_desk.world.add_package(f"p{place}", path=f"acme/p{place}", commits=[3])
    server.fault("catalog", "^/packages/", kind="rewrite", rewrite=_without_participants)
    server.fault("github", "/contributors", status=202)
    (line,) = error_lines(token_desk.fetch(sources=["catalog", "github"]))
    assert line.startswith("github: 6 failed: the list of contributors is not ready yet (")
    assert "and 3 more" in line


def _without_participants(page: dict[str, Any]) -> dict[str, Any]:
    return page | {"results": [one | {"participants": []} for one in page["results"]]}


def test_a_cause_is_one_line_however_many_packages_it_affects(desk: Desk, server: WorldServer) -> None:
    for place in range(20):
        desk.world.add_package(f"p{place:02}", releases=[("1.0", 5)])
    server.fault("pypi", kind="status", status=500)
    report = desk.fetch()
    assert len(report.failures) == 21
    (line,) = error_lines(report)
    assert line.startswith("pypi: ")
    assert "500" in line
    assert line.endswith("and 18 more)")


# Rejected tokens and rate limits.


def test_a_rejected_token_is_reported_and_exits_with_4_if_nothing_is_answered_without_it(
    token_desk: Desk, server: WorldServer
) -> None:
    fill(token_desk.world)
    token_desk.begin_with("filled")
    server.tokens["github"] = "another"
    report = token_desk.fetch(sources=["github"])
    assert report.exit_code == 0
    (line,) = error_lines(report)
    assert line.endswith("rejected the token from GH_TOKEN; continued without a token")
    server.exhaust("github", authorised=False)
    report = token_desk.fetch(sources=["github"])
    assert (report.exit_code, report.sources[SourceName.GITHUB].outcomes) == (4, {Outcome.DEFERRED: 4})
    assert token_desk.fetch("on-github", "twin", sources=["github"]).exit_code == 4
    assert token_desk.fetch().exit_code == 5
    assert token_desk.field("on-github", "failed") == {}


def test_repositories_deferred_without_a_token_come_first_in_the_next_fetch(server: WorldServer, folder: Path) -> None:
    desk = Desk(server, folder / "mirror.db")
    desk.limits = Limits(wait=0)
    server.quota("github", authorised=False).limit = 20
    make_catalog_outdated(desk.world)
    for place in range(12):
        desk.world.add_package(f"p{place:02}", stars=place + 100, commits=[(5, "zoe")], catalog={"participants": []})
    answered: set[str] = set()
    hours = 0
    while True:
        report = desk.fetch()
        assert report.exit_code == 0
        assert server.charged("github") <= 20
        fresh = {
            slug for slug in desk.slugs() if desk.field(slug, "checked").get("github") == format_time(desk.world.now)
        }
        assert not fresh & answered or fresh | answered == desk.slugs()
        answered |= fresh
        if not report.deferred:
            break
        (deferral,) = report.deferred
        assert deferral.packages == report.sources[SourceName.GITHUB].outcomes[Outcome.DEFERRED]
        assert deferral.until == desk.world.now + timedelta(hours=1)
        assert report.as_json()["deferred"][0]["until"] == format_time(deferral.until)  # type: ignore[index]  # a list
        assert desk.quota("github", "anonymous").reset == deferral.until
        again = desk.fetch()
        assert server.requests("github") == []
        assert (again.exit_code, len(again.deferred)) == (0, 1)
        desk.advance(hours=1, seconds=1)
        hours += 1
        assert hours < 6
    assert hours >= 2
    assert answered == {package.slug for package in desk.world.packages.values()}


def test_connections_that_are_refused_use_up_no_quota(server: WorldServer, world: World, folder: Path) -> None:
    for number in range(20):
        world.add_package(f"bucket-{number}", host=BITBUCKET, path=f"team/x{number}", commits=[3], pypi_url="")
    world.add_package("on-github", commits=[3])
    desk = Desk(server, folder / "mirror.db", limits=replace(QUICK, attempts=3))
    desk.fetch(sources=["catalog"])
    desk.fetch("on-github", "bucket-1")
    before = desk.quota("github", "anonymous"), desk.quota("bitbucket", "anonymous")
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # without listen(), connections to it are refused
        port = unused.getsockname()[1]
        desk.env = {name: f"http://127.0.0.1:{port}/{name.lower()}" for name in server.env}
        for _ in range(2):
            report = desk.fetch()
            assert report.exit_code == 1
            assert not report.deferred
    assert (desk.quota("github", "anonymous"), desk.quota("bitbucket", "anonymous")) == before
    desk.env = {}
    report = desk.fetch()
    assert report.sources[SourceName.GITHUB].requests > 0
    assert report.sources[SourceName.BITBUCKET].requests >= 40


def test_no_quota_is_assumed_while_the_server_never_answers(server: WorldServer, world: World, folder: Path) -> None:
    world.add_package("on-bitbucket", host=BITBUCKET, path="team/x", commits=[3])
    desk = Desk(server, folder / "mirror.db")
    server.fault("bitbucket", kind="reset")
    desk.fetch()
    assert not desk.rows("SELECT * FROM sources WHERE source = 'bitbucket'")


def test_deferred_named_packages_are_an_error(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.begin_with("filled")
    server.exhaust("github", authorised=False)
    desk.world.push("acme/on-github")
    report = desk.fetch("on-github")
    assert report.exit_code == 5
    assert any("deferred" in line for line in error_lines(report))
    assert desk.fetch("on-github", sources=["github"]).exit_code == 4
    assert desk.fetch(sources=["github"]).exit_code == 0


def test_a_secondary_rate_limit_defers_until_it_ends(any_desk: Desk, server: WorldServer) -> None:
    fill(any_desk.world)
    any_desk.limits = Limits(wait=30)
    server.fault("github", kind="secondary", seconds=60)
    server.fault("graphql", kind="secondary", seconds=60)
    report = any_desk.fetch()
    assert report.exit_code == 0
    assert report.sources[SourceName.GITHUB].outcomes == {Outcome.DEFERRED: 4}
    assert {one.until for one in report.deferred} == {any_desk.world.now + timedelta(seconds=60)}
    server.faults.clear()
    any_desk.fetch()
    assert server.requests("github") + server.requests("graphql") == []
    any_desk.advance(seconds=61)
    report = any_desk.fetch()
    assert report.sources[SourceName.GITHUB].outcomes == {Outcome.UPDATED: 4}


def test_a_short_retry_after_is_waited_for(desk: Desk, server: WorldServer, pauses: Pauses) -> None:
    fill(desk.world)
    desk.pauses = pauses
    desk.limits = Limits(wait=5)
    server.fault("github", kind="secondary", seconds=1, times=1)
    report = desk.fetch("on-github")
    assert (report.exit_code, report.deferred) == (0, [])
    assert pauses.span >= timedelta(seconds=1)
    assert desk.show("on-github")["repo_watchers"] == 5


def test_times_stored_while_the_clock_was_years_ahead_are_ignored(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.world.add_package("lost", state="gone")
    now = desk.world.now
    desk.advance(days=4000)
    server.quota("github", authorised=False).limit = 8
    assert desk.fetch().deferred
    desk.world.now = now
    server.quota("github", authorised=False).limit = 1000
    server.quota("github", authorised=False).resets = None
    report = desk.fetch()
    assert (report.exit_code, report.deferred) == (0, [])
    assert count_requests(server, "acme/lost") == 1
    assert desk.show("on-github")["repo_watchers"] == 5


# Changes between fetches.


def test_gone_repositories_are_retried_after_1_2_4_and_8_days(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("lost", state="gone")
    desk.fetch()
    begun, days = desk.world.now, []
    for day in (1, 2, 3, 4, 6, 7, 14, 15):
        desk.world.now = begun + timedelta(days=day)
        desk.fetch(sources=["github"])
        if count_requests(server, "acme/lost"):
            days.append(day)
    assert days == [1, 3, 7, 15]
    desk.fetch("lost")
    assert count_requests(server, "acme/lost") == 1
    desk.world.restore("acme/lost")
    desk.fetch("lost")
    assert desk.field("lost", "repo_state") == "ok"
    assert event_names(desk) == [("lost", "back")]


def test_weekly_commits_follow_the_calendar_without_a_request_for_commits(any_desk: Desk, server: WorldServer) -> None:
    world = any_desk.world
    world.add_package("slides", commits=[0.1, 0.9, 1, 6.4, 6.6, 7.5, 80, 362.8, 363.4])
    any_desk.fetch()
    seen = []
    for days in (0, 1, 7):
        any_desk.advance(days=days)
        any_desk.fetch("slides")
        if days:
            assert count_requests(server, "commits") == 0
        shown = any_desk.show("slides")["commits_over_52"]
        assert shown == weekly_counts(world.repo("acme/slides").commits, world.now)
        assert any_desk.field("slides", "commits_last_year") == sum(shown)
        seen.append(shown)
    assert len(set(map(tuple, seen))) == 3


def test_weekly_commits_are_unchanged_when_the_forge_fails(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("slides", commits=[0.1, 1, 6.5, 80])
    desk.fetch()
    before = desk.show("slides")
    desk.advance(days=8)
    desk.world.package("slides").title = "Renamed meanwhile"
    server.fault("github", kind="status", status=500)
    desk.fetch()
    assert desk.show("slides") == before | {"title": "Renamed meanwhile", "last_fetched": before["last_fetched"]}


def test_each_event_is_reported_once_and_first_facts_are_no_events(any_desk: Desk) -> None:
    world = any_desk.world
    for slug in ("arch", "moves", "goes", "blocks", "ships", "pulls", "relicensed", "drops"):
        world.add_package(slug, releases=[Release("1.0", NOW - timedelta(days=50), license_expression="MIT")])
    world.add_package("was", archived=True)
    world.add_package("new", archived=True, state="ok")
    assert any_desk.fetch().events == []
    world.archive("acme/arch")
    world.archive("acme/was", archived=False)
    world.rename("acme/moves", "other/moves")
    world.delete("acme/goes")
    world.block("acme/blocks")
    world.release("ships", "2.0")
    world.yank("pulls", "1.0")
    world.project("relicensed").releases[0].license_expression = "BSD-3-Clause"
    world.bump_serial(world.project("relicensed"))
    world.add_package("extra")
    world.remove_package("drops")
    any_desk.advance(days=1, minutes=1)
    report = any_desk.fetch()
    assert sorted(any_desk.events()) == sorted(
        (event.slug, event.event, event.old, event.new) for event in report.events
    )
    assert sorted(any_desk.events(), key=str) == sorted(
        [
            ("arch", "archived", None, None),
            ("was", "unarchived", None, None),
            ("moves", "moved", "acme/moves", "other/moves"),
            ("goes", "gone", "github.com/acme/goes", None),
            ("blocks", "blocked", "github.com/acme/blocks", None),
            ("ships", "released", "1.0", "2.0"),
            ("pulls", "yanked", None, "1.0"),
            ("relicensed", "license", "MIT", "BSD-3-Clause"),
            ("extra", "added", None, None),
            ("drops", "removed", None, None),
        ],
        key=str,
    )
    world.restore("acme/goes")
    any_desk.advance(days=1, minutes=1)
    assert [(event.slug, event.event) for event in any_desk.fetch().events] == [("goes", "back")]
    assert any_desk.fetch().events == []


# Edits.


def test_edits_survive_fetches(any_desk: Desk) -> None:
    fill(any_desk.world)
    any_desk.begin_with("filled")
    mine: dict[str, Any] = {
        "title": "Mine",
        "repo_watchers": 7,
        "grids": [3],
        "commits_over_52": [1] * 52,
        "pypi_version": "9",
    }
    any_desk.world.add_grid(3, "Mine")
    any_desk.edit("on-github", **mine)
    shown = any_desk.show("on-github")
    any_desk.world.package("on-github").title = "Theirs"
    for names in ((), ("on-github",)):
        any_desk.advance(days=2)
        any_desk.world.star("acme/on-github")
        head = any_desk.world.push("acme/on-github")
        assert any_desk.fetch(*names).exit_code == 0
        now = any_desk.show("on-github")
        assert {name: now[name] for name in mine} == {name: shown[name] for name in mine}
        assert now["last_updated"] == format_time(head.committed)
    for place in range(4):
        any_desk.world.add_package(f"more{place}", repo_url="")
    any_desk.fetch(refetch=True)
    any_desk.world.remove_package("on-github")
    any_desk.fetch(refetch=True)
    assert any_desk.fields("on-github", "catalog_state", "title") == {"catalog_state": "removed", "title": "Mine"}


def test_unsetting_an_edit_shows_the_latest_value_without_a_request(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.begin_with("filled")
    desk.edit("on-github", repo_watchers=7, title="Mine")
    desk.world.star("acme/on-github", 3)
    desk.world.package("on-github").title = "Newer"
    desk.advance(days=2)
    desk.fetch()
    server.clear_log()
    desk.edit("on-github", unset=["repo_watchers", "title"])
    assert server.log == []
    record = desk.show("on-github")
    assert (record["repo_watchers"], record["title"], desk.field("on-github", "edited")) == (8, "Newer", [])


def test_an_edited_url_redirects_fetches_until_it_is_unset(any_desk: Desk, server: WorldServer) -> None:
    fill(any_desk.world)
    any_desk.begin_with("filled")
    before = any_desk.show("on-github")
    any_desk.world.add_repository("fork/better", stars=50, forks=1, description="A fork", commits=[1, 2])
    any_desk.world.add_project("better", [("7.0", 1)])
    any_desk.edit("on-github", repo_url="https://github.com/fork/better", pypi_url="better")
    assert any_desk.show("on-github")["repo_watchers"] == before["repo_watchers"]  # the catalog's, until it is fetched
    any_desk.fetch("on-github")
    assert count_requests(server, "acme/on-github") == 0
    shown = any_desk.show("on-github")
    assert (shown["repo_watchers"], shown["repo_description"], shown["pypi_version"]) == (50, "A fork", "7.0")
    server.clear_log()
    any_desk.edit("on-github", unset=["repo_url", "pypi_url"])
    assert server.log == []
    assert any_desk.show("on-github") == before


# The user's own servers, and the environment.


def test_own_servers_get_no_token(token_desk: Desk, server: WorldServer) -> None:
    world = token_desk.world
    world.add_package("own", host=server.address, path="team/own", stars=12, commits=[4])
    token_desk.env = {"DJPKG_FORGES": f"{server.address}=forgejo"}
    assert token_desk.fetch().exit_code == 0
    requests = server.requests("own-forgejo")
    assert requests
    assert not [one for one in requests if "authorization" in one.headers or "private-token" in one.headers]
    assert token_desk.show("own")["repo_watchers"] == 12


def test_an_unlisted_server_gets_no_request(token_desk: Desk, server: WorldServer) -> None:
    token_desk.world.add_package("own", host=server.address, path="team/own", stars=12)
    assert token_desk.fetch().exit_code == 0
    assert server.requests("own-forgejo") + server.requests("own-gitlab") == []
    assert token_desk.field("own", "repo_state") == "unsupported"


@pytest.mark.parametrize(
    "env",
    [
        {"DJPKG_FORGES": "nonsense"},
        {"DJPKG_FORGES": "git.example.org=svn"},
        {"DJPKG_CATALOG_URL": "ftp://example.org"},
        {"DJPKG_GITHUB_URL": "not an address"},
        {"DJPKG_PYPI_URL": "https://user:pass@example.org/"},
        {"GITLAB_TOKEN": "two\nlines"},
    ],
    ids=lambda env: "=".join(next(iter(env.items()))).replace("\n", "-"),
)
def test_an_invalid_environment_variable_is_an_error_before_any_request(
    desk: Desk, server: WorldServer, env: dict[str, str]
) -> None:
    fill(desk.world)
    desk.env = env
    (name, value) = next(iter(env.items()))
    with pytest.raises(ConfigError, match=name) as caught:
        desk.fetch()
    assert value not in str(caught.value) + str(caught.value.hint) or name == "DJPKG_FORGES"
    assert server.log == []
    assert caught.value.exit_code == 1


def test_an_invalid_bitbucket_token_is_an_error_before_any_request(desk: Desk, server: WorldServer) -> None:
    fill(desk.world)
    desk.env = {"BITBUCKET_TOKEN": "without-a-colon"}
    for named in ((), ("on-github",)):
        with pytest.raises(ConfigError, match="BITBUCKET_TOKEN") as caught:
            desk.fetch(*named)
        assert "without" not in str(caught.value) + str(caught.value.hint)
    assert server.log == []
    assert desk.fetch("on-github", sources=["catalog", "github"]).exit_code == 0


def test_every_fetch_is_in_the_run_history_with_its_exit_code(desk: Desk) -> None:
    fill(desk.world)
    desk.begin_with("filled")
    desk.fetch("no-such-thing")
    assert desk.rows("SELECT asked, exit, finished IS NULL FROM runs ORDER BY id") == [
        ("--all", 0, 0),
        ("no-such-thing", 3, 0),
    ]


@pytest.mark.parametrize(("token", "lines"), [(False, 2), (True, 0)], ids=["without", "with"])
def test_the_first_fetch_without_a_token_says_so_before_any_request(desk: Desk, *, token: bool, lines: int) -> None:
    notes: list[tuple[str, int]] = []

    class Notes(NoProgress):
        def note(self, text: str) -> None:
            notes.append((text, len(desk.server.log)))

    desk.progress = Notes()
    desk.tokens = desk.server.token_env("github") if token else {}
    desk.fetch(sources=["catalog", "pypi"])
    assert not [text for text, _ in notes if "GITHUB_TOKEN" in text]
    desk.path.unlink()
    notes.clear()
    desk.fetch()
    first = [(text, sent) for text, sent in notes if "GitHub" in text or "GITHUB_TOKEN" in text]
    assert [sent for _, sent in first] == [0] * lines
    assert not first or ("60 requests" in first[0][0] and "GITHUB_TOKEN" in first[1][0])
    notes.clear()
    desk.fetch()
    assert not [text for text, _ in notes if "GITHUB_TOKEN" in text]


def test_the_first_fetch_of_many_repositories_without_a_token_says_so(desk: Desk) -> None:
    notes: list[str] = []
    desk.progress = NoProgress(note=notes.append)
    for place in range(REPOSITORIES_WITHOUT_TOKEN):
        desk.world.add_package(f"p{place}", path=f"acme/p{place}", commits=[3])
    desk.tokens = desk.server.token_env("github")
    desk.fetch()
    desk.tokens = {}
    slugs = [f"p{place}" for place in range(REPOSITORIES_WITHOUT_TOKEN)]
    desk.fetch(*slugs)
    assert not [text for text in notes if "GITHUB_TOKEN" in text]
    for found in (1, 0):
        notes.clear()
        desk.fetch(*slugs, "django-todo")
        assert len([text for text in notes if "GITHUB_TOKEN" in text]) == found


def test_an_interrupted_fetch_reports_what_each_source_had_left(desk: Desk) -> None:
    desk.tokens = desk.server.token_env("github")
    desk.fetch(sources=["catalog"])

    class Interrupt(NoProgress):
        def start(self, source: str, total: int | None) -> None:
            if source == interrupted_at:
                signal.raise_signal(signal.SIGINT)

    desk.progress = Interrupt()
    interrupted_at = "catalog"
    report = desk.fetch(sources=["catalog", "github"])
    assert report.exit_code == 130
    assert interrupted_line(report).partition(".")[0] == "interrupted; not reached: all of github"
    assert "github: not reached (0 requests)" in summary_lines(report)
    interrupted_at = "github"
    report = desk.fetch(sources=["github"])
    left = report.sources[SourceName.GITHUB].not_reached
    assert left > 0
    assert (
        interrupted_line(report).partition(".")[0]
        == f"interrupted; not reached: {pluralize(left, 'package')} of github"
    )
    assert summary_lines(report)[0].startswith(f"github: {left} not reached (")
