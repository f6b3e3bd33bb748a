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
    parents: dict[str, set[str]] = {}
    for name, facts in packages.items():
        for need in facts.needs:
            if need.requires != name and applies(need.marker, python):
                parents.setdefault(need.requires, set()).add(name)
    origins = {}
    for requirement in requirements:
        via = requirement.via
        if not via and not requirement.direct:
            via = tuple(sorted(parents.get(requirement.name, ())))
        direct = not via if requirement.direct is None else requirement.direct
        origins[requirement.name] = Origin(direct, via)
    return origins
