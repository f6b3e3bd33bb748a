"""Writes of a fetch, which do not end it while another program reads the mirror."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from djpkg.mirror import connection
from djpkg.mirror.busy import BusyWait, is_busy

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from djpkg.mirror.busy import BusyLimits

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

# In seconds, for BEGIN. Longer, the responses that are under way would miss their deadlines.
_BEGIN_TIMEOUT = 0.05


class PageWrites:
    """Runs functions that write to `db`, the mirror at `path`, each in one transaction.

    While another program blocks a write, all sources wait for it together; `warn` is called with a message at
    `limits.notice`. Tests replace `clock` and `sleep`.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        *,
        limits: BusyLimits,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._path = path
        self._file_id = connection.file_id(path)
        self._wait = BusyWait(limits, notify=lambda: warn(waiting_message(path, limits)), clock=clock)
        self._sleep = sleep

    async def run(self, write: Callable[P, ResultT], *args: P.args, **kwargs: P.kwargs) -> ResultT:
        """Return what `write` returns; it is repeated while another program blocks it.

        Raises MirrorError for a file that was moved, and the last sqlite3.OperationalError when the limit is reached.
        After a cancellation nothing is repeated.
        """
        while True:
            self.check_unmoved()
            try:
                with connection.busy_timeout(self._db, _BEGIN_TIMEOUT):
                    result = write(*args, **kwargs)
            except Exception as error:
                if not is_busy(error):
                    raise
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from error
                pause = self._wait.next_pause()
                if pause is None:
                    raise
            else:
                self._wait.reset()
                return result
            await self._sleep(pause)

    def check_unmoved(self) -> None:
        """Raise MirrorError if the file was moved, deleted or replaced since it was opened."""
        connection.check_unmoved(self._path, self._file_id)


def waiting_message(path: Path, limits: BusyLimits) -> str:
    """Return the message about a wait for another program."""
    return f"waiting up to {limits} for another program that uses the mirror {path}"
