"""Parse the text of a file as `--in` does."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import UsageError
from djpkg.requirements import manifest
from djpkg.requirements.requirement import ParseContext, Requirement, combine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.requirements.requirement import Mention


def locations(requirement: Requirement) -> tuple[str, ...]:
    """Return every place of a requirement as ``file:line``."""
    return tuple(dict.fromkeys(f"{one.file}:{one.line}" for one in requirement.mentions))


class Parsed(NamedTuple):
    """The mentions of a file, and the notes about what was not read."""

    mentions: tuple[Mention, ...]
    notes: list[str]

    def details(self) -> dict[str, tuple[str, str | None, str | None, tuple[str, ...]]]:
        """Return specifier, pinned version, marker and extras by name."""
        return {one.name: (one.specifier, one.version, one.marker, one.extras) for one in self.mentions}

    def origins(self) -> dict[str, tuple[bool | None, tuple[str, ...]]]:
        """Return `direct` and `via` by name."""
        return {one.name: (one.direct, one.via) for one in self.mentions}

    def lines(self) -> list[tuple[str, str, int]]:
        """Return name, file and line of each mention."""
        return [(one.name, one.file, one.line) for one in self.mentions]


def parse_file(
    name: str, text: str, files: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Parsed:
    """Parse the text of the file `name`; it can include `files`."""

    def include(path: str) -> str:
        if files is None or path not in files:
            raise UsageError(f"{path} not found")
        return files[path]

    context = ParseContext(include, environment or {}, [])
    return Parsed(manifest.parse_file(name, dedent(text), context), context.notes)


def parse(name: str, text: str, files: Mapping[str, str] | None = None) -> tuple[Requirement, ...]:
    """Return the requirements in a file."""
    return combine(parse_file(name, text, files).mentions)
