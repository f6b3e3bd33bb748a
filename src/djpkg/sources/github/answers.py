"""Collects the answers about repositories that were requested at the same time.

A repository is answered in parts, each of which is stored separately: first the repository itself, then its weekly
commits and its contributors. The last part has the outcome. If the program is killed, only unfinished parts are lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from djpkg.errors import QuotaExhausted, SourceError
from djpkg.model import freshness
from djpkg.model.facts import ForgeFacts, Outcome, WeeksFacts
from djpkg.model.lookups import Head
from djpkg.sources.answer_buffer import AnswerBuffer
from djpkg.sources.http.api_check import NotFoundStreak
from djpkg.sources.source import Answer, failed_answer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.model.facts import ContributorsFacts, RepositoryFacts
    from djpkg.model.lookups import RepositoryTarget


@dataclass(slots=True, kw_only=True)
class PendingRepository:
    """A repository whose weekly commits, contributors or both are still to be fetched.

    `path` is its current path. `updated` is true when any part had new facts.
    """

    coordinate: str
    path: str
    node_id: str | None
    head: str
    head_at: str | None
    needs_weeks: bool
    needs_contributors: bool
    updated: bool
    missing_parts: int = field(init=False)
    error: SourceError | None = None

    def __post_init__(self) -> None:
        self.missing_parts = self.needs_weeks + self.needs_contributors


class AnswerCollector(AnswerBuffer[ForgeFacts]):
    """Collects answers from concurrent tasks and yields them in pages."""

    def __init__(self, targets: Iterable[RepositoryTarget], *, now: datetime) -> None:
        super().__init__()
        self._open = dict.fromkeys(target.coordinate for target in targets)
        self._now = now
        self._deferral_reasons: dict[datetime | None, str] = {}
        self.streak = NotFoundStreak()

    def add_repository(
        self, target: RepositoryTarget, repository: RepositoryFacts | None, *, etag: str | None = None
    ) -> PendingRepository | None:
        """Add the facts of a repository; return which parts are still to be fetched, None if it is complete.

        `repository` is None where the source answered "unchanged".
        """
        self.streak.record(Outcome.UNCHANGED)
        known = target if repository is None else repository
        head = Head(known.head, known.head_at)
        weeks = freshness.weeks_from_head(target, head, now=self._now)
        pending = PendingRepository(
            coordinate=target.coordinate,
            path=target.paths[0] if repository is None else repository.path,
            node_id=known.node_id,
            head=known.head or "",
            head_at=known.head_at,
            needs_weeks=freshness.needs_commits(target, head, now=self._now),
            needs_contributors=freshness.needs_contributors(target, head, now=self._now),
            updated=repository is not None or weeks is not None,
        )
        # Facts without any part still record that the repository exists: the last fetch may have found it gone.
        facts = ForgeFacts(repository=repository, weeks=weeks)
        if not pending.missing_parts:
            outcome = Outcome.UPDATED if pending.updated else Outcome.UNCHANGED
            self.finish(Answer(coordinate=target.coordinate, outcome=outcome, facts=facts, etag=etag))
            return None
        self.add(Answer(coordinate=target.coordinate, outcome=None, facts=facts, etag=etag))
        return pending

    def add_weeks(self, pending: PendingRepository, days: dict[str, int]) -> None:
        """Add the commits per author day."""
        self._finish_part(pending, ForgeFacts(weeks=WeeksFacts(head=pending.head, days=days)))

    def add_contributors(self, pending: PendingRepository, contributors: ContributorsFacts) -> None:
        """Add the contributors."""
        self._finish_part(pending, ForgeFacts(contributors=contributors))

    def fail_part(self, pending: PendingRepository, error: SourceError) -> None:
        """Record that one part could not be fetched. The other parts are kept, but the repository ends with `error`."""
        if pending.error is None or isinstance(pending.error, QuotaExhausted):
            pending.error = error
        self._finish_part(pending, None)

    def fail(self, coordinate: str, error: SourceError) -> None:
        """End a repository as deferred if a rate limit is the cause, else as failed."""
        answer: Answer[ForgeFacts] = failed_answer(coordinate, error)
        if answer.outcome is Outcome.DEFERRED:
            # The same reason for all that wait for one reset, so that the report groups them.
            answer = replace(answer, reason=self._deferral_reasons.setdefault(answer.until, answer.reason))
        self.finish(answer)

    def is_open(self, coordinate: str) -> bool:
        """Return whether a repository has no outcome yet."""
        return coordinate in self._open

    def finish(self, answer: Answer[ForgeFacts]) -> None:
        """Add the last answer about a repository; ignored if it has ended already."""
        if answer.coordinate in self._open:
            del self._open[answer.coordinate]
            self.add(answer)

    def _finish_part(self, pending: PendingRepository, facts: ForgeFacts | None) -> None:
        pending.missing_parts -= 1
        pending.updated = pending.updated or facts is not None
        if pending.missing_parts or pending.error is not None:
            if facts is not None:
                self.add(Answer(coordinate=pending.coordinate, outcome=None, facts=facts))
            if not pending.missing_parts and pending.error is not None:
                self.fail(pending.coordinate, pending.error)
            return
        outcome = Outcome.UPDATED if pending.updated else Outcome.UNCHANGED
        self.finish(Answer(coordinate=pending.coordinate, outcome=outcome, facts=facts))
