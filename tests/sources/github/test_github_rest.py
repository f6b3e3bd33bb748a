"""GitHub, one repository at a time by REST."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.credentials import Token
from djpkg.model.facts import Outcome
from djpkg.sources.github.source import GitHub
from tests.sources.github.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from djpkg.model.facts import ForgeFacts
    from djpkg.sources.source import Answer
    from tests.world import World, WorldServer
    from tests.world.faults import Kind

UPDATED, UNCHANGED, GONE = Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE
DEFERRED, FAILED = Outcome.DEFERRED, Outcome.FAILED
TODO = "acme/django-todo"


@pytest.fixture(params=[False, True], ids=["anonymous", "token"])
def desk(server: WorldServer, request: pytest.FixtureRequest) -> Desk:
    return Desk(server, authorized=request.param)


@pytest.fixture
def todo(world: World) -> None:
    commits = [(3, "alice"), (40, "böb"), 41, 700]
    world.add_repository(TODO, stars=845, forks=285, description="To do ☑", commits=commits, license="MIT")


def test_a_repository_is_told_as_it_is(desk: Desk, world: World, todo: None) -> None:
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(world.repo(TODO))
    assert desk.kinds() == {"repository": 1, "head": 1, "window": 1, "contributors": 1}


def test_what_has_not_changed_is_one_conditional_request(
    server: WorldServer, desk: Desk, world: World, todo: None
) -> None:
    desk.fetch(TODO)
    before = dict(desk.facts)
    server.forget()
    assert desk.fetch(TODO) == {TODO: UNCHANGED}
    assert desk.facts == before
    assert [request.status for request in server.requests()] == [304]
    assert server.charged("github") == (0 if desk.authorized else 1)


def test_a_star_costs_no_window_and_no_contributors(desk: Desk, world: World, todo: None) -> None:
    desk.fetch(TODO)
    world.star(TODO)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    assert desk.kinds() == {"repository": 1, "head": 1}
    desk.agrees(world.repo(TODO))


def test_a_push_brings_weeks_and_contributors(desk: Desk, world: World, todo: None) -> None:
    desk.fetch(TODO)
    world.push(TODO, login="carol", authored=90)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(world.repo(TODO))
    assert "carol" in desk.names(TODO)


def test_an_old_head_needs_no_window(desk: Desk, world: World) -> None:
    world.add_repository(TODO, commits=[365, 400])
    desk.fetch(TODO)
    assert desk.kinds()["window"] == 0
    desk.agrees(world.repo(TODO))


def test_the_catalogs_list_that_belongs_to_the_head_is_not_asked_for(desk: Desk, world: World, todo: None) -> None:
    desk.fetch(asks=desk.asks([TODO], catalog_updated="2026-11-20T07:00:00-05:00"))
    assert desk.kinds()["contributors"] == 0
    assert desk.facts[TODO].contributors is None


def test_an_empty_repository_has_no_head(desk: Desk, world: World) -> None:
    world.add_repository(TODO, state="empty", stars=3)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(world.repo(TODO))
    assert desk.fetch(TODO) == {TODO: UNCHANGED}
    world.push(TODO)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(world.repo(TODO))


def test_an_archived_repository_says_so(desk: Desk, world: World) -> None:
    world.add_repository(TODO, archived=True, license="NOASSERTION", commits=[30])
    desk.fetch(TODO)
    page = desk.facts[TODO].repository
    assert page is not None
    assert (page.archived, page.license, page.description) == (True, None, "")


def test_a_renamed_repository_is_followed(desk: Desk, world: World, todo: None) -> None:
    world.rename(TODO, "umbrella/todo")
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(world.repo(TODO), TODO)


def test_a_busy_repository_is_read_page_by_page(desk: Desk, world: World) -> None:
    world.add_repository(TODO, commits=[(day / 4, f"dev{day % 130}") for day in range(1, 1030)])
    desk.fetch(TODO)
    desk.agrees(world.repo(TODO))
    assert (desk.kinds()["window"], desk.kinds()["contributors"]) == (11, 2)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda world: world.delete(TODO), "gone"),
        (lambda world: world.block(TODO, "dmca"), "blocked"),
        (lambda world: world.block(TODO, "tos"), "blocked"),
    ],
    ids=["gone", "dmca", "tos"],
)
def test_what_is_gone_or_blocked_keeps_what_was_known(
    desk: Desk, world: World, todo: None, change: Callable[[World], None], state: str
) -> None:
    desk.fetch(TODO)
    before = desk.facts[TODO]
    change(world)
    assert desk.fetch(TODO) == {TODO: GONE}
    assert desk.facts[TODO].state == state
    assert desk.facts[TODO].repository == before.repository
    world.restore(TODO)
    assert desk.fetch(TODO) == {TODO: UNCHANGED}


def test_a_list_that_is_too_large_is_no_failure(desk: Desk, world: World) -> None:
    world.add_repository(TODO, state="too_large_contributors", commits=[3])
    assert desk.fetch(TODO) == {TODO: UPDATED}
    assert desk.facts[TODO].weeks is not None
    contributors = desk.facts[TODO].contributors
    assert contributors is not None
    assert (contributors.names, contributors.whole) == ((), False)


def test_a_list_that_is_too_large_is_not_asked_for_again(server: WorldServer, desk: Desk, world: World) -> None:
    world.add_repository(TODO, state="too_large_contributors", commits=[3])
    desk.fetch(TODO)
    world.now += timedelta(days=2)
    server.forget()
    desk.fetch(TODO)
    assert not server.requests("github", "/contributors")


def test_no_content_for_a_repository_with_a_head_takes_no_name_away(
    server: WorldServer, desk: Desk, world: World
) -> None:
    repo = world.add_repository(TODO, commits=[(30, "alice")])
    desk.fetch(TODO)
    world.push(repo.path, login="bob")
    server.fault("github", "/contributors", status=204)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    assert desk.names(TODO) == ("alice",)


@pytest.mark.parametrize("what", ["/contributors", "/commits"])
def test_a_list_that_goes_on_elsewhere_is_a_failure_and_not_at_its_end(
    server: WorldServer, desk: Desk, world: World, what: str
) -> None:
    repo = world.add_repository(TODO, commits=[(3, "alice")])
    oid = repo.commits[0].oid
    body: object = [{"login": "alice"}]
    if what == "/commits":
        day = "2026-01-01T00:00:00Z"
        body = [{"sha": oid, "commit": {"author": {"date": day}, "committer": {"date": day}}}]
    elsewhere = {"link": '<https://evil.example/2>; rel="next"', "content-type": "application/json"}
    server.fault("github", f"{what}.*per_page=100", status=200, body=body, headers=elsewhere)
    assert desk.fetch(TODO) == {TODO: Outcome.FAILED}
    assert "another server" in desk.reason(TODO)


def test_a_commit_without_an_author_costs_no_repository(server: WorldServer, desk: Desk, world: World) -> None:
    repo = world.add_repository(TODO, commits=[(3, "alice"), (4, "bob")])

    def nameless(commits: list[dict[str, Any]]) -> object:
        for commit in commits:
            commit["commit"]["author"] = None
        return commits

    server.fault("github", "/commits", kind="rewrite", rewrite=nameless)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    assert sum(desk.counts(TODO)) == 2
    page = desk.facts[TODO].repository
    assert page is not None
    assert page.head == repo.commits[0].oid


def test_an_organization_that_keeps_the_token_out_is_asked_without_it(server: WorldServer, world: World) -> None:
    desk = Desk(server)
    repo = world.add_repository(TODO, state="saml", commits=[3])
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(repo)
    assert [request.status for request in server.requests() if request.authorised] == [403]


def test_an_organization_that_keeps_everyone_out_is_a_failure(server: WorldServer, world: World) -> None:
    desk = Desk(server)
    world.add_repository(TODO, state="saml", commits=[3])
    server.fault("github", kind="status", status=403, body={"message": "Resource protected by organization SAML"})
    assert desk.fetch(TODO) == {TODO: Outcome.FAILED}
    assert desk.reason(TODO) == "github: the organization of acme/django-todo does not let the token in"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (410, {"message": "This version is no longer supported"}, "answered with 410 (This version is no longer"),
        (202, {}, "is not ready yet"),
        (403, {"message": "Sorry."}, "answered with 403 (Sorry.)"),
        (422, {}, "answered with 422"),
        (500, {}, "500"),
        (200, [], "not as documented"),
    ],
)
def test_an_answer_of_no_use_is_a_failure_and_keeps_what_was_known(
    *, server: WorldServer, desk: Desk, todo: None, status: int, body: object, words: str
) -> None:
    desk.fetch(TODO)
    before = dict(desk.facts)
    server.fault("github", kind="status", status=status, body=body)
    assert desk.fetch(TODO) == {TODO: Outcome.FAILED}
    assert words in desk.reason(TODO)
    assert desk.facts == before


@pytest.mark.parametrize("kind", ["html", "wrong_types", "cut"])
@pytest.mark.parametrize("part", ["$", "/commits", "/commits.*since=", "/contributors"])
def test_a_spoilt_part_spoils_no_other_repository(
    *, server: WorldServer, desk: Desk, world: World, todo: None, kind: Kind, part: str
) -> None:
    world.add_repository("acme/other", commits=[5])
    server.fault("github", f"/repos/{TODO}{part}", kind=kind)
    assert desk.fetch(TODO, "acme/other") == {TODO: FAILED, "acme/other": UPDATED}
    desk.agrees(world.repo("acme/other"))
    server.faults.clear()
    assert desk.fetch(TODO) == {TODO: UPDATED}
    desk.agrees(world.repo(TODO))


def test_a_window_without_its_head_is_no_window(server: WorldServer, desk: Desk, todo: None) -> None:
    server.fault("github", "since=", kind="empty_list")
    assert desk.fetch(TODO) == {TODO: Outcome.FAILED}
    assert desk.reason(TODO) == "github: the list of commits does not begin with the newest one"
    assert desk.facts[TODO].weeks is None


@pytest.mark.parametrize("pages", [1, 2])
def test_a_kill_between_two_parts_loses_neither(
    *, desk: Desk, world: World, todo: None, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    seen: list[Sequence[Answer[ForgeFacts]]] = []

    def after_so_many(page: Sequence[Answer[ForgeFacts]]) -> bool:
        seen.append(page)
        return len(seen) == pages

    desk.fetch(TODO, stop=after_so_many)
    facts = desk.facts[TODO]
    assert [facts.weeks is not None, facts.contributors is not None] == [pages > 1, False]
    desk.fetch(TODO)
    desk.agrees(world.repo(TODO))


def test_contributors_that_failed_are_asked_for_again(
    server: WorldServer, desk: Desk, world: World, todo: None
) -> None:
    server.fault("github", "/contributors", status=500)
    assert desk.fetch(TODO) == {TODO: Outcome.FAILED}
    assert desk.facts[TODO].weeks is not None
    server.faults.clear()
    assert desk.fetch(TODO) == {TODO: UPDATED}
    assert desk.kinds() == {"repository": 1, "contributors": 1}
    desk.agrees(world.repo(TODO))


def test_a_list_taken_on_the_day_of_a_push_is_taken_again_a_day_later(desk: Desk, world: World, todo: None) -> None:
    desk.fetch(TODO)
    world.push(TODO, login="carol", cached=True)
    desk.fetch(TODO)
    assert "carol" not in desk.names(TODO)
    world.repo(TODO).cached_contributors = None
    world.now += timedelta(days=1, minutes=1)
    assert desk.fetch(TODO) == {TODO: UPDATED}
    assert desk.kinds() == {"repository": 1, "contributors": 1}
    assert "carol" in desk.names(TODO)
    assert desk.fetch(TODO) == {TODO: UNCHANGED}


def test_a_wrong_token_ends_all_with_one_request(server: WorldServer, world: World) -> None:
    desk = Desk(server)
    paths = [world.add_repository(f"acme/p{number}").path for number in range(5)]
    server.fault("github", status=401, body={"message": "Bad credentials"})
    assert set(desk.fetch(*paths).values()) == {FAILED}
    assert "GH_TOKEN" in desk.reason("acme/p4")
    assert "canary" not in desk.reason("acme/p4")
    assert len(server.requests()) == 1


def test_a_port_where_nobody_listens_fails_all_in_a_moment(server: WorldServer, desk: Desk) -> None:
    desk.url = "http://127.0.0.1:9/"
    paths = [f"acme/p{number}" for number in range(300)]
    assert set(desk.fetch(*paths).values()) == {FAILED}
    assert "no connection" in desk.reason("acme/p299")
    assert desk.sent < 100


def many(world: World, count: int, **more: object) -> list[str]:
    return [world.add_repository(f"acme/p{number}", commits=[5], **more).path for number in range(count)]  # type: ignore[arg-type]


def test_sixty_an_hour_are_spent_in_the_order_of_the_asks(server: WorldServer, world: World) -> None:
    desk = Desk(server, authorized=False)
    paths = many(world, 40)
    outcomes = desk.fetch(*paths, sweep=True)
    assert [path for path in paths if outcomes[path] is UPDATED] == paths[:15]
    assert {outcomes[path] for path in paths[15:]} == {DEFERRED}
    assert server.charged("github") == 60
    assert desk.endings[paths[20]].until == world.now + timedelta(hours=1)
    assert desk.source is not None
    assert (desk.source.quota.limit, desk.source.quota.remaining) == (60, 0)
    for path in paths[:15]:
        desk.agrees(world.repo(path))
    world.now += timedelta(hours=1)
    server.forget()
    assert [*desk.fetch(*paths[15:], sweep=True).values()].count(UPDATED) == 15
    assert server.charged("github") == 60


@pytest.mark.parametrize("left", range(9))
def test_no_repository_is_begun_that_the_quota_does_not_let_end(server: WorldServer, world: World, left: int) -> None:
    desk = Desk(server, authorized=False)
    paths = many(world, 12)
    server.quota("github", authorised=False).used = 60 - left
    outcomes = desk.fetch(*paths)
    whole = [path for path in paths if outcomes[path] is UPDATED]
    # The first one is begun in ignorance of the quota.
    assert whole == paths[: left // 4]
    assert set(outcomes.values()) <= {UPDATED, DEFERRED}
    assert all(request.status == 200 for request in server.requests()[: 4 * len(whole)])
    assert sum(request.status == 403 for request in server.requests()) <= 1


def test_what_needs_little_does_not_go_before_what_is_staler(server: WorldServer, world: World) -> None:
    desk = Desk(server, authorized=False)
    paths = many(world, 12)
    desk.fetch(*paths[6:])
    server.quota("github", authorised=False).used = 60 - 10
    outcomes = desk.fetch(*paths)
    assert [path for path in paths if outcomes[path] is not DEFERRED] == paths[:2]


def test_nothing_is_sent_again_when_the_quota_is_used_up(server: WorldServer, world: World) -> None:
    desk = Desk(server, authorized=False)
    paths = many(world, 30)
    server.exhaust("github", authorised=False, resets_in=600)
    assert set(desk.fetch(*paths).values()) == {DEFERRED}
    assert desk.endings[paths[3]].until == world.now + timedelta(seconds=600)
    assert len(server.requests()) == 1


def test_asking_too_fast_defers_what_is_left_and_closes_graphql_too(server: WorldServer, world: World) -> None:
    desk = Desk(server)
    paths = many(world, 6)
    server.fault("github", kind="secondary", skip=1, seconds=120)
    assert set(desk.fetch(*paths).values()) == {DEFERRED}
    assert desk.endings[paths[5]].until == world.now + timedelta(seconds=120)
    assert desk.source is not None
    assert desk.source.quotas["graphql"].closed_until == world.now + timedelta(seconds=120)
    assert len(server.requests()) <= 9


def test_requests_with_a_token_and_without_keep_to_one_pace(desk: Desk) -> None:
    source = GitHub(base_url="https://github.example", token=Token("GH_TOKEN", "canary"))
    assert source._rest is not source._anonymous
    assert source._rest._pace is source._anonymous._pace is not None
