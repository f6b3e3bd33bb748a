"""Packages that share a repository or a project: a new one does not weaken what the others know about it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.fetch.report_text import error_lines
from djpkg.mirror import queue
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName
from tests.fetching import Desk, add_starter, quick_folder
from tests.world import BITBUCKET, CODEBERG, GITHUB, GITLAB, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.world import WorldServer

APIS = {GITHUB: "github", GITLAB: "gitlab", BITBUCKET: "bitbucket", CODEBERG: "forgejo"}
FIGURES = ("repo_watchers", "commits_last_year", "participants", "repo_state", "last_updated")
WAYS = ("all", "named", "edited")


def cases(hosts: Iterable[str], ways: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrize a test. A token changes how GitHub is read; at the other forges it is only one more header."""
    return pytest.mark.parametrize(
        ("desk", "host", "way"),
        [
            pytest.param(
                token,
                host,
                way,
                id=f"{'token' if token else 'anonymous'}-{way}-{host}",
                marks=pytest.mark.campaign if token and host != GITHUB else (),
            )
            for token, host, way in product((False, True), hosts, ways)
        ],
        indirect=["desk"],
    )


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    return world


@pytest.fixture(params=[False, True], ids=["anonymous", "token"])
def desk(request: pytest.FixtureRequest, server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    server.quota("github", authorised=False).limit = 1000
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db", tokens=server.token_env() if request.param else {})


def share(desk: Desk, host: str, way: str) -> list[str]:
    """Make another package point to the repository of pots; return the names to fetch."""
    address = f"https://{host}/acme/pots"
    if way == "edited":
        desk.edit("twin", repo_url=address)
    else:
        desk.world.add_package("newer", repo_url=address, pypi_url="")
    desk.advance(days=2)
    return {"all": [], "named": ["newer"], "edited": ["twin"]}[way]


@pytest.fixture(autouse=True)
def packages(world: World) -> None:
    world.add_package("twin", repo_url="", pypi_url="")


def add_pots(desk: Desk, host: str) -> dict[str, Any]:
    desk.world.add_package("pots", host=host, path="acme/pots", stars=50, commits=[5, 3, 2], pypi_url="")
    desk.begin_with("pots", host)
    return desk.fields("pots", *FIGURES)


@cases(APIS, WAYS)
def test_another_repository_is_refused_though_a_package_without_facts_shares_the_address(
    desk: Desk, host: str, way: str
) -> None:
    before = add_pots(desk, host)
    desk.world.delete("acme/pots") if host == GITHUB else None
    desk.world.add_repository("acme/pots", host=host, stars=1, commits=[1])
    report = desk.fetch(*share(desk, host, way))
    (line,) = error_lines(report)
    assert line.startswith(f"{APIS[host]}: ")
    assert "acme/pots is another repository now" in line
    assert desk.fields("pots", *FIGURES) == before
    assert [event for event in desk.events() if event[1] != "added"] == []


@cases(APIS, WAYS)
def test_no_commits_are_a_failure_though_a_package_without_facts_shares_the_address(
    desk: Desk, server: WorldServer, host: str, way: str
) -> None:
    before = add_pots(desk, host)
    desk.world.push(desk.world.repo("acme/pots", host))
    if host == GITHUB:
        server.fault("graphql", kind="rewrite", rewrite=_without_head)
        server.fault("github", "/pots/commits", status=409, body={"message": "Git Repository is empty."})
    elif host == CODEBERG:
        server.fault("codeberg", "/commits", status=409, body={"message": "Git Repository is empty."})
    else:
        server.fault(APIS[host], "/commits", status=200, body=[] if host == GITLAB else {"values": []})
    report = desk.fetch(*share(desk, host, way))
    assert report.sources[SourceName(APIS[host])].outcomes[Outcome.FAILED] > 0
    stars = desk.field("pots", "repo_watchers")
    assert desk.fields("pots", *FIGURES) == before | {"repo_watchers": stars}


def _without_head(body: Any) -> Any:
    for key, node in body["data"].items():
        for one in node if key == "nodes" else [node]:
            if isinstance(one, dict) and one.get("nameWithOwner") == "acme/pots":
                one |= {"isEmpty": True, "defaultBranchRef": None}
    return body


@cases(APIS, WAYS)
def test_a_move_is_followed_though_a_package_without_facts_shares_the_address(desk: Desk, host: str, way: str) -> None:
    add_pots(desk, host)
    repo = desk.world.repo("acme/pots", host)
    desk.world.rename(repo, "zoe/pots")
    desk.fetch("pots")
    desk.world.add_repository("acme/pots", host=host, stars=1, commits=[1])
    names = share(desk, host, way)
    assert desk.fetch(*names).exit_code == 0
    for slug in ("pots", "twin" if way == "edited" else "newer"):
        assert desk.field(slug, "moved_to") == f"https://{host}/zoe/pots"
        assert desk.field(slug, "repo_watchers") == 50


def test_a_former_package_of_an_address_keeps_its_identity(desk: Desk) -> None:
    add_pots(desk, GITHUB)
    desk.edit("pots", repo_url="")
    desk.world.delete("acme/pots")
    desk.world.add_repository("acme/pots", stars=1, commits=[1])
    (line,) = error_lines(desk.fetch(*share(desk, GITHUB, "named")))
    assert "acme/pots is another repository now" in line


def test_the_mirror_refuses_facts_with_another_id(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = add_pots(desk, GITHUB)
    desk.world.delete("acme/pots")
    desk.world.add_repository("acme/pots", stars=1, commits=[1])
    monkeypatch.setattr(queue, "_read_known", lambda *_: {})  # the source then has nothing to compare with
    desk.advance(days=2)
    for names in ([], ["pots"]):
        report = desk.fetch(*names, refetch=True)
        (line,) = error_lines(report)
        assert line.startswith("github: github.com/acme/pots is another repository now: the id of acme/pots is ")
        assert report.sources[SourceName.GITHUB].outcomes[Outcome.FAILED] == 1
        assert desk.fields("pots", *FIGURES) == before
    assert desk.rows("SELECT outcome FROM facts WHERE coordinate = 'github.com/acme/pots'") == [("failed",)]


def test_a_shared_repository_is_read_whole_for_a_package_without_facts(desk: Desk) -> None:
    add_pots(desk, GITHUB)
    share(desk, GITHUB, "named")
    desk.fetch("newer")
    assert desk.fields("newer", *FIGURES) == desk.fields("pots", *FIGURES)


@cases([GITHUB, BITBUCKET, CODEBERG], ["all", "named"])
def test_the_catalogs_list_of_participants_stays_when_the_catalog_empties_it(
    desk: Desk, server: WorldServer, host: str, way: str
) -> None:
    package = desk.world.add_package("pots", host=host, path="acme/pots", commits=[(2, "alice")], pypi_url="")
    package.participants = ["mara", "otto"]
    server.fault("github", "/contributors", status=204)
    desk.fetch(refetch=True)
    assert desk.field("pots", "participants") == ["mara", "otto"]
    package.participants = []
    for _ in range(2):
        desk.advance(days=2)
        desk.world.push(desk.world.repo("acme/pots", host), login="alice")
        desk.fetch(*(["pots"] if way == "named" else []))
        # Bitbucket and Codeberg have no list: the authors of commits follow the catalog's.
        followers = [] if host == GITHUB else ["alice"]
        assert desk.field("pots", "participants") == ["mara", "otto", *followers]


def test_contributors_are_requested_where_the_catalogs_list_is_an_older_one(desk: Desk, server: WorldServer) -> None:
    package = desk.world.add_package("pots", path="acme/pots", commits=[(2, "alice")], pypi_url="")
    package.participants = ["alice"]
    desk.fetch(sources=["catalog"])
    desk.world.push(desk.world.repo("acme/pots"), login="bob")
    desk.world.refresh_record(package, repo=desk.world.repo("acme/pots"))
    package.participants = []
    desk.advance(days=2)
    desk.fetch()
    assert server.requests("github", "pots/contributors")
    assert sorted(desk.field("pots", "participants")) == ["alice", "bob"]
