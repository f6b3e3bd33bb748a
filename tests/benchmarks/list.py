"""How long all records take to be listed, beside sqlite-utils on a plain table of the same values."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING

from djpkg.mirror import listing
from djpkg.mirror.connection import open_read
from djpkg.mirror.serialization import to_json
from djpkg.model import fields
from tests.benchmarks.processes import Command
from tests.benchmarks.session import TENFOLD
from tests.benchmarks.tables import Table, milliseconds, ratios

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.session import Session

# A listing takes long enough for fewer runs to tell.
_PART = 4


def tables(stage: Session) -> Iterator[Table]:
    """`list --json` of every package."""
    mirror = stage.mirror(stage.packages)
    ours, theirs = "djpkg list --json", "sqlite-utils rows"
    plain = _plain_table(mirror, stage.folder / f"plain-{stage.packages}.db")
    commands = {
        theirs: Command([stage.sqlite_utils, "rows", str(plain), "records"]),
        ours: Command([stage.djpkg, "list", "--json"], {"DJPKG_DB": str(mirror)}),
    }
    found = stage.launcher.alternate(commands, runs=max(2, stage.runs // _PART), warm=not stage.quick)
    rows = []
    for name, runs in found.items():
        wall, processor = [run.wall for run in runs], [run.processor for run in runs]
        related = ("", "", "")
        if name == ours:
            related = (
                str(ratios(wall, [run.wall for run in found[theirs]])),
                str(ratios(processor, [run.processor for run in found[theirs]])),
                "0.55",
            )
        peak = f"{median(run.peak for run in runs):.1f}"
        limit = "120" if name == ours and stage.packages == TENFOLD else ""
        cells = (f"{runs[-1].lines:,}", milliseconds(wall), milliseconds(processor), *related, peak, limit)
        rows.append((name, *cells))
    header = ("command", "lines", "wall ms", "user+system ms", "wall ratio", "user+system ratio", "target")
    notes = (f"medians of {len(found[ours])} runs in turns, output to a pipe; the peak has a target at {TENFOLD:,}",)
    yield Table(f"list of {stage.packages:,}", (*header, "peak MiB", "target"), rows, notes)


def _plain_table(mirror: Path, path: Path) -> Path:
    """One table with the record's columns, as the record shows them; lists as JSON."""
    names = [column.key for column in fields.RECORD_COLUMNS]
    with open_read(mirror) as source, closing(sqlite3.connect(path)) as db:
        ids = [number for (number,) in source.execute("SELECT id FROM packages")]
        db.execute(f"CREATE TABLE records ({', '.join(names)})")
        db.executemany(
            f"INSERT INTO records VALUES ({', '.join('?' * len(names))})",
            (
                [to_json(value) if isinstance(value, list) else value for value in row.values()]
                for row in listing.get_rows(source, ids, fields.RECORD_COLUMNS)
            ),
        )
        db.commit()
    return path
