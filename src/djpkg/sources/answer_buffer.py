"""Answers of all that are asking one source, handed over page by page: each page becomes one transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from djpkg.sources.source import Answer

FactsT = TypeVar("FactsT")

PAGE_SIZE = 100
"""So many answers make a page that is handed over at once."""
MAX_WAIT = 0.5
"""Seconds that fewer answers wait for more, so that not each of them costs a transaction."""


class AnswerBuffer(Generic[FactsT]):
    """Takes answers from any number of tasks until it is closed; one reader takes the pages."""

    def __init__(self) -> None:
        self._page: list[Answer[FactsT]] = []
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._closed = False

    def add(self, answer: Answer[FactsT]) -> None:
        """Never waits: those that ask are not held up by whoever stores."""
        self._page.append(answer)
        self._some.set()
        if len(self._page) >= PAGE_SIZE:
            self._enough.set()

    def close(self) -> None:
        """There will be no more answers."""
        self._closed = True
        self._some.set()
        self._enough.set()

    async def pages(self) -> AsyncIterator[list[Answer[FactsT]]]:
        """The answers, none of the pages empty, until it is closed and all are handed over."""
        while True:
            await self._some.wait()
            if not self._enough.is_set():
                try:
                    async with asyncio.timeout(MAX_WAIT):
                        await self._enough.wait()
                except TimeoutError:
                    pass
            page, self._page = self._page, []
            if not self._closed:
                self._some.clear()
                self._enough.clear()
            if page:
                yield page
            elif self._closed:
                return
