"""Bitbucket: 60 requests an hour, counts from list sizes, pages with the URL of the next one."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import ANONYMOUS
from tests.sources.forges import FORGE_CASES, check_facts
from tests.sources.requesting import facts_of, fetch, fetch_one, outcomes, target_for, with_answer
from tests.world import NOW, Commit, World, WorldServer

FORGE = FORGE_CASES[1]
HALF_DAYS = [number / 2 for number in range(1, 261)]


def commit(number: int, **values: Any) -> Commit:
    moment = NOW - timedelta(days=number)
    return Commit(f"{number:040x}", committed=moment, authored=moment, **values)


def test_without_a_token_60_requests_are_sent_and_the_rest_is_deferred(server: WorldServer, world: World) -> None:
    targets = [target_for(FORGE.add(world, f"acme/p{number:02}", commits=[4])) for number in range(40)]
    source = FORGE.new_source(server)
    answers = fetch(source, targets)
    assert outcomes(answers.values()) == {"updated": 15, "deferred": 25}
    assert [answers[target.coordinate].outcome for target in targets[:15]] == [Outcome.UPDATED] * 15
    assert {answers[target.coordinate].until for target in targets[15:]} == {NOW + timedelta(hours=1)}
    assert len(server.requests("bitbucket")) == 60
    assert {request.status for request in server.requests("bitbucket")} == {200}
    assert (source.quota.limit, source.quota.remaining, source.quota.reset) == (60, 0, NOW + timedelta(hours=1))


def test_requests_of_earlier_fetches_are_noticed_by_a_429(server: WorldServer, world: World) -> None:
    server.quota("bitbucket", authorised=False).used = 50
    targets = [target_for(FORGE.add(world, f"acme/p{number:02}", commits=[4])) for number in range(20)]
    answers = fetch(FORGE.new_source(server), targets)
    assert outcomes(answers.values())["failed"] == 0
    assert 1 <= outcomes(answers.values())["updated"] <= 2
    assert len(server.requests("bitbucket")) <= 15


def test_a_restored_quota_is_respected(server: WorldServer, world: World) -> None:
    targets = [target_for(FORGE.add(world, f"acme/p{number}")) for number in range(5)]
    source = FORGE.new_source(server)
    source.quota.limit, source.quota.remaining, source.quota.reset = 60, 9, NOW + timedelta(minutes=10)
    answers = fetch(source, targets)
    assert outcomes(answers.values()) == {"updated": 2, "deferred": 3}
    assert {answer.until for answer in answers.values()} == {None, NOW + timedelta(minutes=10)}
    assert "rate limit reached" in answers[targets[-1].coordinate].reason
    assert len(server.requests("bitbucket")) == 8


def test_with_a_token_no_quota_is_assumed(server: WorldServer, world: World) -> None:
    targets = [target_for(FORGE.add(world, f"acme/p{number:02}", commits=[400])) for number in range(20)]
    source = FORGE.new_source(server, token=True)
    assert outcomes(fetch(source, targets).values()) == {"updated": 20}
    assert (source.quota.limit, set(source.quotas)) == (None, {"", ANONYMOUS})
    basic = base64.b64encode(server.tokens["bitbucket"].encode()).decode()
    assert {request.headers["authorization"] for request in server.requests("bitbucket")} == {f"Basic {basic}"}


def test_a_small_repository_costs_four_requests(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, stars=37, forks=16, commits=HALF_DAYS[:60])
    source = FORGE.new_source(server)
    check_facts(fetch_one(source, target_for(repo)).facts, repo)
    names = [request.path.rpartition("/")[2] for request in server.requests("bitbucket")]
    assert names == ["todo", "watchers", "forks", "main"]


def test_authors_of_commits_are_contributors_but_email_addresses_are_not(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=[1])
    repo.recent[:] = [
        commit(1, login="carol"),
        commit(2, login=None, name="Dan", email="dan@example.org"),
        commit(3, login="carol"),
        commit(4, login=None, name='"Eve"', email="eve@example.org"),
        commit(5, login=None, name="frank@example.org", email=""),
        commit(6, login=None, name="", email="grace@example.org"),
        commit(7, login="carol"),
        commit(8, login=None, name="Dan", email="dan@example.org"),
    ]
    contributors = facts_of(fetch_one(FORGE.new_source(server), target_for(repo))).contributors
    assert (contributors.names, contributors.whole, contributors.head) == (
        ("carol", "Dan", "Eve"),
        False,
        repo.recent[0].oid,
    )


def test_an_old_commit_between_new_ones_does_not_end_the_window(server: WorldServer, world: World) -> None:
    """Commits are in the order of ancestry: a branch that was merged late has old ones between new ones."""
    repo = FORGE.add(world, commits=[1])
    old, new = [commit(400 + number) for number in range(100)], [commit(1 + number) for number in range(100)]
    repo.recent[:] = [commit for pair in zip(new, old, strict=True) for commit in pair] + [
        commit(1000 + number) for number in range(400)
    ]
    answer = fetch_one(FORGE.new_source(server), target_for(repo))
    assert sum(facts_of(answer).weeks.days.values()) == 100
    assert len(server.requests("bitbucket", "/commits")) == 3


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/2.0/repositories/acme/todo/commits/main?page=2",
        "http://127.0.0.1:1/2.0/repositories/acme/todo/commits/main?page=2",
        "file:///etc/passwd",
        "?page=2",
        "/2.0/user",
    ],
)
def test_a_next_page_on_another_server_is_not_requested(server: WorldServer, world: World, following: str) -> None:
    repo = FORGE.add(world, stars=1, commits=HALF_DAYS)
    server.fault("bitbucket", "/commits", kind="rewrite", rewrite=lambda page: page | {"next": following})
    answer = fetch_one(FORGE.new_source(server, token=True), target_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert (facts_of(answer).repository.stars, facts_of(answer).weeks) == (1, None)
    assert len(server.requests("bitbucket")) == 4


def test_a_branch_name_can_contain_a_slash(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=HALF_DAYS, branch="release/1.x")
    check_facts(fetch_one(FORGE.new_source(server), target_for(repo)).facts, repo)
    first = server.requests("bitbucket", "/commits")[0]
    assert (first.path, first.query["include"]) == ("/repositories/acme/todo/commits", "release/1.x")


def test_a_missing_list_size_is_unknown(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, stars=4, forks=3)
    server.fault("bitbucket", "/watchers", kind="rewrite", rewrite=lambda page: {"values": page["values"]})
    page = facts_of(fetch_one(FORGE.new_source(server), target_for(repo))).repository
    assert (page.stars, page.forks) == (None, 3)


def test_a_response_without_the_main_branch_is_not_an_empty_repository(server: WorldServer, world: World) -> None:
    def without_branch(page: dict[str, object]) -> dict[str, object]:
        return {key: value for key, value in page.items() if key != "mainbranch"}

    server.fault("bitbucket", FORGE.repository, kind="rewrite", rewrite=without_branch)
    answer = fetch_one(FORGE.new_source(server), target_for(FORGE.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)


def test_commits_on_overlapping_pages_count_once(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=HALF_DAYS)

    def shift(page: dict[str, object]) -> dict[str, object]:
        world.push(repo, 0.1)  # before the second page is requested
        return page

    seen = repo.recent[0].oid
    server.fault("bitbucket", "/commits", kind="rewrite", times=1, rewrite=shift)
    answer = fetch_one(FORGE.new_source(server), target_for(repo))
    assert (facts_of(answer).repository.head, facts_of(answer).weeks.head) == (seen, seen)
    assert sum(facts_of(answer).weeks.days.values()) == 260
    assert (
        facts_of(fetch_one(FORGE.new_source(server), with_answer(target_for(repo), answer))).repository.head
        == repo.recent[0].oid
    )
