"""Answers about another repository than the requested one fail and name it; moves are followed."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import Outcome
from djpkg.model.node_id import is_same_node
from tests.sources.forges import FORGE_CASES, ForgeCase, check_facts
from tests.sources.github.harness import GitHubHarness
from tests.sources.requesting import fetch_one, target_for, with_answer

if TYPE_CHECKING:
    from typing import Any

    from tests.world import World, WorldServer

TODO = "acme/todo"
FAILED, UPDATED, UNCHANGED = Outcome.FAILED, Outcome.UPDATED, Outcome.UNCHANGED


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


def test_a_new_repository_under_the_name_of_a_deleted_one_is_a_failure(
    github: GitHubHarness, world: World, mode: str
) -> None:
    world.add_repository(TODO, stars=845, commits=[(3, "alice")])
    github.fetch(TODO)
    before = dict(github.facts)
    world.delete(TODO)
    other = world.add_repository(TODO, stars=1, commits=[(1, "mallory")])
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: FAILED}
    assert f"{TODO} is another repository now: the id of {TODO} is {other.node_id}" in github.reason(TODO)
    assert github.facts == before


def test_a_new_repository_under_the_name_of_a_moved_one_is_not_followed(
    github: GitHubHarness, world: World, mode: str
) -> None:
    repo = world.add_repository(TODO, stars=845, commits=[(3, "alice")])
    github.fetch(TODO)
    before = dict(github.facts)
    world.rename(TODO, "zoe/todo")
    world.add_repository(TODO, stars=1, commits=[(1, "mallory")])
    if mode == "bulk":  # by its id
        assert github.fetch(TODO, sweep=True) == {TODO: UPDATED}
        github.assert_stored(repo, TODO)
    else:  # the id contains no number with which REST finds it
        assert github.fetch(TODO) == {TODO: FAILED}
        assert github.facts == before


def test_a_repository_that_is_known_to_have_moved_is_requested_where_it_is(
    server: WorldServer, github: GitHubHarness, world: World, mode: str
) -> None:
    repo = world.add_repository(TODO, stars=845, commits=[(3, "alice")])
    github.fetch(TODO)
    world.rename(TODO, "zoe/todo")
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: UPDATED}
    world.add_repository(TODO, stars=1, commits=[(1, "mallory")])
    world.star(repo, 5)
    world.push(repo, login="bob")
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: UPDATED}
    github.assert_stored(repo, TODO)
    world.rename(repo, "zoe/done")
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: UPDATED}
    github.assert_stored(repo, TODO)
    world.delete(repo)
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: Outcome.GONE}  # its first name belongs to another one
    assert not server.crashes


def test_an_unchanged_repository_that_has_moved_gets_the_contributors_of_its_own(
    github: GitHubHarness, world: World, mode: str, server: WorldServer
) -> None:
    repo = world.add_repository(TODO, commits=[(3, "alice")])
    github.fetch(TODO)
    world.rename(TODO, "zoe/todo")
    server.fault("github", "/contributors", status=500)
    world.push(repo, login="bob")
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: FAILED}
    server.faults.clear()
    world.add_repository(TODO, commits=[(1, "mallory")])
    github.fetch(TODO, sweep=mode == "bulk")
    assert "mallory" not in github.contributors(TODO)
    github.assert_stored(repo, TODO)


@pytest.mark.parametrize("authorized", [False, True])
def test_an_answer_with_another_name_is_a_failure_unless_github_redirected(
    *, server: WorldServer, world: World, authorized: bool
) -> None:
    github = GitHubHarness(server, authorized=authorized)
    world.add_repository(TODO, commits=[3])
    server.fault("github", r"^/repos/acme/todo$", kind="rewrite", rewrite=lambda it: it | {"full_name": "acme/other"})
    assert github.fetch(TODO) == {TODO: FAILED}
    assert github.reason(TODO) == "github: got an answer about acme/other instead of acme/todo"
    assert github.facts == {}


def test_a_query_by_id_that_answers_with_another_id_is_not_believed(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server)
    repo = world.add_repository(TODO, stars=845, commits=[3])
    github.fetch(TODO)
    other = world.add_repository("acme/other", stars=1, commits=[3])

    def swap(value: Any) -> Any:
        for node in value["data"].get("nodes", []):
            node |= {"id": other.node_id, "stargazerCount": 1}
        return value

    server.fault("graphql", kind="rewrite", rewrite=swap)
    assert github.fetch(TODO, sweep=True) == {TODO: UNCHANGED}  # by REST
    github.assert_stored(repo)


def test_a_query_by_name_that_answers_with_another_repository_is_confirmed_by_rest(
    server: WorldServer, world: World
) -> None:
    github = GitHubHarness(server)
    one, other = (world.add_repository(f"acme/{name}", stars=n, commits=[3]) for n, name in enumerate(("one", "other")))

    def swap(body: Any) -> Any:
        data = body["data"]
        keys = [key for key, node in data.items() if isinstance(node, dict) and "nameWithOwner" in node]
        if len(keys) == 2:
            data[keys[0]], data[keys[1]] = data[keys[1]], data[keys[0]]
        return body

    fault = server.fault("graphql", kind="rewrite", rewrite=swap)
    assert github.fetch(one.path, other.path, sweep=True) == {one.path: UPDATED, other.path: UPDATED}
    assert fault.hits
    github.assert_stored(one)
    github.assert_stored(other)


def test_a_rename_that_a_query_by_name_finds_first_is_confirmed_by_the_redirect_of_rest(
    server: WorldServer, world: World
) -> None:
    github = GitHubHarness(server)
    repo = world.add_repository(TODO, stars=845, commits=[3])
    world.rename(TODO, "zoe/todo")
    assert github.fetch(TODO, sweep=True) == {TODO: UPDATED}
    github.assert_stored(repo, TODO)
    assert github.request_counts()["repository"] >= 1
    assert github.fetch(TODO, sweep=True) == {TODO: UPDATED}  # by its id
    assert github.request_counts()["repository"] == 0
    server.fault("github", r"^/repos/acme/todo$", status=404, body={"message": "Not Found"})
    github = GitHubHarness(server)
    assert github.fetch(TODO, sweep=True) == {TODO: Outcome.GONE}


def test_ids_of_both_formats_are_of_one_repository() -> None:
    numbers = (0, 9, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 10**12)
    for number in numbers:
        legacy = base64.b64encode(b"010:Repository%d" % number).decode()
        for prefix, size in ((b"", 1), (b"\xcc", 1), (b"\xcd", 2), (b"\xce", 4), (b"\xcf", 8)):
            if number >= (128 if not prefix else 256**size):
                continue
            packed = b"\x92\x00" + prefix + number.to_bytes(size)
            new = "R_" + base64.urlsafe_b64encode(packed).decode().rstrip("=")
            assert is_same_node(legacy, new)
            assert is_same_node(new, legacy)
            assert not is_same_node(new, base64.b64encode(b"010:Repository%d" % (number + 1)).decode())
    for one, other in (("R_kgDO000001", "R_kgDO000002"), ("1", "2"), ("{a}", "{b}"), ("R_", "R_A"), ("é", "e")):
        assert not is_same_node(one, other)
        assert is_same_node(one, one)
    assert not is_same_node("MDQ6VXNlcjk=", "R_kgAJ")  # a user


# The other forges.


def test_a_new_repository_under_a_known_name_is_a_failure(case: ForgeCase, server: WorldServer, world: World) -> None:
    old = case.add(world, commits=[5])
    target = with_answer(target_for(old), fetch_one(case.new_source(server), target_for(old)))
    new = case.add(world, stars=1, commits=[(2, "mallory")])
    answer = fetch_one(case.new_source(server), target)
    assert (answer.outcome, answer.facts) == (FAILED, None)
    assert "acme/todo is another repository now" in answer.reason
    assert (new.node_id if case.api == "bitbucket" else str(new.id)) in answer.reason


def test_a_moved_repository_keeps_its_id_and_is_requested_where_it_is(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repo = case.add(world, commits=[5])
    target = with_answer(target_for(repo), fetch_one(case.new_source(server), target_for(repo)))
    world.rename(repo, "zoe/todo")
    answer = fetch_one(case.new_source(server), target)
    assert answer.facts is not None
    assert answer.facts.repository.path == "zoe/todo"
    case.add(world, stars=1, commits=[(2, "mallory")])
    world.push(repo)
    target = replace(with_answer(target, answer), known_path="zoe/todo")
    answer = fetch_one(case.new_source(server), target)
    assert answer.outcome is UPDATED
    check_facts(answer.facts, repo)
    world.delete(repo)
    answer = fetch_one(case.new_source(server), target)
    assert answer.outcome is Outcome.GONE  # its first name belongs to another one
    assert answer.facts is not None
    assert answer.facts.state == "gone"


def test_an_answer_with_another_name_is_a_failure_unless_the_forge_redirected(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    other = {"full_name": "acme/other", "path_with_namespace": "acme/other"}
    server.fault(
        case.api, case.repository, kind="rewrite", rewrite=lambda it: it | {k: other[k] for k in other if k in it}
    )
    answer = fetch_one(case.new_source(server), target_for(case.add(world)))
    assert (answer.outcome, answer.facts) == (FAILED, None)
    assert answer.reason.endswith("got an answer about acme/other instead of acme/todo")


# Another repository that the user accepts.


@pytest.mark.parametrize("accepts_new", [False, True])
def test_a_moved_repository_is_found_by_the_number_in_its_id_before_another_one_is_accepted(
    *, github: GitHubHarness, world: World, mode: str, accepts_new: bool
) -> None:
    repo = world.add_repository(TODO, stars=845, commits=[(3, "alice")])
    repo.node_id = base64.b64encode(b"010:Repository%d" % repo.id).decode()
    world.register(repo)
    github.fetch(TODO)
    world.rename(TODO, "zoe/todo")
    world.add_repository(TODO, stars=1, commits=[(1, "mallory")])
    targets = github.targets([TODO], accepts_new=accepts_new)
    assert github.fetch(TODO, targets=targets, sweep=mode == "bulk") == {TODO: UPDATED}
    github.assert_stored(repo, TODO)
    world.delete(repo)
    assert github.fetch(TODO, sweep=mode == "bulk") == {TODO: Outcome.GONE}


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_new_repository_under_a_known_name_is_taken_if_it_is_accepted(
    *, github: GitHubHarness, world: World, mode: str, is_empty: bool
) -> None:
    world.add_repository(TODO, stars=845, commits=[(3, "alice")])
    github.fetch(TODO)
    world.delete(TODO)
    new = world.add_repository(TODO, stars=1, commits=[] if is_empty else [(1, "mallory")])
    targets = github.targets([TODO], accepts_new=True)
    github.facts.clear()  # as the mirror replaces them
    assert github.fetch(TODO, targets=targets, sweep=mode == "bulk") == {TODO: UPDATED}
    github.assert_stored(new)


def test_a_moved_repository_is_followed_where_another_one_would_be_accepted(
    github: GitHubHarness, world: World, mode: str
) -> None:
    repo = world.add_repository(TODO, stars=845, commits=[(3, "alice")])
    github.fetch(TODO)
    world.rename(TODO, "zoe/todo")
    github.fetch(TODO)
    world.add_repository(TODO, stars=1, commits=[(1, "mallory")])
    world.star(repo, 5)
    targets = github.targets([TODO], accepts_new=True)
    assert github.fetch(TODO, targets=targets, sweep=mode == "bulk") == {TODO: UPDATED}
    github.assert_stored(repo, TODO)


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_new_repository_on_a_forge_is_taken_if_it_is_accepted(
    *, case: ForgeCase, server: WorldServer, world: World, is_empty: bool
) -> None:
    old = case.add(world, commits=[5])
    target = with_answer(target_for(old), fetch_one(case.new_source(server), target_for(old)))
    new = case.add(world, stars=1, commits=[] if is_empty else [(2, "mallory")])
    answer = fetch_one(case.new_source(server), replace(target, accepts_new=True))
    assert answer.outcome is UPDATED
    check_facts(answer.facts, new)
