"""The Django Packages directory by its API v4: packages page by page, one package, all grids, all categories.

The API has no validators and no way to ask for what changed; ids of category and grids come as addresses, and errors
of the site itself as pages for people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec

from djpkg.errors import Rejected, UnexpectedPayload
from djpkg.model.batch_sizes import PAGE
from djpkg.source_name import SourceName
from djpkg.sources.catalog.records import parse_category, parse_grid, parse_package, read_id
from djpkg.sources.http.client import Client
from djpkg.sources.http.payload import Count, decode
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.http.response import is_address
from djpkg.sources.http.retry import Limits
from djpkg.sources.source import Spent
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from djpkg.model.facts import CatalogFacts, Category, Grid
    from djpkg.sources.http.response import Response

T = TypeVar("T", bound="CatalogFacts | Grid | Category")

LIST_SIZE = 1000
"""How many grids or categories are asked for at once: all of them."""
EXTRA_PAGES = 50
"""So many pages may be added to a list while it is read."""
MAX_PAGES = 4000
"""No list has more, whatever it says of itself."""
_LONGEST_SLUG = 200


class _Page(msgspec.Struct):
    count: Count
    next: str | None
    results: list[msgspec.Raw]


class _Absence(msgspec.Struct):
    detail: str


_PAGE = msgspec.json.Decoder(_Page)
_ABSENCE = msgspec.json.Decoder(_Absence)


class Malformed(NamedTuple):
    """A record that is not as documented: its id, where it has one, and what is wrong with it."""

    id: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPage:
    """One page of a sweep: the directory's own count of packages, and those of this page.

    `ids` are those of all records of the page, also of those that were `refused`.
    """

    count: int
    packages: tuple[CatalogFacts, ...]
    ids: tuple[int, ...]
    refused: tuple[Malformed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Records(Generic[T]):
    """The records of one page by id (one that comes twice: as it came last), and what is wrong with the others."""

    good: dict[int, T]
    ids: tuple[int, ...]
    refused: tuple[Malformed, ...]


class Catalog:
    """Asks the directory, one request at a time; use it with ``async with``.

    All methods raise SourceError: what the directory cannot be asked, it cannot be asked for any package.
    """

    name = SourceName.CATALOG

    def __init__(
        self,
        *,
        base_url: str,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.quota = Quota()
        self.quotas = {"": self.quota}
        self.spent = Spent()
        self._base = base_url.rstrip("/")
        # What closes the whole directory is not met a second time in one run.
        self._shut: Rejected | None = None
        self._client = Client(
            source=self.name,
            base_url=self._base,
            quota=self.quota,
            spent=self.spent,
            connections=1,
            limits=limits,
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def fetch_package(self, name: str) -> CatalogFacts | None:
        """One package by slug or id (all digits is an id); None where the directory has no such package."""
        if not name.strip("./") or "/" in name or len(name) > _LONGEST_SLUG:
            return None  # no slug, and another route of the API
        reply = await self._get(f"packages/{quote(name, safe='')}/")
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        return parse_package(reply.body)

    async def sweep(self) -> AsyncIterator[CatalogPage]:
        """All packages, newest first, page by page; packages that come or go meanwhile may repeat or be missed.

        A directory without packages is an error, never an empty sweep.
        """
        async for page in self._pages("packages/", size=PAGE):
            if not page.results:
                raise UnexpectedPayload("catalog: the directory shows no packages")
            records = _read_records(page.results, parse_package)
            yield CatalogPage(
                count=page.count,
                packages=tuple(records.good.values()),
                ids=records.ids,
                refused=records.refused,
            )

    async def fetch_grids(self) -> list[Grid]:
        """All grids but those that are not as documented; UnexpectedPayload where none is."""
        return await self._fetch_all("grids/", parse_grid)

    async def fetch_categories(self) -> list[Category]:
        """All categories but those that are not as documented; UnexpectedPayload where none is."""
        return await self._fetch_all("categories/", parse_category)

    async def _fetch_all(self, route: str, parse: Callable[[bytes | msgspec.Raw], T]) -> list[T]:
        good: dict[int, T] = {}
        refused: list[Malformed] = []
        async for page in self._pages(route, size=LIST_SIZE):
            records = _read_records(page.results, parse)
            good |= records.good
            refused += records.refused
        if refused and not good:
            raise UnexpectedPayload(f"catalog: {refused[0].reason}")
        return list(good.values())

    async def _pages(self, route: str, *, size: int) -> AsyncIterator[_Page]:
        """The pages of a list, following `next` below the API's address, each address once, and not for ever."""
        reply = await self._get(route, params={"limit": size})
        page = _read_page(reply)
        # The directory may give fewer at a time than it was asked for.
        most = min(math.ceil(page.count / max(1, min(size, len(page.results)))) + EXTRA_PAGES, MAX_PAGES)
        seen = {reply.url}
        while True:
            yield page
            if not page.next:
                return
            address = self._read_next(reply.url, page.next)
            if address in seen:
                raise UnexpectedPayload(f"catalog: the pages of {route} lead back to one that was read")
            if len(seen) >= most:
                raise UnexpectedPayload(f"catalog: {route} has more pages than its count allows")
            seen.add(address)
            reply = await self._get(address)
            page = _read_page(reply)

    def _read_next(self, url: str, following: str) -> str:
        try:
            address = urljoin(url, following) if is_address(following) else ""
            parts, base = urlsplit(address), urlsplit(self._base)
        except ValueError:
            address, parts, base = "", urlsplit(""), urlsplit(self._base)
        if (
            (parts.scheme, parts.netloc.lower()) != (base.scheme, base.netloc.lower())
            or not parts.path.startswith(f"{base.path}/")
            or ".." in unquote(parts.path).split("/")
        ):
            raise UnexpectedPayload("catalog: the next page is said to be elsewhere, not followed")
        return address

    async def _get(self, target: str, *, params: dict[str, str | int] | None = None) -> Response:
        """A reply with JSON: 200, or the API's own 404."""
        if self._shut is not None:
            raise self._shut
        try:
            reply = await self._client.get(target, params=params)
        except Rejected as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            self._shut = Rejected(
                "catalog: the directory is out of service (503), as it is for maintenance", status=error.status
            )
            raise self._shut from error
        page_for_people = reply.body.lstrip()[:1] == b"<"
        if reply.headers.get("cf-mitigated") == "challenge" or (page_for_people and b"Just a moment..." in reply.body):
            self._shut = Rejected(
                "catalog: the catalog's Cloudflare asks for a browser (challenge)", status=reply.status
            )
            raise self._shut
        if reply.status == HTTPStatus.NOT_FOUND:
            if page_for_people or not _is_absence(reply):
                raise Rejected(
                    f"catalog: there is no API at {self._base} (404)",
                    status=reply.status,
                    hint="DJPKG_CATALOG_URL names its address, which ends with /api/v4",
                )
        elif reply.status != HTTPStatus.OK:
            raise Rejected(f"catalog: the directory answered {reply.status}", status=reply.status)
        elif page_for_people:
            raise UnexpectedPayload("catalog: the directory answered with a page for people")
        return reply


def _is_absence(reply: Response) -> bool:
    try:
        decode(_ABSENCE, reply.body, source=SourceName.CATALOG)
    except UnexpectedPayload:
        return False
    return True


def _read_page(reply: Response) -> _Page:
    if reply.status != HTTPStatus.OK:
        raise Rejected("catalog: the directory does not know a list of its own (404)", status=reply.status)
    page = decode(_PAGE, reply.body, source=SourceName.CATALOG)
    if page.next and not page.results:
        raise UnexpectedPayload("catalog: a page is empty that is not the last one")
    return page


def _read_records(raws: list[msgspec.Raw], parse: Callable[[bytes | msgspec.Raw], T]) -> _Records[T]:
    good: dict[int, T] = {}
    ids: dict[int, None] = {}
    refused: list[Malformed] = []
    for raw in raws:
        number: int | None
        try:
            record = parse(raw)
        except UnexpectedPayload as error:
            number = read_id(raw)
            refused.append(Malformed(number, error.reason.removeprefix("catalog: ")))
        else:
            number = record.id
            good[number] = record
        if number is not None:
            ids[number] = None
    return _Records(good=good, ids=tuple(ids), refused=tuple(refused))
