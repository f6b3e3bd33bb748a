"""Tokens that an owner refuses (403), or that the forge rejects (401)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.credentials import Token
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import ANONYMOUS
from tests.sources.forges import FORGE_CASES, ForgeCase, check_facts
from tests.sources.github.harness import GitHubHarness
from tests.sources.requesting import fetch, outcomes, target_for

if TYPE_CHECKING:
    from tests.world import World, WorldServer

UPDATED, FAILED, DEFERRED = Outcome.UPDATED, Outcome.FAILED, Outcome.DEFERRED
BAD = {"message": "Bad credentials"}
REFUSALS = [
    "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.",
    "The 'acme' enterprise forbids access via a personal access token (classic).",
    "Although you appear to have the correct authorization credentials, the `acme` account has an IP allow list.",
    "Resource not accessible by personal access token",
    "The token's lifetime is greater than 366 days.",
    "Nein.",
    "",
]


@pytest.fixture(params=FORGE_CASES, ids=str)
def case(request: pytest.FixtureRequest) -> ForgeCase:
    found: ForgeCase = request.param
    return found


def add_all(world: World) -> list[str]:
    """Add repositories of a closed owner and of others; return their paths."""
    owners = ["closed", "open", "acme"]
    return [
        world.add_repository(f"{owner}/p{number}", stars=number, commits=[(5, "alice"), 40]).path
        for number in range(4)
        for owner in owners
    ]


def check_refused(server: WorldServer, github: GitHubHarness, paths: list[str]) -> None:
    for path in paths:
        github.assert_stored(server.world.repo(path), path)
    for request in server.requests("github"):
        if request.status == 200:
            assert request.authorised != ("/closed/" in request.path), request.path


@pytest.mark.parametrize("message", REFUSALS)
@pytest.mark.parametrize("bulk", [False, True], ids=["rest", "graphql"])
def test_an_owner_that_refuses_the_token_is_fetched_without_it(
    *, server: WorldServer, world: World, message: str, bulk: bool
) -> None:
    paths = add_all(world)
    world.refusals["closed"] = message
    github = GitHubHarness(server)
    assert set(github.fetch(*(paths if bulk else paths[:6]), sweep=bulk).values()) == {UPDATED}
    check_refused(server, github, paths if bulk else paths[:6])
    assert github.source is not None
    assert github.source.rejections == []


@pytest.mark.parametrize("bulk", [False, True], ids=["rest", "graphql"])
def test_the_owner_is_not_asked_with_the_token_again_in_this_run(
    *, server: WorldServer, world: World, bulk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.github.bulk.PROBE_BATCH_SIZE", 1)
    monkeypatch.setattr("djpkg.sources.github.lookup.MAX_CONCURRENT", 1)
    paths = [world.add_repository(f"closed/p{number}", commits=[5]).path for number in range(5)]
    world.refusals["closed"] = "no"
    github = GitHubHarness(server)
    assert set(github.fetch(*paths, sweep=bulk).values()) == {UPDATED}
    assert sum(request.authorised for request in server.requests()) == 1
    server.clear_log()
    github.fetch(*paths, sweep=bulk)
    assert sum(request.authorised for request in server.requests()) == 1  # once in each run


def test_a_refusal_of_the_contributors_alone_is_repeated_without_the_token(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server)
    world.add_repository("acme/todo", commits=[(3, "alice")])
    server.fault("github", "/contributors", status=403, body={"message": "no"}, times=1)
    assert github.fetch("acme/todo", sweep=True) == {"acme/todo": UPDATED}
    github.assert_stored(world.repo("acme/todo"))


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, {"message": "Resource not accessible"}), (200, {"errors": [{"type": "FORBIDDEN", "message": "no"}]})],
)
@pytest.mark.parametrize("match", ["p3", ""], ids=["one owner", "all queries"])
def test_a_query_that_is_refused_as_a_whole_is_replaced_by_smaller_ones_and_rest(
    *, server: WorldServer, world: World, status: int, body: object, match: str
) -> None:
    paths = [world.add_repository(f"o{number}/p{number}", commits=[5]).path for number in range(12)]
    server.fault("graphql", match, status=status, body=body)
    github = GitHubHarness(server)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    for path in paths:
        github.assert_stored(world.repo(path))


def test_limits_blocks_and_large_lists_do_not_refuse_the_token(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server)
    world.add_repository("acme/tos", state="blocked_tos")
    world.add_repository("acme/large", state="too_large_contributors", commits=[3])
    world.add_repository("acme/todo", commits=[3])
    github.fetch("acme/tos", "acme/large", "acme/todo")
    assert all(request.authorised for request in server.requests())
    server.fault("github", kind="secondary", seconds=600)
    assert github.fetch("acme/todo") == {"acme/todo": DEFERRED}
    assert all("authorization" in request.headers for request in server.requests())


def test_the_quota_without_a_token_defers_only_owners_that_refuse_it(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repos = [case.add(world, f"{owner}/p{number}", commits=[5]) for number in range(3) for owner in ("closed", "open")]
    world.refusals["closed"] = "no"
    source = case.new_source(server, token=True)
    source.quotas[ANONYMOUS].block(world.now.replace(year=2027), now=world.now)
    answers = fetch(source, [target_for(repo) for repo in repos])
    assert outcomes(answers.values()) == {"updated": 3, "deferred": 3}
    assert {name.split("/")[1] for name, one in answers.items() if one.outcome is DEFERRED} == {"closed"}


def test_an_owner_that_refuses_the_token_of_any_forge_is_fetched_without_it(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repos = [case.add(world, f"{owner}/p{number}", commits=[5]) for number in range(3) for owner in ("closed", "open")]
    world.refusals["closed"] = "no"
    answers = fetch(case.new_source(server, token=True), [target_for(repo) for repo in repos])
    for repo in repos:
        check_facts(answers[f"{repo.host}/{repo.path}"].facts, repo)
    assert 1 <= [request.status for request in server.requests(case.api) if request.authorised].count(403) <= 3
    assert any(request.authorised and request.status == 200 for request in server.requests(case.api))


# Rejected tokens.


@pytest.mark.parametrize("bulk", [False, True], ids=["rest", "graphql"])
def test_a_rejected_token_is_replaced_by_the_next_one(*, server: WorldServer, world: World, bulk: bool) -> None:
    paths = add_all(world)
    good = Token("GITHUB_TOKEN", server.tokens["github"])
    bad = Token("gh auth token", "gho_also_expired_0123456789")
    github = GitHubHarness(server, secret="ghp_expired_0123456789", other_tokens=(bad, good, bad))
    assert set(github.fetch(*paths, sweep=bulk).values()) == {UPDATED}
    for path in paths:
        github.assert_stored(world.repo(path))
    assert github.source is not None
    first, second = github.source.rejections
    assert "rejected the token from GH_TOKEN; continued with the token from gh auth token" in str(first)
    assert first.hint == "check the environment variable GH_TOKEN"
    assert "from gh auth token; continued with the token from GITHUB_TOKEN" in str(second)
    assert second.hint == "sign in again with gh auth login"
    assert [request.status for request in server.requests()].count(401) == 2
    assert sum(not request.authorised for request in server.requests()) == 2
    assert github.source.quota.remaining is not None


def test_without_a_further_token_the_rest_is_fetched_without_one(server: WorldServer, world: World) -> None:
    paths = [world.add_repository(f"acme/p{number}", commits=[400]).path for number in range(40)]
    github = GitHubHarness(server, secret="ghp_expired_0123456789")
    found = github.fetch(*paths, sweep=True)
    assert set(found.values()) == {UPDATED, DEFERRED}
    assert server.charged("github") <= 60
    assert github.source is not None
    (rejected,) = github.source.rejections
    assert "continued without a token" in str(rejected)


def test_a_token_that_is_revoked_during_a_fetch_is_replaced_for_the_rest(
    server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.github.bulk.PROBE_BATCH_SIZE", 10)
    server.quota("github", authorised=False).limit = 1000
    paths = [world.add_repository(f"acme/p{number}", commits=[(5, "alice"), 350]).path for number in range(40)]
    server.fault("github", status=401, body=BAD, skip=10, times=1)
    good = Token("GITHUB_TOKEN", server.tokens["github"])
    github = GitHubHarness(server, other_tokens=[good])
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    for path in paths:
        github.assert_stored(world.repo(path))
    assert github.source is not None
    assert len(github.source.rejections) == 1


def test_a_token_that_another_forge_revokes_is_replaced_for_the_rest(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repos = [case.add(world, f"acme/p{number}", commits=[5]) for number in range(12)]
    server.fault(case.api, status=401, body=BAD, skip=9, times=1)
    source = case.new_source(server, token=True)
    answers = fetch(source, [target_for(repo) for repo in repos])
    for repo in repos:
        check_facts(answers[f"{repo.host}/{repo.path}"].facts, repo)
    assert len(source.rejections) == 1
    assert source.quota is source.quotas[ANONYMOUS]
