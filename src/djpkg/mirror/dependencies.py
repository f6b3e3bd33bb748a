"""Which packages require which: the columns `requires` and `used_by`, from the requirements of all packages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.mirror.connection import execute_each
from djpkg.model.pypi_project import EXTRA
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3


def update_dependencies(db: sqlite3.Connection) -> None:
    """Set `requires` and `used_by` of all packages from their requirements; extras do not count.

    A project that is gone requires nothing any more; its requirements stay stored. `used_by` is null where PyPI has not
    been asked, and without a project.
    """
    packages = db.execute(
        "SELECT id, slug, pypi_name, catalog_state = 'listed', releases IS NOT NULL, pypi_state IS 'gone', requires,"
        " used_by FROM packages"
    ).fetchall()
    projects = {number: project for number, _, project, _, _, is_gone, *_ in packages if not is_gone}
    listed = {number for number, _, _, is_listed, *_ in packages if is_listed}
    by_project: dict[str, list[tuple[int, str]]] = {}
    for number, slug, project, *_ in packages:
        by_project.setdefault(project, []).append((number, slug))
    users: dict[int, set[int]] = {}
    required: dict[int, set[str]] = {}
    for user, project, name in db.execute(
        "SELECT package_id, project, requires FROM requirements"
        " WHERE until IS NULL AND instr(coalesce(marker, ''), ?) = 0",
        (EXTRA,),
    ):
        if name == project or projects.get(user) != project:
            continue
        for used, slug in by_project.get(name, ()):
            if user in listed:
                users.setdefault(used, set()).add(user)
            if used in listed and is_text(slug):
                required.setdefault(user, set()).add(slug)
    changes: list[tuple[str, int | None, int]] = []
    for number, _, project, _, is_known, _, *stored in packages:
        count = len(users.get(number, ()))
        slugs = json.dumps(sorted(required.get(number, ())), separators=(",", ":"))
        used_by = count if count or (project is not None and is_known) else None
        if [slugs, used_by] != stored:
            changes.append((slugs, used_by, number))
    execute_each(db, "UPDATE packages SET requires = ?, used_by = ? WHERE id = ?", changes)
