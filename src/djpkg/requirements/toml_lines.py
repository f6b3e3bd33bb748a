"""Where in a TOML text its tables, keys and strings stand: the standard reader keeps no lines."""

from __future__ import annotations

import re
from typing import TypeAlias

# Names from the root on; a number is a place in an array of tables, from 0.
Path: TypeAlias = tuple[str | int, ...]

_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEADER = re.compile(r"\[{1,2}")
_NAME = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*(\.?)""")
_TOKEN = re.compile(
    r"""
    (?P<long>"{3}(?:[^\\]|\\.)*?"{3,5}|'{3}.*?'{3,5}) | "(?P<escaped>(?:[^"\\\n]|\\.)*)" | '(?P<plain>[^'\n]*)'
    | (?P<opened>[\[{]) | (?P<closed>[\]}]) | (?P<end>\n) | \#[^\n]* | [^\n"'\#\[\]{}]+ | .
    """,
    re.DOTALL | re.VERBOSE,
)


class Lines:
    """The lines, from 1, of a text that is TOML."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: dict[Path, int] = {}
        self._strings: dict[tuple[Path, str], int] = {}
        self._arrays: dict[Path, int] = {}
        self._read()

    def of(self, path: Path) -> int:
        """Where a key or a table first stands, else the nearest one around it; 1 where there is none."""
        return next((self._keys[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._keys), 1)

    def of_string(self, path: Path, string: str) -> int:
        """Where that string first stands in the value of a key, else where the key does."""
        return self._strings.get((path, string)) or self.of(path)

    def _read(self) -> None:
        table: Path = ()
        line, at = self._next(1, 0)
        while at < len(self._text):
            header = _HEADER.match(self._text, at)
            names, at = self._names(header.end() if header else at)
            if not names:
                return  # no TOML after all
            path = self._table(names, many=header[0] == "[[") if header else (*table, *names)
            for end in range(1, len(path) + 1):
                self._keys.setdefault(path[:end], line)
            if header:
                table, at = path, at + len(header[0])
            else:
                line, at = self._value(path, line, at)
            line, at = self._next(line, at)

    def _next(self, line: int, at: int) -> tuple[int, int]:
        """The line and the place of the next statement."""
        between = _BETWEEN.match(self._text, at)
        end = between.end() if between else at
        return line + self._text.count("\n", at, end), end

    def _names(self, at: int) -> tuple[tuple[str, ...], int]:
        """The parts of a dotted key, and where it ends."""
        names: list[str] = []
        while match := _NAME.match(self._text, at):
            names.append(next(part for part in match.groups()[:3] if part is not None))
            at = match.end()
            if not match[4]:
                break
        return tuple(names), at

    def _table(self, names: tuple[str, ...], *, many: bool) -> Path:
        """The path that a header names; `many` is one that adds a table to an array."""
        path: Path = ()
        for left, name in zip(reversed(range(len(names))), names, strict=True):
            path = (*path, name)
            if many and not left:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _value(self, path: Path, line: int, at: int) -> tuple[int, int]:
        """Note the strings of a value; the line and the place where it ends."""
        depth = 0
        for token in _TOKEN.finditer(self._text, at):
            match token.lastgroup:
                case "opened":
                    depth += 1
                case "closed":
                    depth -= 1
                case "end" if depth <= 0:
                    return line, token.start()
                case "end" | "long":
                    line += token[0].count("\n")
                case "escaped" | "plain":
                    self._strings.setdefault((path, token[token.lastgroup]), line)
        return line, len(self._text)
