"""Parse pip's requirements files and single requirements (pip: "Requirements File Format"; PEP 508).

Options, hashes and constraints are skipped; markers are kept and not evaluated.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import UsageError
from djpkg.requirements.frozen import may_be_frozen
from djpkg.requirements.requirement import Mention
from djpkg.requirements.simple_requirement import normalize, parse_simple
from djpkg.requirements.version_ranges import pinned_version
from djpkg.requirements.via_comments import parse_via, with_origins
from djpkg.text import quote_input, strip_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from djpkg.requirements.requirement import ParseContext
    from djpkg.requirements.via_comments import Origins

# A limit for includes without end; no project has as many files.
_MAX_FILES = 200
_MAX_REQUIREMENT = 8_192
_MAX_QUOTED = 120

_INCLUDE = re.compile(r"""(?:^|\s)(?:-r\s*|--requirement(?:\s+|=|$))("[^"]*"|'[^']*'|\S+|$)""")
_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|=))(.+)")
_OPTION_NAME = re.compile(r"--[A-Za-z0-9-]+|-[A-Za-z]|")
_OPTION = re.compile(r"\s--?[A-Za-z]")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_DIRECT_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@")
_QUOTED = re.compile(r"""\A(["'])(.*)\1\Z""")
# An address as scp writes it: "git@github.com:".
_SCP = re.compile(r"[\w.-]+@([\w.-]+):(?!//)/?")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[([^\]]*)\])?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
# Options that may begin a line and name no requirement. Other ones are noted: `--requirment base.txt`.
_SKIPPED = re.compile(
    r"""
    -[ifcCZ] | --(?:(?:extra-)?index-url | pypi-url | no-index | constraint | find-links | no-binary | only-binary
    | prefer-binary | require-hashes | pre | all-releases | only-final | trusted-host | use-feature | hash
    | config-settings? | global-option | install-option | always-unzip | process-dependency-links
    | uploaded-prior-to | exclude-newer | no-build-isolation | use-pep517)
    """,
    re.VERBOSE,
)


class _Line(NamedTuple):
    """A logical line: without comments, continuations joined. `comments` are those on it and on the lines after it."""

    number: int
    text: str
    comments: list[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text is written, and the same text as it was before variables were expanded, for messages."""

    file: str
    line: int
    written: str
    unset: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def parse_requirements_file(name: str, text: str, context: ParseContext) -> Iterator[Mention]:
    """Yield the requirements of the file `name` and of the files that it includes with ``-r``.

    Paths are joined with that of the including file. Each file is read once, so circular includes end. UsageError with
    file and line if pip would reject it.
    """
    seen = {posixpath.normpath(name)}
    waiting = [(name, text)]
    mentions: list[tuple[Mention, Origins | None]] = []
    by_hand: set[str] = set()
    while waiting:
        file, content = waiting.pop()
        lines = list(_logical_lines(content))
        if not may_be_frozen(file, [(line.text, line.comments) for line in lines]):
            by_hand.add(file)
        for line in lines:
            place, expanded = _expand(line.text, file, line.number, context)
            if not expanded.startswith("-") or _EDITABLE.fullmatch(expanded):
                mentions += [(found, parse_via(line.comments)) for found in _parse_line(expanded, place)]
                continue
            for path in _included_paths(expanded, place, context):
                if path not in seen:
                    seen.add(path)
                    if len(seen) > _MAX_FILES:
                        raise UsageError(f"{place}: more than {_MAX_FILES} files include one another")
                    waiting.append((path, read_include(path, str(place), context.include)))
    frozen = {mention.file for mention, _ in mentions} - {
        one.file for one, _ in mentions if not (one.version or one.url)
    }
    yield from with_origins(mentions, frozen=frozen - by_hand)


def parse_requirement(text: str, file: str, line: int) -> Iterator[Mention]:
    """Yield the one requirement in a text of a TOML file: PEP 508, or ``-e`` with a URL or path, as PDM writes it."""
    place = _Place(file, line, text)
    found = _parse_line(text, place) if _EDITABLE.fullmatch(text) else [_parse_mention(text, place)]
    for mention in found:
        yield mention._replace(direct=True)


def join_path(file: str, path: str, location: str) -> str:
    """Return the path of a file that `file` names; UsageError if it is a URL."""
    if "://" in path or strip_credentials(path) != path:
        raise UsageError(
            f"{location}: cannot include the URL {strip_credentials(path)[:_MAX_QUOTED]}",
            hint="download the file and include the copy",
        )
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def read_include(path: str, location: str, include: Callable[[str], str]) -> str:
    """Return the text of an included file; the errors name the including line too."""
    try:
        return include(path)
    except UsageError as error:
        raise UsageError(f"{location}: {error}", hint=error.hint) from error


def url_without_credentials(text: str) -> str | None:
    """Return the URL without user, password, query and fragment; None for a path."""
    if not _SCHEME.match(text) or "//" not in text:
        return None
    return re.split(r"\s;|[#?]", strip_credentials(text), maxsplit=1)[0].rstrip()


def _parse_mention(text: str, place: _Place) -> Mention:
    """Parse one requirement (PEP 508); UsageError if it is invalid."""
    _check_length(text, place)
    if (simple := parse_simple(text, place.file, place.line)) is not None:
        return simple
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - most requirements are simple

    try:
        found = Requirement(text)
        specifier = str(found.specifier)
        return Mention(
            normalize(found.name),
            place.file,
            place.line,
            url_without_credentials(found.url or ""),
            specifier,
            str(found.marker) if found.marker else None,
            tuple(sorted(found.extras)),
            pinned_version(specifier),
            from_index=found.url is None,
        )
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    raise _invalid(place, text, reason)


def _invalid(place: _Place, text: str, reason: str) -> UsageError:
    """Return the error for an invalid requirement. It shows no value of a variable, which may be a secret."""
    if place.unset:
        reason = f"variable {place.unset[0]} is not set"
    elif text not in place.written:
        reason = "after its variables were expanded"
    text = text if text in place.written else place.written
    return UsageError(f"{place}: invalid requirement {quote_input(text)}: {strip_credentials(reason)[:_MAX_QUOTED]}")


def _logical_lines(text: str) -> Iterator[_Line]:
    """Yield the lines that are not empty, each with its comments."""
    parts: list[str] = []
    line: _Line | None = None
    comments: list[str] = []
    start = 1
    for number, physical in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not parts:
            start = number
        # Editors and `cat` leave a byte order mark also where one file follows another.
        content = physical.lstrip("\ufeff")
        comment = _comment_start(content)
        if comment == len(content) and content.endswith("\\"):
            parts.append(content[:-1])
            continue
        parts.append(content[:comment])
        if joined := "".join(parts).strip():
            if line is not None:
                yield line
            comments = []
            line = _Line(start, joined, comments)
        if comment < len(content) or not content.strip():
            comments.append(content[comment:].rstrip())  # an empty line ends a list in comments
        parts = []
    joined = "".join(parts).strip()
    if line is not None:
        yield line
    if joined:
        yield _Line(start, joined, [])


def _comment_start(line: str) -> int:
    """Return the position of a # at the start or after a space, else the length of the line."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return at if at >= 0 else len(line)


def _expand(text: str, file: str, line: int, context: ParseContext) -> tuple[_Place, str]:
    """Return the place and the text with variables replaced, as pip does; unknown and empty ones are kept and noted."""
    place = _Place(file, line, text)
    if "${" not in text or (text.startswith("-") and not (_INCLUDE.search(text) or _EDITABLE.fullmatch(text))):
        return place, text
    place.unset.extend(dict.fromkeys(name for name in _VARIABLE.findall(text) if not context.environment.get(name)))
    context.notes.extend(f"{place}: variable {name} is not set" for name in place.unset)
    return place, _VARIABLE.sub(lambda match: context.environment.get(match[1]) or match[0], text)


def _included_paths(line: str, place: _Place, context: ParseContext) -> Iterator[str]:
    """Yield the paths that an option line includes. Options that pip does not know are noted."""
    for value in _INCLUDE.findall(line):
        path = value.strip("\"'")
        if not path:
            raise UsageError(f"{place}: -r requires a file")
        yield join_path(place.file, path, str(place))
    name = _OPTION_NAME.match(line)
    if name is not None and not _SKIPPED.fullmatch(name[0]) and not _INCLUDE.match(line):
        context.notes.append(f"{place}: unknown option {quote_input(name[0] or line)} skipped")


def _parse_line(line: str, place: _Place) -> Iterator[Mention]:
    """Yield the requirement of a logical line; none for the project's own folder."""
    editable = _EDITABLE.fullmatch(line)
    text = line if editable is None else editable[1]
    option = _OPTION.search(text)
    text = text[: option.start() if option else None].strip()
    if editable is not None:
        text = _QUOTED.sub(r"\2", text)
    # Values of variables are not shown.
    is_written = text in place.written
    if editable is not None:
        text = _SCP.sub(r"ssh://\1/", text)  # before names: "git@github.com:…" looks like a project "git"
    if _DIRECT_REFERENCE.match(text) or (editable is None and not _is_url_or_path(text)):
        yield _parse_mention(text, place)
        return
    _check_length(text, place)
    url = url_without_credentials(text)
    named = _name_from_url(text)
    # What has no name is shown by its address.
    written = text if is_written else place.written
    name, version, extras = named or (url_without_credentials(written) or _path(written), None, ())
    if named or posixpath.normpath(_path(text)) != ".":
        marker = None if editable else _marker(text, place)
        yield Mention(name, place.file, place.line, url, "", marker, extras, version, from_index=False)


def _is_url_or_path(text: str) -> bool:
    """Return whether pip would read the text as a URL or path, not as a name."""
    path = re.split(r"\s;|#", text, maxsplit=1)[0].rstrip()
    before_marker = text.partition(";")[0]
    local = text.startswith((".", "~")) or "/" in before_marker or "\\" in before_marker
    return local or bool(_SCHEME.match(text)) or path.endswith(_ARCHIVES)


def _name_from_url(text: str) -> tuple[str, str | None, tuple[str, ...]] | None:
    """Return name, version and extras in ``#egg=`` or in the file name of a release (PEP 427, 625)."""
    from packaging.utils import (  # noqa: PLC0415 - for addresses alone
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    egg = _EGG.search(text)
    if egg:
        extras = (extra.strip() for extra in (egg[2] or "").split(","))
        return normalize(egg[1]), None, tuple(sorted(filter(None, extras)))
    file = re.split(r"\s;|[#?]", text, maxsplit=1)[0].rstrip().replace("\\", "/").rpartition("/")[2]
    try:
        name, version = (parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename)(file)[:2]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return name, str(version), ()


def _marker(text: str, place: _Place) -> str | None:
    """Return the marker after a URL or path, None if there is none; UsageError if it is invalid."""
    parts = re.split(r"\s;", text, maxsplit=1)
    if len(parts) == 1:
        return None
    from packaging.markers import InvalidMarker, Marker  # noqa: PLC0415 - few addresses have one

    try:
        return str(Marker(parts[1].strip()))
    except (InvalidMarker, RecursionError) as error:
        raise _invalid(place, text, "invalid marker") from error


def _path(text: str) -> str:
    """Return the path without extras, with ``./`` in front if it could be read as a name."""
    path = re.split(r"\s;|#|\[", strip_credentials(text), maxsplit=1)[0].rstrip()
    return path if re.match(r"[./~\\]|[A-Za-z]:", path) else f"./{path}"


def _check_length(text: str, place: _Place) -> None:
    if len(text) > _MAX_REQUIREMENT:
        shown = text if text in place.written else place.written
        raise UsageError(f"{place}: requirement {quote_input(shown)} is too long")
