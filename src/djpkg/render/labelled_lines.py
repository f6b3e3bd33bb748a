"""Labelled lines of text items, wrapped between items first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions

# The columns at which the items and the label start, and the minimum width of the items.
MARGIN = 12
_INDENT = 2
_MIN_WIDTH = 8


class Item(NamedTuple):
    """A text that stays on one line if possible, and the separator before it (the default one if None)."""

    text: Text
    separator: str | None = None


class LabelledLines:
    """A renderable: a dim label and the items beside it. Without a label the items start in its place."""

    def __init__(self, label: str, items: Sequence[Item], *, separator: str) -> None:
        self.prefix = " " * _INDENT + (label.ljust(MARGIN - _INDENT) if label else "")
        self.items = items
        self.separator = separator

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        prefix = self.prefix
        for line in self._lines(console, max(options.max_width - len(prefix), _MIN_WIDTH)):
            yield Text("", no_wrap=True, overflow="fold").append(prefix, "dim").append_text(line)
            prefix = " " * len(prefix)

    def _lines(self, console: Console, width: int) -> Iterator[Text]:
        line = Text("")
        for item in self.items:
            separator = self.separator if item.separator is None else item.separator
            if line and line.cell_len + len(separator) + item.text.cell_len <= width:
                line.append(separator, "dim").append_text(item.text)
                continue
            if line:
                yield line
            wrapped = item.text.wrap(console, width, overflow="fold")
            # Copied, so that text appended later does not take on the style of the item.
            *full, line = [Text("").append_text(_stripped(part)) for part in wrapped] or [Text("")]
            yield from full
        yield line


class Prose:
    """A renderable: paragraphs of text, wrapped at words within `width` columns."""

    def __init__(self, text: Text, width: int) -> None:
        self.text = text
        self.width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        for line in self.text.wrap(console, min(self.width, options.max_width), overflow="fold"):
            yield _stripped(line)


def _stripped(line: Text) -> Text:
    """Return the line without trailing spaces."""
    line.rstrip()
    return line
