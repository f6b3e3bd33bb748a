"""GitHub, many repositories at once by GraphQL."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model.facts import Outcome
from djpkg.sources.http.retry import Limits
from djpkg.times import format_time
from tests.sources.github.harness import GitHubHarness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.facts import ForgeFacts
    from djpkg.sources.source import Answer
    from tests.pauses import Pauses
    from tests.world import World, WorldServer
    from tests.world.faults import FaultKind

UPDATED, UNCHANGED, GONE = Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE
DEFERRED, FAILED = Outcome.DEFERRED, Outcome.FAILED


@pytest.fixture
def github(server: WorldServer) -> GitHubHarness:
    return GitHubHarness(server)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, so that few repositories need many of them."""
    monkeypatch.setattr("djpkg.sources.github.bulk.PROBE_BATCH_SIZE", 10)
    monkeypatch.setattr("djpkg.sources.github.bulk.COMMITS_BATCH_SIZE", 5)


def many(world: World, count: int) -> list[str]:
    """Add repositories of which every second one has commits in the window; return their paths."""
    return [
        world.add_repository(
            f"acme/p{number}",
            stars=number,
            commits=[(5 + number % 300, "alice"), 350, (450, "bob")] if number % 2 else [],
        ).path
        for number in range(count)
    ]


def assert_stored(github: GitHubHarness, paths: Sequence[str]) -> None:
    for path in paths:
        github.assert_stored(github.server.world.repo(path), path)


def test_all_facts_of_many_repositories_are_stored(server: WorldServer, github: GitHubHarness, world: World) -> None:
    paths = many(world, 110)
    server.latency["github"] = 0.01
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert server.points() == 2 + 3
    assert server.charged("github") == 110
    assert github.request_counts() == {"probe": 2, "window": 3, "contributors": 110}
    assert github.source is not None
    assert (github.source.spent.points, github.source.quota.remaining) == (5, 4995)
    assert server.max_in_flight["graphql"] == 1
    assert 1 < server.max_in_flight["github"] <= 8


def test_unchanged_repositories_cost_one_point_per_hundred_and_no_rest_request(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 101)
    github.fetch(*paths, sweep=True)
    before = dict(github.facts)
    server.clear_log()
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert github.facts == before
    assert (server.points(), len(server.requests("github"))) == (2, 0)


def test_only_repositories_with_new_commits_are_fetched_completely(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 60)
    github.fetch(*paths, sweep=True)
    world.now += timedelta(days=1)
    for path in paths[::5]:
        world.push(path, login="carol", authored=100)
    world.star(paths[5], 7)
    server.clear_log()
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)
    assert (server.points(), server.charged("github")) == (1 + 1, 12)


def test_few_repositories_are_fetched_by_rest_unless_it_is_a_sweep(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 11)
    github.fetch(*paths[:10])
    assert not server.requests("graphql")
    github.fetch(*paths)
    assert server.points() == 1
    server.clear_log()
    github.fetch(paths[0], sweep=True)
    assert server.points() == 1
    assert_stored(github, paths)


def test_graphql_is_not_used_without_a_token(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server, authorized=False)
    github.fetch(*many(world, 12), sweep=True)
    assert not server.requests("graphql")


def test_stargazers_latest_release_and_participation_are_never_queried(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    github.fetch(*many(world, 30), sweep=True)
    bodies = " ".join(request.subject for request in server.requests("graphql"))
    assert re.findall(r"stargazers\b|latestRelease|participation", bodies) == []


def add_special_cases(world: World) -> list[str]:
    """Add one repository of each special kind; return the paths of those whose facts are compared."""
    world.add_repository("acme/empty", state="empty", stars=3)
    world.add_repository("acme/archived", archived=True, license="NOASSERTION", commits=[30])
    world.add_repository("acme/licensed", license="BSD-3-Clause", commits=[(2, "bob")])
    world.add_repository(
        "acme/unicode", description='Ünï “code” \\ "quoted" \U0001f600', commits=[(1, "böb"), (2, "李")]
    )
    world.add_repository("acme/old-name", commits=[3, 90])
    world.rename("acme/old-name", "umbrella/new.name_1")
    world.add_repository("acme/busy", commits=[(day / 3, f"dev{day % 120}") for day in range(1, 450)])
    world.add_repository("acme/busier", commits=[day / 4 for day in range(1, 1230)])
    world.add_repository("acme/round", commits=[day / 4 for day in range(1, 201)])
    world.add_repository("acme/saml", state="saml", commits=[3])
    return [
        "acme/empty",
        "acme/licensed",
        "acme/unicode",
        "acme/old-name",
        "acme/busy",
        "acme/busier",
        "acme/round",
        "acme/saml",
    ]


@pytest.mark.parametrize("authorized", [False, True], ids=["rest", "graphql"])
def test_rest_and_graphql_store_the_same_facts(server: WorldServer, world: World, *, authorized: bool) -> None:
    paths = add_special_cases(world)
    server.quota("github", authorised=False).limit = 1000
    github = GitHubHarness(server, authorized=authorized)
    outcomes = github.fetch(*paths, "acme/archived", sweep=True)
    assert set(outcomes.values()) == {UPDATED}
    assert_stored(github, paths)
    page = github.facts["acme/archived"].repository
    assert page is not None
    assert (page.archived, page.license) == (True, None)


def test_further_pages_of_several_histories_share_a_query(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 180)]).path for n in range(25)]
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)
    assert server.points() == 1 + 2


@pytest.mark.parametrize("prefix", ["", "opaque "])
def test_all_pages_are_read_with_numbered_and_with_opaque_cursors(
    *, server: WorldServer, github: GitHubHarness, world: World, prefix: str
) -> None:
    busy = world.add_repository("acme/busy", commits=[day / 4 for day in range(1, 1230)])
    busier = world.add_repository("acme/busier", commits=[day / 5 for day in range(1, 1600)])

    def respell(value: Any) -> object:
        for node in value["data"].values():
            info = node["object"]["history"]["pageInfo"] if "object" in node else {}
            if info.get("endCursor"):
                info["endCursor"] = prefix + info["endCursor"]
        return value

    server.fault("graphql", "query Window", kind="rewrite", rewrite=respell)
    github.fetch("acme/busy", "acme/busier", sweep=True)
    assert_stored(github, [busy.path, busier.path])
    # 12 and 15 further pages: 25 per query with numbered cursors, else one page of each repository per query.
    assert len(server.requests("graphql")) == 1 + 1 + (15 if prefix else 2)


def test_a_wrong_page_is_rejected(server: WorldServer, github: GitHubHarness, world: World) -> None:
    repo = world.add_repository("acme/busy", commits=[day / 4 for day in range(1, 630)])

    def repeat(value: Any) -> object:
        histories = [node["object"]["history"] for node in value["data"].values() if "object" in node]
        if len(histories) > 2:
            histories[1].update(histories[0])
        return value

    server.fault("graphql", "after:", kind="rewrite", rewrite=repeat)
    github.fetch("acme/busy", sweep=True)
    github.assert_stored(repo)


def test_a_repository_renamed_between_two_fetches_is_found_by_its_id(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)
    github.fetch(*paths, sweep=True)
    world.rename(paths[3], "umbrella/three")
    world.add_repository(paths[3], stars=9999)  # another user takes the old name
    github.fetch(*paths, sweep=True)
    facts = github.facts[paths[3]].repository
    assert facts is not None
    assert (facts.path, facts.stars) == ("umbrella/three", 3)


def test_gone_and_blocked_repositories_keep_their_facts(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 14)
    github.fetch(*paths, sweep=True)
    before = dict(github.facts)
    world.delete(paths[2])
    world.block(paths[4], "dmca")
    world.block(paths[6], "tos")
    outcomes = github.fetch(*paths, "acme/never", sweep=True)
    gone = {path for path, outcome in outcomes.items() if outcome is GONE}
    assert gone == {"acme/p2", "acme/p4", "acme/p6", "acme/never"}
    states = [github.facts[path].state for path in (paths[2], paths[4], paths[6], "acme/never")]
    assert states == ["gone", "blocked", "blocked", "gone"]
    assert github.facts[paths[2]].repository == before[paths[2]].repository
    world.restore(paths[2])
    github.fetch(*paths, sweep=True)
    assert github.facts[paths[2]] == before[paths[2]]


def test_a_known_repository_is_gone_only_if_rest_confirms_it(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)
    github.fetch(*paths, sweep=True)
    before = dict(github.facts)
    world.delete(paths[3])

    def missing(answer: dict[str, Any]) -> object:
        gone: dict[str, Any] = {key: None for key in answer["data"] if key != "rateLimit"}
        if "nodes" in gone:
            gone["nodes"] = [None] * len(answer["data"]["nodes"])
        places = [["nodes", place] for place in range(len(gone.get("nodes") or ()))]
        places += [[key] for key in gone if key != "nodes"]
        return {"data": gone, "errors": [{"type": "NOT_FOUND", "path": place} for place in places]}

    fault = server.fault("graphql", kind="rewrite", rewrite=missing)
    outcomes = github.fetch(*paths, sweep=True)
    assert fault.hits
    assert {path for path, outcome in outcomes.items() if outcome is GONE} == {paths[3]}
    assert {path: facts for path, facts in github.facts.items() if path != paths[3]} == {
        path: facts for path, facts in before.items() if path != paths[3]
    }


def test_a_repository_that_was_gone_before_is_not_confirmed_again(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)
    github.fetch(*paths, sweep=True)
    world.delete(paths[3])
    github.fetch(*paths, sweep=True)
    server.clear_log()
    assert github.fetch(*paths, sweep=True)[paths[3]] is GONE
    assert not server.requests("github")


def test_a_repository_of_an_organization_that_rejects_the_token_is_fetched_without_it(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = [*many(world, 12), world.add_repository("closed/p", state="saml", commits=[(5, "alice")]).path]
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert sum(not request.authorised for request in server.requests()) == 4


@pytest.mark.parametrize("kind", ["resource_limits", "drop_aliases", "null_aliases"])
@pytest.mark.parametrize("size", [0, 3, 20])
def test_a_query_that_is_too_expensive_is_repeated_in_smaller_batches(
    *, server: WorldServer, github: GitHubHarness, world: World, kind: FaultKind, size: int
) -> None:
    paths = many(world, 48 if size else 16)
    server.fault("graphql", kind=kind, size=size)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert len(server.requests("graphql")) < 60


@pytest.mark.parametrize("size", [0, 1, 60])
def test_a_history_with_missing_commits_is_rejected(
    *, server: WorldServer, github: GitHubHarness, world: World, size: int
) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 130)]).path for n in range(6)]
    fault = server.fault("graphql", "query Window", kind="short_nodes", size=size)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert fault.hits


def test_a_first_page_of_many_commits_that_lacks_one_is_fetched_again(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    commits = [day / 3 for day in range(1, 250)]
    paths = [world.add_repository(f"acme/p{number}", commits=commits).path for number in range(6)]

    def drop_one(response: dict[str, Any]) -> object:
        history = response["data"]["w2"]["object"]["history"]
        assert len(history["nodes"]) == 100
        assert history["pageInfo"]["hasNextPage"]
        del history["nodes"][50]
        return response

    fault = server.fault("graphql", "query Window", kind="rewrite", rewrite=drop_one, times=1)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert fault.hits == 1
    # The page is complete when it is requested again, so that REST is not needed.
    assert not server.requests("github", "since=")


def test_a_further_page_with_missing_commits_is_rejected(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 230)]).path for n in range(5)]
    fault = server.fault("graphql", "after:", kind="short_nodes", size=20)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert fault.hits


def test_a_further_page_of_a_history_with_another_total_is_rejected(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 230)]).path for n in range(5)]

    def drop_last(response: dict[str, Any]) -> object:
        parts = [response["data"][name] for name in response["data"] if name.startswith("w")]
        histories = [part["object"]["history"] for part in parts]
        last = next(history for history in histories if not history["pageInfo"]["hasNextPage"])
        last["nodes"].pop()
        last["totalCount"] -= 1
        return response

    fault = server.fault("graphql", "after:", kind="rewrite", rewrite=drop_last, times=1)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert fault.hits == 1


def test_an_empty_history_is_not_stored_as_a_year_without_commits(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)
    fault = server.fault("graphql", "query Window", kind="short_history", size=0)
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)
    assert fault.hits


@pytest.mark.parametrize("status", [502, 504])
def test_a_query_that_times_out_is_halved_at_once(
    *, server: WorldServer, github: GitHubHarness, world: World, status: int, small: None
) -> None:
    paths = many(world, 12)
    server.fault("graphql", "query Window", status=status, times=2)
    server.fault("graphql", "query Probe", status=status, times=1)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    probes = [request.subject.count("repository(owner") for request in server.requests("graphql", "query Probe")]
    assert probes[:3] == [10, 5, 5]
    windows = [request.subject.count("history(") for request in server.requests("graphql", "query Window")]
    assert windows[:3] == [5, 2, 1]


def test_one_repository_that_times_out_does_not_affect_others(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 60)
    heavy = world.repo(paths[31])
    server.fault("graphql", heavy.node_id, status=502)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert len(server.requests("graphql")) < 25
    assert len(server.requests("github", "since=")) == 1


def test_a_server_without_graphql_fails_everything_after_one_request(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 300)
    server.fault("graphql", status=404, body={"message": "Not Found"})
    assert set(github.fetch(*paths, sweep=True).values()) == {FAILED}
    assert github.reason(paths[7]).endswith(": HTTP 404 (Not Found) for a GraphQL query")
    assert "DJPKG_GITHUB_URL" in (github.answers[paths[7]].hint or "")
    assert len(server.requests()) == 1


def test_rest_replaces_graphql_if_only_graphql_fails(server: WorldServer, github: GitHubHarness, world: World) -> None:
    paths = many(world, 40)
    server.fault("graphql", status=502)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)
    assert len(server.requests("graphql")) <= 13


def test_a_quota_that_is_only_in_the_body_is_respected(
    *, server: WorldServer, github: GitHubHarness, world: World, small: None
) -> None:
    paths = many(world, 30)
    reset = world.now + timedelta(minutes=30)

    def used_up(answer: dict[str, Any]) -> object:
        rate = {"limit": 5000, "cost": 1, "remaining": 0, "used": 5000, "resetAt": format_time(reset)}
        return answer | {"data": answer["data"] | {"rateLimit": rate}}

    server.fault("graphql", kind="rewrite", rewrite=used_up, headers={"x-ratelimit-resource": "another"})
    github.fetch(*paths, sweep=True)
    assert len(server.requests("graphql")) == 1
    assert github.answers[paths[25]].until == reset
    assert github.source is not None
    assert (github.source.quota.limit, github.source.quota.remaining) == (5000, 0)


def test_a_query_without_a_stated_cost_counts_as_one_point(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 3)
    server.fault(
        "graphql", kind="rewrite", rewrite=lambda answer: answer | {"data": answer["data"] | {"rateLimit": None}}
    )
    github.fetch(*paths, sweep=True)
    assert github.source is not None
    assert github.source.spent.points == len(server.requests("graphql")) == 2


@pytest.mark.parametrize("kind", ["html", "invalid_json", "wrong_types", "deep", "status"])
def test_invalid_responses_fail_soon_and_change_nothing(
    *, server: WorldServer, github: GitHubHarness, world: World, kind: FaultKind, small: None
) -> None:
    paths = many(world, 13)
    github.fetch(*paths, sweep=True)
    before = dict(github.facts)
    server.clear_log()
    server.fault("graphql", kind=kind, status=502)
    server.fault("github", kind="status", status=500)
    assert set(github.fetch(*paths, sweep=True).values()) == {FAILED}
    assert github.facts == before
    assert len(server.requests("graphql")) <= 12
    server.faults.clear()
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert github.facts == before


def test_one_invalid_record_does_not_affect_others(server: WorldServer, github: GitHubHarness, world: World) -> None:
    paths = many(world, 20)

    def invalidate(value: Any) -> object:
        if "r3" in value["data"]:
            value["data"]["r3"]["stargazerCount"] = "many"
            value["data"]["r4"]["nameWithOwner"] = "../../etc/passwd"
            value["data"]["r5"]["defaultBranchRef"]["target"]["committedDate"] = "soon"
        return value

    server.fault("graphql", kind="rewrite", rewrite=invalidate)
    outcomes = github.fetch(*paths, sweep=True)
    assert [path for path, outcome in outcomes.items() if outcome is FAILED] == paths[3:6]
    assert_stored(github, paths[:3] + paths[6:])
    assert "stargazerCount" in github.reason(paths[3])


def test_nodes_with_a_missing_member_are_not_mixed_up(server: WorldServer, github: GitHubHarness, world: World) -> None:
    paths = many(world, 20)
    github.fetch(*paths, sweep=True)

    def drop(value: Any) -> object:
        if len(value["data"].get("nodes", [])) > 4:
            del value["data"]["nodes"][2]
        return value

    server.fault("graphql", kind="rewrite", rewrite=drop)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)


def test_a_missing_branch_is_not_stored_as_an_empty_repository(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)

    def hide(value: Any) -> object:
        if "r3" in value["data"]:
            value["data"]["r3"]["defaultBranchRef"] = None
        return value

    server.fault("graphql", kind="rewrite", rewrite=hide)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)


def test_exhausted_points_defer_the_rest(
    *, server: WorldServer, github: GitHubHarness, world: World, small: None
) -> None:
    paths = many(world, 25)
    server.quota("graphql").used = 4997
    outcomes = github.fetch(*paths, sweep=True)
    assert set(outcomes.values()) == {UPDATED, DEFERRED}
    assert {outcomes[path] for path in paths[20:]} == {DEFERRED}
    assert github.answers[paths[24]].until == world.now + timedelta(hours=1)
    assert len(server.requests("graphql")) == 3
    world.now += timedelta(hours=1)
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)


@pytest.mark.parametrize("used", [0, 5000])
def test_an_exhausted_graphql_quota_defers_everything_after_one_request(
    server: WorldServer, github: GitHubHarness, world: World, *, used: int
) -> None:
    paths = many(world, 30)
    server.exhaust("graphql", resets_in=900)
    assert set(github.fetch(*paths, sweep=True).values()) == {DEFERRED}
    assert github.answers[paths[2]].until == world.now + timedelta(seconds=900)
    assert len(server.requests()) == 1


def test_an_exhausted_rest_quota_defers_only_contributors(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 24)
    server.quota("github").used = 4990
    outcomes = github.fetch(*paths, sweep=True)
    assert [*outcomes.values()].count(UPDATED) == 10
    assert [*outcomes.values()].count(DEFERRED) == 14
    assert all(github.facts[path].weeks is not None for path in paths)
    assert len(server.requests("github")) == 10
    world.now += timedelta(hours=1)
    server.clear_log()
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)
    assert (server.points(), server.charged("github")) == (1, 14)


@pytest.mark.parametrize("status", [200, 403])
def test_a_secondary_rate_limit_defers_the_rest_and_blocks_rest_too(
    *, server: WorldServer, github: GitHubHarness, world: World, status: int, small: None
) -> None:
    paths = many(world, 25)
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    body = {"errors": [{"message": message}]} if status == 200 else {"message": message}
    server.fault("graphql", skip=1, status=status, body=body, headers={"retry-after": "77"})
    server.latency["github"] = 0.05
    outcomes = github.fetch(*paths, sweep=True)
    assert {outcomes[path] for path in paths[10:]} == {DEFERRED}
    assert github.answers[paths[20]].until == world.now + timedelta(seconds=77)
    assert len(server.requests("graphql")) == 2
    assert len(server.requests("github")) <= 16


def test_a_short_rate_limit_is_waited_for(
    *, server: WorldServer, github: GitHubHarness, world: World, small: None, pauses: Pauses
) -> None:
    paths = many(world, 12)
    github.pauses, github.limits = pauses, Limits(wait=5)
    body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]}
    server.fault("graphql", skip=1, times=1, status=200, body=body, headers={"retry-after": "1"})
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert pauses.span >= timedelta(seconds=1)
    assert_stored(github, paths)


def test_a_refused_connection_fails_everything_after_a_few_requests(server: WorldServer, github: GitHubHarness) -> None:
    github.url = "http://127.0.0.1:9/"
    paths = [f"acme/p{number}" for number in range(3000)]
    assert set(github.fetch(*paths, sweep=True).values()) == {FAILED}
    assert "no connection" in github.reason(paths[2999])
    assert github.requests_sent <= 12


def test_dropped_connections_are_retried(server: WorldServer, github: GitHubHarness, world: World) -> None:
    paths = many(world, 20)
    server.fault("graphql", kind="drop", times=1)
    server.fault("github", kind="reset", times=3)
    assert set(github.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert_stored(github, paths)


@pytest.mark.parametrize("pages", [1, 2, 5])
def test_pages_stored_before_an_abort_are_kept(
    *,
    server: WorldServer,
    github: GitHubHarness,
    world: World,
    pages: int,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    paths = many(world, 30)
    seen: list[Sequence[Answer[ForgeFacts]]] = []

    def is_last_page(page: Sequence[Answer[ForgeFacts]]) -> bool:
        seen.append(page)
        return len(seen) == pages

    github.fetch(*paths, sweep=True, stop=is_last_page)
    complete = [path for path, facts in github.facts.items() if facts.repository and facts.weeks and facts.contributors]
    assert len(complete) < len(paths)
    server.clear_log()
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)
    # A request of the aborted run may still arrive, but only for a repository that was not complete.
    requested = {request.path for request in server.requests("github", "/contributors$")}
    assert not requested & {f"/repos/{path}/contributors" for path in complete}


def test_contributors_are_not_fetched_if_the_catalog_has_them_for_the_same_head(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)
    targets = []
    for path in paths:
        head = world.repo(path).head
        assert head is not None
        targets += github.targets([path], catalog_updated=head.committed.isoformat())
    github.fetch(targets=targets, sweep=True)
    assert not server.requests("github")


def test_commits_are_fetched_by_rest_after_a_force_push(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    paths = many(world, 12)

    def push_over(value: Any) -> object:
        for node in value["data"].values():
            node.pop("object", None)
        return value

    fault = server.fault("graphql", "query Window", kind="rewrite", rewrite=push_over)
    github.fetch(*paths, sweep=True)
    assert_stored(github, paths)
    assert fault.hits
    assert len(server.requests("github", "since=")) == len(paths) // 2
