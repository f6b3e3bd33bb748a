"""A package as commands show it: effective values by field name, with origins and source states."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from djpkg.config import API_BY_SOURCE
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from djpkg.model.dependencies import Dependencies

    # A field's value as in JSON output.
    Value: TypeAlias = bool | int | str | list[int] | list[str] | dict[str, str] | None
    Values: TypeAlias = Mapping[str, Value]

# URLs of category and grids always start with this one, as in the public API, whichever catalog was fetched.
PUBLIC_API = API_BY_SOURCE[SourceName.CATALOG].default_url


def category_url(number: int | None) -> str | None:
    """Return the URL of a category in a record."""
    return None if number is None else f"{PUBLIC_API}/categories/{number}/"


def grid_url(number: int) -> str:
    """Return the URL of a grid in a record."""
    return f"{PUBLIC_API}/grids/{number}/"


def package_url(slug: str, *, api: str = PUBLIC_API) -> str:
    """Return the URL of the package's page on the site that serves `api`."""
    return f"{api.removesuffix('/api/v4')}/packages/p/{quote(slug, safe='', errors='replace')}/"


class Provenance(NamedTuple):
    """The last lookup of a package at one source: when it was asked and answered (UTC texts), outcome and error.

    `via` as in `Origin`.
    """

    source: str
    coordinate: str
    asked: str | None
    answered: str | None
    outcome: str | None
    error: str | None
    via: str | None = None


YOU = "you"
DJPKG = "djpkg"


class Origin(NamedTuple):
    """The source of a field's value, `YOU` (an edit) or `DJPKG` (computed), and its time (UTC text or None).

    `via` is when the snapshot was made from which the source's answer was taken, None if the source was asked.
    """

    source: str
    at: str | None
    via: str | None = None


def describe_via(made: str) -> str:
    """Return ``via snapshot of 2026-11-26`` for an answer that came in a snapshot made at this time."""
    return f"via snapshot of {made[:10]}"


class Package(NamedTuple):
    """One package with everything that `show` prints.

    `values` and `origins` hold every field by name. `category` and `grids` are display names (a grid's number where its
    name is unknown). `upstream` and `upstream_origins` hold the upstream value and its origin for each edited field.
    """

    values: Values
    category: str | None
    grids: tuple[str, ...]
    upstream: Values
    origins: Mapping[str, Origin]
    upstream_origins: Mapping[str, Origin]
    sources: tuple[Provenance, ...]
    suggestion: str | None = None
    problems: tuple[str, ...] = ()
    dependencies: Dependencies | None = None
