"""Every forge and PyPI side by side: what is due -> answers, page by page -> one transaction a page."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

from djpkg.mirror import fetch_history
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import Sweep
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from djpkg.fetch.recorder import Recorder
    from djpkg.mirror.queue import ProjectQueue, RepositoryQueue
    from djpkg.mirror.write import Writer
    from djpkg.model.facts import Facts
    from djpkg.sources.pypi.source import Pypi
    from djpkg.sources.source import Answer, Forge, Source

    Slugs: TypeAlias = Mapping[str, tuple[str, ...]]
    """The slugs of the packages that share each coordinate."""

AskT = TypeVar("AskT")
FactsT = TypeVar("FactsT", bound="Facts")


class SourceWorkers:
    """Asks sources for what is due and stores what they say. `every`: all that is known is asked for."""

    def __init__(
        self,
        *,
        writer: Writer,
        account: Recorder,
        clock: Callable[[], datetime],
        every: bool,
    ) -> None:
        self._writer = writer
        self._account = account
        self._clock = clock
        self._every = every

    async def run(
        self, db: sqlite3.Connection, forges: Mapping[Forge, RepositoryQueue], pypi: tuple[Pypi, ProjectQueue] | None
    ) -> None:
        """All of them to their ends; a source that fails spoils no other."""
        async with AsyncExitStack() as stack:
            lanes = [self._ask(await stack.enter_async_context(forge), *due) for forge, due in forges.items()]
            if pypi is not None:
                registry, projects = pypi
                lanes.append(self._ask_pypi(db, await stack.enter_async_context(registry), projects))
            await _side_by_side(lanes)

    async def _ask_pypi(self, db: sqlite3.Connection, pypi: Pypi, projects: ProjectQueue) -> None:
        await self._ask(pypi, *projects)
        if pypi.listed:
            fetch_history.store_sweep(db, SourceName.PYPI, Sweep(self._clock(), pypi.listed, None))

    async def _ask(self, source: Source[AskT, FactsT], asks: Sequence[AskT], slugs: Slugs) -> None:
        """Ask one source for all that is due, and store each page of what it says."""
        self._account.progress.start(source.name, sum(map(len, slugs.values())))
        changed: set[str] = set()
        left = dict(slugs)
        with self._account.failing(source.name), self._account.spending(source.name, source):
            async for page in source.fetch(asks, now=self._clock(), sweep=self._every):
                self._take(source.name, page, slugs, changed)
                self._account.keep_refusals(source.name, source)
                for answer in page:
                    if answer.outcome is not None:
                        left.pop(answer.coordinate, None)
        for names in left.values():  # only where a source broke off
            self._account.fail(source.name, names, f"{source.name}: it ended without an answer")

    def _take(self, source: SourceName, page: Sequence[Answer[Facts]], slugs: Slugs, changed: set[str]) -> None:
        """Store one page and count what ended with it; `changed` are the coordinates of which something is new."""
        told = [_statement(one) for one in page if one.outcome is not Outcome.DEFERRED or one.facts is not None]
        written = self._writer.store_statements(source, told, now=self._clock())
        self._account.tell(written)
        changed.update(one.coordinate for one in written if one.changed)
        for answer in page:
            names = slugs.get(answer.coordinate, ())
            match answer.outcome:
                case None:
                    continue
                case Outcome.FAILED:
                    self._account.fail(source, names, answer.reason, refused=answer.refused)
                case Outcome.DEFERRED:
                    self._account.defer(source, len(names), answer.reason, answer.until)
                case Outcome.GONE:
                    self._account.count(source, Outcome.GONE, len(names))
                case _:
                    news = answer.coordinate in changed
                    self._account.count(source, Outcome.UPDATED if news else Outcome.UNCHANGED, len(names))


def _statement(answer: Answer[Facts]) -> SourceAnswer:
    return SourceAnswer(
        answer.coordinate,
        answer.outcome,
        said=answer.facts,
        error=answer.reason or None,
        etag=answer.etag,
        serial=answer.serial,
    )


async def _side_by_side(lanes: Sequence[Coroutine[None, None, None]]) -> None:
    """All lanes to their ends; where one fails (the disk is full, say) the others end with it and its error is told."""
    tasks = [asyncio.ensure_future(lane) for lane in lanes]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
