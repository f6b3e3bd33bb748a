"""State that one fetch stores for the next: quotas and complete reads of the catalog's list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


ANONYMOUS = "anonymous"
"""The quota pool of a forge for requests without a token."""


class QuotaRow(NamedTuple):
    """One quota pool of a source as of its last response; no request is sent before `not_before`."""

    source: str
    pool: str
    limit: int | None
    remaining: int | None
    reset: datetime | None
    not_before: datetime | None


class Sweep(NamedTuple):
    """The last complete read of the catalog's list: its end, the number of packages, and the highest id."""

    completed: datetime
    packages: int
    newest_id: int | None
