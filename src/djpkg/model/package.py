"""A package as the mirror shows it: effective values by field name, and what a reader wants to know beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from djpkg.config import API_BY_SOURCE
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    # A field's value as JSON shows it.
    Value: TypeAlias = bool | int | str | list[int] | list[str] | dict[str, str] | None
    Values: TypeAlias = Mapping[str, Value]

# Category and grids are shown as addresses below this one wherever the catalog was asked, as its public API does.
PUBLIC_API = API_BY_SOURCE[SourceName.CATALOG].address


def category_address(number: int | None) -> str | None:
    """The address that the record shows for a category."""
    return None if number is None else f"{PUBLIC_API}/categories/{number}/"


def grid_address(number: int) -> str:
    """The address that the record shows for a grid."""
    return f"{PUBLIC_API}/grids/{number}/"


def package_page(slug: str, *, api: str = PUBLIC_API) -> str:
    """The page of a package on the site whose API is that one."""
    return f"{api.removesuffix('/api/v4')}/packages/p/{quote(slug, safe='', errors='replace')}/"


class Provenance(NamedTuple):
    """What one source last said about one package: when it was asked and answered (UTC texts), how it ended and why."""

    source: str
    coordinate: str
    asked: str | None
    answered: str | None
    outcome: str | None
    error: str | None


YOU = "you"
DJPKG = "djpkg"


class Origin(NamedTuple):
    """Who stated a field, and when: a source and its last answer, `YOU` and your edit, `DJPKG` and the newest of both.

    The time is a UTC text, None where there is none yet.
    """

    source: str
    at: str | None


class Package(NamedTuple):
    """One package with everything that `show` can tell.

    `values` holds every field of the register by its name, `origins` who stated each. `category` and `grids` are names
    for people (a grid's number until it is named). `upstream` holds the value beneath each edited field, `beneath` who
    stated that.
    """

    values: Values
    category: str | None
    grids: tuple[str, ...]
    upstream: Values
    origins: Mapping[str, Origin]
    beneath: Mapping[str, Origin]
    sources: tuple[Provenance, ...]
    suggestion: str | None = None
