"""What goes back to whoever asked: pages of answers, and the ledger of what is still open.

A repository is told in parts: its page at once, then the weeks and the contributors as they come, each in an answer of
its own, so that a kill between two loses only the later one. The last part brings the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from djpkg.errors import CredentialsRejected, QuotaExhausted, Refused, SourceError
from djpkg.model import freshness
from djpkg.model.facts import ForgeFacts, Outcome, WeeksFacts
from djpkg.sources.answer_buffer import AnswerBuffer
from djpkg.sources.source import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from djpkg.model.facts import ContributorsFacts, RepositoryFacts
    from djpkg.model.lookups import RepositoryTarget


@dataclass(slots=True, kw_only=True)
class Pending:
    """A repository whose page is known and of which parts are still to come.

    `path` is where it is now. `left` counts the parts to come, `told` says whether anything new was said of it.
    """

    coordinate: str
    path: str
    node_id: str | None
    head: str
    head_at: str | None
    weeks: bool
    contributors: bool
    told: bool
    left: int = field(init=False)
    trouble: SourceError | None = None

    def __post_init__(self) -> None:
        self.left = self.weeks + self.contributors


class Answers:
    """Collects answers from all that are asking, and hands them out page by page until it is closed."""

    def __init__(self, asks: Iterable[RepositoryTarget], *, now: datetime) -> None:
        self._open = dict.fromkeys(ask.coordinate for ask in asks)
        self._now = now
        self._gathering: AnswerBuffer[ForgeFacts] = AnswerBuffer()
        self._deferring: dict[datetime | None, str] = {}

    def pages(self) -> AsyncIterator[list[Answer[ForgeFacts]]]:
        """The answers, as they come."""
        return self._gathering.pages()

    def close(self) -> None:
        """There will be no more answers."""
        self._gathering.close()

    def state(self, ask: RepositoryTarget, page: RepositoryFacts | None, *, etag: str | None = None) -> Pending | None:
        """Tells a repository's page, and says which parts are still to be asked for; None when there are none.

        `page` is None where the source said that it is unchanged.
        """
        known = ask if page is None else page
        weeks = freshness.weeks_without_asking(known.head, known.head_at, weeks_head=ask.weeks_head, now=self._now)
        pending = Pending(
            coordinate=ask.coordinate,
            path=known.path,
            node_id=known.node_id,
            head=known.head or "",
            head_at=known.head_at,
            weeks=freshness.needs_window(known.head, known.head_at, weeks_head=ask.weeks_head, now=self._now),
            contributors=freshness.needs_contributors(
                known.head,
                known.head_at,
                contributors_head=ask.contributors_head,
                contributors_taken=ask.contributors_taken,
                catalog_updated=ask.catalog_updated,
                now=self._now,
            ),
            told=page is not None or weeks is not None,
        )
        # Where nothing is new this still says that the repository is there, which it may not have been the last time.
        facts = ForgeFacts(repository=page, weeks=weeks)
        if not pending.left:
            outcome = Outcome.UPDATED if pending.told else Outcome.UNCHANGED
            self.end(Answer(coordinate=ask.coordinate, outcome=outcome, facts=facts, etag=etag))
            return None
        self._gathering.add(Answer(coordinate=ask.coordinate, outcome=None, facts=facts, etag=etag))
        return pending

    def tell_weeks(self, pending: Pending, days: dict[str, int]) -> None:
        """The weeks of a repository are here."""
        self._finish(pending, ForgeFacts(weeks=WeeksFacts(head=pending.head, days=days)))

    def tell_contributors(self, pending: Pending, contributors: ContributorsFacts) -> None:
        """The contributors of a repository are here."""
        self._finish(pending, ForgeFacts(contributors=contributors))

    def miss(self, pending: Pending, error: SourceError) -> None:
        """A part of a repository did not come; the other parts stand."""
        if pending.trouble is None or isinstance(pending.trouble, QuotaExhausted):
            pending.trouble = error
        self._finish(pending, None)

    def fail(self, coordinate: str, error: SourceError) -> None:
        """A repository was not answered, or not to its end: deferred where a quota is the cause, else failed."""
        if isinstance(error, QuotaExhausted):
            # One cause is told in one way, whether the server refused or was not asked any more.
            reason = self._deferring.setdefault(error.until, error.reason)
            self.end(Answer(coordinate=coordinate, outcome=Outcome.DEFERRED, reason=reason, until=error.until))
            return
        hint = f"; {error.hint}" if isinstance(error, CredentialsRejected) and error.hint else ""
        refused = isinstance(error, Refused)
        self.end(Answer(coordinate=coordinate, outcome=Outcome.FAILED, reason=error.reason + hint, refused=refused))

    def fail_all(self, error: SourceError) -> None:
        """All that is still open ends here, for one and the same cause."""
        for coordinate in list(self._open):
            self.fail(coordinate, error)

    def end(self, answer: Answer[ForgeFacts]) -> None:
        """The last answer of a coordinate. One that has ended already stays as it ended."""
        if answer.coordinate in self._open:
            del self._open[answer.coordinate]
            self._gathering.add(answer)

    def _finish(self, pending: Pending, facts: ForgeFacts | None) -> None:
        pending.left -= 1
        pending.told = pending.told or facts is not None
        if pending.left or pending.trouble is not None:
            if facts is not None:
                self._gathering.add(Answer(coordinate=pending.coordinate, outcome=None, facts=facts))
            if not pending.left and pending.trouble is not None:
                self.fail(pending.coordinate, pending.trouble)
            return
        outcome = Outcome.UPDATED if pending.told else Outcome.UNCHANGED
        self.end(Answer(coordinate=pending.coordinate, outcome=outcome, facts=facts))
