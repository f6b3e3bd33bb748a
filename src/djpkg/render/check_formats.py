"""The output formats of ``djpkg check``: each is one function from a report to text, and one entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.render.check_github import render_github
from djpkg.render.check_markdown import render_markdown
from djpkg.render.check_text import Screen, render_text
from djpkg.render.check_tsv import render_tsv

if TYPE_CHECKING:
    from collections.abc import Callable

    from djpkg.check.report import Report

# By the name of the option; "text" is for no option. `cli.output` writes JSON itself: it needs no screen.
RENDERERS: dict[str, Callable[[Report, Screen], str]] = {
    "text": render_text,
    "tsv": render_tsv,
    "markdown": render_markdown,
    "github": render_github,
}
