"""The names of the sources, apart from what sources say: every start of the program needs them."""

from __future__ import annotations

from enum import StrEnum


class SourceName(StrEnum):
    """Something remote that states facts."""

    CATALOG = "catalog"
    GITHUB = "github"
    PYPI = "pypi"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    FORGEJO = "forgejo"


FORGES = (SourceName.GITHUB, SourceName.GITLAB, SourceName.BITBUCKET, SourceName.FORGEJO)
"""The sources that host repositories."""
