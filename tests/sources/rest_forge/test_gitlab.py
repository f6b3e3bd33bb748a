"""GitLab: validators that cost quota, a separate request for the head, a list of contributors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import ContributorsFacts, ForgeFacts, Outcome, WeeksFacts
from djpkg.sources.http.response import Response
from djpkg.sources.rest_forge.gitlab import GitLab, _has_more
from tests.sources.forges import FORGE_CASES, check_facts
from tests.sources.requesting import (
    FEW_ATTEMPTS,
    facts_of,
    fetch,
    fetch_one,
    outcomes,
    target_for,
    with_answer,
)
from tests.world import NOW, World, WorldServer

if TYPE_CHECKING:
    from tests.pauses import Pauses

FORGE = FORGE_CASES[0]
DAYS = [number / 2 for number in range(1, 261)]


def test_a_project_can_be_in_nested_groups(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, "group/sub/deeper/todo", stars=9, commits=[(1, "alice")])
    check_facts(fetch_one(FORGE.new_source(server), target_for(repo)).facts, repo)
    assert server.requests("gitlab")[0].path == "/projects/group%2Fsub%2Fdeeper%2Ftodo"


def test_contributors_are_the_whole_list(server: WorldServer, world: World) -> None:
    people = [f"Person {number}" for number in range(230)]
    repo = FORGE.add(world, commits=[3], contributors=people)
    contributors = facts_of(fetch_one(FORGE.new_source(server), target_for(repo))).contributors
    assert contributors == ContributorsFacts(head=repo.recent[0].oid, names=tuple(people), taken="2026-11-23T12:00:00Z")
    assert len(server.requests("gitlab", "/contributors")) == 3


def test_duplicate_names_of_contributors_are_dropped(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=[1])
    people = [{"name": name, "commits": 3} for name in ("Zoë", "Bob", "", "Zoë")]
    server.fault("gitlab", "/contributors", kind="rewrite", rewrite=lambda _: people)
    assert facts_of(fetch_one(FORGE.new_source(server), target_for(repo))).contributors.names == ("Zoë", "Bob")


@pytest.mark.parametrize("token", [False, True])
def test_an_unchanged_project_costs_two_requests(server: WorldServer, world: World, *, token: bool) -> None:
    target = target_for(FORGE.add(world, commits=[5, 6]))
    target = with_answer(target, fetch_one(FORGE.new_source(server, token=token), target))
    server.clear_log()
    source = FORGE.new_source(server, token=token)
    answer = fetch_one(source, target)
    assert (answer.outcome, answer.facts, answer.reason) == (Outcome.UNCHANGED, None, "")
    assert [request.status for request in server.requests("gitlab")] == [304, 200]
    assert (source.spent.requests, server.charged("gitlab")) == (2, 2)


def test_an_empty_project_is_unchanged_the_second_time(server: WorldServer, world: World) -> None:
    target = target_for(FORGE.add(world, state="empty"))
    first = fetch_one(FORGE.new_source(server), target)
    assert facts_of(first).weeks == WeeksFacts(head="", days={})
    assert fetch_one(FORGE.new_source(server), with_answer(target, first)).outcome is Outcome.UNCHANGED


def test_a_push_is_found_even_after_a_304(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, stars=2, commits=[5])
    target = target_for(repo)
    target = with_answer(target, fetch_one(FORGE.new_source(server), target))
    world.push(repo, 0.1)
    server.fault("gitlab", FORGE.repository, status=304, times=1)
    answer = fetch_one(FORGE.new_source(server), target)
    check_facts(answer.facts, repo)
    assert answer.etag is not None


def test_missing_weeks_are_fetched_after_a_304(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=[5])
    target = target_for(repo)
    target = replace(with_answer(target, fetch_one(FORGE.new_source(server), target)), weeks_head=None)
    answer = fetch_one(FORGE.new_source(server), target)
    weeks = WeeksFacts(head=repo.recent[0].oid, days={"2026-11-18": 1})
    assert (answer.outcome, answer.facts, answer.etag) == (Outcome.UPDATED, ForgeFacts(weeks=weeks), None)


def test_contributors_are_fetched_again_a_day_after_a_push(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=[(0.5, "alice")])
    target = target_for(repo)
    target = with_answer(target, fetch_one(FORGE.new_source(server), target))
    assert fetch_one(FORGE.new_source(server), target).outcome is Outcome.UNCHANGED
    world.now = NOW + timedelta(days=1, hours=1)
    answer = fetch_one(FORGE.new_source(server), target, now=world.now)
    assert facts_of(answer).contributors.taken == "2026-11-24T13:00:00Z"
    assert fetch_one(FORGE.new_source(server), with_answer(target, answer), now=world.now).outcome is Outcome.UNCHANGED


def test_the_window_is_read_from_the_first_head(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=DAYS)
    fetch_one(FORGE.new_source(server), target_for(repo))
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
def test_another_page_follows_by_header_or_after_a_full_page_without_one(
    headers: dict[str, str], rows: int, *, more: bool
) -> None:
    assert _has_more(Response(status=200, headers=headers, body=b"", url="https://gitlab.example/1"), rows) is more


def test_without_a_token_archived_is_unknown_and_empty_is_found_by_the_head(server: WorldServer, world: World) -> None:
    def shorten(page: dict[str, object]) -> dict[str, object]:
        hidden = {"archived", "empty_repo", "visibility"}
        return {key: value for key, value in page.items() if key not in hidden} | {"default_branch": "main"}

    server.fault("gitlab", FORGE.repository, kind="rewrite", rewrite=shorten)
    full, empty = FORGE.add(world, "acme/full", commits=[1]), FORGE.add(world, "acme/empty", state="empty")
    answers = fetch(FORGE.new_source(server), [target_for(full), target_for(empty)])
    page = facts_of(answers["gitlab.com/acme/full"]).repository
    assert (page.archived, page.head) == (None, full.recent[0].oid)
    page = facts_of(answers["gitlab.com/acme/empty"]).repository
    assert (page.archived, page.head, page.head_at) == (None, None, None)


@pytest.mark.parametrize(
    ("says_empty", "head", "is_empty"),
    [
        (None, None, True),
        (None, "a" * 40, False),
        (False, None, False),
        (False, "a" * 40, False),
        (True, None, True),
        (True, "a" * 40, True),
    ],
)
def test_a_missing_repository_is_empty_if_the_project_says_so_or_it_had_no_head(
    *, server: WorldServer, world: World, says_empty: bool | None, head: str | None, is_empty: bool
) -> None:
    def say(page: dict[str, object]) -> dict[str, object]:
        return {key: value for key, value in page.items() if key != "empty_repo"} | (
            {} if says_empty is None else {"empty_repo": says_empty}
        )

    server.fault("gitlab", FORGE.repository, kind="rewrite", rewrite=say)
    server.fault("gitlab", "/commits", status=404, body={"message": "404 Repository Not Found"})
    answer = fetch_one(FORGE.new_source(server), replace(target_for(FORGE.add(world)), head=head))
    if is_empty:
        assert facts_of(answer).repository.head is None
    else:
        assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
        assert "is not empty" in answer.reason


def test_failed_contributors_are_fetched_alone_next_time(server: WorldServer, world: World) -> None:
    repo = FORGE.add(world, commits=[5, 40], contributors=["Ada"])
    server.fault("gitlab", "/contributors", status=403, times=1)
    target = target_for(repo)
    first = fetch_one(FORGE.new_source(server), target)
    assert first.outcome is Outcome.FAILED
    check_facts(first.facts, repo)
    assert facts_of(first).contributors is None
    server.clear_log()
    answer = fetch_one(FORGE.new_source(server), with_answer(target, first))
    assert (answer.outcome, facts_of(answer).weeks, facts_of(answer).contributors.names) == (
        Outcome.UPDATED,
        None,
        ("Ada",),
    )
    assert server.requests("gitlab", "since=") == []


def test_an_endless_list_of_contributors_fails(
    server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.rest_forge.lookup.MAX_PAGES", 5)
    repo = FORGE.add(world, commits=[5])
    people = [{"name": f"p{number}"} for number in range(100)]
    server.fault("gitlab", "/contributors", status=200, headers={"x-next-page": "9"}, body=people)
    answer = fetch_one(FORGE.new_source(server), target_for(repo))
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, "gitlab: a list has more than 5 pages")
    assert len(server.requests("gitlab", "/contributors")) == 5


def test_the_token_is_sent_as_a_bearer_token(server: WorldServer, world: World) -> None:
    fetch_one(FORGE.new_source(server, token=True), target_for(FORGE.add(world)))
    assert {request.headers["authorization"] for request in server.requests("gitlab")} == {
        f"Bearer {server.tokens['gitlab']}"
    }


def test_a_used_up_quota_defers_until_its_reset(server: WorldServer, world: World) -> None:
    server.exhaust("gitlab", authorised=False, resets_in=55)
    targets = [target_for(FORGE.add(world, f"acme/p{number}")) for number in range(9)]
    source = FORGE.new_source(server)
    answers = fetch(source, targets)
    assert outcomes(answers.values()) == {"deferred": 9}
    assert {answer.until for answer in answers.values()} == {NOW + timedelta(seconds=55)}
    assert len(server.requests("gitlab")) == 1
    assert set(source.quotas) == {"anonymous"}


def test_a_reset_in_a_second_is_waited_for(server: WorldServer, world: World, pauses: Pauses) -> None:
    targets = [target_for(FORGE.add(world, f"acme/p{number}", commits=[500])) for number in range(4)]
    for left in ("2", "1", "0"):  # the three answers for the first repository
        headers = {"ratelimit-remaining": left, "ratelimit-reset": str(int(NOW.timestamp()) + 1)}
        server.fault("gitlab", kind="rewrite", times=1, headers=headers, rewrite=lambda page: page)
    source = GitLab(
        base_url=server.env["DJPKG_GITLAB_URL"],
        limits=replace(FEW_ATTEMPTS, wait=3),
        clock=lambda: NOW + pauses.span,
    )
    assert outcomes(fetch(source, targets).values()) == {"updated": 4}
    assert pauses.span >= timedelta(seconds=1)
