"""GitHub: many repositories by GraphQL in batches, a few (and without a token all) by REST, one by one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Self

from djpkg.errors import CredentialsRejected
from djpkg.model.batch_sizes import FEW_REPOSITORIES
from djpkg.model.fetch_state import ANONYMOUS
from djpkg.source_name import SourceName
from djpkg.sources.github.answers import Answers
from djpkg.sources.github.bulk import BulkFetch
from djpkg.sources.github.errors import read_limit
from djpkg.sources.github.lookup import MAX_CONCURRENT, Lookup, QuotaGate, WorkerPool, fetch_each
from djpkg.sources.github.rest import HEADERS, Rest
from djpkg.sources.http.client import Client
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.http.response import Authorization
from djpkg.sources.http.retry import Limits, RequestPace
from djpkg.sources.source import Spent
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from datetime import datetime

    from djpkg.credentials import Token
    from djpkg.model.facts import ForgeFacts
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.http.rate_limit import Refusal
    from djpkg.sources.http.response import Response
    from djpkg.sources.source import Answer

POOLS = {"core": "core", ANONYMOUS: "core", "graphql": "graphql"}
"""The pools, and what GitHub calls the resource of each."""
PACE = 900
"""REST requests in a minute (GitHub: "secondary rate limits"), with a token or without."""
PACED = 62.0
"""Seconds that stand for that minute: what started a minute ago may have arrived a little later."""


class GitHub:
    """The source of repositories on GitHub; use it with ``async with``.

    `quotas` holds the pools that GitHub counts apart: REST with the token (``core``), REST without one (``anonymous``)
    and ``graphql``; `quota` is the one that bound the last fetch.
    """

    name = SourceName.GITHUB

    def __init__(
        self,
        *,
        base_url: str,
        token: Token | None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.quotas = {pool: Quota(resource=resource) for pool, resource in POOLS.items()}
        self.spent = Spent()
        self._base_url = base_url
        self._token = token
        self._limits = limits
        self._clock = clock
        self._clients = AsyncExitStack()
        self._pace = RequestPace(PACE, window=PACED)
        self._anonymous = self._client(ANONYMOUS)
        self._rest = self._anonymous if token is None else self._client("core", other="graphql")
        self._graphql = self._client("graphql", other="core", connections=1)
        self.quota = self._rest.quota

    async def __aenter__(self) -> Self:
        for client in (self._anonymous, self._rest, self._graphql):
            self._clients.push_async_exit(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.aclose()

    async def fetch(
        self, asks: Sequence[RepositoryTarget], *, now: datetime, sweep: bool
    ) -> AsyncGenerator[Sequence[Answer[ForgeFacts]], None]:
        """Answers for `asks`; see `Source.fetch`."""
        answers = Answers(asks, now=now)
        asking = asyncio.create_task(self._ask(asks, answers, now=now, sweep=sweep))
        try:
            async for page in answers.pages():
                yield page
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self, asks: Sequence[RepositoryTarget], answers: Answers, *, now: datetime, sweep: bool) -> None:
        many = self._graphql.authorized and (sweep or len(asks) > FEW_REPOSITORIES)
        self.quota = self._graphql.quota if many else self._rest.quota
        lookup = Lookup(
            Rest(self._rest),
            anonymous=Rest(self._anonymous),
            answers=answers,
            now=now,
            clock=self._clock,
        )
        try:
            if many:
                await self._fetch_all(asks, lookup, answers, now=now)
            else:
                await self._fetch_each(asks, lookup, answers)
        except* CredentialsRejected as group:
            rejected = group.exceptions[0]
            if isinstance(rejected, CredentialsRejected):
                answers.fail_all(rejected)
        finally:
            answers.close()

    async def _fetch_all(
        self, asks: Sequence[RepositoryTarget], lookup: Lookup, answers: Answers, *, now: datetime
    ) -> None:
        async with WorkerPool() as crew:
            close = partial(self._close, "graphql", "core")
            bulk = BulkFetch(
                self._graphql, lookup=lookup, crew=crew, answers=answers, now=now, clock=self._clock, close=close
            )
            await bulk.fetch(asks)

    async def _fetch_each(self, asks: Sequence[RepositoryTarget], lookup: Lookup, answers: Answers) -> None:
        turns = QuotaGate(
            self._rest.quota,
            authorized=self._rest.authorized,
            clock=self._clock,
            wait=timedelta(seconds=self._limits.wait),
        )
        await fetch_each(asks, lookup=lookup, turns=turns, answers=answers)

    def _close(self, pool: str, other: str, refusal: Refusal) -> None:
        now = self._clock()
        for name in (pool, other if refusal.secondary else ""):
            if name:
                self.quotas[name].close(refusal.moment(now), now=now)

    def _client(self, pool: str, *, other: str = "", connections: int = MAX_CONCURRENT) -> Client:
        """A client for one pool. A limit on the manner of asking closes the `other` pool of the same token with it."""

        def refusal(reply: Response) -> Refusal | None:
            found = read_limit(reply)
            if found is not None:
                self._close(pool, other, found)
            return found

        auth = None
        if self._token is not None and pool != ANONYMOUS:
            auth = Authorization(
                header="Authorization", value=f"Bearer {self._token.secret}", variable=self._token.origin
            )
        return Client(
            source=self.name,
            base_url=self._base_url,
            quota=self.quotas[pool],
            spent=self.spent,
            auth=auth,
            connections=connections,
            limits=self._limits,
            pace=None if pool == "graphql" else self._pace,
            headers=HEADERS,
            refusal=refusal,
            clock=self._clock,
        )
