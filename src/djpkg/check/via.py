"""Which dependencies are direct, which others bring in the rest, and which do not apply on this Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.markers import applies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from djpkg.check.facts import PackageFacts
    from djpkg.check.series import Series
    from djpkg.requirements.requirement import Mention, Requirement


class Origin(NamedTuple):
    """Whether the project requires a dependency itself, and the sorted names of the dependencies that do."""

    direct: bool
    via: tuple[str, ...]


def select_applying(
    requirements: Sequence[Requirement], python: Series | None
) -> tuple[list[Requirement], tuple[str, ...]]:
    """Return the requirements with the mentions that apply, and the names of those without any.

    A mention applies if its marker does, and if the project or another dependency that applies requires it. `via`
    keeps those dependencies alone.
    """
    if not any(one.marker or any(marker for _, marker in one.edges) for item in requirements for one in item.mentions):
        return list(requirements), ()
    items = [
        (item, [_parents(one, python) if applies(one.marker, python) else frozenset() for one in item.mentions])
        for item in requirements
    ]
    parents = [(item.name, found) for item, several in items for found in several]
    reached: set[str | None] = {None, *_walk([name for name, found in parents if None in found], parents)}
    # Of those that only require one another nothing states that they do not apply.
    outside = _walk(
        [item.name for item in requirements if _is_required(item)], [(one.name, one.via) for one in requirements]
    )
    if cycle := [item.name for item in requirements if item.name not in outside]:
        reached |= _walk(cycle, parents)
    kept: list[Requirement] = []
    excluded: list[str] = []
    for item, several in items:
        mentions = tuple(
            _with_parents(one, found, reached)
            for one, found in zip(item.mentions, several, strict=True)
            if not found.isdisjoint(reached)
        )
        if mentions:
            kept.append(item if mentions == item.mentions else item._replace(mentions=mentions))
        else:
            excluded.append(item.name)
    return kept, tuple(excluded)


def _is_required(item: Requirement) -> bool:
    """Return whether a place states that the project requires it, or states nothing."""
    return any(one.direct or not one.via for one in item.mentions)


def _parents(mention: Mention, python: Series | None) -> frozenset[str | None]:
    """Return what requires a mention on this Python: names, and None for the project or if not stated."""
    if not mention.edges:
        return frozenset({*mention.via, None} if mention.direct or not mention.via else mention.via)
    found = {name for name, marker in mention.edges if applies(marker, python)}
    # A lock that states nothing about the project is read together with the project's file.
    is_root = mention.direct and all(name is not None for name, _ in mention.edges)
    return frozenset(found | {None} if is_root else found)


def _with_parents(mention: Mention, parents: Collection[str | None], reached: Collection[str | None]) -> Mention:
    """Return a mention with those that require it on this Python."""
    if not (mention.via or mention.edges):
        return mention
    via = tuple(name for name in mention.via if name in parents and name in reached)
    return mention._replace(via=via, direct=mention.direct and None in parents)


def _walk(starts: Iterable[str], parents: Iterable[tuple[str, Collection[str | None]]]) -> set[str]:
    """Return these dependencies with all that they require, and what that requires; `parents` are by name."""
    children: dict[str, set[str]] = {}
    for name, found in parents:
        for parent in found:
            if parent is not None:
                children.setdefault(parent, set()).add(name)
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += children.get(name, ())
    return reached


def find_origins(
    requirements: Iterable[Requirement], packages: Mapping[str, PackageFacts], python: Series | None
) -> dict[str, Origin]:
    """Return the origin of each dependency.

    What a lock file or ``# via`` comments state counts first. Where they state nothing, the requirements of the other
    dependencies in the mirror do; a dependency that none of them requires is direct. So are those that only require
    one another.
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
    if all(one.direct or not one.via for one in origins.values()):
        return origins
    found_by_name = [(name, one.via) for name, one in origins.items()]
    outside = _walk([name for name, one in origins.items() if one.direct or not one.via], found_by_name)
    return origins | {name: Origin(direct=True, via=origins[name].via) for name in origins.keys() - outside}
