"""HTTP client of the sources: retries, redirects, rate limits and throttling on top of `Transport`.

Sources of the rules: GitHub REST "Best practices" and "Rate limits", RFC 9110 sections 10.2.3 and 15.4.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import djpkg
from djpkg.credentials import GH_COMMAND
from djpkg.errors import CredentialsRejected, HTTPStatusError, SourceError, UnexpectedPayload, Unreachable
from djpkg.sources.http.admission import AdmissionQueue
from djpkg.sources.http.rate_limit import Charge, Quota, RateLimitHit, rate_limit_from_headers
from djpkg.sources.http.response import Authorization, Response, http_status_error, is_valid_etag
from djpkg.sources.http.retry import Limits, RetryBudget, Throttle
from djpkg.sources.http.transport import (
    Exchange,
    Request,
    Transport,
    is_broken_connection,
    is_retryable,
    is_timeout,
    open_transport,
)
from djpkg.sources.source import Spent
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from djpkg.source_name import SourceName
    from djpkg.sources.http.transport import OpenTransport

MAX_REDIRECTS = 5
REDIRECTS = frozenset((301, 302, 303, 307, 308))
TRANSIENT = frozenset((500, 502, 503, 504))
"""Statuses of failures that may be temporary."""
TIMEOUTS = frozenset((502, 504))
RATE_LIMIT_STATUSES = frozenset((403, 429))

logger = logging.getLogger("djpkg.http")


def detect_rate_limit(response: Response) -> RateLimitHit | None:
    """Return the rate limit of a response as most servers report it: status 429, or 403 with nothing remaining."""
    remaining = response.headers.get("x-ratelimit-remaining") or response.headers.get("ratelimit-remaining")
    if response.status == HTTPStatus.TOO_MANY_REQUESTS or remaining == "0":
        return rate_limit_from_headers(response.headers)
    return None


def user_agent() -> str:
    """Return the User-Agent of all requests, with the version and the home page of djpkg."""
    return f"djpkg/{djpkg.__version__} (+{djpkg.HOME_PAGE})"


@dataclass
class Attempt:
    """One attempt at a request; it holds a connection until the body is read, or until it is closed if streamed."""

    transport: Transport
    queue: AdmissionQueue
    request: Request
    budget: RetryBudget
    exchange: Exchange = field(init=False)
    _status: str = "no response"
    _charge: Charge = Charge.NONE
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def send(self, *, streaming: bool) -> Response:
        """Send the request and return its response; with `streaming` the body of a 200 is left to be read."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.queue.admit())
            started = asyncio.get_running_loop().time()
            stack.callback(self._finish, started)
            deadline = started + self.budget.attempt
            self.exchange = await self.transport.send(self.request, until=deadline)
            self._status = str(self.exchange.status)
            stack.push_async_callback(self.exchange.aclose)
            is_stated = self.queue.quota.update_from_headers(self.exchange.headers, now=self.queue.clock())
            self._charge = Charge.STATED if is_stated else Charge.ASSUMED
            if streaming and self.exchange.status == HTTPStatus.OK:
                self._open = stack.pop_all()
                return self.exchange.to_response(b"")
            return self.exchange.to_response(await self.exchange.read(until=deadline))

    def _finish(self, started: float) -> None:
        seconds = asyncio.get_running_loop().time() - started
        self.budget.spend(seconds)
        self.queue.release(self._charge)
        if logger.isEnabledFor(logging.DEBUG):
            # Never the query, the headers or the body, which may contain secrets.
            path = self.transport.hide_token(self.request.url.raw_path.partition(b"?")[0]).decode()
            method, host = self.request.method, self.transport.host
            logger.debug("%s %s%s %s %d ms", method, host, path, self._status, seconds * 1000)


class Client:
    """Sends requests to one server, below `base_url`, for one source; use it with ``async with``.

    `auth` is sent only over https or to loopback, and only to the server of `base_url`. Tasks may share a client, which
    has at most `connections` concurrent requests. Clients may share a `throttle`. `detect_rate_limit` is called with
    responses of status 403 and 429. After a request without any response in time, while there was none to another one
    either, no more are sent. Tests replace `clock`, `sleep` and `open_transport`.
    """

    def __init__(
        self,
        *,
        source: SourceName,
        base_url: str,
        quota: Quota,
        spent: Spent,
        auth: Authorization | None = None,
        connections: int = 8,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        throttle: Throttle | None = None,
        headers: Mapping[str, str] | None = None,
        detect_rate_limit: Callable[[Response], RateLimitHit | None] = detect_rate_limit,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        open_transport: OpenTransport = open_transport,
    ) -> None:
        own_headers = {
            "Accept-Encoding": "gzip",  # which `Decompressor` can bound
            "User-Agent": user_agent(),
        }
        self.source = source
        self.base_url = base_url.rstrip("/")
        self.quota = quota
        self.spent = spent
        self._transport = Transport(
            source=source,
            base_url=base_url,
            auth=auth,
            connections=connections,
            headers={**(headers or {}), **own_headers},
            limits=limits,
            open_transport=open_transport,
        )
        self._limits = limits
        self._detect_rate_limit = detect_rate_limit
        self._clock = clock
        self._sleep = sleep
        self._queue = AdmissionQueue(
            name=f"{source}: {self._transport.host}",
            quota=quota,
            spent=spent,
            connections=asyncio.Semaphore(connections),
            throttle=throttle,
            limits=limits,
            clock=clock,
            sleep=sleep,
        )
        self._failures = 0
        self._last_failure = ""
        self._has_responded = False
        self._silence: Unreachable | None = None

    @property
    def authorized(self) -> bool:
        """Whether requests carry a token."""
        return self._transport.auth is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()

    async def get(
        self,
        target: str,
        *,
        params: Mapping[str, str | int] | None = None,
        etag: str | None = None,
        accept: str = "application/json",
    ) -> Response:
        """Request a path below the base URL, or an absolute URL on the same server.

        With `etag` the response may be a 304. Redirects on the same server are followed. Returns responses that are
        about the requested item: 2xx, 304 and most of 4xx. Raises Unreachable, HTTPStatusError (5xx, and 401 without a
        token), UnexpectedPayload, CredentialsRejected and QuotaExhausted.
        """
        headers = {"Accept": accept}
        if etag is not None and is_valid_etag(etag):
            headers["If-None-Match"] = etag
        url = self._transport.build_url(target, params)
        request = Request(method="GET", url=url, headers=headers, max_size=self._limits.body)
        budget = RetryBudget(self._limits)
        seen = {url}
        while True:
            _, response = await self._retry(request, budget)
            if response.status not in REDIRECTS:
                return replace(response, redirected=len(seen) > 1)
            url = self._transport.redirect_url(url, response.headers.get("location", ""))
            if url in seen or len(seen) > MAX_REDIRECTS:
                raise UnexpectedPayload(f"{self.source}: too many redirects by {self._transport.host}")
            seen.add(url)
            request = replace(request, url=url)

    async def post(self, target: str, body: bytes, *, retry_timeouts: bool = True) -> Response:
        """Send a query as JSON (GraphQL); it changes nothing, so that it is retried like `get`.

        Without `retry_timeouts` a 502 or 504, which GitHub sends for a query that is too large, is returned. Raises the
        errors of `get`.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        url = self._transport.build_url(target, None)
        request = Request(method="POST", url=url, headers=headers, max_size=self._limits.body, body=body)
        returned = frozenset[int]() if retry_timeouts else TIMEOUTS
        _, response = await self._retry(request, RetryBudget(self._limits), returned=returned)
        if response.status in REDIRECTS:
            raise self._status_error(response.status)
        return response

    @asynccontextmanager
    async def stream(
        self, target: str, *, max_size: int, accept: str = "application/json"
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a large body in chunks; HTTPStatusError for any status but 200.

        The request is retried like `get`, until the body begins. A body that breaks, is incomplete or pauses too long
        raises Unreachable, a larger one than `max_size` UnexpectedPayload: it is valid only once its end is reached.
        """
        url = self._transport.build_url(target, None)
        request = Request(method="GET", url=url, headers={"Accept": accept}, max_size=max_size)
        attempt, response = await self._retry(request, RetryBudget(self._limits), streaming=True)
        async with attempt:
            if response.status != HTTPStatus.OK:
                raise self._status_error(response.status)
            body = attempt.exchange.chunks(idle=self._limits.attempt, total=self._limits.stream)
            async with aclosing(body) as chunks:
                yield chunks

    async def _retry(
        self,
        request: Request,
        budget: RetryBudget,
        *,
        returned: frozenset[int] = frozenset(),
        streaming: bool = False,
    ) -> tuple[Attempt, Response]:
        """Send a request until there is a response for the source; statuses in `returned` are not retried.

        With `streaming` and status 200 the attempt is still open.
        """
        while True:
            if self._silence is not None:
                raise self._silence
            if self._failures >= self._max_failures:
                message = f"gave up after {self._failures} failed requests; last error: {self._last_failure}"
                raise Unreachable(f"{self.source}: {message}")
            attempt = Attempt(self._transport, self._queue, request, budget)
            failure: SourceError
            try:
                response = await attempt.send(streaming=streaming)
            except Unreachable as error:
                failure = error
                pause = budget.next_pause(broken=is_broken_connection(error)) if is_retryable(error) else None
                if pause is None and is_timeout(error) and not self._has_responded:
                    self._silence = error
            else:
                self._has_responded = True
                if self._is_rate_limited(response, budget):
                    continue
                if response.status not in TRANSIENT or response.status in returned:
                    self._failures = 0
                    self._check_status(response, returned)
                    return attempt, response
                failure = self._status_error(response.status)
                pause = budget.next_pause(retry_after=self._retry_after(response))
            if pause is None:
                self._failures += 1
                self._last_failure = str(failure).removeprefix(f"{self.source}: ")
                raise failure
            budget.spend(pause)
            await self._sleep(pause)

    @property
    def _max_failures(self) -> int:
        return self._limits.max_failures if self._has_responded else self._limits.max_first_failures

    def _is_rate_limited(self, response: Response, budget: RetryBudget) -> bool:
        """Whether a rate limit was reached and the request may be sent again; QuotaExhausted if it may not."""
        hit = self._detect_rate_limit(response) if response.status in RATE_LIMIT_STATUSES else None
        if hit is None:
            return False
        now = self._clock()
        until = hit.retry_at(now)
        self.quota.block(until, now=now)
        if not (budget.allows_rate_limit_retry() and self.quota.may_wait(until, now=now, limit=self._limits.wait)):
            raise self._queue.exhausted(self.quota.blocked_until, hit.message)
        return True

    def _check_status(self, response: Response, returned: frozenset[int]) -> None:
        """Raise for a status that is not about the requested item."""
        auth = self._transport.auth
        if response.status == HTTPStatus.UNAUTHORIZED and auth is not None:
            message = f"{self.source}: {self._transport.host} rejected the token from {auth.origin}"
            from_gh = auth.origin == GH_COMMAND
            hint = "sign in again with gh auth login" if from_gh else f"check the environment variable {auth.origin}"
            raise CredentialsRejected(message, hint=hint)
        succeeded = HTTPStatus.OK <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR or response.status in returned
        if response.status == HTTPStatus.UNAUTHORIZED or not succeeded:
            raise self._status_error(response.status)

    def _retry_after(self, response: Response) -> float | None:
        """Return the seconds of Retry-After in a response about a temporary failure."""
        if "retry-after" not in response.headers:
            return None
        now = self._clock()
        return (rate_limit_from_headers(response.headers).retry_at(now) - now).total_seconds()

    def _status_error(self, status: int) -> HTTPStatusError:
        return http_status_error(self.source, self._transport.host, status)


class SingleServerSource:
    """Base of a source with one server, one quota and no token; use it with ``async with``."""

    name: SourceName
    connections: int

    def __init__(
        self,
        *,
        base_url: str,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.quota = Quota()
        self.quotas = {"": self.quota}
        self.spent = Spent()
        self.rejections: list[CredentialsRejected] = []
        self._base_url = base_url.rstrip("/")
        self._client = Client(
            source=self.name,
            base_url=self._base_url,
            quota=self.quota,
            spent=self.spent,
            connections=self.connections,
            limits=limits,
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.__aexit__(*exc_info)
