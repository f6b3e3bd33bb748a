"""The parameters of a fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from djpkg.mirror.selection import Selection
from djpkg.query.parser import Query
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from djpkg.requirements.requirement import Requirement

# Characters of a request that the run history stores: enough for hundreds of names.
_MAX_STORED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """The packages and sources to fetch. `str()` returns the arguments of the command line, for the run history.

    `packages` are named, and always asked for. `requirements` are those in the files `manifests`, None without a file,
    and `query` is what `terms` mean. `refetch` sends no validators and reads the catalog's whole list.
    """

    packages: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] | None = None
    terms: tuple[str, ...] = ()
    query: Query = Query()  # noqa: RUF009 - immutable
    all_packages: bool = False
    sources: frozenset[SourceName] = frozenset(SourceName)
    refetch: bool = False

    @property
    def selection(self) -> Selection:
        """The selection of packages; with `all_packages` it is empty."""
        return Selection(self.packages, self.requirements, self.query)

    def __str__(self) -> str:
        selected = [*self.packages, *self.terms, *(f"--in {manifest}" for manifest in self.manifests)]
        words = ["--all"] if self.all_packages else selected
        if self.sources != frozenset(SourceName):
            words += [f"--source {source}" for source in sorted(self.sources)]
        return " ".join([*words, *(["--refetch"] if self.refetch else [])])[:_MAX_STORED]
