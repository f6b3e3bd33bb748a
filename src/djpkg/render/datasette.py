"""The configuration for Datasette, from its template: the columns are the fields, the states those of `list`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from djpkg.model.fields import FIELDS
from djpkg.model.package import PUBLIC_API
from djpkg.query.columns import is_computed
from djpkg.query.states import state_sql

if TYPE_CHECKING:
    from typing import TypeAlias

    from djpkg.model.fields import Field

    Names: TypeAlias = dict[str, str]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PLAIN_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
# Columns of `packages` that are not fields.
_MORE_COLUMNS = {"repository_key": "host and path of the repository in lower case"}
_IDS = {"category": "the category", "grids": "the ids of the grids"}


def render_config(template: str, *, database: str, file: str, command: str) -> str:
    """Return the YAML of the configuration.

    `database` is the name of the mirror's file without its ending; `file` and `command`, which prints this, are for a
    shell.
    """
    name = database if _PLAIN_NAME.fullmatch(database) else json.dumps(database)
    values = {
        "database": name,
        "file": file,
        "command": command,
        "site": PUBLIC_API.removesuffix("/api/v4"),
        "columns": "\n".join(f"          {column}: {json.dumps(about)}" for column, about in _columns().items()),
        "state": state_sql(today="now"),
    }
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _columns() -> Names:
    """Return the meaning of each column of `packages`."""
    stored = [field for field in FIELDS if not is_computed(field)]
    return {field.name: _about(field) for field in stored} | _MORE_COLUMNS


def _about(field: Field) -> str:
    return _IDS.get(field.name, field.about)
