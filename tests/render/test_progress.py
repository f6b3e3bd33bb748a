from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from djpkg.fetch.progress import NoProgress, Progress
from djpkg.model.facts import Outcome
from djpkg.render.progress import TerminalProgress

if TYPE_CHECKING:
    import pytest


def told(progress: Progress) -> None:
    progress.start("github", None)
    progress.start("github", 5336)
    progress.advance("github", 1200, Outcome.UPDATED)
    progress.advance("github", 3, Outcome.FAILED)
    progress.advance("pypi")
    progress.note("the quota is \x1b[31mspent [/foo] :smile:")
    progress.stop()
    progress.stop()


def test_a_terminal_sees_what_is_done_of_how_many_and_what_failed() -> None:
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, width=120, color_system=None, legacy_windows=False, _environ={})
    told(TerminalProgress(console))
    shown = buffer.getvalue()
    assert "1,203/5,336" in shown
    assert "3 failed" in shown
    assert "the quota is ^[[31mspent [/foo] :smile:\n" in shown


def test_the_rate_and_the_time_left_are_those_of_the_whole_run_so_far() -> None:
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


def test_the_silent_one_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    told(NoProgress())
    assert capfd.readouterr() == ("", "")


def test_an_observer_that_is_stopped_before_it_began_is_fine() -> None:
    buffer = io.StringIO()
    TerminalProgress(Console(file=buffer, force_terminal=True, width=80, _environ={})).stop()
    assert "github" not in buffer.getvalue()
