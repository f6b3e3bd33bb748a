"""Forgejo: the server's page size, accounts of authors, 409 for an empty repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import Outcome
from djpkg.sources.http.response import Response
from djpkg.sources.rest_forge.forgejo import _has_more
from tests.sources.forges import FORGE_CASES, check_facts
from tests.sources.requesting import facts_of, fetch_one, target_for

if TYPE_CHECKING:
    from tests.world import World, WorldServer

FORGE = FORGE_CASES[2]
HALF_DAYS = [number / 2 for number in range(1, 121)]


def test_authors_of_commits_are_contributors(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=[(1, "carol"), (2, "dan"), (3, "dan"), (4, "dan"), (5, "carol"), (6, "erin")])
    repo.recent[5].login = None
    contributors = facts_of(fetch_one(FORGE.new_source(server), target_for(repo))).contributors
    assert (contributors.names, contributors.whole, contributors.head) == (
        ("dan", "carol", "Erin"),
        False,
        repo.recent[0].oid,
    )
    assert contributors.taken == "2026-11-23T12:00:00Z"


def test_later_pages_are_read_from_the_first_head(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=HALF_DAYS)
    fetch_one(FORGE.new_source(server), target_for(repo))
    pages = [(one.query["sha"], one.query["page"]) for one in server.requests("codeberg", "/commits")]
    assert pages == [("main", "1"), (repo.recent[0].oid, "2"), (repo.recent[0].oid, "3")]
    first = server.requests("codeberg", "/commits")[0].query
    assert (first["stat"], first["verification"], first["files"]) == ("false", "false", "false")


def test_pages_smaller_than_requested_are_not_the_end(
    server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.world.forgejo.MAX_PER_PAGE", 30)
    repo = FORGE.add(world, commits=HALF_DAYS)
    check_facts(fetch_one(FORGE.new_source(server), target_for(repo)).facts, repo)
    assert len(server.requests("codeberg", "/commits")) == 4


@pytest.mark.parametrize(
    ("headers", "next_url", "rows", "more"),
    [
        ({"x-hasmore": "true"}, None, 3, True),
        ({"x-hasmore": "false"}, "https://git.example/2", 50, False),
        ({}, "https://git.example/2", 3, True),
        ({}, "https://evil.example/2", 3, True),  # the next page is requested by number, from the same server
        ({}, None, 50, True),
        ({}, None, 49, False),
    ],
)
def test_another_page_follows_by_header_or_after_a_full_page(
    headers: dict[str, str], next_url: str | None, rows: int, *, more: bool
) -> None:
    response = Response(status=200, headers=headers, body=b"", url="https://git.example/1", next_url=next_url)
    assert _has_more(response, rows) is more


def test_409_means_empty_even_without_the_empty_flag(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, state="empty")
    server.fault("codeberg", FORGE.repository, kind="rewrite", rewrite=lambda page: page | {"empty": False})
    check_facts(fetch_one(FORGE.new_source(server), target_for(repo)).facts, repo)
    assert [request.status for request in server.requests("codeberg")] == [200, 409]


def test_a_missing_branch_is_a_failure_and_not_an_empty_repository(server: WorldServer, world: World) -> None:
    server.fault("codeberg", "/commits", status=404, body={"message": "The target couldn't be found."})
    answer = fetch_one(FORGE.new_source(server), target_for(FORGE.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)


def test_after_a_rename_only_the_first_request_uses_the_old_path(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=HALF_DAYS)
    world.rename(repo, "umbrella/tasks")
    fetch_one(FORGE.new_source(server), target_for(repo, "acme/todo"))
    assert len(server.requests("codeberg", "acme/todo")) == 1
    assert len(server.requests("codeberg", "umbrella/tasks/commits")) == 3


def test_the_token_is_sent_with_the_token_scheme(server: WorldServer, world: World) -> None:
    fetch_one(FORGE.new_source(server, token=True), target_for(FORGE.add(world)))
    assert {request.headers["authorization"] for request in server.requests("codeberg")} == {
        f"token {server.tokens['codeberg']}"
    }
