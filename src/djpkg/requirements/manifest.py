"""What a project stands on: the projects that a requirements file, a ``pyproject.toml`` or a lock file names.

Reads texts, never files: the caller opens what is named. Nothing is resolved and no marker is weighed, so that a
project counts wherever it is written down.
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

TAKES = (
    "requirements.txt or .in, pyproject.toml, uv.lock, poetry.lock, pylock.toml, Pipfile.lock,"
    " or - for what pip freeze prints"
)
STANDARD_INPUT = "-"

# Characters. The lock of the largest projects has a third of it.
_LONGEST = 8 * 1024 * 1024
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")


class Requirement(NamedTuple):
    """What is required, by its name or else its address or path, as `Mention` has them, and where: ``file:line``."""

    name: str
    places: tuple[str, ...]
    address: str | None


def parse_manifest(name: str, text: str, include: Callable[[str], str]) -> tuple[Requirement, ...]:
    """What the file `name` with that text requires, each once, by name.

    Its kind is told by its name; ``-`` is standard input. `include` gives the text of the file at a path, for
    requirements files that include others; it raises UsageError. UsageError with the place on what cannot be read.
    """
    mentions: dict[str, list[Mention]] = {}
    for found in _read(name, text, include):
        mentions.setdefault(found.name, []).append(found)
    return tuple(
        Requirement(
            required,
            tuple(dict.fromkeys(one.place for one in mentions[required])),
            next((one.address for one in mentions[required] if one.address is not None), None),
        )
        for required in sorted(mentions)
    )


def _read(name: str, text: str, include: Callable[[str], str]) -> Iterator[Mention]:
    file = posixpath.basename(name.replace("\\", "/"))
    if name == STANDARD_INPUT or file.endswith((".txt", ".in")):
        shown = "standard input" if name == STANDARD_INPUT else name
        return requirements_file.read_requirements(
            shown, _checked(shown, text), lambda path: _checked(path, include(path))
        )
    if file == "pyproject.toml":
        return project_files.read_pyproject(name, _checked(name, text))
    if file in {"uv.lock", "poetry.lock"} or _PYLOCK.fullmatch(file):
        return project_files.read_lock(name, _checked(name, text), kind=file)
    if file == "Pipfile.lock":
        return project_files.read_pipfile_lock(name, _checked(name, text))
    raise UsageError(f"{name} is no kind of file that djpkg reads", hint=f"it takes {TAKES}")


def _checked(name: str, text: str) -> str:
    """The text, if it is one and of a size that a person or a tool wrote."""
    if len(text) > _LONGEST:
        raise UsageError(f"{name} is longer than {_LONGEST} characters")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(f"{name}:{line}: this is no text")
    return text.removeprefix("\ufeff")
