"""One record as JSON, in ASCII, with a line break at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.model.fields import Column
    from djpkg.model.package import Values


def record(values: Values, columns: Iterable[Column]) -> str:
    """One object over several lines, indented by four; ASCII."""
    return (
        json.dumps({column.key: values.get(column.field.name) for column in columns}, indent=4, allow_nan=False) + "\n"
    )
