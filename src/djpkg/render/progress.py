"""A fetch as seen on a terminal: a line for each source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, ProgressColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from djpkg.model.facts import Outcome
from djpkg.render.escape import escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Task, TaskID

_LONGEST_NOTE = 500
# Seconds after which a rate says something.
_SOONEST = 0.5
_TOLD = (Outcome.FAILED, Outcome.DEFERRED, Outcome.GONE)


class TerminalProgress:
    """An observer that draws: per source what is done of how many, the rate, the time left, and trouble.

    `console` is the one of stderr. What is drawn goes when the fetch stops; notes stay.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        # Names of sources are in no markup, and the columns' own texts are not either.
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Done(),
            _Rate(),
            _Left(),
            _Trouble(),
            console=console,
            transient=True,
            refresh_per_second=5,
        )

    def start(self, source: str, total: int | None) -> None:
        """Add a source's line, or correct its total."""
        if source in self._tasks:
            self._bars.update(self._tasks[source], total=total)
            return
        if not self._tasks:
            self._bars.start()
        self._tasks[source] = self._bars.add_task(escape(source), total=total)

    def advance(self, source: str, n: int = 1, outcome: Outcome | None = None) -> None:
        """Move a source's line on; trouble is counted at its end."""
        task = self._task(source)
        if outcome in _TOLD:
            self._bars.update(task.id, **{outcome.value: task.fields.get(outcome.value, 0) + n})
        self._bars.advance(task.id, n)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(Text(escape(text, limit=_LONGEST_NOTE)))

    def stop(self) -> None:
        """Take the bars away; safe to call twice."""
        self._bars.stop()

    def _task(self, source: str) -> Task:
        if source not in self._tasks:
            self.start(source, None)
        number = self._tasks[source]
        return next(task for task in self._bars.tasks if task.id == number)


class _Done(ProgressColumn):
    """``1,200/5,336``."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{total}", justify="right")


def _rate(task: Task) -> float:
    """Packages a second since the source began: they come in pages, so that the last moments say nothing."""
    elapsed = task.finished_time if task.finished_time is not None else task.elapsed
    return task.completed / elapsed if elapsed and elapsed >= _SOONEST else 0.0


class _Rate(ProgressColumn):
    """``310/s``, once it can be told."""

    def render(self, task: Task) -> Text:
        rate = _rate(task)
        return Text(f"{rate:,.0f}/s" if rate >= 1 else "", style="dim", justify="right")


class _Left(ProgressColumn):
    """``1:05``, the time that the rest will take if it goes on like that."""

    def render(self, task: Task) -> Text:
        rate = _rate(task)
        if not rate or task.total is None or task.finished:
            return Text("")
        minutes, seconds = divmod(round(max(0.0, task.total - task.completed) / rate), 60)
        return Text(f"{minutes}:{seconds:02} left", style="dim", justify="right")


class _Trouble(ProgressColumn):
    """``3 failed, 1 gone``."""

    def render(self, task: Task) -> Text:
        parts = [f"{count:,} {outcome}" for outcome in _TOLD if (count := task.fields.get(outcome.value, 0))]
        return Text(", ".join(parts), style="dim")
