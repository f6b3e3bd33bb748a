"""Which packages a package requires, which require it, and which have stopped requiring it."""

from __future__ import annotations

from typing import NamedTuple


class Dependency(NamedTuple):
    """A requirement of the newest release on a package of the mirror.

    `version` is the release that states it, `since` the day (UTC) on which djpkg first saw a requirement on this
    package with this specifier and marker.
    """

    slug: str
    state: str
    specifier: str
    marker: str | None
    version: str
    since: str


class Departures(NamedTuple):
    """The packages that stopped requiring a package, and what they require instead.

    `since` is the day (UTC) on which djpkg saw the first of them without it. `successors` are names with the number of
    those packages that require it now and began to do so later, the most frequent first.
    """

    packages: int
    since: str
    successors: tuple[tuple[str, int], ...] = ()


class Dependencies(NamedTuple):
    """The neighbours of a package: what it requires, the slugs of what requires it, and what no longer does.

    `used_by` are listed packages, those with most stars first; `active` is the number of them in that state.
    """

    requires: tuple[Dependency, ...] = ()
    used_by: tuple[str, ...] = ()
    active: int = 0
    left: Departures | None = None
