"""A parsed TOML file whose values are found by path, with their line numbers for errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from djpkg.errors import UsageError
from djpkg.requirements.simple_requirement import normalize
from djpkg.requirements.toml_lines import TomlLines
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.requirements.toml_lines import Path

Table: TypeAlias = "Mapping[str, object]"

# tomllib takes n² time for a key of n parts; the deepest tables of real projects have seven.
_MAX_KEY_PARTS = 100
_POSITION = re.compile(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)\Z")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# A whole string or comment, closed or not, so that the dots in it do not count.
_PIECE = re.compile(
    r"""
    "{3}(?:[^\\]|\\.)*?(?:"{3,5}|\Z) | '{3}.*?(?:'{3,5}|\Z) | "(?:[^"\\\n]|\\.)*+"? | '[^'\n]*+'? | \#[^\n]*+
    | (?P<dot>\.) | (?P<end>[\n=,{}\[\]]) | [^"'\#.\n=,{}\[\]]++
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class TomlFile:
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

    def text(self, table: Table, *path: str | int) -> str | None:
        """Return the text in `table` at the last key of the path, None if missing; UsageError if it is not a text."""
        value = table.get(str(path[-1]))
        if value is not None and not isinstance(value, str):
            raise self.error("is not a text", *path)
        return value

    def line(self, *path: str | int) -> int:
        """Return the line of the value at that path."""
        return self.lines.line_of(path)

    def error(self, problem: str, *path: str | int) -> UsageError:
        """Return an error about the value at that path: ``uv.lock:12: package 3 has no name``."""
        return UsageError(f"{self.name}:{self.line(*path)}: {_describe_path(path)}{problem}")


def parse_toml(name: str, text: str) -> TomlFile:
    """Parse a TOML file; UsageError with the line if it is invalid."""
    import tomllib  # noqa: PLC0415 - requirements.txt does not need it

    _check_keys(name, text)
    try:
        return TomlFile(name, tomllib.loads(text), TomlLines(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        if position is None:
            raise UsageError(f"{name}: invalid TOML: {message}") from error
        line = int(position[1]) if position[1] else text.count("\n") + 1
        column = f" (column {position[2]})" if position[2] else " (end of file)"
        raise UsageError(f"{name}:{line}: invalid TOML: {message[: position.start()]}{column}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: invalid TOML: {describe_error(error)}") from error


def describe_error(error: Exception) -> str:
    """Return the reason why a parser failed."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def normalize_name(name: str, location: str) -> str:
    """Return the normalized project name (PEP 503); UsageError if it is invalid."""
    if not re.fullmatch(_NAME, name, re.ASCII):
        raise UsageError(f"{location}: invalid project name {quote_input(name)}")
    return normalize(name)


def _check_keys(name: str, text: str) -> None:
    """Raise UsageError if a dotted key has too many parts."""
    if all(line.count(".") < _MAX_KEY_PARTS for line in text.split("\n")):
        return
    dots = 0
    for piece in _PIECE.finditer(text):
        if piece.lastgroup is not None:
            dots = dots + 1 if piece.lastgroup == "dot" else 0
        if dots >= _MAX_KEY_PARTS:
            line = text.count("\n", 0, piece.start()) + 1
            raise UsageError(f"{name}:{line}: invalid TOML: a key has more than {_MAX_KEY_PARTS} parts")


def _describe_path(path: Path) -> str:
    words = [f" {part + 1}" if isinstance(part, int) else f".{part}" for part in path]
    return "".join([*words, " "]).removeprefix(".") if words else ""
