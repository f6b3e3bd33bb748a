"""The behaviour that GitLab, Bitbucket and Forgejo share, tested on each."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model.facts import ForgeFacts, Outcome, WeeksFacts
from djpkg.model.fetch_state import ANONYMOUS
from tests.sources.forges import FORGE_CASES, ForgeCase, check_facts
from tests.sources.requesting import (
    FEW_ATTEMPTS,
    facts_of,
    fetch,
    fetch_one,
    fetch_pages,
    outcomes,
    target_for,
    with_answer,
)
from tests.world import NOW, Commit

if TYPE_CHECKING:
    from tests.world import Repo, World, WorldServer

pytestmark = pytest.mark.campaign


@pytest.fixture(params=FORGE_CASES, ids=str)
def case(request: pytest.FixtureRequest) -> ForgeCase:
    found: ForgeCase = request.param
    return found


@pytest.mark.parametrize(
    "values",
    [
        {"stars": 845, "forks": 285, "description": "Todo lists", "commits": [(1, "alice"), (30, "bob"), (400, "eve")]},
        {"archived": True, "commits": [(10, "alice")]},
        {"commits": [(900, "alice")]},
        {"description": "Überblick für 日本語 🎉", "commits": [(3, "zoë")], "branch": "größe"},
        {"state": "empty"},
    ],
    ids=["ordinary", "archived", "long quiet", "not ASCII", "empty"],
)
def test_facts_match_the_world(case: ForgeCase, server: WorldServer, world: World, values: dict[str, Any]) -> None:
    repo = case.add(world, **values)
    answer = fetch_one(case.new_source(server), target_for(repo))
    assert answer.outcome is Outcome.UPDATED
    check_facts(answer.facts, repo)


def test_an_empty_repository_gets_no_request_for_commits(case: ForgeCase, server: WorldServer, world: World) -> None:
    fetch_one(case.new_source(server), target_for(case.add(world, state="empty")))
    assert server.requests(case.api, case.commits) == []


def test_every_commit_of_a_very_busy_year_is_counted(case: ForgeCase, server: WorldServer, world: World) -> None:
    commits = [world.commit((number / 4, f"dev{number % 7}"), salt=str(number)) for number in range(1300)]
    repo = case.add(world, commits=[*commits, *range(370, 1000, 3)])
    answer = fetch_one(case.new_source(server), target_for(repo))
    check_facts(answer.facts, repo)
    assert sum(facts_of(answer).weeks.days.values()) == 1300
    read = sum(case.api == "bitbucket" or "page=" in one.target for one in server.requests(case.api, case.commits))
    assert read < 32  # not the commits of earlier years


def test_commits_count_by_author_date_if_the_forge_has_it(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[1])
    late = NOW - timedelta(days=200)
    repo.recent[0] = Commit("a" * 40, committed=NOW - timedelta(days=1), authored=late)
    answer = fetch_one(case.new_source(server), target_for(repo))
    counted = repo.recent[0].committed if case.api == "bitbucket" else late
    assert facts_of(answer).weeks.days == {counted.date().isoformat(): 1}
    assert facts_of(answer).repository.head_at == "2026-11-22T12:00:00Z"


def test_a_moved_repository_is_followed(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, stars=3, commits=[(1, "alice"), (2, "bob")])
    world.rename(repo, "umbrella/tasks")
    answer = fetch_one(case.new_source(server), target_for(repo, "acme/todo"))
    assert (answer.coordinate, answer.outcome) == (f"{case.host}/acme/todo", Outcome.UPDATED)
    check_facts(answer.facts, repo)


def test_a_deleted_repository_is_gone(case: ForgeCase, server: WorldServer, world: World) -> None:
    lost, kept = case.add(world, "acme/lost"), case.add(world, "acme/kept", stars=4)
    world.delete(lost)
    answers = fetch(case.new_source(server), [target_for(lost), target_for(kept)])
    gone = answers[f"{case.host}/acme/lost"]
    assert (gone.outcome, gone.facts) == (Outcome.GONE, ForgeFacts(state="gone"))
    assert gone.etag == ""  # with a validator, a restored repository would look unchanged
    assert facts_of(answers[f"{case.host}/acme/kept"]).repository.stars == 4


def test_status_451_means_blocked(case: ForgeCase, server: WorldServer, world: World) -> None:
    server.fault(case.api, case.repository, status=451)
    answer = fetch_one(case.new_source(server), target_for(case.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.GONE, ForgeFacts(state="blocked"))


def test_a_404_with_html_is_a_failure(case: ForgeCase, server: WorldServer, world: World) -> None:
    server.fault(case.api, status=404, headers={"content-type": "text/html"}, body=b"<h1>Not Found</h1>")
    answer = fetch_one(case.new_source(server), target_for(case.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
    assert "404" in answer.reason


def test_an_unmoved_head_needs_no_more_commits(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[number / 2 for number in range(300)])
    target = target_for(repo)
    first = fetch_one(case.new_source(server), target)
    server.clear_log()
    world.star(repo)
    again = fetch_one(case.new_source(server), with_answer(target, first))
    assert again.outcome is Outcome.UPDATED
    assert again.facts == ForgeFacts(repository=replace(facts_of(first).repository, stars=1))
    assert len(server.requests(case.api, case.commits)) == 1
    assert len(server.requests(case.api)) == case.source.cost


def test_a_moved_head_fetches_the_whole_window(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[(5, "alice"), (50, "bob")])
    target = target_for(repo)
    target = with_answer(target, fetch_one(case.new_source(server), target))
    world.push(repo, 0.5, authored=40, login="carol")
    answer = fetch_one(case.new_source(server), target)
    check_facts(answer.facts, repo)
    assert facts_of(answer).contributors.head == repo.recent[0].oid
    assert "carol" in [name.lower() for name in facts_of(answer).contributors.names]


def test_missing_weeks_are_fetched_without_a_moved_head(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[(5, "alice"), (50, "bob")])
    target = target_for(repo)
    target = replace(with_answer(target, fetch_one(case.new_source(server), target)), weeks_head=None)
    answer = fetch_one(case.new_source(server), target)
    assert answer.outcome is Outcome.UPDATED
    assert facts_of(answer).weeks == WeeksFacts(head=repo.recent[0].oid, days={"2026-10-04": 1, "2026-11-18": 1})
    assert facts_of(answer).contributors is None


def test_contributors_are_not_fetched_if_the_catalog_has_those_of_the_head(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repo = case.add(world, commits=[(5, "alice")])
    answer = fetch_one(case.new_source(server), target_for(repo, catalog_updated="2026-11-18T07:00:00-05:00"))
    assert facts_of(answer).contributors is None
    assert server.requests(case.api, "contributors") == []


def test_failed_commits_keep_the_repository_if_the_head_is_known(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    repo = case.add(world, stars=5, commits=[number / 2 for number in range(400)])
    server.fault(case.api, case.commits, status=500, skip=1)
    answer = fetch_one(case.new_source(server), target_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert "500" in answer.reason
    assert (facts_of(answer).repository.stars, facts_of(answer).repository.head) == (5, repo.recent[0].oid)
    assert (facts_of(answer).weeks, facts_of(answer).contributors) == (None, None)


def test_a_failed_head_keeps_no_facts(case: ForgeCase, server: WorldServer, world: World) -> None:
    server.fault(case.api, case.commits, status=500)
    answer = fetch_one(case.new_source(server), target_for(case.add(world, stars=5)))
    assert (answer.outcome, answer.facts, answer.etag) == (Outcome.FAILED, None, None)


def test_repeated_pages_are_a_failure(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[number / 2 for number in range(400)])
    first = repo.recent[:50]
    endless = {"x-hasmore": "true", "x-next-page": "7"}
    shapes = {
        "gitlab": [
            {"id": one.oid, "authored_date": one.authored.isoformat(), "committed_date": one.committed.isoformat()}
            for one in first
        ],
        "bitbucket": {
            "values": [{"hash": one.oid, "date": one.committed.isoformat(), "author": {"raw": ""}} for one in first],
            "next": f"{server.env['DJPKG_BITBUCKET_URL']}/repositories/acme/todo/commits?again",
        },
        "codeberg": [
            {
                "sha": one.oid,
                "commit": {
                    "author": {"name": "a", "date": one.authored.isoformat()},
                    "committer": {"name": "a", "date": one.committed.isoformat()},
                },
            }
            for one in first
        ],
    }
    server.fault(case.api, case.commits, status=200, headers=endless, body=shapes[case.api])
    answer = fetch_one(case.new_source(server), target_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert "repeat" in answer.reason
    assert len(server.requests(case.api, case.commits)) <= 3


def test_a_server_with_endless_slow_pages_times_out(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, commits=[number / 4 for number in range(1400)])
    server.latency[case.api] = 0.25
    answer = fetch_one(case.new_source(server, limits=replace(FEW_ATTEMPTS, stream=3)), target_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert "timed out after 3 s" in answer.reason
    assert facts_of(answer).repository.head == repo.recent[0].oid


@pytest.mark.parametrize("kind", ["wrong_types", "html", "reset"])
def test_an_invalid_response_fails_one_repository(
    case: ForgeCase, server: WorldServer, world: World, kind: str
) -> None:
    repos = [case.add(world, f"acme/p{number}", stars=number, commits=[(2, "bob")]) for number in range(8)]
    server.fault(case.api, r"acme(/|%2F)p3\b", kind=kind)  # type: ignore[arg-type]  # as listed above
    answers = fetch(case.new_source(server), [target_for(repo) for repo in repos])
    assert outcomes(answers.values()) == {"updated": 7, "failed": 1}
    failed = answers.pop(f"{case.host}/acme/p3")
    assert (failed.facts, failed.reason.startswith(f"{case.source.name}: ")) == (None, True)
    assert sorted(facts_of(answer).repository.stars for answer in answers.values()) == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("path", ["../../user/keys", "acme", "a/b/c?x=1", "acme/../evil", "", "ac me/todo", "@host/x"])
def test_an_invalid_repository_path_is_a_failure(case: ForgeCase, server: WorldServer, world: World, path: str) -> None:
    key = "path_with_namespace" if case.api == "gitlab" else "full_name"
    server.fault(case.api, case.repository, kind="rewrite", rewrite=lambda page: page | {key: path})
    answer = fetch_one(case.new_source(server), target_for(case.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
    assert "invalid repository name" in answer.reason


def test_at_most_four_lookups_run_at_once(case: ForgeCase, server: WorldServer, world: World) -> None:
    repos = [case.add(world, f"acme/p{number}") for number in range(6)]
    server.latency[case.api] = 0.2
    assert len(fetch(case.new_source(server, token=True), [target_for(repo) for repo in repos])) == 6
    assert server.max_in_flight[case.api] == 4


def test_answers_are_yielded_as_they_become_ready(
    case: ForgeCase, server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    repos = [case.add(world, f"acme/p{number}") for number in range(6)]
    server.fault(case.api, r"acme(/|%2F)p5$", kind="slow", seconds=1.5)
    pages = fetch_pages(case.new_source(server, token=True), [target_for(repo) for repo in repos])
    assert len(pages) > 1
    assert [answer.coordinate for answer in pages[-1]] == [f"{case.host}/acme/p5"]


def test_a_fetch_can_be_closed_after_any_page(
    case: ForgeCase, server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    targets = [target_for(case.add(world, f"acme/p{number}")) for number in range(40)]

    async def run() -> int:
        source = case.new_source(server, token=True)
        async with source:
            pages = source.fetch(targets, now=NOW, sweep=False)
            page = await anext(pages)
            await pages.aclose()
        return len(page)

    assert asyncio.run(run()) < 40
    assert len(server.requests(case.api)) < 40


def test_a_server_that_only_fails_gets_few_requests(case: ForgeCase, server: WorldServer, world: World) -> None:
    targets = [target_for(case.add(world, f"acme/p{number}")) for number in range(50)]
    server.fault(case.api, status=503)
    answers = fetch(case.new_source(server), targets)
    assert outcomes(answers.values()) == {"failed": 50}
    assert len(server.requests(case.api)) <= 9 * FEW_ATTEMPTS.attempts


def test_errors_between_answers_do_not_open_the_circuit_breaker(
    case: ForgeCase, server: WorldServer, world: World
) -> None:
    targets = [target_for(case.add(world, f"acme/p{number:02}")) for number in range(20)]
    server.fault(case.api, r"acme(/|%2F)p(00|03|06|09|12|15)\b", status=500)
    assert outcomes(fetch(case.new_source(server, token=True), targets).values()) == {"updated": 14, "failed": 6}


def test_403_fails_only_that_repository(case: ForgeCase, server: WorldServer, world: World) -> None:
    secret, public = case.add(world, "acme/secret"), case.add(world, "acme/public")
    server.fault(case.api, "secret", status=403, body={"message": "403 Forbidden"})
    answers = fetch(case.new_source(server), [target_for(secret), target_for(public)])
    assert answers[f"{case.host}/acme/secret"].outcome is Outcome.FAILED
    assert "403" in answers[f"{case.host}/acme/secret"].reason
    assert answers[f"{case.host}/acme/public"].outcome is Outcome.UPDATED


def test_429_defers_the_remaining_repositories(case: ForgeCase, server: WorldServer, world: World) -> None:
    targets = [target_for(case.add(world, f"acme/p{number}")) for number in range(30)]
    server.fault(case.api, status=429, headers={"retry-after": "1800"}, skip=3 * case.source.cost)
    answers = fetch(case.new_source(server), targets)
    assert outcomes(answers.values())["failed"] == 0
    deferred = [answer for answer in answers.values() if answer.outcome is Outcome.DEFERRED]
    assert len(deferred) >= 26
    assert {answer.until for answer in deferred} == {NOW + timedelta(seconds=1800)}
    assert len(server.requests(case.api)) <= 3 * case.source.cost + 4


def test_a_small_quota_is_spent_on_the_first_targets(case: ForgeCase, server: WorldServer, world: World) -> None:
    """With headers as GitLab sends them."""
    targets = [target_for(case.add(world, f"acme/p{number:02}")) for number in range(30)]
    cost, left = case.source.cost, 3 * case.source.cost + 1
    reset = str(int((NOW + timedelta(minutes=20)).timestamp()))
    for spent in range(1, left + 1):
        headers = {"ratelimit-limit": "60", "ratelimit-remaining": str(left - spent), "ratelimit-reset": reset}
        server.fault(case.api, kind="rewrite", times=1, headers=headers, rewrite=lambda value: value)
    source = case.new_source(server)
    answers = fetch(source, targets)
    assert outcomes(answers.values())["failed"] == 0
    updated = {name for name, answer in answers.items() if answer.outcome is Outcome.UPDATED}
    assert updated == {target.coordinate for target in targets[: len(updated)]}
    assert len(server.requests(case.api)) <= left
    assert len(server.requests(case.api)) > left - 2 * cost
    deferred = [answer for answer in answers.values() if answer.outcome is Outcome.DEFERRED]
    assert {answer.until for answer in deferred} == {NOW + timedelta(minutes=20)}
    assert source.quota.limit == 60


def test_an_unlisted_server_gets_no_request(case: ForgeCase, server: WorldServer, world: World) -> None:
    unlisted = world.add_repository("acme/todo", host="git.example.org")
    known = case.add(world)
    answers = fetch(case.new_source(server), [target_for(unlisted), target_for(known)])
    failed = answers["git.example.org/acme/todo"]
    assert (failed.outcome, failed.facts) == (Outcome.FAILED, None)
    assert failed.reason == f"{case.source.name}: git.example.org is not listed in DJPKG_FORGES"
    assert answers[f"{case.host}/acme/todo"].outcome is Outcome.UPDATED


@pytest.mark.parametrize("case", [FORGE_CASES[0], FORGE_CASES[2]], ids=str)
def test_an_own_server_gets_no_token(case: ForgeCase, server: WorldServer, world: World) -> None:
    api, root = {"gitlab": ("own-gitlab", "/api/v4"), "codeberg": ("own-forgejo", "/api/v1")}[case.api]
    own = world.add_repository("acme/todo", host=server.address, stars=7, commits=[(1, "alice"), (400, "bob")])
    public = case.add(world, stars=8)
    source = case.new_source(server, token=True, servers={server.address: server.url + root})
    answers = fetch(source, [target_for(own), target_for(public)])
    check_facts(answers[f"{server.address}/acme/todo"].facts, own)
    check_facts(answers[f"{case.host}/acme/todo"].facts, public)
    assert all(request.authorised for request in server.requests(case.api))
    assert server.requests(api)
    for request in server.requests(api):
        assert not {"authorization", "private-token", "cookie"} & set(request.headers)
        assert not any(server.tokens[case.api] in text for text in (request.target, *request.headers.values()))
    assert set(source.quotas) == {"", ANONYMOUS, server.address}


@pytest.mark.parametrize("case", [FORGE_CASES[0], FORGE_CASES[2]], ids=str)
def test_a_server_that_is_down_does_not_affect_others(case: ForgeCase, server: WorldServer, world: World) -> None:
    own = [world.add_repository(f"acme/p{number}", host="127.0.0.1:1") for number in range(20)]
    public = [case.add(world, f"acme/p{number}") for number in range(20)]
    source = case.new_source(server, token=True, servers={"127.0.0.1:1": "http://127.0.0.1:1/api"})
    answers = fetch(source, [target_for(repo) for pair in zip(own, public, strict=True) for repo in pair])
    assert outcomes(answers.values()) == {"updated": 20, "failed": 20}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(
    case: ForgeCase, server: WorldServer, world: World, status: int
) -> None:
    server.fault(case.api, case.repository, kind="redirect", status=status, location="https://evil.example/api")
    answer = fetch_one(case.new_source(server, token=True), target_for(case.add(world)))
    assert answer.outcome is Outcome.FAILED
    assert "another server" in answer.reason


def test_text_that_cannot_be_stored_is_cleaned(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world, description="a\0b\ud800c" + "x" * 100_000)
    page = facts_of(fetch_one(case.new_source(server), target_for(repo))).repository
    assert page.description.startswith("a\u2400b\ufffd")
    assert len(page.description.encode()) <= 64 << 10


def test_an_invalid_commit_id_fails_the_repository(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo = case.add(world)
    repo.recent[0].oid = "../../user"
    answer = fetch_one(case.new_source(server), target_for(repo))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
    assert "invalid commit id" in answer.reason


@pytest.mark.parametrize("date", ["", "yesterday", "2026-13-45T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_an_invalid_date_fails_the_repository(case: ForgeCase, server: WorldServer, world: World, date: str) -> None:
    def replace_dates(value: object) -> object:
        if isinstance(value, dict):
            return {
                key: date if key in {"date", "committed_date"} else replace_dates(item) for key, item in value.items()
            }
        return [replace_dates(item) for item in value] if isinstance(value, list) else value

    server.fault(case.api, case.commits, kind="rewrite", rewrite=replace_dates)
    answer = fetch_one(case.new_source(server), target_for(case.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)


def test_a_source_can_be_used_for_two_fetches(case: ForgeCase, server: WorldServer, world: World) -> None:
    repo: Repo = case.add(world)

    async def run() -> list[Outcome | None]:
        async with case.new_source(server) as source:
            found = []
            for _ in range(2):
                async for page in source.fetch([target_for(repo)], now=NOW, sweep=True):
                    found += [answer.outcome for answer in page]
            return found

    assert asyncio.run(run()) == [Outcome.UPDATED, Outcome.UPDATED]
