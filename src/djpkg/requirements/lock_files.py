"""Parse lock files: ``uv.lock``, ``poetry.lock``, ``pdm.lock``, ``pylock.toml`` (PEP 751) and ``Pipfile.lock``.

A lock file states one version of each package. Who requires whom is kept where the file states it; only ``uv.lock``
also states what the project itself requires.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier
from packaging.utils import canonicalize_name

from djpkg.errors import UsageError
from djpkg.requirements.required_python import find_required_python
from djpkg.requirements.requirement import NOT_FROM_INDEX, Mention
from djpkg.requirements.requirements_file import url_without_credentials
from djpkg.requirements.toml_file import describe_error, normalize_name, parse_toml
from djpkg.requirements.version_ranges import pinned_version
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from djpkg.requirements.requirement import ParseContext
    from djpkg.requirements.toml_file import Table, TomlFile

# A key that each kind of lock has even without packages; "lock-version" in pylock.toml.
_REQUIRED_KEYS = {"uv.lock": "version", "poetry.lock": "metadata", "pdm.lock": "metadata"}
# A whole string, so that the quotes in it are passed in one step, or a bracket.
_JSON_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*+:)?|([{\[])|[}\]]', re.DOTALL)
# In a Pipfile.lock: the depth of a category and of a package.
_CATEGORY, _PACKAGE = 1, 2
# Packages of one name: a lock has one for each range of Python versions or platform. Each is weighed against each edge.
_MAX_VARIANTS = 100


class _Edge(NamedTuple):
    """One package that another one requires. `version` tells apart several packages of one name."""

    name: str
    version: str | None = None
    marker: str | None = None


class _Package(NamedTuple):
    """A package of a lock file as a mention, and what it requires. `own` is for members of the workspace."""

    mention: Mention
    edges: tuple[_Edge, ...]
    own: bool


def parse_lock(name: str, text: str, context: ParseContext, *, kind: str) -> Iterator[Mention]:
    """Yield every package of a TOML lock file, except members of the workspace.

    `kind` is the file name without its folder.
    """
    file = parse_toml(name, text)
    context.pythons.extend(find_required_python(file))
    required_key = _REQUIRED_KEYS.get(kind, "lock-version")
    key = "package" if kind in _REQUIRED_KEYS else "packages"
    other = "packages" if key == "package" else "package"
    if other in file.document and key not in file.document:
        raise file.error(f"is unknown in {kind}, which has {key}", other)
    if required_key == "lock-version":
        _check_lock_version(file)
    if not {key, required_key} & file.document.keys():
        raise file.error(f"not a valid {kind}: {key} and {required_key} are missing")
    packages = [_parse_package(file, package, key, index) for index, package in enumerate(file.list(key))]
    for package_name, number in Counter(package.mention.name for package in packages).items():
        if number > _MAX_VARIANTS:
            raise UsageError(f"{name}: more than {_MAX_VARIANTS} packages are named {package_name}")
    yield from _link(packages, [_Edge(name) for name in _manifest_names(file)] if kind == "uv.lock" else [])


def _check_lock_version(file: TomlFile) -> None:
    """Raise UsageError for a major version other than 1, as PEP 751 requires."""
    version = file.text(file.document, "lock-version")
    if version is not None and version.partition(".")[0] != "1":
        raise file.error(f"{quote_input(version)} is not supported; use a file of version 1", "lock-version")


def parse_pipfile_lock(name: str, text: str) -> Iterator[Mention]:
    """Yield every package of a ``Pipfile.lock``, of all its categories."""
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}: invalid JSON: {error.msg} (column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: invalid JSON: {describe_error(error)}") from error
    if not isinstance(document, dict) or not {"_meta", "default", "develop"} & document.keys():
        raise UsageError(f"{name}:1: not a valid Pipfile.lock: _meta, default and develop are missing")
    lines = _json_key_lines(text)
    for category, packages in document.items():
        if not isinstance(packages, dict):
            raise UsageError(f"{name}:{lines.get((category,), 1)}: {category} is not an object")
        if category != "_meta":
            for package_name, package in packages.items():
                yield _pipfile_mention(name, lines.get((category, package_name), 1), package_name, package)


def _pipfile_mention(file: str, line: int, name: str, package: object) -> Mention:
    location = f"{file}:{line}"
    normalized = normalize_name(name, location)
    if not isinstance(package, dict):
        raise UsageError(f"{location}: {normalized} is not an object")
    texts = {key: package.get(key) for key in ("version", "markers", "git")}
    for key, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{location}: {key} of {normalized} is not a text")
    specifier = texts["version"] or ""
    try:
        version = pinned_version(specifier)
    except InvalidSpecifier as error:
        raise UsageError(f"{location}: invalid version of {normalized}") from error
    extras = package.get("extras")
    return Mention(
        normalized,
        file,
        line,
        url_without_credentials(texts["git"] or ""),
        specifier,
        texts["markers"],
        tuple(sorted(extra for extra in extras if isinstance(extra, str))) if isinstance(extras, list) else (),
        version,
        from_index=NOT_FROM_INDEX.isdisjoint(package),
    )


def _parse_package(file: TomlFile, package: object, *path: str | int) -> _Package:
    if not isinstance(package, dict):
        raise file.error("is not a table", *path)
    table = cast("Table", package)
    name = table.get("name")
    if not isinstance(name, str):
        raise file.error("has no name", *path)
    line = file.line(*path, "name")
    source = _table(table.get("source"))
    mention = Mention(
        normalize_name(name, f"{file.name}:{line}"),
        file.name,
        line,
        _url(file, table, *path),
        marker=_marker(file, table, *path),
        version=file.text(table, *path, "version"),
        # In poetry.lock the type of `source`, in uv.lock its keys, elsewhere the keys of the package.
        from_index=NOT_FROM_INDEX.isdisjoint((*table, *([str(source["type"])] if "type" in source else source))),
    )
    own = bool({"editable", "virtual"} & source.keys()) or _table(table.get("directory")).get("path") == "."
    return _Package(mention, tuple(_edges(file, table, *path)), own)


def _url(file: TomlFile, package: Table, *path: str | int) -> str | None:
    """Return the URL of the Git repository or archive that a package comes from, None for an index."""
    source, vcs = _table(package.get("source")), _table(package.get("vcs"))
    git = file.text(package, *path, "git")  # pdm.lock
    stated = (git, source.get("git"), source.get("url") if source.get("type") == "git" else None, vcs.get("url"))
    return next((url_without_credentials(one) for one in stated if isinstance(one, str)), None)


def _marker(file: TomlFile, package: Table, *path: str | int) -> str | None:
    """Return the marker of a package: one text, or in poetry.lock one for each group."""
    markers = package.get("markers")
    if isinstance(markers, dict):
        texts = [one for one in markers.values() if isinstance(one, str)]
        return _any_of(texts) if len(texts) == len(markers) else None
    return file.text(package, *path, "markers") or file.text(package, *path, "marker")


def _edges(file: TomlFile, package: Table, *path: str | int) -> Iterator[_Edge]:
    """Yield what a package requires: a list of tables, a list of PEP 508 texts, or Poetry's table by name."""
    stated = package.get("dependencies", [])
    if isinstance(stated, dict):
        for name, value in stated.items():
            # Of an extra; the lock does not state which extras the project uses.
            if not (isinstance(value, dict) and value.get("optional") is True):
                markers = [_table(one).get("markers") for one in (value if isinstance(value, list) else [value])]
                texts = [one for one in markers if isinstance(one, str)]
                yield _Edge(canonicalize_name(name), None, _any_of(texts) if len(texts) == len(markers) else None)
        return
    groups = [stated]
    for key in ("optional-dependencies", "dev-dependencies"):
        groups += _table(package.get(key)).values()
    for group in groups:
        if not isinstance(group, list):
            raise file.error("is not a list", *path, "dependencies")
        for item in group:
            yield _parse_edge(file, item, *path)


def _parse_edge(file: TomlFile, item: object, *path: str | int) -> _Edge:
    if isinstance(item, str):
        try:
            required = Requirement(item)
            return _Edge(canonicalize_name(required.name), None, str(required.marker) if required.marker else None)
        except (InvalidRequirement, RecursionError) as error:
            raise file.error("contains an invalid requirement", *path, "dependencies") from error
    table = _table(item)
    name, version, marker = (table.get(key) for key in ("name", "version", "marker"))
    if not isinstance(name, str):
        raise file.error("contains a value without a name", *path, "dependencies")
    return _Edge(
        canonicalize_name(name),
        version if isinstance(version, str) else None,
        marker if isinstance(marker, str) else None,
    )


def _manifest_names(file: TomlFile) -> Iterator[str]:
    """Yield what a uv.lock of a workspace without a project, or of a script, requires itself."""
    groups = file.table("manifest", "dependency-groups")
    for items in (file.list("manifest", "requirements"), *groups.values()):
        for item in items if isinstance(items, list) else []:
            if isinstance(name := _table(item).get("name"), str):
                yield canonicalize_name(name)


def _link(packages: Iterable[_Package], roots: Iterable[_Edge]) -> Iterator[Mention]:
    """Yield the mentions with `via`, and with `direct` where the lock states what the project requires."""
    packages = list(packages)
    requirers: dict[str, list[tuple[Mention | None, _Edge]]] = {}
    for edge in roots:
        requirers.setdefault(edge.name, []).append((None, edge))
    for package in packages:
        for edge in package.edges:
            requirers.setdefault(edge.name, []).append((None if package.own else package.mention, edge))
    states_roots = bool(list(roots)) or any(package.own and package.edges for package in packages)
    for mention in (package.mention for package in packages if not package.own):
        fits = [
            (requirer, edge)
            for requirer, edge in requirers.get(mention.name, ())
            if edge.version in (None, mention.version) and (requirer is None or requirer.name != mention.name)
        ]
        via = tuple(dict.fromkeys(requirer.name for requirer, _ in fits if requirer is not None))
        edges = tuple((None if requirer is None else requirer.name, edge.marker) for requirer, edge in fits)
        mention = mention._replace(via=via, edges=edges)  # noqa: PLW2901 - the same with its origin
        if not states_roots:
            yield mention
            continue
        markers = [edge.marker for _, edge in fits]
        yield mention._replace(
            direct=any(requirer is None for requirer, _ in fits),
            marker=mention.marker or (_any_of(filter(None, markers)) if fits and all(markers) else None),
        )


def _any_of(markers: Iterable[str]) -> str | None:
    """Return the marker that applies where any of these applies; None for none."""
    distinct = list(dict.fromkeys(markers))
    return distinct[0] if len(distinct) == 1 else " or ".join(f"({one})" for one in distinct) or None


def _table(value: object) -> Table:
    return cast("Table", value) if isinstance(value, dict) else {}


def _json_key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the first line of each category and package in the text of a Pipfile.lock."""
    lines: dict[tuple[str, ...], int] = {}
    line, position, depth = 1, 0, 0
    category = ""
    for token in _JSON_TOKEN.finditer(text):
        if token[1] is None:
            depth += 1 if token[3] else -1
        elif token[2] and depth in (_CATEGORY, _PACKAGE):
            line, position = line + text.count("\n", position, token.start()), token.start()
            key = json.loads(f'"{token[1]}"') if "\\" in token[1] else token[1]
            category = key if depth == _CATEGORY else category
            lines.setdefault((key,) if depth == _CATEGORY else (category, key), line)
    return lines
