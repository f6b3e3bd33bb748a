"""Fetches from the forges and PyPI concurrently: targets -> answers, page by page -> one transaction per page."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

from djpkg.mirror import fetch_history
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import Sweep
from djpkg.source_name import SourceName, strip_source
from djpkg.sources.identity import ACCEPTING, OtherRepository
from djpkg.sources.source import failed_answer

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import TypeAlias

    from djpkg.fetch.context import FetchContext
    from djpkg.mirror.queue import ProjectQueue, RepositoryQueue
    from djpkg.model.facts import Facts
    from djpkg.sources.pypi.source import Pypi
    from djpkg.sources.source import Answer, Forge, Source

    Slugs: TypeAlias = Mapping[str, tuple[str, ...]]
    """The slugs of the packages that share each coordinate."""

TargetT = TypeVar("TargetT")
FactsT = TypeVar("FactsT", bound="Facts")


class SourceWorkers:
    """Fetches the queued targets of each source and stores the answers."""

    def __init__(self, context: FetchContext, *, all_packages: bool) -> None:
        self._db = context.db
        self._writer = context.writer
        self._writes = context.writes
        self._recorder = context.recorder
        self._clock = context.clock
        self._all_packages = all_packages
        self._django_failure: Answer[Facts] | None = None

    async def run(self, forges: Mapping[Forge, RepositoryQueue], pypi: tuple[Pypi, ProjectQueue] | None) -> None:
        """Fetch from all sources until each is done; a failed source does not stop the others."""
        async with AsyncExitStack() as stack:
            workers = [
                self._run_source(await stack.enter_async_context(forge), due.targets, due.slugs)
                for forge, due in forges.items()
            ]
            if pypi is not None:
                source, projects = pypi
                workers.append(self._run_pypi(await stack.enter_async_context(source), projects))
            await _run_all(workers)

    async def _run_pypi(self, pypi: Pypi, projects: ProjectQueue) -> None:
        await self._run_source(pypi, projects.targets, projects.slugs)
        failure, failures = self._django_failure, self._recorder.report.failures
        # Nobody named Django itself, and where other projects failed too, they are reported.
        if failure is not None and self._all_packages and all(one.source != pypi.name for one in failures):
            self._recorder.report.fail_source(pypi.name, failure.reason, refused=failure.refused)
        if pypi.project_count:
            sweep = Sweep(self._clock(), pypi.project_count, None)
            await self._writes.run(fetch_history.store_sweep, self._db, SourceName.PYPI, sweep)

    async def _run_source(self, source: Source[TargetT, FactsT], targets: Sequence[TargetT], slugs: Slugs) -> None:
        """Fetch all targets of one source, and store each page of answers."""
        self._recorder.start(source.name, sum(map(len, slugs.values())))
        changed: set[str] = set()
        unanswered = dict(slugs)
        with self._recorder.recording_errors(source.name):
            async with self._recorder.recording_usage(source.name, source):
                async for page in source.fetch(targets, now=self._clock(), sweep=self._all_packages):
                    await self._store_page(source.name, page, slugs, changed)
                    await self._recorder.store_blocked(source.name, source)
                    for answer in page:
                        if answer.outcome is not None:
                            unanswered.pop(answer.coordinate, None)
        for rejected in source.rejections:
            self._recorder.report.reject_token(source.name, str(rejected), hint=rejected.hint)
        for names in unanswered.values():  # only if the source raised an error
            self._recorder.fail(source.name, names, "no answer (stopped early)")

    async def _store_page(
        self, source: SourceName, page: Sequence[Answer[Facts]], slugs: Slugs, changed: set[str]
    ) -> None:
        """Store one page and count its final answers; `changed` collects the coordinates with changed facts."""
        answers = [
            _to_source_answer(source, one)
            for one in page
            if one.outcome is not Outcome.DEFERRED or one.facts is not None
        ]
        changes = await self._writes.run(self._writer.store_answers, source, answers, now=self._clock())
        self._recorder.record_events(changes)
        if any(answer.facts is not None for answer in answers):
            self._recorder.report.has_stored_parts = True
        changed.update(change.coordinate for change in changes if change.changed)
        for received in page:
            answer = received
            if received.outcome is not None and received.coordinate in self._writer.refused:
                error = OtherRepository(self._writer.refused[received.coordinate], hint=ACCEPTING)
                answer = failed_answer(received.coordinate, error)
            names = slugs.get(answer.coordinate, ())
            match answer.outcome:
                case None:
                    continue
                case Outcome.FAILED if not names:
                    self._django_failure = answer
                case Outcome.DEFERRED if not names:
                    continue
                case Outcome.FAILED:
                    self._recorder.fail(source, names, answer.reason, refused=answer.refused, hint=answer.hint)
                case Outcome.DEFERRED:
                    self._recorder.defer(source, len(names), answer.reason, answer.until)
                case Outcome.GONE:
                    self._recorder.count(source, Outcome.GONE, len(names))
                case _:
                    is_changed = answer.coordinate in changed
                    self._recorder.count(source, Outcome.UPDATED if is_changed else Outcome.UNCHANGED, len(names))


def _to_source_answer(source: SourceName, answer: Answer[Facts]) -> SourceAnswer:
    return SourceAnswer(
        answer.coordinate,
        answer.outcome,
        facts=answer.facts,
        error=strip_source(answer.reason, source) or None,
        etag=answer.etag,
        serial=answer.serial,
        details=answer.details,
    )


async def _run_all(workers: Sequence[Coroutine[None, None, None]]) -> None:
    """Run all workers. An error of one (a full disk, say) cancels the others and is raised as it is.

    A TaskGroup would raise it wrapped in an ExceptionGroup.
    """
    tasks = [asyncio.ensure_future(worker) for worker in workers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
