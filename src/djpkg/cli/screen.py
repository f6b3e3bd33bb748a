"""Print Rich renderables on a terminal. Loads rich, so commands import it only where they draw."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from djpkg.cli import terminal

if TYPE_CHECKING:
    from rich.console import RenderableType


def ascii_only() -> bool:
    """Whether the encoding of stdout lacks the symbols that tables use."""
    try:
        "★✎·▁█…".encode(terminal.encoding())
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def supports_links() -> bool:
    """Whether the terminal supports links."""
    return os.environ.get("TERM", "dumb") != "dumb"


def print_renderable(renderable: RenderableType) -> None:
    """Write a renderable to stdout at the width of the terminal."""
    from rich.console import Console

    console = Console(
        width=terminal.width(),
        height=25,  # without a height Rich assumes 80 columns on a dumb terminal
        force_terminal=True,
        force_interactive=False,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(renderable)
    terminal.write_stdout(captured.get())
