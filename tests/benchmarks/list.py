"""The time to list all records, compared with sqlite-utils on a plain table of the same values."""

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

# Fewer runs than for the start: a listing takes longer.
_RUNS_DIVISOR = 4


def tables(session: Session) -> Iterator[Table]:
    """Measure `list --json` of all packages."""
    mirror = session.mirror(session.packages)
    ours, theirs = "djpkg list --json", "sqlite-utils rows"
    plain = _plain_table(mirror, session.folder / f"plain-{session.packages}.db")
    commands = {
        theirs: Command([session.sqlite_utils, "rows", str(plain), "records"]),
        ours: Command([session.djpkg, "list", "--json"], {"DJPKG_DB": str(mirror)}),
    }
    results = session.launcher.alternate(commands, runs=max(2, session.runs // _RUNS_DIVISOR), warm=not session.quick)
    rows = []
    for name, runs in results.items():
        wall, cpu = [run.wall for run in runs], [run.cpu for run in runs]
        related = ("", "", "")
        if name == ours:
            related = (
                str(ratios(wall, [run.wall for run in results[theirs]])),
                str(ratios(cpu, [run.cpu for run in results[theirs]])),
                "0.55",
            )
        peak = f"{median(run.peak for run in runs):.1f}"
        limit = "120" if name == ours and session.packages == TENFOLD else ""
        cells = (f"{runs[-1].lines:,}", milliseconds(wall), milliseconds(cpu), *related, peak, limit)
        rows.append((name, *cells))
    header = ("command", "lines", "wall ms", "user+system ms", "wall ratio", "user+system ratio", "target")
    notes = (
        f"medians of {len(results[ours])} alternating runs, output to a pipe; the peak has a target at {TENFOLD:,}",
    )
    yield Table(f"list of {session.packages:,}", (*header, "peak MiB", "target"), rows, notes)


def _plain_table(mirror: Path, path: Path) -> Path:
    """Create a database with one table of all records; lists are JSON."""
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
