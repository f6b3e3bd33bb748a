"""Parse what a release requires (core metadata, ``Requires-Dist``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.model.facts import Requirement
from djpkg.model.pypi_project import DJANGO, EXTRA, MAX_NAME, MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SPECIFIER_ORDER = ("===", "==", "~=", ">=", ">", "!=", "<", "<=")


def parse_requirements(texts: Iterable[str]) -> tuple[Requirement, ...]:
    """Parse the values of ``Requires-Dist`` (PEP 508), each distinct one once, sorted.

    Specifiers start with the lower bound, whatever their order in the text. An invalid text counts as a requirement of
    any version of the project that it starts with, and is dropped if it starts with no name.
    """
    from packaging import requirements  # noqa: PLC0415 - most runs parse none
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - as above

    found: set[Requirement] = set()
    for text in texts:
        try:
            parsed = requirements.Requirement(text)
        except (requirements.InvalidRequirement, RecursionError):
            if name := re.match(_NAME, text.strip()):
                condition = text.partition(";")[2].strip()[:MAX_TEXT]
                found.add(Requirement(canonicalize_name(name[0][:MAX_NAME]), "", condition or None))
            continue
        parts = sorted(parsed.specifier, key=lambda part: (_SPECIFIER_ORDER.index(part.operator), part.version))
        marker = str(parsed.marker) if parsed.marker is not None else None
        if len(parsed.name) <= MAX_NAME and len(marker or "") <= MAX_TEXT and len(str(parsed.specifier)) <= MAX_TEXT:
            found.add(Requirement(canonicalize_name(parsed.name), ",".join(map(str, parts)), marker))
    return tuple(sorted(found, key=lambda one: (one.requires, one.specifier, one.marker or "")))


def is_optional(requirement: Requirement) -> bool:
    """Return whether the requirement belongs to an extra: its marker names one."""
    return EXTRA in (requirement.marker or "")


def django_specifier(requirements: Iterable[Requirement]) -> str | None:
    """Return the specifier of the requirement on Django, "" for any version, None without one.

    Extras do not count. Those with different markers are joined by " or ".
    """
    found = [one.specifier for one in requirements if one.requires == DJANGO and not is_optional(one)]
    if not found:
        return None
    return "" if "" in found else " or ".join(dict.fromkeys(found))
