"""The parameters of a fetch."""

from __future__ import annotations

from dataclasses import dataclass

from djpkg.source_name import SourceName

# Characters of a request that the run history stores: enough for hundreds of names.
_MAX_STORED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """The packages and sources to fetch. `str()` returns the arguments of the command line, for the run history.

    `manifests` are the requirements files that named the packages, if any. `refetch` sends no validators and reads the
    catalog's whole list.
    """

    packages: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    all_packages: bool = False
    sources: frozenset[SourceName] = frozenset(SourceName)
    refetch: bool = False

    def __str__(self) -> str:
        named = [f"--in {manifest}" for manifest in self.manifests] or list(self.packages)
        words = ["--all"] if self.all_packages else named
        if self.sources != frozenset(SourceName):
            words += [f"--source {source}" for source in sorted(self.sources)]
        return " ".join([*words, *(["--refetch"] if self.refetch else [])])[:_MAX_STORED]
