"""Records of the directory's API v4, one by one: which values they may have, and the facts that they state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model.facts import CatalogFacts, Category, Grid
from djpkg.source_name import SourceName
from djpkg.sources.http.payload import MAX_COUNT, Count, clean, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Slug = Annotated[str, msgspec.Meta(min_length=1)]


class _Numbered(msgspec.Struct):
    id: Id


class _Package(msgspec.Struct, gc=False):
    """The 18 keys, all of which are always there."""

    category: str | None
    grids: list[str]
    id: Id
    title: str
    slug: Slug
    last_updated: str | None
    last_fetched: str | None
    repo_url: str
    pypi_version: str | None
    created: str | None
    modified: str | None
    repo_forks: Count | None
    repo_description: str | None
    pypi_url: str
    documentation_url: str | None
    repo_watchers: Count | None
    commits_over_52: list[Count]
    participants: list[str]


class _Grid(msgspec.Struct):
    id: Id
    title: str
    slug: Slug
    packages: list[str]
    description: str | None = None


class _Category(msgspec.Struct):
    id: Id
    title: str
    slug: Slug
    title_plural: str | None = None
    description: str | None = None


_NUMBERED = msgspec.json.Decoder(_Numbered)
_PACKAGE = msgspec.json.Decoder(_Package)
_GRID = msgspec.json.Decoder(_Grid)
_CATEGORY = msgspec.json.Decoder(_Category)


def read_id(body: bytes | msgspec.Raw) -> int | None:
    """The id of a record, whatever else is wrong with it; None where it has none."""
    try:
        return decode(_NUMBERED, body, source=SourceName.CATALOG).id
    except UnexpectedPayload:
        return None


def parse_package(body: bytes | msgspec.Raw) -> CatalogFacts:
    """The facts that a package's record states, times as they came; UnexpectedPayload names id and key."""
    record = _decode(_PACKAGE, body, "package")
    what = f"package {record.id}"
    return CatalogFacts(
        id=record.id,
        title=clean(record.title),
        slug=clean(record.slug),
        category=None if record.category is None else _number(record.category, f"{what}: category"),
        grids=_numbers(record.grids, f"{what}: grids"),
        repo_url=clean(record.repo_url),
        pypi_url=clean(record.pypi_url),
        documentation_url=_clean(record.documentation_url),
        created=_time(record.created, f"{what}: created"),
        modified=_time(record.modified, f"{what}: modified"),
        last_updated=_time(record.last_updated, f"{what}: last_updated"),
        last_fetched=_time(record.last_fetched, f"{what}: last_fetched"),
        pypi_version=_clean(record.pypi_version),
        repo_forks=record.repo_forks,
        repo_description=clean(record.repo_description or ""),
        repo_watchers=record.repo_watchers,
        commits_over_52=tuple(record.commits_over_52),
        participants=tuple(map(clean, record.participants)),
    )


def parse_grid(body: bytes | msgspec.Raw) -> Grid:
    """A grid with the ids of its packages; UnexpectedPayload names id and key."""
    record = _decode(_GRID, body, "grid")
    return Grid(
        id=record.id,
        slug=clean(record.slug),
        title=clean(record.title),
        description=clean(record.description or ""),
        packages=_numbers(record.packages, f"grid {record.id}: packages"),
    )


def parse_category(body: bytes | msgspec.Raw) -> Category:
    """A category; UnexpectedPayload names id and key."""
    record = _decode(_CATEGORY, body, "category")
    return Category(
        id=record.id,
        slug=clean(record.slug),
        title=clean(record.title),
        title_plural=clean(record.title_plural or ""),
        description=clean(record.description or ""),
    )


def _decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, kind: str) -> T:
    try:
        return decode(decoder, body, source=SourceName.CATALOG)
    except UnexpectedPayload:
        # Once more, to say which one it is: that is not looked for in those that are right.
        number = read_id(body)
        which = f"a {kind} without id" if number is None else f"{kind} {number}"
        return decode(decoder, body, source=SourceName.CATALOG, what=f"{which}: the record")


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _time(text: str | None, what: str) -> str | None:
    """The text as it came, once it is sure that it names a moment."""
    if text is not None and times.instant(text) is None:
        raise UnexpectedPayload(f"catalog: {what} is no time")
    return _clean(text)


def _number(address: str, what: str) -> int:
    """The id with which the path of an address ends; hosts differ with the one that was asked."""
    try:
        path = urlsplit(address).path
    except ValueError:
        path = ""
    found = re.fullmatch(r"(?:.*/)?([1-9][0-9]{0,14})/?", path)
    if not found:
        raise UnexpectedPayload(f"catalog: {what} is not an address with an id")
    return int(found[1])


def _numbers(addresses: Iterable[str], what: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_number(address, what) for address in addresses))
