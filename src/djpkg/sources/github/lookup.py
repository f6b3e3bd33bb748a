"""One repository at a time by REST: for a few, for those without a token, and where GraphQL cannot tell.

A request a page, one for the head, one or more for the window and the contributors: three or four where all is asked
for. Several repositories are looked up side by side, in the order of their asks, and none is begun that the quota does
not let end.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from djpkg.errors import CredentialsRejected, QuotaExhausted, Rejected, SourceError
from djpkg.model.facts import ContributorsFacts, Outcome
from djpkg.sources.github.errors import SOURCE
from djpkg.sources.github.rest import ENDED_FACTS, NoPage
from djpkg.sources.source import Answer
from djpkg.times import stamp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime, timedelta
    from types import TracebackType
    from typing import Self

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.github.answers import Answers, Pending
    from djpkg.sources.github.rest import Rest
    from djpkg.sources.http.rate_limit import Quota

MAX_CONCURRENT = 8
MAX_REQUESTS = 4
"""Requests that a repository may need: its page, its head, its window and its contributors."""


class Lookup:
    """Asks for single repositories and for single parts, and answers into `answers`.

    `anonymous` goes without the token, for repositories of organizations that do not let the token in.
    """

    def __init__(
        self,
        rest: Rest,
        *,
        anonymous: Rest,
        answers: Answers,
        now: datetime,
        clock: Callable[[], datetime],
    ) -> None:
        self._rest = rest
        self._anonymous = anonymous
        self._answers = answers
        self._now = now
        self._clock = clock

    async def fetch(self, ask: RepositoryTarget) -> None:
        """Everything that is to be asked of a repository. Raises CredentialsRejected; all else ends in an answer."""
        try:
            rest = self._rest
            found = await self._find(ask, rest)
            if found is NoPage.FORBIDDEN:
                rest = self._anonymous
                found = await self._find(ask, rest)
        except CredentialsRejected:
            raise
        except SourceError as error:
            self._answers.fail(ask.coordinate, error)
            return
        if isinstance(found, NoPage):
            self._end(ask, found)
        elif found is not None:
            if found.weeks:
                await self.fetch_window(found, rest)
            if found.contributors:
                await self.fetch_contributors(found, rest)

    async def fetch_window(self, pending: Pending, rest: Rest | None = None) -> None:
        """The weeks of a repository. Raises CredentialsRejected."""
        try:
            days = await (rest or self._rest).fetch_window(
                pending.path, head=pending.head, head_at=pending.head_at, now=self._now
            )
        except CredentialsRejected:
            raise
        except SourceError as error:
            self._answers.miss(pending, error)
        else:
            self._answers.tell_weeks(pending, days)

    async def fetch_contributors(self, pending: Pending, rest: Rest | None = None) -> None:
        """The contributors of a repository. Raises CredentialsRejected."""
        try:
            names = await (rest or self._rest).fetch_contributors(pending.path)
        except CredentialsRejected:
            raise
        except SourceError as error:
            self._answers.miss(pending, error)
        else:
            taken = stamp(self._clock())
            # Where there is no list this says so of the head, which is not asked about again and again.
            facts = ContributorsFacts(head=pending.head, names=names or (), taken=taken, whole=names is not None)
            self._answers.tell_contributors(pending, facts)

    async def _find(self, ask: RepositoryTarget, rest: Rest) -> Pending | NoPage | None:
        """Tells the page of a repository; None where there is no more to ask."""
        page = await rest.find_page(ask)
        if page is NoPage.UNCHANGED:
            return self._answers.state(ask, None)
        if isinstance(page, NoPage):
            return page
        head = await rest.find_head(page.facts.path, page.branch)
        facts = replace(page.facts, head=head.oid, head_at=head.at)
        return self._answers.state(ask, facts, etag=page.etag)

    def _end(self, ask: RepositoryTarget, ending: NoPage) -> None:
        if ending in ENDED_FACTS:
            self._answers.end(Answer(coordinate=ask.coordinate, outcome=Outcome.GONE, facts=ENDED_FACTS[ending]))
        else:
            message = f"{SOURCE}: the organization of {ask.path} does not let the token in"
            self._answers.fail(ask.coordinate, Rejected(message, status=403))


class WorkerPool:
    """Runs jobs, at most so many at a time and in their order; leaving it waits for all of them.

    What a job raises ends the others and is raised on leaving.
    """

    def __init__(self, size: int = MAX_CONCURRENT) -> None:
        self._size = size
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]] | None] = asyncio.Queue()
        self._workers = asyncio.TaskGroup()
        self._hired = 0

    def put(self, job: Callable[[], Awaitable[None]]) -> None:
        """One more job."""
        self._jobs.put_nowait(job)
        if self._hired < self._size:
            self._hired += 1
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
        for _ in range(self._hired):
            self._jobs.put_nowait(None)
        await self._workers.__aexit__(kind, error, trace)


class QuotaGate:
    """Lets a repository begin when the quota has room for all that it and those under way may need.

    A moment of reset that is nearer than `wait` is waited for by whoever sends.
    """

    def __init__(self, quota: Quota, *, authorized: bool, clock: Callable[[], datetime], wait: timedelta) -> None:
        self._quota = quota
        self._authorized = authorized
        self._clock = clock
        self._wait = wait
        self._begun = 0
        self._over: QuotaExhausted | None = None
        self._door = asyncio.Lock()  # fair: who comes first begins first
        self._ended = asyncio.Event()

    async def begin(self, need: int) -> None:
        """Returns when `need` requests may be begun; raises QuotaExhausted when they may not in this run.

        After that nobody begins any more, as those who come later are less stale.
        """
        async with self._door:
            if self._over is not None:
                raise self._over
            while (refusal := self._refusal(need)) is not None:
                if not self._begun:
                    self._over = refusal
                    raise refusal
                self._ended.clear()
                await self._ended.wait()
            self._begun += 1

    def end(self) -> None:
        """What was begun has ended."""
        self._begun -= 1
        self._ended.set()

    def _refusal(self, need: int) -> QuotaExhausted | None:
        now = self._clock()
        if self._quota.remaining is None and self._begun and not self._authorized:
            return QuotaExhausted(f"{SOURCE}: nobody knows yet what the quota is", until=None)
        cost = need + MAX_REQUESTS * self._begun
        try:
            self._quota.admit(cost, now=now)
        except QuotaExhausted as refusal:
            if refusal.until is not None and refusal.until - now <= self._wait:
                return None
            return QuotaExhausted(f"{SOURCE}: {refusal}", until=refusal.until)
        self._quota.settle(cost, stated=True)
        return None


async def fetch_each(asks: Iterable[RepositoryTarget], *, lookup: Lookup, turns: QuotaGate, answers: Answers) -> None:
    """Looks up `asks`, side by side. Raises an exception group of CredentialsRejected."""

    async def job(ask: RepositoryTarget) -> None:
        try:
            await turns.begin(_need(ask))
        except QuotaExhausted as error:
            answers.fail(ask.coordinate, error)
            return
        try:
            await lookup.fetch(ask)
        finally:
            turns.end()

    async with WorkerPool() as crew:
        for ask in asks:
            crew.put(partial(job, ask))


def _need(ask: RepositoryTarget) -> int:
    """Requests that a repository is likely to need at most; one where all that is stored belongs to the head."""
    known = ask.etag is not None and ask.head is not None
    return 1 if known and ask.weeks_head == ask.contributors_head == ask.head else MAX_REQUESTS
