"""The releases of Django, which requirements and releases of packages are measured against."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.model.pypi_project import DJANGO, sort_versions
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3


def get_series(db: sqlite3.Connection) -> dict[str, str]:
    """Return the series of Django on PyPI, oldest first, each with the upload time of its first final release.

    A series is ``X.Y``. Releases that are yanked or have no files do not count. Empty before PyPI has answered.
    """
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - only for this

    series: dict[str, str] = {}
    for text, uploaded in db.execute(
        "SELECT version, uploaded FROM project_releases WHERE project = ? AND uploaded IS NOT NULL AND NOT yanked"
        " ORDER BY uploaded DESC",
        (DJANGO,),
    ):
        if not is_text(text) or not is_text(uploaded):
            continue
        numbers = text.split(".")
        if len(numbers) > 1 and all(map(str.isdecimal, numbers)):  # final, as most are
            series[f"{int(numbers[0])}.{int(numbers[1])}"] = uploaded
            continue
        try:
            version = Version(text)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            series[f"{version.major}.{version.minor}"] = uploaded
    return {name: series[name] for name in sort_versions(series)}


def get_python_versions(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the series of Python in the classifiers of Django's newest release; empty before PyPI has answered."""
    for (text,) in db.execute("SELECT facts FROM projects WHERE name = ?", (DJANGO,)):
        try:
            facts = json.loads(text) if is_text(text) else None
        except (ValueError, RecursionError):  # damaged; the next answer replaces it
            facts = None
        versions = facts.get("python_versions") if isinstance(facts, dict) else None
        return tuple(filter(is_text, versions)) if isinstance(versions, list) else ()
    return ()
