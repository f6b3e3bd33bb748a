"""The output formats of ``djpkg check``: each is one function from a report to text, and one entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.render.check_text import Screen, render_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from djpkg.check.report import Report

# By the name of the option; "text" is for no option. `cli.output` writes JSON itself: it needs no screen.
RENDERERS: dict[str, Callable[[Report, Screen], str]] = {
    "text": render_text,
}
