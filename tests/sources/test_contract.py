"""The behaviour that all sources share. A new entry of `SourceName` is tested by being listed there."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import djpkg
from djpkg.config import API_BY_SOURCE
from djpkg.credentials import token_from_environment
from djpkg.model.facts import Outcome
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.model.repository_url import PUBLIC_FORGES
from djpkg.source_name import FORGES, SourceName
from djpkg.sources import registry
from tests.pauses import wait_until
from tests.sources.requesting import FEW_ATTEMPTS, facts_of, fetch, outcomes, target_for
from tests.world import NOW
from tests.world.server import ADDRESSES, PREFIXES

if TYPE_CHECKING:
    from djpkg.sources.http.retry import Limits
    from tests.world import World, WorldServer

HOSTS = {source: host for host, source in PUBLIC_FORGES.items()}


@dataclass(frozen=True)
class Case:
    """A source with its API in the test world."""

    source: SourceName

    @property
    def url_variable(self) -> str:
        return API_BY_SOURCE[self.source].variable

    @property
    def api(self) -> str:
        return PREFIXES[ADDRESSES[self.url_variable]]

    def __str__(self) -> str:
        return self.source.value

    def make(self, server: WorldServer, *, token: str = "", base_url: str = "", limits: Limits = FEW_ATTEMPTS) -> Any:
        environment = {**server.env, self.url_variable: base_url or server.env[self.url_variable]}
        environment |= dict.fromkeys(API_BY_SOURCE[self.source].token_variables, token)
        options: dict[str, Any] = {"limits": limits, "clock": lambda: server.world.now}
        if self.source in FORGES:
            found = token_from_environment(self.source, environment)
            return registry.open_forge(self.source, environment, token=found, **options)
        return registry.open_pypi(environment, listed=None, **options)

    def add(self, world: World, name: str) -> RepositoryTarget | ProjectTarget:
        if self.source in FORGES:
            return target_for(world.add_repository(f"acme/{name}", host=HOSTS[self.source], stars=3, commits=[2, 30]))
        world.add_project(name, [("1.0", 30)])
        return ProjectTarget(coordinate=name)

    def add_several(self, world: World, number: int = 8) -> list[Any]:
        return [self.add(world, f"thing-{index}") for index in range(number)]

    def missing(self) -> RepositoryTarget | ProjectTarget:
        if self.source in FORGES:
            host = HOSTS[self.source]
            return RepositoryTarget(coordinate=f"{host}/acme/missing", host=host, path="acme/missing")
        return ProjectTarget(coordinate="missing")


# The catalog has another interface: it yields records.
CASES = [Case(source) for source in SourceName if source is not SourceName.CATALOG]
# The cause in the reason shows that the fault was reached, and not another one before it.
INVALID_RESPONSES = {
    "html": "is not valid JSON|got an HTML page",
    "invalid_json": "is not valid JSON",
    "wrong_types": "is invalid: expected",
    "deep": "is invalid: expected|is nested too deeply",
    "gzip_bomb": "is larger than 1 MiB",
    "gzip_cut": "was truncated",
    "unknown_encoding": "content encoding that was not requested",
    "cut": "was truncated",
    "drop": "closed the connection",
    "reset": "closed the connection",
    "challenge": "HTTP 403|HTML page",
    "maintenance": "503",
}
LARGE = FEW_ATTEMPTS.body + (1 << 20)


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_a_source_has_a_name_a_quota_and_its_cost(case: Case, server: WorldServer) -> None:
    source = case.make(server)
    assert source.name is case.source
    assert (source.quota.remaining, source.spent.requests) == (None, 0)
    assert source.quota in source.quotas.values()


def test_no_targets_need_no_request(case: Case, server: WorldServer) -> None:
    assert fetch(case.make(server), []) == {}
    assert server.requests() == []


def test_each_target_gets_one_outcome(case: Case, server: WorldServer, world: World) -> None:
    source = case.make(server)
    answers = fetch(source, [*case.add_several(world), case.missing()])
    gone = answers.pop(case.missing().coordinate)
    assert (gone.outcome, facts_of(gone).state) == (Outcome.GONE, "gone")
    assert outcomes(answers.values()) == {"updated": 8}
    assert all(answer.facts is not None and answer.reason == "" for answer in answers.values())
    assert source.spent.requests == len(server.requests())


def test_only_missing_targets_are_gone_after_one_more_request(case: Case, server: WorldServer) -> None:
    source = case.make(server)
    (answer,) = fetch(source, [case.missing()]).values()
    assert (answer.outcome, facts_of(answer).state) == (Outcome.GONE, "gone")
    assert source.spent.requests == len(server.requests()) == 2


@pytest.mark.parametrize("body", [{"message": "Not Found"}, {"detail": "x"}, []], ids=str)
def test_an_address_that_answers_404_to_everything_is_a_failure(
    case: Case, server: WorldServer, world: World, body: object
) -> None:
    server.fault(case.api, status=404, body=body)
    source = case.make(server)
    answers = fetch(source, case.add_several(world))
    assert outcomes(answers.values()) == {"failed": 8}
    for answer in answers.values():
        assert answer.reason == f"{case.source}: API not found at {server.env[case.url_variable]} (404)"
        assert answer.hint is not None
        assert answer.hint.startswith(f"set {case.url_variable} to its address")
        assert (answer.facts, answer.etag) == (None, None)
    assert source.spent.requests == 9


def test_an_address_that_answers_404_as_text_is_a_failure(case: Case, server: WorldServer, world: World) -> None:
    server.fault(case.api, status=404, headers={"content-type": "text/html"}, body=b"<h1>Not Found</h1>")
    (answer,) = fetch(case.make(server), [case.add(world, "thing")]).values()
    assert answer.outcome is Outcome.FAILED
    assert "404" in answer.reason
    assert answer.hint is not None
    assert case.url_variable in answer.hint


@pytest.mark.parametrize("status", [200, 403, 500])
def test_without_a_valid_answer_of_the_api_nothing_is_gone(case: Case, server: WorldServer, status: int) -> None:
    server.fault(case.api, "missing", status=404, body={"message": "Not Found"})
    server.fault(case.api, status=status, body={"anything": "else"})
    (answer,) = fetch(case.make(server), [case.missing()]).values()
    assert answer.outcome is Outcome.FAILED
    assert ("API not found" if status == 200 else str(status)) in answer.reason


def test_requests_have_a_user_agent_and_no_cookies(case: Case, server: WorldServer, world: World) -> None:
    fetch(case.make(server), [case.add(world, "thing")])
    assert server.requests()
    for request in server.requests():
        assert request.headers["user-agent"] == f"djpkg/{djpkg.__version__} (+{djpkg.HOME_PAGE})"
        assert "cookie" not in request.headers


@pytest.mark.campaign
@pytest.mark.parametrize("kind", INVALID_RESPONSES)
def test_an_invalid_response_is_a_failure_with_a_reason(
    case: Case, server: WorldServer, world: World, kind: str
) -> None:
    check_invalid_response(case, server, world, kind)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["invalid_json", "wrong_types"])
def test_without_translation_of_decoding_errors_an_invalid_response_would_raise_them(
    case: Case, server: WorldServer, world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(decoder: msgspec.json.Decoder[Any], body: bytes, **_: object) -> Any:
        return decoder.decode(body)

    case.make(server)  # which imports its modules
    for name, module in list(sys.modules.items()):
        if name.startswith("djpkg.sources.") and hasattr(module, "decode_json"):
            monkeypatch.setattr(module, "decode_json", decode)
    with pytest.raises((msgspec.MsgspecError, ExceptionGroup)):
        check_invalid_response(case, server, world, kind)


def check_invalid_response(case: Case, server: WorldServer, world: World, kind: str) -> None:
    fault = server.fault(case.api, kind=kind, size=LARGE if kind == "gzip_bomb" else None)  # type: ignore[arg-type]  # as listed above
    answers = fetch(case.make(server), case.add_several(world, 2))
    assert fault.hits
    assert outcomes(answers.values()) == {"failed": 2}
    for answer in answers.values():
        assert answer.facts is None
        assert answer.reason.startswith(f"{case.source.value}: ")
        assert re.search(INVALID_RESPONSES[kind], answer.reason)
        assert answer.reason.isprintable()
        assert len(answer.reason) < 500
        assert answer.etag is None


@pytest.mark.campaign
def test_a_missing_response_is_a_failure_in_time(case: Case, server: WorldServer, world: World) -> None:
    fault = server.fault(case.api, kind="never")
    source = case.make(server, limits=replace(FEW_ATTEMPTS, attempt=0.2, total=0.3))
    assert outcomes(fetch(source, [case.add(world, "thing")]).values()) == {"failed": 1}
    assert fault.hits


def test_one_failure_does_not_affect_the_others(case: Case, server: WorldServer, world: World) -> None:
    server.fault(case.api, "thing-3", kind="wrong_types")
    targets = case.add_several(world)
    answers = fetch(case.make(server), targets)
    assert answers.pop(targets[3].coordinate).outcome is Outcome.FAILED
    assert outcomes(answers.values()) == {"updated": 7}


def test_a_closed_port_is_a_failure_after_few_requests(case: Case, server: WorldServer, world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    source = case.make(server, base_url=address)
    answers = fetch(source, case.add_several(world, 60))
    assert outcomes(answers.values()) == {"failed": 60}
    assert source.spent.requests <= 40


def test_a_rate_limit_defers_until_its_end(case: Case, server: WorldServer, world: World) -> None:
    server.fault(case.api, status=429, headers={"retry-after": "1200"})
    answers = fetch(case.make(server), case.add_several(world))
    assert outcomes(answers.values()) == {"deferred": 8}
    assert {answer.until for answer in answers.values()} == {NOW + timedelta(seconds=1200)}
    assert all(answer.facts is None and answer.reason for answer in answers.values())
    assert len(server.requests()) <= 2


@pytest.mark.parametrize("case", [case for case in CASES if case.source in FORGES], ids=str)
def test_a_rejected_token_is_replaced_and_not_shown(
    case: Case, server: WorldServer, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    source = case.make(server, token="robot@example.org:canary-0123456789")
    answers = fetch(source, case.add_several(world))
    assert outcomes(answers.values()) == {"updated": 8}
    (rejected,) = source.rejections
    assert "continued without a token" in str(rejected)
    assert [request.status for request in server.requests() if "authorization" in request.headers] == [401]
    assert "canary" not in f"{answers} {source!r} {source.__dict__} {rejected} {capfd.readouterr()}"


def test_a_fetch_can_stop_after_the_first_page_and_leaves_no_task(
    case: Case, server: WorldServer, world: World
) -> None:
    targets = case.add_several(world)

    async def run() -> None:
        async with case.make(server) as source:
            pages = source.fetch(targets, now=NOW, sweep=False)
            assert await anext(pages)
            await pages.aclose()
        gc.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_a_fetch_can_be_cancelled(case: Case, server: WorldServer, world: World) -> None:
    targets = case.add_several(world)
    server.latency[case.api] = 300

    async def run() -> None:
        async with case.make(server) as source:

            async def read() -> None:
                async for _ in source.fetch(targets, now=NOW, sweep=False):
                    pass

            task = asyncio.create_task(read())
            await asyncio.to_thread(wait_until, lambda: server.requests(case.api))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_an_api_that_begins_to_answer_404_in_the_middle_of_a_run_loses_nothing(
    case: Case, server: WorldServer, world: World
) -> None:
    targets = case.add_several(world, 12)
    match = "thing-[1-9]|pip/|rate_limit|hook_events|topics|version|projects[?]"
    server.fault(case.api, match, status=404, body={"message": "Not Found"})
    answers = fetch(case.make(server), targets)
    first = answers.pop(targets[0].coordinate)
    assert first.outcome is Outcome.UPDATED
    assert outcomes(answers.values()) == {"failed": 11}
    assert all("API not found" in answer.reason for answer in answers.values())
