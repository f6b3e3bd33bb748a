"""Rows with keys: the input of every output format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from djpkg.model.package import Value


class Rows(Protocol):
    """What a format may read: the keys, and the rows either as values or as JSON."""

    @property
    def keys(self) -> Sequence[str]:
        """The keys, in the order of the values."""

    def values(self) -> Iterable[Sequence[Value]]:
        """The values of each row."""

    def json_pages(self) -> Iterable[Sequence[str]]:
        """The rows as compact JSON objects, in pages of any size."""


class RowList(NamedTuple):
    """Rows in memory."""

    keys: Sequence[str]
    rows: Sequence[Sequence[Value]]

    def values(self) -> Sequence[Sequence[Value]]:
        """The values of each row."""
        return self.rows

    def json_pages(self) -> list[list[str]]:
        """One page with all rows."""
        return [[json.dumps(dict(zip(self.keys, row, strict=True)), separators=(",", ":")) for row in self.rows]]
