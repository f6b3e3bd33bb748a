"""The interface of the sources.

A source gets all repositories or projects at once and decides how to request them, one by one or in batches. Answers
are yielded in pages, in any order, and each page is stored before the next is requested. Expected results (gone,
blocked, deferred, failed) are values in an answer; `fetch` raises nothing for what a server sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from djpkg.errors import CredentialsRejected, HTTPStatusError, QuotaExhausted
from djpkg.model.facts import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from datetime import datetime

    from djpkg.credentials import Token
    from djpkg.errors import SourceError
    from djpkg.model.facts import ForgeFacts, ProjectDetails
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.source_name import SourceName
    from djpkg.sources.http.rate_limit import Quota

REFUSING_STATUSES = frozenset((401, 403))
"""Statuses of a refusal, with a token or without one."""

TargetT_contra = TypeVar("TargetT_contra", contravariant=True)
FactsT_co = TypeVar("FactsT_co", covariant=True)
FactsT = TypeVar("FactsT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[FactsT_co]):
    """The answer of a source about one coordinate, or a part of it.

    `facts` contains the parts that are new, None when nothing is. `outcome` is None when more answers follow for the
    coordinate; UPDATED means "answered with facts", which may equal the stored ones. `until` belongs to DEFERRED.
    `refused` and `hint` belong to FAILED: credentials were rejected or missing, and the user's next step. `etag` and
    `serial` replace the stored ones unless None. `details` are PyPI's lists.
    """

    coordinate: str
    outcome: Outcome | None
    facts: FactsT_co | None = None
    reason: str = ""
    until: datetime | None = None
    refused: bool = False
    hint: str | None = None
    etag: str | None = None
    serial: int | None = None
    details: ProjectDetails | None = None


def failed_answer(
    coordinate: str, error: SourceError, *, facts: FactsT | None = None, etag: str | None = None
) -> Answer[FactsT]:
    """Return the answer of a failed lookup: DEFERRED when the rate limit is reached, else FAILED."""
    return Answer(
        coordinate=coordinate,
        outcome=Outcome.DEFERRED if isinstance(error, QuotaExhausted) else Outcome.FAILED,
        facts=facts,
        reason=str(error),
        until=error.until if isinstance(error, QuotaExhausted) else None,
        refused=isinstance(error, CredentialsRejected)
        or (isinstance(error, HTTPStatusError) and error.status in REFUSING_STATUSES),
        hint=error.hint,
        etag=etag,
    )


NO_TOKENS: Iterator[Token] = iter(())


def describe_fallback(rejected: CredentialsRejected, token: Token | None) -> CredentialsRejected:
    """Return the error of a rejected token for the report; `token` replaced it."""
    instead = f"with the token from {token.origin}" if token is not None else "without a token"
    return CredentialsRejected(f"{rejected}; continued {instead}", hint=rejected.hint)


@dataclass(slots=True)
class Spent:
    """The cost of a source in this run; `points` are those of GitHub's GraphQL."""

    requests: int = 0
    points: int = 0


class Metered(Protocol):
    """The cost and the remaining quota of a source."""

    quota: Quota
    spent: Spent

    @property
    def quotas(self) -> Mapping[str, Quota]:
        """The quotas that the source counts separately, by name; `quota` is the one to report."""


class Source(Metered, Protocol[TargetT_contra, FactsT_co]):
    """A forge or PyPI. `rejections` are about the tokens that it rejected in this run and that were replaced."""

    name: SourceName
    rejections: list[CredentialsRejected]

    async def __aenter__(self) -> Self:
        """Open the connections."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connections."""

    def fetch(
        self, targets: Sequence[TargetT_contra], *, now: datetime, sweep: bool
    ) -> AsyncIterator[Sequence[Answer[FactsT_co]]]:
        """Yield answers for `targets` in pages; each coordinate gets exactly one answer with an outcome.

        `sweep` is true when all known targets are requested; then batch requests are used. `targets` begin with the
        stalest: when a quota ends, the rest is deferred.
        """
        ...


if TYPE_CHECKING:
    Forge = Source[RepositoryTarget, ForgeFacts]
