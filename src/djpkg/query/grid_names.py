"""Categories and grids by their names, as queries speak of them.

They are few: a query reads them once, and its SQL speaks of ids alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# Where a word begins and ends.
WORD_BREAKS = " \t\n_/,;:()-"
_BLANKS = str.maketrans(WORD_BREAKS, " " * len(WORD_BREAKS))


class GridName(NamedTuple):
    """A category or grid; slug and title are None until it is named."""

    id: int
    slug: str | None
    title: str | None


class GridNames(NamedTuple):
    """All categories and grids of a mirror."""

    categories: tuple[GridName, ...] = ()
    grids: tuple[GridName, ...] = ()


def lower_ascii(text: str) -> str:
    """Small letters of ASCII alone, as SQLite's `lower` and NOCASE have it."""
    return (
        text.lower()
        if text.isascii()
        else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


def find_exact(named: Iterable[GridName], text: str) -> list[GridName]:
    """Those of that slug, title or number, in any case."""
    wanted = lower_ascii(text)
    return [one for one in named if wanted in (lower_ascii(one.slug or ""), lower_ascii(one.title or ""), str(one.id))]


def find_grids(named: Iterable[GridName], text: str) -> list[GridName]:
    """The grids of that slug or number; where there is none, those whose slug or title holds the text."""
    named, wanted = tuple(named), lower_ascii(text)
    exact = [one for one in named if wanted in (lower_ascii(one.slug or ""), str(one.id))]
    return exact or [one for one in named if any(wanted in lower_ascii(name) for name in (one.slug, one.title) if name)]


def find_by_word_start(named: Iterable[GridName], text: str) -> list[GridName]:
    """Those in whose slug or title the text stands where a word begins, in any case; limits are alike."""
    wanted = _spaced(text)
    return [one for one in named if any(wanted in _spaced(name) for name in (one.slug, one.title) if name)]


def _spaced(text: str) -> str:
    return " " + lower_ascii(text).translate(_BLANKS)
