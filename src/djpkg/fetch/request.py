"""The parameters of a fetch."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from djpkg.mirror.selection import Selection
from djpkg.query.parser import Query
from djpkg.source_name import SourceName
from djpkg.text import strip_credentials

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.requirements.requirement import Requirement

# Characters of a request that the run history stores: enough for hundreds of names.
_MAX_STORED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """The packages and sources to fetch. `str()` returns the arguments of the command line, for the run history.

    `packages` are named, and always asked for. `requirements` are those in the files `manifests`, None without a file,
    and `query` are the terms. `typed` are the packages and terms as typed, in order; without it the packages are shown.
    `refetch` sends no validators and reads the catalog's whole list. The list is also read if it was last read before
    `list_since`.
    """

    packages: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] | None = None
    typed: tuple[str, ...] = ()
    query: Query = Query()  # noqa: RUF009 - immutable
    all_packages: bool = False
    sources: frozenset[SourceName] = frozenset(SourceName)
    refetch: bool = False
    list_since: datetime | None = None

    @property
    def selection(self) -> Selection:
        """The selection of packages; with `all_packages` it is empty."""
        return Selection(self.packages, self.requirements, self.query)

    def __str__(self) -> str:
        words = ["--all"] if self.all_packages else list(self.typed or self.packages)
        for manifest in self.manifests:
            words += ["--in", manifest]
        if self.sources != frozenset(SourceName):
            for source in sorted(self.sources):
                words += ["--source", source]
        words += ["--refetch"] if self.refetch else []
        return shlex.join(map(strip_credentials, words))[:_MAX_STORED]
