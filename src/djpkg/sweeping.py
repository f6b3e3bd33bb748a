"""When the catalog's list is to be read to its end, and when reading may stop before it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.remembered import Sweep

SWEEP_AGE = timedelta(days=1)


def needs_sweep(last: Sweep | None, *, now: datetime) -> bool:
    """Whether the whole list is due: it was never read to its end, that is a day ago, or lies in the future."""
    return last is None or not timedelta() <= now - last.completed < SWEEP_AGE


def reached(ids: Iterable[int], mark: int | None) -> bool:
    """Whether a page, newest first, holds a package that the last sweep had: what follows is known."""
    return mark is not None and any(number <= mark for number in ids)
