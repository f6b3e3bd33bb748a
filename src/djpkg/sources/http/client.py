"""How a source asks its server: attempts, redirects, quota and pace, around the single exchanges of `wire`.

Sources of the rules: GitHub REST "Best practices" and "Rate limits", RFC 9110 sections 10.2.3 and 15.4.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import djpkg
from djpkg.errors import CredentialsRejected, QuotaExhausted, Rejected, SourceError, UnexpectedPayload, Unreachable
from djpkg.sources.http.rate_limit import Quota, Refusal, read_refusal
from djpkg.sources.http.response import Authorization, Response, escape_header, is_validator
from djpkg.sources.http.retry import Limits, RequestPace, RetryBudget
from djpkg.sources.http.transport import Call, Exchange, Transport, is_broken, may_pass
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from djpkg.source_name import SourceName
    from djpkg.sources.source import Spent

MAX_REDIRECTS = 5
MIN_SECRET = 16
REDIRECTS = frozenset((301, 302, 303, 307, 308))
TRANSIENT = frozenset((500, 502, 503, 504))
"""Statuses of a server that may be well again in a moment."""
TIMEOUTS = frozenset((502, 504))
REFUSALS = frozenset((403, 429))


def read_default_refusal(reply: Response) -> Refusal | None:
    """A quota's refusal as most servers state it: 429, or 403 with nothing remaining."""
    remaining = reply.headers.get("x-ratelimit-remaining") or reply.headers.get("ratelimit-remaining")
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or remaining == "0":
        return read_refusal(reply.headers)
    return None


class Client:
    """Asks one server, below `base_url`, on behalf of one source; use it with ``async with``.

    `auth` goes along only over https or to loopback, and only to the server of `base_url`. Several tasks may share a
    client, `connections` of them send at a time. `pace` bounds how many start in a while, for all clients that share
    it. `refusal` tells from an answer of status 403 or 429 whether it is a quota's refusal. `clock` and `sleep` are
    there to be replaced in tests.
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
        pace: RequestPace | None = None,
        headers: Mapping[str, str] | None = None,
        refusal: Callable[[Response], Refusal | None] = read_default_refusal,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        # One coding, that body.Inflater can bound.
        own = {
            "Accept-Encoding": "gzip",
            "User-Agent": f"djpkg/{djpkg.__version__} (local mirror of djangopackages.org)",
        }
        self.source = source
        self.quota = quota
        self.spent = spent
        self._wire = Transport(
            source=source,
            base_url=base_url,
            auth=auth,
            connections=connections,
            headers={**(headers or {}), **own},
            limits=limits,
        )
        self._limits = limits
        self._pace = pace
        self._refusal = refusal
        self._clock = clock
        self._sleep = sleep
        # Requests that are cancelled while they queue inside httpcore's pool take its places with them (its issue
        # 1093). So they queue here, and never there.
        self._places = asyncio.Semaphore(connections)
        self._first = asyncio.Lock()
        self._settled = asyncio.Event()
        self._asked = False
        self._in_vain = 0
        self._last_words = ""

    @property
    def authorized(self) -> bool:
        """Whether requests carry a token."""
        return self._wire.auth is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._wire.aclose()

    async def get(
        self,
        target: str,
        *,
        params: Mapping[str, str | int] | None = None,
        etag: str | None = None,
        accept: str = "application/json",
        cap: int | None = None,
    ) -> Response:
        """Asks for a path below the base address, or for an absolute address on the same server.

        With `etag` the answer may be a 304. Redirects on the same server are followed. Statuses that say something
        about what was asked for (2xx, 304, most of 4xx) are answers. Raises Unreachable, Rejected (5xx, and 401 where
        no token was sent), UnexpectedPayload, CredentialsRejected and QuotaExhausted.
        """
        headers = {"Accept": accept}
        if etag is not None and is_validator(etag):
            headers["If-None-Match"] = etag
        url = self._wire.read_target(target, params)
        call = Call(method="GET", url=url, headers=headers, cap=cap or self._limits.body)
        budget = RetryBudget(self._limits)
        seen = {url}
        while True:
            reply = await self._ask(call, budget)
            if reply.status not in REDIRECTS:
                return reply
            url = self._wire.read_location(url, reply.headers.get("location", ""))
            if url in seen or len(seen) > MAX_REDIRECTS:
                raise UnexpectedPayload(f"{self.source}: {self._wire.where} redirects without end")
            seen.add(url)
            call = replace(call, url=url)

    async def post(self, target: str, body: bytes, *, retry: bool = True) -> Response:
        """Sends JSON that only asks (GraphQL), so that it may be sent again when the connection breaks.

        Without `retry` a 502 or 504, which say that the question was too large, is an answer. Raises what `get` does.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        url = self._wire.read_target(target, None)
        call = Call(method="POST", url=url, headers=headers, cap=self._limits.body, body=body)
        reply = await self._ask(call, RetryBudget(self._limits), answers=frozenset() if retry else TIMEOUTS)
        if reply.status in REDIRECTS:
            raise self._rejected(reply.status)
        return reply

    @asynccontextmanager
    async def stream(
        self,
        target: str,
        *,
        cap: int,
        params: Mapping[str, str | int] | None = None,
        accept: str = "application/json",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The content of a large body, piece by piece; only a 200 has one, all else raises (Rejected).

        The beginning is tried again as with `get`. A body that breaks, ends early or rests for too long raises
        Unreachable, one larger than `cap` UnexpectedPayload: what was read is worth nothing until the end is reached.
        """
        url = self._wire.read_target(target, params)
        call = Call(method="GET", url=url, headers={"Accept": accept}, cap=cap)
        budget = RetryBudget(self._limits)
        begun: Exchange | None = None
        async with AsyncExitStack() as kept:

            async def begin() -> Response:
                nonlocal begun
                async with AsyncExitStack() as turn:
                    answer, until = await turn.enter_async_context(self._turn(call, budget))
                    if answer.status != HTTPStatus.OK:
                        return self._read(answer, await answer.read(until=until))
                    begun = answer
                    await kept.enter_async_context(turn.pop_all())
                    return self._read(answer, b"")

            reply = await self._persist(budget, begin)
            if begun is None:
                raise self._rejected(reply.status)
            pieces = begun.pieces(rest=self._limits.attempt, total=self._limits.stream)
            yield await kept.enter_async_context(aclosing(pieces))

    async def _ask(self, call: Call, budget: RetryBudget, *, answers: frozenset[int] = frozenset()) -> Response:
        async def attempt() -> Response:
            async with self._turn(call, budget) as (answer, until):
                return self._read(answer, await answer.read(until=until))

        return await self._persist(budget, attempt, answers=answers)

    async def _persist(
        self, budget: RetryBudget, attempt: Callable[[], Awaitable[Response]], *, answers: frozenset[int] = frozenset()
    ) -> Response:
        """Attempts until there is an answer that the source can interpret; `answers` are further statuses of such."""
        while True:
            if self._in_vain >= self._limits.vain:
                raise Unreachable(f"{self.source}: given up after {self._in_vain} requests in vain; {self._last_words}")
            failure: SourceError
            try:
                reply = await attempt()
            except Unreachable as error:
                failure = error
                pause = budget.pause(broken=is_broken(error)) if may_pass(error) else None
            else:
                if self._is_refused(reply, budget):
                    continue
                if reply.status not in TRANSIENT or reply.status in answers:
                    self._in_vain = 0
                    return self._checked(reply, answers)
                failure = self._rejected(reply.status)
                pause = budget.pause(asked=self._named_pause(reply))
            if pause is None:
                self._in_vain += 1
                self._last_words = str(failure).removeprefix(f"{self.source}: ")
                raise failure
            budget.spend(pause)
            await self._sleep(pause)

    @asynccontextmanager
    async def _turn(self, call: Call, budget: RetryBudget) -> AsyncIterator[tuple[Exchange, float]]:
        """One attempt, from the queue to the end of the answer: its head, and when it must have ended."""
        async with self._places, self._alone_at_first():
            await self._admit()
            self.spent.requests += 1
            clock = asyncio.get_running_loop().time
            started = clock()
            until = started + budget.attempt
            stated = False
            try:
                async with self._wire.send(call, until=until) as answer:
                    stated = self.quota.observe(answer.headers, now=self._clock())
                    yield answer, until
            finally:
                budget.spend(clock() - started)
                self.quota.settle(stated=stated)
                self._settled.set()

    @asynccontextmanager
    async def _alone_at_first(self) -> AsyncIterator[None]:
        """Until the first attempt has ended nobody knows what the quota is, so the others wait for it."""
        if self._asked:
            yield
            return
        async with self._first:
            if not self._asked:
                try:
                    yield
                finally:
                    self._asked = True
                return
        yield

    async def _admit(self) -> None:
        """Waits for the pace, and for the quota if that does not take long; raises QuotaExhausted if it does."""
        if self._pace is not None and (pause := self._pace.reserve(asyncio.get_running_loop().time())) > 0:
            await self._sleep(pause)
        until: datetime | None = None
        for _ in range(self._limits.attempts):
            try:
                return await self._reserve()
            except QuotaExhausted as exhausted:
                until, now = exhausted.until, self._clock()
            if until is None or not self.quota.allow_wait(until, now=now, limit=self._limits.wait):
                break
            await self._sleep(min((until - now).total_seconds(), self._limits.wait))
        raise self._exhausted(until)

    async def _reserve(self) -> None:
        """Raises QuotaExhausted where the quota would not do even if those under way cost nothing."""
        while True:
            try:
                return self.quota.admit(now=self._clock())
            except QuotaExhausted:
                if not self.quota.is_reserved(now=self._clock()):
                    raise
            self._settled.clear()
            await self._settled.wait()

    def _is_refused(self, reply: Response, budget: RetryBudget) -> bool:
        """Whether a quota refused the request, which may be sent again once the quota admits it."""
        refusal = self._refusal(reply) if reply.status in REFUSALS else None
        if refusal is None:
            return False
        now = self._clock()
        until = refusal.moment(now)
        self.quota.close(until, now=now)
        if not (budget.refused() and self.quota.allow_wait(until, now=now, limit=self._limits.wait)):
            raise self._exhausted(self.quota.closed_until, refusal.message)
        return True

    def _checked(self, reply: Response, answers: frozenset[int]) -> Response:
        if reply.status == HTTPStatus.UNAUTHORIZED and self._wire.auth is not None:
            message = f"{self.source}: {self._wire.where} does not accept the token of {self._wire.auth.variable}"
            raise CredentialsRejected(message, hint=f"check the environment variable {self._wire.auth.variable}")
        served = HTTPStatus.OK <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR or reply.status in answers
        if reply.status == HTTPStatus.UNAUTHORIZED or not served:
            raise self._rejected(reply.status)
        return reply

    def _named_pause(self, reply: Response) -> float | None:
        """Seconds, where a server that is unwell says when to come back."""
        if "retry-after" not in reply.headers:
            return None
        now = self._clock()
        return (read_refusal(reply.headers).moment(now) - now).total_seconds()

    def _rejected(self, status: int) -> Rejected:
        phrase = next((f" ({known.phrase})" for known in HTTPStatus if known == status), "")
        return Rejected(f"{self.source}: {self._wire.where} answered {status}{phrase}", status=status)

    def _read(self, answer: Exchange, body: bytes) -> Response:
        # A server may quote what it was sent, and its words are told and kept. A word so short as to stand in any text
        # is no secret that a server gave out: it would be cut from what repositories say of themselves.
        if self._wire.auth is not None and len(self._wire.auth.token) >= MIN_SECRET:
            body = body.replace(self._wire.auth.token.encode(), "…".encode())
        return Response(status=answer.status, headers=answer.headers, body=body, url=str(answer.call.url))

    def _exhausted(self, until: datetime | None, words: str = "") -> QuotaExhausted:
        said = f" ({escape_header(words)})" if words else ""
        return QuotaExhausted(f"{self.source}: {self._wire.where} takes no more requests{said}", until=until)
