"""Time limits, retries and throttling of requests. Pure: the time is an argument."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of requests, in seconds, bytes and numbers; the defaults are those of the program.

    `attempt` limits one attempt and `total` all attempts of a request, without the time in the queue and the waits for
    a quota. `wait` limits all waits of a run for a quota. `body` limits a body, both as received and as decompressed.
    `backoff` is the first pause, doubled each time. A streamed body may pause for `attempt` and take `stream` in all.
    After `max_failures` consecutive failed requests no more are sent in this run; after `max_first_failures` if the
    server has not responded at all.
    """

    connect: float = 10
    attempt: float = 30
    total: float = 60
    wait: float = 30
    attempts: int = 4
    body: int = 16 * 2**20
    backoff: float = 0.5
    stream: float = 600
    max_failures: int = 16
    max_first_failures: int = 4


class RetryBudget:
    """The time and the attempts that one request has left."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._attempts = 0
        self._rate_limit_hits = 0
        self._broken_before = False
        self._seconds = limits.total

    @property
    def attempt(self) -> float:
        """Time limit of the next attempt in seconds."""
        return max(0.0, min(self._limits.attempt, self._seconds))

    def spend(self, seconds: float) -> None:
        """Subtract the time of an attempt or a pause."""
        self._seconds -= seconds

    def next_pause(self, *, retry_after: float | None = None, broken: bool = False) -> float | None:
        """Count a failed attempt and return the seconds until the next one, or None when there are no more.

        `retry_after` is the pause that the server requested. The first `broken` connection needs no pause: servers
        close idle connections, and a new one often works.
        """
        self._attempts += 1
        if broken and not self._broken_before:
            self._broken_before, pause = True, 0.0
        elif retry_after is not None:
            pause = retry_after
        else:
            # Jitter spreads the retries of parallel requests that failed together.
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - not used for security
            pause = self._limits.backoff * 2 ** (self._attempts - 1) * jitter
        return pause if self._attempts < self._limits.attempts and pause < self._seconds else None

    def allows_rate_limit_retry(self) -> bool:
        """Count a response that the rate limit was reached; return whether the request may be sent again later."""
        self._rate_limit_hits += 1
        return self._rate_limit_hits < self._limits.attempts


class Throttle:
    """Allows at most `max_requests` starts in any window of so many seconds, for all clients that share it."""

    def __init__(self, max_requests: int, *, window: float = 60.0) -> None:
        self._starts: deque[float] = deque(maxlen=max_requests)
        self._window = window

    def reserve(self, now: float) -> float:
        """Reserve the next start and return the seconds until it."""
        start = now
        if len(self._starts) == self._starts.maxlen:
            start = max(now, self._starts[0] + self._window)
        self._starts.append(start)
        return start - now
