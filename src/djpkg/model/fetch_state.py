"""What one fetch leaves for the next: quotas as last told, and complete sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


ANONYMOUS = "anonymous"
"""The pool of a forge's quota from which those without a token are served."""


class QuotaRow(NamedTuple):
    """One pool of a source's quota as its last reply told it, and the moment before which it is not to be asked."""

    source: str
    pool: str
    limit: int | None
    remaining: int | None
    reset: datetime | None
    not_before: datetime | None


class Sweep(NamedTuple):
    """The last complete reading of a source's whole list: when it ended, how many it listed, its newest id."""

    completed: datetime
    packages: int
    mark: int | None
