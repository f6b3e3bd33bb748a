"""Reads and writes of a fetch, which do not end it while another program locks the mirror."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from djpkg.mirror import connection, files
from djpkg.mirror.busy import ATTEMPT, BusyWait, is_busy, waiting_message

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from djpkg.mirror.busy import BusyLimits
    from djpkg.mirror.files import FileId

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class PageWrites:
    """Runs functions that read `db` or write to it in one transaction; `path` was the file `opened` at first.

    While another program blocks one, all sources wait for it together; `warn` is called with a message at
    `limits.notice`. Tests replace `clock` and `sleep`.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        opened: FileId | None,
        *,
        limits: BusyLimits,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._path = path
        self._opened = opened
        self._wait = BusyWait(limits, notify=lambda: warn(waiting_message(path, limits)), clock=clock)
        self._sleep = sleep

    async def run(self, write: Callable[P, ResultT], *args: P.args, **kwargs: P.kwargs) -> ResultT:
        """Return what `write` returns, which may also only read; it is repeated while another program blocks it.

        Raises MirrorError for a file that was moved, and the last sqlite3.OperationalError when the limit is reached.
        After a cancellation nothing is repeated.
        """
        while True:
            files.check_unmoved(self._path, self._opened)
            try:
                with connection.busy_timeout(self._db, ATTEMPT):
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
