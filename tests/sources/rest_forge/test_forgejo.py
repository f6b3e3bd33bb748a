"""What is Forgejo's own: commits in pages of the server's size, accounts of authors, 409 for an empty repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import Outcome
from djpkg.sources.http.response import Response
from djpkg.sources.rest_forge.forgejo import _has_more
from tests.sources.forges import PLACES, check_facts
from tests.sources.requesting import ask_for, fetch_one

if TYPE_CHECKING:
    from tests.world import World, WorldServer

PLACE = PLACES[2]
HALF_DAYS = [number / 2 for number in range(1, 121)]


def test_authors_of_the_commits_read_are_participants(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=[(1, "carol"), (2, "dan"), (3, "dan"), (4, "dan"), (5, "carol"), (6, "erin")])
    repo.recent[5].login = None
    said = fetch_one(PLACE.make(server), ask_for(repo)).facts.contributors
    assert (said.names, said.whole, said.head) == (("dan", "carol", "Erin"), False, repo.recent[0].oid)
    assert said.taken == "2026-11-23T12:00:00Z"


def test_later_pages_are_read_below_the_head_that_was_seen(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=HALF_DAYS)
    fetch_one(PLACE.make(server), ask_for(repo))
    asked = [(one.query["sha"], one.query["page"]) for one in server.requests("codeberg", "/commits")]
    assert asked == [("main", "1"), (repo.recent[0].oid, "2"), (repo.recent[0].oid, "3")]
    first = server.requests("codeberg", "/commits")[0].query
    assert (first["stat"], first["verification"], first["files"]) == ("false", "false", "false")


def test_a_server_may_give_smaller_pages_than_were_asked_for(
    server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.world.forgejo.MOST_PER_PAGE", 30)
    repo = PLACE.add(world, commits=HALF_DAYS)
    check_facts(fetch_one(PLACE.make(server), ask_for(repo)).facts, repo)
    assert len(server.requests("codeberg", "/commits")) == 4


@pytest.mark.parametrize(
    ("headers", "rows", "more"),
    [
        ({"x-hasmore": "true"}, 3, True),
        ({"x-hasmore": "false", "link": '<https://git.example/2>; rel="next"'}, 50, False),
        ({"link": '<https://git.example/2>; rel="next"'}, 3, True),
        ({"link": '<https://evil.example/2>; rel="next"'}, 3, True),  # by its number, on the same server
        ({}, 50, True),
        ({}, 49, False),
    ],
)
def test_another_page_follows_when_the_server_says_so_or_this_one_is_full(
    headers: dict[str, str], rows: int, *, more: bool
) -> None:
    reply = Response(status=200, headers=headers, body=b"", url="https://git.example/1")
    assert _has_more(reply, rows) is more


def test_409_says_empty_even_where_the_page_does_not(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, state="empty")
    server.fault("codeberg", PLACE.page, kind="rewrite", rewrite=lambda page: page | {"empty": False})
    check_facts(fetch_one(PLACE.make(server), ask_for(repo)).facts, repo)
    assert [request.status for request in server.requests("codeberg")] == [200, 409]


def test_a_branch_that_is_missing_is_a_failure_and_not_an_empty_repository(server: WorldServer, world: World) -> None:
    server.fault("codeberg", "/commits", status=404, body={"message": "The target couldn't be found."})
    answer = fetch_one(PLACE.make(server), ask_for(PLACE.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)


def test_the_old_name_is_asked_once(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=HALF_DAYS)
    world.rename(repo, "umbrella/tasks")
    fetch_one(PLACE.make(server), ask_for(repo, "acme/todo"))
    assert len(server.requests("codeberg", "acme/todo")) == 1
    assert len(server.requests("codeberg", "umbrella/tasks/commits")) == 3


def test_the_token_goes_in_forgejos_own_way(server: WorldServer, world: World) -> None:
    fetch_one(PLACE.make(server, token=True), ask_for(PLACE.add(world)))
    assert {request.headers["authorization"] for request in server.requests("codeberg")} == {
        f"token {server.tokens['codeberg']}"
    }
