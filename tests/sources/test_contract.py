"""What every source keeps to, whatever its API: one ending for each that was asked about, and no surprise raised."""

from __future__ import annotations

import asyncio
import gc
import socket
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.credentials import Token
from djpkg.model.facts import Outcome
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.source_name import SourceName
from tests.sources.requesting import IMPATIENT, ask_for, fetch, outcomes
from tests.world import BITBUCKET, CODEBERG, GITHUB, GITLAB, NOW

if TYPE_CHECKING:
    from djpkg.sources.http.retry import Limits
    from tests.world import World, WorldServer


@dataclass(frozen=True)
class Case:
    """A source, what it is called in the world, and where its repositories are (None: it has projects)."""

    module: str
    make_name: str
    source: SourceName
    api: str
    variable: str
    host: str | None
    token_variable: str = ""

    def __str__(self) -> str:
        return self.source.value

    def make(self, server: WorldServer, *, token: str = "", base_url: str = "", limits: Limits = IMPATIENT) -> Any:
        settings: dict[str, Any] = {"base_url": base_url or server.env[self.variable], "limits": limits}
        if self.token_variable:
            settings["token"] = Token(self.token_variable, token) if token else None
        return getattr(import_module(self.module), self.make_name)(**settings, clock=lambda: server.world.now)

    def add(self, world: World, name: str) -> RepositoryTarget | ProjectTarget:
        if self.host is not None:
            return ask_for(world.add_repository(f"acme/{name}", host=self.host, stars=3, commits=[2, 30]))
        world.add_project(name, [("1.0", 30)])
        return ProjectTarget(coordinate=name)

    def add_some(self, world: World, number: int = 8) -> list[Any]:
        return [self.add(world, f"thing-{place}") for place in range(number)]

    def missing(self, name: str = "missing") -> RepositoryTarget | ProjectTarget:
        if self.host is not None:
            return RepositoryTarget(coordinate=f"{self.host}/acme/{name}", host=self.host, path=f"acme/{name}")
        return ProjectTarget(coordinate=name)


CASES = (
    Case("djpkg.sources.github.source", "GitHub", SourceName.GITHUB, "github", "DJPKG_GITHUB_URL", GITHUB, "GH_TOKEN"),
    Case(
        "djpkg.sources.rest_forge.gitlab",
        "GitLab",
        SourceName.GITLAB,
        "gitlab",
        "DJPKG_GITLAB_URL",
        GITLAB,
        "GITLAB_TOKEN",
    ),
    Case(
        "djpkg.sources.rest_forge.bitbucket",
        "Bitbucket",
        SourceName.BITBUCKET,
        "bitbucket",
        "DJPKG_BITBUCKET_URL",
        BITBUCKET,
        "BITBUCKET_TOKEN",
    ),
    Case(
        "djpkg.sources.rest_forge.forgejo",
        "Forgejo",
        SourceName.FORGEJO,
        "codeberg",
        "DJPKG_CODEBERG_URL",
        CODEBERG,
        "CODEBERG_TOKEN",
    ),
    Case("djpkg.sources.pypi.source", "Pypi", SourceName.PYPI, "pypi", "DJPKG_PYPI_URL", None),
)
LIES = [
    "html",
    "invalid_json",
    "wrong_types",
    "deep",
    "gzip_bomb",
    "gzip_cut",
    "unknown_encoding",
    "cut",
    "drop",
    "reset",
    "challenge",
    "maintenance",
]
LARGE = IMPATIENT.body + (1 << 20)


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_it_has_a_name_a_quota_and_what_it_spent(case: Case, server: WorldServer) -> None:
    source = case.make(server)
    assert source.name is case.source
    assert (source.quota.remaining, source.spent.requests) == (None, 0)
    assert source.quota in source.quotas.values()


def test_nothing_asked_is_nothing_answered(case: Case, server: WorldServer) -> None:
    assert fetch(case.make(server), []) == {}
    assert server.requests() == []


def test_each_that_was_asked_about_ends_once(case: Case, server: WorldServer, world: World) -> None:
    source = case.make(server)
    answers = fetch(source, [*case.add_some(world), case.missing()])
    gone = answers.pop(case.missing().coordinate)
    assert (gone.outcome, gone.facts.state) == (Outcome.GONE, "gone")
    assert outcomes(answers.values()) == {"updated": 8}
    assert all(answer.facts is not None and answer.reason == "" for answer in answers.values())
    assert source.spent.requests == len(server.requests())


def test_it_says_who_asks(case: Case, server: WorldServer, world: World) -> None:
    fetch(case.make(server), [case.add(world, "thing")])
    assert server.requests()
    for request in server.requests():
        assert request.headers["user-agent"].startswith("djpkg/")
        assert "cookie" not in request.headers


@pytest.mark.campaign
@pytest.mark.parametrize("lie", LIES)
def test_whatever_comes_back_is_a_failure_with_a_reason(
    case: Case, server: WorldServer, world: World, lie: str
) -> None:
    server.fault(case.api, kind=lie, size=LARGE)  # type: ignore[arg-type]  # as listed above
    answers = fetch(case.make(server), case.add_some(world, 2))
    assert outcomes(answers.values()) == {"failed": 2}
    for answer in answers.values():
        assert answer.facts is None
        assert answer.reason.startswith(f"{case.source.value}: ")
        assert answer.reason.isprintable()
        assert len(answer.reason) < 500
        assert answer.etag is None


@pytest.mark.campaign
def test_no_answer_at_all_ends_in_time(case: Case, server: WorldServer, world: World) -> None:
    server.fault(case.api, kind="never")
    source = case.make(server, limits=replace(IMPATIENT, attempt=0.2, total=0.3))
    assert outcomes(fetch(source, [case.add(world, "thing")]).values()) == {"failed": 1}


def test_one_that_fails_leaves_the_others_alone(case: Case, server: WorldServer, world: World) -> None:
    server.fault(case.api, "thing-3", kind="wrong_types")
    asks = case.add_some(world)
    answers = fetch(case.make(server), asks)
    assert answers.pop(asks[3].coordinate).outcome is Outcome.FAILED
    assert outcomes(answers.values()) == {"updated": 7}


def test_a_dead_port_is_a_failure_and_soon_left_alone(case: Case, server: WorldServer, world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    source = case.make(server, base_url=address)
    answers = fetch(source, case.add_some(world, 60))
    assert outcomes(answers.values()) == {"failed": 60}
    assert source.spent.requests <= 40


def test_a_refusal_defers_until_the_moment_that_was_named(case: Case, server: WorldServer, world: World) -> None:
    server.fault(case.api, status=429, headers={"retry-after": "1200"})
    answers = fetch(case.make(server), case.add_some(world))
    assert outcomes(answers.values()) == {"deferred": 8}
    assert {answer.until for answer in answers.values()} == {NOW + timedelta(seconds=1200)}
    assert all(answer.facts is None and answer.reason for answer in answers.values())
    assert len(server.requests()) <= 2


@pytest.mark.parametrize("case", [case for case in CASES if case.token_variable], ids=str)
def test_a_wrong_token_is_told_and_never_shown(
    case: Case, server: WorldServer, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    source = case.make(server, token="robot@example.org:canary")
    answers = fetch(source, case.add_some(world))
    assert outcomes(answers.values()) == {"failed": 8}
    assert all(answer.refused for answer in answers.values())
    assert len(server.requests()) == 1
    assert "canary" not in f"{answers} {source!r} {source.__dict__} {capfd.readouterr()}"


def test_asking_may_end_at_the_first_page_and_leaves_nothing_behind(
    case: Case, server: WorldServer, world: World
) -> None:
    asks = case.add_some(world)

    async def run() -> None:
        async with case.make(server) as source:
            pages = source.fetch(asks, now=NOW, sweep=False)
            assert await anext(pages)
            await pages.aclose()
        gc.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_a_cancelled_fetch_is_cancelled(case: Case, server: WorldServer, world: World) -> None:
    asks = case.add_some(world)
    server.latency[case.api] = 0.2

    async def run() -> None:
        async with case.make(server) as source:

            async def take() -> None:
                async for _ in source.fetch(asks, now=NOW, sweep=False):
                    pass

            task = asyncio.create_task(take())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
