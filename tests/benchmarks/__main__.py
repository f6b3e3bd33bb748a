"""`python -m tests.benchmarks [start list query complete fetch] [--packages N] [--runs N] [--quick]`."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import complete, fetch, list, query, start  # noqa: A004 - the command's name
from tests.benchmarks.processes import Launcher
from tests.benchmarks.session import QUICK, Session
from tests.benchmarks.tables import format_table

SECTIONS = {
    "start": start.tables,
    "list": list.tables,
    "query": query.tables,
    "complete": complete.tables,
    "fetch": fetch.tables,
}


def main() -> None:
    """Prints each section's tables as soon as they are there."""
    options = _options()
    packages, runs = (QUICK.packages, QUICK.runs) if options.quick else (options.packages, options.runs)
    _print(
        f"djpkg on Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
        f" {platform.machine()}, {os.cpu_count()} processors; {packages:,} packages, {runs} runs"
    )
    with tempfile.TemporaryDirectory(prefix="djpkg-bench-") as name, Launcher(Path(name)) as launcher:
        stage = Session(folder=Path(name), launcher=launcher, packages=packages, runs=runs, quick=options.quick)
        for section in options.sections or SECTIONS:
            for table in SECTIONS[section](stage):
                _print("\n" + format_table(table))


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all if none is named"
    )
    parser.add_argument("--packages", type=int, default=5800)
    parser.add_argument("--runs", type=int, default=40, help="of each command whose start is measured")
    parser.add_argument("--quick", action="store_true", help="tiny and without latency: shows that it works, no more")
    options = parser.parse_args()
    if unknown := set(options.sections) - SECTIONS.keys():
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
