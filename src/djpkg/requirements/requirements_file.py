"""pip's requirements files, and single requirements (pip: "Requirements File Format"; PEP 508).

Only names and addresses are wanted: markers are not weighed, options, hashes and constraints are passed over.
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

# More files than a project has; a reader that always finds another would never end.
_MOST_FILES = 200
_LONGEST = 8_192
_LONGEST_PART = 120

_INCLUDED = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(.+)")
_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|=))(.+)")
_OPTION = re.compile(r"\s--?[A-Za-z]")
_AT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")


class Mention(NamedTuple):
    """What is required, and where that is written: ``file:line``.

    `name` is a project's normalised name (PEP 503); where none is told, the address or the path, which is no such name.
    `address` is where it is fetched from, if that is said, without what identifies whoever fetches.
    """

    name: str
    place: str
    address: str | None = None


def read_requirements(name: str, text: str, include: Callable[[str], str]) -> Iterator[Mention]:
    """The projects that the file `name` and those it includes with ``-r`` require.

    `include` gives the text of another file, whose path is that of `name` joined with the one written. A file is read
    once, so that files which include each other end. UsageError with file and line on what pip would not take.
    """
    seen = {posixpath.normpath(name)}
    waiting = [(name, text)]
    while waiting:
        file, content = waiting.pop()
        for number, line in _lines(content):
            place = f"{file}:{number}"
            other = _INCLUDED.fullmatch(line)
            if other is None:
                yield from _mentions(line, place)
                continue
            path = _joined(file, other[1], place)
            if path not in seen:
                seen.add(path)
                if len(seen) > _MOST_FILES:
                    raise UsageError(f"{place}: more than {_MOST_FILES} files include one another")
                waiting.append((path, _opened(path, place, include)))


def parse_mention(text: str, place: str) -> Mention:
    """The project that one requirement names (PEP 508). UsageError where it is none."""
    _check_length(text, place)
    try:
        required = Requirement(text)
        return Mention(canonicalize_name(required.name), place, _address(required.url or ""))
    except InvalidRequirement as error:
        why = str(error).partition("\n")[0]
    except (RecursionError, ValueError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    raise UsageError(f"{place}: {quote_input(text)} is no requirement: {strip_credentials(why)[:_LONGEST_PART]}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The logical lines and the numbers at which they begin, without comments and continued over a last backslash."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not parts:
            start = number
        comment = _comment(line)
        parts.append(line[:comment])
        if comment == len(line) and line.endswith("\\"):
            parts[-1] = line[:-1]
            continue
        yield from _whole(start, parts)
        parts = []
    yield from _whole(start, parts)


def _whole(start: int, parts: list[str]) -> Iterator[tuple[int, str]]:
    line = "".join(parts).strip()
    if line:
        yield start, line


def _comment(line: str) -> int:
    """Where the comment begins: a # that stands first or after a blank; the line's end where there is none."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return at if at >= 0 else len(line)


def _mentions(line: str, place: str) -> Iterator[Mention]:
    """What one logical line requires: one project, or none where it is an option or the folder itself."""
    editable = _EDITABLE.fullmatch(line)
    if editable is None and line.startswith("-"):
        return
    text = line if editable is None else editable[1].strip("\"'")
    option = _OPTION.search(text)
    text = text[: option.start() if option else None].strip()
    if editable is not None or (not _AT.match(text) and _is_place(text)):
        _check_length(text, place)
        address = _address(text)
        name = _name_in(text) or address or _path(text)
        if posixpath.normpath(name) != ".":
            yield Mention(name, place, address)
    else:
        yield parse_mention(text, place)


def _is_place(text: str) -> bool:
    """Whether it is an address or a path, as pip tells them from names."""
    path = re.split(r"\s;|#", text, maxsplit=1)[0].rstrip()
    written = text.partition(";")[0]
    local = text.startswith((".", "~")) or "/" in written or "\\" in written
    return local or bool(_SCHEME.match(text)) or path.endswith(_ARCHIVES)


def _name_in(text: str) -> str | None:
    """The project that an address or a path names: by ``#egg=``, or as a release's file is called (PEP 427, 625)."""
    egg = _EGG.search(text)
    if egg:
        return canonicalize_name(egg[1])
    file = re.split(r"\s;|[#?]", text, maxsplit=1)[0].rstrip().replace("\\", "/").rpartition("/")[2]
    try:
        return parse_wheel_filename(file)[0] if file.endswith(".whl") else parse_sdist_filename(file)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _address(text: str) -> str | None:
    """The address that is written, without user, password and fragment; None for a path."""
    if not _SCHEME.match(text) or "//" not in text:
        return None
    return re.split(r"\s;|[#?]", strip_credentials(text), maxsplit=1)[0].rstrip()


def _path(text: str) -> str:
    """The path that is written, without extras and in a form that no name has."""
    path = re.split(r"\s;|#|\[", text, maxsplit=1)[0].rstrip()
    return path if re.match(r"[./~\\]|[A-Za-z]:", path) else f"./{path}"


def _check_length(text: str, place: str) -> None:
    if len(text) > _LONGEST:
        raise UsageError(f"{place}: {quote_input(text)} is too long for a requirement")


def _joined(file: str, path: str, place: str) -> str:
    path = path.strip().strip("\"'")
    if "://" in path:
        raise UsageError(
            f"{place}: {strip_credentials(path)[:_LONGEST_PART]} is an address", hint="download it and name the file"
        )
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _opened(path: str, place: str, include: Callable[[str], str]) -> str:
    try:
        return include(path)
    except UsageError as error:
        raise UsageError(f"{place}: {error}", hint=error.hint) from error
