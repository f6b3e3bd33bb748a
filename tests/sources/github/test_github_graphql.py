"""GitHub, many repositories at once by GraphQL."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model.facts import Outcome
from djpkg.sources.http.retry import Limits
from djpkg.times import stamp
from tests.sources.github.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.facts import ForgeFacts
    from djpkg.sources.source import Answer
    from tests.pauses import Pauses
    from tests.world import World, WorldServer
    from tests.world.faults import Kind

UPDATED, UNCHANGED, GONE = Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE
DEFERRED, FAILED = Outcome.DEFERRED, Outcome.FAILED


@pytest.fixture
def desk(server: WorldServer) -> Desk:
    return Desk(server)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a tenth of their size, so that few repositories are many batches."""
    monkeypatch.setattr("djpkg.sources.github.bulk.PROBED", 10)
    monkeypatch.setattr("djpkg.sources.github.bulk.WINDOWED", 5)


def many(world: World, count: int) -> list[str]:
    """Repositories of which every second one has commits in the window."""
    return [
        world.add_repository(
            f"acme/p{number}",
            stars=number,
            commits=[(5 + number % 300, "alice"), 350, (450, "bob")] if number % 2 else [],
        ).path
        for number in range(count)
    ]


def agrees(desk: Desk, paths: Sequence[str]) -> None:
    for path in paths:
        desk.agrees(desk.server.world.repo(path), path)


def test_many_are_told_as_they_are(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 110)
    server.latency["github"] = 0.01
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert server.points() == 2 + 3
    assert server.charged("github") == 110
    assert desk.kinds() == {"probe": 2, "window": 3, "contributors": 110}
    assert desk.source is not None
    assert (desk.source.spent.points, desk.source.quota.remaining) == (5, 4995)
    assert server.max_in_flight["graphql"] == 1
    assert 1 < server.max_in_flight["github"] <= 8


def test_what_has_not_changed_costs_a_point_for_a_hundred_and_no_request(
    server: WorldServer, desk: Desk, world: World
) -> None:
    paths = many(world, 101)
    desk.fetch(*paths, sweep=True)
    before = dict(desk.facts)
    server.forget()
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert desk.facts == before
    assert (server.points(), len(server.requests("github"))) == (2, 0)


def test_a_day_later_only_what_moved_is_asked_for(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 60)
    desk.fetch(*paths, sweep=True)
    world.now += timedelta(days=1)
    for path in paths[::5]:
        world.push(path, login="carol", authored=100)
    world.star(paths[5], 7)
    server.forget()
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)
    assert (server.points(), server.charged("github")) == (1 + 1, 12)


def test_few_are_asked_for_one_by_one_unless_it_is_a_sweep(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 11)
    desk.fetch(*paths[:10])
    assert not server.requests("graphql")
    desk.fetch(*paths)
    assert server.points() == 1
    server.forget()
    desk.fetch(paths[0], sweep=True)
    assert server.points() == 1
    agrees(desk, paths)


def test_without_a_token_there_is_no_graphql(server: WorldServer, world: World) -> None:
    desk = Desk(server, authorized=False)
    desk.fetch(*many(world, 12), sweep=True)
    assert not server.requests("graphql")


def test_the_list_of_stargazers_and_the_latest_release_are_never_asked_for(
    server: WorldServer, desk: Desk, world: World
) -> None:
    desk.fetch(*many(world, 30), sweep=True)
    bodies = " ".join(request.subject for request in server.requests("graphql"))
    assert re.findall(r"stargazers\b|latestRelease|participation", bodies) == []


def zoo(world: World) -> list[str]:
    """One of each kind, with ordinary ones around them."""
    world.add_repository("acme/empty", state="empty", stars=3)
    world.add_repository("acme/archived", archived=True, license="NOASSERTION", commits=[30])
    world.add_repository("acme/licensed", license="BSD-3-Clause", commits=[(2, "bob")])
    world.add_repository("acme/odd", description='Ünï “code” \\ "quoted" \U0001f600', commits=[(1, "böb"), (2, "李")])
    world.add_repository("acme/old-name", commits=[3, 90])
    world.rename("acme/old-name", "umbrella/new.name_1")
    world.add_repository("acme/busy", commits=[(day / 3, f"dev{day % 120}") for day in range(1, 450)])
    world.add_repository("acme/busier", commits=[day / 4 for day in range(1, 1230)])
    world.add_repository("acme/round", commits=[day / 4 for day in range(1, 201)])
    world.add_repository("acme/saml", state="saml", commits=[3])
    return [
        "acme/empty",
        "acme/licensed",
        "acme/odd",
        "acme/old-name",
        "acme/busy",
        "acme/busier",
        "acme/round",
        "acme/saml",
    ]


@pytest.mark.parametrize("authorized", [False, True], ids=["one by one", "at once"])
def test_both_ways_of_asking_tell_the_same(server: WorldServer, world: World, *, authorized: bool) -> None:
    paths = zoo(world)
    server.quota("github", authorised=False).limit = 1000
    desk = Desk(server, authorized=authorized)
    outcomes = desk.fetch(*paths, "acme/archived", sweep=True)
    assert set(outcomes.values()) == {UPDATED}
    agrees(desk, paths)
    page = desk.facts["acme/archived"].repository
    assert page is not None
    assert (page.archived, page.license) == (True, None)


def test_further_pages_of_several_share_a_query(server: WorldServer, desk: Desk, world: World) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 180)]).path for n in range(25)]
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)
    assert server.points() == 1 + 2


@pytest.mark.parametrize("lie", ["", "opaque "])
def test_a_very_busy_repository_is_read_whole_whatever_its_cursors_look_like(
    *, server: WorldServer, desk: Desk, world: World, lie: str
) -> None:
    busy = world.add_repository("acme/busy", commits=[day / 4 for day in range(1, 1230)])
    busier = world.add_repository("acme/busier", commits=[day / 5 for day in range(1, 1600)])

    def respell(value: Any) -> object:
        for node in value["data"].values():
            info = node["object"]["history"]["pageInfo"] if "object" in node else {}
            if info.get("endCursor"):
                info["endCursor"] = lie + info["endCursor"]
        return value

    server.fault("graphql", "query Window", kind="rewrite", rewrite=respell)
    desk.fetch("acme/busy", "acme/busier", sweep=True)
    agrees(desk, [busy.path, busier.path])
    # 12 and 15 further pages: all at once where the cursors count, else side by side.
    assert len(server.requests("graphql")) == 1 + 1 + (15 if lie else 2)


def test_a_page_that_is_not_the_one_asked_for_is_not_believed(server: WorldServer, desk: Desk, world: World) -> None:
    repo = world.add_repository("acme/busy", commits=[day / 4 for day in range(1, 630)])

    def repeat(value: Any) -> object:
        histories = [node["object"]["history"] for node in value["data"].values() if "object" in node]
        if len(histories) > 2:
            histories[1].update(histories[0])
        return value

    server.fault("graphql", "after:", kind="rewrite", rewrite=repeat)
    desk.fetch("acme/busy", sweep=True)
    desk.agrees(repo)


def test_a_repository_that_moved_between_two_fetches_is_found_by_its_id(
    server: WorldServer, desk: Desk, world: World
) -> None:
    paths = many(world, 12)
    desk.fetch(*paths, sweep=True)
    world.rename(paths[3], "umbrella/three")
    world.add_repository(paths[3], stars=9999)  # somebody takes the old name
    desk.fetch(*paths, sweep=True)
    facts = desk.facts[paths[3]].repository
    assert facts is not None
    assert (facts.path, facts.stars) == ("umbrella/three", 3)


def test_gone_and_blocked_ones_keep_what_was_known(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 14)
    desk.fetch(*paths, sweep=True)
    before = dict(desk.facts)
    world.delete(paths[2])
    world.block(paths[4], "dmca")
    world.block(paths[6], "tos")
    outcomes = desk.fetch(*paths, "acme/never", sweep=True)
    gone = {path for path, outcome in outcomes.items() if outcome is GONE}
    assert gone == {"acme/p2", "acme/p4", "acme/p6", "acme/never"}
    states = [desk.facts[path].state for path in (paths[2], paths[4], paths[6], "acme/never")]
    assert states == ["gone", "blocked", "blocked", "gone"]
    assert desk.facts[paths[2]].repository == before[paths[2]].repository
    world.restore(paths[2])
    desk.fetch(*paths, sweep=True)
    assert desk.facts[paths[2]] == before[paths[2]]


def test_what_was_there_is_gone_only_when_rest_says_so_too(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 12)
    desk.fetch(*paths, sweep=True)
    before = dict(desk.facts)
    world.delete(paths[3])

    def missing(answer: dict[str, Any]) -> object:
        gone = {key: None for key in answer["data"] if key != "rateLimit"}
        if "nodes" in gone:
            gone["nodes"] = [None] * len(answer["data"]["nodes"])
        places = [["nodes", place] for place in range(len(gone.get("nodes") or ()))]
        places += [[key] for key in gone if key != "nodes"]
        return {"data": gone, "errors": [{"type": "NOT_FOUND", "path": place} for place in places]}

    fault = server.fault("graphql", kind="rewrite", rewrite=missing)
    outcomes = desk.fetch(*paths, sweep=True)
    assert fault.hits
    assert {path for path, outcome in outcomes.items() if outcome is GONE} == {paths[3]}
    assert {path: facts for path, facts in desk.facts.items() if path != paths[3]} == {
        path: facts for path, facts in before.items() if path != paths[3]
    }


def test_what_is_gone_already_is_not_confirmed_each_time(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 12)
    desk.fetch(*paths, sweep=True)
    world.delete(paths[3])
    desk.fetch(*paths, sweep=True)
    server.forget()
    assert desk.fetch(*paths, sweep=True)[paths[3]] is GONE
    assert not server.requests("github")


def test_a_repository_made_anew_under_its_name_is_not_gone(desk: Desk, world: World) -> None:
    paths = many(world, 12)
    desk.fetch(*paths, sweep=True)
    world.delete(paths[3])
    made = world.add_repository(paths[3], stars=1, commits=[(1, "zoe")])
    assert desk.fetch(*paths, sweep=True)[paths[3]] is UPDATED
    desk.agrees(made)


def test_an_organization_that_keeps_the_token_out_is_asked_without_it(
    server: WorldServer, desk: Desk, world: World
) -> None:
    paths = many(world, 12)
    world.repo(paths[5]).state = "saml"
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert sum(not request.authorised for request in server.requests()) == 4


@pytest.mark.parametrize("kind", ["resource_limits", "drop_aliases", "null_aliases"])
@pytest.mark.parametrize("size", [0, 3, 20])
def test_what_a_query_was_too_much_for_is_asked_for_in_smaller_ones(
    *, server: WorldServer, desk: Desk, world: World, kind: Kind, size: int
) -> None:
    paths = many(world, 48 if size else 16)
    server.fault("graphql", kind=kind, size=size)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert len(server.requests("graphql")) < 60


@pytest.mark.parametrize("size", [0, 1, 60])
def test_a_history_that_lacks_commits_is_not_believed(
    *, server: WorldServer, desk: Desk, world: World, size: int
) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 130)]).path for n in range(6)]
    fault = server.fault("graphql", "query Window", kind="short_nodes", size=size)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert fault.hits


def test_a_further_page_that_lacks_commits_is_not_believed(server: WorldServer, desk: Desk, world: World) -> None:
    paths = [world.add_repository(f"acme/p{n}", commits=[d / 3 for d in range(1, 230)]).path for n in range(5)]
    fault = server.fault("graphql", "after:", kind="short_nodes", size=20)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert fault.hits


def test_a_history_without_anything_is_not_taken_for_a_year_without_commits(
    server: WorldServer, desk: Desk, world: World
) -> None:
    paths = many(world, 12)
    fault = server.fault("graphql", "query Window", kind="short_history", size=0)
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)
    assert fault.hits


@pytest.mark.parametrize("status", [502, 504])
def test_a_query_that_took_too_long_is_halved_at_once(
    *, server: WorldServer, desk: Desk, world: World, status: int, small: None
) -> None:
    paths = many(world, 12)
    server.fault("graphql", "query Window", status=status, times=2)
    server.fault("graphql", "query Probe", status=status, times=1)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    probes = [request.subject.count("repository(owner") for request in server.requests("graphql", "query Probe")]
    assert probes[:3] == [10, 5, 5]
    windows = [request.subject.count("history(") for request in server.requests("graphql", "query Window")]
    assert windows[:3] == [5, 2, 1]


def test_one_repository_that_takes_too_long_spoils_no_other(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 60)
    heavy = world.repo(paths[31])
    server.fault("graphql", heavy.node_id, status=502)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert len(server.requests("graphql")) < 25
    assert len(server.requests("github", "since=")) == 1


def test_a_service_without_graphql_is_given_up_at_once(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 300)
    server.fault("graphql", status=404, body={"message": "Not Found"})
    assert set(desk.fetch(*paths, sweep=True).values()) == {FAILED}
    assert desk.reason(paths[7]) == "github: a GraphQL query was answered with 404 (Not Found)"
    assert len(server.requests()) == 1


def test_what_graphql_alone_cannot_tell_is_asked_for_by_rest(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 40)
    server.fault("graphql", status=502)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)
    assert len(server.requests("graphql")) <= 13


def test_a_quota_that_only_the_body_tells_is_kept_to(
    *, server: WorldServer, desk: Desk, world: World, small: None
) -> None:
    paths = many(world, 30)
    reset = world.now + timedelta(minutes=30)

    def used_up(answer: dict[str, Any]) -> object:
        rate = {"limit": 5000, "cost": 1, "remaining": 0, "used": 5000, "resetAt": stamp(reset)}
        return answer | {"data": answer["data"] | {"rateLimit": rate}}

    server.fault("graphql", kind="rewrite", rewrite=used_up, headers={"x-ratelimit-resource": "another"})
    desk.fetch(*paths, sweep=True)
    assert len(server.requests("graphql")) == 1
    assert desk.endings[paths[25]].until == reset
    assert desk.source is not None
    assert (desk.source.quota.limit, desk.source.quota.remaining) == (5000, 0)


def test_a_query_whose_cost_is_unsaid_counts_as_a_point(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 3)
    server.fault(
        "graphql", kind="rewrite", rewrite=lambda answer: answer | {"data": answer["data"] | {"rateLimit": None}}
    )
    desk.fetch(*paths, sweep=True)
    assert desk.source is not None
    assert desk.source.spent.points == len(server.requests("graphql")) == 2


@pytest.mark.parametrize("kind", ["html", "invalid_json", "wrong_types", "deep", "status"])
def test_answers_that_make_no_sense_end_soon_and_change_nothing(
    *, server: WorldServer, desk: Desk, world: World, kind: Kind, small: None
) -> None:
    paths = many(world, 13)
    desk.fetch(*paths, sweep=True)
    before = dict(desk.facts)
    server.forget()
    server.fault("graphql", kind=kind, status=502)
    server.fault("github", kind="status", status=500)
    assert set(desk.fetch(*paths, sweep=True).values()) == {FAILED}
    assert desk.facts == before
    assert len(server.requests("graphql")) <= 12
    server.faults.clear()
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert desk.facts == before


def test_one_record_that_makes_no_sense_spoils_no_other(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 20)

    def spoil(value: Any) -> object:
        if "r3" in value["data"]:
            value["data"]["r3"]["stargazerCount"] = "many"
            value["data"]["r4"]["nameWithOwner"] = "../../etc/passwd"
            value["data"]["r5"]["defaultBranchRef"]["target"]["committedDate"] = "soon"
        return value

    server.fault("graphql", kind="rewrite", rewrite=spoil)
    outcomes = desk.fetch(*paths, sweep=True)
    assert [path for path, outcome in outcomes.items() if outcome is FAILED] == paths[3:6]
    agrees(desk, paths[:3] + paths[6:])
    assert "stargazerCount" in desk.reason(paths[3])


def test_nodes_that_lost_their_places_are_not_mixed_up(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 20)
    desk.fetch(*paths, sweep=True)

    def drop(value: Any) -> object:
        if len(value["data"].get("nodes", [])) > 4:
            del value["data"]["nodes"][2]
        return value

    server.fault("graphql", kind="rewrite", rewrite=drop)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)


def test_a_branch_that_is_missing_is_not_taken_for_an_empty_repository(
    server: WorldServer, desk: Desk, world: World
) -> None:
    paths = many(world, 12)

    def hide(value: Any) -> object:
        if "r3" in value["data"]:
            value["data"]["r3"]["defaultBranchRef"] = None
        return value

    server.fault("graphql", kind="rewrite", rewrite=hide)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)


def test_points_that_are_used_up_defer_what_is_left(
    *, server: WorldServer, desk: Desk, world: World, small: None
) -> None:
    paths = many(world, 25)
    server.quota("graphql").used = 4997
    outcomes = desk.fetch(*paths, sweep=True)
    assert set(outcomes.values()) == {UPDATED, DEFERRED}
    assert {outcomes[path] for path in paths[20:]} == {DEFERRED}
    assert desk.endings[paths[24]].until == world.now + timedelta(hours=1)
    assert len(server.requests("graphql")) == 3
    world.now += timedelta(hours=1)
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)


@pytest.mark.parametrize("used", [0, 5000])
def test_nothing_is_asked_of_a_pool_that_is_empty(server: WorldServer, desk: Desk, world: World, *, used: int) -> None:
    paths = many(world, 30)
    server.exhaust("graphql", resets_in=900)
    assert set(desk.fetch(*paths, sweep=True).values()) == {DEFERRED}
    assert desk.endings[paths[2]].until == world.now + timedelta(seconds=900)
    assert len(server.requests()) == 1


def test_requests_that_are_used_up_defer_contributors_alone(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 24)
    server.quota("github").used = 4990
    outcomes = desk.fetch(*paths, sweep=True)
    assert [*outcomes.values()].count(UPDATED) == 10
    assert [*outcomes.values()].count(DEFERRED) == 14
    assert all(desk.facts[path].weeks is not None for path in paths)
    assert len(server.requests("github")) == 10
    world.now += timedelta(hours=1)
    server.forget()
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)
    assert (server.points(), server.charged("github")) == (1, 14)


@pytest.mark.parametrize("status", [200, 403])
def test_asking_too_fast_defers_the_rest_and_closes_rest_too(
    *, server: WorldServer, desk: Desk, world: World, status: int, small: None
) -> None:
    paths = many(world, 25)
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    body = {"errors": [{"message": message}]} if status == 200 else {"message": message}
    server.fault("graphql", skip=1, status=status, body=body, headers={"retry-after": "77"})
    server.latency["github"] = 0.05
    outcomes = desk.fetch(*paths, sweep=True)
    assert {outcomes[path] for path in paths[10:]} == {DEFERRED}
    assert desk.endings[paths[20]].until == world.now + timedelta(seconds=77)
    assert len(server.requests("graphql")) == 2
    assert len(server.requests("github")) <= 16


def test_a_limit_that_passes_soon_is_waited_for(
    *, server: WorldServer, desk: Desk, world: World, small: None, pauses: Pauses
) -> None:
    paths = many(world, 12)
    desk.pauses, desk.limits = pauses, Limits(wait=5)
    body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]}
    server.fault("graphql", skip=1, times=1, status=200, body=body, headers={"retry-after": "1"})
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    assert pauses.span >= timedelta(seconds=1)
    agrees(desk, paths)


def test_a_wrong_token_ends_all_with_one_request(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 150)
    server.fault("graphql", status=401, body={"message": "Bad credentials"})
    assert set(desk.fetch(*paths, sweep=True).values()) == {FAILED}
    assert desk.endings[paths[3]].refused
    assert "GH_TOKEN" in desk.reason(paths[149])
    assert len(server.requests()) == 1


def test_a_token_that_expires_under_way_ends_the_rest(
    *, server: WorldServer, desk: Desk, world: World, small: None
) -> None:
    paths = many(world, 40)
    server.fault("github", status=401, skip=10, body={"message": "Bad credentials"})
    outcomes = desk.fetch(*paths, sweep=True)
    assert FAILED in outcomes.values()
    assert len(server.requests("github")) < 30
    server.faults.clear()
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)


def test_a_port_where_nobody_listens_fails_all_in_a_moment(server: WorldServer, desk: Desk) -> None:
    desk.url = "http://127.0.0.1:9/"
    paths = [f"acme/p{number}" for number in range(3000)]
    assert set(desk.fetch(*paths, sweep=True).values()) == {FAILED}
    assert "no connection" in desk.reason(paths[2999])
    assert desk.sent <= 12


def test_a_server_that_drops_connections_is_asked_again(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 20)
    server.fault("graphql", kind="drop", times=1)
    server.fault("github", kind="reset", times=3)
    assert set(desk.fetch(*paths, sweep=True).values()) == {UPDATED}
    agrees(desk, paths)


@pytest.mark.parametrize("pages", [1, 2, 5])
def test_a_kill_between_two_pages_loses_nothing(
    *, server: WorldServer, desk: Desk, world: World, pages: int, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    paths = many(world, 30)
    seen: list[Sequence[Answer[ForgeFacts]]] = []

    def after_so_many(page: Sequence[Answer[ForgeFacts]]) -> bool:
        seen.append(page)
        return len(seen) == pages

    desk.fetch(*paths, sweep=True, stop=after_so_many)
    complete = [path for path, facts in desk.facts.items() if facts.repository and facts.weeks and facts.contributors]
    assert len(complete) < len(paths)
    server.forget()
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)
    # The server may still hear of a request that the killed run had sent, for one that was not complete.
    asked = {request.path for request in server.requests("github", "/contributors$")}
    assert not asked & {f"/repos/{path}/contributors" for path in complete}


def test_a_list_that_the_catalog_took_from_the_same_head_is_not_asked_for(
    server: WorldServer, desk: Desk, world: World
) -> None:
    paths = many(world, 12)
    asks = []
    for path in paths:
        head = world.repo(path).head
        assert head is not None
        asks += desk.asks([path], catalog_updated=head.committed.isoformat())
    desk.fetch(asks=asks, sweep=True)
    assert not server.requests("github")


def test_a_head_that_was_pushed_over_is_asked_for_by_rest(server: WorldServer, desk: Desk, world: World) -> None:
    paths = many(world, 12)

    def push_over(value: Any) -> object:
        for node in value["data"].values():
            node.pop("object", None)
        return value

    fault = server.fault("graphql", "query Window", kind="rewrite", rewrite=push_over)
    desk.fetch(*paths, sweep=True)
    agrees(desk, paths)
    assert fault.hits
    assert len(server.requests("github", "since=")) == len(paths) // 2
