"""SIGINT and SIGTERM while a fetch lasts."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from djpkg.errors import INTERRUPTED, TERMINATED

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import FrameType, TracebackType
    from typing import Self


class _Impatient(ThreadPoolExecutor):
    """The threads that look up names. Nobody waits for one whose name server is silent once the fetch has ended."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - its parent's
        super().shutdown(wait=False, cancel_futures=True)


class StopSignals:
    """SIGINT and SIGTERM while a fetch lasts: no request is begun any more, and no page is half stored.

    What follows the first of them changes nothing: a task that is interrupted in its middle ends with a traceback.
    The handlers are plain ones and not the loop's. Those come late (an exception that is raised while a loop is made
    leaves half of one) and end early, with the defaults in place of what was before.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._task: asyncio.Future[None] | None = None
        self._handlers = ExitStack()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # whoever runs us elsewhere stops us otherwise
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers.callback(signal.signal, number, signal.signal(number, self._stop))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handlers.close()

    async def obey(self, work: Coroutine[None, None, None]) -> None:
        """Run until done, or until stopped."""
        asyncio.get_running_loop().set_default_executor(_Impatient())
        self._task = asyncio.ensure_future(work)
        if self.code is not None:
            self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            if self.code is None:
                raise
        finally:
            self._task = None

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.code is not None:
            return
        self.code = INTERRUPTED if number == signal.SIGINT else TERMINATED
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
