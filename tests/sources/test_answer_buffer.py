"""How single answers become pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from djpkg.model.facts import Outcome, PypiFacts
from djpkg.sources import answer_buffer as gathering_module
from djpkg.sources.answer_buffer import PAGE_SIZE, AnswerBuffer
from djpkg.sources.source import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import pytest


def answers(count: int) -> list[Answer[PypiFacts]]:
    return [Answer(coordinate=str(number), outcome=Outcome.UNCHANGED) for number in range(count)]


def gathered(asking: Callable[[AnswerBuffer[PypiFacts]], Awaitable[None]]) -> list[Sequence[Answer[PypiFacts]]]:
    """The pages of what `asking` adds before it closes."""

    async def run() -> list[Sequence[Answer[PypiFacts]]]:
        gathering: AnswerBuffer[PypiFacts] = AnswerBuffer()

        async def ask() -> None:
            await asking(gathering)
            gathering.close()

        task = asyncio.create_task(ask())
        pages: list[Sequence[Answer[PypiFacts]]] = [page async for page in gathering.pages()]
        await task
        return pages

    return asyncio.run(run())


def test_nothing_asked_makes_no_page() -> None:
    async def nothing(_: AnswerBuffer[PypiFacts]) -> None:
        await asyncio.sleep(0)

    assert gathered(nothing) == []


def test_answers_that_come_one_by_one_make_one_page() -> None:
    ten = answers(10)

    async def one_by_one(gathering: AnswerBuffer[PypiFacts]) -> None:
        for answer in ten:
            gathering.add(answer)
            await asyncio.sleep(0.001)

    assert gathered(one_by_one) == [ten]


def test_a_full_page_is_handed_over_although_more_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "MAX_WAIT", 60)
    many = answers(2 * PAGE_SIZE + 1)
    taken: list[Sequence[Answer[PypiFacts]]] = []

    async def run() -> None:
        gathering: AnswerBuffer[PypiFacts] = AnswerBuffer()
        pages = gathering.pages()
        for start in range(0, len(many), PAGE_SIZE):
            for answer in many[start : start + PAGE_SIZE]:
                gathering.add(answer)
            if start + PAGE_SIZE > len(many):
                gathering.close()
            taken.append(await anext(pages))

    asyncio.run(run())
    assert [len(page) for page in taken] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert [answer for page in taken for answer in page] == many


def test_few_answers_wait_for_others_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "MAX_WAIT", 0.01)
    first, second = answers(2)

    async def run() -> list[Sequence[Answer[PypiFacts]]]:
        gathering: AnswerBuffer[PypiFacts] = AnswerBuffer()
        pages = gathering.pages()
        gathering.add(first)
        taken = [await anext(pages)]
        gathering.add(second)
        gathering.close()
        return [*taken, *[page async for page in pages]]

    assert asyncio.run(run()) == [[first], [second]]
