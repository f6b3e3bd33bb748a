"""How single answers become pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from djpkg.facts import Outcome, PypiFacts
from djpkg.sources import Answer
from djpkg.sources import gathering as gathering_module
from djpkg.sources.gathering import FULL, Gathering

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import pytest


def answers(count: int) -> list[Answer[PypiFacts]]:
    return [Answer(coordinate=str(number), outcome=Outcome.UNCHANGED) for number in range(count)]


def gathered(asking: Callable[[Gathering[PypiFacts]], Awaitable[None]]) -> list[Sequence[Answer[PypiFacts]]]:
    """The pages of what `asking` adds before it closes."""

    async def run() -> list[Sequence[Answer[PypiFacts]]]:
        gathering: Gathering[PypiFacts] = Gathering()

        async def ask() -> None:
            await asking(gathering)
            gathering.close()

        task = asyncio.create_task(ask())
        pages: list[Sequence[Answer[PypiFacts]]] = [page async for page in gathering.pages()]
        await task
        return pages

    return asyncio.run(run())


def test_nothing_asked_makes_no_page() -> None:
    async def nothing(_: Gathering[PypiFacts]) -> None:
        await asyncio.sleep(0)

    assert gathered(nothing) == []


def test_answers_that_come_one_by_one_make_one_page() -> None:
    ten = answers(10)

    async def one_by_one(gathering: Gathering[PypiFacts]) -> None:
        for answer in ten:
            gathering.add(answer)
            await asyncio.sleep(0.001)

    assert gathered(one_by_one) == [ten]


def test_a_full_page_is_handed_over_although_more_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "PATIENCE", 60)
    many = answers(2 * FULL + 1)
    taken: list[Sequence[Answer[PypiFacts]]] = []

    async def run() -> None:
        gathering: Gathering[PypiFacts] = Gathering()
        pages = gathering.pages()
        for start in range(0, len(many), FULL):
            for answer in many[start : start + FULL]:
                gathering.add(answer)
            if start + FULL > len(many):
                gathering.close()
            taken.append(await anext(pages))

    asyncio.run(run())
    assert [len(page) for page in taken] == [FULL, FULL, 1]
    assert [answer for page in taken for answer in page] == many


def test_few_answers_wait_for_others_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "PATIENCE", 0.01)
    first, second = answers(2)

    async def run() -> list[Sequence[Answer[PypiFacts]]]:
        gathering: Gathering[PypiFacts] = Gathering()
        pages = gathering.pages()
        gathering.add(first)
        taken = [await anext(pages)]
        gathering.add(second)
        gathering.close()
        return [*taken, *[page async for page in pages]]

    assert asyncio.run(run()) == [[first], [second]]
