"""Markdown tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.render.escape import field_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from djpkg.model.package import Value
    from djpkg.render.rows import Rows

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~&#])")


class Strong(str):
    """A text that is shown in bold."""

    __slots__ = ()


def render_markdown(rows: Rows) -> Iterator[str]:
    """Yield a table with the keys as its header; markup in values is escaped."""
    yield _line(map(_cell, rows.keys))
    yield _line("---" for _ in rows.keys)
    for row in rows.values():
        yield _line(map(_cell, row))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(value: Value) -> str:
    text = escape_markup(field_text(value))
    return f"**{text}**" if isinstance(value, Strong) else text


def escape_markup(text: str) -> str:
    """Return one line of text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", text)
