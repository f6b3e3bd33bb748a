"""SIGINT and SIGTERM during a fetch."""

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
    from types import FrameType
    from typing import Self


class _NonBlockingExecutor(ThreadPoolExecutor):
    """A thread pool whose shutdown does not wait for its threads.

    asyncio resolves host names in the loop's thread pool and waits for it when the loop closes. With a DNS server that
    does not answer, an interrupted fetch would hang until the resolver's timeout.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the base class's signature
        super().shutdown(wait=False, cancel_futures=True)


class StopSignals:
    """Cancels a fetch on SIGINT or SIGTERM: no further request is sent, and no page is half stored.

    `code` is the exit code after a signal. Later signals are ignored: cancelling twice would print a traceback. The
    handlers are set by `signal.signal`, not by the event loop: those start too late (an exception while a loop is
    created leaves half of one) and at the end restore the defaults instead of the previous handlers.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._task: asyncio.Future[None] | None = None
        self._handlers = ExitStack()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # other threads cannot set handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers.callback(signal.signal, number, signal.signal(number, self._cancel))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._handlers.close()

    async def run_until_signal(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` until it is done or a signal arrives."""
        asyncio.get_running_loop().set_default_executor(_NonBlockingExecutor())
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

    def _cancel(self, number: int, _frame: FrameType | None) -> None:
        if self.code is not None:
            return
        self.code = INTERRUPTED if number == signal.SIGINT else TERMINATED
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
