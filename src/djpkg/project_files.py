"""The projects that ``pyproject.toml`` and lock files name (PEP 621, 735, 751; Poetry, uv, Pipenv)."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, cast

from packaging.utils import InvalidName, canonicalize_name

from djpkg.errors import UsageError
from djpkg.requirements_file import Mention, mention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    Table: TypeAlias = Mapping[str, object]
    Lines: TypeAlias = Mapping[tuple[str, str], int]

_TOML_PLACE = re.compile(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)\Z")
_STRING = re.compile(r"""\"([^"\\]*)"|'([^']*)'""")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9._-]+)["']?\s*=""")
_LOCKED = re.compile(r"""name\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_PIPENV = re.compile(r"""\s*"([^"]+)"\s*:\s*\{""")


def read_pyproject(name: str, text: str) -> Iterator[Mention]:
    """Every dependency that is declared, optional and grouped ones too; the project itself and Python are left out."""
    document = _toml(name, text)
    lines = _section_lines(text)
    project, poetry = _table(name, document, "project"), _table(name, document, "tool", "poetry")
    own = {canonicalize_name(value) for value in (project.get("name"), poetry.get("name")) if isinstance(value, str)}
    for found in (*_declared(name, document, lines), *_poetry(name, poetry, lines)):
        if found.name not in own:
            yield found


def read_lock(name: str, text: str) -> Iterator[Mention]:
    """Every package of ``uv.lock``, ``poetry.lock`` or ``pylock.toml``; members of the workspace are left out."""
    document = _toml(name, text)
    lines = _first_lines(text, _LOCKED)
    key = "packages" if "packages" in document else "package"
    for number, package in enumerate(_list(name, key, document.get(key, [])), start=1):
        table = _as_table(name, f"{key} {number}", package)
        called = table.get("name")
        if not isinstance(called, str):
            raise UsageError(f"{name}: {key} {number} has no name")
        source = table.get("source")
        if not (isinstance(source, dict) and ({"editable", "virtual"} & source.keys())):
            yield Mention(_normalised(name, called), _place(name, lines.get(called)))


def read_pipfile_lock(name: str, text: str) -> Iterator[Mention]:
    """Every package of a ``Pipfile.lock``, of all its categories."""
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}: no JSON: {error.msg} (column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: no JSON that can be read: {_reason(error)}") from error
    lines = _first_lines(text, _PIPENV)
    for category, packages in _as_table(name, "the whole", document).items():
        if category != "_meta":
            for called in _as_table(name, category, packages):
                yield Mention(_normalised(name, called), _place(name, lines.get(called)))


def _declared(name: str, document: Table, lines: Lines) -> Iterator[Mention]:
    """PEP 621, PEP 735 and uv's older list of development dependencies."""
    project = _table(name, document, "project")
    yield from _requirements(name, "project.dependencies", project.get("dependencies", []), lines, "project")
    for extra, wanted in _table(name, project, "optional-dependencies").items():
        key = f"project.optional-dependencies.{extra}"
        yield from _requirements(name, key, wanted, lines, "project.optional-dependencies", "project")
    groups = _table(name, document, "dependency-groups")
    for group, wanted in groups.items():
        key = f"dependency-groups.{group}"
        items = [item for item in _list(name, key, wanted) if not _includes(name, key, item, groups)]
        yield from _requirements(name, key, items, lines, "dependency-groups")
    wanted = _table(name, document, "tool", "uv").get("dev-dependencies", [])
    yield from _requirements(name, "tool.uv.dev-dependencies", wanted, lines, "tool.uv")


def _includes(name: str, key: str, item: object, groups: Table) -> bool:
    """Whether the item stands for another group, which is read in its own place. UsageError where there is none."""
    if not isinstance(item, dict):
        return False
    other = item.get("include-group")
    if not isinstance(other, str) or canonicalize_name(other) not in {canonicalize_name(group) for group in groups}:
        raise UsageError(f"{name}: {key} includes a group that is not there")
    return True


def _poetry(name: str, poetry: Table, lines: Lines) -> Iterator[Mention]:
    """Poetry's own tables, in which the keys are the projects."""
    sections = {key: _table(name, poetry, key) for key in ("dependencies", "dev-dependencies")}
    for group in (groups := _table(name, poetry, "group")):
        sections[f"group.{group}.dependencies"] = _table(name, groups, group, "dependencies")
    for key, section in sections.items():
        for called in section:
            if called.lower() != "python":
                yield Mention(_normalised(name, called), _place(name, lines.get((f"tool.poetry.{key}", called))))


def _requirements(name: str, key: str, wanted: object, lines: Lines, *sections: str) -> Iterator[Mention]:
    for item in _list(name, key, wanted):
        if not isinstance(item, str):
            raise UsageError(f"{name}: {key} holds something that is no text")
        known = (lines.get((section, item)) for section in sections)
        yield mention(item, _place(name, next((line for line in known if line), None)))


def _toml(name: str, text: str) -> Table:
    try:
        return tomllib.loads(text)
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


def _table(name: str, holder: Table, *path: str) -> Table:
    """The table at that path, empty where there is none. UsageError where something else is there."""
    for at, key in enumerate(path, start=1):
        holder = _as_table(name, ".".join(path[:at]), holder.get(key, {}))
    return holder


def _as_table(name: str, key: str, value: object) -> Table:
    if not isinstance(value, dict):
        raise UsageError(f"{name}: {key} is no table")
    return cast("Table", value)


def _list(name: str, key: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise UsageError(f"{name}: {key} is no list")
    return value


def _normalised(name: str, called: str) -> str:
    try:
        return canonicalize_name(called, validate=True)
    except InvalidName as error:
        raise UsageError(f"{name}: {called[:60]!r} is no name of a project") from error


def _place(name: str, line: int | None) -> str:
    return f"{name}:{line}" if line else name


def _section_lines(text: str) -> dict[tuple[str, str], int]:
    """Where, by section, each plain string and each key stands first. TOML's reader keeps no lines."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.startswith("[") and bare.partition("#")[0].rstrip().endswith("]"):
            section = bare.partition("]")[0].lstrip("[").replace('"', "").replace("'", "").replace(" ", "")
            continue
        key = _KEY.match(line)
        if key:
            found.setdefault((section, key[1]), number)
        for one, other in _STRING.findall(line):
            found.setdefault((section, one or other), number)
    return found


def _first_lines(text: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """Where each name that `pattern` finds at the start of a line stands first."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = pattern.match(line)
        if match:
            found.setdefault(match[1], number)
    return found
