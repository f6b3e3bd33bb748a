"""Lines of plain text within a width, for terminals and logs alike. Without Rich, which a log does not need."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Columns that text gets even where the indent leaves fewer.
_MIN_WIDTH = 8
_NO_COLUMNS = frozenset(("Mn", "Me", "Cf"))
_EMOJI_SELECTOR = "\ufe0f"


def count_columns(text: str) -> int:
    """Return the number of terminal columns of a text without control characters; never too few."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if character == _EMOJI_SELECTOR:
        return 1  # it widens the character before it
    if unicodedata.category(character) in _NO_COLUMNS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fill(atoms: Iterable[str], *, width: int, first: str = "", indent: int = 0) -> list[str]:
    """Return lines with the atoms, one space between them, after `first`; further lines are indented.

    An atom stays on one line if it fits there; else it is broken at its spaces, and within a word as a last resort.
    """
    room = max(width - indent, _MIN_WIDTH)
    lines: list[str] = []
    line, used, is_empty = first, count_columns(first), True
    for atom in _break(atoms, room):
        columns = count_columns(atom)
        gap = 0 if is_empty else 1
        if not is_empty and used + gap + columns > indent + room:
            lines.append(line.rstrip())
            line, used, gap = " " * indent, indent, 0
        line, used, is_empty = f"{line}{' ' * gap}{atom}", used + gap + columns, False
    return [*lines, line.rstrip()]


def _break(atoms: Iterable[str], room: int) -> Iterator[str]:
    """Yield the atoms, and the words of those that are wider than the room."""
    for atom in atoms:
        if count_columns(atom) <= room:
            yield atom
            continue
        for word in atom.split(" "):
            yield from _fold(word, room)


def _fold(word: str, room: int) -> Iterator[str]:
    part, used = "", 0
    for character in word:
        columns = count_columns(character)
        if part and used + columns > room:
            yield part
            part, used = "", 0
        part, used = part + character, used + columns
    yield part
