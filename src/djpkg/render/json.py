"""Records as JSON, in ASCII, with a line break at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.fields import Column
    from djpkg.record import Value, Values


def record(values: Values, columns: Iterable[Column]) -> str:
    """One object over several lines, indented by four; ASCII."""
    return json.dumps(_chosen(values, columns), indent=4, allow_nan=False) + "\n"


def line(values: Values, columns: Iterable[Column]) -> str:
    """One object on one line, without spaces; ASCII."""
    return json.dumps(_chosen(values, columns), separators=(",", ":"), allow_nan=False) + "\n"


def _chosen(values: Values, columns: Iterable[Column]) -> dict[str, Value]:
    return {column.key: values.get(column.field.name) for column in columns}
