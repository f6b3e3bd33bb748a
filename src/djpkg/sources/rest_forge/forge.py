"""Shared by the forges without a bulk API: one lookup per repository, a few at a time on each server.

A subclass implements the lookup of one repository (`RestForge.look_up`). This module handles concurrency, rate limits
and servers that are down, for each server separately; a failed lookup affects no other.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.config import API_BY_SOURCE
from djpkg.errors import CredentialsRejected, QuotaExhausted, SourceError, Unreachable
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import ANONYMOUS
from djpkg.sources.answer_buffer import AnswerBuffer
from djpkg.sources.http.api_check import NotFoundStreak, find_api_error
from djpkg.sources.http.circuit_breaker import CircuitBreaker
from djpkg.sources.http.client import Client
from djpkg.sources.http.owner_client import OwnerClient, owner_of
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.http.response import Authorization
from djpkg.sources.http.retry import Limits
from djpkg.sources.identity import OtherRepository
from djpkg.sources.rest_forge.lookup import RepositoryLookup
from djpkg.sources.source import NO_TOKENS, Spent, describe_fallback, failed_answer
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Self

    from djpkg.credentials import Token
    from djpkg.model.facts import ForgeFacts
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.source_name import SourceName
    from djpkg.sources.http.api_check import KnownResource
    from djpkg.sources.rest_forge.lookup import ForgeAnswer

MAX_CONCURRENT = 4
"""Concurrent lookups per server."""
HOUR = timedelta(hours=1)


class Server:
    """One server during a fetch: decides whether the next lookup may start.

    `client` sends the token, if there is one, `anonymous` does not. `cost` is the least number of requests for one
    repository, `hourly` the rate limit without a token if responses do not state it. `gone` are the answers about
    repositories that were not found.
    """

    def __init__(
        self,
        client: Client,
        anonymous: Client,
        *,
        cost: int,
        hourly: int | None,
        wait: float,
        clock: Callable[[], datetime],
    ) -> None:
        self.client = client
        self.anonymous = anonymous
        self._refusing: set[str] = set()
        self._cost = cost
        self._hourly = hourly
        self._wait = timedelta(seconds=wait)
        self._clock = clock
        self.gone: list[ForgeAnswer] = []
        self.streak = NotFoundStreak()
        self._answered = False
        self._circuit = CircuitBreaker()

    def client_for(self, target: RepositoryTarget) -> OwnerClient:
        """Return the client for the requests of one lookup."""
        return OwnerClient(
            client=self.client, anonymous=self.anonymous, owner=owner_of(target.paths[0]), refusing=self._refusing
        )

    def replace_client(self, client: Client) -> None:
        """Use another token, or none, for further lookups."""
        self.client = client
        self._refusing = set()

    def has_room(self, running: int) -> bool:
        """Return whether the next repository can be handled (looked up or given up) while `running` lookups run.

        The first lookup runs alone: it shows whether the server answers, accepts the token, and what its quota is.
        """
        if not running or self._circuit.cause is not None:
            return True
        return self._answered and running < MAX_CONCURRENT and self._quota_reset(running + 1) is None

    def find_obstacle(self) -> SourceError | None:
        """Return why the next repository cannot be looked up; None if it can."""
        if self._circuit.cause is None and (until := self._quota_reset(1)) is not None:
            self._circuit.record(QuotaExhausted(f"{self.client.source}: rate limit reached", until=until))
        return self._circuit.cause

    def record(self, error: SourceError | None) -> None:
        """Record how a lookup ended; None is success."""
        self._answered = True
        self._assume_quota()
        self._circuit.record(error)

    def _quota_reset(self, repositories: int) -> datetime | None:
        """Return the reset time if the quota does not cover `repositories` lookups and resets after the allowed wait.

        Else return None.

        Running lookups may have spent part of their share already: the next one then waits until they are done.
        """
        quota, now = self.client.quota, self._clock()
        if quota.remaining is None or quota.reset is None or quota.reset <= now + self._wait:
            return None
        return quota.reset if quota.remaining < repositories * self._cost else None

    def _assume_quota(self) -> None:
        """Assume the known hourly limit once the server has answered without stating one."""
        quota = self.client.quota
        if self._hourly is None or self.client.authorized:
            return
        if quota.remaining is None and quota.unstated:
            quota.limit, quota.reset = self._hourly, self._clock() + HOUR
            quota.remaining = max(0, self._hourly - quota.unstated)


class RestForge(ABC):
    """A forge with a public server and, optionally, servers of the user's own. Use it with ``async with``.

    `servers` maps the host in repository URLs (``git.example.org``, ``127.0.0.1:3000``) to the URL of the API there.
    These get no token. No other server gets a request. When the public server rejects `token`, those of `other_tokens`
    are tried, then none.
    """

    name: SourceName
    cost: int
    """The least number of requests for one repository."""
    known: KnownResource
    """What every server has, to be requested without a token."""
    hourly_without_token: int | None = None
    """The rate limit without a token, if responses do not state it."""

    def __init__(
        self,
        *,
        base_url: str,
        token: Token | None = None,
        other_tokens: Iterator[Token] = NO_TOKENS,
        servers: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.host = API_BY_SOURCE[self.name].host
        servers = servers or {}
        self.spent = Spent()
        self.rejections: list[CredentialsRejected] = []
        # Anonymous requests and those with a token have separate quotas.
        self.quotas = {ANONYMOUS: Quota()} | {host: Quota() for host in servers}
        self.quota = self.quotas[ANONYMOUS]
        self._base_url = base_url
        self._other_tokens = other_tokens
        self._limits = limits
        self._clock = clock
        self._clients = AsyncExitStack()
        self._servers = {
            host: self._make_server(self._make_client(url, self.quotas[host])) for host, url in servers.items()
        }
        self._public = self._make_server(self._make_client(base_url, self.quota))
        self._servers[self.host] = self._public
        if token is not None:
            self._use_token(token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.aclose()

    @abstractmethod
    async def look_up(self, lookup: RepositoryLookup) -> None:
        """Request one repository and set each part of `lookup` as it becomes known.

        Raises SourceError; the parts set before are kept.
        """

    def _authorization(self, secret: str) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {secret}"

    async def fetch(
        self,
        targets: Sequence[RepositoryTarget],
        *,
        now: datetime,
        sweep: bool,  # noqa: ARG002 - there is no bulk API
    ) -> AsyncGenerator[Sequence[ForgeAnswer], None]:
        """Yield one answer for each target, in pages as they become ready; lookups start in the given order."""
        by_host: dict[str, list[RepositoryTarget]] = {}
        for target in targets:
            by_host.setdefault(target.host, []).append(target)
        answers: AnswerBuffer[ForgeFacts] = AnswerBuffer()
        async with aclosing(answers.pages(self._run_servers(by_host, now, answers))) as pages:
            async for page in pages:
                yield page

    async def _run_servers(
        self, by_host: Mapping[str, Sequence[RepositoryTarget]], now: datetime, answers: AnswerBuffer[ForgeFacts]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for host, targets in by_host.items():
                if (server := self._servers.get(host)) is not None:
                    group.create_task(self._run_lookups(server, targets, now, answers))
                else:
                    error = SourceError(f"{self.name}: {host} is not listed in DJPKG_FORGES")
                    for target in targets:
                        answers.add(failed_answer(target.coordinate, error))

    async def _run_lookups(
        self, server: Server, targets: Iterable[RepositoryTarget], now: datetime, answers: AnswerBuffer[ForgeFacts]
    ) -> None:
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            for target in targets:
                while not server.has_room(len(running)):
                    _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                if (obstacle := server.find_obstacle()) is not None:
                    answers.add(failed_answer(target.coordinate, obstacle))
                else:
                    running.add(group.create_task(self._run_lookup(server, target, now, answers)))
        await self._finish_gone(server, answers)

    async def _run_lookup(
        self, server: Server, target: RepositoryTarget, now: datetime, answers: AnswerBuffer[ForgeFacts]
    ) -> None:
        while True:
            lookup = RepositoryLookup(target, server.client_for(target), now)
            error = await self._try_lookup(lookup)
            if not isinstance(error, CredentialsRejected):
                break
            if lookup.client.client is server.client:  # else another lookup has replaced the token
                token = next(self._other_tokens, None)
                self.rejections.append(describe_fallback(error, token))
                self._use_token(token)
        # The quota without a token does not limit the repositories of owners that accept it.
        without_token = lookup.client.refused and isinstance(error, QuotaExhausted)
        server.record(None if without_token else error)
        answer = lookup.answer(error)
        server.streak.record(answer.outcome)
        if answer.outcome is Outcome.GONE:
            server.gone.append(answer)
        else:
            answers.add(answer)

    async def _finish_gone(self, server: Server, answers: AnswerBuffer[ForgeFacts]) -> None:
        """Add the answers about repositories that were not found, as failures if there is no API."""
        error: SourceError | None = None
        if server.streak.is_suspicious:
            host = next(host for host, one in self._servers.items() if one is server)
            error = await find_api_error(server.anonymous, self.known, host=host)
        for answer in server.gone:
            answers.add(answer if error is None else failed_answer(answer.coordinate, error))

    async def _try_lookup(self, lookup: RepositoryLookup) -> SourceError | None:
        """Look up a repository and return the error that ended the lookup early."""
        try:
            # Each request has a timeout already; this one is for a server with ever more pages, each of them slow.
            async with asyncio.timeout(self._limits.stream):
                await self.look_up(lookup)
        except OtherRepository as error:
            if lookup.target.accepts_new:
                lookup.target = lookup.target.as_new()
                return await self._try_lookup(lookup)
            if not lookup.has_left:
                return error
            lookup.state = "gone"  # its first name, which it had left, belongs to another one
        except SourceError as error:
            return error
        except TimeoutError:
            return Unreachable(f"{self.name}: {lookup.target.host} timed out after {self._limits.stream:g} s")
        return None

    def _use_token(self, token: Token | None) -> None:
        """Send further requests to the public server with a token, or without one."""
        if token is None:
            self.quota = self.quotas[ANONYMOUS]
            self._public.replace_client(self._public.anonymous)
            return
        self.quota = self.quotas[""] = Quota()
        auth = Authorization(value=self._authorization(token.secret), origin=token.origin)
        self._public.replace_client(self._make_client(self._base_url, self.quota, auth))

    def _make_client(self, base_url: str, quota: Quota, auth: Authorization | None = None) -> Client:
        client = Client(
            source=self.name,
            base_url=base_url,
            auth=auth,
            connections=MAX_CONCURRENT,
            quota=quota,
            spent=self.spent,
            limits=self._limits,
            clock=self._clock,
        )
        self._clients.push_async_exit(client)
        return client

    def _make_server(self, client: Client) -> Server:
        return Server(
            client,
            client,
            cost=self.cost,
            hourly=self.hourly_without_token,
            wait=self._limits.wait,
            clock=self._clock,
        )
