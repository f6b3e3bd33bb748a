"""How long and how often one request may be tried, and how many may be sent in a minute; pure, time is an argument."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes; the defaults are the program's.

    One attempt ends after `attempt`, all attempts at one request together after `total` (without the time spent in
    the queue and waiting for a quota). `wait` is the longest that one run waits for a quota in all. `body` bounds an
    answer as sent and as inflated. `backoff` is the first pause, doubled each time. A body that is streamed may rest
    for `attempt` and last for `stream`. After `vain` requests in a row that failed in all their attempts the source is
    given up for this run.
    """

    connect: float = 10
    attempt: float = 30
    total: float = 60
    wait: float = 30
    attempts: int = 4
    body: int = 16 * 2**20
    backoff: float = 0.5
    stream: float = 600
    vain: int = 16


class RetryBudget:
    """The time and the attempts that one request has left."""

    __slots__ = ("_attempts", "_broken", "_limits", "_refusals", "_seconds")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._attempts = 0
        self._refusals = 0
        self._broken = False
        self._seconds = limits.total

    @property
    def attempt(self) -> float:
        """Seconds that the next attempt may take."""
        return max(0.0, min(self._limits.attempt, self._seconds))

    def spend(self, seconds: float) -> None:
        """An attempt, or a pause between two, took so long."""
        self._seconds -= seconds

    def pause(self, *, asked: float | None = None, broken: bool = False) -> float | None:
        """After an attempt that failed: seconds until the next one, None when there must be none.

        `asked` is the pause that the source named. The first time that a connection breaks (`broken`) there is none:
        servers close idle connections, and a fresh one may well work.
        """
        self._attempts += 1
        if broken and not self._broken:
            self._broken, pause = True, 0.0
        elif asked is not None:
            pause = asked
        else:
            # Jitter keeps parallel requests that failed together from coming back together.
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
            pause = self._limits.backoff * 2 ** (self._attempts - 1) * jitter
        return pause if self._attempts < self._limits.attempts and pause < self._seconds else None

    def refused(self) -> bool:
        """The source refused for a quota: whether the request may be sent again once that is over."""
        self._refusals += 1
        return self._refusals < self._limits.attempts


class RequestPace:
    """At most `most` starts in each window of so many seconds, whoever starts."""

    __slots__ = ("_starts", "_window")

    def __init__(self, most: int, *, window: float = 60.0) -> None:
        self._starts: deque[float] = deque(maxlen=most)
        self._window = window

    def reserve(self, now: float) -> float:
        """Takes the next start; returns the seconds until it."""
        start = now
        if len(self._starts) == self._starts.maxlen:
            start = max(now, self._starts[0] + self._window)
        self._starts.append(start)
        return start - now
