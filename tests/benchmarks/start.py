"""The time to show one record, compared with a minimal Typer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.processes import Command
from tests.benchmarks.tables import Table, milliseconds, ratios

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.session import Session

BARE = "minimal Typer program"
HEADER = ("command", "lines", "wall ms", "user+system ms", "wall ratio", "user+system ratio", "target")


def tables(session: Session) -> Iterator[Table]:
    """Measure `show --json` with and without a mirror."""
    show = [session.djpkg, "show", "django-todo", "--json"]
    commands = {
        BARE: Command([session.bare, "django-todo"]),
        f"show --json, {session.packages:,} in the mirror": Command(
            show, {"DJPKG_DB": str(session.mirror(session.packages))}
        ),
        "show --json, no mirror": Command(show, {"DJPKG_DB": str(session.folder / "none.db")}),
    }
    yield compare_with_bare(session, "start", commands, target="1.2")


def compare_with_bare(session: Session, title: str, commands: Mapping[str, Command], *, target: str) -> Table:
    """Return the medians of each command and their ratios to the bare program."""
    results = session.launcher.alternate(commands, runs=session.runs, warm=not session.quick)
    bare = results[BARE]
    rows = []
    for name, runs in results.items():
        wall, cpu = [run.wall for run in runs], [run.cpu for run in runs]
        related = ("", "", "")
        if name != BARE:
            related = (
                str(ratios(wall, [run.wall for run in bare])),
                str(ratios(cpu, [run.cpu for run in bare])),
                target,
            )
        rows.append((name, f"{runs[-1].lines:,}", milliseconds(wall), milliseconds(cpu), *related))
    notes = (f"medians of {session.runs} alternating runs; ratios: median and quartiles of the ratios per turn",)
    return Table(title, HEADER, rows, notes)
