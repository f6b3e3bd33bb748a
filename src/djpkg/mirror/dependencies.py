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

    `used_by` is null where PyPI has not been asked, and without a project.
    """
    users: dict[int, set[int]] = {}
    required: dict[int, set[str]] = {}
    for user, is_listed, used, slug, used_is_listed in db.execute(
        "SELECT user.id, user.catalog_state = 'listed', used.id, used.slug, used.catalog_state = 'listed'"
        " FROM requirements"
        " JOIN packages AS user ON user.id = requirements.package_id AND user.pypi_name = requirements.project"
        " JOIN packages AS used ON used.pypi_name = requirements.requires AND used.pypi_name <> user.pypi_name"
        f" WHERE requirements.until IS NULL AND instr(coalesce(requirements.marker, ''), '{EXTRA}') = 0"
    ):
        if is_listed:
            users.setdefault(used, set()).add(user)
        if used_is_listed and is_text(slug):
            required.setdefault(user, set()).add(slug)
    changes: list[tuple[str, int | None, int]] = []
    for number, is_known, *stored in db.execute(
        "SELECT id, pypi_name IS NOT NULL AND releases IS NOT NULL, requires, used_by FROM packages"
    ):
        count = len(users.get(number, ()))
        values = [
            json.dumps(sorted(required.get(number, ())), separators=(",", ":")),
            count if count or is_known else None,
        ]
        if values != stored:
            changes.append((*values, number))
    execute_each(db, "UPDATE packages SET requires = ?, used_by = ? WHERE id = ?", changes)
