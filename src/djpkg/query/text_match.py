"""SQL conditions that match text in a column: substring, word, number, element of a JSON list.

Texts are bound as values, never written into the SQL. `LIKE` and `NOCASE` ignore the case of ASCII letters only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.query.columns import valid_json
from djpkg.query.grid_names import WORD_BREAKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    SqlValue: TypeAlias = str | int | None
    # An SQL expression and its values in order.
    Sql: TypeAlias = tuple[str, tuple[SqlValue, ...]]

# Longer than any useful value. SQLite rejects patterns of more than 50,000 bytes (sqlite.org/limits.html).
MAX_PATTERN = 1_000

NEVER = "0"

_WORD_BREAK = f"[{WORD_BREAKS}]"
_DIGITS = frozenset("0123456789")

# Texts that JSON stores unescaped and that cannot match across two elements.
_UNESCAPED_IN_JSON = re.compile(r"[A-Za-z0-9_.@+\[\]-]+")


def join_sql(operator: str, parts: Sequence[Sql]) -> Sql:
    """Join conditions with `` AND `` or `` OR ``, in parentheses."""
    values = tuple(value for part in parts for value in part[1])
    return "(" + operator.join(sql for sql, _ in parts) + ")", values


def split_star(word: str) -> tuple[str, str]:
    """Return the word without a final ``*``, and that star; a star without letters or digits before it is a text."""
    stem = word.rstrip("*")
    return (stem, "*") if stem != word and any(map(str.isalnum, stem)) else (word, "")


def contains(column: str, text: str, pattern: str = "%{}%") -> Sql:
    """Match the text with LIKE; `pattern` is a LIKE pattern with ``{}`` for the text."""
    if len(text) > MAX_PATTERN:
        return NEVER, ()
    return f"{column} LIKE ? ESCAPE '\\'", (pattern.format(_escape_like(text)),)


def contains_word(column: str, text: str) -> Sql:
    """Match the text between word breaks.

    The LIKE leaves few rows for the slower GLOB: 4 ms instead of 8 for a status in 5,800 packages.
    """
    if len(text) > MAX_PATTERN:
        return NEVER, ()
    like = "".join("_" if letter in WORD_BREAKS else _escape_like(letter) for letter in text)
    glob = f"*{_WORD_BREAK}{_glob_pattern(text)}{_WORD_BREAK}*"
    return f"({column} LIKE ? ESCAPE '\\' AND ' ' || {column} || ' ' GLOB ?)", (f"%{like}%", glob)


def contains_number(column: str, text: str) -> Sql:
    """Match the text with whole numbers: 3.1 does not match ">=3.10"."""
    if len(text) > MAX_PATTERN:
        return NEVER, ()
    before = "[^0-9.]" if text[0] in _DIGITS else ""
    after = "[^0-9]" if text[-1] in _DIGITS else ""
    return f"' ' || {column} || ' ' GLOB ?", (f"*{before}{_glob_pattern(text)}{after}*",)


def contains_element(column: str, text: str) -> Sql:
    """Match an element of a JSON list. Most names are stored unescaped, so that LIKE finds them.

    That takes 3 ms in the lists of 5,800 packages, parsing them 8. An element follows the bracket or a comma; a quote
    inside a name follows a backslash.
    """
    if _UNESCAPED_IN_JSON.fullmatch(text) and len(text) <= MAX_PATTERN:
        return join_sql(" OR ", [contains(column, text, '["{}"%'), contains(column, text, '%,"{}"%')])
    return f"EXISTS (SELECT 1 FROM json_each({valid_json(column)}) WHERE value = ? COLLATE NOCASE)", (text,)


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _glob_pattern(text: str) -> str:
    """Return a GLOB pattern that ignores the case of ASCII letters and accepts any word break for each one."""
    return "".join(map(_glob_letter, text))


def _glob_letter(letter: str) -> str:
    if letter.isascii() and letter.isalpha():
        return f"[{letter.upper()}{letter.lower()}]"
    if letter in WORD_BREAKS:
        return _WORD_BREAK
    return f"[{letter}]" if letter in "*?[" else letter
