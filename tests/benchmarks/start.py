"""How long a record takes to be shown, beside a Typer program that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.processes import Command
from tests.benchmarks.tables import Table, milliseconds, ratios

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.session import Session

BARE = "a bare Typer program"
HEADER = ("command", "lines", "wall ms", "user+system ms", "wall ratio", "user+system ratio", "target")


def tables(stage: Session) -> Iterator[Table]:
    """`show --json` with a mirror and without one."""
    show = [stage.djpkg, "show", "django-todo", "--json"]
    commands = {
        BARE: Command([stage.bare, "django-todo"]),
        f"show --json, {stage.packages:,} in the mirror": Command(
            show, {"DJPKG_DB": str(stage.mirror(stage.packages))}
        ),
        "show --json, no mirror": Command(show, {"DJPKG_DB": str(stage.folder / "none.db")}),
    }
    yield compare_with_bare(stage, "start", commands, target="1.2")


def compare_with_bare(stage: Session, title: str, commands: Mapping[str, Command], *, target: str) -> Table:
    """Each command's medians, and its ratios to the first one."""
    found = stage.launcher.alternate(commands, runs=stage.runs, warm=not stage.quick)
    bare = found[BARE]
    rows = []
    for name, runs in found.items():
        wall, processor = [run.wall for run in runs], [run.processor for run in runs]
        related = ("", "", "")
        if name != BARE:
            related = (
                str(ratios(wall, [run.wall for run in bare])),
                str(ratios(processor, [run.processor for run in bare])),
                target,
            )
        rows.append((name, f"{runs[-1].lines:,}", milliseconds(wall), milliseconds(processor), *related))
    notes = (f"medians of {stage.runs} runs in turns; ratios: median and quartiles of the turns' own",)
    return Table(title, HEADER, rows, notes)
