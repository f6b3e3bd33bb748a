"""SQL over ``requirements``: which packages require which projects.

A package requires what the newest release of its PyPI project requires, extras excluded. A project that is gone
requires nothing any more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.model.pypi_project import EXTRA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.query.text_match import Sql

WITHOUT_EXTRAS = f"instr(coalesce(requirements.marker, ''), '{EXTRA}') = 0"
"""The condition for requirements that do not belong to an extra."""

IN_FORCE = (
    f"requirements.until IS NULL AND {WITHOUT_EXTRAS} AND requirements.requires <> requirements.project"
    " AND requirements.project = {package}.pypi_name AND {package}.pypi_state IS NOT 'gone'"
)
"""The condition for requirements of the package whose row ``{package}`` is."""


def requires_any(projects: Sequence[str]) -> Sql:
    """Match rows of ``packages`` whose newest release requires one of the projects (normalized names)."""
    # The index `requirements_requires` leads from the projects to the packages; the other way is a scan of all.
    users = (
        "SELECT requirements.package_id FROM requirements JOIN packages AS user ON user.id = requirements.package_id"
        f" WHERE requirements.requires IN (SELECT value FROM json_each(?)) AND {IN_FORCE.format(package='user')}"
    )
    return f"packages.id IN ({users})", (json.dumps(list(projects)),)
