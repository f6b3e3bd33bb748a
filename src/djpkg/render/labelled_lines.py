"""Pieces of text beside a label: as many on a line as fit, broken between the pieces first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions

# Where the pieces begin, and where the label does.
MARGIN = 12
_INDENT = 2
_LEAST = 8


class Piece(NamedTuple):
    """A text that stays on one line if it can, and what parts it from the one before (the flow's dot if None)."""

    text: Text
    before: str | None = None


class LabelledLines:
    """A renderable: the label, dim, and the pieces in the columns beside it, or in its place where there is none."""

    def __init__(self, label: str, pieces: Sequence[Piece], *, dot: str) -> None:
        self.lead = " " * _INDENT + (label.ljust(MARGIN - _INDENT) if label else "")
        self.pieces = pieces
        self.dot = dot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        lead = self.lead
        for line in self._lines(console, max(options.max_width - len(lead), _LEAST)):
            yield Text("", no_wrap=True, overflow="fold").append(lead, "dim").append_text(line)
            lead = " " * len(lead)

    def _lines(self, console: Console, room: int) -> Iterator[Text]:
        line = Text("")
        for piece in self.pieces:
            before = self.dot if piece.before is None else piece.before
            if line and line.cell_len + len(before) + piece.text.cell_len <= room:
                line.append(before, "dim").append_text(piece.text)
                continue
            if line:
                yield line
            wrapped = piece.text.wrap(console, room, overflow="fold")
            # Copied: what is appended later must not take on the style of the whole piece.
            *full, line = [Text("").append_text(_stripped(part)) for part in wrapped] or [Text("")]
            yield from full
        yield line


class Prose:
    """A renderable: a text of one paragraph or more, wrapped at words within `width` columns."""

    def __init__(self, text: Text, width: int) -> None:
        self.text = text
        self.width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        for line in self.text.wrap(console, min(self.width, options.max_width), overflow="fold"):
            yield _stripped(line)


def _stripped(line: Text) -> Text:
    """The line without the space at which it was broken."""
    line.rstrip()
    return line
