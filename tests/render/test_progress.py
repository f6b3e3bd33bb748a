from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from djpkg.fetch.progress import NoProgress, Progress
from djpkg.model.facts import Outcome
from djpkg.render.progress import TerminalProgress

if TYPE_CHECKING:
    import pytest


def call_all(progress: Progress) -> None:
    progress.start("github", None)
    progress.start("github", 5336)
    progress.advance("github", 1200, Outcome.UPDATED)
    progress.advance("github", 3, Outcome.FAILED)
    progress.advance("pypi")
    progress.note("the quota is \x1b[31mspent [/foo] :smile:")
    progress.stop()
    progress.stop()


def test_shows_done_of_total_and_failures() -> None:
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, width=120, color_system=None, legacy_windows=False, _environ={})
    call_all(TerminalProgress(console))
    output = buffer.getvalue()
    assert "1,203/5,336" in output
    assert "3 failed" in output
    assert "the quota is ^[[31mspent [/foo] :smile:\n" in output


def test_rate_and_time_left_are_computed_from_the_whole_run() -> None:
    now = 100.0
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, width=120, color_system=None, get_time=lambda: now, _environ={})
    progress = TerminalProgress(console)
    progress.start("github", 1000)
    now += 20
    for _ in range(200):  # a page, all at once
        progress.advance("github", 1, Outcome.UPDATED)
    progress.stop()
    assert "10/s" in buffer.getvalue()
    assert "1:20 left" in buffer.getvalue()


def test_no_progress_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    call_all(NoProgress())
    assert capfd.readouterr() == ("", "")


def test_stop_before_start_is_allowed() -> None:
    buffer = io.StringIO()
    TerminalProgress(Console(file=buffer, force_terminal=True, width=80, _environ={})).stop()
    assert "github" not in buffer.getvalue()
