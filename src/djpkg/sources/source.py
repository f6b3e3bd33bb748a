"""Sources: something remote that states facts, each behind the same small interface.

A source is asked about coordinates (a repository, a project), not about packages: several packages may share one. It
gets all that is to be asked in one call and chooses its own best shape, one request each or many at once; answers come
page by page, in any order, and each page is stored before the next is awaited. An expected ending (gone, blocked,
deferred, failed) is a value in an answer; nothing that a server can send is raised out of `fetch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from djpkg.model.facts import ForgeFacts, Outcome, PypiFacts
    from djpkg.model.lookups import ProjectTarget, RepositoryTarget
    from djpkg.source_name import SourceName
    from djpkg.sources.http.rate_limit import Quota

AskT_contra = TypeVar("AskT_contra", contravariant=True)
FactsT_co = TypeVar("FactsT_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[FactsT_co]):
    """What a source says of one coordinate.

    `facts` holds the parts that were said, to be laid over the stored ones; None when nothing new was said. `outcome`
    is None while more is to come for the coordinate; UPDATED means "answered with facts", and whether they differ from
    the stored ones is decided where both are known. `until` goes with DEFERRED. `refused` goes with FAILED: the source
    will not serve us (credentials). `etag` and `serial` replace the stored validators where they are not None.
    """

    coordinate: str
    outcome: Outcome | None
    facts: FactsT_co | None = None
    reason: str = ""
    until: datetime | None = None
    refused: bool = False
    etag: str | None = None
    serial: int | None = None


@dataclass(slots=True)
class Spent:
    """What a source has cost so far in this run; `points` are those of GitHub's GraphQL."""

    requests: int = 0
    points: int = 0


class Metered(Protocol):
    """What every source tells of its price and of what it still lets us ask."""

    quota: Quota
    spent: Spent

    @property
    def quotas(self) -> Mapping[str, Quota]:
        """The pools that the source counts apart, by its own names for them; `quota` is the one that is told."""


class Source(Metered, Protocol[AskT_contra, FactsT_co]):
    """What `refresh` needs of GitHub, PyPI and the other forges."""

    name: SourceName

    async def __aenter__(self) -> Self:
        """Open the connections."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""

    def fetch(
        self, asks: Sequence[AskT_contra], *, now: datetime, sweep: bool
    ) -> AsyncIterator[Sequence[Answer[FactsT_co]]]:
        """Answers for `asks`, page by page; each coordinate ends with exactly one answer that has an outcome.

        `sweep` says that everything known is asked for, so that the shape for many pays. Stalest first: where a quota
        ends early, what is left is answered as deferred.
        """
        ...


if TYPE_CHECKING:
    Forge = Source[RepositoryTarget, ForgeFacts]
    Registry = Source[ProjectTarget, PypiFacts]
