"""A buffer that groups the answers of concurrent tasks into pages; each page becomes one transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from djpkg.sources.source import Answer

FactsT = TypeVar("FactsT")

PAGE_SIZE = 100
"""Number of answers that are yielded without waiting for more."""
MAX_WAIT = 0.5
"""Seconds that a smaller page waits for more answers, so that not every answer costs a transaction."""


class AnswerBuffer(Generic[FactsT]):
    """Collects answers from any number of tasks for one reader."""

    def __init__(self) -> None:
        self._page: list[Answer[FactsT]] = []
        self._not_empty = asyncio.Event()
        self._full = asyncio.Event()
        self._closed = False

    def add(self, answer: Answer[FactsT]) -> None:
        """Add an answer. Never waits, so that requests continue while the reader stores a page."""
        self._page.append(answer)
        self._not_empty.set()
        if len(self._page) >= PAGE_SIZE:
            self._full.set()

    async def pages(self, work: Coroutine[None, None, None]) -> AsyncGenerator[list[Answer[FactsT]], None]:
        """Run `work` as a task and yield the answers that it adds, in pages that are never empty.

        What `work` raises is raised after the last page. `work` is cancelled when the reader closes this generator.
        """
        task = asyncio.create_task(work)
        task.add_done_callback(self._close)
        try:
            while page := await self._next_page():
                yield page
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _close(self, _: asyncio.Task[None]) -> None:
        self._closed = True
        self._not_empty.set()
        self._full.set()

    async def _next_page(self) -> list[Answer[FactsT]]:
        """Return the next page; an empty one when the buffer is closed and everything was read."""
        await self._not_empty.wait()
        if not self._full.is_set():
            try:
                async with asyncio.timeout(MAX_WAIT):
                    await self._full.wait()
            except TimeoutError:
                pass
        page, self._page = self._page, []
        if not self._closed:
            self._not_empty.clear()
            self._full.clear()
        return page
