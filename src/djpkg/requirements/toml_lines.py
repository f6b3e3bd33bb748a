"""Find the line numbers of tables, keys and strings in TOML text; tomllib does not report them."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Keys from the root; a number is an index in an array of tables, from 0.
Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEADER = re.compile(r"\[{1,2}")
_KEY = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*(\.?)""")
_TOKEN = re.compile(
    r"""
    (?P<long>"{3}(?:[^\\]|\\.)*?"{3,5}|'{3}.*?'{3,5}) | "(?P<escaped>(?:[^"\\\n]|\\.)*)" | '(?P<plain>[^'\n]*)'
    | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<newline>\n) | \#[^\n]* | [^\n"'\#\[\]{}]+ | .
    """,
    re.DOTALL | re.VERBOSE,
)


class TomlLines:
    """Line numbers, from 1, in a valid TOML text. Invalid text gives incomplete results, never an error.

    The text is scanned only as far as a question needs.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: dict[Path, int] = {}
        self._strings: dict[tuple[Path, str], int] = {}
        # Strings with escapes, as written; decoded when one is looked for.
        self._escaped: list[tuple[Path, str, int]] = []
        self._array_indexes: dict[Path, int] = {}
        self._unread = self._scan()

    def line_of(self, path: Path) -> int:
        """Return the first line of a key or table, else of the nearest enclosing one, else 1."""
        if path not in self._keys:
            any(path in self._keys for _ in self._unread)
        return next((self._keys[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._keys), 1)

    def lines_of_names(self, array: str, names: Sequence[object]) -> list[int]:
        """Return the line of `name` in each table of an array of tables; `names` are their values in the parsed text.

        Lock files begin each table with its name, so that one pass finds all of them, without a scan.
        """
        found = list(re.finditer(rf'^\[\[{array}\]\]\r?\nname = "([^"\\\n]*)"', self._text, re.MULTILINE))
        if [match[1] for match in found] != list(names):
            return [self.line_of((array, index, "name")) for index in range(len(names))]
        starts = [0, *(match.start(1) for match in found)]
        return list(accumulate((self._text.count("\n", *part) for part in pairwise(starts)), initial=1))[1:]

    def line_of_string(self, path: Path, string: str) -> int:
        """Return the first line of a string in the value of a key or of an enclosing one, else the line of the key."""
        for _ in self._unread:
            pass
        for decode in (False, True):
            if decode:
                self._decode_escaped()
            for end in range(len(path), 0, -1):
                if (path[:end], string) in self._strings:
                    return self._strings[path[:end], string]
        return self.line_of(path)

    def _decode_escaped(self) -> None:
        import tomllib  # noqa: PLC0415 - as in toml_file

        for path, written, line in self._escaped:
            self._strings.setdefault((path, tomllib.loads(f'a = "{written}"')["a"]), line)
        self._escaped.clear()

    def _scan(self) -> Iterator[None]:
        """Record the lines of one statement at each step."""
        table: Path = ()
        line, position = self._skip_blank(1, 0)
        while position < len(self._text):
            header = _HEADER.match(self._text, position)
            keys, position = self._scan_key(header.end() if header else position)
            if not keys:
                return  # invalid TOML
            path = self._table_path(keys, in_array=header[0] == "[[") if header else (*table, *keys)
            for end in range(1 if header else len(table) + 1, len(path) + 1):
                self._keys.setdefault(path[:end], line)
            if header:
                table, position = path, position + len(header[0])
            else:
                line, position = self._scan_value(path, line, position)
            yield
            line, position = self._skip_blank(line, position)

    def _skip_blank(self, line: int, position: int) -> tuple[int, int]:
        """Return the line and position of the next statement."""
        blank = _BLANK.match(self._text, position)
        end = blank.end() if blank else position
        return line + self._text.count("\n", position, end), end

    def _scan_key(self, position: int) -> tuple[tuple[str, ...], int]:
        """Return the parts of a dotted key and the position after it."""
        parts: list[str] = []
        while match := _KEY.match(self._text, position):
            parts.append(next(part for part in match.groups()[:3] if part is not None))
            position = match.end()
            if not match[4]:
                break
        return tuple(parts), position

    def _table_path(self, keys: tuple[str, ...], *, in_array: bool) -> Path:
        """Return the path of a table header; `in_array` adds a table to an array."""
        path: Path = ()
        for remaining, key in zip(reversed(range(len(keys))), keys, strict=True):
            path = (*path, key)
            if in_array and not remaining:
                self._array_indexes[path] = self._array_indexes.get(path, -1) + 1
            if path in self._array_indexes:
                path = (*path, self._array_indexes[path])
        return path

    def _scan_value(self, path: Path, line: int, position: int) -> tuple[int, int]:
        """Record the strings of a value; return the line and position of its end."""
        depth = 0
        for token in _TOKEN.finditer(self._text, position):
            match token.lastgroup:
                case "open":
                    depth += 1
                case "close":
                    depth -= 1
                case "newline" if depth <= 0:
                    return line, token.start()
                case "newline" | "long":
                    line += token[0].count("\n")
                case "escaped" if "\\" in token["escaped"]:
                    self._escaped.append((path, token["escaped"], line))
                case "escaped" | "plain":
                    self._strings.setdefault((path, token[token.lastgroup]), line)
        return line, len(self._text)
