"""The projects that ``pyproject.toml`` and lock files name (PEP 621, 735, 751; Poetry, uv, Pipenv)."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from packaging.utils import InvalidName, canonicalize_name

from djpkg.errors import UsageError
from djpkg.requirements.requirements_file import Mention, parse_mention
from djpkg.requirements.toml_lines import Lines
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from djpkg.requirements.toml_lines import Path

Table: TypeAlias = "Mapping[str, object]"

_TOML_PLACE = re.compile(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)\Z")
_JSON_KEY = re.compile(r'"((?:[^"\\\n]|\\.)*)"\s*:')
# What each kind of lock always has beside its packages: there may be none of those.
_LOCK_MARKS = {"uv.lock": "version", "poetry.lock": "metadata"}


def read_pyproject(name: str, text: str) -> Iterator[Mention]:
    """Every dependency that is declared, optional and grouped ones too; the project itself and Python are left out."""
    file = _toml(name, text)
    called = (file.table("project").get("name"), file.table("tool", "poetry").get("name"))
    own = {canonicalize_name(value) for value in called if isinstance(value, str)}
    for found in (*_declared(file), *_poetry(file)):
        if found.name not in own:
            yield found


def read_lock(name: str, text: str, *, kind: str) -> Iterator[Mention]:
    """Every package of ``uv.lock``, ``poetry.lock`` or ``pylock.toml``; members of the workspace are left out.

    `kind` is the file's name without its folder.
    """
    file = _toml(name, text)
    mark = _LOCK_MARKS.get(kind, "lock-version")
    key = "package" if kind in _LOCK_MARKS else "packages"
    if not {key, mark} & file.document.keys():
        raise file.wrong(f"this is no {kind}: it has neither {key} nor {mark}")
    for number, package in enumerate(file.list(key)):
        if not isinstance(package, dict):
            raise file.wrong("is no table", key, number)
        called = package.get("name")
        if not isinstance(called, str):
            raise file.wrong("has no name", key, number)
        source = package.get("source")
        if not (isinstance(source, dict) and ({"editable", "virtual"} & source.keys())):
            yield _named(called, file.place(key, number, "name"))


def read_pipfile_lock(name: str, text: str) -> Iterator[Mention]:
    """Every package of a ``Pipfile.lock``, of all its categories."""
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}: no JSON: {error.msg} (column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: no JSON that can be read: {_reason(error)}") from error
    if not isinstance(document, dict) or not {"_meta", "default", "develop"} & document.keys():
        raise UsageError(f"{name}:1: this is no Pipfile.lock: it has neither _meta nor default nor develop")
    lines = _key_lines(text)
    for category, packages in document.items():
        if not isinstance(packages, dict):
            raise UsageError(f"{name}:{lines.get(category, 1)}: {category} is no table")
        if category != "_meta":
            for called in packages:
                yield _named(called, f"{name}:{lines.get(called, 1)}")


@dataclass(frozen=True, slots=True)
class _File:
    """A TOML file: what it says, and where."""

    name: str
    document: Table
    lines: Lines

    def table(self, *path: str) -> Table:
        """The table at that path, empty where there is none. UsageError where something else is there."""
        holder = self.document
        for end, key in enumerate(path, start=1):
            value = holder.get(key, {})
            if not isinstance(value, dict):
                raise self.wrong("is no table", *path[:end])
            holder = cast("Table", value)
        return holder

    def list(self, *path: str) -> list[object]:
        """The list at that path, empty where there is none. UsageError where something else is there."""
        value = self.table(*path[:-1]).get(path[-1], [])
        if not isinstance(value, list):
            raise self.wrong("is no list", *path)
        return value

    def place(self, *path: str | int) -> str:
        return f"{self.name}:{self.lines.of(path)}"

    def wrong(self, what: str, *path: str | int) -> UsageError:
        """What is wrong with the value at that path: ``uv.lock:12: package 3 has no name``."""
        return UsageError(f"{self.place(*path)}: {_shown(path)}{what}")


def _shown(path: Path) -> str:
    words = [f" {part + 1}" if isinstance(part, int) else f".{part}" for part in path]
    return "".join([*words, " "]).removeprefix(".") if words else ""


def _declared(file: _File) -> Iterator[Mention]:
    """PEP 621, PEP 735 and uv's older list of development dependencies."""
    yield from _requirements(file, "project", "dependencies")
    for extra in file.table("project", "optional-dependencies"):
        yield from _requirements(file, "project", "optional-dependencies", extra)
    for group in file.table("dependency-groups"):
        yield from _requirements(file, "dependency-groups", group)
    yield from _requirements(file, "tool", "uv", "dev-dependencies")


def _requirements(file: _File, *path: str) -> Iterator[Mention]:
    for item in file.list(*path):
        if isinstance(item, str):
            yield parse_mention(item, f"{file.name}:{file.lines.of_string(path, item)}")
        elif path[0] == "dependency-groups" and isinstance(item, dict):
            _check_included(file, item.get("include-group"), *path)
        else:
            raise file.wrong("holds something that is no text", *path)


def _check_included(file: _File, other: object, *path: str) -> None:
    """Another group is read in its own place; UsageError where there is none."""
    groups = {canonicalize_name(group) for group in file.table("dependency-groups")}
    if not isinstance(other, str) or canonicalize_name(other) not in groups:
        raise file.wrong("includes a group that is not there", *path)


def _poetry(file: _File) -> Iterator[Mention]:
    """Poetry's own tables, in which the keys are the projects."""
    groups = [("group", group, "dependencies") for group in file.table("tool", "poetry", "group")]
    for section in (("dependencies",), ("dev-dependencies",), *groups):
        path = ("tool", "poetry", *section)
        for called in file.table(*path):
            if called.lower() != "python":
                yield _named(called, file.place(*path, called))


def _toml(name: str, text: str) -> _File:
    try:
        return _File(name, tomllib.loads(text), Lines(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _TOML_PLACE.search(message)
        if place is None:
            raise UsageError(f"{name}: no TOML: {message}") from error
        line = int(place[1]) if place[1] else text.count("\n") + 1
        column = f" (column {place[2]})" if place[2] else ", where the file ends"
        raise UsageError(f"{name}:{line}: no TOML: {message[: place.start()]}{column}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: no TOML that can be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _named(called: str, place: str) -> Mention:
    try:
        return Mention(canonicalize_name(called, validate=True), place)
    except InvalidName as error:
        raise UsageError(f"{place}: {quote_input(called)} is no name of a project") from error


def _key_lines(text: str) -> dict[str, int]:
    """Where each key of a JSON text first stands."""
    found: dict[str, int] = {}
    line, done = 1, 0
    for key in _JSON_KEY.finditer(text):
        line, done = line + text.count("\n", done, key.start()), key.start()
        found.setdefault(key[1], line)
    return found
