"""`python -m tests.benchmarks [SECTION...] [--packages N] [--runs N] [--quick]`."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import (
    check,
    complete,
    fetch,
    history,
    list,  # noqa: A004 - the command's name
    query,
    snapshot,
    start,
)
from tests.benchmarks.processes import Launcher
from tests.benchmarks.session import QUICK, Session
from tests.benchmarks.tables import format_table

SECTIONS = {
    "start": start.tables,
    "list": list.tables,
    "check": check.tables,
    "query": query.tables,
    "complete": complete.tables,
    "fetch": fetch.tables,
    "history": history.tables,
    "snapshot": snapshot.tables,
}


def main() -> None:
    """Print the tables of each section as they become ready."""
    options = _options()
    packages, runs = (QUICK.packages, QUICK.runs) if options.quick else (options.packages, options.runs)
    _print(
        f"djpkg on Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
        f" {platform.machine()}, {os.cpu_count()} processors; {packages:,} packages, {runs} runs"
    )
    with tempfile.TemporaryDirectory(prefix="djpkg-bench-") as name, Launcher(Path(name)) as launcher:
        session = Session(folder=Path(name), launcher=launcher, packages=packages, runs=runs, quick=options.quick)
        for section in options.sections or SECTIONS:
            for table in SECTIONS[section](session):
                _print("\n" + format_table(table))


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--packages", type=int, default=5800)
    parser.add_argument("--runs", type=int, default=40, help="number of runs of each command")
    parser.add_argument("--quick", action="store_true", help="few packages and no latency, to test the benchmarks")
    options = parser.parse_args()
    if unknown := set(options.sections) - SECTIONS.keys():
        parser.error(f"unknown section: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
