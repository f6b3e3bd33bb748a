"""Whether there is still sense in asking a server about one thing after the other; pure but for its own state."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from djpkg.errors import Refused, Rejected, SourceError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Container

MAX_FAILURES = 5
"""After so many things in a row for which it did not answer, a server is left alone for the rest of the run."""
NO_STATUS: frozenset[int] = frozenset()


class CircuitBreaker:
    """Opens for what refuses us altogether (`Refused`), and after CIRCUIT things in a row that met no answer.

    What a server of HTTP says of one thing alone (4xx) is an answer, unless its status is one of `closing`.
    """

    def __init__(self, *, closing: Container[int] = NO_STATUS) -> None:
        self.cause: SourceError | None = None
        """Why nothing more is to be asked; None as long as it may be."""
        self._closing = closing
        self._in_vain = 0

    def note(self, error: SourceError | None) -> None:
        """Takes in how asking about one thing ended; None is an answer."""
        if isinstance(error, Refused):
            self.cause = error
        elif error is not None and self._blames_server(error):
            self._in_vain += 1
            if self._in_vain >= MAX_FAILURES:
                self.cause = self.cause or error
        else:
            self._in_vain = 0

    def _blames_server(self, error: SourceError) -> bool:
        if isinstance(error, Rejected):
            about_one = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
            return not about_one or error.status in self._closing
        return isinstance(error, Unreachable)
