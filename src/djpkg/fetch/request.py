"""The parameters of a fetch."""

from __future__ import annotations

from dataclasses import dataclass

from djpkg.source_name import SourceName

# Characters of a request that the run history stores: enough for hundreds of names.
_MAX_STORED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """The packages and sources to fetch. `str()` returns the arguments of the command line, for the run history.

    `manifest` is the requirements file that named the packages, if any. `refetch` sends no validators and reads the
    catalog's whole list.
    """

    packages: tuple[str, ...] = ()
    manifest: str | None = None
    all_packages: bool = False
    sources: frozenset[SourceName] = frozenset(SourceName)
    refetch: bool = False

    def __str__(self) -> str:
        named = list(self.packages) if self.manifest is None else [f"--in {self.manifest}"]
        words = ["--all"] if self.all_packages else named
        if self.sources != frozenset(SourceName):
            words += [f"--source {source}" for source in sorted(self.sources)]
        return " ".join([*words, *(["--refetch"] if self.refetch else [])])[:_MAX_STORED]
