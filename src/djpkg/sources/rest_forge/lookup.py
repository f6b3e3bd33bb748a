"""The lookup of one repository on a forge without a bulk API: its target, and the facts found so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar
from urllib.parse import quote

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model import freshness
from djpkg.model.facts import ContributorsFacts, ForgeFacts, Outcome, RepositoryFacts, WeeksFacts
from djpkg.sources.http import payload
from djpkg.sources.http.api_check import api_not_found
from djpkg.sources.http.response import http_status_error
from djpkg.sources.identity import check_identity
from djpkg.sources.source import Answer, failed_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import TypeAlias

    import msgspec

    from djpkg.errors import SourceError
    from djpkg.model.lookups import Head, RepositoryTarget
    from djpkg.sources.http.owner_client import OwnerClient
    from djpkg.sources.http.response import Response

    ForgeAnswer: TypeAlias = Answer[ForgeFacts]

T = TypeVar("T")

MAX_PAGES = 400
"""Page limit of one list. Linux has some 90,000 commits a year, and no package of the catalog comes near that."""
_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class NeededParts(NamedTuple):
    """The parts to request, decided once the head is known."""

    commits: bool
    contributors: bool


@dataclass(slots=True)
class RepositoryLookup:
    """One lookup. Each part is set as soon as it is known, so that it is kept when a later request fails."""

    target: RepositoryTarget
    client: OwnerClient
    now: datetime
    state: Literal["ok", "gone", "blocked"] = "ok"
    repository: RepositoryFacts | None = None
    weeks: WeeksFacts | None = None
    contributors: ContributorsFacts | None = None
    etag: str | None = None
    has_left: bool = False
    """Whether it was not found where it had moved to."""

    async def get_repository(self, route: str, *, etag: str | None = None, safe: str = "/") -> Response:
        """Request the repository at `route` with its path in place of ``{}``: where it was last, else where it is due.

        `safe` are the characters that are not quoted in the path.
        """
        first, *others = (route.format(quote(path, safe=safe)) for path in self.target.paths)
        response = await self.client.get(first, etag=etag)
        for other in others:
            if response.status == HTTPStatus.NOT_FOUND:
                self.has_left = True
                response = await self.client.get(other, etag=etag)
        return response

    def is_found(self, response: Response) -> bool:
        """Return False and set `state` when the repository is gone or blocked; `decode` raises for other errors.

        Only a 404 with a JSON body means gone: at a wrong address a web server answers 404 to everything. Raises
        HTTPStatusError for another 404.
        """
        if response.status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            self.state = "blocked"
        elif response.status == HTTPStatus.NOT_FOUND:
            if "json" not in response.headers.get("content-type", ""):
                raise api_not_found(self.client.client, response.status, host=self.target.host)
            self.state = "gone"
        return self.state == "ok"

    def decode(self, decoder: msgspec.json.Decoder[T], response: Response) -> T:
        """Decode a body; HTTPStatusError for any status but 200, UnexpectedPayload for an invalid body."""
        if response.status != HTTPStatus.OK:
            raise http_status_error(self.client.source, response.host, response.status)
        return payload.decode_json(decoder, response.body, source=self.client.source)

    def check_identity(self, response: Response, *, path: str, node_id: str) -> str:
        """Return the repository's path from its response; UnexpectedPayload if it is invalid or of another one."""
        path = payload.check_path(path, host=self.target.host, source=self.client.source)
        renamed = response.redirected
        check_identity(self.target, path=path, node_id=node_id, renamed=renamed, source=self.client.source)
        return path

    def check_empty(self, *, says_empty: bool | None) -> None:
        """Raise UnexpectedPayload if a repository of which the forge sent no commits is not empty.

        `says_empty` is what the forge says about the repository itself, None if nothing: then it is not empty if it had
        commits before.
        """
        if says_empty is False or (says_empty is None and self.target.head is not None):
            raise self.unexpected(f"got no commits of {self.target.path}, which is not empty")

    def check_commit_id(self, text: str) -> str:
        """Return a commit id; raise UnexpectedPayload for an invalid one, because it becomes part of URLs."""
        if not _COMMIT_ID.fullmatch(text):
            raise self.unexpected("invalid commit id")
        return text

    def page_numbers(self) -> Iterator[int]:
        """Yield 1, 2, 3, …; raise UnexpectedPayload after MAX_PAGES."""
        yield from range(1, MAX_PAGES + 1)
        raise self.unexpected(f"a list has more than {MAX_PAGES} pages")

    def unexpected(self, message: str) -> UnexpectedPayload:
        """Return the error for a response that does not match the API's documentation."""
        return UnexpectedPayload(f"{self.client.source}: {message}")

    def find_needed(self, head: Head, *, cached: bool) -> NeededParts:
        """Return the parts to request; set the weeks already when they follow from the head alone.

        `cached` means that the forge's list of contributors may be older than the head.
        """
        self.weeks = freshness.weeks_from_head(self.target, head, now=self.now)
        return NeededParts(
            commits=freshness.needs_commits(self.target, head, now=self.now),
            contributors=freshness.needs_contributors(self.target, head, now=self.now, cached=cached),
        )

    def set_contributors(self, head: str, names: Iterable[str], *, whole: bool) -> None:
        """Set the contributors, most commits first; duplicate and empty names are dropped.

        A repository with a head has contributors, so a list without any is missing.
        """
        distinct = tuple(dict.fromkeys(name for name in names if name))
        whole = whole and bool(distinct)
        self.contributors = ContributorsFacts(head=head, names=distinct, taken=times.format_time(self.now), whole=whole)

    def answer(self, error: SourceError | None) -> ForgeAnswer:
        """Return the facts found and the outcome; `error` is what ended the lookup early."""
        facts = None
        if self.repository is not None or self.weeks is not None or self.contributors is not None:
            facts = ForgeFacts(repository=self.repository, weeks=self.weeks, contributors=self.contributors)
        if error is not None:
            return failed_answer(self.target.coordinate, error, facts=facts, etag=self.etag)
        if self.state != "ok":
            # No validator: a repository that comes back as it was would otherwise look unchanged.
            gone = ForgeFacts(state=self.state)
            return Answer(coordinate=self.target.coordinate, outcome=Outcome.GONE, facts=gone, etag="")
        outcome = Outcome.UNCHANGED if facts is None else Outcome.UPDATED
        return Answer(coordinate=self.target.coordinate, outcome=outcome, facts=facts, etag=self.etag)
