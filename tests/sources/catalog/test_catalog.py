"""The catalog: packages, grids and categories, invalid responses, and outages."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from djpkg.errors import HTTPStatusError, QuotaExhausted, SourceError, UnexpectedPayload, Unreachable
from djpkg.model.batch_sizes import CATALOG_PAGE_SIZE
from djpkg.model.facts import Category, Grid
from djpkg.sources.catalog.source import Catalog, CatalogPage
from djpkg.sources.http.retry import Limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from djpkg.model.facts import CatalogFacts
    from tests.world import World, WorldServer

T = TypeVar("T")
QUICK = Limits(attempt=30, total=60, attempts=2, backoff=0.01, wait=0)


def run(server: WorldServer | str, action: Callable[[Catalog], Awaitable[T]]) -> T:
    async def running() -> T:
        base_url = server if isinstance(server, str) else server.env["DJPKG_CATALOG_URL"]
        async with Catalog(base_url=base_url, limits=QUICK) as catalog:
            return await action(catalog)

    return asyncio.run(running())


def fetch(server: WorldServer, name: str) -> CatalogFacts | None:
    return run(server, lambda catalog: catalog.fetch_package(name))


def sweep(server: WorldServer) -> list[CatalogPage]:
    async def sweeping(catalog: Catalog) -> list[CatalogPage]:
        return [page async for page in catalog.sweep()]

    return run(server, sweeping)


def slugs(pages: list[CatalogPage]) -> list[str]:
    return [package.slug for page in pages for package in page.packages]


def add_many(world: World, count: int) -> None:
    for number in range(1, count + 1):
        world.add_package(f"package-{number}", repo_url="", path=None)


def rewrite_record(server: WorldServer, slug: str, /, **values: object) -> None:
    """Change values of one record; a key whose value is `...` is removed."""

    def change(page: dict[str, Any]) -> object:
        for record in page["results"]:
            if record["slug"] == slug:
                record.update(values)
                for key in [key for key, value in values.items() if value is ...]:
                    del record[key]
        return page

    server.fault("catalog", kind="rewrite", rewrite=change)


# One package


def test_all_keys_of_a_package_are_parsed(world: World, server: WorldServer) -> None:
    package = world.add_package(
        "django-todo",
        id=409,
        title="django-todo",
        grids=[62, 53],
        stars=845,
        forks=285,
        description="A “todo” app \u2028 \U0001f600 \x1b[31m",
        releases=[("2.5.0", "2022-11-03")],
        documentation_url=None,
        catalog={"created": "2011-12-01T09:48:37.563585-05:00", "modified": "2024-06-27T09:41:35"},
    )
    facts = fetch(server, "django-todo")
    assert facts is not None
    assert (facts.id, facts.title, facts.slug, facts.category) == (409, "django-todo", "django-todo", 1)
    assert facts.grids == (62, 53)
    assert (facts.repo_watchers, facts.repo_forks) == (845, 285)
    assert facts.repo_description == "A “todo” app \u2028 \U0001f600 \x1b[31m"
    assert facts.pypi_version == "2.5.0"
    assert facts.pypi_url == "http://pypi.python.org/pypi/django-todo"
    assert facts.documentation_url is None
    assert facts.created == "2011-12-01T09:48:37.563585-05:00"
    assert facts.modified == "2024-06-27T09:41:35"
    assert facts.last_updated == package.last_updated
    assert facts.commits_over_52 == tuple(package.commits_over_52)
    assert facts.participants == ("alice",)
    assert fetch(server, "409") == facts
    (by_slug, by_id) = server.requests("catalog")
    assert by_slug.headers["accept"] == "application/json"
    assert (by_slug.target, by_id.target) == ("/catalog/api/v4/packages/django-todo/", "/catalog/api/v4/packages/409/")


@pytest.mark.parametrize("name", ["absent", "17", "with.dot", "Django-Todo", "a b", "ü", "%2e%2e"])
def test_an_unknown_package_is_none(world: World, server: WorldServer, name: str) -> None:
    world.add_package("django-todo")
    assert fetch(server, name) is None


def test_a_slug_of_digits_is_found_where_no_id_matches(world: World, server: WorldServer) -> None:
    named = world.add_package("2048")
    assert named.id != 2048
    found = fetch(server, "2048")
    assert found is not None
    assert (found.id, found.slug) == (named.id, "2048")
    assert run(server, lambda catalog: catalog.fetch_package(2048)) is None  # asked for by its id
    numbered = world.add_package("other", id=2048)
    for found in (fetch(server, "2048"), run(server, lambda catalog: catalog.fetch_package(2048))):
        assert found is not None
        assert (found.id, found.slug) == (numbered.id, "other")


@pytest.mark.parametrize("name", ["", ".", "..", "../packages", "a/b", "x" * 5000])
def test_an_invalid_slug_is_not_requested(server: WorldServer, name: str) -> None:
    assert fetch(server, name) is None
    assert not server.requests("catalog")


@pytest.mark.parametrize("body", [b"<!doctype html><h1>Not Found</h1>", b"", b"{}", b'{"message": "Not Found"}', b"[]"])
def test_a_404_that_is_not_from_the_api_is_an_error(server: WorldServer, body: bytes) -> None:
    server.fault("catalog", status=404, body=body)
    with pytest.raises(HTTPStatusError, match="API not found") as caught:
        fetch(server, "django-todo")
    assert caught.value.status == 404
    assert "DJPKG_CATALOG_URL" in (caught.value.hint or "")


def test_nulls_and_short_lists_are_accepted(world: World, server: WorldServer) -> None:
    empty: dict[str, object] = {
        "last_updated": None,
        "last_fetched": None,
        "pypi_version": None,
        "documentation_url": None,
        "repo_description": None,
        "repo_url": "",
        "pypi_url": "",
        "commits_over_52": [],
        "participants": [],
        "title": "",
        "grids": [],
    }
    world.add_package("empty", catalog=empty)
    world.add_package("short", catalog={"commits_over_52": [1, 2, 3]})
    server.fault("catalog", kind="rewrite", rewrite=lambda record: record | {"more": {"deep": [1]}})
    facts = fetch(server, "empty")
    assert facts is not None
    assert facts.repo_description == ""
    assert {getattr(facts, key) for key in empty if key != "repo_description"} == {None, "", ()}
    short = fetch(server, "short")
    assert short is not None
    assert short.commits_over_52 == (1, 2, 3)


def test_texts_are_cleaned_and_shortened(world: World, server: WorldServer) -> None:
    world.add_package(
        "x", title="a\0\ud800b", description="nul\0 " + "é" * 100_000, catalog={"participants": ["\udfff"]}
    )
    facts = fetch(server, "x")
    assert facts is not None
    assert facts.title.replace("\ufffd", "") == "a\u2400b" != facts.title
    assert facts.repo_description.startswith("nul\u2400 éé")
    assert 65_530 < len(facts.repo_description.encode()) <= 65_536
    assert set(facts.participants[0]) == {"\ufffd"}


# A sweep


def test_a_sweep_yields_all_packages_newest_first(world: World, server: WorldServer) -> None:
    add_many(world, 2 * CATALOG_PAGE_SIZE + 1)
    pages = sweep(server)
    assert [len(page.packages) for page in pages] == [CATALOG_PAGE_SIZE, CATALOG_PAGE_SIZE, 1]
    assert {page.count for page in pages} == {2 * CATALOG_PAGE_SIZE + 1}
    assert slugs(pages) == [f"package-{number}" for number in range(2 * CATALOG_PAGE_SIZE + 1, 0, -1)]
    assert pages[-1].ids == (1,)
    assert server.max_in_flight["catalog"] == 1
    assert len(server.requests("catalog")) == 3


def test_pages_are_requested_as_they_are_read(world: World, server: WorldServer) -> None:
    add_many(world, CATALOG_PAGE_SIZE + 1)

    async def first(catalog: Catalog) -> int:
        async for page in catalog.sweep():
            return len(page.packages)
        return 0

    assert run(server, first) == CATALOG_PAGE_SIZE
    assert len(server.requests("catalog")) == 1


WRONG: list[tuple[str, object]] = [
    ("id", "9"),
    ("id", None),
    ("id", 0),
    ("id", 2**53),
    ("title", None),
    ("title", 5),
    ("slug", ""),
    ("slug", "../../etc"),
    ("slug", "a b"),
    ("slug", "a\n"),
    ("slug", ["x"]),
    ("category", 1),
    ("category", "https://x/categories/"),
    ("category", "https://[/categories/1/"),
    ("grids", None),
    ("grids", ["https://x/grids/none/"]),
    ("grids", [53]),
    ("grids", "https://x/grids/1/"),
    ("last_updated", "yesterday"),
    ("last_fetched", 1_700_000_000),
    ("created", ""),
    ("modified", {}),
    ("repo_url", None),
    ("pypi_url", False),
    ("pypi_version", 2.5),
    ("documentation_url", []),
    ("repo_forks", "12"),
    ("repo_forks", -1),
    ("repo_watchers", True),
    ("repo_watchers", 1.0),
    ("repo_description", ["x"]),
    ("commits_over_52", [1, "2"]),
    ("commits_over_52", {}),
    ("participants", "alice,bob"),
    ("participants", [None]),
    ("participants", ...),
    ("pypi_version", ...),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_an_invalid_record_is_named_and_does_not_affect_others(
    world: World, server: WorldServer, key: str, value: object
) -> None:
    for slug in ("one", "bad", "two"):
        world.add_package(slug)
    rewrite_record(server, "bad", **{key: value})
    (page,) = sweep(server)
    assert slugs([page]) == ["two", "one"]
    (invalid,) = page.invalid
    if key == "id":
        assert page.ids == (3, 1)
        assert invalid.id is None
        assert invalid.reason.startswith("a package without id: the record is invalid: ")
    else:
        assert page.ids == (3, 2, 1)
        assert invalid.id == 2
        assert invalid.reason.startswith("package 2: ")
    assert key in invalid.reason


@pytest.mark.parametrize("record", [None, 5, "x", [], {}, [[]]])
def test_a_value_that_is_not_a_record_does_not_affect_others(world: World, server: WorldServer, record: object) -> None:
    world.add_package("one")
    server.fault("catalog", kind="rewrite", rewrite=lambda page: page | {"results": [record, *page["results"]]})
    (page,) = sweep(server)
    assert slugs([page]) == ["one"]
    assert len(page.invalid) == 1
    assert page.ids == (1,)


def test_the_last_of_two_records_with_the_same_id_counts(world: World, server: WorldServer) -> None:
    world.add_package("one")
    server.fault(
        "catalog",
        kind="rewrite",
        rewrite=lambda page: page | {"results": [*page["results"], page["results"][0] | {"slug": "again"}]},
    )
    (page,) = sweep(server)
    assert (slugs([page]), page.ids) == (["again"], (1,))


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("html", UnexpectedPayload, "got an HTML page instead of JSON (200)"),
        ("invalid_json", UnexpectedPayload, "is not valid JSON"),
        ("empty_list", UnexpectedPayload, "the list of packages is empty"),
        ("wrong_types", UnexpectedPayload, "is invalid"),
        ("deep", UnexpectedPayload, "is invalid"),
        ("huge", UnexpectedPayload, "larger than"),
        ("gzip_bomb", UnexpectedPayload, "larger than"),
        ("gzip_nested", UnexpectedPayload, "content encoding"),
        ("cut", Unreachable, "was truncated"),
        ("drop", Unreachable, "closed the connection"),
        ("challenge", HTTPStatusError, "catalog: Cloudflare blocked the request (browser challenge); try again later"),
        ("maintenance", HTTPStatusError, "the site is unavailable (503), probably for maintenance"),
    ],
)
def test_an_invalid_response_to_a_sweep_names_the_cause(
    world: World, server: WorldServer, kind: Any, error: type[SourceError], message: str
) -> None:
    world.add_package("one")
    server.fault("catalog", kind=kind)
    with pytest.raises(error) as caught:
        sweep(server)
    assert message in str(caught.value)
    assert str(caught.value).startswith("catalog: ")


def test_a_challenge_without_its_header_is_recognized(server: WorldServer) -> None:
    page = b"<!DOCTYPE html><html><head><title>Just a moment...</title>"
    server.fault("catalog", status=403, body=page, headers={"content-type": "text/html"})
    with pytest.raises(HTTPStatusError, match="Cloudflare blocked the request") as raised:
        fetch(server, "django-todo")
    assert "djpkg fetch --from URL" in str(raised.value.hint)


def test_a_description_with_the_words_of_a_challenge_is_accepted(world: World, server: WorldServer) -> None:
    world.add_package("wait", description="<title>Just a moment...</title>")
    assert fetch(server, "wait") is not None


def test_an_empty_catalog_is_an_error(server: WorldServer) -> None:
    with pytest.raises(UnexpectedPayload, match="the list of packages is empty"):
        sweep(server)


@pytest.mark.parametrize("status", [400, 403, 410, 500])
def test_other_statuses_are_errors(server: WorldServer, status: int) -> None:
    server.fault("catalog", status=status, body={"detail": "no"})
    with pytest.raises(HTTPStatusError, match=str(status)) as caught:
        sweep(server)
    assert caught.value.status == status


def test_a_missing_list_is_an_error(server: WorldServer) -> None:
    server.fault("catalog", status=404, body={"detail": "Not found."})
    with pytest.raises(HTTPStatusError, match="list not found"):
        sweep(server)


def test_status_429_defers_until_retry_after(world: World, server: WorldServer) -> None:
    world.add_package("one")
    server.fault("catalog", status=429, headers={"retry-after": "120"})
    with pytest.raises(QuotaExhausted) as caught:
        sweep(server)
    assert caught.value.until is not None


def test_pages_before_a_failing_one_are_yielded(world: World, server: WorldServer) -> None:
    add_many(world, 2 * CATALOG_PAGE_SIZE)
    server.fault("catalog", "offset", kind="html")
    read: list[CatalogPage] = []

    async def sweeping(catalog: Catalog) -> None:
        async for page in catalog.sweep():
            read.append(page)  # noqa: PERF401 - keeps the pages before the error

    with pytest.raises(UnexpectedPayload):
        run(server, sweeping)
    assert [len(page.packages) for page in read] == [CATALOG_PAGE_SIZE]


def set_next_link(server: WorldServer, address: str, *, match: str = "") -> None:
    server.fault("catalog", match, kind="rewrite", rewrite=lambda page: page | {"next": address})


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/catalog/api/v4/packages/?offset=250",
        "//evil.example/catalog/api/v4/packages/",
        "{url}/catalog/api/v3/packages/?offset=250",
        "{url}/catalog/api/v4/../../github/user",
        "{url}/catalog/api/v4/%2e%2e/%2E%2e/github/user",
        "{url}/catalog/api/v4evil/",
        "http://user:word@{host}/catalog/api/v4/packages/?offset=250",
        "http://{host}:1/catalog/api/v4/packages/",
        "http://[/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "{url}/catalog/api/v4/packages/?a=\x1b",
        "{url}/catalog/api/v4/packages/?" + "x" * 9000,
    ],
)
def test_a_next_page_link_to_another_server_is_not_followed(world: World, server: WorldServer, address: str) -> None:
    world.add_package("one")
    set_next_link(server, address.replace("{url}", server.url).replace("{host}", f"127.0.0.1:{server.port}"))
    with pytest.raises(UnexpectedPayload, match="the next-page link points to another server"):
        sweep(server)
    assert len(server.requests()) == 1


@pytest.mark.parametrize("target", ["?limit=250", "?limit=250&offset=250"])
def test_next_page_links_in_a_circle_are_an_error(world: World, server: WorldServer, target: str) -> None:
    add_many(world, 2)
    link = f"{server.env['DJPKG_CATALOG_URL']}/packages/{target}"
    set_next_link(server, link)

    def replace_records(page: dict[str, Any]) -> dict[str, Any]:
        return page | {"results": [{"id": 1}], "next": link}

    server.faults[0].rewrite = replace_records
    with pytest.raises(UnexpectedPayload, match="already read"):
        sweep(server)
    assert len(server.requests()) <= 2


def test_endless_pages_are_an_error(world: World, server: WorldServer) -> None:
    add_many(world, 2)
    addresses = (f"{server.env['DJPKG_CATALOG_URL']}/packages/?offset={number}" for number in range(10**6))
    results = [{"id": 1}]
    server.fault("catalog", kind="rewrite", rewrite=lambda page: page | {"results": results, "next": next(addresses)})
    with pytest.raises(UnexpectedPayload, match="more pages than its count allows"):
        sweep(server)
    assert len(server.requests()) == 52


def test_a_smaller_page_size_than_requested_is_accepted(world: World, server: WorldServer) -> None:
    add_many(world, 120)
    base = f"{server.env['DJPKG_CATALOG_URL']}/packages/"

    def fewer(page: dict[str, Any]) -> dict[str, Any]:
        return page | {"next": page["next"] and page["next"].replace("limit=250", "limit=2")}

    def two(page: dict[str, Any]) -> dict[str, Any]:
        return page | {"results": page["results"][:2], "next": f"{base}?limit=2&offset=2"}

    server.fault("catalog", "limit=250", kind="rewrite", rewrite=two)
    server.fault("catalog", "offset", kind="rewrite", rewrite=fewer)
    assert len(slugs(sweep(server))) == 120
    assert len(server.requests()) == 60


def test_an_empty_page_before_the_last_one_is_an_error(world: World, server: WorldServer) -> None:
    add_many(world, CATALOG_PAGE_SIZE + 1)
    server.fault(
        "catalog", "offset", kind="rewrite", rewrite=lambda page: page | {"results": [], "next": page["previous"]}
    )
    with pytest.raises(UnexpectedPayload, match="other than the last one is empty"):
        sweep(server)


def test_a_relative_next_page_link_is_followed(world: World, server: WorldServer) -> None:
    add_many(world, CATALOG_PAGE_SIZE + 1)
    server.fault("catalog", "limit=250$", kind="rewrite", rewrite=lambda page: page | {"next": "?limit=250&offset=250"})
    assert len(slugs(sweep(server))) == CATALOG_PAGE_SIZE + 1


# Grids and categories


def test_all_grids_come_in_one_request(world: World, server: WorldServer) -> None:
    for number in range(1, 301):
        world.add_grid(number, f"Grid {number}")
    world.add_grid(301, "Todo “apps”", description="a\0b")
    world.add_package("b", id=7, grids=[301, 2])
    world.add_package("a", id=9, grids=[301])
    grids = run(server, lambda catalog: catalog.fetch_grids())
    assert grids[0] == Grid(id=301, slug="todo-apps-", title="Todo “apps”", description="a\u2400b", packages=(9, 7))
    assert [grid.id for grid in grids] == list(range(301, 0, -1))
    assert [request.target for request in server.requests()] == ["/catalog/api/v4/grids/?limit=1000"]


def test_all_categories_come_in_one_request(server: WorldServer) -> None:
    categories = run(server, lambda catalog: catalog.fetch_categories())
    assert [category.slug for category in categories] == ["starter-projects", "other", "projects", "frameworks", "apps"]
    assert categories[-1] == Category(
        id=1, slug="apps", title="App", title_plural="Apps", description="Small components used to build projects."
    )
    assert len(server.requests()) == 1


def test_an_invalid_grid_does_not_affect_others(world: World, server: WorldServer) -> None:
    world.add_grid(1, "One")
    world.add_grid(2, "Two")
    rewrite_record(server, "two", packages=["nowhere"])
    assert [grid.id for grid in run(server, lambda catalog: catalog.fetch_grids())] == [1]


def test_only_invalid_grids_are_an_error(world: World, server: WorldServer) -> None:
    world.add_grid(1, "One")
    server.fault("catalog", kind="wrong_types")
    with pytest.raises(UnexpectedPayload):
        run(server, lambda catalog: catalog.fetch_grids())
    server.faults.clear()
    rewrite_record(server, "one", title=None)
    with pytest.raises(UnexpectedPayload, match="catalog: grid 1: the record is invalid"):
        run(server, lambda catalog: catalog.fetch_grids())


def test_a_catalog_may_have_no_grids(server: WorldServer) -> None:
    assert run(server, lambda catalog: catalog.fetch_grids()) == []


def test_further_pages_of_grids_are_read(world: World, server: WorldServer) -> None:
    for number in range(1, 31):
        world.add_grid(number, f"Grid {number}")
    served = [None, f"{server.env['DJPKG_CATALOG_URL']}/grids/?limit=20&offset=20"]
    server.fault(
        "catalog",
        kind="rewrite",
        rewrite=lambda page: page | {"next": served.pop(), "results": page["results"][: 20 if served else 30]},
    )
    assert [grid.id for grid in run(server, lambda catalog: catalog.fetch_grids())] == list(range(30, 0, -1))


def test_requests_are_counted(world: World, server: WorldServer) -> None:
    world.add_package("one")

    async def both(catalog: Catalog) -> int:
        await catalog.fetch_package("one")
        await catalog.fetch_grids()
        return catalog.spent.requests

    assert run(server, both) == len(server.requests("catalog")) == 2


def test_a_recorded_response_is_parsed(server: WorldServer) -> None:
    record = {
        "category": "https://djangopackages.org/api/v4/categories/1/",
        "grids": ["https://djangopackages.org/api/v4/grids/53/", "https://djangopackages.org/api/v4/grids/62/"],
        "id": 409,
        "title": "django-todo",
        "slug": "django-todo",
        "last_updated": "2024-03-03T01:02:11-05:00",
        "last_fetched": "2026-11-22T10:00:00.450707-05:00",
        "repo_url": "https://github.com/shacker/django-todo",
        "pypi_version": "2.5.0",
        "created": "2011-12-01T09:48:37.563585-05:00",
        "modified": "2024-06-27T09:41:35.907403-04:00",
        "repo_forks": 285,
        "repo_description": "A multi-user, multi-group todo/ticketing system.",
        "pypi_url": "http://pypi.python.org/pypi/django-todo",
        "documentation_url": "https://github.com/shacker/django-todo/wiki/Overview-and-screenshots",
        "repo_watchers": 845,
        "commits_over_52": [0] * 52,
        "participants": ["shacker", "bernd-wechner"],
    }
    server.fault("catalog", status=200, body=json.dumps(record).encode())
    facts = fetch(server, "409")
    assert facts is not None
    assert (facts.category, facts.grids) == (1, (53, 62))
    assert facts.last_fetched == "2026-11-22T10:00:00.450707-05:00"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not JSON", "catalog: the response is not valid JSON"),
        (b"", "catalog: the response is not valid JSON"),
        (b"[1]", "catalog: the response is not a package"),
        (b"null", "catalog: the response is not a package"),
        (b'{"a": 1}', "catalog: a package without id: the record is invalid: "),
    ],
)
def test_an_unusable_answer_about_a_package_names_its_fault(server: WorldServer, body: bytes, reason: str) -> None:
    server.fault("catalog", status=200, body=body)
    with pytest.raises(UnexpectedPayload) as caught:
        fetch(server, "django-todo")
    assert str(caught.value).startswith(reason)
