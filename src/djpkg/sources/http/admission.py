"""Admission of requests: a free connection, the throttle and the quota."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from djpkg.errors import QuotaExhausted
from djpkg.sources.http.response import to_single_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from djpkg.sources.http.rate_limit import Quota
    from djpkg.sources.http.retry import Limits, Throttle
    from djpkg.sources.source import Spent


class AdmissionQueue:
    """Queues the requests of one client and counts them in `spent`; `name` begins the messages."""

    def __init__(
        self,
        quota: Quota,
        spent: Spent,
        *,
        name: str,
        connections: int,
        throttle: Throttle | None,
        limits: Limits,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._quota = quota
        self._spent = spent
        self._name = name
        self._throttle = throttle
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        # Requests queue here and never in the pool of httpcore, where cancelled ones keep their connections (its issue
        # 1093).
        self._connections = asyncio.Semaphore(connections)
        self._first_started = False
        self._first_finished = asyncio.Event()
        self._quota_released = asyncio.Event()

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Hold a connection during the block, which begins when a request may be sent; it ends with `release`.

        QuotaExhausted when the wait for the quota would be too long.
        """
        async with self._connections:
            # The quota is unknown until the first request has ended, so the others wait for it.
            if self._first_started:
                await self._first_finished.wait()
            self._first_started = True
            try:
                await self._wait_for_quota()
                self._spent.requests += 1
                yield
            finally:
                self._first_finished.set()

    def update_quota(self, headers: Mapping[str, str]) -> bool:
        """Update the quota from response headers; return whether they contained what remains."""
        return self._quota.update_from_headers(headers, now=self._clock())

    def release(self, *, reported: bool) -> None:
        """Release the part of the quota that a request reserved; `reported` is the result of `update_quota`."""
        self._quota.release(reported=reported)
        self._quota_released.set()

    def exhausted(self, until: datetime | None, message: str = "") -> QuotaExhausted:
        """Return the error for a rate limit; `message` is the text of the server."""
        detail = f" ({to_single_line(message)})" if message else ""
        return QuotaExhausted(f"{self._name}: rate limit reached{detail}", until=until)

    async def _wait_for_quota(self) -> None:
        if self._throttle is not None and (pause := self._throttle.reserve(asyncio.get_running_loop().time())) > 0:
            await self._sleep(pause)
        until: datetime | None = None
        for _ in range(self._limits.attempts):
            try:
                return await self._reserve()
            except QuotaExhausted as exhausted:
                until, now = exhausted.until, self._clock()
            if until is None or not self._quota.may_wait(until, now=now, limit=self._limits.wait):
                break
            await self._sleep(min((until - now).total_seconds(), self._limits.wait))
        raise self.exhausted(until)

    async def _reserve(self) -> None:
        """Reserve one request, after pending ones if these may leave some of the quota; else QuotaExhausted."""
        while True:
            try:
                return self._quota.reserve(now=self._clock())
            except QuotaExhausted:
                if not self._quota.is_held_by_pending(now=self._clock()):
                    raise
            self._quota_released.clear()
            await self._quota_released.wait()
