"""Progress callbacks of a fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from djpkg.model.facts import Outcome


class Progress(Protocol):
    """Progress callbacks. They must not raise."""

    def start(self, source: str, total: int | None) -> None:
        """A source starts with `total` packages, None if not known yet; called again to correct the total."""

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """A source has finished `n` more packages, all with the same outcome."""

    def note(self, text: str) -> None:
        """A line of information for the user."""

    def estimate(self, text: str) -> None:
        """The expected cost of one source."""

    def warn(self, text: str) -> None:
        """A line that the user should see even without a terminal."""

    def stop(self) -> None:
        """The fetch is over. May be called twice."""


class NoProgress:
    """Passes warnings and notes on, and ignores all other callbacks: for cron jobs, pipes and tests."""

    def __init__(
        self, warn: Callable[[str], None] = lambda _: None, note: Callable[[str], None] = lambda _: None
    ) -> None:
        self._warn = warn
        self._note = note

    def start(self, source: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Pass the text on."""
        self._note(text)

    def estimate(self, text: str) -> None:
        """Do nothing."""

    def warn(self, text: str) -> None:
        """Pass the text on."""
        self._warn(text)

    def stop(self) -> None:
        """Do nothing."""
