"""A page of `djpkg help` on a terminal: Markdown whose tables show every word, also on a narrow terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.markdown import Markdown, MarkdownElement, TableElement
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


class _WholeTable(TableElement):
    """A table that breaks a word that is wider than its column. Rich would cut it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "table_open": _WholeTable}


def render_page(text: str, *, links: bool) -> Markdown:
    """Return a page; with `links`, addresses are links of the terminal."""
    return _Page(text, code_theme="ansi_dark", hyperlinks=links)
