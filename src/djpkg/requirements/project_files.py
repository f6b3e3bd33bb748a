"""Parse the dependencies in ``pyproject.toml`` and lock files (PEP 621, 735, 751; Poetry, uv, Pipenv)."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from packaging.utils import InvalidName, canonicalize_name

from djpkg.errors import UsageError
from djpkg.requirements.requirements_file import Mention, parse_mention
from djpkg.requirements.toml_lines import TomlLines
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from djpkg.requirements.toml_lines import Path

Table: TypeAlias = "Mapping[str, object]"

_TOML_POSITION = re.compile(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)\Z")
_JSON_KEY = re.compile(r'"((?:[^"\\\n]|\\.)*)"\s*:')
# A key that each kind of lock has even without packages; "lock-version" in pylock.toml.
_LOCK_KEYS = {"uv.lock": "version", "poetry.lock": "metadata"}


def parse_pyproject(name: str, text: str) -> Iterator[Mention]:
    """Yield every declared dependency, optional ones and groups too, except the project itself and Python."""
    file = _parse_toml(name, text)
    project_names = (file.table("project").get("name"), file.table("tool", "poetry").get("name"))
    own_names = {canonicalize_name(value) for value in project_names if isinstance(value, str)}
    for mention in (*_standard_dependencies(file), *_poetry_dependencies(file)):
        if mention.name not in own_names:
            yield mention


def parse_lock(name: str, text: str, *, kind: str) -> Iterator[Mention]:
    """Yield every package of ``uv.lock``, ``poetry.lock`` or ``pylock.toml``, except members of the workspace.

    `kind` is the file name without its folder.
    """
    file = _parse_toml(name, text)
    required_key = _LOCK_KEYS.get(kind, "lock-version")
    key = "package" if kind in _LOCK_KEYS else "packages"
    if not {key, required_key} & file.document.keys():
        raise file.error(f"not a valid {kind}: {key} and {required_key} are missing")
    for index, package in enumerate(file.list(key)):
        if not isinstance(package, dict):
            raise file.error("is not a table", key, index)
        package_name = package.get("name")
        if not isinstance(package_name, str):
            raise file.error("has no name", key, index)
        source = package.get("source")
        if not (isinstance(source, dict) and ({"editable", "virtual"} & source.keys())):
            yield _mention(package_name, file.location(key, index, "name"))


def parse_pipfile_lock(name: str, text: str) -> Iterator[Mention]:
    """Yield every package of a ``Pipfile.lock``, of all its categories."""
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}: invalid JSON: {error.msg} (column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: invalid JSON: {_reason(error)}") from error
    if not isinstance(document, dict) or not {"_meta", "default", "develop"} & document.keys():
        raise UsageError(f"{name}:1: not a valid Pipfile.lock: _meta, default and develop are missing")
    lines = _json_key_lines(text)
    for category, packages in document.items():
        if not isinstance(packages, dict):
            raise UsageError(f"{name}:{lines.get(category, 1)}: {category} is not an object")
        if category != "_meta":
            for package_name in packages:
                yield _mention(package_name, f"{name}:{lines.get(package_name, 1)}")


@dataclass(frozen=True, slots=True)
class _TomlFile:
    """A parsed TOML file with its line numbers."""

    name: str
    document: Table
    lines: TomlLines

    def table(self, *path: str) -> Table:
        """Return the table at that path, empty if missing; UsageError if it is something else."""
        table = self.document
        for end, key in enumerate(path, start=1):
            value = table.get(key, {})
            if not isinstance(value, dict):
                raise self.error("is not a table", *path[:end])
            table = cast("Table", value)
        return table

    def list(self, *path: str) -> list[object]:
        """Return the list at that path, empty if missing; UsageError if it is something else."""
        value = self.table(*path[:-1]).get(path[-1], [])
        if not isinstance(value, list):
            raise self.error("is not a list", *path)
        return value

    def location(self, *path: str | int) -> str:
        return f"{self.name}:{self.lines.line_of(path)}"

    def error(self, problem: str, *path: str | int) -> UsageError:
        """Return an error about the value at that path: ``uv.lock:12: package 3 has no name``."""
        return UsageError(f"{self.location(*path)}: {_describe_path(path)}{problem}")


def _describe_path(path: Path) -> str:
    words = [f" {part + 1}" if isinstance(part, int) else f".{part}" for part in path]
    return "".join([*words, " "]).removeprefix(".") if words else ""


def _standard_dependencies(file: _TomlFile) -> Iterator[Mention]:
    """Yield the dependencies of PEP 621, PEP 735 and uv's older list of development dependencies."""
    yield from _requirement_list(file, "project", "dependencies")
    for extra in file.table("project", "optional-dependencies"):
        yield from _requirement_list(file, "project", "optional-dependencies", extra)
    for group in file.table("dependency-groups"):
        yield from _requirement_list(file, "dependency-groups", group)
    yield from _requirement_list(file, "tool", "uv", "dev-dependencies")


def _requirement_list(file: _TomlFile, *path: str) -> Iterator[Mention]:
    for item in file.list(*path):
        if isinstance(item, str):
            yield parse_mention(item, f"{file.name}:{file.lines.line_of_string(path, item)}")
        elif path[0] == "dependency-groups" and isinstance(item, dict):
            _check_include(file, item.get("include-group"), *path)
        else:
            raise file.error("contains a value that is not a text", *path)


def _check_include(file: _TomlFile, other: object, *path: str) -> None:
    """Raise UsageError if the included group is missing. Its dependencies are read at the group itself."""
    groups = {canonicalize_name(group) for group in file.table("dependency-groups")}
    if not isinstance(other, str) or canonicalize_name(other) not in groups:
        raise file.error("includes an unknown group", *path)


def _poetry_dependencies(file: _TomlFile) -> Iterator[Mention]:
    """Yield the dependencies in Poetry's tables, whose keys are project names."""
    groups = [("group", group, "dependencies") for group in file.table("tool", "poetry", "group")]
    for section in (("dependencies",), ("dev-dependencies",), *groups):
        path = ("tool", "poetry", *section)
        for name in file.table(*path):
            if name.lower() != "python":
                yield _mention(name, file.location(*path, name))


def _parse_toml(name: str, text: str) -> _TomlFile:
    try:
        return _TomlFile(name, tomllib.loads(text), TomlLines(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _TOML_POSITION.search(message)
        if position is None:
            raise UsageError(f"{name}: invalid TOML: {message}") from error
        line = int(position[1]) if position[1] else text.count("\n") + 1
        column = f" (column {position[2]})" if position[2] else " (end of file)"
        raise UsageError(f"{name}:{line}: invalid TOML: {message[: position.start()]}{column}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: invalid TOML: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _mention(name: str, location: str) -> Mention:
    try:
        return Mention(canonicalize_name(name, validate=True), location)
    except InvalidName as error:
        raise UsageError(f"{location}: invalid project name {quote_input(name)}") from error


def _json_key_lines(text: str) -> dict[str, int]:
    """Return the first line of each key in a JSON text."""
    lines: dict[str, int] = {}
    line, position = 1, 0
    for key in _JSON_KEY.finditer(text):
        line, position = line + text.count("\n", position, key.start()), key.start()
        lines.setdefault(key[1], line)
    return lines
