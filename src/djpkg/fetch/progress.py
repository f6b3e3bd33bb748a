"""What a fetch tells while it runs, to whoever looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from djpkg.model.facts import Outcome


class Progress(Protocol):
    """Told by a fetch what it does; it never answers and never fails."""

    def start(self, source: str, total: int | None) -> None:
        """A source begins, with so many packages to ask about, None if not known yet; again to correct it."""

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """So many packages more are done at a source, all with that outcome."""

    def note(self, text: str) -> None:
        """One line worth saying meanwhile."""

    def stop(self) -> None:
        """Nothing follows."""


class NoProgress:
    """Says nothing: for cron jobs, pipes and tests."""

    def start(self, source: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""
