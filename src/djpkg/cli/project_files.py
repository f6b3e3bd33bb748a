"""Read the files that ``--in`` names, and those of a folder, into requirements."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from djpkg.cli import terminal
from djpkg.errors import UsageError
from djpkg.mirror.files import irregular_kind, is_open_stream
from djpkg.text import describe_os_error, strip_credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.requirements.requirement import Mention, ParseContext, RequiredPython, Requirement

# Bytes. Longer than any requirements or lock file.
_MAX_BYTES = 32 * 1024 * 1024
# The mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


class ProjectFiles(NamedTuple):
    """The requirements in the files of a project.

    `read` are the files found in folders, and `notes` state what was not read, or that a file requires nothing. `files`
    are all files that were read, and `pythons` what they state about Python.
    """

    requirements: tuple[Requirement, ...]
    read: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[str, ...] = ()
    pythons: tuple[RequiredPython, ...] = ()


def read_project_files(names: Sequence[str]) -> ProjectFiles:
    """Return the requirements of all files together; ``-`` is standard input. UsageError if one cannot be read."""
    from djpkg.requirements import requirement  # noqa: PLC0415 - loads packaging, for this option alone

    context = requirement.ParseContext(read_text, os.environ, [])
    mentions: list[Mention] = []
    read: list[str] = []
    given: list[str] = []
    for name in dict.fromkeys(names):
        noted = len(context.notes)
        in_folder = _files_in_folder(name)
        found = [mention for file in in_folder or [name] for mention in _parse_file(file, context)]
        if not found and len(context.notes) == noted:
            context.notes.append(f"{'standard input' if is_stream(name) else name} requires nothing")
        mentions += found
        read += in_folder
        given += in_folder or [name]
    notes = tuple(strip_credentials(note) for note in dict.fromkeys(context.notes))
    files = dict.fromkeys(["standard input" if is_stream(name) else name for name in given])
    files |= dict.fromkeys(mention.file for mention in mentions)
    return ProjectFiles(
        requirement.combine(mentions), tuple(dict.fromkeys(read)), notes, tuple(files), tuple(context.pythons)
    )


def report_files(files: ProjectFiles) -> None:
    """Print on stderr which files of a folder were read, and what was not."""
    if files.read:
        terminal.write_note(f"read {', '.join(files.read)}")
    for note in files.notes:
        terminal.write_note(note)


def exists(name: str) -> bool:
    """Return whether the text is the name of a file or folder, or ``-``."""
    try:
        return name == "-" or Path(name).exists()
    except (OSError, ValueError):
        return False


def is_stream(name: str) -> bool:
    """Return whether the name is standard input or another stream that the shell opened, not a file in a folder."""
    return name == "-" or is_open_stream(name)


def _files_in_folder(name: str) -> list[str]:
    """Return the paths of the files that a folder stands for; [] if the name is not a folder."""
    from djpkg.requirements import manifest  # noqa: PLC0415 - see above

    if name == manifest.STANDARD_INPUT or not name:
        return []
    try:
        if not Path(name).is_dir():
            return []
        files = manifest.files_in_folder(_file_names(Path(name)), _file_names(Path(name, "requirements")))
    except OSError as error:
        raise _read_error(name, error) from error
    if not files:
        message = f"{strip_credentials(name)} contains no lock file, pyproject.toml or requirements file"
        raise UsageError(message, hint=f"supported: {manifest.SUPPORTED_FILES}")
    return [os.path.normpath(Path(name, file)) for file in files]


def _file_names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _parse_file(name: str, context: ParseContext) -> Sequence[Mention]:
    from djpkg.requirements import manifest  # noqa: PLC0415 - see above

    if name == manifest.STANDARD_INPUT:
        return manifest.parse_file(name, _read_standard_input(), context)
    if not name:
        raise UsageError("--in requires a file", hint="for example: --in requirements.txt")
    if is_open_stream(name):
        return manifest.parse_file(manifest.STANDARD_INPUT, _read_open_file(name), context)
    mentions = manifest.parse_file(name, read_text(name), context)
    stated = manifest.project_file(Path(name).name)
    return mentions if stated is None else _mark_direct(mentions, str(Path(name).parent / stated), context)


def _mark_direct(mentions: Sequence[Mention], project_file: str, context: ParseContext) -> Sequence[Mention]:
    """Return the mentions of a lock file with `direct` from the project's file beside it, if that can be read."""
    from djpkg.requirements import manifest, requirement  # noqa: PLC0415 - see above

    own = requirement.ParseContext(context.include, context.environment, [], context.pythons)
    with suppress(UsageError):  # the lock has everything else
        required = {one.name for one in manifest.parse_file(project_file, read_text(project_file), own)}
        otherwise = None if own.notes else False
        return [one._replace(direct=True if one.name in required else otherwise) for one in mentions]
    return mentions


def _read_standard_input() -> str:
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    try:
        return _decode("standard input", sys.stdin.buffer.read(_MAX_BYTES + 1))
    except OSError as error:
        raise _read_error("standard input", error) from error


def read_text(name: str) -> str:
    """Return the text of a regular file. Others are refused: reading a pipe or a device may never end."""
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError) as error:
        raise _read_error(name, error) from error
    if (kind := irregular_kind(mode)) is not None:
        raise UsageError(f"{strip_credentials(name)} cannot be read: it is {kind}")
    return _read_open_file(name)


def read_text_or_stream(name: str) -> str:
    """Return the text of a regular file, or of a stream that the shell opened: ``<(cat FILE)``, ``/dev/stdin``."""
    return _read_open_file(name) if is_open_stream(name) else read_text(name)


def _read_open_file(name: str) -> str:
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
    return UsageError(strip_credentials(f"{name} cannot be read: {describe_os_error(name, error)}"))
