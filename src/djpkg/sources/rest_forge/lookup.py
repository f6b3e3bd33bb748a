"""One repository being asked about on GitLab, Bitbucket or Forgejo: what is stored of it and what was said so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NamedTuple

from djpkg import times
from djpkg.errors import Rejected, UnexpectedPayload
from djpkg.model import freshness
from djpkg.model.facts import ContributorsFacts, ForgeFacts, Outcome, RepositoryFacts, WeeksFacts
from djpkg.sources.http import payload
from djpkg.sources.source import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import TypeAlias

    from djpkg.model.lookups import Head, RepositoryTarget
    from djpkg.sources.http.client import Client
    from djpkg.sources.http.response import Response

    ForgeAnswer: TypeAlias = Answer[ForgeFacts]

MAX_PAGES = 400
"""Pages read of one list; Linux itself has some 90,000 commits a year, no package of the directory comes near that."""
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Wanted(NamedTuple):
    """Which parts are to be asked for, now that the head is known."""

    window: bool
    contributors: bool


class Ending(NamedTuple):
    """How a repository ended, and why where it was not answered."""

    outcome: Outcome
    reason: str = ""
    until: datetime | None = None
    refused: bool = False


def ended(coordinate: str, ending: Ending, *, facts: ForgeFacts | None = None, etag: str | None = None) -> ForgeAnswer:
    """The answer for one coordinate."""
    return Answer(
        coordinate=coordinate,
        outcome=ending.outcome,
        facts=facts,
        reason=ending.reason,
        until=ending.until,
        refused=ending.refused,
        etag=etag,
    )


@dataclass(slots=True)
class RepositoryLookup:
    """What was said is laid down here part by part, so that it is kept when asking for the next part fails."""

    ask: RepositoryTarget
    client: Client
    now: datetime
    state: Literal["ok", "gone", "blocked"] = "ok"
    page: RepositoryFacts | None = None
    weeks: WeeksFacts | None = None
    contributors: ContributorsFacts | None = None
    etag: str | None = None

    @property
    def source(self) -> str:
        """The source's name, with which messages begin."""
        return self.client.source

    # What a reply says of the repository.

    def finds(self, reply: Response) -> bool:
        """Whether a reply to the question for the repository's page is that page; where it is gone, that is noted.

        Only the API's own word (JSON) counts as gone: at a wrong address a web server says 404 to everything.
        """
        if reply.status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            self.state = "blocked"
        elif reply.status == HTTPStatus.NOT_FOUND and "json" in reply.headers.get("content-type", ""):
            self.state = "gone"
        else:
            self.expect_ok(reply)
            return True
        return False

    def expect_ok(self, reply: Response) -> None:
        """Raises Rejected for any other status than 200."""
        if reply.status != HTTPStatus.OK:
            message = f"{self.source}: {self.ask.host} answers with status {reply.status}"
            raise Rejected(message, status=reply.status)

    def path(self, said: str) -> str:
        """The repository's path as the forge states it; raises what `payload.path` does."""
        return payload.path(said, host=self.ask.host, source=self.client.source)

    def oid(self, said: str) -> str:
        """A commit's id. UnexpectedPayload where it is none, as it goes into addresses."""
        if not _OID.fullmatch(said):
            raise self.unexpected("the id of a commit is none")
        return said

    def page_numbers(self) -> Iterator[int]:
        """1, 2, 3 and so on; raises UnexpectedPayload when a list does not end."""
        yield from range(1, MAX_PAGES + 1)
        raise self.unexpected(f"a list has more than {MAX_PAGES} pages")

    def unexpected(self, what: str) -> UnexpectedPayload:
        """The error for a reply that makes no sense."""
        return UnexpectedPayload(f"{self.source}: {what}")

    # What follows from it.

    def decide(self, head: Head, *, cached: bool) -> Wanted:
        """What must be asked for; the weeks that follow from the head alone are said at once.

        `cached` says that the forge may serve a list of contributors that is older than the head.
        """
        ask = self.ask
        self.weeks = freshness.weeks_without_asking(*head, weeks_head=ask.weeks_head, now=self.now)
        return Wanted(
            window=freshness.needs_window(*head, weeks_head=ask.weeks_head, now=self.now),
            contributors=freshness.needs_contributors(
                *head,
                contributors_head=ask.contributors_head,
                contributors_taken=ask.contributors_taken if cached else None,
                catalog_updated=ask.catalog_updated,
                now=self.now,
            ),
        )

    def say_contributors(self, head: str, names: Iterable[str], *, whole: bool) -> None:
        """Says who contributed, most commits first; a name that several people share is said once."""
        distinct = tuple(dict.fromkeys(name for name in names if name))
        self.contributors = ContributorsFacts(head=head, names=distinct, taken=times.stamp(self.now), whole=whole)

    # How it ended.

    def answer(self, failure: Ending | None) -> ForgeAnswer:
        """What was said, and how it ended: by `failure`, if there was one."""
        if failure is None and self.state != "ok":
            # Without a validator, so that it is not "unchanged" on the day when it is back as it was.
            return ended(self.ask.coordinate, Ending(Outcome.GONE), facts=ForgeFacts(state=self.state), etag="")
        facts = self._facts()
        ending = failure or Ending(Outcome.UNCHANGED if facts is None else Outcome.UPDATED)
        return ended(self.ask.coordinate, ending, facts=facts, etag=self.etag)

    def _facts(self) -> ForgeFacts | None:
        if self.page is None and self.weeks is None and self.contributors is None:
            return None
        return ForgeFacts(repository=self.page, weeks=self.weeks, contributors=self.contributors)
