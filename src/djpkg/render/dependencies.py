"""Texts about the packages that a package requires, that require it, and that have stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.text import pluralize

if TYPE_CHECKING:
    from djpkg.model.dependencies import Departures, Dependencies, Dependency

# The successors that are named.
_MAX_SUCCESSORS = 2


def used_by_count(dependencies: Dependencies) -> str:
    """Return ``41 packages, 17 active``."""
    return f"{pluralize(len(dependencies.used_by), 'package')}, {dependencies.active:,} active"


def departures_text(left: Departures) -> str:
    """Return ``left by 9 since 2025; 6 of them now require django-a, 2 django-b``.

    Slugs are as the mirror has them: escape the text.
    """
    text = f"left by {left.packages:,} since {left.since[:4]}"
    successors = left.successors[:_MAX_SUCCESSORS]
    if not successors:
        return text
    (slug, number), *others = successors
    if left.packages == 1:
        return f"{text}; it now requires {slug}"
    lead = "all" if number == left.packages else f"{number:,}"
    more = "".join(f", {count:,} {name}" for name, count in others)
    return f"{text}; {lead} of them now require {slug}{more}"


def requirement_text(dependency: Dependency) -> str:
    """Return ``django-a >=2.0; python_version < "3.12", from release 3.1, seen since 2026-11-20``. Escape it, too."""
    marker = f"; {dependency.marker}" if dependency.marker else ""
    required = " ".join(filter(None, (dependency.slug, dependency.specifier)))
    since = f", seen since {dependency.since}" if dependency.since else ""
    return f"{required}{marker}, from release {dependency.version}{since}"
