"""Find categories and grids by name, for queries.

There are few of them, as of licenses, so a query loads all names once and its SQL uses ids only: a lookup per row
would be slow.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.package import category_url, grid_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from djpkg.model.fields import Field

# Characters between words.
WORD_BREAKS = " \t\n_/,;:()-"
_WORD_BREAKS_TO_SPACES = str.maketrans(WORD_BREAKS, " " * len(WORD_BREAKS))


class GridName(NamedTuple):
    """The names of a category or grid; slug and title are None until fetched."""

    id: int
    slug: str | None
    title: str | None


class GridNames(NamedTuple):
    """All categories and grids of a mirror, and what else a query is about.

    For a query about licenses these are the different texts of them, for one about requirements the PyPI projects of
    the packages that each value names: none for a package without a project, and no entry for an unknown package.
    """

    categories: tuple[GridName, ...] = ()
    grids: tuple[GridName, ...] = ()
    licenses: tuple[str, ...] = ()
    required: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def lower_ascii(text: str) -> str:
    """Lower ASCII letters only, like SQLite's `lower` and NOCASE."""
    return (
        text.lower()
        if text.isascii()
        else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


def category_text(field: Field, category: GridName) -> str:
    """Return the category's title for `category_title`, its slug for other fields; "" if unknown."""
    return (category.title if field.name == "category_title" else category.slug) or ""


def find_by_field(field: Field, text: str, names: GridNames) -> list[GridName]:
    """Return the categories or grids that match a filter value of the field."""
    wanted = lower_ascii(text)
    match field.name:
        case "category":
            return _find_category(names.categories, text)
        case "category_slug":
            return [one for one in names.categories if wanted == lower_ascii(one.slug or "")]
        case "category_title":
            return [one for one in names.categories if wanted in lower_ascii(one.title or "")]
        case "grids":
            return _find_grids(names.grids, text)
        case _:
            return [one for one in names.grids if wanted == lower_ascii(str(one.id) if one.slug is None else one.slug)]


def find_by_word_start(named: Iterable[GridName], text: str) -> list[GridName]:
    """Return those with the text at the start of a word in slug or title; all word breaks are equal."""
    wanted = _spaced(text)
    return [one for one in named if any(wanted in _spaced(name) for name in (one.slug, one.title) if name)]


def _find_category(categories: Iterable[GridName], text: str) -> list[GridName]:
    """Return the categories with that slug, title, id or URL."""
    wanted = lower_ascii(text)
    return [
        one
        for one in categories
        if wanted in (lower_ascii(one.slug or ""), lower_ascii(one.title or ""), str(one.id), category_url(one.id))
    ]


def _find_grids(grids: Iterable[GridName], text: str) -> list[GridName]:
    """Return the grids with that slug, id or URL, else those whose slug or title contains the text."""
    grids, wanted = tuple(grids), lower_ascii(text)
    exact = [one for one in grids if wanted in (lower_ascii(one.slug or ""), str(one.id), grid_url(one.id))]
    return exact or [one for one in grids if any(wanted in lower_ascii(name) for name in (one.slug, one.title) if name)]


def _spaced(text: str) -> str:
    return " " + lower_ascii(text).translate(_WORD_BREAKS_TO_SPACES)
