"""From a Rich renderable to text for a terminal. Loads rich: only commands that draw call it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from djpkg.cli import terminal

if TYPE_CHECKING:
    from rich.console import RenderableType


def ascii_only() -> bool:
    """Whether stdout cannot show the marks beyond ASCII."""
    try:
        "★✎·▁█…".encode(terminal.encoding())
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def links() -> bool:
    """Whether addresses can be made to be clicked."""
    return os.environ.get("TERM", "dumb") != "dumb"


def draw(renderable: RenderableType) -> None:
    """Print a renderable as the answer, as wide as the terminal."""
    from rich.console import Console

    console = Console(
        width=terminal.width(),
        height=25,  # without one Rich takes any dumb terminal to have 80 columns
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
