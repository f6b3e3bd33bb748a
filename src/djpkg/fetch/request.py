"""What a fetch is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from djpkg.source_name import SourceName

# What is kept of what was asked for: hundreds of names, but not pages of one.
_LONGEST = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What a person asked for: packages by name, or every one; from which sources; whether to sweep in any case.

    `manifest` is the file that named the packages, if one did.
    """

    packages: tuple[str, ...] = ()
    manifest: str | None = None
    every: bool = False
    sources: frozenset[SourceName] = frozenset(SourceName)
    full: bool = False

    def __str__(self) -> str:
        named = list(self.packages) if self.manifest is None else [f"--in {self.manifest}"]
        words = ["--all"] if self.every else named
        if self.sources != frozenset(SourceName):
            words += [f"--source {source}" for source in sorted(self.sources)]
        return " ".join([*words, *(["--full"] if self.full else [])])[:_LONGEST]
