"""Parse lock files: ``uv.lock``, ``poetry.lock``, ``pdm.lock``, ``pylock.toml`` (PEP 751) and ``Pipfile.lock``.

A lock file states one version of each package. Who requires whom is kept where the file states it; only ``uv.lock``
also states what the project itself requires.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from packaging.specifiers import InvalidSpecifier

from djpkg.errors import UsageError
from djpkg.requirements.required_python import find_required_python
from djpkg.requirements.requirement import NOT_FROM_INDEX, Mention
from djpkg.requirements.requirements_file import url_without_credentials
from djpkg.requirements.simple_requirement import normalize
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
# The files of a release, one a line, as uv, Poetry and PDM write them: most of a lock file, and nothing in it is used.
_STRING = r'"[^"\\\x00-\x1f\x7f]*"'
_FILE = rf"\{{ ?(?:url|file) = {_STRING}, hash = {_STRING}(?:, size = [1-9][0-9]*)?(?:, upload-time = {_STRING})? ?\}}"
_FILES = re.compile(rf"^(wheels|files|sdist) = (?:\[(?:\n +{_FILE},)+\n\]|{_FILE})$", re.MULTILINE)
_PLAIN_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
# What most markers are; parsing and the import for it take longer.
_PLAIN_MARKER = re.compile(
    r"""(?:python_version|python_full_version|sys_platform|os_name|platform_system)\ (?:==|!=|<=|>=|<|>)
    \ (?:"[^"\\]*"|'[^'\\]*')""",
    re.VERBOSE,
)
# What Poetry writes for a marker that never applies, and such a marker of PEP 508.
_EMPTY_MARKER, _NEVER = "<empty>", 'python_version < "0"'
# Of PEP 751; `packaging` knows it since 25.0.
_IN_EXTRAS = r"""(?:"[^"]*"|'[^']*')\s+(?:not\s+)?in\s+(?:extras|dependency_groups)\b"""
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
    file = parse_toml(name, _without_files(text))
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
    tables = file.list(key)
    lines = file.lines.lines_of_names(key, [_table(one).get("name") for one in tables])
    packages = [
        _parse_package(file, table, line, key, index)
        for index, (table, line) in enumerate(zip(tables, lines, strict=True))
    ]
    for package_name, number in Counter(package.mention.name for package in packages).items():
        if number > _MAX_VARIANTS:
            raise UsageError(f"{name}: more than {_MAX_VARIANTS} packages are named {package_name}")
    yield from _link(packages, [_Edge(name) for name in _manifest_names(file)] if kind == "uv.lock" else [])


def _without_files(text: str) -> str:
    """Return a lock file with empty lists of files on the same lines: most of the time of tomllib is for them."""
    return _FILES.sub(lambda found: f"{found[1]} = [" + "\n" * found[0].count("\n") + "]", text)


def _check_lock_version(file: TomlFile) -> None:
    """Raise UsageError for a major version other than 1, as PEP 751 requires."""
    version = file.text(file.document, "lock-version")
    if version is not None and version.partition(".")[0] != "1":
        raise file.error(f"{quote_input(version)} is not supported; use a file of version 1", "lock-version")


def _is_version(text: str) -> bool:
    """Return whether a text is a version of PEP 440: no release can be compared with any other."""
    if _PLAIN_VERSION.fullmatch(text):
        return True
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - most versions are plain

    try:
        Version(text)
    except (InvalidVersion, ValueError):  # ValueError: more digits than int() takes
        return False
    return True


@lru_cache(maxsize=4096)
def _is_marker(text: str) -> bool:
    """Return whether a text is a marker of PEP 508 or 751, or empty."""
    if not text or _PLAIN_MARKER.fullmatch(text):
        return True
    from packaging.markers import InvalidMarker, Marker  # noqa: PLC0415 - as above

    try:
        Marker(re.sub(_IN_EXTRAS, 'os_name == "posix"', text))
    except (InvalidMarker, ValueError, RecursionError):
        return False
    return True


def _check_marker(file: TomlFile, marker: str, *path: str | int) -> str:
    """Return the marker; UsageError with the line where it is if it is invalid."""
    if marker == _EMPTY_MARKER:
        return _NEVER
    if not _is_marker(marker):
        line = file.lines.line_of_string(path, marker)
        raise UsageError(f"{file.name}:{line}: invalid marker {quote_input(marker)}")
    return marker


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
        raise UsageError(f"{location}: invalid version {quote_input(specifier)} of {normalized}") from error
    if texts["markers"] is not None and not _is_marker(texts["markers"]):
        raise UsageError(f"{location}: invalid marker {quote_input(texts['markers'])} of {normalized}")
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


def _parse_package(file: TomlFile, package: object, line: int, *path: str | int) -> _Package:
    if not isinstance(package, dict):
        raise file.error("is not a table", *path)
    table = cast("Table", package)
    name = table.get("name")
    if not isinstance(name, str):
        raise file.error("has no name", *path)
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
    # From elsewhere, any text is a version: it is not compared with the releases on PyPI.
    if mention.version is not None and mention.from_index and not _is_version(mention.version):
        place = f"{file.name}:{file.line(*path, 'version')}"
        raise UsageError(f"{place}: invalid version {quote_input(mention.version)} of {mention.name}")
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
        texts = [_check_marker(file, one, *path, "markers") for one in markers.values() if isinstance(one, str)]
        return _any_of(texts) if len(texts) == len(markers) else None
    key = "markers" if "markers" in package else "marker"
    marker = file.text(package, *path, key)
    return _check_marker(file, marker, *path, key) if marker else None


def _edges(file: TomlFile, package: Table, *path: str | int) -> Iterator[_Edge]:
    """Yield what a package requires: a list of tables, a list of PEP 508 texts, or Poetry's table by name."""
    stated = package.get("dependencies", [])
    if isinstance(stated, dict):
        for name, value in stated.items():
            # Of an extra; the lock does not state which extras the project uses.
            if not (isinstance(value, dict) and value.get("optional") is True):
                markers = [_table(one).get("markers") for one in (value if isinstance(value, list) else [value])]
                at = (*path, "dependencies", name)
                texts = [_check_marker(file, one, *at) for one in markers if isinstance(one, str)]
                yield _Edge(normalize(name), None, _any_of(texts) if len(texts) == len(markers) else None)
        return
    groups: dict[tuple[str, ...], object] = {("dependencies",): stated}
    for key in ("optional-dependencies", "dev-dependencies"):
        groups |= {(key, group): items for group, items in _table(package.get(key)).items()}
    for keys, items in groups.items():
        if not isinstance(items, list):
            raise file.error("is not a list", *path, *keys)
        for item in items:
            yield _parse_edge(file, item, *path, *keys)


def _parse_edge(file: TomlFile, item: object, *path: str | int) -> _Edge:
    if isinstance(item, str):
        from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - for pdm.lock alone

        try:
            required = Requirement(item)
            return _Edge(normalize(required.name), None, str(required.marker) if required.marker else None)
        except (InvalidRequirement, RecursionError) as error:
            line = file.lines.line_of_string(path, item)
            raise UsageError(f"{file.name}:{line}: invalid requirement {quote_input(item)}") from error
    table = _table(item)
    name, version, marker = (table.get(key) for key in ("name", "version", "marker"))
    if not isinstance(name, str):
        raise file.error("contains a value without a name", *path)
    return _Edge(
        normalize(name),
        version if isinstance(version, str) else None,
        _check_marker(file, marker, *path) if isinstance(marker, str) else None,
    )


def _manifest_names(file: TomlFile) -> Iterator[str]:
    """Yield what a uv.lock of a workspace without a project, or of a script, requires itself."""
    groups = file.table("manifest", "dependency-groups")
    for items in (file.list("manifest", "requirements"), *groups.values()):
        for item in items if isinstance(items, list) else []:
            if isinstance(name := _table(item).get("name"), str):
                yield normalize(name)


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
