"""The Django Packages catalog by its API v4: packages page by page, one package, all grids, all categories.

The API has no validators and cannot list changes. It refers to categories and grids by URL, and answers errors of the
site itself with HTML.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec

from djpkg.errors import HTTPStatusError, UnexpectedPayload
from djpkg.model.batch_sizes import CATALOG_PAGE_SIZE
from djpkg.source_name import SourceName
from djpkg.sources.catalog.records import parse_category, parse_grid, parse_id, parse_package
from djpkg.sources.http.client import SingleServerSource
from djpkg.sources.http.payload import Count, decode_json
from djpkg.sources.http.response import http_status_error, is_valid_url, to_single_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from djpkg.model.facts import CatalogFacts, Category, Grid
    from djpkg.sources.http.response import Response

T = TypeVar("T", bound="CatalogFacts | Grid | Category")

LIST_PAGE_SIZE = 1000
"""Grids or categories per request: all of them."""
MAX_EXTRA_PAGES = 50
"""How many pages may be added to a list while it is read."""
MAX_PAGES = 4000
"""The most pages of a list, whatever count it states."""
_MAX_SLUG_LENGTH = 200


class _Page(msgspec.Struct):
    count: Count
    next: str | None
    results: list[msgspec.Raw]


class _NotFound(msgspec.Struct):
    detail: str


_PAGE = msgspec.json.Decoder(_Page)
_NOT_FOUND = msgspec.json.Decoder(_NotFound)


class InvalidRecord(NamedTuple):
    """A record that could not be parsed: its id, if it has a valid one, and the error."""

    id: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPage:
    """One page of a sweep. `count` is the number of packages that the catalog states.

    `ids` are those of all records of the page, the `invalid` ones too.
    """

    count: int
    packages: tuple[CatalogFacts, ...]
    ids: tuple[int, ...]
    invalid: tuple[InvalidRecord, ...]


class Catalog(SingleServerSource):
    """Fetches from the catalog, one request at a time; use it with ``async with``. All methods raise SourceError."""

    name = SourceName.CATALOG
    connections = 1
    _outage: HTTPStatusError | None = None  # of the whole site: raised again for every further request of this run

    async def fetch_package(self, id_or_slug: int | str) -> CatalogFacts | None:
        """Return a package by id or slug, by digits either way; None if the catalog does not have it.

        UnexpectedPayload for an answer about another package than the requested one.
        """
        name = str(id_or_slug)
        if not name.strip("./") or "/" in name or len(name) > _MAX_SLUG_LENGTH:
            return None  # not a slug; it would request another route of the API
        response = await self._get(f"packages/{quote(name, safe='')}/")
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        facts = parse_package(response.body)
        if name.isdecimal():
            is_same = facts.id == int(name) or facts.slug == name
            if isinstance(id_or_slug, int) and facts.id != id_or_slug and is_same:
                return None  # no package has that id, and the catalog took it for a slug
        else:  # after a redirect by the catalog, its target is the slug to expect
            slug = unquote(urlsplit(response.url).path.rstrip("/").rpartition("/")[2])
            is_same = facts.slug.lower() == slug.lower()
        if not is_same:
            shown = to_single_line(facts.slug)
            raise UnexpectedPayload(f"catalog: got an answer about package {facts.id} ({shown}) instead of {name}")
        return facts

    async def sweep(self) -> AsyncIterator[CatalogPage]:
        """Yield all packages, newest first; those added or removed meanwhile may repeat or be missing.

        A catalog without packages raises UnexpectedPayload.
        """
        async for page in self._pages("packages/", size=CATALOG_PAGE_SIZE):
            if not page.results:
                raise UnexpectedPayload("catalog: the list of packages is empty")
            valid, ids, invalid = _parse_records(page.results, parse_package)
            yield CatalogPage(count=page.count, packages=tuple(valid.values()), ids=ids, invalid=invalid)

    async def fetch_grids(self) -> list[Grid]:
        """Return all valid grids. Raises UnexpectedPayload if all are invalid."""
        return await self._fetch_list("grids/", parse_grid)

    async def fetch_categories(self) -> list[Category]:
        """Return all valid categories. Raises UnexpectedPayload if all are invalid."""
        return await self._fetch_list("categories/", parse_category)

    async def _fetch_list(self, route: str, parse: Callable[[bytes | msgspec.Raw], T]) -> list[T]:
        valid: dict[int, T] = {}
        invalid: list[InvalidRecord] = []
        async for page in self._pages(route, size=LIST_PAGE_SIZE):
            page_valid, _, page_invalid = _parse_records(page.results, parse)
            valid |= page_valid
            invalid += page_invalid
        if invalid and not valid:
            raise UnexpectedPayload(f"catalog: {invalid[0].reason}")
        return list(valid.values())

    async def _pages(self, route: str, *, size: int) -> AsyncIterator[_Page]:
        """Yield the pages of a list. A `next` link has to be below the base URL and new."""
        response = await self._get(route, params={"limit": size})
        page = _parse_page(response)
        # The catalog may return fewer records per page than requested.
        page_size = max(1, min(size, len(page.results)))
        max_pages = min(math.ceil(page.count / page_size) + MAX_EXTRA_PAGES, MAX_PAGES)
        seen = {response.url}
        while True:
            yield page
            if not page.next:
                return
            url = self._next_url(response.url, page.next)
            if url in seen:
                raise UnexpectedPayload(f"catalog: the next-page link of {route} points to a page already read")
            if len(seen) >= max_pages:
                raise UnexpectedPayload(f"catalog: {route} has more pages than its count allows")
            seen.add(url)
            response = await self._get(url)
            page = _parse_page(response)

    def _next_url(self, current: str, link: str) -> str:
        """Return the absolute URL of a `next` link. Raises UnexpectedPayload if it is not below the base URL."""
        base = urlsplit(self._base_url)
        try:
            url = urlsplit(urljoin(current, link) if is_valid_url(link) else "")
        except ValueError:
            url = urlsplit("")
        same_server = (url.scheme, url.netloc.lower()) == (base.scheme, base.netloc.lower())
        below = url.path.startswith(f"{base.path}/") and ".." not in unquote(url.path).split("/")
        if not (same_server and below):
            raise UnexpectedPayload("catalog: the next-page link points to another server; not followed")
        return url.geturl()

    async def _get(self, target: str, *, params: dict[str, str | int] | None = None) -> Response:
        """Return a JSON response with status 200, or the API's own 404."""
        if self._outage is not None:
            raise self._outage
        try:
            response = await self._client.get(target, params=params)
        except HTTPStatusError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            self._outage = HTTPStatusError(
                "catalog: the site is unavailable (503), probably for maintenance; try again later", status=error.status
            )
            raise self._outage from error
        is_html = response.body.lstrip()[:1] == b"<"
        if response.headers.get("cf-mitigated") == "challenge" or (is_html and b"Just a moment..." in response.body):
            self._outage = HTTPStatusError(
                "catalog: Cloudflare blocked the request (browser challenge); try again later",
                status=response.status,
                hint="djpkg fetch --from URL takes a snapshot from elsewhere: djpkg help mirror",
            )
            raise self._outage
        if response.status == HTTPStatus.NOT_FOUND:
            if is_html or not _is_api_not_found(response):
                raise HTTPStatusError(
                    f"catalog: API not found at {self._base_url} (404)",
                    status=response.status,
                    hint="set DJPKG_CATALOG_URL to its address, which ends with /api/v4",
                )
        elif response.status != HTTPStatus.OK:
            raise http_status_error(SourceName.CATALOG, response.host, response.status)
        elif is_html:
            raise UnexpectedPayload(f"catalog: got an HTML page instead of JSON ({response.status})")
        return response


def _is_api_not_found(response: Response) -> bool:
    try:
        decode_json(_NOT_FOUND, response.body, source=SourceName.CATALOG)
    except UnexpectedPayload:
        return False
    return True


def _parse_page(response: Response) -> _Page:
    if response.status != HTTPStatus.OK:
        raise HTTPStatusError("catalog: list not found (404)", status=response.status)
    page = decode_json(_PAGE, response.body, source=SourceName.CATALOG)
    if page.next and not page.results:
        raise UnexpectedPayload("catalog: a page other than the last one is empty")
    return page


def _parse_records(
    raws: list[msgspec.Raw], parse: Callable[[bytes | msgspec.Raw], T]
) -> tuple[dict[int, T], tuple[int, ...], tuple[InvalidRecord, ...]]:
    """Return the valid records by id (the last one of two with the same id), the ids of all, and the invalid ones."""
    valid: dict[int, T] = {}
    ids: dict[int, None] = {}
    invalid: list[InvalidRecord] = []
    for raw in raws:
        number: int | None
        try:
            record = parse(raw)
        except UnexpectedPayload as error:
            number = parse_id(raw)
            invalid.append(InvalidRecord(number, str(error).removeprefix("catalog: ")))
        else:
            number = record.id
            valid[number] = record
        if number is not None:
            ids[number] = None
    return valid, tuple(ids), tuple(invalid)
