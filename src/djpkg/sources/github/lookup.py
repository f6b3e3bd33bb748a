"""Fetches repositories one by one by REST: a few of them, all without a token, and where GraphQL has no answer.

A repository needs at most four requests: itself, its head, its commits and its contributors. Several are fetched
concurrently, in the order of the targets, and none is started that the remaining quota does not cover.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from djpkg.errors import CredentialsRejected, QuotaExhausted, SourceError
from djpkg.model.facts import ContributorsFacts, Outcome
from djpkg.sources.github.errors import SOURCE
from djpkg.sources.github.rest import STATE_FACTS, RepositoryStatus
from djpkg.sources.http.rate_limit import Charge
from djpkg.sources.source import Answer
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime, timedelta
    from types import TracebackType
    from typing import Self

    from djpkg.model.facts import ForgeFacts
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.github.answers import AnswerCollector, PendingRepository
    from djpkg.sources.github.rest import RestApi
    from djpkg.sources.http.rate_limit import Quota

MAX_CONCURRENT = 4
MAX_REQUESTS_PER_REPOSITORY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RestFetcher:
    """Fetches single repositories or single parts and adds the answers to `answers`.

    Those about repositories that were not found are kept in `gone`, until `finish_gone`.
    """

    rest: RestApi
    answers: AnswerCollector
    now: datetime
    clock: Callable[[], datetime]
    gone: list[Answer[ForgeFacts]] = field(default_factory=list)

    def finish_gone(self, error: SourceError | None) -> None:
        """Add the answers about repositories that were not found; as failures if `error` is given."""
        for answer in self.gone:
            if error is None:
                self.answers.finish(answer)
            else:
                self.answers.fail(answer.coordinate, error)

    async def fetch(self, target: RepositoryTarget) -> None:
        """Fetch all parts that are due. Raises CredentialsRejected; any other error becomes an answer."""
        try:
            found = await self._fetch_repository(target)
        except CredentialsRejected:
            raise
        except SourceError as error:
            self.answers.fail(target.coordinate, error)
            return
        if isinstance(found, RepositoryStatus):
            answer = Answer(coordinate=target.coordinate, outcome=Outcome.GONE, facts=STATE_FACTS[found])
            self.gone.append(answer)
            self.answers.streak.record(answer.outcome)
        elif found is not None:
            if found.needs_weeks:
                await self.fetch_window(found)
            if found.needs_contributors:
                await self.fetch_contributors(found)

    async def fetch_window(self, pending: PendingRepository) -> None:
        """Fetch the commits of the last 52 weeks. Raises CredentialsRejected."""
        try:
            days = await self.rest.fetch_window(pending.path, head=pending.head, head_at=pending.head_at, now=self.now)
        except CredentialsRejected:
            raise
        except SourceError as error:
            self.answers.fail_part(pending, error)
        else:
            self.answers.add_weeks(pending, days)

    async def fetch_contributors(self, pending: PendingRepository) -> None:
        """Fetch the contributors. Raises CredentialsRejected."""
        try:
            names = await self.rest.fetch_contributors(pending.path)
        except CredentialsRejected:
            raise
        except SourceError as error:
            self.answers.fail_part(pending, error)
        else:
            taken = format_time(self.clock())
            # A missing list is stored too, so that it is not requested again for the same head.
            facts = ContributorsFacts(head=pending.head, names=names or (), taken=taken, whole=names is not None)
            self.answers.add_contributors(pending, facts)

    async def _fetch_repository(self, target: RepositoryTarget) -> PendingRepository | RepositoryStatus | None:
        """Fetch and add the repository and its head; return what is still due, None if nothing is."""
        found = await self.rest.fetch_repository(target)
        if found is RepositoryStatus.UNCHANGED:
            return self.answers.add_repository(target, None)
        if isinstance(found, RepositoryStatus):
            return found
        target = found.target
        head = await self.rest.fetch_head(found, had_commits=target.head is not None)
        facts = replace(found.facts, head=head.oid, head_at=head.at)
        return self.answers.add_repository(target, facts, etag=found.etag)


class WorkerPool:
    """Runs jobs in order, MAX_CONCURRENT at a time; use it with ``async with``, which waits for all jobs at the end.

    An exception in one job cancels the others and is raised at the end.
    """

    def __init__(self) -> None:
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]] | None] = asyncio.Queue()
        self._workers = asyncio.TaskGroup()
        self._worker_count = 0

    def put(self, job: Callable[[], Awaitable[None]]) -> None:
        """Add a job."""
        self._jobs.put_nowait(job)
        if self._worker_count < MAX_CONCURRENT:
            self._worker_count += 1
            self._workers.create_task(self._work())

    async def _work(self) -> None:
        while (job := await self._jobs.get()) is not None:
            await job()

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(self._worker_count):
            self._jobs.put_nowait(None)
        await self._workers.__aexit__(kind, error, trace)


class QuotaGate:
    """Lets a repository start when the quota covers all requests of it and of those in progress.

    If the quota resets within `wait`, the repository starts: the client waits for the reset.
    """

    def __init__(self, quota: Quota, *, authorized: bool, clock: Callable[[], datetime], wait: timedelta) -> None:
        self._quota = quota
        self._authorized = authorized
        self._clock = clock
        self._wait = wait
        self._in_progress = 0
        self._exhausted: QuotaExhausted | None = None
        self._turn = asyncio.Lock()  # fair: first come, first served
        self._finished = asyncio.Event()

    async def start(self, requests: int) -> None:
        """Wait until so many requests may be sent; raise QuotaExhausted if they may not in this run.

        Later calls raise the same error: targets are sorted stalest first.
        """
        async with self._turn:
            if self._exhausted is not None:
                raise self._exhausted
            while (error := self._check(requests)) is not None:
                if not self._in_progress:
                    self._exhausted = error
                    raise error
                self._finished.clear()
                await self._finished.wait()
            self._in_progress += 1

    def finish(self) -> None:
        """Record that a started repository has ended."""
        self._in_progress -= 1
        self._finished.set()

    def _check(self, requests: int) -> QuotaExhausted | None:
        now = self._clock()
        if self._quota.remaining is None and self._in_progress and not self._authorized:
            return QuotaExhausted(f"{SOURCE}: rate limit unknown; no response from GitHub yet", until=None)
        cost = requests + MAX_REQUESTS_PER_REPOSITORY * self._in_progress
        try:
            self._quota.reserve(cost, now=now)
        except QuotaExhausted as error:
            if error.until is not None and error.until - now <= self._wait:
                return None
            return QuotaExhausted(f"{SOURCE}: {error}", until=error.until)
        self._quota.release(Charge.NONE, cost)
        return None


async def fetch_each(
    targets: Iterable[RepositoryTarget], *, lookup: RestFetcher, gate: QuotaGate, answers: AnswerCollector
) -> None:
    """Fetch the targets concurrently. Raises an exception group of CredentialsRejected."""

    async def fetch_one(target: RepositoryTarget) -> None:
        try:
            await gate.start(_expected_requests(target))
        except QuotaExhausted as error:
            answers.fail(target.coordinate, error)
            return
        try:
            await lookup.fetch(target)
        finally:
            gate.finish()

    async with WorkerPool() as pool:
        for target in targets:
            pool.put(partial(fetch_one, target))


def _expected_requests(target: RepositoryTarget) -> int:
    """Return 1 if all stored parts are of the stored head, so that the repository is probably unchanged."""
    known = target.etag is not None and target.head is not None
    current = known and target.weeks_head == target.contributors_head == target.head
    return 1 if current else MAX_REQUESTS_PER_REPOSITORY
