"""Parse the dependencies of a project from a requirements file, ``pyproject.toml`` or lock file.

Works on texts; the caller reads the files. Nothing is resolved, and markers are not evaluated: every dependency counts.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import UsageError
from djpkg.requirements import project_files, requirements_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from djpkg.requirements.requirements_file import Mention

SUPPORTED_FILES = (
    "requirements.txt or .in, pyproject.toml, uv.lock, poetry.lock, pylock.toml, Pipfile.lock,"
    " or - for the output of pip freeze"
)
STANDARD_INPUT = "-"

# In characters. The lock files of the largest projects have a third of it.
_MAX_SIZE = 8 * 1024 * 1024
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")


class Requirement(NamedTuple):
    """One dependency, by name or else by URL or path (see `Mention`), with all its locations (``file:line``)."""

    name: str
    locations: tuple[str, ...]
    url: str | None


def parse_manifest(name: str, text: str, include: Callable[[str], str]) -> tuple[Requirement, ...]:
    """Return the dependencies in a file, each once, sorted by name.

    The file name decides the format; ``-`` is standard input. `include` returns the text of a file that a requirements
    file includes, or raises UsageError. UsageError with the location if the file is invalid.
    """
    mentions: dict[str, list[Mention]] = {}
    for found in _parse_file(name, text, include):
        mentions.setdefault(found.name, []).append(found)
    return tuple(
        Requirement(
            required,
            tuple(dict.fromkeys(one.location for one in mentions[required])),
            next((one.url for one in mentions[required] if one.url is not None), None),
        )
        for required in sorted(mentions)
    )


def _parse_file(name: str, text: str, include: Callable[[str], str]) -> Iterator[Mention]:
    file = posixpath.basename(name.replace("\\", "/"))
    if name == STANDARD_INPUT or file.endswith((".txt", ".in")):
        shown = "standard input" if name == STANDARD_INPUT else name
        return requirements_file.parse_requirements_file(
            shown, _check_text(shown, text), lambda path: _check_text(path, include(path))
        )
    if file == "pyproject.toml":
        return project_files.parse_pyproject(name, _check_text(name, text))
    if file in {"uv.lock", "poetry.lock"} or _PYLOCK.fullmatch(file):
        return project_files.parse_lock(name, _check_text(name, text), kind=file)
    if file == "Pipfile.lock":
        return project_files.parse_pipfile_lock(name, _check_text(name, text))
    raise UsageError(f"{name}: unsupported file", hint=f"supported: {SUPPORTED_FILES}")


def _check_text(name: str, text: str) -> str:
    """Return the text without a byte order mark; UsageError if it is too long or binary."""
    if len(text) > _MAX_SIZE:
        raise UsageError(f"{name} is too long (more than {_MAX_SIZE} characters)")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(f"{name}:{line}: not a text file")
    return text.removeprefix("\ufeff")
