"""GitHub: many repositories by GraphQL in batches; a few, and all without a token, by REST one by one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Self

import msgspec

from djpkg.errors import CredentialsRejected
from djpkg.model.batch_sizes import ONE_BY_ONE_LIMIT
from djpkg.model.fetch_state import ANONYMOUS
from djpkg.source_name import SourceName
from djpkg.sources.github.answers import AnswerCollector
from djpkg.sources.github.bulk import BulkFetch
from djpkg.sources.github.errors import parse_rate_limit
from djpkg.sources.github.lookup import MAX_CONCURRENT, QuotaGate, RestFetcher, WorkerPool, fetch_each
from djpkg.sources.github.rest import HEADERS, RestApi
from djpkg.sources.http.api_check import KnownResource, find_api_error
from djpkg.sources.http.client import Client
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.http.response import Authorization
from djpkg.sources.http.retry import Limits, Throttle
from djpkg.sources.source import NO_TOKENS, Spent, describe_fallback
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
    from datetime import datetime

    from djpkg.credentials import Token
    from djpkg.model.facts import ForgeFacts
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.http.rate_limit import RateLimitHit
    from djpkg.sources.http.response import Response
    from djpkg.sources.source import Answer

QUOTA_RESOURCES = {"core": "core", ANONYMOUS: "core", "graphql": "graphql"}
"""The pools, each with the name that GitHub gives it in ``x-ratelimit-resource``."""
REQUESTS_PER_MINUTE = 900
"""REST requests, with and without a token together (GitHub: "secondary rate limits")."""
MINUTE_SECONDS = 62.0
"""The length of that minute, with a margin for requests that arrive late."""


class _RateLimit(msgspec.Struct):
    resources: dict[str, object]


_KNOWN_RESOURCE = KnownResource("rate_limit", _RateLimit)
"""A request for it does not count (GitHub REST "Get rate limit status for the authenticated user")."""


class GitHub:
    """Fetches repositories from GitHub; use it with ``async with``.

    `quotas` has the pools that GitHub counts separately: REST with the token (``core``), REST without one
    (``anonymous``) and ``graphql``; `quota` is the one that limited the last fetch. When GitHub rejects `token`, those
    of `other_tokens` are tried, then none.
    """

    name = SourceName.GITHUB

    def __init__(
        self,
        *,
        base_url: str,
        token: Token | None,
        other_tokens: Iterator[Token] = NO_TOKENS,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.quotas = {pool: Quota(resource=resource) for pool, resource in QUOTA_RESOURCES.items()}
        self.spent = Spent()
        self.rejections: list[CredentialsRejected] = []
        self._base_url = base_url
        self._token = token
        self._other_tokens = other_tokens
        self._limits = limits
        self._clock = clock
        self._clients = AsyncExitStack()
        self._throttle = Throttle(REQUESTS_PER_MINUTE, window=MINUTE_SECONDS)
        self._anonymous = self._make_client(ANONYMOUS)
        self._clients.push_async_exit(self._anonymous)
        self._use_token(token)

    def _use_token(self, token: Token | None) -> None:
        """Send further requests with another token, or without one."""
        self._token = token
        self._refusing: set[str] = set()
        self._graphql = self._make_client("graphql", sibling="core", connections=1)
        # A token is not sent over http, except to loopback.
        with_token = self._graphql.authorized
        self._rest = self._make_client("core", sibling="graphql") if with_token else self._anonymous
        self.quota = self._rest.quota
        for client in (self._rest, self._graphql):
            self._clients.push_async_exit(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.aclose()

    async def fetch(
        self, targets: Sequence[RepositoryTarget], *, now: datetime, sweep: bool
    ) -> AsyncGenerator[Sequence[Answer[ForgeFacts]], None]:
        """Yield the answers; see `Source.fetch`."""
        answers = AnswerCollector(targets, now=now)
        async with aclosing(answers.pages(self._fetch(targets, answers, now=now, sweep=sweep))) as pages:
            async for page in pages:
                yield page

    async def _fetch(
        self, targets: Sequence[RepositoryTarget], answers: AnswerCollector, *, now: datetime, sweep: bool
    ) -> None:
        """Fetch with the first token that GitHub accepts, the rest with the next one if it rejects it meanwhile."""
        while (rejected := await self._try_fetch(targets, answers, now=now, sweep=sweep)) is not None:
            token = await asyncio.to_thread(next, self._other_tokens, None)  # gh may take a while
            self.rejections.append(describe_fallback(rejected, token))
            for pool in ("core", "graphql"):
                self.quotas[pool] = Quota(resource=QUOTA_RESOURCES[pool])
            self._use_token(token)
            targets = [target for target in targets if answers.is_open(target.coordinate)]

    async def _try_fetch(
        self, targets: Sequence[RepositoryTarget], answers: AnswerCollector, *, now: datetime, sweep: bool
    ) -> CredentialsRejected | None:
        """Fetch, and return the error if GitHub rejects the token: the other targets are not answered then."""
        use_graphql = self._graphql.authorized and (sweep or len(targets) > ONE_BY_ONE_LIMIT)
        self.quota = self._graphql.quota if use_graphql else self._rest.quota
        rejected: CredentialsRejected | None = None
        rest = RestApi(self._rest, self._anonymous, self._refusing)
        lookup = RestFetcher(rest=rest, answers=answers, now=now, clock=self._clock)
        try:
            if use_graphql:
                async with WorkerPool() as pool:
                    bulk = BulkFetch(
                        client=self._graphql,
                        lookup=lookup,
                        pool=pool,
                        answers=answers,
                        now=now,
                        clock=self._clock,
                        block=partial(self._block, "graphql", "core"),
                    )
                    await bulk.fetch(targets)
            else:
                wait = timedelta(seconds=self._limits.wait)
                gate = QuotaGate(self.quota, authorized=self._rest.authorized, clock=self._clock, wait=wait)
                await fetch_each(targets, lookup=lookup, gate=gate, answers=answers)
            is_suspicious = lookup.gone and answers.streak.is_suspicious
            lookup.finish_gone(await find_api_error(self._rest, _KNOWN_RESOURCE) if is_suspicious else None)
        except* CredentialsRejected as group:
            rejected = next((error for error in group.exceptions if isinstance(error, CredentialsRejected)), None)
        return rejected

    def _block(self, pool: str, sibling: str, hit: RateLimitHit) -> None:
        """Block a pool until its rate limit ends; a secondary limit blocks `sibling`, of the same token, too."""
        now = self._clock()
        for name in (pool, sibling if hit.secondary else ""):
            if name:
                self.quotas[name].block(hit.retry_at(now), now=now)

    def _make_client(self, pool: str, *, sibling: str = "", connections: int = MAX_CONCURRENT) -> Client:
        def detect_rate_limit(response: Response) -> RateLimitHit | None:
            hit = parse_rate_limit(response)
            if hit is not None:
                self._block(pool, sibling, hit)
            return hit

        auth = None
        if self._token is not None and pool != ANONYMOUS:
            auth = Authorization(value=f"Bearer {self._token.secret}", origin=self._token.origin)
        return Client(
            source=self.name,
            base_url=self._base_url,
            quota=self.quotas[pool],
            spent=self.spent,
            auth=auth,
            connections=connections,
            limits=self._limits,
            throttle=None if pool == "graphql" else self._throttle,
            headers=HEADERS,
            detect_rate_limit=detect_rate_limit,
            clock=self._clock,
        )
