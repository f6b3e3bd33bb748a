"""An empty answer where there was something is a failure, or leaves what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model.fact_changes import combine_facts
from djpkg.model.facts import Outcome
from tests.sources.forges import FORGE_CASES, ForgeCase, check_facts
from tests.sources.github.harness import GitHubHarness
from tests.sources.requesting import fetch_one, target_for, with_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.world import World, WorldServer

TODO = "acme/todo"
FAILED, UPDATED, UNCHANGED = Outcome.FAILED, Outcome.UPDATED, Outcome.UNCHANGED
EMPTY = {"message": "Git Repository is empty."}


@pytest.fixture(params=["anonymous", "token", "bulk"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def github(server: WorldServer, mode: str) -> GitHubHarness:
    return GitHubHarness(server, authorized=mode != "anonymous")


@pytest.fixture(params=FORGE_CASES, ids=str)
def case(request: pytest.FixtureRequest) -> ForgeCase:
    found: ForgeCase = request.param
    return found


# GitHub.


@pytest.mark.parametrize(("status", "body"), [(409, EMPTY), (200, [])])
def test_a_known_head_that_is_missing_is_a_failure(
    *, server: WorldServer, world: World, status: int, body: object, mode: str, github: GitHubHarness
) -> None:
    world.add_repository(TODO, stars=1, commits=[(3, "alice"), 40])
    github.fetch(TODO)
    before = dict(github.facts)
    world.push(TODO, login="bob")
    server.fault("github", "/commits", status=status, body=body)
    server.fault("graphql", kind="rewrite", rewrite=without_branch)
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: FAILED}
    assert github.reason(TODO) == "github: got no commits of acme/todo, which is not empty"
    assert github.facts == before


def without_branch(value: Any) -> Any:
    for node in value["data"].get("nodes", []):
        node["defaultBranchRef"] = None
    return value


@pytest.mark.parametrize(("status", "outcome"), [(409, UPDATED), (200, FAILED)])
def test_a_new_repository_with_a_size_is_empty_only_if_github_says_so(
    *, server: WorldServer, world: World, status: int, outcome: Outcome
) -> None:
    github = GitHubHarness(server)
    world.add_repository(TODO, commits=[3])
    server.fault("github", "/commits", status=status, body=EMPTY if status == 409 else [])
    assert github.fetch(TODO) == {TODO: outcome}


def test_an_empty_page_among_commits_is_a_failure(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server)
    world.add_repository(TODO, commits=[index / 10 for index in range(1, 250)])
    server.fault("github", r"/commits.*page=2", status=200, body=[])
    assert github.fetch(TODO) == {TODO: FAILED}
    assert github.facts[TODO].weeks is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, []),
        (204, b""),
        (403, {"message": "The history or contributor list is too large to list contributors via the API."}),
    ],
)
def test_missing_contributors_leave_the_stored_ones_and_the_outcome(
    *, server: WorldServer, world: World, mode: str, github: GitHubHarness, status: int, body: object
) -> None:
    repo = world.add_repository(TODO, commits=[(3, "alice")])
    github.fetch(TODO)
    world.push(repo, login="bob")
    server.fault("github", "/contributors", status=status, body=body)
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: UPDATED}
    assert github.contributors(TODO) == ("alice",)
    weeks = github.facts[TODO].weeks
    assert weeks is not None
    assert weeks.head == repo.recent[0].oid
    if mode != "anonymous":
        assert all("authorization" in request.headers for request in server.requests("github"))


@pytest.mark.parametrize(("status", "body"), [(200, []), (204, b"")])
def test_contributors_missing_from_the_start_leave_those_of_the_catalog(
    *, server: WorldServer, world: World, status: int, body: object
) -> None:
    github = GitHubHarness(server)
    world.add_repository(TODO, commits=[(3, "alice")])
    server.fault("github", "/contributors", status=status, body=body)
    assert github.fetch(TODO) == {TODO: UPDATED}
    contributors = github.facts[TODO].contributors
    assert contributors is not None
    assert (contributors.names, contributors.whole) == ((), False)


# The other forges.


def no_commits(value: Any) -> Any:
    return value | {"values": []} if isinstance(value, dict) else []


def test_no_commits_of_a_repository_that_is_not_empty_are_a_failure(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repo = case.add(world, commits=[5, 40])
    server.fault(case.api, case.commits, kind="rewrite", rewrite=no_commits)
    first = fetch_one(case.new_source(server), target_for(repo))
    assert (first.outcome, first.facts) == (FAILED, None)
    assert first.reason.endswith("got no commits of acme/todo, which is not empty")
    server.faults.clear()
    target = with_answer(target_for(repo), fetch_one(case.new_source(server), target_for(repo)))
    world.push(repo)
    server.fault(case.api, case.commits, kind="rewrite", rewrite=no_commits)
    later = fetch_one(case.new_source(server), target)
    assert (later.outcome, later.facts) == (FAILED, None)


def says_empty(value: Any) -> Any:
    hidden = {key: value[key] for key in value.keys() & {"empty", "empty_repo"}}
    return value | dict.fromkeys(hidden, True) | ({"mainbranch": None} if "mainbranch" in value else {})


def test_a_repository_that_had_commits_is_empty_only_if_it_really_has_none(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repo = case.add(world, commits=[5, 40])
    target = with_answer(target_for(repo), fetch_one(case.new_source(server), target_for(repo)))
    world.push(repo)
    server.fault(case.api, case.repository, kind="rewrite", rewrite=says_empty)
    check_facts(fetch_one(case.new_source(server), target).facts, repo)
    repo.recent.clear()
    answer = fetch_one(case.new_source(server), target)
    assert answer.outcome is UPDATED
    assert answer.facts is not None
    assert answer.facts.repository.head is None


def test_409_is_not_believed_where_there_was_a_head(server: WorldServer, world: World) -> None:
    case = FORGE_CASES[2]
    repo = case.add(world, commits=[5, 40])
    target = with_answer(target_for(repo), fetch_one(case.new_source(server), target_for(repo)))
    server.fault(case.api, case.commits, status=409, body=EMPTY)
    answer = fetch_one(case.new_source(server), target)
    assert (answer.outcome, answer.facts) == (FAILED, None)


def emptied(pages: int) -> Callable[[Any], Any]:
    """Return a change that empties all pages of commits after the first ones."""
    seen = [0]

    def rewrite(value: Any) -> Any:
        seen[0] += 1
        return value if seen[0] <= pages else no_commits(value)

    return rewrite


def test_an_empty_page_that_was_announced_is_a_failure(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[index / 10 for index in range(1, 250)])
    # GitLab's head and the first page of its window are two requests.
    server.fault(case.api, case.commits, kind="rewrite", rewrite=emptied(2 if case.api == "gitlab" else 1))
    answer = fetch_one(case.new_source(server), target_for(repo))
    assert answer.outcome is FAILED
    assert answer.facts is not None
    assert answer.facts.weeks is None


def test_a_window_without_the_head_is_a_failure(server: WorldServer, world: World) -> None:
    case = FORGE_CASES[0]
    repo = case.add(world, commits=[5, 40])
    server.fault(case.api, "since=", status=200, body=[])
    answer = fetch_one(case.new_source(server), target_for(repo))
    assert answer.outcome is FAILED
    assert answer.facts is not None
    assert answer.facts.weeks is None


@pytest.mark.parametrize(("status", "body"), [(200, []), (204, b"")])
def test_gitlabs_missing_contributors_leave_the_stored_ones(
    server: WorldServer, world: World, status: int, body: object
) -> None:
    case = FORGE_CASES[0]
    repo = case.add(world, commits=[5], contributors=["Ada"])
    first = fetch_one(case.new_source(server), target_for(repo))
    target = with_answer(target_for(repo), first)
    world.push(repo)
    server.fault(case.api, "/contributors", status=status, body=body)
    answer = fetch_one(case.new_source(server), target)
    assert answer.outcome is UPDATED
    assert answer.facts is not None
    stored = combine_facts(first.facts, answer.facts)
    assert stored.contributors.names == ("Ada",)  # type: ignore[union-attr] # of a forge
    check_facts(stored, repo)  # type: ignore[arg-type] # as above
