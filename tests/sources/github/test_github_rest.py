"""GitHub, one repository at a time by REST."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model.facts import Outcome
from djpkg.sources.http.retry import Throttle
from tests.sources.github.harness import GitHubHarness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from djpkg.model.facts import ForgeFacts
    from djpkg.sources.source import Answer
    from tests.world import World, WorldServer
    from tests.world.faults import FaultKind

UPDATED, UNCHANGED, GONE = Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE
DEFERRED, FAILED = Outcome.DEFERRED, Outcome.FAILED
TODO = "acme/django-todo"


@pytest.fixture(params=[False, True], ids=["anonymous", "token"])
def github(server: WorldServer, request: pytest.FixtureRequest) -> GitHubHarness:
    return GitHubHarness(server, authorized=request.param)


@pytest.fixture
def todo(world: World) -> None:
    world.add_repository(
        TODO,
        stars=845,
        forks=285,
        description="To do ☑",
        commits=[(3, "alice"), (40, "böb"), 41, 700],
        license="MIT",
    )


def test_all_facts_of_a_repository_are_stored(github: GitHubHarness, world: World, todo: None) -> None:
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(world.repo(TODO))
    assert github.request_counts() == {"repository": 1, "head": 1, "window": 1, "contributors": 1}


def test_an_unchanged_repository_costs_one_conditional_request(
    server: WorldServer, github: GitHubHarness, world: World, todo: None
) -> None:
    github.fetch(TODO)
    before = dict(github.facts)
    server.clear_log()
    assert github.fetch(TODO) == {TODO: UNCHANGED}
    assert github.facts == before
    assert [request.status for request in server.requests()] == [304]
    assert server.charged("github") == (0 if github.authorized else 1)


def test_a_new_star_does_not_fetch_commits_or_contributors(github: GitHubHarness, world: World, todo: None) -> None:
    github.fetch(TODO)
    world.star(TODO)
    assert github.fetch(TODO) == {TODO: UPDATED}
    assert github.request_counts() == {"repository": 1, "head": 1}
    github.assert_stored(world.repo(TODO))


def test_a_push_updates_weeks_and_contributors(github: GitHubHarness, world: World, todo: None) -> None:
    github.fetch(TODO)
    world.push(TODO, login="carol", authored=90)
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(world.repo(TODO))
    assert "carol" in github.contributors(TODO)


def test_commits_are_not_fetched_if_the_head_is_older_than_the_window(github: GitHubHarness, world: World) -> None:
    world.add_repository(TODO, commits=[365, 400])
    github.fetch(TODO)
    assert github.request_counts()["window"] == 0
    github.assert_stored(world.repo(TODO))


def test_contributors_are_not_fetched_if_the_catalog_has_them_for_the_same_head(
    github: GitHubHarness, world: World, todo: None
) -> None:
    github.fetch(targets=github.targets([TODO], catalog_updated="2026-11-20T07:00:00-05:00"))
    assert github.request_counts()["contributors"] == 0
    assert github.facts[TODO].contributors is None


def test_an_empty_repository_has_no_head(github: GitHubHarness, world: World) -> None:
    world.add_repository(TODO, state="empty", stars=3)
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(world.repo(TODO))
    assert github.fetch(TODO) == {TODO: UNCHANGED}
    world.push(TODO)
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(world.repo(TODO))


def test_archived_and_an_unknown_license_are_parsed(github: GitHubHarness, world: World) -> None:
    world.add_repository(TODO, archived=True, license="NOASSERTION", commits=[30])
    github.fetch(TODO)
    page = github.facts[TODO].repository
    assert page is not None
    assert (page.archived, page.license, page.description) == (True, None, "")


def test_a_renamed_repository_is_found(github: GitHubHarness, world: World, todo: None) -> None:
    world.rename(TODO, "umbrella/todo")
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(world.repo(TODO), TODO)


def test_all_pages_of_commits_and_contributors_are_read(github: GitHubHarness, world: World) -> None:
    world.add_repository(TODO, commits=[(day / 4, f"dev{day % 130}") for day in range(1, 1030)])
    github.fetch(TODO)
    github.assert_stored(world.repo(TODO))
    assert (github.request_counts()["window"], github.request_counts()["contributors"]) == (11, 2)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda world: world.delete(TODO), "gone"),
        (lambda world: world.block(TODO, "dmca"), "blocked"),
        (lambda world: world.block(TODO, "tos"), "blocked"),
    ],
    ids=["gone", "dmca", "tos"],
)
def test_a_gone_or_blocked_repository_keeps_its_facts(
    github: GitHubHarness, world: World, todo: None, change: Callable[[World], None], state: str
) -> None:
    github.fetch(TODO)
    before = github.facts[TODO]
    change(world)
    assert github.fetch(TODO) == {TODO: GONE}
    assert github.facts[TODO].state == state
    assert github.facts[TODO].repository == before.repository
    world.restore(TODO)
    assert github.fetch(TODO) == {TODO: UNCHANGED}


def test_a_contributor_list_that_is_too_large_is_not_an_error(github: GitHubHarness, world: World) -> None:
    world.add_repository(TODO, state="too_large_contributors", commits=[3])
    assert github.fetch(TODO) == {TODO: UPDATED}
    assert github.facts[TODO].weeks is not None
    contributors = github.facts[TODO].contributors
    assert contributors is not None
    assert (contributors.names, contributors.whole) == ((), False)


def test_a_contributor_list_that_is_too_large_is_not_fetched_again(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    world.add_repository(TODO, state="too_large_contributors", commits=[3])
    github.fetch(TODO)
    world.now += timedelta(days=2)
    server.clear_log()
    github.fetch(TODO)
    assert not server.requests("github", "/contributors")


def test_status_204_for_contributors_keeps_the_stored_names(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    repo = world.add_repository(TODO, commits=[(30, "alice")])
    github.fetch(TODO)
    world.push(repo.path, login="bob")
    server.fault("github", "/contributors", status=204)
    assert github.fetch(TODO) == {TODO: UPDATED}
    assert github.contributors(TODO) == ("alice",)


@pytest.mark.parametrize("what", ["/contributors", "/commits"])
def test_a_next_page_link_to_another_server_is_an_error(
    server: WorldServer, github: GitHubHarness, world: World, what: str
) -> None:
    repo = world.add_repository(TODO, commits=[(3, "alice")])
    oid = repo.commits[0].oid
    body: object = [{"login": "alice"}]
    if what == "/commits":
        day = "2026-01-01T00:00:00Z"
        body = [{"sha": oid, "commit": {"author": {"date": day}, "committer": {"date": day}}}]
    elsewhere = {"link": '<https://evil.example/2>; rel="next"', "content-type": "application/json"}
    server.fault("github", f"{what}.*per_page=100", status=200, body=body, headers=elsewhere)
    assert github.fetch(TODO) == {TODO: Outcome.FAILED}
    assert "another server" in github.reason(TODO)


def test_a_commit_without_an_author_is_counted_by_its_committer_date(
    server: WorldServer, github: GitHubHarness, world: World
) -> None:
    repo = world.add_repository(TODO, commits=[(3, "alice"), (4, "bob")])

    def nameless(commits: list[dict[str, Any]]) -> object:
        for commit in commits:
            commit["commit"]["author"] = None
        return commits

    server.fault("github", "/commits", kind="rewrite", rewrite=nameless)
    assert github.fetch(TODO) == {TODO: UPDATED}
    assert sum(github.weekly_counts(TODO)) == 2
    page = github.facts[TODO].repository
    assert page is not None
    assert page.head == repo.commits[0].oid


def test_a_repository_of_an_organization_that_rejects_the_token_is_fetched_without_it(
    server: WorldServer, world: World
) -> None:
    github = GitHubHarness(server)
    repo = world.add_repository(TODO, state="saml", commits=[3])
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(repo)
    assert [request.status for request in server.requests() if request.authorised] == [403]


def test_a_repository_that_is_forbidden_without_a_token_too_fails(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server)
    world.add_repository(TODO, state="saml", commits=[3])
    server.fault("github", kind="status", status=403, body={"message": "Resource protected by organization SAML"})
    assert github.fetch(TODO) == {TODO: Outcome.FAILED}
    end = ": HTTP 403 (Forbidden) for the repository: Resource protected by organization SAML"
    assert github.reason(TODO).endswith(end)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            410,
            {"message": "This version is no longer supported"},
            "HTTP 410 (Gone) for the repository: This version is no longer",
        ),
        (202, {}, "is not ready yet"),
        (403, {"message": "Sorry."}, "HTTP 403 (Forbidden) for the repository: Sorry."),
        (422, {}, "HTTP 422 (Unprocessable"),
        (500, {}, "500"),
        (200, [], "is invalid"),
    ],
)
def test_an_unexpected_response_fails_and_keeps_the_stored_facts(
    *, server: WorldServer, github: GitHubHarness, todo: None, status: int, body: object, words: str
) -> None:
    github.fetch(TODO)
    before = dict(github.facts)
    server.fault("github", kind="status", status=status, body=body)
    assert github.fetch(TODO) == {TODO: Outcome.FAILED}
    assert words in github.reason(TODO)
    assert github.facts == before


@pytest.mark.parametrize("kind", ["html", "wrong_types", "cut"])
@pytest.mark.parametrize("part", ["$", "/commits", "/commits.*since=", "/contributors"])
def test_an_invalid_response_does_not_affect_other_repositories(
    *, server: WorldServer, github: GitHubHarness, world: World, todo: None, kind: FaultKind, part: str
) -> None:
    world.add_repository("acme/other", commits=[5])
    server.fault("github", f"/repos/{TODO}{part}", kind=kind)
    assert github.fetch(TODO, "acme/other") == {TODO: FAILED, "acme/other": UPDATED}
    github.assert_stored(world.repo("acme/other"))
    server.faults.clear()
    assert github.fetch(TODO) == {TODO: UPDATED}
    github.assert_stored(world.repo(TODO))


def test_a_list_of_commits_without_the_head_is_rejected(server: WorldServer, github: GitHubHarness, todo: None) -> None:
    server.fault("github", "since=", kind="empty_list")
    assert github.fetch(TODO) == {TODO: Outcome.FAILED}
    assert github.reason(TODO) == "github: the list of commits does not start with the newest one"
    assert github.facts[TODO].weeks is None


@pytest.mark.parametrize("pages", [1, 2])
def test_parts_stored_before_an_abort_are_kept(
    *, github: GitHubHarness, world: World, todo: None, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djpkg.sources.answer_buffer.MAX_WAIT", 0)
    seen: list[Sequence[Answer[ForgeFacts]]] = []

    def is_last_page(page: Sequence[Answer[ForgeFacts]]) -> bool:
        seen.append(page)
        return len(seen) == pages

    github.fetch(TODO, stop=is_last_page)
    facts = github.facts[TODO]
    assert [facts.weeks is not None, facts.contributors is not None] == [pages > 1, False]
    github.fetch(TODO)
    github.assert_stored(world.repo(TODO))


def test_failed_contributors_are_fetched_again(
    server: WorldServer, github: GitHubHarness, world: World, todo: None
) -> None:
    server.fault("github", "/contributors", status=500)
    assert github.fetch(TODO) == {TODO: Outcome.FAILED}
    assert github.facts[TODO].weeks is not None
    server.faults.clear()
    assert github.fetch(TODO) == {TODO: UPDATED}
    assert github.request_counts() == {"repository": 1, "contributors": 1}
    github.assert_stored(world.repo(TODO))


def test_contributors_fetched_on_the_day_of_a_push_are_fetched_again_a_day_later(
    github: GitHubHarness, world: World, todo: None
) -> None:
    github.fetch(TODO)
    world.push(TODO, login="carol", cached=True)
    github.fetch(TODO)
    assert "carol" not in github.contributors(TODO)
    world.repo(TODO).cached_contributors = None
    world.now += timedelta(days=1, minutes=1)
    assert github.fetch(TODO) == {TODO: UPDATED}
    assert github.request_counts() == {"repository": 1, "contributors": 1}
    assert "carol" in github.contributors(TODO)
    assert github.fetch(TODO) == {TODO: UNCHANGED}


def test_a_refused_connection_fails_everything_after_a_few_requests(server: WorldServer, github: GitHubHarness) -> None:
    github.url = "http://127.0.0.1:9/"
    paths = [f"acme/p{number}" for number in range(300)]
    assert set(github.fetch(*paths).values()) == {FAILED}
    assert "no connection" in github.reason("acme/p299")
    assert github.requests_sent < 100


def many(world: World, count: int, **more: Any) -> list[str]:
    return [world.add_repository(f"acme/p{number}", commits=[5], **more).path for number in range(count)]


def test_the_anonymous_quota_is_used_in_the_order_of_the_targets(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server, authorized=False)
    paths = many(world, 40)
    outcomes = github.fetch(*paths, sweep=True)
    assert [path for path in paths if outcomes[path] is UPDATED] == paths[:15]
    assert {outcomes[path] for path in paths[15:]} == {DEFERRED}
    assert server.charged("github") == 60
    assert github.answers[paths[20]].until == world.now + timedelta(hours=1)
    assert github.source is not None
    assert (github.source.quota.limit, github.source.quota.remaining) == (60, 0)
    for path in paths[:15]:
        github.assert_stored(world.repo(path))
    world.now += timedelta(hours=1)
    server.clear_log()
    assert [*github.fetch(*paths[15:], sweep=True).values()].count(UPDATED) == 15
    assert server.charged("github") == 60


@pytest.mark.parametrize("left", range(9))
def test_no_repository_is_started_that_the_quota_does_not_cover(server: WorldServer, world: World, left: int) -> None:
    github = GitHubHarness(server, authorized=False)
    paths = many(world, 12)
    server.quota("github", authorised=False).used = 60 - left
    outcomes = github.fetch(*paths)
    whole = [path for path in paths if outcomes[path] is UPDATED]
    # The first one starts before the quota is known.
    assert whole == paths[: left // 4]
    assert set(outcomes.values()) <= {UPDATED, DEFERRED}
    assert all(request.status == 200 for request in server.requests()[: 4 * len(whole)])
    assert sum(request.status == 403 for request in server.requests()) <= 1


def test_cheap_targets_do_not_overtake_earlier_ones(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server, authorized=False)
    paths = many(world, 12)
    github.fetch(*paths[6:])
    server.quota("github", authorised=False).used = 60 - 10
    outcomes = github.fetch(*paths)
    assert [path for path in paths if outcomes[path] is not DEFERRED] == paths[:2]


def test_an_exhausted_quota_defers_everything_after_one_request(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server, authorized=False)
    paths = many(world, 30)
    server.exhaust("github", authorised=False, resets_in=600)
    assert set(github.fetch(*paths).values()) == {DEFERRED}
    assert github.answers[paths[3]].until == world.now + timedelta(seconds=600)
    assert len(server.requests()) == 1


def test_a_secondary_rate_limit_defers_the_rest_and_blocks_graphql_too(server: WorldServer, world: World) -> None:
    github = GitHubHarness(server)
    paths = many(world, 6)
    server.fault("github", kind="secondary", skip=1, seconds=120)
    assert set(github.fetch(*paths).values()) == {DEFERRED}
    assert github.answers[paths[5]].until == world.now + timedelta(seconds=120)
    assert github.source is not None
    assert github.source.quotas["graphql"].blocked_until == world.now + timedelta(seconds=120)
    assert len(server.requests()) <= 9


@pytest.mark.parametrize("sweep", [False, True], ids=["one by one", "in bulk"])
def test_at_most_four_requests_with_and_without_a_token_are_sent_at_once(
    *, server: WorldServer, world: World, sweep: bool
) -> None:
    paths = [world.add_repository(f"{owner}/p{n}", commits=[3]).path for n in range(6) for owner in ("closed", "open")]
    world.refusals["closed"] = "no"
    server.latency["github"], server.latency_ends["github"] = 0.25, 4
    assert set(GitHubHarness(server).fetch(*paths, sweep=sweep).values()) == {UPDATED}
    assert server.max_in_flight["github"] == 4


def test_requests_with_and_without_a_token_share_one_throttle(
    server: WorldServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Throttle] = []

    class RecordingThrottle(Throttle):
        def reserve(self, now: float) -> float:
            used.append(self)
            return super().reserve(now)

    monkeypatch.setattr("djpkg.sources.github.source.Throttle", RecordingThrottle)
    world.add_repository(TODO, state="saml", commits=[3])
    assert GitHubHarness(server).fetch(TODO) == {TODO: UPDATED}
    assert {request.authorised for request in server.requests()} == {True, False}
    assert len(used) == len(server.requests())
    assert len(set(map(id, used))) == 1
