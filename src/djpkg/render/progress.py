"""Progress bars of a fetch: one line per source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, ProgressColumn, TextColumn
from rich.progress import Progress as ProgressBars
from rich.text import Text

from djpkg.model.facts import Outcome
from djpkg.render.escape import escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Task, TaskID

_MAX_NOTE = 500
# Seconds before a rate is shown.
_MIN_ELAPSED = 0.5
_COUNTED = (Outcome.FAILED, Outcome.DEFERRED, Outcome.GONE)


class TerminalProgress:
    """Progress callbacks that draw, for each source: done of total, rate, time left, and failures.

    `console` writes to stderr. The bars disappear when the fetch stops; notes stay.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._bars = ProgressBars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _DoneColumn(),
            _RateColumn(),
            _TimeLeftColumn(),
            _OutcomesColumn(),
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
        """Advance a source's line; failed, deferred and gone packages are counted at its end."""
        task = self._get_task(source)
        if outcome in _COUNTED:
            self._bars.update(task.id, **{outcome.value: task.fields.get(outcome.value, 0) + n})
        self._bars.advance(task.id, n)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(Text(escape(text, limit=_MAX_NOTE)))

    def estimate(self, text: str) -> None:
        """Print an expected cost above the bars."""
        self.note(f"estimate: {text}")

    def warn(self, text: str) -> None:
        """Print a line about trouble above the bars."""
        self._console.print(Text(escape(f"djpkg: {text}")))

    def stop(self) -> None:
        """Remove the bars. May be called twice."""
        self._bars.stop()

    def _get_task(self, source: str) -> Task:
        if source not in self._tasks:
            self.start(source, None)
        task_id = self._tasks[source]
        return next(task for task in self._bars.tasks if task.id == task_id)


class _DoneColumn(ProgressColumn):
    """``1,200/5,336``."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{total}", justify="right")


def _rate(task: Task) -> float:
    """Return packages per second since the source began; a shorter span would jump, because packages come in pages."""
    elapsed = task.finished_time if task.finished_time is not None else task.elapsed
    return task.completed / elapsed if elapsed and elapsed >= _MIN_ELAPSED else 0.0


class _RateColumn(ProgressColumn):
    """``310/s``; empty below 1."""

    def render(self, task: Task) -> Text:
        rate = _rate(task)
        return Text(f"{rate:,.0f}/s" if rate >= 1 else "", style="dim", justify="right")


class _TimeLeftColumn(ProgressColumn):
    """``1:05 left``, at the current rate."""

    def render(self, task: Task) -> Text:
        rate = _rate(task)
        if not rate or task.total is None or task.finished:
            return Text("")
        minutes, seconds = divmod(round(max(0.0, task.total - task.completed) / rate), 60)
        return Text(f"{minutes}:{seconds:02} left", style="dim", justify="right")


class _OutcomesColumn(ProgressColumn):
    """``3 failed, 1 gone``."""

    def render(self, task: Task) -> Text:
        counts = [f"{count:,} {outcome}" for outcome in _COUNTED if (count := task.fields.get(outcome.value, 0))]
        return Text(", ".join(counts), style="dim")
