"""What a project requires: each place that names a dependency, and each dependency with all its places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NOT_FROM_INDEX = frozenset(
    ("git", "hg", "svn", "bzr", "url", "path", "file", "directory", "editable", "virtual", "vcs", "archive")
)
"""Keys of a table in a project or lock file that name another source than an index. All have texts or tables."""


class Mention(NamedTuple):
    """One place in a file that names a dependency.

    `name` is the normalized project name (PEP 503); without one, the URL or path, which is never a valid name.
    `specifier` (PEP 440) is "" where any version is allowed, and in lock files, which state a `version` instead.
    `version` is the one version that is allowed. `url` is the URL it is installed from, without credentials; it may
    contain values of environment variables, so no message shows it. `direct` is whether the project itself requires
    it, and `via` the names of the dependencies that do; None and () where the file does not state it. `from_index` is
    False for what is installed from a Git repository, an archive or a folder: its version is not one on PyPI.
    `edges` are what requires it in a lock file: the name of a dependency, or None for the project, and the marker.
    """

    name: str
    file: str
    line: int
    url: str | None = None
    specifier: str = ""
    marker: str | None = None
    extras: tuple[str, ...] = ()
    version: str | None = None
    direct: bool | None = None
    via: tuple[str, ...] = ()
    from_index: bool = True
    edges: tuple[tuple[str | None, str | None], ...] = ()


class Requirement(NamedTuple):
    """One dependency with all its mentions, in the order of reading."""

    name: str
    mentions: tuple[Mention, ...]

    @property
    def url(self) -> str | None:
        """The first URL that it is installed from, or None."""
        return next((one.url for one in self.mentions if one.url is not None), None)

    @property
    def direct(self) -> bool | None:
        """Whether the project itself requires it: True if any mention says so, None if that is unknown."""
        stated = {one.direct for one in self.mentions}
        return True if True in stated else None if None in stated else False

    @property
    def via(self) -> tuple[str, ...]:
        """The sorted names of the dependencies that require it."""
        return tuple(sorted({name for one in self.mentions for name in one.via}))


class RequiredPython(NamedTuple):
    """Which versions of Python a file states that the project supports, as PEP 440."""

    file: str
    line: int
    specifier: str


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What parsing a file needs from outside, and the notes that it makes about what it did not read.

    `include` returns the text of another file by its path, or raises UsageError. `environment` are the variables that
    requirements files may name. `pythons` collects which versions of Python the files state.
    """

    include: Callable[[str], str]
    environment: Mapping[str, str]
    notes: list[str]
    pythons: list[RequiredPython] = field(default_factory=list)


def combine(mentions: Iterable[Mention]) -> tuple[Requirement, ...]:
    """Return each dependency once with all its mentions, sorted by name."""
    found: dict[str, list[Mention]] = {}
    for mention in dict.fromkeys(mentions):
        found.setdefault(mention.name, []).append(mention)
    return tuple(Requirement(name, tuple(found[name])) for name in sorted(found))
