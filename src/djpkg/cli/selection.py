"""``--in FILE``: the packages of the mirror that a project stands on."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from djpkg import config
from djpkg.cli import terminal
from djpkg.errors import UsageError
from djpkg.mirror import resolve as mirror_find
from djpkg.model import forge_servers
from djpkg.text import pluralize, strip_credentials

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.requirements.manifest import Requirement

# No requirements or lock file is as long; a device would never end.
_LONGEST = 32 * 1024 * 1024
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))


class RequiredPackages(NamedTuple):
    """The ids of the packages that are required, and the names, addresses and paths for which there is none."""

    ids: tuple[int, ...]
    unknown: tuple[str, ...]
    required: int
    """How much is required in all."""

    def tell(self) -> None:
        """Count and name on stderr what no package stands for."""
        if self.unknown:
            count = f"{len(self.unknown)} of {pluralize(self.required, 'required project')}"
            verb = "is" if len(self.unknown) == 1 else "are"
            terminal.write_stderr(f"{count} {verb} not in the mirror: {', '.join(self.unknown)}")


def read(name: str) -> tuple[Requirement, ...]:
    """What the file requires; ``-`` is standard input. UsageError on one that cannot be read."""
    from djpkg.requirements import manifest  # noqa: PLC0415 - loads packaging, for this option alone

    if name == manifest.STANDARD_INPUT:
        return manifest.parse_manifest(name, _standard_input(), _open)
    if not name:
        raise UsageError("--in names no file", hint="for example: --in requirements.txt")
    path = Path(name)
    try:
        piped = stat.S_ISFIFO(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(name, error) from error
    # What `<(pip freeze)` names has no name that tells its kind.
    return manifest.parse_manifest(manifest.STANDARD_INPUT if piped else name, _open(name), _open)


def find(mirror: sqlite3.Connection, requirements: Sequence[Requirement]) -> RequiredPackages:
    """The packages of the mirror that are required."""
    catalog, forges = config.catalog_address(os.environ), forge_servers.forge_servers(os.environ)
    found = {
        required.name: mirror_find.find_required(
            mirror, required.name, required.address, catalog=catalog, forges=forges
        )
        for required in requirements
    }
    ids = dict.fromkeys(number for numbers in found.values() for number in numbers)
    return RequiredPackages(
        tuple(ids), tuple(name for name, numbers in found.items() if not numbers), len(requirements)
    )


def find_reported(mirror: sqlite3.Connection, requirements: Sequence[Requirement]) -> tuple[int, ...]:
    """The ids of the packages that are required; stderr is told what no package stands for."""
    found = find(mirror, requirements)
    found.tell()
    return found.ids


def _standard_input() -> str:
    if sys.stdin is None:
        raise UsageError("there is no standard input to read")
    try:
        return _decoded("standard input", sys.stdin.buffer.read(_LONGEST + 1))
    except OSError as error:
        raise _unreadable("standard input", error) from error


def _open(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return _decoded(name, file.read(_LONGEST + 1))
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error


def _decoded(name: str, content: bytes) -> str:
    """The text; PowerShell's ``pip freeze > FILE`` writes UTF-16."""
    if len(content) > _LONGEST:
        raise UsageError(f"{name} is longer than {_LONGEST // 1024 // 1024} MiB")
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: this is no {encoding.upper()} text") from error


def _unreadable(name: str, error: OSError | ValueError) -> UsageError:
    return UsageError(f"{strip_credentials(name)} cannot be read: {getattr(error, 'strerror', None) or error}")
