"""Parse pip's requirements files and single requirements (pip: "Requirements File Format"; PEP 508).

Only names and URLs are read: markers are not evaluated; options, hashes and constraints are ignored.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from djpkg.errors import UsageError
from djpkg.text import quote_input, strip_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A limit for includes without end; no project has as many files.
_MAX_FILES = 200
_MAX_REQUIREMENT = 8_192
_MAX_QUOTED = 120

_INCLUDE = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(.+)")
_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|=))(.+)")
_OPTION = re.compile(r"\s--?[A-Za-z]")
_DIRECT_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")


class Mention(NamedTuple):
    """One requirement at one location (``file:line``).

    `name` is the normalized project name (PEP 503); without one, the URL or path, which is never a valid name.
    `url` is the URL it is installed from, if any, without credentials.
    """

    name: str
    location: str
    url: str | None = None


def parse_requirements_file(name: str, text: str, include: Callable[[str], str]) -> Iterator[Mention]:
    """Yield the requirements of the file `name` and of the files that it includes with ``-r``.

    `include` returns the text of another file, given its path joined with that of `name`. Each file is read once, so
    circular includes end. UsageError with file and line if pip would reject it.
    """
    seen = {posixpath.normpath(name)}
    waiting = [(name, text)]
    while waiting:
        file, content = waiting.pop()
        for number, line in _logical_lines(content):
            location = f"{file}:{number}"
            included = _INCLUDE.fullmatch(line)
            if included is None:
                yield from _parse_line(line, location)
                continue
            path = _join_path(file, included[1], location)
            if path not in seen:
                seen.add(path)
                if len(seen) > _MAX_FILES:
                    raise UsageError(f"{location}: more than {_MAX_FILES} files include one another")
                waiting.append((path, _read_include(path, location, include)))


def parse_mention(text: str, location: str) -> Mention:
    """Parse one requirement (PEP 508); UsageError if it is invalid."""
    _check_length(text, location)
    try:
        requirement = Requirement(text)
        return Mention(canonicalize_name(requirement.name), location, _url(requirement.url or ""))
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    raise UsageError(f"{location}: invalid requirement {quote_input(text)}: {strip_credentials(reason)[:_MAX_QUOTED]}")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield non-empty lines with the number of their first line: comments removed, backslash continuations joined."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not parts:
            start = number
        comment = _comment_start(line)
        if comment == len(line) and line.endswith("\\"):
            parts.append(line[:-1])
            continue
        parts.append(line[:comment])
        yield from _join_parts(start, parts)
        parts = []
    yield from _join_parts(start, parts)


def _join_parts(start: int, parts: list[str]) -> Iterator[tuple[int, str]]:
    line = "".join(parts).strip()
    if line:
        yield start, line


def _comment_start(line: str) -> int:
    """Return the position of a # at the start or after a space, else the length of the line."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return at if at >= 0 else len(line)


def _parse_line(line: str, location: str) -> Iterator[Mention]:
    """Yield the requirement of a logical line; none for an option or the project's own folder."""
    editable = _EDITABLE.fullmatch(line)
    if editable is None and line.startswith("-"):
        return
    text = line if editable is None else editable[1].strip("\"'")
    option = _OPTION.search(text)
    text = text[: option.start() if option else None].strip()
    if editable is not None or (not _DIRECT_REFERENCE.match(text) and _is_url_or_path(text)):
        _check_length(text, location)
        url = _url(text)
        name = _name_from_url(text) or url or _path(text)
        if posixpath.normpath(name) != ".":
            yield Mention(name, location, url)
    else:
        yield parse_mention(text, location)


def _is_url_or_path(text: str) -> bool:
    """Return whether pip would read the text as a URL or path, not as a name."""
    path = re.split(r"\s;|#", text, maxsplit=1)[0].rstrip()
    before_marker = text.partition(";")[0]
    local = text.startswith((".", "~")) or "/" in before_marker or "\\" in before_marker
    return local or bool(_SCHEME.match(text)) or path.endswith(_ARCHIVES)


def _name_from_url(text: str) -> str | None:
    """Return the project name in ``#egg=`` or in the file name of a release (PEP 427, 625)."""
    egg = _EGG.search(text)
    if egg:
        return canonicalize_name(egg[1])
    file = re.split(r"\s;|[#?]", text, maxsplit=1)[0].rstrip().replace("\\", "/").rpartition("/")[2]
    try:
        return parse_wheel_filename(file)[0] if file.endswith(".whl") else parse_sdist_filename(file)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _url(text: str) -> str | None:
    """Return the URL without user, password, query and fragment; None for a path."""
    if not _SCHEME.match(text) or "//" not in text:
        return None
    return re.split(r"\s;|[#?]", strip_credentials(text), maxsplit=1)[0].rstrip()


def _path(text: str) -> str:
    """Return the path without extras, with ``./`` in front if it could be read as a name."""
    path = re.split(r"\s;|#|\[", text, maxsplit=1)[0].rstrip()
    return path if re.match(r"[./~\\]|[A-Za-z]:", path) else f"./{path}"


def _check_length(text: str, location: str) -> None:
    if len(text) > _MAX_REQUIREMENT:
        raise UsageError(f"{location}: requirement {quote_input(text)} is too long")


def _join_path(file: str, path: str, location: str) -> str:
    path = path.strip().strip("\"'")
    if "://" in path:
        raise UsageError(
            f"{location}: cannot include the URL {strip_credentials(path)[:_MAX_QUOTED]}",
            hint="download the file and include the copy",
        )
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _read_include(path: str, location: str, include: Callable[[str], str]) -> str:
    try:
        return include(path)
    except UsageError as error:
        raise UsageError(f"{location}: {error}", hint=error.hint) from error
