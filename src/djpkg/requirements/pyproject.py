"""Parse the dependencies in ``pyproject.toml`` (PEP 621, 735; Poetry, PDM, Hatch, uv, setuptools) and ``Pipfile``."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from djpkg.errors import UsageError
from djpkg.requirements import requirements_file
from djpkg.requirements.required_python import find_required_python
from djpkg.requirements.requirement import NOT_FROM_INDEX, Mention
from djpkg.requirements.toml_file import normalize_name, parse_toml
from djpkg.requirements.version_ranges import pinned_version, python_marker, to_specifiers
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from djpkg.requirements.requirement import ParseContext
    from djpkg.requirements.toml_file import Table, TomlFile

# Tables of a Pipfile that are not categories of packages.
_PIPFILE_SETTINGS = frozenset({"requires", "scripts", "pipenv", "source"})
# Keys of a package in a Pipfile that are markers: `sys_platform = "== 'win32'"`.
_PIPFILE_MARKERS = ("os_name", "platform_machine", "platform_system", "python_version", "sys_platform")
# A field that Hatch replaces: {matrix:django}, {env:NAME:default}, {root:uri}.
_HATCH_FIELD = re.compile(r"\{[a-z]+(?::[^{}]*)?\}")
# The name and the extras of a requirement, if no field is a part of them.
_BEFORE_FIELD = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]{}]*\])?)\s*(?:[=<>!~@;(]|$)")
_HATCH_HOOK = ("tool", "hatch", "metadata", "hooks", "requirements_txt")


def parse_pyproject(name: str, text: str, context: ParseContext) -> Iterator[Mention]:
    """Yield every declared dependency, optional ones and groups too, except the project itself and Python.

    Dependencies that are declared elsewhere (``dynamic``) are read from the files that setuptools or the Hatch plugin
    hatch-requirements-txt name; others are noted.
    """
    file = parse_toml(name, text)
    context.pythons.extend(find_required_python(file))
    project_names = (file.table("project").get("name"), file.table("tool", "poetry").get("name"))
    own_names = {canonicalize_name(value) for value in project_names if isinstance(value, str)}
    mentions = chain(
        _standard_dependencies(file, context),
        _tool_dependencies(file, context),
        _poetry_dependencies(file),
        _dynamic_dependencies(file, context),
    )
    yield from (mention for mention in mentions if mention.name not in own_names)


def parse_pipfile(name: str, text: str, context: ParseContext) -> Iterator[Mention]:
    """Yield every package of a ``Pipfile``, of all its categories."""
    file = parse_toml(name, text)
    context.pythons.extend(find_required_python(file))
    for category in file.document:
        if category not in _PIPFILE_SETTINGS:
            for package, value in file.table(category).items():
                yield from _from_table(file, package, value, _pipenv_specifiers, category, package)


def _standard_dependencies(file: TomlFile, context: ParseContext) -> Iterator[Mention]:
    """Yield the dependencies of PEP 621 and PEP 735."""
    yield from _requirement_list(file, context, "project", "dependencies")
    for extra in file.table("project", "optional-dependencies"):
        yield from _requirement_list(file, context, "project", "optional-dependencies", extra)
    groups = file.table("dependency-groups")
    group_names = frozenset(map(canonicalize_name, groups))
    for group in groups:
        yield from _requirement_list(file, context, "dependency-groups", group, group_names=group_names)


def _tool_dependencies(file: TomlFile, context: ParseContext) -> Iterator[Mention]:
    """Yield the lists of uv, PDM and Hatch that are written as PEP 508."""
    yield from _requirement_list(file, context, "tool", "uv", "dev-dependencies")
    for group in file.table("tool", "pdm", "dev-dependencies"):
        yield from _requirement_list(file, context, "tool", "pdm", "dev-dependencies", group)
    for environment in file.table("tool", "hatch", "envs"):
        for key in ("dependencies", "extra-dependencies"):
            yield from _requirement_list(file, context, "tool", "hatch", "envs", environment, key)


def _requirement_list(
    file: TomlFile, context: ParseContext, *path: str, group_names: Collection[str] = ()
) -> Iterator[Mention]:
    """Yield the requirements in a list; in a group of `group_names`, tables that include other groups are valid too."""
    for item in file.list(*path):
        if isinstance(item, str):
            line = file.lines.line_of_string(path, item)
            if _HATCH_FIELD.search(item) and _is_formatted(file, path):
                yield from _parse_formatted(file, item, line, context)
            else:
                yield from requirements_file.parse_requirement(item, file.name, line)
        elif isinstance(item, dict) and group_names:
            # The dependencies of the included group are read at the group itself.
            other = item.get("include-group")
            if not isinstance(other, str) or canonicalize_name(other) not in group_names:
                raise file.error("includes an unknown group", *path)
        else:
            raise file.error("contains a value that is not a text", *path)


def _is_formatted(file: TomlFile, path: tuple[str, ...]) -> bool:
    """Return whether Hatch replaces fields in this list (hatch.pypa.io: "Context formatting")."""
    backend = file.table("build-system").get("build-backend")
    return path[:2] == ("tool", "hatch") or (path[0] == "project" and backend == "hatchling.build")


def _parse_formatted(file: TomlFile, text: str, line: int, context: ParseContext) -> Iterator[Mention]:
    """Yield the requirement in a text with fields; what depends on them is noted and left out."""
    field = _HATCH_FIELD.findall(text)[0]
    reason = f"of {quote_input(text)} not read: Hatch replaces {quote_input(field)}"
    named = _BEFORE_FIELD.match(text)
    if named is None:
        context.notes.append(f"{file.name}:{line}: name {reason}")
        return
    try:
        found = list(requirements_file.parse_requirement(text, file.name, line))
    except UsageError:
        context.notes.append(f"{file.name}:{line}: version {reason}")
        found = list(requirements_file.parse_requirement(named[1], file.name, line))
    yield from found


def _poetry_dependencies(file: TomlFile) -> Iterator[Mention]:
    """Yield the dependencies in Poetry's tables, whose keys are project names."""
    groups = [("group", group, "dependencies") for group in file.table("tool", "poetry", "group")]
    for section in (("dependencies",), ("dev-dependencies",), *groups):
        path = ("tool", "poetry", *section)
        for name, value in file.table(*path).items():
            if name.lower() != "python":
                # A list holds alternatives, for different versions of Python for example.
                for one in value if isinstance(value, list) else [value]:
                    yield from _from_table(file, name, one, to_specifiers, *path, name)


def _dynamic_dependencies(file: TomlFile, context: ParseContext) -> Iterator[Mention]:
    dynamic = file.list("project", "dynamic")
    if "dependencies" in dynamic:
        found = [
            *_named_files(file, "tool", "setuptools", "dynamic", "dependencies", "file"),
            *_named_files(file, *_HATCH_HOOK, "files"),
        ]
        if not found and not file.table("tool", "poetry", "dependencies"):
            _note_dynamic(file, "dependencies", context)
        yield from _read_files(file, found, context)
    if "optional-dependencies" in dynamic:
        setuptools = ("tool", "setuptools", "dynamic", "optional-dependencies")
        hatch = (*_HATCH_HOOK, "optional-dependencies")
        found = [
            *(one for extra in file.table(*setuptools) for one in _named_files(file, *setuptools, extra, "file")),
            *(one for extra in file.table(*hatch) for one in _named_files(file, *hatch, extra)),
        ]
        if not found and not file.table("tool", "poetry", "extras"):
            _note_dynamic(file, "optional-dependencies", context)
        yield from _read_files(file, found, context)


def _note_dynamic(file: TomlFile, field: str, context: ParseContext) -> None:
    line = file.lines.line_of_string(("project", "dynamic"), field)
    context.notes.append(f"{file.name}:{line}: {field} not read: they are dynamic, and no file is named for them")


def _named_files(file: TomlFile, *path: str) -> Iterator[tuple[str, int]]:
    """Yield the files that a text or a list of texts names, each with its line."""
    value = file.table(*path[:-1]).get(path[-1], [])
    for item in [value] if isinstance(value, str) else file.list(*path):
        if not isinstance(item, str):
            raise file.error("contains a value that is not a text", *path)
        yield item, file.lines.line_of_string(path, item)


def _read_files(file: TomlFile, named: list[tuple[str, int]], context: ParseContext) -> Iterator[Mention]:
    for name, line in named:
        location = f"{file.name}:{line}"
        path = requirements_file.join_path(file.name, name, location)
        text = requirements_file.read_include(path, location, context.include)
        yield from requirements_file.parse_requirements_file(path, text, context)


def _pipenv_specifiers(version: str) -> tuple[str, ...]:
    return (str(SpecifierSet("" if version.strip() == "*" else version)),)


def _from_table(
    file: TomlFile, name: str, value: object, specifiers: Callable[[str], tuple[str, ...]], *path: str
) -> Iterator[Mention]:
    """Yield the dependency in a table of Poetry or Pipenv: one mention for each alternative of its version."""
    table: Table = value if isinstance(value, dict) else {"version": value}
    location = f"{file.name}:{file.line(*path)}"
    version = file.text(table, *path, "version")
    extras = table.get("extras", [])
    if not isinstance(extras, list) or not all(isinstance(extra, str) for extra in extras):
        raise file.error("is not a list of texts", *path, "extras")
    mention = Mention(
        normalize_name(name, location),
        file.name,
        file.line(*path),
        requirements_file.url_without_credentials(file.text(table, *path, "git") or ""),
        marker=_combine_markers(file, table, *path),
        extras=tuple(sorted(extras)),
        direct=True,
        from_index=NOT_FROM_INDEX.isdisjoint(table),
    )
    try:
        found = specifiers(version or "")
    except ValueError as error:
        raise UsageError(f"{location}: invalid version {quote_input(version or '')} of {mention.name}") from error
    for specifier in found:
        yield mention._replace(specifier=specifier, version=pinned_version(specifier))


def _combine_markers(file: TomlFile, table: Table, *path: str) -> str | None:
    """Return all markers of a table as one."""
    markers = [file.text(table, *path, "markers")]
    python, platform = file.text(table, *path, "python"), file.text(table, *path, "platform")
    try:
        markers.append(python_marker(python) if python else None)
        markers.append(f"sys_platform == '{platform}'" if platform else None)
        markers += [f"{key} {value}" for key in _PIPFILE_MARKERS if (value := file.text(table, *path, key))]
        given = [f"({marker})" for marker in markers if marker]
        return str(Marker(" and ".join(given))) if given else None
    except (InvalidMarker, ValueError, RecursionError) as error:
        raise file.error("has an invalid marker", *path) from error
