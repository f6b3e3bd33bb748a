"""``--in FILE``: the packages of the mirror that a project requires."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from djpkg import config
from djpkg.cli import terminal
from djpkg.errors import UsageError
from djpkg.mirror import fetch_history, resolve
from djpkg.model import forge_servers
from djpkg.source_name import SourceName
from djpkg.text import strip_credentials

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.requirements.manifest import Requirement

# Bytes. Longer than any requirements or lock file; a device would never end.
_MAX_BYTES = 32 * 1024 * 1024
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))


def read_requirements(name: str) -> tuple[Requirement, ...]:
    """Return the requirements in a file; ``-`` is standard input. UsageError if it cannot be read."""
    from djpkg.requirements import manifest  # noqa: PLC0415 - loads packaging, for this option alone

    if name == manifest.STANDARD_INPUT:
        return manifest.parse_manifest(name, _read_standard_input(), _read_file)
    if not name:
        raise UsageError("--in requires a file", hint="for example: --in requirements.txt")
    path = Path(name)
    try:
        piped = stat.S_ISFIFO(path.stat().st_mode)
    except OSError as error:
        raise _read_error(name, error) from error
    # The name of `<(pip freeze)` does not show the kind of file.
    return manifest.parse_manifest(manifest.STANDARD_INPUT if piped else name, _read_file(name), _read_file)


def find_required_packages(
    mirror: sqlite3.Connection, requirements: Sequence[Requirement]
) -> tuple[tuple[int, ...], str]:
    """Return the ids of the packages that the requirements name, and a message about the others, "" if there are none.

    Only after a fetch has read the whole catalog, a package that is not in the mirror is known not to be listed.
    """
    catalog, forges = config.catalog_url(os.environ), forge_servers.forge_servers(os.environ)
    found = {
        required.name: resolve.find_by_project(mirror, required.name, required.url, catalog=catalog, forges=forges)
        for required in requirements
    }
    ids = tuple(dict.fromkeys(number for numbers in found.values() for number in numbers))
    unknown = [name for name, numbers in found.items() if not numbers]
    if not unknown:
        return ids, ""
    required = "1 dependency" if len(requirements) == 1 else f"{len(requirements):,} dependencies"
    verb = "is" if len(unknown) == 1 else "are"
    swept = fetch_history.find_sweep(mirror, SourceName.CATALOG) is not None
    where = "listed on Django Packages" if swept else "in the mirror"
    return ids, f"{len(unknown):,} of {required} {verb} not {where}: {', '.join(unknown)}"


def find_and_report(mirror: sqlite3.Connection, requirements: Sequence[Requirement]) -> tuple[int, ...]:
    """Return the ids of the required packages; report the others on stderr."""
    ids, unknown = find_required_packages(mirror, requirements)
    if unknown:
        terminal.write_stderr(unknown)
    return ids


def _read_standard_input() -> str:
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    try:
        return _decode("standard input", sys.stdin.buffer.read(_MAX_BYTES + 1))
    except OSError as error:
        raise _read_error("standard input", error) from error


def _read_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return _decode(name, file.read(_MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        raise _read_error(name, error) from error


def _decode(name: str, content: bytes) -> str:
    """Return the text. UTF-16 is accepted: PowerShell writes it for ``pip freeze > FILE``."""
    if len(content) > _MAX_BYTES:
        raise UsageError(f"{name} is larger than {_MAX_BYTES // 1024 // 1024} MiB")
    encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: not valid {encoding.upper()}") from error


def _read_error(name: str, error: OSError | ValueError) -> UsageError:
    return UsageError(f"{strip_credentials(name)} cannot be read: {getattr(error, 'strerror', None) or error}")
