"""Waiting for other programs that lock the mirror, without holding a lock meanwhile.

A write that another program blocks is rolled back and repeated after a pause. So other readers go on, and other writers
wait for the blocking program alone.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from djpkg.errors import FetchRunning, MirrorBusy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ResultT = TypeVar("ResultT")

# In seconds, for each statement of work that is repeated. SQLite's own wait knows no message, and the responses that
# are under way would miss their deadlines.
ATTEMPT = 0.05
# In seconds. Pauses grow with the time waited: a short reader costs little time, a long one few repetitions.
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 1.0
_GROWTH = 0.25


class BusyLimits(NamedTuple):
    """How long to wait at most, and when the user is informed, in seconds."""

    total: float
    notice: float

    def __str__(self) -> str:
        """Return `total` as text, for the message."""
        minutes = round(self.total / 60)
        return f"{minutes} minutes" if minutes > 1 else f"{self.total:g} seconds"


FETCH = BusyLimits(total=300, notice=10)
EDIT = BusyLimits(total=30, notice=1)


class BusyWait:
    """The time since a write was first blocked; `notify` is called once when it reaches `limits.notice`."""

    def __init__(
        self, limits: BusyLimits, *, notify: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._notify = notify
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget the time waited: a write succeeded."""
        self._since: float | None = None
        self._notified = False

    def next_pause(self) -> float | None:
        """Return the seconds to pause before the write is repeated; None when the limit is reached."""
        now = self._clock()
        if self._since is None:
            self._since = now
        waited = now - self._since
        if waited >= self._limits.total:
            return None
        if waited >= self._limits.notice and not self._notified:
            self._notified = True
            self._notify()
        return min(LONGEST_PAUSE, max(FIRST_PAUSE, waited * _GROWTH), self._limits.total - waited)


def waiting_message(path: Path, limits: BusyLimits) -> str:
    """Return the message about a wait for another program."""
    return f"waiting up to {limits} for another program that uses the mirror {path}"


def is_busy(error: Exception) -> bool:
    """Return whether an error means that another program locks the mirror, or creates or upgrades it."""
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, (MirrorBusy, FetchRunning))


def retry(
    work: Callable[[], ResultT],
    limits: BusyLimits,
    *,
    notify: Callable[[], None],
    is_stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ResultT:
    """Return the result of `work`, which is repeated while it raises an error that `is_busy`.

    The last error is raised when the limit is reached, or when `is_stopped`. `work` must write in one transaction.
    """
    wait = BusyWait(limits, notify=notify, clock=clock)
    while True:
        try:
            return work()
        except Exception as error:
            pause = None if is_stopped() or not is_busy(error) else wait.next_pause()
            if pause is None:
                raise
        sleep(pause)
