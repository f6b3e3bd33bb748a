"""Fetches many repositories by GraphQL; contributors, and what GraphQL cannot answer, by REST at the same time.

Only one query is in flight at a time, because GitHub limits the CPU time of concurrent queries (GitHub GraphQL:
"secondary rate limits").
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from djpkg.errors import CredentialsRejected, HTTPStatusError, QuotaExhausted, SourceError, Unreachable
from djpkg.model import weekly_commits
from djpkg.model.batch_sizes import COMMITS_BATCH_SIZE, PROBE_BATCH_SIZE
from djpkg.model.facts import Outcome, RepositoryFacts
from djpkg.sources.github.batches import BatchQueue
from djpkg.sources.github.errors import SOURCE, ErrorKind, status_error
from djpkg.sources.github.graphql import GraphQLResponse, NoResult
from djpkg.sources.github.probe import parse_probe, probe_query
from djpkg.sources.github.rest import STATE_FACTS, RepositoryStatus
from djpkg.sources.github.window import HistoryPage, PageRequest, Window, next_pages, parse_window, window_query
from djpkg.sources.http.api_check import address_hint
from djpkg.sources.http.owner_client import owner_of
from djpkg.sources.http.rate_limit import RateLimitHit, rate_limit_from_headers
from djpkg.sources.identity import OtherRepository, check_identity
from djpkg.sources.source import Answer
from djpkg.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.github.answers import AnswerCollector, PendingRepository
    from djpkg.sources.github.lookup import RestFetcher, WorkerPool
    from djpkg.sources.http.client import Client

MAX_ATTEMPTS = 3
"""How often one query is sent when GitHub answers it with a rate limit error and status 200."""
MAX_UNANSWERED = 3
"""Consecutive queries without any response, each with its retries, after which GraphQL is not used in this run."""
MAX_FAILURES = 12
"""Consecutive failed queries of any size after which GraphQL is not used in this run."""


@dataclass(slots=True, kw_only=True)
class BulkFetch:
    """Fetches many repositories and adds the answers to `answers`; `pool` runs the REST jobs.

    `block` is called with rate limits that GitHub reports with status 200. `_lost` are the targets whose node id GitHub
    does not know any more, by coordinate: they are requested by name.
    """

    client: Client
    lookup: RestFetcher
    pool: WorkerPool
    answers: AnswerCollector
    now: datetime
    clock: Callable[[], datetime]
    block: Callable[[RateLimitHit], None]
    _probes: BatchQueue[RepositoryTarget] = field(init=False, default_factory=lambda: BatchQueue(PROBE_BATCH_SIZE))
    _windows: BatchQueue[PageRequest] = field(init=False, default_factory=lambda: BatchQueue(COMMITS_BATCH_SIZE))
    _lost: dict[str, RepositoryTarget] = field(init=False, default_factory=dict)
    _failures: int = field(init=False, default=0)
    _unanswered: int = field(init=False, default=0)

    async def fetch(self, targets: Sequence[RepositoryTarget]) -> None:
        """Fetch all targets. Raises CredentialsRejected; any other error becomes an answer."""
        for target in targets:
            self._probes.add(target)
        try:
            while self._probes or self._windows:
                # Windows are sent as soon as they fill a query, so that fewer repositories are incomplete at a time.
                if not self._probes or len(self._windows) >= self._windows.size:
                    await self._fetch_windows()
                else:
                    await self._fetch_probes()
        except CredentialsRejected:
            raise
        except SourceError as error:
            self._give_up(error)

    def _give_up(self, error: SourceError) -> None:
        """Leave the rest to REST if GraphQL refuses the token (403) or is down (5xx); else all of it fails."""
        use_rest = isinstance(error, HTTPStatusError) and not _is_client_error(error)
        for target in self._probes.remaining():
            if use_rest:
                self._fetch_by_rest(target)
            else:
                self.answers.fail(target.coordinate, error)
        for window in {id(request.window): request.window for request in self._windows.remaining()}.values():
            if use_rest:
                self._fetch_window_by_rest(window)
            elif not window.closed:
                self.answers.fail_part(window.pending, error)

    async def _fetch_probes(self) -> None:
        batch = self._probes.next_batch()
        refused = [target for target in batch if self._is_refused(target.paths[0])]
        asked = [target for target in batch if not self._is_refused(target.paths[0])]
        response = await self._query(probe_query(asked)) if asked else None
        unanswered: list[RepositoryTarget] = []
        if response is None:
            unanswered = asked
        else:
            for target, result in zip(asked, parse_probe(response, asked), strict=True):
                if result is NoResult.UNANSWERED:
                    unanswered.append(target)
                else:
                    self._handle_probe(target, result)
        for target in [*refused, *self._probes.finish_batch(unanswered)]:
            self._fetch_by_rest(target)

    def _handle_probe(self, target: RepositoryTarget, result: RepositoryFacts | NoResult | SourceError) -> None:
        by_id = target.node_id is not None
        target = self._lost.get(target.coordinate, target)
        if isinstance(result, RepositoryFacts):
            self._add_repository(target, result)
        elif isinstance(result, SourceError):
            self.answers.fail(target.coordinate, result)
        elif result is NoResult.REFUSED or result is NoResult.UNCLEAR:
            if result is NoResult.REFUSED:
                self.lookup.rest.refusing.add(owner_of(target.paths[0]))
            self._fetch_by_rest(target)
        elif by_id:
            self._lost[target.coordinate] = target
            self._probes.add(replace(target, node_id=None))
        elif target.head is not None and not target.gone:
            # It existed at the last fetch: REST confirms that it is gone, or reports that it is blocked.
            self._fetch_by_rest(target)
        else:
            gone = STATE_FACTS[RepositoryStatus.GONE]
            self.answers.finish(Answer(coordinate=target.coordinate, outcome=Outcome.GONE, facts=gone))

    def _add_repository(self, target: RepositoryTarget, facts: RepositoryFacts) -> None:
        if target.node_id is None and facts.path.lower() not in {path.lower() for path in target.paths}:
            # GraphQL follows renames without showing it; REST redirects.
            self._fetch_by_rest(target)
            return
        try:
            check_identity(target, path=facts.path, node_id=facts.node_id, renamed=True, source=SOURCE)
        except OtherRepository as error:
            if target.known_path is not None or target.accepts_new:
                self._fetch_by_rest(target)  # which confirms that it is gone from where it was last
            else:
                self.answers.fail(target.coordinate, error)
            return
        if (pending := self.answers.add_repository(target, facts)) is not None:
            self._queue_parts(pending)

    def _is_refused(self, path: str) -> bool:
        return owner_of(path) in self.lookup.rest.refusing

    def _fetch_by_rest(self, target: RepositoryTarget) -> None:
        target = self._lost.get(target.coordinate, target)
        self.pool.put(partial(self.lookup.fetch, target))

    def _queue_parts(self, pending: PendingRepository) -> None:
        if pending.needs_weeks:
            self._windows.add(PageRequest(Window(pending=pending)))
        if pending.needs_contributors:
            self.pool.put(partial(self.lookup.fetch_contributors, pending))

    async def _fetch_windows(self) -> None:
        batch = self._windows.next_batch()
        refused = [request for request in batch if self._is_refused(request.window.pending.path)]
        asked = [request for request in batch if not self._is_refused(request.window.pending.path)]
        response = await self._query(window_query(asked, now=self.now)) if asked else None
        unanswered: list[PageRequest] = []
        if response is None:
            unanswered = asked
        else:
            for request, result in zip(asked, parse_window(response, asked, now=self.now), strict=True):
                if request.window.closed:
                    continue
                if result is NoResult.UNANSWERED:
                    unanswered.append(request)
                else:
                    self._handle_history_page(request, result)
        for request in [*refused, *self._windows.finish_batch(unanswered)]:
            self._fetch_window_by_rest(request.window)

    def _handle_history_page(self, request: PageRequest, result: HistoryPage | NoResult | SourceError) -> None:
        window = request.window
        if isinstance(result, SourceError):
            window.closed = True
            self.answers.fail_part(window.pending, result)
        elif isinstance(result, NoResult):
            if result is NoResult.REFUSED:
                self.lookup.rest.refusing.add(owner_of(window.pending.path))
            self._fetch_window_by_rest(window)
        else:
            following = next_pages(request, result)
            window.total = result.total
            window.days = weekly_commits.add_commits_by_day(window.days, result.days)
            window.missing_pages += len(following) - 1
            if not window.missing_pages:
                self.answers.add_weeks(window.pending, window.days)
            for page in reversed(following):  # in front, so that they share queries with other windows
                self._windows.add_first(page)

    def _fetch_window_by_rest(self, window: Window) -> None:
        if not window.closed:
            window.closed = True
            self.pool.put(partial(self.lookup.fetch_window, window.pending))

    async def _query(self, body: bytes) -> GraphQLResponse | None:
        """Return the response to one query; None where it failed and smaller queries may succeed."""
        try:
            response = await self._send(body)
        except (CredentialsRejected, QuotaExhausted):
            raise
        except SourceError as error:
            self._failures += 1
            self._unanswered = self._unanswered + 1 if isinstance(error, Unreachable) else 0
            if _is_client_error(error) or self._unanswered >= MAX_UNANSWERED or self._failures >= MAX_FAILURES:
                raise
            return None
        self._failures = self._unanswered = 0
        self.client.spent.points += response.points
        rate = response.rate_limit
        self.client.quota.update(rate.limit, rate.remaining, parse_time(rate.reset_at), now=self.clock())
        return response

    async def _send(self, body: bytes) -> GraphQLResponse:
        for _ in range(MAX_ATTEMPTS):
            http_response = await self.client.post("graphql", body, retry_timeouts=False)
            if http_response.status != HTTPStatus.OK:
                error = status_error(http_response, "a GraphQL query")
                if error.status == HTTPStatus.NOT_FOUND:
                    error.hint = address_hint(SOURCE)
                raise error
            response = GraphQLResponse(http_response)
            if response.exceeded_limit is None:
                return response
            # The next `post` waits until the quota resets, or raises if that takes too long.
            secondary = response.exceeded_limit is ErrorKind.SECONDARY
            self.block(rate_limit_from_headers(http_response.headers, secondary=secondary))
        raise QuotaExhausted(f"{SOURCE}: GraphQL rate limit reached", until=self.client.quota.blocked_until)


def _is_client_error(error: SourceError) -> bool:
    """Return whether the query itself is wrong. A 403 is about the owner of one repository, or about the token."""
    if not isinstance(error, HTTPStatusError) or error.status == HTTPStatus.FORBIDDEN:
        return False
    return error.status < HTTPStatus.INTERNAL_SERVER_ERROR
