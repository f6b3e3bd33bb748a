"""What the rules need to know from the mirror. The mirror reads it; nothing here reads anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.text import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Release(NamedTuple):
    """One release on PyPI; `uploaded` is None for one without files."""

    version: str
    uploaded: str | None
    yanked: bool
    requires_python: str | None


class Need(NamedTuple):
    """One requirement of the newest release of a package. Extras are left out."""

    requires: str
    specifier: str
    marker: str | None


class PackageFacts(NamedTuple):
    """One package of the mirror. Times are ISO 8601 texts.

    `updated` and `released` are the times of the last commit and release, in the format of `times.format_sortable`.
    `project` is the PyPI project, and `repository` the key of the repository at `forge`; both are None where no source
    is asked about one, such as an unsupported forge. `checked` maps each source to its last answer. `events` maps
    ``archived``, ``gone``, ``blocked``, ``removed``, ``moved``, ``yanked`` and ``project gone`` to the time when a
    fetch last recorded that. `needs` are the requirements of the newest release. `has_yanked` is whether any release is
    yanked, and `releases_json` are all of them as a JSON list of lists; see `releases`.
    """

    id: int
    slug: str
    project: str | None
    forge: str | None
    repository: str | None
    catalog_state: str
    repo_state: str | None
    pypi_state: str | None
    archived: bool
    archived_at: str | None
    moved_to: str | None
    suggestion: str | None
    description: str
    updated: str | None
    newest: str | None
    released: str | None
    yanked: bool
    requires_python: str | None
    django_versions: tuple[str, ...]
    django_requires: str | None
    replaced_by: str | None
    checked: Mapping[str, str]
    events: Mapping[str, str]
    needs: tuple[Need, ...]
    has_yanked: bool
    releases_json: str | None

    @property
    def has_release(self) -> bool:
        """Whether PyPI has stated a newest release."""
        return self.newest is not None and "pypi" in self.checked

    @property
    def sources(self) -> list[str]:
        """The sources besides the catalog that are asked about the package: its forge, then PyPI."""
        forge = [self.forge] if self.forge is not None and self.repository is not None else []
        return forge if self.project is None else [*forge, "pypi"]

    def releases(self) -> list[Release]:
        """Parse all releases; most dependencies need none of them."""
        rows = json.loads(self.releases_json) if self.releases_json else []
        return [
            Release(version, uploaded, bool(yanked), requires_python)
            for version, uploaded, yanked, requires_python in rows
            if is_text(version) and (uploaded is None or is_text(uploaded))
        ]


class Candidate(NamedTuple):
    """A package that may replace a dead one, with the reason to offer it."""

    facts: PackageFacts
    reason: str


class MirrorFacts(NamedTuple):
    """What one check reads from the mirror.

    `packages` are by the normalized name of the requirement. `candidates` are by the id of the dead package, the best
    first; whether they are alive is not decided yet. `dead_suggestions` are each `suggestion` of a package whose
    repository is gone that the mirror knows to be dead too. `django` maps the series of Django on PyPI to
    the upload time of its first final release. `swept` is the end of the last complete read of the catalog.
    """

    packages: Mapping[str, PackageFacts]
    candidates: Mapping[int, tuple[Candidate, ...]]
    dead_suggestions: frozenset[str]
    django: Mapping[str, str]
    python_versions: tuple[str, ...]
    swept: datetime | None
