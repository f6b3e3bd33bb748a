"""What is GitLab's own: validators that count, a head asked for by itself, a list of contributors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import ContributorsFacts, ForgeFacts, Outcome, WeeksFacts
from djpkg.sources.http.response import Response
from djpkg.sources.rest_forge.gitlab import GitLab, _has_more
from tests.sources.forges import PLACES, check_facts
from tests.sources.requesting import IMPATIENT, ask_again, ask_for, fetch, fetch_one, head_of, outcomes
from tests.world import GITLAB, NOW, World, WorldServer

if TYPE_CHECKING:
    from tests.pauses import Pauses

PLACE = PLACES[0]
DAYS = [number / 2 for number in range(1, 261)]


def test_a_project_may_lie_in_groups_of_groups(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, "group/sub/deeper/todo", stars=9, commits=[(1, "alice")])
    check_facts(fetch_one(PLACE.make(server), ask_for(repo)).facts, repo)
    assert server.requests("gitlab")[0].path == "/projects/group%2Fsub%2Fdeeper%2Ftodo"


def test_contributors_are_the_whole_list_as_given(server: WorldServer, world: World) -> None:
    people = [f"Person {number}" for number in range(230)]
    repo = PLACE.add(world, commits=[3], contributors=people)
    said = fetch_one(PLACE.make(server), ask_for(repo)).facts.contributors
    assert said == ContributorsFacts(head=repo.recent[0].oid, names=tuple(people), taken="2026-11-23T12:00:00Z")
    assert len(server.requests("gitlab", "/contributors")) == 3


def test_a_name_that_two_people_have_is_said_once(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=[1])
    people = [{"name": name, "commits": 3} for name in ("Zoë", "Bob", "", "Zoë")]
    server.fault("gitlab", "/contributors", kind="rewrite", rewrite=lambda _: people)
    assert fetch_one(PLACE.make(server), ask_for(repo)).facts.contributors.names == ("Zoë", "Bob")


@pytest.mark.parametrize("token", [False, True])
def test_what_did_not_change_costs_two_requests_that_both_count(
    server: WorldServer, world: World, *, token: bool
) -> None:
    ask = ask_for(PLACE.add(world, commits=[5, 6]))
    ask = ask_again(ask, fetch_one(PLACE.make(server, token=token), ask))
    server.forget()
    source = PLACE.make(server, token=token)
    answer = fetch_one(source, ask)
    assert (answer.outcome, answer.facts, answer.reason) == (Outcome.UNCHANGED, None, "")
    assert [request.status for request in server.requests("gitlab")] == [304, 200]
    assert (source.spent.requests, server.charged("gitlab")) == (2, 2)


def test_an_empty_project_stays_unchanged(server: WorldServer, world: World) -> None:
    ask = ask_for(PLACE.add(world, state="empty"))
    first = fetch_one(PLACE.make(server), ask)
    assert first.facts.weeks == WeeksFacts(head="", days={})
    assert fetch_one(PLACE.make(server), ask_again(ask, first)).outcome is Outcome.UNCHANGED


def test_a_push_that_the_page_does_not_show_yet_is_seen(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, stars=2, commits=[5])
    ask = ask_for(repo)
    ask = ask_again(ask, fetch_one(PLACE.make(server), ask))
    world.push(repo, 0.1)
    server.fault("gitlab", PLACE.page, status=304, times=1)
    answer = fetch_one(PLACE.make(server), ask)
    check_facts(answer.facts, repo)
    assert answer.etag is not None


def test_weeks_that_are_missing_are_read_after_a_304(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=[5])
    ask = ask_for(repo)
    ask = replace(ask_again(ask, fetch_one(PLACE.make(server), ask)), weeks_head=None)
    answer = fetch_one(PLACE.make(server), ask)
    said = WeeksFacts(head=repo.recent[0].oid, days={"2026-11-18": 1})
    assert (answer.outcome, answer.facts, answer.etag) == (Outcome.UPDATED, ForgeFacts(weeks=said), None)


def test_contributors_are_taken_once_more_a_day_after_a_push(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=[(0.5, "alice")])
    ask = ask_for(repo)
    ask = ask_again(ask, fetch_one(PLACE.make(server), ask))
    assert fetch_one(PLACE.make(server), ask).outcome is Outcome.UNCHANGED
    world.now = NOW + timedelta(days=1, hours=1)
    answer = fetch_one(PLACE.make(server), ask, now=world.now)
    assert answer.facts.contributors.taken == "2026-11-24T13:00:00Z"
    assert fetch_one(PLACE.make(server), ask_again(ask, answer), now=world.now).outcome is Outcome.UNCHANGED


def test_the_window_is_read_below_the_head_that_was_seen(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=DAYS)
    fetch_one(PLACE.make(server), ask_for(repo))
    windows = server.requests("gitlab", "since=")
    assert [(one.query["ref_name"], one.query["page"]) for one in windows] == [
        (repo.recent[0].oid, str(number)) for number in (1, 2, 3)
    ]
    assert {one.query["since"] for one in windows} == {"2025-11-24T00:00:00Z"}


@pytest.mark.parametrize(
    ("headers", "rows", "more"),
    [
        ({"x-next-page": "2"}, 100, True),
        ({"x-next-page": ""}, 100, False),
        ({"x-next-page": "2"}, 0, False),
        ({}, 100, True),
        ({}, 99, False),
    ],
)
def test_another_page_follows_when_the_server_says_so_or_a_proxy_lost_it_and_this_one_is_full(
    headers: dict[str, str], rows: int, *, more: bool
) -> None:
    assert _has_more(Response(status=200, headers=headers, body=b"", url="https://gitlab.example/1"), rows) is more


def test_a_page_for_strangers_says_neither_archived_nor_empty(server: WorldServer, world: World) -> None:
    def shorten(page: dict[str, object]) -> dict[str, object]:
        hidden = {"archived", "empty_repo", "visibility"}
        return {key: value for key, value in page.items() if key not in hidden} | {"default_branch": "main"}

    server.fault("gitlab", PLACE.page, kind="rewrite", rewrite=shorten)
    full, empty = PLACE.add(world, "acme/full", commits=[1]), PLACE.add(world, "acme/empty", state="empty")
    answers = fetch(PLACE.make(server), [ask_for(full), ask_for(empty)])
    page = answers["gitlab.com/acme/full"].facts.repository
    assert (page.archived, page.head) == (None, full.recent[0].oid)
    page = answers["gitlab.com/acme/empty"].facts.repository
    assert (page.archived, page.head, page.head_at) == (None, None, None)


def test_a_repository_without_a_branch_is_empty_unless_it_had_a_head(server: WorldServer, world: World) -> None:
    server.fault("gitlab", "/commits", status=404, body={"message": "404 Repository Not Found"})
    ask = ask_for(PLACE.add(world))
    assert fetch_one(PLACE.make(server), ask).facts.repository.head is None
    answer = fetch_one(PLACE.make(server), replace(ask, head="a" * 40))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)


def test_contributors_that_fail_are_all_that_is_asked_for_next_time(server: WorldServer, world: World) -> None:
    repo = PLACE.add(world, commits=[5, 40], contributors=["Ada"])
    server.fault("gitlab", "/contributors", status=403, times=1)
    ask = ask_for(repo)
    first = fetch_one(PLACE.make(server), ask)
    assert first.outcome is Outcome.FAILED
    check_facts(first.facts, repo)
    assert first.facts.contributors is None
    server.forget()
    answer = fetch_one(PLACE.make(server), ask_again(ask, first))
    assert (answer.outcome, answer.facts.weeks, answer.facts.contributors.names) == (Outcome.UPDATED, None, ("Ada",))
    assert server.requests("gitlab", "since=") == []


def test_contributors_without_end_end(server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("djpkg.sources.rest_forge.lookup.MAX_PAGES", 5)
    repo = PLACE.add(world, commits=[5])
    people = [{"name": f"p{number}"} for number in range(100)]
    server.fault("gitlab", "/contributors", status=200, headers={"x-next-page": "9"}, body=people)
    answer = fetch_one(PLACE.make(server), ask_for(repo))
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, "gitlab: a list has more than 5 pages")
    assert len(server.requests("gitlab", "/contributors")) == 5


def test_the_token_goes_as_a_bearer(server: WorldServer, world: World) -> None:
    fetch_one(PLACE.make(server, token=True), ask_for(PLACE.add(world)))
    assert {request.headers["authorization"] for request in server.requests("gitlab")} == {
        f"Bearer {server.tokens['gitlab']}"
    }


def test_a_minute_that_is_used_up_defers_until_it_is_over(server: WorldServer, world: World) -> None:
    server.exhaust("gitlab", authorised=False, resets_in=55)
    asks = [ask_for(PLACE.add(world, f"acme/p{number}")) for number in range(9)]
    source = PLACE.make(server)
    answers = fetch(source, asks)
    assert outcomes(answers.values()) == {"deferred": 9}
    assert {answer.until for answer in answers.values()} == {NOW + timedelta(seconds=55)}
    assert len(server.requests("gitlab")) == 1
    assert set(source.quotas) == {"anonymous"}


def test_a_minute_that_is_over_soon_is_waited_for(server: WorldServer, world: World, pauses: Pauses) -> None:
    asks = [ask_for(PLACE.add(world, f"acme/p{number}", commits=[500])) for number in range(4)]
    for left in ("2", "1", "0"):  # the three answers for the first repository
        headers = {"ratelimit-remaining": left, "ratelimit-reset": str(int(NOW.timestamp()) + 1)}
        server.fault("gitlab", kind="rewrite", times=1, headers=headers, rewrite=lambda page: page)
    source = GitLab(
        base_url=server.env["DJPKG_GITLAB_URL"],
        limits=replace(IMPATIENT, wait=3),
        clock=lambda: NOW + pauses.span,
    )
    assert outcomes(fetch(source, asks).values()) == {"updated": 4}
    assert pauses.span >= timedelta(seconds=1)


def test_a_project_of_the_same_name_but_another_number_is_another_project(server: WorldServer, world: World) -> None:
    old = PLACE.add(world, commits=[5])
    ask = ask_for(old)
    ask = ask_again(ask, fetch_one(PLACE.make(server), ask))
    new = world.add_repository("acme/todo", host=GITLAB, stars=1, commits=[(2, "mallory")])
    answer = fetch_one(PLACE.make(server), ask)
    check_facts(answer.facts, new)
    assert answer.facts.repository.node_id == str(new.id) != str(old.id)
    assert head_of(new)[0] == answer.facts.contributors.head
