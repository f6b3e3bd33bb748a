"""PyPI: which requests are sent, what is parsed, and how failures end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model.batch_sizes import SERIAL_LIST_MINIMUM
from djpkg.model.facts import Outcome, PypiFacts
from djpkg.model.lookups import ProjectTarget
from djpkg.source_name import SourceName
from djpkg.sources.answer_buffer import PAGE_SIZE
from djpkg.sources.http.circuit_breaker import MAX_FAILURES
from djpkg.sources.http.retry import Limits
from djpkg.sources.pypi.source import MAX_CONCURRENT, UNCHANGED_PAGE_SIZE, Pypi
from djpkg.sources.source import Answer
from tests.world import NOW, Release, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PypiAnswer = Answer[PypiFacts]
QUICK = Limits(attempt=30, total=60, attempts=2, backoff=0.01, wait=0)
LIST = "^/simple/"


def fetch_pages(
    server: WorldServer | str,
    targets: Sequence[ProjectTarget],
    *,
    last_project_count: int | None = None,
    limits: Limits = QUICK,
) -> tuple[list[Sequence[PypiAnswer]], Pypi]:
    async def fetching() -> tuple[list[Sequence[PypiAnswer]], Pypi]:
        base_url = server if isinstance(server, str) else server.env["DJPKG_PYPI_URL"]
        async with Pypi(base_url=base_url, last_project_count=last_project_count, limits=limits) as pypi:
            return [page async for page in pypi.fetch(targets, now=NOW, sweep=True)], pypi

    pages, pypi = asyncio.run(fetching())
    names = [answer.coordinate for page in pages for answer in page]
    assert sorted(names) == sorted(target.coordinate for target in targets)
    assert all(answer.outcome is not None for page in pages for answer in page)
    assert all(pages)
    return pages, pypi


def fetch(
    server: WorldServer | str, *targets: ProjectTarget, last_project_count: int | None = None
) -> dict[str, PypiAnswer]:
    pages, _ = fetch_pages(server, targets, last_project_count=last_project_count)
    return {answer.coordinate: answer for page in pages for answer in page}


def fetch_one(server: WorldServer, name: str, **validators: Any) -> PypiAnswer:
    return fetch(server, ProjectTarget(coordinate=name, **validators))[name]


def facts_of(answer: PypiAnswer) -> PypiFacts:
    assert answer.outcome is Outcome.UPDATED, answer.reason
    assert answer.facts is not None
    return answer.facts


def rewrite(server: WorldServer, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the response for one project in place, or replace it by what `change` returns."""
    server.fault("pypi", f"/{name}/", kind="rewrite", rewrite=lambda body: change(body) or body)


def serve_list(server: WorldServer, *names: str) -> None:
    """Serve an uncompressed list with only these projects."""
    rows = [{"name": name, "_last-serial": server.world.project(name).serial} for name in names]
    server.fault("pypi", LIST, status=200, body={"projects": rows, "meta": {"api-version": "1.4"}})


def many(world: World, count: int = SERIAL_LIST_MINIMUM + 1) -> list[ProjectTarget]:
    """Return targets for projects that have not changed since they were stored."""
    targets = []
    for number in range(count):
        project = world.add_project(f"Project_{number}", [("1.0", 10)])
        targets.append(ProjectTarget(coordinate=project.normalized_name, serial=project.serial))
    return targets


# One project


def test_the_latest_release_is_parsed(world: World, server: WorldServer) -> None:
    release = Release(
        "2.5.0",
        world.moment("2022-11-03T10:20:30.987654+02:00"),
        requires_python=">=3.8",
        classifiers=(
            "Development Status :: 5 - Production/Stable",
            "Framework :: Django :: 4.2",
            "Framework :: Django :: 5.0",
            "Programming Language :: Python :: 3.11",
            "License :: OSI Approved :: BSD License",
        ),
        project_urls={"Source": "https://github.com/shacker/django-todo", "Docs": "https://docs.example.org"},
    )
    project = world.add_project("Django.Todo", [("2.4.0", 900), release])
    answer = fetch_one(server, "django-todo")
    assert facts_of(answer) == PypiFacts(
        name="Django.Todo",
        version="2.5.0",
        released="2022-11-03T08:20:30Z",
        yanked=False,
        requires_python=">=3.8",
        python_versions=("3.11",),
        django_versions=("4.2", "5.0"),
        license="BSD License",
        development_status="5 - Production/Stable",
        repository_urls=("https://github.com/shacker/django-todo", "https://docs.example.org"),
        releases=2,
        first_released="2022-11-03T08:20:30Z",
    )
    assert answer.serial == project.serial
    assert answer.etag
    (request,) = server.requests("pypi")
    assert request.target == "/pypi/pypi/django-todo/json"


def test_an_unchanged_project_is_answered_without_a_body(world: World, server: WorldServer) -> None:
    project = world.add_project("a", [("1.0", 10)])
    first = fetch_one(server, "a")
    again = fetch_one(server, "a", etag=first.etag, serial=project.serial)
    assert (again.outcome, again.facts, again.etag) == (Outcome.UNCHANGED, None, first.etag)
    assert [request.status for request in server.requests("pypi")] == [200, 304]
    assert server.requests("pypi")[1].sent == 0
    world.release("a", "2.0")
    assert facts_of(fetch_one(server, "a", etag=first.etag)).version == "2.0"


def test_status_304_without_an_etag_is_an_error(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    server.fault("pypi", status=304)
    assert fetch_one(server, "a").outcome is Outcome.FAILED


def test_a_project_that_is_not_found_is_gone(server: WorldServer) -> None:
    answer = fetch_one(server, "absent", etag='"x"', serial=7)
    assert (answer.outcome, answer.facts) == (Outcome.GONE, PypiFacts(state="gone", name="absent"))


def test_a_404_with_html_is_not_gone(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    server.fault("pypi", status=404, body=b"\n<!doctype html><h1>Not Found</h1>")
    answer = fetch_one(server, "a")
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, "pypi: got an HTML page instead of JSON (404)")


def test_a_release_is_yanked_if_all_are_yanked(world: World, server: WorldServer) -> None:
    world.add_project("a", [Release("1.0", world.moment(10), yanked=True)])
    facts = facts_of(fetch_one(server, "a"))
    assert (facts.version, facts.yanked) == ("1.0", True)
    world.add_project("b", [("1.0", 10), Release("2.0", world.moment(5), yanked=True)])
    assert facts_of(fetch_one(server, "b")).version == "1.0"


def test_a_prerelease_is_the_latest_release_if_nothing_is_final(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0a1", 10), ("1.0b2", 5)])
    assert facts_of(fetch_one(server, "a")).version == "1.0b2"


def test_a_release_without_files_has_no_date(world: World, server: WorldServer) -> None:
    world.add_project("a", [Release("1.0", world.moment(10), files=False)])
    facts = facts_of(fetch_one(server, "a"))
    assert (facts.version, facts.released) == ("1.0", None)


def test_the_date_of_a_release_is_that_of_its_first_file(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    times = ["2024-01-02T00:00:00.500000Z", "2024-01-01T20:00:00-05:00", None, "2024-01-03T00:00:00"]
    rewrite(server, "a", lambda body: body.update(urls=[{"upload_time_iso_8601": text} for text in times]))
    assert facts_of(fetch_one(server, "a")).released == "2024-01-02T00:00:00Z"


def test_a_license_expression_is_preferred(world: World, server: WorldServer) -> None:
    expressed = Release(
        "1.0", world.moment(10), license_expression="MIT OR Apache-2.0", license="Copyright (c) me\n" + "x" * 50_000
    )
    world.add_project("a", [expressed])
    world.add_project("b", [Release("1.0", world.moment(10), license="MIT")])
    world.add_project("c", [Release("1.0", world.moment(10), license="Copyright (c) me\n" + "x" * 50_000)])
    answers = fetch(server, *(ProjectTarget(coordinate=name) for name in "abc"))
    assert [facts_of(answers[name]).license for name in "abc"] == ["MIT OR Apache-2.0", "MIT", None]


def test_only_valid_web_urls_are_stored(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    odd = {
        "Source": " https://github.com/a/b ",
        "Again": "https://github.com/a/b",
        "Script": "javascript:alert(1)",
        "File": "file:///etc/passwd",
        "Control": "https://x/\x1b[31m",
        "Long": "https://" + "x" * 5000,
        "Null": None,
        "Caps": "HTTP://EXAMPLE.ORG",
    }
    rewrite(server, "a", lambda body: body["info"].update(project_urls=odd, home_page="https://home.example"))
    assert facts_of(fetch_one(server, "a")).repository_urls == (
        "https://github.com/a/b",
        "HTTP://EXAMPLE.ORG",
        "https://home.example",
    )
    server.faults.clear()
    rewrite(server, "a", lambda body: body["info"].update(project_urls={str(n): f"https://x/{n}" for n in range(500)}))
    assert len(facts_of(fetch_one(server, "a")).repository_urls) == 20


def test_missing_and_null_keys_are_accepted(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    rewrite(server, "a", lambda _body: {"info": {"name": "a", "version": "1.0", "classifiers": None}, "urls": None})
    answer = fetch_one(server, "a")
    assert facts_of(answer) == PypiFacts(name="a", version="1.0")
    assert answer.serial == world.project("a").serial  # from the header


@pytest.mark.parametrize(("version", "kept"), [("banana split", "banana split"), ("1.0-ü", "1.0-ü"), (" 1 ", "1")])
def test_a_version_does_not_have_to_follow_pep_440(world: World, server: WorldServer, version: str, kept: str) -> None:
    world.add_project("a", [("1.0", 10)])
    rewrite(server, "a", lambda body: body["info"].update(version=version))
    assert facts_of(fetch_one(server, "a")).version == kept


def test_texts_are_cleaned(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    rewrite(server, "a", lambda body: body["info"].update(license="MI\0T\ud800", requires_python="\x1b>=3"))
    facts = facts_of(fetch_one(server, "a"))
    assert facts.license is not None
    assert facts.license.startswith("MI\u2400T\ufffd")
    assert facts.requires_python is None


WRONG: list[dict[str, object]] = [
    {"version": None},
    {"version": ""},
    {"version": "1" * 201},
    {"version": "1\x1b[31m"},
    {"version": 2.5},
    {"name": None},
    {"yanked": "no"},
    {"classifiers": "Framework :: Django"},
    {"classifiers": [None]},
    {"requires_python": 3},
    {"license": {"name": "MIT"}},
    {"license_expression": ["MIT"]},
    {"project_urls": ["https://x"]},
    {"project_urls": {"x": 1}},
    {"home_page": False},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_an_invalid_value_fails_only_its_project(world: World, server: WorldServer, wrong: dict[str, object]) -> None:
    for name in "abc":
        world.add_project(name, [("1.0", 10)])
    rewrite(server, "b", lambda body: body["info"].update(wrong))
    answers = fetch(server, *(ProjectTarget(coordinate=name) for name in "abc"))
    assert [answers[name].outcome for name in "abc"] == [Outcome.UPDATED, Outcome.FAILED, Outcome.UPDATED]
    assert answers["b"].reason.startswith("pypi: the response ")
    assert (answers["b"].facts, answers["b"].etag, answers["b"].serial) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("invalid_json", "not valid JSON"),
        ("html", "got an HTML page instead of JSON (200)"),
        ("wrong_types", "is invalid"),
        ("deep", "is invalid"),
        ("huge", "larger than 16 MiB"),
        ("gzip_bomb", "larger than 16 MiB"),
        ("gzip_nested", "content encoding"),
        ("gzip_cut", "was truncated"),
        ("unknown_encoding", "content encoding that was not requested"),
        ("cut", "was truncated"),
        ("drop", "closed the connection"),
        ("reset", "closed the connection"),
        ("maintenance", "503"),
    ],
)
def test_an_invalid_response_fails_only_its_project(world: World, server: WorldServer, kind: Any, message: str) -> None:
    for name in "abc":
        world.add_project(name, [("1.0", 10)])
    server.fault("pypi", "/b/", kind=kind)
    answers = fetch(server, *(ProjectTarget(coordinate=name) for name in "abc"))
    assert [answers[name].outcome for name in "abc"] == [Outcome.UPDATED, Outcome.FAILED, Outcome.UPDATED]
    assert answers["b"].reason.startswith("pypi: ")
    assert message in answers["b"].reason


def test_deeply_nested_json_fails_only_its_project(world: World, server: WorldServer) -> None:
    world.add_project("a", [("1.0", 10)])
    world.add_project("b", [("1.0", 10)])
    server.fault("pypi", "/b/", status=200, body=b'{"info":' + b'{"x":' * 100_000)
    answers = fetch(server, ProjectTarget(coordinate="a"), ProjectTarget(coordinate="b"))
    assert facts_of(answers["a"]).version == "1.0"
    assert answers["b"].reason == "pypi: the response is nested too deeply"


def test_an_invalid_time_fails_the_project(world: World, server: WorldServer) -> None:
    world.add_project("b", [("1.0", 10)])
    rewrite(server, "b", lambda body: body["urls"][0].update(upload_time_iso_8601="yesterday"))
    assert fetch_one(server, "b").reason == "pypi: the response contains an invalid time 'yesterday'"


def test_a_redirect_to_the_normalised_name_is_followed(world: World, server: WorldServer) -> None:
    world.add_project("Django_Todo", [("1.0", 10)])
    assert facts_of(fetch_one(server, "Django_Todo")).name == "Django_Todo"
    assert [request.status for request in server.requests("pypi")] == [301, 200]


def test_a_redirect_to_another_server_is_not_followed(server: WorldServer) -> None:
    server.fault("pypi", kind="redirect", location="https://evil.example/pypi/a/json")
    answer = fetch_one(server, "a")
    assert answer.outcome is Outcome.FAILED
    assert "evil.example" in answer.reason


# Several projects


def test_a_few_projects_are_fetched_without_the_list(world: World, server: WorldServer) -> None:
    targets = many(world, SERIAL_LIST_MINIMUM)
    answers = fetch(server, *targets)
    assert {answer.outcome for answer in answers.values()} == {Outcome.UPDATED}
    assert not server.requests("pypi", LIST)
    assert server.max_in_flight["pypi"] <= MAX_CONCURRENT


def test_four_projects_are_requested_at_once(world: World, server: WorldServer) -> None:
    server.latency["pypi"], server.latency_ends["pypi"] = 0.5, MAX_CONCURRENT
    assert {answer.outcome for answer in fetch(server, *many(world, 12)).values()} == {Outcome.UPDATED}
    assert server.max_in_flight["pypi"] == MAX_CONCURRENT == 4


def test_many_new_projects_are_fetched_without_the_list(world: World, server: WorldServer) -> None:
    targets = [ProjectTarget(coordinate=target.coordinate) for target in many(world)]
    pages, pypi = fetch_pages(server, targets)
    assert not server.requests("pypi", LIST)
    assert pypi.project_count is None
    assert max(map(len, pages)) <= PAGE_SIZE + MAX_CONCURRENT
    assert pypi.spent.requests == len(server.requests("pypi")) == len(targets)


def test_answers_do_not_wait_for_a_slow_project(world: World, server: WorldServer) -> None:
    targets = many(world, 4)
    server.fault("pypi", "project-1/", kind="slow", seconds=300)

    async def first_page() -> set[str]:
        async with Pypi(base_url=server.env["DJPKG_PYPI_URL"], limits=QUICK) as pypi:
            async for page in pypi.fetch(targets, now=NOW, sweep=False):
                return {answer.coordinate for answer in page}
        return set()

    assert asyncio.run(first_page()) == {"project-0", "project-2", "project-3"}


def test_requests_are_sent_in_the_order_of_the_targets(world: World, server: WorldServer) -> None:
    targets = many(world, 40)
    fetch(server, *targets)
    seen = [request.path.split("/")[2] for request in server.requests("pypi")]
    assert set(seen[:20]) <= {target.coordinate for target in targets[: 20 + MAX_CONCURRENT]}


def test_no_targets_cause_no_requests(server: WorldServer) -> None:
    assert fetch_pages(server, [])[0] == []
    assert not server.requests()


# Many projects


def test_of_many_projects_only_changed_ones_are_fetched(world: World, server: WorldServer) -> None:
    targets = many(world)
    world.extra_projects = 2000
    world.release("Project_7", "2.0")
    pages, pypi = fetch_pages(server, targets)
    answers = {answer.coordinate: answer for page in pages for answer in page}
    assert facts_of(answers.pop("project-7")).version == "2.0"
    assert {answer.outcome for answer in answers.values()} == {Outcome.UNCHANGED}
    listing, single = server.requests("pypi")
    assert listing.headers["accept"] == "application/vnd.pypi.simple.v1+json"
    assert "gzip" in listing.headers["accept-encoding"]
    assert single.target == "/pypi/pypi/project-7/json"
    assert pypi.project_count == len(targets) + 2000
    assert pypi.spent.requests == 2
    assert max(map(len, pages)) <= UNCHANGED_PAGE_SIZE


def test_a_listed_serial_lower_than_the_stored_one_is_unchanged(world: World, server: WorldServer) -> None:
    targets = many(world)
    rows = [{"name": f"Project_{number}", "_last-serial": targets[number].serial} for number in range(len(targets))]
    rows[7]["_last-serial"] = (targets[7].serial or 0) - 1
    server.fault("pypi", LIST, status=200, body={"meta": {}, "projects": rows})
    assert {answer.outcome for answer in fetch(server, *targets).values()} == {Outcome.UNCHANGED}
    assert len(server.requests("pypi")) == 1


def test_the_listed_serial_is_stored_if_the_metadata_is_unchanged(world: World, server: WorldServer) -> None:
    targets = many(world)
    first = fetch_one(server, "project-3")
    targets[3] = ProjectTarget(coordinate="project-3", etag=first.etag, serial=first.serial)
    rows = [{"name": f"Project_{number}", "_last-serial": targets[number].serial} for number in range(len(targets))]
    rows[3]["_last-serial"] = newest = (first.serial or 0) + 1000
    server.fault("pypi", LIST, status=200, body={"meta": {}, "projects": rows})
    server.fault("pypi", "project-3/", status=304)
    answer = fetch(server, *targets)["project-3"]
    assert (answer.outcome, answer.serial) == (Outcome.UNCHANGED, newest)


def test_a_project_that_is_not_listed_is_fetched(world: World, server: WorldServer) -> None:
    targets = many(world)
    world.delete_project("Project_1")
    serve_list(server, *(f"Project_{number}" for number in range(3, len(targets))))
    answers = fetch(server, *targets)
    assert answers["project-1"].outcome is Outcome.GONE
    assert facts_of(answers["project-2"]).version == "1.0"
    assert facts_of(answers["project-0"]).version == "1.0"
    assert len(server.requests("pypi")) == 4


def test_a_new_project_among_many_is_fetched(world: World, server: WorldServer) -> None:
    targets = [*many(world), ProjectTarget(coordinate="new")]
    world.add_project("new", [("1.0", 1)])
    assert facts_of(fetch(server, *targets)["new"]).version == "1.0"
    assert len(server.requests("pypi")) == 2


def test_an_uncompressed_list_is_accepted(world: World, server: WorldServer) -> None:
    targets = many(world)
    serve_list(server, *(f"Project_{number}" for number in range(len(targets))))
    assert {answer.outcome for answer in fetch(server, *targets).values()} == {Outcome.UNCHANGED}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "cut"}, "was truncated"),
        ({"kind": "gzip_cut"}, "was truncated"),
        ({"kind": "unknown_encoding"}, "content encoding"),
        ({"kind": "drop"}, "closed the connection"),
        ({"kind": "maintenance"}, "503"),
        ({"status": 404, "body": b"404 Not Found"}, "404"),
        ({"status": 200, "body": b"<!doctype html>"}, "not valid JSON"),
        ({"status": 200, "body": b'{"projects": [1'}, "is invalid"),
        ({"status": 200, "body": b'{"projects": [{"name": "a", "_last-serial": 1}'}, "was truncated"),
        ({"status": 200, "body": {"projects": []}}, "empty"),
        ({"status": 200, "body": {"projects": {"0": "a"}}}, "not valid JSON"),
    ],
)
def test_an_invalid_list_fails_everything_without_further_requests(
    world: World, server: WorldServer, fault: dict[str, Any], message: str
) -> None:
    targets = many(world)
    server.fault("pypi", LIST, **fault)
    pages, pypi = fetch_pages(server, targets)
    for answer in (answer for page in pages for answer in page):
        assert (answer.outcome, answer.facts) == (Outcome.FAILED, None)
        assert message in answer.reason
    assert not server.requests("pypi", "json$")
    assert pypi.project_count is None


def test_an_incomplete_list_is_fetched_once_more(world: World, server: WorldServer) -> None:
    targets = many(world)
    world.extra_projects = 20_000
    server.fault("pypi", LIST, kind="cut", times=1)
    assert {answer.outcome for answer in fetch(server, *targets).values()} == {Outcome.UNCHANGED}
    assert len(server.requests("pypi")) == 2


@pytest.mark.parametrize(("last", "outcome"), [(400, Outcome.FAILED), (334, Outcome.UNCHANGED), (1, Outcome.UNCHANGED)])
def test_a_list_that_is_much_shorter_than_the_last_one_is_rejected(
    world: World, server: WorldServer, last: int, outcome: Outcome
) -> None:
    targets = many(world)
    answers = fetch(server, *targets, last_project_count=last)
    assert {answer.outcome for answer in answers.values()} == {outcome}
    if outcome is Outcome.FAILED:
        assert {answer.reason for answer in answers.values()} == {
            "pypi: the list of projects is incomplete: 301, but 400 at the last fetch"
        }


def test_a_rate_limit_on_the_list_defers_everything(world: World, server: WorldServer) -> None:
    targets = many(world)
    server.fault("pypi", LIST, status=429, headers={"retry-after": "120"})
    answers = fetch(server, *targets)
    assert {answer.outcome for answer in answers.values()} == {Outcome.DEFERRED}
    assert all(answer.until is not None for answer in answers.values())
    assert len(server.requests("pypi")) == 1


# Failures


def test_an_unreachable_server_gets_few_requests() -> None:
    targets = [ProjectTarget(coordinate=f"p{number}") for number in range(200)]
    pages, pypi = fetch_pages("http://127.0.0.1:9", targets)
    answers = [answer for page in pages for answer in page]
    assert {answer.outcome for answer in answers} == {Outcome.FAILED}
    assert all("no connection to 127.0.0.1:9" in answer.reason for answer in answers)
    assert pypi.spent.requests <= (MAX_FAILURES + MAX_CONCURRENT) * QUICK.attempts


@pytest.mark.parametrize("status", [500, 401, 403])
def test_a_server_that_rejects_everything_gets_few_requests(world: World, server: WorldServer, status: int) -> None:
    targets = many(world, 100)
    server.fault("pypi", status=status, body={"message": "no"})
    answers = fetch(server, *targets)
    assert {answer.outcome for answer in answers.values()} == {Outcome.FAILED}
    assert all(str(status) in answer.reason for answer in answers.values())
    assert len(server.requests("pypi")) <= (MAX_FAILURES + MAX_CONCURRENT) * QUICK.attempts


@pytest.mark.parametrize("status", [200, 404])
def test_a_server_that_answers_with_html_gets_few_requests(world: World, server: WorldServer, status: int) -> None:
    targets = many(world, 100)
    server.fault("pypi", status=status, body=b"<html>")
    answers = fetch(server, *targets)
    assert {answer.reason for answer in answers.values()} == {f"pypi: got an HTML page instead of JSON ({status})"}
    assert len(server.requests("pypi")) <= MAX_FAILURES + MAX_CONCURRENT


def test_other_client_errors_do_not_stop_the_fetch(world: World, server: WorldServer) -> None:
    targets = many(world, 40)
    server.fault("pypi", "project-[0-9]/", status=451, body={"message": "no"})
    answers = fetch(server, *targets)
    assert sum(answer.outcome is Outcome.UPDATED for answer in answers.values()) == 30


def test_invalid_responses_do_not_stop_the_fetch(world: World, server: WorldServer) -> None:
    targets = many(world, 40)
    server.fault("pypi", "project-[0-9]/", kind="invalid_json")
    answers = fetch(server, *targets)
    assert sum(answer.outcome is Outcome.UPDATED for answer in answers.values()) == 30


def test_a_rate_limit_defers_the_rest(world: World, server: WorldServer) -> None:
    targets = many(world, 50)
    server.fault("pypi", status=429, headers={"retry-after": "120"}, skip=20)
    answers = fetch(server, *targets)
    done = [answer for answer in answers.values() if answer.outcome is Outcome.UPDATED]
    deferred = [answer for answer in answers.values() if answer.outcome is Outcome.DEFERRED]
    assert (len(done), len(deferred)) == (20, 30)
    assert all(answer.until is not None and "rate limit reached" in answer.reason for answer in deferred)
    assert len(server.requests("pypi")) <= 20 + MAX_CONCURRENT


def test_an_aborted_fetch_leaves_no_tasks(world: World, server: WorldServer) -> None:
    targets = many(world, 200)

    async def giving_up() -> int:
        async with Pypi(base_url=server.env["DJPKG_PYPI_URL"], limits=QUICK) as pypi:
            pages = pypi.fetch(targets, now=NOW, sweep=True)
            async for _ in pages:
                break
            await pages.aclose()  # type: ignore[attr-defined]  # an async generator
            return len(asyncio.all_tasks()) - 1

    assert asyncio.run(giving_up()) == 0
    assert len(server.requests("pypi")) < 200


def test_pypi_is_what_it_is_called() -> None:
    assert Pypi.name is SourceName.PYPI


# Projects that PyPI lists, but answers 404 for


def test_a_listed_project_is_not_gone_if_its_page_has_releases(world: World, server: WorldServer) -> None:
    targets = many(world)
    world.release("project-7", "2.0")
    world.add_project("removed", [("1.0", 5)]).state = "gone"
    server.fault("pypi", "/pypi/project-7/", status=404, body={"message": "Not Found"})
    answers = fetch(server, *targets, ProjectTarget(coordinate="removed", serial=1))
    assert answers.pop("removed").outcome is Outcome.GONE
    lost = answers.pop("project-7")
    assert (lost.outcome, lost.reason) == (Outcome.FAILED, "pypi: PyPI lists the project, but answers 404 for it")
    assert {answer.outcome for answer in answers.values()} == {Outcome.UNCHANGED}


def test_a_listed_project_without_releases_is_gone(world: World, server: WorldServer) -> None:
    targets = many(world)
    world.release("project-7", "2.0")
    world.project("project-7").releases.clear()
    server.fault("pypi", "/pypi/project-7/", status=404, body={"message": "Not Found"})
    assert fetch(server, *targets)["project-7"].outcome is Outcome.GONE


def test_an_api_that_begins_to_answer_404_gets_few_requests(world: World, server: WorldServer) -> None:
    targets = many(world)
    for target in targets:
        world.release(target.coordinate, "2.0")
    server.fault("pypi", "/project-|/pip/", status=404, body={"message": "Not Found"}, skip=3)
    answers = fetch(server, *targets)
    counts = Counter(answer.outcome for answer in answers.values())
    assert counts == {Outcome.UPDATED: 3, Outcome.FAILED: len(targets) - 3}
    assert len(server.requests("pypi")) <= 4 + 2 * (MAX_FAILURES + MAX_CONCURRENT)
