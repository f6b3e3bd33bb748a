"""The output formats of ``djpkg check``: each is one function from a report to text, and one entry in `RENDERERS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.render.check_github import render_github
from djpkg.render.check_markdown import render_markdown
from djpkg.render.check_text import render_text
from djpkg.render.check_tsv import render_tsv

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from djpkg.check.report import Report


class Screen(NamedTuple):
    """What a renderer needs to know of the output. `width` counts for text alone; `verbose` names what is fine too."""

    width: int
    colour: bool
    ascii_only: bool
    verbose: bool
    now: datetime


RENDERERS: dict[str, Callable[[Report, Screen], str]] = {
    "text": render_text,
    "tsv": render_tsv,
    "markdown": render_markdown,
    "github": render_github,
}
