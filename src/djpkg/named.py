"""Categories and grids by their names, as queries speak of them.

They are few: a query reads them once, and its SQL speaks of ids alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# Where a word begins and ends.
LIMITS = " \t\n_/,;:()-"
_BLANKS = str.maketrans(LIMITS, " " * len(LIMITS))


class Named(NamedTuple):
    """A category or grid; slug and title are None until it is named."""

    id: int
    slug: str | None
    title: str | None


class Names(NamedTuple):
    """All categories and grids of a mirror."""

    categories: tuple[Named, ...] = ()
    grids: tuple[Named, ...] = ()


def folded(text: str) -> str:
    """Small letters of ASCII alone, as SQLite's `lower` and NOCASE have it."""
    return (
        text.lower()
        if text.isascii()
        else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


def exactly(named: Iterable[Named], text: str) -> list[Named]:
    """Those of that slug, title or number, in any case."""
    wanted = folded(text)
    return [one for one in named if wanted in (folded(one.slug or ""), folded(one.title or ""), str(one.id))]


def grids(named: Iterable[Named], text: str) -> list[Named]:
    """The grids of that slug or number; where there is none, those whose slug or title holds the text."""
    named, wanted = tuple(named), folded(text)
    exact = [one for one in named if wanted in (folded(one.slug or ""), str(one.id))]
    return exact or [one for one in named if any(wanted in folded(name) for name in (one.slug, one.title) if name)]


def beginning(named: Iterable[Named], text: str) -> list[Named]:
    """Those in whose slug or title the text stands where a word begins, in any case; limits are alike."""
    wanted = _spaced(text)
    return [one for one in named if any(wanted in _spaced(name) for name in (one.slug, one.title) if name)]


def _spaced(text: str) -> str:
    return " " + folded(text).translate(_BLANKS)
