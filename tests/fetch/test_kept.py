"""What a fetch keeps beside the record: requirements, releases, the history, and the parser's version."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.fetch import estimate
from djpkg.fetch.report_text import error_lines
from djpkg.fetch.request import FetchRequest
from djpkg.mirror import django, listing
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.model.facts import PARSER_VERSIONS, Outcome
from djpkg.query import parser
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.fetching import STARTER, Desk, add_starter, check_integrity, quick_folder
from tests.world import BITBUCKET, CODEBERG, GITLAB, NOW, Release, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import WorldServer

TODAY, TOMORROW = "2026-11-23", "2026-11-24"
HOSTS = {"gitlab": GITLAB, "bitbucket": BITBUCKET, "forgejo": CODEBERG}


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db", tokens=server.token_env())


def release(version: str, uploaded: float, *requires: str, **values: Any) -> Release:
    return Release(version, NOW - timedelta(days=uploaded), requires_dist=requires, **values)


def write(desk: Desk, sql: str, *values: Any) -> None:
    """Change the mirror as another program, or an older djpkg, would have left it."""
    with closing(sqlite3.connect(desk.path)) as db, db:
        db.execute(sql, values)


def found(desk: Desk, *terms: str, sort: str = "slug") -> list[str]:
    """Return the slugs that `list` prints."""
    with open_read(desk.path) as db:
        now = desk.world.now
        ids = listing.find_ids(db, parser.parse_query(terms, now=now), parser.parse_sort([sort]), now=now)
        return [str(row["slug"]) for row in listing.get_rows(db, ids, fields.parse_columns("slug"), now=now)]


# Parser versions.


def add_package_of(world: World, source: str) -> None:
    """Add a package on that source; the catalog's record is older than its repository."""
    outdated: dict[str, object] = {"last_updated": "2020-01-01T00:00:00-05:00"}
    if source in HOSTS:
        world.add_package("pots", host=HOSTS[source], path="acme/pots", commits=[3, 9, 30], stars=7, catalog=outdated)
    else:
        world.add_package(
            "pots", commits=[3, 9, 30], stars=7, releases=[("1.0", 30), ("1.1", 3)], grids=[7], catalog=outdated
        )


LOST_FACTS = [
    ("catalog", "$.title"),
    ("github", "$.repository.forks"),
    ("github", "$.weeks"),
    ("github", "$.contributors"),
    ("gitlab", "$.repository.forks"),
    ("gitlab", "$.weeks"),
    ("gitlab", "$.contributors"),
    ("bitbucket", "$.repository.stars"),
    ("bitbucket", "$.weeks"),
    ("forgejo", "$.repository.stars"),
    ("forgejo", "$.contributors"),
    ("pypi", "$.first_released"),
    ("pypi", "$.released"),
]


def test_every_source_has_a_fact_to_lose() -> None:
    assert {source for source, _ in LOST_FACTS} == set(PARSER_VERSIONS) == set(SourceName)


@pytest.mark.parametrize(("source", "path"), LOST_FACTS)
@pytest.mark.parametrize("named", [False, True], ids=["all", "named"])
def test_facts_of_an_older_parser_are_fetched_anew(desk: Desk, source: str, path: str, *, named: bool) -> None:
    desk.world.add_grid(7, "Forms")
    add_package_of(desk.world, source)
    desk.begin_with("grid and package", source)
    sql = "SELECT facts, parser_version FROM facts JOIN packages ON id = package_id WHERE slug = 'pots' AND source = ?"
    ((facts, version),) = desk.rows(sql, (source,))
    assert version == PARSER_VERSIONS[SourceName(source)]
    lost = "facts = json_set(facts, ?, '')" if path == "$.title" else "facts = json_remove(facts, ?)"
    if path.startswith("$.repository."):  # facts that a struct demands
        lost = "facts = json_set(facts, ?, NULL)"
    write(desk, f"UPDATE facts SET {lost}, parser_version = ? WHERE source = ?", path, version - 1, source)
    ((damaged, _),) = desk.rows(sql, (source,))
    assert damaged != facts
    desk.advance(minutes=1)
    report = desk.fetch(*(["pots"] if named else []))
    assert (report.exit_code, error_lines(report)) == (0, [])
    ((repaired, version),) = desk.rows(sql, (source,))
    assert comparable(repaired) == comparable(facts)
    assert version == PARSER_VERSIONS[SourceName(source)]


def test_records_of_an_older_parser_are_read_also_on_later_pages(desk: Desk, server: WorldServer) -> None:
    for number in range(260):
        desk.world.add_package(f"p{number}", repo_url="")
    desk.fetch()
    write(desk, "UPDATE facts SET facts = json_set(facts, '$.title', ''), parser_version = 0 WHERE package_id = 409")
    desk.fetch()
    assert len(server.requests("catalog", "^/packages")) == 2
    assert desk.field(STARTER, "title") == STARTER
    desk.fetch()
    assert len(server.requests("catalog", "^/packages")) == 1


def comparable(facts: str) -> Any:
    """Return facts without the time at which contributors were read."""
    document = json.loads(facts)
    (document.get("contributors") or {}).pop("taken", None)
    return document


def test_facts_of_the_current_parser_are_asked_for_with_validators(desk: Desk, server: WorldServer) -> None:
    add_package_of(desk.world, "pypi")
    desk.fetch()
    write(desk, "UPDATE facts SET facts = json_remove(facts, '$.first_released') WHERE source = 'pypi'")
    desk.fetch("pots")
    assert [request.status for request in server.requests("pypi", "pots")] == [304]


def test_a_row_keeps_its_older_version_until_all_parts_are_read(desk: Desk, server: WorldServer) -> None:
    add_package_of(desk.world, "gitlab")
    desk.fetch()
    write(desk, "UPDATE facts SET parser_version = 0 WHERE source = 'gitlab'")
    server.fault("gitlab", "contributors", status=500)
    assert desk.fetch("pots").exit_code == 5
    assert desk.rows("SELECT parser_version FROM facts WHERE source = 'gitlab'") == [(0,)]
    server.faults.clear()
    assert desk.fetch("pots").exit_code == 0
    assert desk.rows("SELECT parser_version FROM facts WHERE source = 'gitlab'") == [(1,)]


def test_only_facts_of_pypi_count_as_old_after_an_upgrade() -> None:
    assert {source for source, version in PARSER_VERSIONS.items() if version > 1} == {SourceName.PYPI}


def estimates(desk: Desk, *packages: str, refetch: bool = False) -> list[estimate.Estimate]:
    request = FetchRequest(packages=packages, all_packages=not packages, refetch=refetch)
    with open_read(desk.path) as db:
        return estimate.estimate_fetch(request, db, desk.environment, now=desk.world.now)


def test_the_estimate_counts_what_an_older_parser_has_read(desk: Desk) -> None:
    add_package_of(desk.world, "pypi")
    desk.fetch()
    assert {one.outdated for one in estimates(desk)} == {0}
    write(desk, "UPDATE facts SET parser_version = 0 WHERE source IN ('catalog', 'pypi', 'github')")
    found = estimates(desk)
    assert {one.source: one.outdated for one in found} == {"catalog": 2, "github": 2, "pypi": 2}
    assert "pypi: 2 packages, 2 requests, 2 read by an older version" in estimate.estimate_lines(found)
    desk.fetch()
    assert {one.outdated for one in estimates(desk)} == {0}


@pytest.mark.parametrize("source", ["pypi", "github"])
def test_what_is_gone_is_not_counted_as_read_by_an_older_parser(desk: Desk, source: str) -> None:
    add_package_of(desk.world, "pypi")
    desk.fetch()
    repo, project = desk.world.repo("acme/pots"), desk.world.project("pots")
    repo.state, project.state = "gone", "gone"
    desk.advance(days=1)
    desk.fetch()
    write(desk, "UPDATE facts SET parser_version = 0 WHERE source = ? AND outcome = 'gone'", source)
    for names in ([], ["pots"]):
        assert {one.outdated for one in estimates(desk, *names)} == {0}
        desk.advance(days=40)
        desk.fetch(*names)
    sql = "SELECT facts, parser_version FROM facts JOIN packages ON id = package_id WHERE slug = 'pots' AND source = ?"
    if source == "github":  # a part that the older parser read is read anew
        write(desk, "UPDATE facts SET facts = json_set(facts, '$.weeks.days', json('{}')) WHERE source = 'github'")
    repo.state = project.state = "ok"
    desk.advance(days=40)
    desk.fetch()
    ((facts, version),) = desk.rows(sql, (source,))
    assert version == PARSER_VERSIONS[SourceName(source)]
    assert source == "pypi" or json.loads(facts)["weeks"]["days"]


# --refetch.


def conditional(server: WorldServer) -> list[str]:
    return [request.target for request in server.log if "if-none-match" in request.headers]


def test_a_refetch_sends_no_validator_and_reads_the_whole_list(desk: Desk, server: WorldServer) -> None:
    for number in range(260):
        desk.world.add_package(f"p{number}", repo_url="")
    add_package_of(desk.world, "pypi")
    desk.world.add_package("on-gitlab", host=GITLAB, path="acme/x", commits=[3])
    desk.fetch()
    desk.fetch()
    assert conditional(server)
    assert len(server.requests("catalog", "^/packages")) == 1
    requests = len(server.log)
    desk.fetch(refetch=True)
    assert conditional(server) == []
    assert len(server.requests("catalog", "^/packages")) == 2
    assert len(server.log) > requests
    assert len(server.requests("github", "contributors")) == 1  # of pots; the catalog has those of the starter


@pytest.mark.parametrize("named", [False, True], ids=["all", "named"])
def test_the_estimate_of_a_refetch_is_its_price(desk: Desk, server: WorldServer, *, named: bool) -> None:
    names = [f"p{number}" for number in range(30)]
    for name in names:
        catalog: dict[str, object] = {"last_updated": "2020-01-01T00:00:00Z"} if name > "p2" else {}
        desk.world.add_package(name, commits=[3], releases=[("1.0", 9)], catalog=catalog)
    desk.world.add_package("on-gitlab", host=GITLAB, path="acme/x", commits=[3])
    desk.fetch()
    packages = names if named else []
    plain, prices = estimates(desk, *packages), estimates(desk, *packages, refetch=True)
    desk.fetch(*packages, refetch=True)
    for usual, price in zip(plain, prices, strict=True):
        api = {"github": ("github", "graphql")}.get(price.source, (price.source,))
        requests = sum(len(server.requests(one)) for one in api)
        assert usual.least <= price.least <= requests <= price.most
        if price.source == "github":
            assert price.points == server.points()
            assert usual.points < price.points
            assert usual.least < price.least


def test_a_named_refetch_writes_the_row_anew(desk: Desk, server: WorldServer) -> None:
    add_package_of(desk.world, "pypi")
    desk.fetch()
    before = desk.show("pots")
    write(desk, "UPDATE packages SET repo_watchers = 1, participants = '[]', grids = 'null' WHERE slug = 'pots'")
    report = desk.fetch("pots", sources=["github"], refetch=True)
    assert report.exit_code == 0
    assert conditional(server) == []
    assert desk.show("pots") == before


def test_a_refetch_reads_stored_contributors_anew_though_the_catalog_has_them(desk: Desk, server: WorldServer) -> None:
    add_package_of(desk.world, "github")
    desk.fetch()
    desk.world.refresh_record(desk.world.package("pots"), repo=desk.world.repo("acme/pots"))
    desk.fetch(refetch=True)
    assert len(server.requests("github", "pots/contributors")) == 1


def test_a_refetch_does_not_wait_for_what_is_gone(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("pots", commits=[3], state="gone", releases=[("1.0", 3)])
    desk.world.delete_project("pots")
    desk.fetch()
    desk.fetch()
    assert server.requests("pypi", "pots") == []
    desk.fetch(refetch=True)
    assert len(server.requests("pypi", "pots")) == 1


# Requirements.


def requirements(desk: Desk, slug: str = "pots") -> list[tuple[Any, ...]]:
    return desk.rows(
        "SELECT requires, specifier, marker, version, since, until FROM requirements"
        " WHERE package_id = (SELECT id FROM packages WHERE slug = ?) ORDER BY requires, since, specifier",
        (slug,),
    )


def test_what_the_newest_release_requires_is_kept_with_what_it_required_before(desk: Desk) -> None:
    first = release("1.0", 3, "Django >=3.2,<5", "Zope_Interface", 'pytest>=7; extra == "test"')
    desk.world.add_package("pots", releases=[first])
    desk.fetch()
    assert requirements(desk) == [
        ("django", ">=3.2,<5", None, "1.0", TODAY, None),
        ("pytest", ">=7", 'extra == "test"', "1.0", TODAY, None),
        ("zope-interface", "", None, "1.0", TODAY, None),
    ]
    assert desk.field("pots", "django_requires") == ">=3.2,<5"
    desk.world.project("pots").releases.append(release("2.0", 0, "Django>=4.2", "zope.interface"))
    desk.world.bump_serial(desk.world.project("pots"))
    desk.advance(days=1)
    desk.fetch()
    assert requirements(desk) == [
        ("django", ">=3.2,<5", None, "1.0", TODAY, TOMORROW),
        ("django", ">=4.2", None, "2.0", TOMORROW, None),
        ("pytest", ">=7", 'extra == "test"', "1.0", TODAY, TOMORROW),
        ("zope-interface", "", None, "2.0", TODAY, None),
    ]
    assert desk.field("pots", "django_requires") == ">=4.2"
    desk.world.delete_project("pots")
    desk.advance(days=1)
    desk.fetch()
    assert desk.field("pots", "django_requires") == ">=4.2"
    assert len([row for row in requirements(desk) if row[-1] is None]) == 2


def test_packages_know_which_listed_packages_they_require_and_are_used_by(desk: Desk) -> None:
    world = desk.world
    world.add_package("clay", releases=[("1.0", 9)], project="Potters_Clay")
    world.add_package("pots", releases=[release("1.0", 9, "potters.clay>=1", "django>=4", "six")])
    world.add_package("lids", releases=[release("1.0", 9, "potters-clay", 'pots; extra == "all"')])
    for number in range(20):  # a list that lost more than a tenth is rejected
        world.add_package(f"bare-{number}", repo_url="")
    desk.fetch()
    names = ("requires", "used_by")
    assert desk.fields("clay", *names) == {"requires": [], "used_by": 2}
    assert desk.fields("pots", *names) == {"requires": ["clay"], "used_by": 0}
    assert desk.fields("lids", *names) == {"requires": ["clay"], "used_by": 0}
    assert desk.fields("bare-0", *names) == {"requires": [], "used_by": None}
    assert found(desk, "used_by:1..") == found(desk, "used_by:2") == ["clay"]
    assert found(desk, "requires:clay") == ["lids", "pots"]
    assert found(desk, sort="used_by")[0] == "clay"
    world.remove_package("lids")
    desk.advance(days=2)
    desk.fetch()
    assert desk.field("clay", "used_by") == 1
    desk.edit("pots", pypi_url="elsewhere")
    assert desk.fields("clay", *names) == {"requires": [], "used_by": 0}
    desk.edit("pots", unset=["pypi_url"])
    assert desk.field("clay", "used_by") == 1
    assert desk.field("pots", "requires") == ["clay"]


def test_a_project_that_is_gone_uses_nothing(desk: Desk) -> None:
    desk.world.add_package("clay", releases=[("1.0", 9)])
    desk.world.add_package("pots", releases=[release("1.0", 9, "clay")])
    desk.fetch()
    assert (desk.field("pots", "requires"), desk.field("clay", "used_by")) == (["clay"], 1)
    desk.world.delete_project("pots")
    desk.advance(days=1)
    desk.fetch("pots")
    assert (desk.field("pots", "requires"), desk.field("clay", "used_by")) == ([], 0)
    assert found(desk, "requires:clay") == []
    assert [row[0] for row in requirements(desk) if row[-1] is None] == ["clay"]
    desk.world.project("pots").state = "ok"
    desk.fetch("pots")
    assert (desk.field("pots", "requires"), desk.field("clay", "used_by")) == (["clay"], 1)


def test_an_edited_address_does_not_mix_the_facts_of_two_projects(desk: Desk) -> None:
    world = desk.world
    world.add_package("pots", releases=[release("1.0", 9, "six"), release("1.1", 5, "six")])
    world.add_project("other", [release("7.0", 1, "attrs")])
    desk.fetch()
    before = requirements(desk)
    desk.edit("pots", pypi_url="other")
    desk.fetch("pots")
    assert desk.fields("pots", "releases", "version") == {"releases": 1, "version": "7.0"}
    desk.edit("pots", unset=["pypi_url"])
    desk.fetch("pots")
    assert desk.fields("pots", "releases", "version") == {"releases": 2, "version": "1.1"}
    sql = "SELECT {} FROM {} JOIN packages ON id = package_id AND pypi_name = project WHERE slug = 'pots' ORDER BY 1"
    assert desk.rows(sql.format("version", "releases")) == [("1.0",), ("1.1",)]
    assert desk.rows(sql.format("requirements.requires", "requirements")) == [("six",)]
    assert before[0] in requirements(desk)


def test_a_package_that_is_new_to_a_project_gets_its_lists(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("pots", releases=[release("1.0", 9, "six")])
    desk.world.add_package("twin", repo_url="")
    desk.fetch()
    desk.edit("twin", pypi_url="pots")
    with open_write(desk.path) as db:  # the edit was made during a fetch that asked for the known project alone
        answer = SourceAnswer("pots", Outcome.UNCHANGED)
        Writer(db, forges={}).store_answers(SourceName.PYPI, [answer], now=desk.world.now)
    assert requirements(desk, "twin") == requirements(desk, "pots") != []
    sql = "SELECT version FROM releases JOIN packages ON id = package_id WHERE slug = 'twin'"
    assert desk.rows(sql) == [("1.0",)]
    assert desk.field("twin", "releases") == 1


# Releases.


def test_all_releases_are_kept_with_their_state(desk: Desk) -> None:
    desk.world.add_package(
        "pots",
        releases=[
            release("0.9", 900, requires_python=">=2.7"),
            release("1.0", 90, yanked=True),
            release("1.1", 9, requires_python=">=3.8"),
            release("1.2rc1", 1, files=False),
        ],
    )
    desk.fetch()
    sql = (
        "SELECT version, uploaded, yanked, requires_python FROM releases"
        " WHERE package_id = (SELECT id FROM packages WHERE slug = 'pots') ORDER BY version"
    )
    rows = [
        ("0.9", format_time(NOW - timedelta(days=900)), 0, ">=2.7"),
        ("1.0", format_time(NOW - timedelta(days=90)), 1, None),
        ("1.1", format_time(NOW - timedelta(days=9)), 0, ">=3.8"),
        ("1.2rc1", None, 0, None),
    ]
    assert desk.rows(sql) == rows
    assert desk.fields("pots", "releases", "first_released") == {
        "releases": 4,
        "first_released": format_time(NOW - timedelta(days=900)),
    }
    assert found(desk, "releases:4..", "first_released:..2y") == ["pots"]
    desk.world.yank("pots", "1.1")
    desk.world.project("pots").releases.pop(0)
    desk.fetch()
    assert desk.rows(sql) == [rows[1], (*rows[2][:2], 1, ">=3.8"), rows[3]]


def test_a_response_without_the_lists_keeps_the_stored_ones(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("pots", releases=[release("1.0", 90, "django>=4"), release("1.1", 9, "django>=4")])
    desk.fetch()

    def without_lists(body: dict[str, Any]) -> dict[str, Any]:
        del body["releases"], body["info"]["requires_dist"]
        return body

    server.fault("pypi", "/pots/", kind="rewrite", rewrite=without_lists)
    desk.world.yank("pots", "1.0")
    assert desk.fetch("pots", refetch=True).exit_code == 0
    assert desk.fields("pots", "releases", "django_requires") == {"releases": 2, "django_requires": ">=4"}
    assert len(requirements(desk)) == 1
    assert desk.rows("SELECT count(*) FROM releases JOIN packages ON id = package_id WHERE slug = 'pots'") == [(2,)]


def rewriting(values: dict[str, Any], **info: Any) -> Any:
    def rewrite(body: Any) -> Any:
        body["info"] |= info
        return body | values

    return rewrite


KEPT_FIELDS = (
    "releases", "first_released", "released", "django_versions", "license", "development_status", "requires_python",
    "yanked", "django_requires", "requires",
)  # fmt: skip
EMPTIED: dict[str, Any] = {
    "requirements null": rewriting({}, requires_dist=None),
    "requirements empty": rewriting({}, requires_dist=[]),
    "classifiers": rewriting({}, classifiers=[]),
    "license": rewriting({}, license="", license_expression="", classifiers=[]),
    "requires_python": rewriting({}, requires_python=None),
    "yanked": rewriting({}, yanked=None),
    "urls": rewriting({"urls": []}),
    "releases empty": rewriting({"releases": {}}),
    "releases null": rewriting({"releases": None}),
    "one release without files": rewriting({"releases": {"1.1": []}}),
    "all": rewriting(
        {"urls": [], "releases": {"1.1": []}},
        requires_dist=None, classifiers=[], license=None, license_expression=None, requires_python=None, yanked=None,
        project_urls=None, home_page=None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("way", "emptied"),
    [
        pytest.param(way, emptied, marks=() if way == "all" or emptied in ("all", "yanked") else pytest.mark.campaign)
        for way in ("all", "named", "edited")
        for emptied in EMPTIED
    ],
)
def test_an_empty_answer_about_the_same_release_loses_nothing(
    desk: Desk, server: WorldServer, emptied: str, way: str
) -> None:
    classifiers = ("Framework :: Django :: 5.2", "Development Status :: 4 - Beta")
    desk.world.add_package("clay", releases=[("1.0", 9)])
    desk.world.add_package(
        "pots",
        releases=[
            release("1.0", 90),
            release(
                "1.1",
                9,
                "django>=4",
                "clay",
                classifiers=classifiers,
                license_expression="MIT",
                requires_python=">=3.8",
            ),
        ],
    )
    desk.world.add_package("lids", repo_url="", pypi_url="")
    desk.begin_with("pots, clay and lids")
    if way == "edited":
        desk.edit("lids", pypi_url="pots")
    before = desk.fields("pots", *KEPT_FIELDS), requirements(desk), stored_releases(desk), desk.field("clay", "used_by")
    assert before[0]["django_versions"] == ["5.2"]
    assert [name for name, value in before[0].items() if value in (None, [])] == []
    fault = server.fault("pypi", "/pots/", kind="rewrite", rewrite=EMPTIED[emptied])
    desk.advance(days=1)
    names = {"all": [], "named": ["pots"], "edited": ["lids"]}[way]
    assert desk.fetch(*names, refetch=True).exit_code == 0
    assert fault.hits
    if way == "edited":
        assert desk.field("lids", "releases") == 2
        assert requirements(desk, "lids") == before[1]
        desk.edit("lids", pypi_url="")
        desk.fetch(sources=["catalog"])  # counts users anew
    after = desk.fields("pots", *KEPT_FIELDS), requirements(desk), stored_releases(desk), desk.field("clay", "used_by")
    assert after == before
    assert [event for event in desk.events() if event[1] != "added"] == []


def stored_releases(desk: Desk, slug: str = "pots") -> list[tuple[Any, ...]]:
    return desk.rows(
        "SELECT version, uploaded, releases.yanked FROM releases JOIN packages ON id = package_id"
        " WHERE slug = ? ORDER BY version",
        (slug,),
    )


def test_a_deleted_release_is_no_longer_counted(desk: Desk) -> None:
    desk.world.add_package("pots", releases=[release("0.9", 200), release("1.0", 90), release("1.1", 9)])
    desk.fetch()
    desk.world.project("pots").releases.pop(0)
    desk.world.bump_serial(desk.world.project("pots"))  # as PyPI does
    desk.fetch()
    assert desk.fields("pots", "releases", "first_released") == {
        "releases": 2,
        "first_released": format_time(NOW - timedelta(days=90)),
    }
    assert [version for version, *_ in stored_releases(desk)] == ["1.0", "1.1"]


def test_a_newer_list_does_not_lose_a_known_time_of_upload(desk: Desk) -> None:
    desk.world.add_package("pots", releases=[release("1.0", 90), release("1.1", 9)])
    desk.fetch()
    before = stored_releases(desk)
    desk.world.project("pots").releases[0].files = False
    desk.world.bump_serial(desk.world.project("pots"))
    desk.fetch()
    assert stored_releases(desk) == before
    assert desk.field("pots", "first_released") == before[0][1]


def test_the_requirements_of_a_newer_release_may_be_none(desk: Desk) -> None:
    desk.world.add_package("pots", releases=[release("1.0", 90, "six")])
    desk.fetch()
    desk.world.release("pots", "1.1")
    desk.advance(days=1)
    desk.fetch()
    assert requirements(desk) == [("six", "", None, "1.0", TODAY, TOMORROW)]


def test_the_series_of_django_survive_an_incomplete_list(desk: Desk, server: WorldServer) -> None:
    desk.world.add_project("Django", django_releases())
    desk.fetch()
    with open_read(desk.path) as db:
        before = django.get_series(db)
    server.fault("pypi", "/django/", kind="rewrite", rewrite=rewriting({"releases": {"5.2": []}}))
    desk.fetch(refetch=True)
    with open_read(desk.path) as db:
        assert django.get_series(db) == before
    assert desk.rows("SELECT json_extract(facts, '$.releases') FROM projects") == [(7,)]


# Django itself.


def django_releases() -> list[Release]:
    return [
        release("4.2", 900),
        release("4.2.1", 800),
        release("5.0", 500, yanked=True),
        release("5.0.1", 490),
        release("5.2rc1", 50),
        release("5.2", 40, classifiers=("Programming Language :: Python :: 3.13",)),
        release("6.0a1", 10),
    ]


def test_the_series_of_django_are_kept_though_it_is_no_package(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("pots", releases=[("1.0", 9)])
    desk.world.add_project("Django", django_releases())
    report = desk.fetch()
    assert (report.exit_code, report.sources[SourceName.PYPI].asked) == (0, 2)
    with open_read(desk.path) as db:
        assert django.get_series(db) == {
            "4.2": format_time(NOW - timedelta(days=900)),
            "5.0": format_time(NOW - timedelta(days=490)),
            "5.2": format_time(NOW - timedelta(days=40)),
        }
    desk.fetch("pots")
    assert server.requests("pypi", "/django/") == []  # once a day
    desk.fetch()
    assert [request.status for request in server.requests("pypi", "/django/")] == [304]
    desk.advance(days=1, minutes=1)
    desk.fetch("pots")
    assert [request.status for request in server.requests("pypi", "/django/")] == [304]
    write(desk, "UPDATE projects SET parser_version = 0, facts = json_remove(facts, '$.python_versions')")
    desk.fetch()
    assert desk.rows("SELECT json_extract(facts, '$.python_versions'), parser_version FROM projects") == [
        ('["3.13"]', PARSER_VERSIONS[SourceName.PYPI])
    ]


def test_django_as_a_package_is_requested_once(desk: Desk, server: WorldServer) -> None:
    desk.world.add_package("django", releases=django_releases())
    desk.fetch()
    assert len(server.requests("pypi", "/django/")) == 1
    assert desk.field("django", "releases") == 7
    with open_read(desk.path) as db:
        assert list(django.get_series(db)) == ["4.2", "5.0", "5.2"]


def test_a_failure_of_django_alone_is_reported_and_keeps_its_series(desk: Desk, server: WorldServer) -> None:
    desk.world.add_project("django", django_releases())
    desk.fetch()
    server.fault("pypi", "/django/", status=500)
    report = desk.fetch(refetch=True)
    assert (report.exit_code, len(error_lines(report))) == (5, 1)
    assert desk.fetch(STARTER, refetch=True).exit_code == 0  # nobody named it
    with open_read(desk.path) as db:
        assert len(django.get_series(db)) == 3


# Archived.


def test_the_time_of_archiving_is_kept_also_where_rest_does_not_state_it(desk: Desk) -> None:
    desk.world.add_package("pots", archived=True, commits=[400])
    desk.world.add_package("lids", host=CODEBERG, path="acme/lids", archived=True, commits=[400])
    desk.world.add_package("pans", host=CODEBERG, path="acme/pans", commits=[400])
    desk.fetch()
    archived = format_time(NOW - timedelta(days=30))
    assert [desk.field(slug, "archived_at") for slug in ("pots", "lids", "pans")] == [archived, archived, None]
    assert found(desk, "archived_at:1y..") == ["lids", "pots"]
    desk.world.star("acme/pots")
    desk.fetch("pots")  # by REST
    assert desk.fields("pots", "archived_at", "stars") == {"archived_at": archived, "stars": 1}
    desk.world.archive("acme/pots", archived=False)
    desk.fetch("pots")
    assert desk.fields("pots", "archived", "archived_at") == {"archived": False, "archived_at": None}


# The history.


def history(desk: Desk, slug: str = "pots") -> list[tuple[Any, ...]]:
    return desk.rows(
        "SELECT day, stars, forks, contributors, commits FROM history JOIN packages ON id = package_id"
        " WHERE slug = ? ORDER BY day",
        (slug,),
    )


def test_the_history_has_one_row_for_each_day_on_which_a_value_changed(desk: Desk) -> None:
    desk.world.add_package("pots", commits=[(3, "alice"), (40, "bob")], stars=10, forks=2)
    desk.fetch()
    first = (TODAY, 10, 2, 2, 2)
    assert history(desk) == [first]
    desk.advance(days=1)
    desk.world.star("acme/pots", 5)
    desk.fetch()
    desk.world.star("acme/pots", 2)
    desk.advance(hours=1)
    desk.fetch()
    assert history(desk) == [first, (TOMORROW, 17, 2, 2, 2)]  # the last value of the day wins
    desk.advance(days=3)
    desk.fetch()
    assert len(history(desk)) == 2
    desk.world.push("acme/pots", 1, login="carol")
    desk.fetch("pots")
    assert history(desk)[-1] == ("2026-11-27", 17, 2, 3, 3)
    check_integrity(desk.path)


def test_a_day_that_ends_as_it_began_has_no_row(desk: Desk) -> None:
    desk.world.add_package("pots", commits=[3], stars=10)
    desk.fetch()
    desk.advance(days=1)
    for count in (5, -5):
        desk.world.star("acme/pots", count)
        desk.fetch()
    assert [row[0] for row in history(desk)] == [TODAY]


def test_edits_are_not_in_the_history(desk: Desk) -> None:
    desk.world.add_package("pots", commits=[3], stars=10)
    desk.world.add_package("lids", path="acme/lids", commits=[3], stars=70)
    desk.fetch()
    desk.edit("pots", repo_watchers=999, participants=["a", "b", "c"])
    desk.world.star("acme/pots")
    desk.advance(days=1)
    desk.fetch()
    assert history(desk) == [(TODAY, 10, 0, 1, 1), (TOMORROW, 11, 0, 1, 1)]
    desk.edit("pots", repo_url="https://github.com/acme/lids")
    desk.advance(days=1)
    desk.fetch()
    assert len(history(desk)) == 2
    assert desk.field("pots", "stars_90d") is None


def test_gained_stars_come_from_the_history(desk: Desk) -> None:
    desk.world.add_package("pots", commits=[3], stars=10)
    desk.world.add_package("lids", commits=[3], stars=50)
    desk.fetch()
    names = ("stars_90d", "stars_1y")
    assert desk.fields("pots", *names) == {"stars_90d": None, "stars_1y": None}
    days = {"2025-11-23": 1, "2025-11-24": 2, "2026-08-25": 4, "2026-08-26": 6, "2026-10-01": 8}
    for day, stars in days.items():
        write(
            desk,
            "INSERT INTO history SELECT id, ?, ?, NULL, NULL, NULL, repository_key FROM packages WHERE slug = 'pots'",
            day,
            stars,
        )
    write(
        desk,
        "INSERT INTO history SELECT id, '2026-01-01', 60, 0, 0, 0, repository_key FROM packages WHERE slug = 'lids'",
    )
    assert gained(desk, "pots") == {"stars_90d": 6, "stars_1y": 9}
    assert gained(desk, "lids") == {"stars_90d": -10, "stars_1y": None}
    assert found(desk, "stars_90d:1..") == ["pots"]
    assert found(desk, "stars_90d:..-1") == ["lids"]
    assert found(desk, "stars_1y:none", sort="stars_90d")[0] == "lids"
    assert found(desk, sort="stars_90d")[:2] == ["pots", "lids"]


@pytest.mark.parametrize("days", [0, 1, 100])
def test_another_repository_begins_another_series(desk: Desk, days: int) -> None:
    package = desk.world.add_package("pots", commits=[3], stars=10)
    desk.world.add_repository("big/pots", stars=5000, commits=[1])
    desk.fetch()
    desk.advance(days=100)
    package.repo_url = "https://github.com/big/pots"
    desk.fetch()
    assert desk.fields("pots", "stars", "stars_90d") == {"stars": 5000, "stars_90d": None}
    assert gained(desk, "pots", days=days) == {"stars_90d": 0 if days == 100 else None, "stars_1y": None}
    desk.world.star("big/pots", 7)
    desk.advance(days=100)
    desk.fetch()
    assert gained(desk, "pots") == {"stars_90d": 7, "stars_1y": None}
    package.repo_url = "https://github.com/acme/pots"
    desk.advance(days=1)
    desk.fetch()
    assert gained(desk, "pots") == {"stars_90d": 0, "stars_1y": None}


@pytest.mark.parametrize("address", ["https://github.com/big/pots", "https://example.org/pots", ""])
def test_an_address_without_an_answer_ends_the_series(desk: Desk, server: WorldServer, address: str) -> None:
    package = desk.world.add_package("pots", commits=[3], stars=10)
    desk.world.add_repository("big/pots", stars=5000, commits=[1])
    desk.fetch()
    desk.advance(days=100)
    package.repo_url, package.repo_watchers = address, 5000
    for api in ("github", "graphql"):
        server.fault(api, status=500)
    for _ in range(2):
        desk.fetch()
        assert gained(desk, "pots") == {"stars_90d": None, "stars_1y": None}
        desk.advance(days=2)
    assert [row[1] for row in history(desk)] == [10, None]
    assert gained(desk, "pots") == {"stars_90d": None, "stars_1y": None}


def test_an_edited_address_leaves_the_series_as_it_is(desk: Desk) -> None:
    desk.world.add_package("pots", commits=[3], stars=10)
    desk.world.add_repository("big/pots", stars=5000, commits=[1])
    desk.fetch()
    desk.edit("pots", repo_url="https://github.com/big/pots")
    desk.advance(days=100)
    desk.fetch()
    assert gained(desk, "pots") == {"stars_90d": None, "stars_1y": None}
    desk.edit("pots", unset=["repo_url"])
    desk.world.star("acme/pots", 2)
    desk.fetch()
    assert gained(desk, "pots") == {"stars_90d": 2, "stars_1y": None}


@pytest.mark.parametrize("host", ["github.com", GITLAB, CODEBERG])
@pytest.mark.parametrize("late", [False, True])
def test_the_new_address_of_a_moved_repository_continues_its_series(desk: Desk, host: str, *, late: bool) -> None:
    package = desk.world.add_package("pots", host=host, path="acme/pots", commits=[3], stars=10)
    desk.fetch()
    desk.world.rename(desk.world.repo("acme/pots", host), "clay/pots")
    desk.advance(days=100)
    desk.fetch()
    package.repo_url = f"https://{host}/clay/pots"
    desk.world.star(desk.world.repo("clay/pots", host), 4)
    desk.advance(days=1)
    if late:  # the forge answers on another day
        desk.fetch(sources=["catalog"])
        desk.advance(days=1)
    desk.fetch()
    assert gained(desk, "pots") == {"stars_90d": 4, "stars_1y": None}
    assert desk.rows(
        "SELECT DISTINCT coordinate FROM history JOIN packages ON id = package_id WHERE slug = 'pots'"
    ) == [(f"{host}/clay/pots",)]


def gained(desk: Desk, slug: str, *, days: int = 0) -> dict[str, Any]:
    """Return the gained stars, so many days after now."""
    now = desk.world.now + timedelta(days=days)
    with open_read(desk.path) as db:
        (number,) = listing.find_ids(db, parser.parse_query([f"slug:{slug}"], now=now), [])
        (row,) = listing.get_rows(db, [number], fields.parse_columns("stars_90d,stars_1y"), now=now)
        return dict(row)


def test_a_wrong_value_of_an_older_parser_becomes_null(desk: Desk) -> None:
    add_package_of(desk.world, "pypi")
    desk.world.add_project("Django", django_releases())
    desk.fetch()
    sql = "SELECT json_extract(facts, '$.license'), parser_version FROM facts JOIN packages ON id = package_id"
    assert desk.rows(f"{sql} WHERE slug = 'pots' AND source = 'pypi'") == [(None, PARSER_VERSIONS[SourceName.PYPI])]
    for table in ("facts", "projects"):
        only = " WHERE source = 'pypi'" if table == "facts" else ""
        write(desk, f"UPDATE {table} SET facts = json_set(facts, '$.license', 'GARBAGE'), parser_version = 1{only}")
    desk.fetch()
    assert desk.rows(f"{sql} WHERE slug = 'pots' AND source = 'pypi'") == [(None, PARSER_VERSIONS[SourceName.PYPI])]
    assert desk.rows("SELECT json_extract(facts, '$.license') FROM projects") == [(None,)]
