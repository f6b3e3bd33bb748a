"""What GitLab, Bitbucket and Forgejo have in common: repositories asked one by one, a few at a time on each server.

A forge says only how one repository is asked about (`VisitingForge.visit`). That there are many, that a quota ends
early, that a server is down, and that one bad reply stays one bad reply, is settled here, for each server by itself.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.errors import CredentialsRejected, QuotaExhausted, SourceError, Unreachable
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import ANONYMOUS
from djpkg.sources.answer_buffer import AnswerBuffer
from djpkg.sources.http.circuit_breaker import CircuitBreaker
from djpkg.sources.http.client import Client
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.rest_forge.lookup import Ending, RepositoryLookup, ended
from djpkg.sources.source import Spent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Self

    from djpkg.model.facts import ForgeFacts
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.source_name import SourceName
    from djpkg.sources.http.response import Authorization
    from djpkg.sources.http.retry import Limits
    from djpkg.sources.rest_forge.lookup import ForgeAnswer

MAX_CONCURRENT = 4
"""How many repositories of one server are asked about at the same time."""
HOUR = timedelta(hours=1)


class Server:
    """One server while it is asked, and whether there is still sense in asking it.

    `cost` is the least number of requests for one repository, `hourly` how many requests an hour the server takes
    where its answers do not tell.
    """

    def __init__(
        self, client: Client, *, cost: int, hourly: int | None, wait: float, clock: Callable[[], datetime]
    ) -> None:
        self.client = client
        self._cost = cost
        self._hourly = hourly
        self._wait = timedelta(seconds=wait)
        self._clock = clock
        self._known = False
        self._circuit = CircuitBreaker()

    def admits(self, under_way: int) -> bool:
        """Whether one more repository may be begun, or given up, while so many are under way.

        The first goes alone: it tells whether the server answers, takes the token, and what its quota is.
        """
        if not under_way or self._circuit.cause is not None:
            return True
        return self._known and under_way < MAX_CONCURRENT and self._lacks(under_way + 1) is None

    def ending(self) -> Ending | None:
        """Why the next repository is not asked about; None when it is."""
        if self._circuit.cause is None and (until := self._lacks(1)) is not None:
            reason = f"{self.client.source}: the quota does not suffice for one more repository"
            self._circuit.note(QuotaExhausted(reason, until=until))
        return _ending(self._circuit.cause)

    def note(self, error: SourceError | None) -> Ending | None:
        """Takes in how a visit ended; returns how its repository ends, None when it was answered."""
        self._known = True
        self._assume_quota()
        self._circuit.note(error)
        return _ending(error)

    def _lacks(self, repositories: int) -> datetime | None:
        """Until when the quota lacks what so many repositories take, if that is not worth waiting for.

        Some of those that are under way have spent their share already: then the next one waits until they are done.
        """
        quota, now = self.client.quota, self._clock()
        if quota.remaining is None or quota.reset is None or quota.reset <= now + self._wait:
            return None
        return quota.reset if quota.remaining < repositories * self._cost else None

    def _assume_quota(self) -> None:
        quota = self.client.quota
        if self._hourly is not None and quota.remaining is None:
            quota.limit, quota.reset = self._hourly, self._clock() + HOUR
            quota.remaining = max(0, self._hourly - self.client.spent.requests)


def _ending(error: SourceError | None) -> Ending | None:
    if error is None:
        return None
    if isinstance(error, QuotaExhausted):
        return Ending(Outcome.DEFERRED, error.reason, error.until)
    return Ending(Outcome.FAILED, error.reason, refused=isinstance(error, CredentialsRejected))


class RestForge(ABC):
    """A source that asks about each repository by itself, on its public server and on further ones that the user named.

    `servers` are the further ones: host as in addresses (``git.example.org``, ``127.0.0.1:3000``) to the root of the
    API there. They are never sent a token, and no other server is ever asked. Use it with ``async with``.
    """

    name: SourceName
    host: str
    """The public server's host as in the addresses of repositories."""
    cost: int
    """The least number of requests with which something is learned of one repository."""

    def __init__(
        self,
        *,
        base_url: str,
        auth: Authorization | None,
        servers: Mapping[str, str],
        limits: Limits,
        clock: Callable[[], datetime],
        hourly: int | None = None,
    ) -> None:
        self.spent = Spent()
        self.quota = Quota()
        # Strangers have a quota of their own: what it lacks is no reason to spare a token's, and the other way round.
        self.quotas = {"" if auth else ANONYMOUS: self.quota} | {host: Quota() for host in servers}
        self._addresses = {**servers, self.host: base_url}
        self._auth = auth
        self._limits = limits
        self._clock = clock
        self._hourly = hourly
        self._servers: dict[str, Server] = {}
        self._clients = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._servers.clear()
        await self._clients.aclose()

    @abstractmethod
    async def visit(self, visit: RepositoryLookup) -> None:
        """Asks about one repository, and says on `visit` what was learned, part by part.

        Raises SourceError; what was said before that is kept.
        """

    async def fetch(
        self,
        asks: Sequence[RepositoryTarget],
        *,
        now: datetime,
        sweep: bool,  # noqa: ARG002 - there is no other shape for many
    ) -> AsyncGenerator[Sequence[ForgeAnswer], None]:
        """One answer for each of `asks`, in pages as they become ready; the first asks are served first."""
        by_host: dict[str, list[RepositoryTarget]] = {}
        for ask in asks:
            by_host.setdefault(ask.host, []).append(ask)
        for host in by_host.keys() & self._addresses.keys():
            await self._open_server(host)
        ready: AnswerBuffer[ForgeFacts] = AnswerBuffer()
        work = asyncio.create_task(self._serve_all(by_host, now, ready))
        try:
            async for page in ready.pages():
                yield page
            await work
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def _serve_all(
        self, by_host: Mapping[str, Sequence[RepositoryTarget]], now: datetime, ready: AnswerBuffer[ForgeFacts]
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for host, some in by_host.items():
                    if (server := self._servers.get(host)) is not None:
                        group.create_task(self._serve(server, some, now, ready))
                    else:
                        ending = Ending(Outcome.FAILED, f"{self.name}: {host} is not named in DJPKG_FORGES")
                        for ask in some:
                            ready.add(ended(ask.coordinate, ending))
        finally:
            ready.close()

    async def _serve(
        self, server: Server, asks: Iterable[RepositoryTarget], now: datetime, ready: AnswerBuffer[ForgeFacts]
    ) -> None:
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            for ask in asks:
                while not server.admits(len(under_way)):
                    _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if (ending := server.ending()) is not None:
                    ready.add(ended(ask.coordinate, ending))
                else:
                    visit = RepositoryLookup(ask, server.client, now)
                    under_way.add(group.create_task(self._answer(server, visit, ready)))

    async def _answer(self, server: Server, visit: RepositoryLookup, ready: AnswerBuffer[ForgeFacts]) -> None:
        error: SourceError | None = None
        try:
            # Each request is bounded already; this bounds a server that has ever more pages, each of them slow.
            async with asyncio.timeout(self._limits.stream):
                await self.visit(visit)
        except SourceError as raised:
            error = raised
        except TimeoutError:
            error = Unreachable(f"{self.name}: {visit.ask.host} did not come to an end in {self._limits.stream:g} s")
        ready.add(visit.answer(server.note(error)))

    async def _open_server(self, host: str) -> None:
        """Raises ConfigError where the address that was named is none."""
        if host in self._servers:
            return
        client = Client(
            source=self.name,
            base_url=self._addresses[host],
            auth=self._auth if host == self.host else None,
            connections=MAX_CONCURRENT,
            quota=self.quota if host == self.host else self.quotas[host],
            spent=self.spent,
            limits=self._limits,
            clock=self._clock,
        )
        await self._clients.enter_async_context(client)
        self._servers[host] = Server(
            client, cost=self.cost, hourly=self._hourly, wait=self._limits.wait, clock=self._clock
        )
