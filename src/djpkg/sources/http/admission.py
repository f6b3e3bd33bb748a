"""Admission of requests: a free connection, the throttle and the quota."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from djpkg.errors import QuotaExhausted
from djpkg.sources.http.response import to_single_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from djpkg.sources.http.rate_limit import Charge, Quota
    from djpkg.sources.http.retry import Limits, Throttle
    from djpkg.sources.source import Spent


@dataclass(kw_only=True)
class AdmissionQueue:
    """Queues the requests of one client and counts them in `spent`; `name` begins the messages.

    Requests never queue in the pool of httpcore, where cancelled ones keep their connections (its issue 1093).
    """

    name: str
    quota: Quota
    spent: Spent
    connections: asyncio.Semaphore
    throttle: Throttle | None
    limits: Limits
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    _first_started: bool = False
    _first_finished: asyncio.Event = field(default_factory=asyncio.Event)
    _quota_released: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Hold a connection during the block, which begins when a request may be sent; it ends with `release`.

        QuotaExhausted when the wait for the quota would be too long.
        """
        async with self.connections:
            # The quota is unknown until the first request has ended, so the others wait for it.
            if self._first_started:
                await self._first_finished.wait()
            self._first_started = True
            try:
                await self._wait_for_quota()
                self.spent.requests += 1
                yield
            finally:
                self._first_finished.set()

    def release(self, charge: Charge) -> None:
        """Release the part of the quota that a request reserved; see `Quota.release`."""
        self.quota.release(charge)
        self._quota_released.set()

    def exhausted(self, until: datetime | None, message: str = "") -> QuotaExhausted:
        """Return the error for a rate limit; `message` is the text of the server."""
        detail = f" ({to_single_line(message)})" if message else ""
        return QuotaExhausted(f"{self.name}: rate limit reached{detail}", until=until)

    async def _wait_for_quota(self) -> None:
        if self.throttle is not None and (pause := self.throttle.reserve(asyncio.get_running_loop().time())) > 0:
            await self.sleep(pause)
        until: datetime | None = None
        for _ in range(self.limits.attempts):
            try:
                return await self._reserve()
            except QuotaExhausted as exhausted:
                until, now = exhausted.until, self.clock()
            if until is None or not self.quota.may_wait(until, now=now, limit=self.limits.wait):
                break
            await self.sleep(min((until - now).total_seconds(), self.limits.wait))
        raise self.exhausted(until)

    async def _reserve(self) -> None:
        """Reserve one request; wait while pending requests may release quota. Else QuotaExhausted."""
        while True:
            try:
                return self.quota.reserve(now=self.clock())
            except QuotaExhausted:
                if not self.quota.is_held_by_pending(now=self.clock()):
                    raise
            self._quota_released.clear()
            await self._quota_released.wait()
