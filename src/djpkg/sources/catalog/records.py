"""Parses records of the catalog's API v4: packages, grids and categories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model.facts import CatalogFacts, Category, Grid
from djpkg.source_name import SourceName
from djpkg.sources.http.payload import MAX_COUNT, Count, Entries, clean_optional, clean_text, decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[^\s/\\]+\Z")]
"""A part of the path of the record's page: it cannot lead to another page."""


class _AnyRecord(msgspec.Struct):
    id: Id


class _Package(msgspec.Struct):
    """The 18 keys; all of them are required."""

    category: str | None
    grids: Entries[str]
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
    commits_over_52: Entries[Count]
    participants: Entries[str]


class _Grid(msgspec.Struct):
    id: Id
    title: str
    slug: Slug
    packages: Entries[str]
    description: str | None = None


class _Category(msgspec.Struct):
    id: Id
    title: str
    slug: Slug
    title_plural: str | None = None
    description: str | None = None


_ANY_RECORD = msgspec.json.Decoder(_AnyRecord)
_JSON = msgspec.json.Decoder(msgspec.Raw)
_PACKAGE = msgspec.json.Decoder(_Package)
_GRID = msgspec.json.Decoder(_Grid)
_CATEGORY = msgspec.json.Decoder(_Category)


def parse_id(body: bytes | msgspec.Raw) -> int | None:
    """Return the id of a record that may be invalid otherwise; None where it has no valid id."""
    try:
        return decode_json(_ANY_RECORD, body, source=SourceName.CATALOG).id
    except UnexpectedPayload:
        return None


def parse_package(body: bytes | msgspec.Raw) -> CatalogFacts:
    """Parse a package; times stay as the catalog wrote them. UnexpectedPayload names the id and the key."""
    record = _decode(_PACKAGE, body, "package")
    where = f"package {record.id}"
    return CatalogFacts(
        id=record.id,
        title=clean_text(record.title),
        slug=clean_text(record.slug),
        category=None if record.category is None else _id_from_url(record.category, f"{where}: category"),
        grids=_ids_from_urls(record.grids, f"{where}: grids"),
        repo_url=clean_text(record.repo_url),
        pypi_url=clean_text(record.pypi_url),
        documentation_url=clean_optional(record.documentation_url),
        created=_check_time(record.created, f"{where}: created"),
        modified=_check_time(record.modified, f"{where}: modified"),
        last_updated=_check_time(record.last_updated, f"{where}: last_updated"),
        last_fetched=_check_time(record.last_fetched, f"{where}: last_fetched"),
        pypi_version=clean_optional(record.pypi_version),
        repo_forks=record.repo_forks,
        repo_description=clean_text(record.repo_description or ""),
        repo_watchers=record.repo_watchers,
        commits_over_52=tuple(record.commits_over_52),
        participants=tuple(map(clean_text, record.participants)),
    )


def parse_grid(body: bytes | msgspec.Raw) -> Grid:
    """Parse a grid with the ids of its packages. UnexpectedPayload names the id and the key."""
    record = _decode(_GRID, body, "grid")
    return Grid(
        id=record.id,
        slug=clean_text(record.slug),
        title=clean_text(record.title),
        description=clean_text(record.description or ""),
        packages=_ids_from_urls(record.packages, f"grid {record.id}: packages"),
    )


def parse_category(body: bytes | msgspec.Raw) -> Category:
    """Parse a category. UnexpectedPayload names the id and the key."""
    record = _decode(_CATEGORY, body, "category")
    return Category(
        id=record.id,
        slug=clean_text(record.slug),
        title=clean_text(record.title),
        title_plural=clean_text(record.title_plural or ""),
        description=clean_text(record.description or ""),
    )


def _decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, kind: str) -> T:
    try:
        return decode_json(decoder, body, source=SourceName.CATALOG)
    except UnexpectedPayload:
        # Decoded again for a message that names the record: valid records need no second pass.
        number = parse_id(body)
        if number is None:
            decode_json(_JSON, body, source=SourceName.CATALOG)
            if bytes(body).lstrip()[:1] != b"{":
                raise UnexpectedPayload(f"catalog: the response is not a {kind}") from None
        which = f"a {kind} without id" if number is None else f"{kind} {number}"
        return decode_json(decoder, body, source=SourceName.CATALOG, what=f"{which}: the record")


def _check_time(text: str | None, what: str) -> str | None:
    """Return the text unchanged if it is a valid time."""
    if text is not None and times.parse_time(text) is None:
        raise UnexpectedPayload(f"catalog: {what} is not a valid time")
    return clean_optional(text)


def _id_from_url(url: str, what: str) -> int:
    """Return the id at the end of a URL's path. The host may differ from the requested one."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    match = re.fullmatch(r"(?:.*/)?([1-9][0-9]{0,14})/?", path)
    if not match:
        raise UnexpectedPayload(f"catalog: {what} is not a URL with an id")
    return int(match[1])


def _ids_from_urls(urls: Iterable[str], what: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_id_from_url(url, what) for url in urls))
