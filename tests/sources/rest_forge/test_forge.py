"""What GitLab, Bitbucket and Forgejo have in common, on each of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import ForgeFacts, Outcome, WeeksFacts
from tests.sources.forges import PLACES, Place, check_facts
from tests.sources.requesting import IMPATIENT, ask_again, ask_for, fetch, fetch_one, fetch_pages, outcomes
from tests.world import NOW, Commit

if TYPE_CHECKING:
    from tests.world import Repo, World, WorldServer

pytestmark = pytest.mark.campaign


@pytest.fixture(params=PLACES, ids=str)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.param
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
def test_the_facts_are_what_the_world_holds(
    place: Place, server: WorldServer, world: World, values: dict[str, object]
) -> None:
    repo = place.add(world, **values)
    answer = fetch_one(place.make(server), ask_for(repo))
    assert answer.outcome is Outcome.UPDATED
    check_facts(answer.facts, repo)


def test_an_empty_repository_is_not_asked_for_commits(place: Place, server: WorldServer, world: World) -> None:
    fetch_one(place.make(server), ask_for(place.add(world, state="empty")))
    assert server.requests(place.api, place.commits) == []


def test_every_commit_of_a_very_busy_year_is_counted(place: Place, server: WorldServer, world: World) -> None:
    commits = [world.commit((number / 4, f"dev{number % 7}"), salt=str(number)) for number in range(1300)]
    repo = place.add(world, commits=[*commits, *range(370, 1000, 3)])
    answer = fetch_one(place.make(server), ask_for(repo))
    check_facts(answer.facts, repo)
    assert sum(answer.facts.weeks.days.values()) == 1300
    read = sum(place.api == "bitbucket" or "page=" in one.target for one in server.requests(place.api, place.commits))
    assert read < 32  # and not the commits of the years before


def test_commits_count_by_author_date_as_far_as_the_forge_tells_it(
    place: Place, server: WorldServer, world: World
) -> None:
    repo = place.add(world, commits=[1])
    late = NOW - timedelta(days=200)
    repo.recent[0] = Commit("a" * 40, committed=NOW - timedelta(days=1), authored=late)
    answer = fetch_one(place.make(server), ask_for(repo))
    told = repo.recent[0].committed if place.api == "bitbucket" else late
    assert answer.facts.weeks.days == {told.date().isoformat(): 1}
    assert answer.facts.repository.head_at == "2026-11-22T12:00:00Z"


def test_a_repository_that_moved_is_followed(place: Place, server: WorldServer, world: World) -> None:
    repo = place.add(world, stars=3, commits=[(1, "alice"), (2, "bob")])
    world.rename(repo, "umbrella/tasks")
    answer = fetch_one(place.make(server), ask_for(repo, "acme/todo"))
    assert (answer.coordinate, answer.outcome) == (f"{place.host}/acme/todo", Outcome.UPDATED)
    check_facts(answer.facts, repo)


def test_a_repository_that_is_gone_is_gone_and_nothing_else(place: Place, server: WorldServer, world: World) -> None:
    lost, kept = place.add(world, "acme/lost"), place.add(world, "acme/kept", stars=4)
    world.delete(lost)
    answers = fetch(place.make(server), [ask_for(lost), ask_for(kept)])
    gone = answers[f"{place.host}/acme/lost"]
    assert (gone.outcome, gone.facts) == (Outcome.GONE, ForgeFacts(state="gone"))
    assert gone.etag == ""  # a validator would let it stay gone on the day when it is back as it was
    assert answers[f"{place.host}/acme/kept"].facts.repository.stars == 4


def test_a_repository_that_the_law_hides_is_blocked(place: Place, server: WorldServer, world: World) -> None:
    server.fault(place.api, place.page, status=451)
    answer = fetch_one(place.make(server), ask_for(place.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.GONE, ForgeFacts(state="blocked"))


def test_a_404_that_is_not_the_apis_word_is_a_failure(place: Place, server: WorldServer, world: World) -> None:
    server.fault(place.api, status=404, headers={"content-type": "text/html"}, body=b"<h1>Not Found</h1>")
    answer = fetch_one(place.make(server), ask_for(place.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
    assert "404" in answer.reason


def test_what_did_not_move_asks_for_no_more_commits(place: Place, server: WorldServer, world: World) -> None:
    repo = place.add(world, commits=[number / 2 for number in range(300)])
    ask = ask_for(repo)
    first = fetch_one(place.make(server), ask)
    server.forget()
    world.star(repo)
    again = fetch_one(place.make(server), ask_again(ask, first))
    assert again.outcome is Outcome.UPDATED
    assert again.facts == ForgeFacts(repository=replace(first.facts.repository, stars=1))
    assert len(server.requests(place.api, place.commits)) == 1
    assert len(server.requests(place.api)) == place.source.cost


def test_a_moved_head_brings_the_whole_window_again(place: Place, server: WorldServer, world: World) -> None:
    repo = place.add(world, commits=[(5, "alice"), (50, "bob")])
    ask = ask_for(repo)
    ask = ask_again(ask, fetch_one(place.make(server), ask))
    world.push(repo, 0.5, authored=40, login="carol")
    answer = fetch_one(place.make(server), ask)
    check_facts(answer.facts, repo)
    assert answer.facts.contributors.head == repo.recent[0].oid
    assert "carol" in [name.lower() for name in answer.facts.contributors.names]


def test_weeks_that_are_missing_are_asked_for_though_the_head_stands(
    place: Place, server: WorldServer, world: World
) -> None:
    repo = place.add(world, commits=[(5, "alice"), (50, "bob")])
    ask = ask_for(repo)
    ask = replace(ask_again(ask, fetch_one(place.make(server), ask)), weeks_head=None)
    answer = fetch_one(place.make(server), ask)
    assert answer.outcome is Outcome.UPDATED
    assert answer.facts.weeks == WeeksFacts(head=repo.recent[0].oid, days={"2026-10-04": 1, "2026-11-18": 1})
    assert answer.facts.contributors is None


def test_a_list_of_the_catalog_that_belongs_to_the_head_is_not_asked_for(
    place: Place, server: WorldServer, world: World
) -> None:
    repo = place.add(world, commits=[(5, "alice")])
    answer = fetch_one(place.make(server), ask_for(repo, catalog_updated="2026-11-18T07:00:00-05:00"))
    assert answer.facts.contributors is None
    assert server.requests(place.api, "contributors") == []


def test_commits_that_fail_leave_the_page_where_the_head_is_known(
    place: Place, server: WorldServer, world: World
) -> None:
    repo = place.add(world, stars=5, commits=[number / 2 for number in range(400)])
    server.fault(place.api, place.commits, status=500, skip=1)
    answer = fetch_one(place.make(server), ask_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert "500" in answer.reason
    assert (answer.facts.repository.stars, answer.facts.repository.head) == (5, repo.recent[0].oid)
    assert (answer.facts.weeks, answer.facts.contributors) == (None, None)


def test_a_head_that_fails_leaves_nothing_as_no_head_would_mean_empty(
    place: Place, server: WorldServer, world: World
) -> None:
    server.fault(place.api, place.commits, status=500)
    answer = fetch_one(place.make(server), ask_for(place.add(world, stars=5)))
    assert (answer.outcome, answer.facts, answer.etag) == (Outcome.FAILED, None, None)


def test_pages_that_repeat_themselves_end(place: Place, server: WorldServer, world: World) -> None:
    repo = place.add(world, commits=[number / 2 for number in range(400)])
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
    server.fault(place.api, place.commits, status=200, headers=endless, body=shapes[place.api])
    answer = fetch_one(place.make(server), ask_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert "repeat" in answer.reason
    assert len(server.requests(place.api, place.commits)) <= 3


def test_a_server_with_ever_more_pages_runs_into_the_bound_of_time(
    place: Place, server: WorldServer, world: World
) -> None:
    repo = place.add(world, commits=[number / 2 for number in range(700)])
    server.latency[place.api] = 0.1
    answer = fetch_one(place.make(server, limits=replace(IMPATIENT, stream=0.5)), ask_for(repo))
    assert answer.outcome is Outcome.FAILED
    assert "did not come to an end in 0.5 s" in answer.reason
    assert answer.facts.repository.head == repo.recent[0].oid


@pytest.mark.parametrize("kind", ["wrong_types", "html", "reset"])
def test_one_bad_reply_spoils_one_repository(place: Place, server: WorldServer, world: World, kind: str) -> None:
    repos = [place.add(world, f"acme/p{number}", stars=number, commits=[(2, "bob")]) for number in range(8)]
    server.fault(place.api, r"acme(/|%2F)p3\b", kind=kind)  # type: ignore[arg-type]  # as listed above
    answers = fetch(place.make(server), [ask_for(repo) for repo in repos])
    assert outcomes(answers.values()) == {"updated": 7, "failed": 1}
    spoilt = answers.pop(f"{place.host}/acme/p3")
    assert (spoilt.facts, spoilt.reason.startswith(f"{place.source.name}: ")) == (None, True)
    assert sorted(answer.facts.repository.stars for answer in answers.values()) == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("said", ["../../user/keys", "acme", "a/b/c?x=1", "acme/../evil", "", "ac me/todo", "@host/x"])
def test_a_name_that_could_lead_elsewhere_is_refused(
    place: Place, server: WorldServer, world: World, said: str
) -> None:
    key = "path_with_namespace" if place.api == "gitlab" else "full_name"
    server.fault(place.api, place.page, kind="rewrite", rewrite=lambda page: page | {key: said})
    answer = fetch_one(place.make(server), ask_for(place.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
    assert "name of the repository" in answer.reason


def test_at_most_four_repositories_are_asked_about_at_once(place: Place, server: WorldServer, world: World) -> None:
    repos = [place.add(world, f"acme/p{number}") for number in range(6)]
    server.latency[place.api] = 0.03
    assert len(fetch(place.make(server, token=True), [ask_for(repo) for repo in repos])) == 6
    assert server.max_in_flight[place.api] == 4


def test_answers_are_handed_over_as_they_are_ready(
    place: Place, server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    repos = [place.add(world, f"acme/p{number}") for number in range(6)]
    server.fault(place.api, r"acme(/|%2F)p5$", kind="slow", seconds=0.3)
    pages = fetch_pages(place.make(server, token=True), [ask_for(repo) for repo in repos])
    assert len(pages) > 1
    assert [answer.coordinate for answer in pages[-1]] == [f"{place.host}/acme/p5"]


def test_asking_can_be_ended_at_any_page(
    place: Place, server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    asks = [ask_for(place.add(world, f"acme/p{number}")) for number in range(40)]

    async def run() -> int:
        source = place.make(server, token=True)
        async with source:
            pages = source.fetch(asks, now=NOW, sweep=False)
            page = await anext(pages)
            await pages.aclose()
        return len(page)

    assert asyncio.run(run()) < 40
    assert len(server.requests(place.api)) < 40


def test_a_server_that_only_errs_is_left_alone(place: Place, server: WorldServer, world: World) -> None:
    asks = [ask_for(place.add(world, f"acme/p{number}")) for number in range(50)]
    server.fault(place.api, status=503)
    answers = fetch(place.make(server), asks)
    assert outcomes(answers.values()) == {"failed": 50}
    assert len(server.requests(place.api)) <= 9 * IMPATIENT.attempts


def test_errors_between_answers_do_not_open_the_circuit(place: Place, server: WorldServer, world: World) -> None:
    asks = [ask_for(place.add(world, f"acme/p{number:02}")) for number in range(20)]
    server.fault(place.api, r"acme(/|%2F)p(00|03|06|09|12|15)\b", status=500)
    assert outcomes(fetch(place.make(server, token=True), asks).values()) == {"updated": 14, "failed": 6}


def test_403_is_a_failure_of_that_repository_alone(place: Place, server: WorldServer, world: World) -> None:
    secret, public = place.add(world, "acme/secret"), place.add(world, "acme/public")
    server.fault(place.api, "secret", status=403, body={"message": "403 Forbidden"})
    answers = fetch(place.make(server), [ask_for(secret), ask_for(public)])
    assert answers[f"{place.host}/acme/secret"].outcome is Outcome.FAILED
    assert "403" in answers[f"{place.host}/acme/secret"].reason
    assert answers[f"{place.host}/acme/public"].outcome is Outcome.UPDATED


def test_too_many_requests_defer_all_that_is_left(place: Place, server: WorldServer, world: World) -> None:
    asks = [ask_for(place.add(world, f"acme/p{number}")) for number in range(30)]
    server.fault(place.api, status=429, headers={"retry-after": "1800"}, skip=3 * place.source.cost)
    answers = fetch(place.make(server), asks)
    assert outcomes(answers.values())["failed"] == 0
    deferred = [answer for answer in answers.values() if answer.outcome is Outcome.DEFERRED]
    assert len(deferred) >= 26
    assert {answer.until for answer in deferred} == {NOW + timedelta(seconds=1800)}
    assert len(server.requests(place.api)) <= 3 * place.source.cost + 4


def test_a_quota_of_a_few_is_spent_on_the_first_ones(place: Place, server: WorldServer, world: World) -> None:
    """With headers as GitLab sends them; the most urgent asks come first."""
    asks = [ask_for(place.add(world, f"acme/p{number:02}")) for number in range(30)]
    cost, left = place.source.cost, 3 * place.source.cost + 1
    reset = str(int((NOW + timedelta(minutes=20)).timestamp()))
    for spent in range(1, left + 1):
        headers = {"ratelimit-limit": "60", "ratelimit-remaining": str(left - spent), "ratelimit-reset": reset}
        server.fault(place.api, kind="rewrite", times=1, headers=headers, rewrite=lambda value: value)
    source = place.make(server)
    answers = fetch(source, asks)
    assert outcomes(answers.values())["failed"] == 0
    updated = {name for name, answer in answers.items() if answer.outcome is Outcome.UPDATED}
    assert updated == {ask.coordinate for ask in asks[: len(updated)]}
    assert len(server.requests(place.api)) <= left
    assert len(server.requests(place.api)) > left - 2 * cost
    deferred = [answer for answer in answers.values() if answer.outcome is Outcome.DEFERRED]
    assert {answer.until for answer in deferred} == {NOW + timedelta(minutes=20)}
    assert source.quota.limit == 60


def test_a_server_that_nobody_named_is_never_asked(place: Place, server: WorldServer, world: World) -> None:
    stranger = world.add_repository("acme/todo", host="git.example.org")
    known = place.add(world)
    answers = fetch(place.make(server), [ask_for(stranger), ask_for(known)])
    refused = answers["git.example.org/acme/todo"]
    assert (refused.outcome, refused.facts) == (Outcome.FAILED, None)
    assert refused.reason == f"{place.source.name}: git.example.org is not named in DJPKG_FORGES"
    assert answers[f"{place.host}/acme/todo"].outcome is Outcome.UPDATED


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], ids=str)
def test_a_server_of_ones_own_is_asked_without_the_token(place: Place, server: WorldServer, world: World) -> None:
    api, root = {"gitlab": ("own-gitlab", "/api/v4"), "codeberg": ("own-forgejo", "/api/v1")}[place.api]
    own = world.add_repository("acme/todo", host=server.address, stars=7, commits=[(1, "alice"), (400, "bob")])
    public = place.add(world, stars=8)
    source = place.make(server, token=True, servers={server.address: server.url + root})
    answers = fetch(source, [ask_for(own), ask_for(public)])
    check_facts(answers[f"{server.address}/acme/todo"].facts, own)
    check_facts(answers[f"{place.host}/acme/todo"].facts, public)
    assert all(request.authorised for request in server.requests(place.api))
    assert server.requests(api)
    for request in server.requests(api):
        assert not {"authorization", "private-token", "cookie"} & set(request.headers)
        assert not any(server.tokens[place.api] in text for text in (request.target, *request.headers.values()))
    assert set(source.quotas) == {"", server.address}


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], ids=str)
def test_one_server_that_is_down_leaves_the_others_alone(place: Place, server: WorldServer, world: World) -> None:
    own = [world.add_repository(f"acme/p{number}", host="127.0.0.1:1") for number in range(20)]
    public = [place.add(world, f"acme/p{number}") for number in range(20)]
    source = place.make(server, token=True, servers={"127.0.0.1:1": "http://127.0.0.1:1/api"})
    answers = fetch(source, [ask_for(repo) for pair in zip(own, public, strict=True) for repo in pair])
    assert outcomes(answers.values()) == {"updated": 20, "failed": 20}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(
    place: Place, server: WorldServer, world: World, status: int
) -> None:
    server.fault(place.api, place.page, kind="redirect", status=status, location="https://evil.example/api")
    answer = fetch_one(place.make(server, token=True), ask_for(place.add(world)))
    assert answer.outcome is Outcome.FAILED
    assert "another server" in answer.reason


def test_texts_that_no_mirror_could_keep_are_mended(place: Place, server: WorldServer, world: World) -> None:
    repo = place.add(world, description="a\0b\ud800c" + "x" * 100_000)
    page = fetch_one(place.make(server), ask_for(repo)).facts.repository
    assert page.description.startswith("a\u2400b\ufffd")
    assert len(page.description.encode()) <= 64 << 10


def test_a_commit_whose_id_is_none_fails_its_repository(place: Place, server: WorldServer, world: World) -> None:
    repo = place.add(world)
    repo.recent[0].oid = "../../user"
    answer = fetch_one(place.make(server), ask_for(repo))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
    assert "id of a commit" in answer.reason


@pytest.mark.parametrize("date", ["", "yesterday", "2026-13-45T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_date_that_is_none_fails_its_repository(place: Place, server: WorldServer, world: World, date: str) -> None:
    def spoil(value: object) -> object:
        if isinstance(value, dict):
            return {key: date if key in {"date", "committed_date"} else spoil(item) for key, item in value.items()}
        return [spoil(item) for item in value] if isinstance(value, list) else value

    server.fault(place.api, place.commits, kind="rewrite", rewrite=spoil)
    answer = fetch_one(place.make(server), ask_for(place.add(world)))
    assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)


def test_a_second_fetch_of_the_same_source_works(place: Place, server: WorldServer, world: World) -> None:
    repo: Repo = place.add(world)

    async def run() -> list[Outcome | None]:
        async with place.make(server) as source:
            found = []
            for _ in range(2):
                async for page in source.fetch([ask_for(repo)], now=NOW, sweep=True):
                    found += [answer.outcome for answer in page]
            return found

    assert asyncio.run(run()) == [Outcome.UPDATED, Outcome.UPDATED]
