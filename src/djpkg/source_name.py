"""The names of the sources, in a module of their own because every start of the program needs them."""

from __future__ import annotations

from enum import StrEnum


class SourceName(StrEnum):
    """A remote system that provides facts about packages."""

    CATALOG = "catalog"
    GITHUB = "github"
    PYPI = "pypi"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    FORGEJO = "forgejo"


FORGES: tuple[SourceName, ...] = tuple(
    source for source in SourceName if source not in (SourceName.CATALOG, SourceName.PYPI)
)
"""The sources that host repositories."""


def strip_source(reason: str, source: str) -> str:
    """Return a reason without the name of its source in front: where it is shown, the source is named already."""
    return reason.removeprefix(f"{source}: ")
