"""Parse a file of a project by its name: requirements file, ``pyproject.toml``, ``Pipfile`` or lock file.

Works on texts; the caller reads the files. Nothing is resolved, and markers are not evaluated: every dependency counts.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from djpkg.errors import UsageError
from djpkg.requirements import requirements_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from djpkg.requirements.requirement import Mention, ParseContext

SUPPORTED_FILES = (
    "requirements.txt or .in, pyproject.toml, Pipfile, uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile.lock,"
    " a folder with one of them, or - for the output of pip freeze"
)
STANDARD_INPUT = "-"

_LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
_PYLOCK = r"pylock(\.[^.]+)?\.toml"
# In characters. The lock files of the largest projects have a third of it.
_MAX_SIZE = 8 * 1024 * 1024


def parse_file(name: str, text: str, context: ParseContext) -> tuple[Mention, ...]:
    """Return every place in a file, and in those that it includes, that names a dependency.

    The file name decides the format; ``-`` is standard input. UsageError with file and line if a file is invalid.
    """
    return tuple(
        _parse_file(name, text, replace(context, include=lambda path: _check_text(path, context.include(path))))
    )


def is_lock_file(name: str) -> bool:
    """Return whether a file name, without its folder, is that of a supported lock file."""
    return name in _LOCK_FILES or re.fullmatch(_PYLOCK, name) is not None


def files_in_folder(names: Collection[str], requirements: Collection[str]) -> list[str]:
    """Return the files that a folder stands for: its lock files, or else its project and requirements files.

    `names` are those in the folder, `requirements` those in its subfolder ``requirements``.
    """
    locks = sorted(filter(is_lock_file, names))
    if locks:
        return locks
    return [
        *(name for name in ("pyproject.toml", "Pipfile") if name in names),
        *sorted(fnmatch.filter(names, "requirements*.txt")),
        *(f"requirements/{name}" for name in sorted(fnmatch.filter(requirements, "*.txt"))),
    ]


def project_file(lock: str) -> str | None:
    """Return the name of the file that states what a project requires itself, for locks that do not state it."""
    if lock == "Pipfile.lock":
        return "Pipfile"
    return "pyproject.toml" if is_lock_file(lock) and lock != "uv.lock" else None


def _parse_file(name: str, text: str, context: ParseContext) -> Iterator[Mention]:
    file = posixpath.basename(name.replace("\\", "/"))
    if name == STANDARD_INPUT or file.endswith((".txt", ".in")):
        shown = "standard input" if name == STANDARD_INPUT else name
        return requirements_file.parse_requirements_file(shown, _check_text(shown, text), context)
    if file in ("pyproject.toml", "Pipfile"):
        from djpkg.requirements import pyproject  # noqa: PLC0415 - loads the markers of packaging

        parse = pyproject.parse_pyproject if file == "pyproject.toml" else pyproject.parse_pipfile
        return parse(name, _check_text(name, text), context)
    from djpkg.requirements import lock_files  # noqa: PLC0415 - loads what only TOML and JSON files need

    if file == "Pipfile.lock":
        return lock_files.parse_pipfile_lock(name, _check_text(name, text))
    if is_lock_file(file):
        return lock_files.parse_lock(name, _check_text(name, text), context, kind=file)
    raise UsageError(f"{name}: unsupported file", hint=f"supported: {SUPPORTED_FILES}")


def _check_text(name: str, text: str) -> str:
    """Return the text without a byte order mark; UsageError if it is too long or binary."""
    if len(text) > _MAX_SIZE:
        raise UsageError(f"{name} is too long (more than {_MAX_SIZE} characters)")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(f"{name}:{line}: not a text file")
    return text.lstrip("\ufeff")
