"""Who brings a dependency in: the project itself, or other dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.markers import applies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from djpkg.check.facts import PackageFacts
    from djpkg.check.series import Series
    from djpkg.requirements.requirement import Requirement


class Origin(NamedTuple):
    """Whether the project requires a dependency itself, and the sorted names of the dependencies that do."""

    direct: bool
    via: tuple[str, ...]


def find_origins(
    requirements: Iterable[Requirement], packages: Mapping[str, PackageFacts], python: Series | None
) -> dict[str, Origin]:
    """Return the origin of each dependency.

    What a lock file or ``# via`` comments state counts first. Where they state nothing, the requirements of the other
    dependencies in the mirror do; a dependency that none of them requires is direct.
    """
    stated = {one.name: (one.direct, one.via) for one in requirements}
    unknown = {name for name, (direct, via) in stated.items() if not (direct or via)}
    parents: dict[str, set[str]] = {}
    for name, facts in packages.items() if unknown else ():
        for need in facts.needs:
            if need.requires in unknown and need.requires != name and applies(need.marker, python):
                parents.setdefault(need.requires, set()).add(name)
    origins = {}
    for name, (direct, via) in stated.items():
        found = tuple(sorted(parents.get(name, ()))) if name in unknown else via
        origins[name] = Origin(not found if direct is None else direct, found)
    return origins
