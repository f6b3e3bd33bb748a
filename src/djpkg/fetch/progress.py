"""Progress callbacks of a fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from djpkg.model.facts import Outcome


class Progress(Protocol):
    """Progress callbacks. They must not raise."""

    def start(self, source: str, total: int | None) -> None:
        """A source starts with `total` packages, None if not known yet; called again to correct the total."""

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """A source has finished `n` more packages, all with the same outcome."""

    def note(self, text: str) -> None:
        """A line of information for the user."""

    def stop(self) -> None:
        """The fetch is over. May be called twice."""


class NoProgress:
    """Ignores all callbacks: for cron jobs, pipes and tests."""

    def start(self, source: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""
