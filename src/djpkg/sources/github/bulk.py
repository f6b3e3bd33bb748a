"""Many repositories by GraphQL: probes, then windows of what moved; contributors by REST meanwhile.

One query is in flight at any time, as GitHub's limit on processor time allows no more (GitHub GraphQL: "secondary rate
limits"). What GraphQL cannot tell of a single repository is asked for by REST.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from djpkg.errors import CredentialsRejected, QuotaExhausted, Rejected, SourceError, Unreachable
from djpkg.model import weekly_commits
from djpkg.model.batch_sizes import PROBED, WINDOWED
from djpkg.model.facts import Outcome, RepositoryFacts
from djpkg.sources.github.batches import BatchQueue
from djpkg.sources.github.errors import SOURCE, rejected_error
from djpkg.sources.github.graphql import Answered, Gap
from djpkg.sources.github.probe import read_probe, write_probe
from djpkg.sources.github.rest import ENDED_FACTS, NoPage
from djpkg.sources.github.window import HistoryPage, Window, WindowAsk, following, read_window, write_window
from djpkg.sources.http.rate_limit import Refusal, read_refusal
from djpkg.sources.source import Answer
from djpkg.times import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.github.answers import Answers, Pending
    from djpkg.sources.github.lookup import Lookup, WorkerPool
    from djpkg.sources.http.client import Client

T = TypeVar("T")

MAX_RETRIES = 3
"""Refusals with status 200 that one query may meet."""
MAX_EMPTY = 3
"""After so many queries in a row without any answer, each sent several times, GraphQL is given up for this run."""
MAX_FAILED = 12
"""After so many queries in a row that failed, whatever their size, GraphQL is given up for this run."""


class BulkFetch:
    """Asks for many repositories, and answers into `answers`; `crew` does what is for REST.

    `close` is told of limits that come as an answer of status 200.
    """

    def __init__(
        self,
        client: Client,
        *,
        lookup: Lookup,
        crew: WorkerPool,
        answers: Answers,
        now: datetime,
        clock: Callable[[], datetime],
        close: Callable[[Refusal], None],
    ) -> None:
        self._client = client
        self._lookup = lookup
        self._crew = crew
        self._answers = answers
        self._now = now
        self._clock = clock
        self._close = close
        self._probes: BatchQueue[RepositoryTarget] = BatchQueue(PROBED)
        self._windows: BatchQueue[WindowAsk] = BatchQueue(WINDOWED)
        self._in_vain = self._silent = 0

    async def fetch(self, asks: Sequence[RepositoryTarget]) -> None:
        """Everything that GraphQL can tell. Raises CredentialsRejected; all else ends in answers."""
        for ask in asks:
            self._probes.add(ask)
        try:
            while self._probes or self._windows:
                # Windows as soon as they fill a query: fewer repositories wait half told.
                if not self._probes or len(self._windows) >= self._windows.size:
                    await self._ask_windows()
                else:
                    await self._ask_probes()
        except CredentialsRejected:
            raise
        except SourceError as error:
            self._give_up(error)

    def _give_up(self, error: SourceError) -> None:
        """Leave what is open to REST where GraphQL alone is unwell; else it ends with the error."""
        unwell = isinstance(error, Rejected) and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        for ask in self._probes.left():
            if unwell:
                self._crew.put(partial(self._lookup.fetch, ask))
            else:
                self._answers.fail(ask.coordinate, error)
        for window in {id(left.window): left.window for left in self._windows.left()}.values():
            if unwell:
                self._leave_to_rest(window)
            elif not window.closed:
                self._answers.miss(window.pending, error)

    async def _ask_probes(self) -> None:
        batch = self._probes.take()
        answered = await self._ask(write_probe(batch))
        unanswered: list[RepositoryTarget] = []
        if answered is None:
            unanswered = batch
        else:
            for ask, found in zip(batch, read_probe(answered, batch), strict=True):
                if found is Gap.UNANSWERED:
                    unanswered.append(ask)
                else:
                    self._take_page(ask, found)
        for ask in self._probes.settle(unanswered):
            self._crew.put(partial(self._lookup.fetch, ask))

    def _take_page(self, ask: RepositoryTarget, found: RepositoryFacts | Gap | SourceError) -> None:
        if isinstance(found, RepositoryFacts):
            pending = self._answers.state(ask, found)
            if pending is not None:
                self._go_on(pending)
        elif isinstance(found, SourceError):
            self._answers.fail(ask.coordinate, found)
        elif found is Gap.UNCLEAR:
            self._crew.put(partial(self._lookup.fetch, ask))
        elif ask.node_id is not None:
            # Deleted, but perhaps made anew under its name.
            self._probes.add(replace(ask, node_id=None))
        elif ask.head is not None and not ask.gone:
            # It was there: REST confirms that it is gone, and knows whether it is blocked instead.
            self._crew.put(partial(self._lookup.fetch, ask))
        else:
            self._answers.end(Answer(coordinate=ask.coordinate, outcome=Outcome.GONE, facts=ENDED_FACTS[NoPage.GONE]))

    def _go_on(self, pending: Pending) -> None:
        if pending.weeks:
            self._windows.add(WindowAsk(Window(pending=pending)))
        if pending.contributors:
            self._crew.put(partial(self._lookup.fetch_contributors, pending))

    async def _ask_windows(self) -> None:
        batch = self._windows.take()
        answered = await self._ask(write_window(batch, now=self._now))
        unanswered: list[WindowAsk] = []
        if answered is None:
            unanswered = batch
        else:
            for ask, found in zip(batch, read_window(answered, batch, now=self._now), strict=True):
                if ask.window.closed:
                    continue
                if found is Gap.UNANSWERED:
                    unanswered.append(ask)
                else:
                    self._take_history(ask, found)
        for ask in self._windows.settle(unanswered):
            self._leave_to_rest(ask.window)

    def _take_history(self, ask: WindowAsk, found: HistoryPage | Gap | SourceError) -> None:
        window = ask.window
        if isinstance(found, SourceError):
            window.closed = True
            self._answers.miss(window.pending, found)
        elif isinstance(found, Gap):
            self._leave_to_rest(window)
        else:
            more = following(ask, found)
            window.total = found.total
            window.days = weekly_commits.add_days(window.days, found.days)
            window.lacks += len(more) - 1
            if not window.lacks:
                self._answers.tell_weeks(window.pending, window.days)
            for one in reversed(more):  # first of all, so that they go along with the windows of others
                self._windows.add_first(one)

    def _leave_to_rest(self, window: Window) -> None:
        if not window.closed:
            window.closed = True
            self._crew.put(partial(self._lookup.fetch_window, window.pending))

    async def _ask(self, body: bytes) -> Answered | None:
        """The answer to one query; None where it failed and is worth asking for in smaller parts."""
        try:
            answered = await self._send(body)
        except (CredentialsRejected, QuotaExhausted):
            raise
        except SourceError as error:
            self._in_vain += 1
            self._silent = self._silent + 1 if isinstance(error, Unreachable) else 0
            mistaken = isinstance(error, Rejected) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
            if mistaken or self._silent >= MAX_EMPTY or self._in_vain >= MAX_FAILED:
                raise
            return None
        self._in_vain = self._silent = 0
        self._client.spent.points += answered.cost
        rate = answered.rate
        self._client.quota.learn(rate.limit, rate.remaining, instant(rate.reset_at), now=self._clock())
        return answered

    async def _send(self, body: bytes) -> Answered:
        for _ in range(MAX_RETRIES):
            reply = await self._client.post("graphql", body, retry=False)
            if reply.status != HTTPStatus.OK:
                raise rejected_error(reply, "a GraphQL query")
            answered = Answered(reply)
            if answered.limited is None:
                return answered
            # The client waits for the quota before it sends the query again, or says that it does not.
            self._close(read_refusal(reply.headers, secondary=answered.limited.secondary))
        raise QuotaExhausted(f"{SOURCE}: GraphQL takes no more queries for now", until=self._client.quota.closed_until)
