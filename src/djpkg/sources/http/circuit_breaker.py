"""Circuit breaker: stops sending requests to a server that keeps failing."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from djpkg.errors import HTTPStatusError, Refused, SourceError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Container

MAX_FAILURES = 5
"""Number of consecutive failures after which no more requests are sent in this run."""


class CircuitBreaker:
    """Opens after a `Refused` error, and after MAX_FAILURES consecutive failures of the server.

    A status 4xx is about one item and counts as an answer, except those in `blocking_statuses`.
    """

    def __init__(self, *, blocking_statuses: Container[int] = frozenset[int]()) -> None:
        self.cause: SourceError | None = None
        """The error that opened it; None while it is closed."""
        self._blocking_statuses = blocking_statuses
        self._failures = 0

    def record(self, error: SourceError | None) -> None:
        """Record how the lookup of one item ended; None is a success."""
        if isinstance(error, Refused):
            self.cause = error
        elif error is not None and self._is_server_failure(error):
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                self.cause = self.cause or error
        else:
            self._failures = 0

    def _is_server_failure(self, error: SourceError) -> bool:
        if isinstance(error, HTTPStatusError):
            about_item = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
            return not about_item or error.status in self._blocking_statuses
        return isinstance(error, Unreachable)
