"""How single answers become pages."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from djpkg.model.facts import Outcome, PypiFacts
from djpkg.sources import answer_buffer
from djpkg.sources.answer_buffer import PAGE_SIZE, AnswerBuffer
from djpkg.sources.source import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Buffer = AnswerBuffer[PypiFacts]


def answers(count: int) -> list[Answer[PypiFacts]]:
    return [Answer(coordinate=str(number), outcome=Outcome.UNCHANGED) for number in range(count)]


def pages_of(work: Callable[[Buffer], Awaitable[None]]) -> list[Sequence[Answer[PypiFacts]]]:
    """Return the pages of the answers that `work` adds."""

    async def run() -> list[Sequence[Answer[PypiFacts]]]:
        buffer = Buffer()

        async def add() -> None:
            await work(buffer)

        return [page async for page in buffer.pages(add())]

    return asyncio.run(run())


def test_no_answers_make_no_page() -> None:
    async def add_nothing(_: Buffer) -> None:
        await asyncio.sleep(0)

    assert pages_of(add_nothing) == []


def test_single_answers_are_grouped_into_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_buffer, "MAX_WAIT", 60)
    ten = answers(10)

    async def add_one_by_one(buffer: Buffer) -> None:
        for answer in ten:
            buffer.add(answer)
            await asyncio.sleep(0.001)

    assert pages_of(add_one_by_one) == [ten]


def test_a_full_page_is_yielded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_buffer, "MAX_WAIT", 60)
    many = answers(2 * PAGE_SIZE + 1)
    read: list[Sequence[Answer[PypiFacts]]] = []

    async def run() -> None:
        buffer, page_was_read = Buffer(), asyncio.Event()

        async def add_pages() -> None:
            for start in range(0, len(many), PAGE_SIZE):
                for answer in many[start : start + PAGE_SIZE]:
                    buffer.add(answer)
                if start + PAGE_SIZE < len(many):
                    await page_was_read.wait()
                    page_was_read.clear()

        async for page in buffer.pages(add_pages()):
            read.append(page)
            page_was_read.set()

    asyncio.run(run())
    assert [len(page) for page in read] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert [answer for page in read for answer in page] == many


def test_a_small_page_is_yielded_after_a_short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_buffer, "MAX_WAIT", 0.01)
    first, second = answers(2)
    read: list[Sequence[Answer[PypiFacts]]] = []

    async def run() -> None:
        buffer, page_was_read = Buffer(), asyncio.Event()

        async def add_both() -> None:
            buffer.add(first)
            await page_was_read.wait()
            buffer.add(second)

        async for page in buffer.pages(add_both()):
            read.append(page)
            page_was_read.set()

    asyncio.run(run())
    assert read == [[first], [second]]


def test_an_error_is_raised_after_the_last_page() -> None:
    read: list[Sequence[Answer[PypiFacts]]] = []

    async def run() -> None:
        buffer = Buffer()

        async def fail() -> None:
            buffer.add(answers(1)[0])
            raise ZeroDivisionError

        async for page in buffer.pages(fail()):
            read.append(page)  # noqa: PERF401 - the pages before the error

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert read == [answers(1)]


def test_closing_the_pages_cancels_the_work() -> None:
    cancelled = False

    async def run() -> None:
        buffer = Buffer()

        async def add_and_wait() -> None:
            nonlocal cancelled
            buffer.add(answers(1)[0])
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled = True
                raise

        async with aclosing(buffer.pages(add_and_wait())) as pages:
            await anext(pages)
        gc.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    assert cancelled
