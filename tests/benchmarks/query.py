"""The time of a query inside the program, from the typed words to the sorted ids."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from djpkg.mirror import listing
from djpkg.mirror.connection import open_read
from djpkg.mirror.neighbours import get_dependencies
from djpkg.query import parser
from tests.benchmarks.session import FULL, QUICK, TENFOLD
from tests.benchmarks.tables import Table
from tests.world import NOW

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.session import Session

QUERIES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ()),
    ((), ("-updated",)),
    (("auth",), ()),
    (("todo", "form"), ()),
    (('"rest api"',), ()),
    (("django",), ()),
    (("^admin",), ()),
    (("stars:100..",), ()),
    (("updated:6m..",), ("stars",)),
    (("is:active",), ()),
    (("is:stale", "^is:archived"), ()),
    (("is:unknown",), ()),
    (("state:active",), ()),
    (("state:stale,unknown", "auth"), ("state", "+stars")),
    ((), ("state",)),
    (("django:4.2..", "python:3.10..3.13"), ()),
    (("license:MIT,BSD", "forge:gitlab"), ()),
    (("participant:map99",), ()),
    (("participants:5..", "commits:20.."), ("-released", "slug")),
    (("auth", "is:active", "stars:10..", "django:5..", "license:MIT", "^is:archived"), ()),
    (("^is:archived", "^todo", "^license:MIT", "^forge:gitlab"), ("-grid_slugs",)),
    ((), ("grid_slugs",)),
    ((), ("category",)),
    ((), ("title",)),
    ((), ("description",)),
    (("checked:github",), ("docs",)),
    (("category:apps",), ("category_title", "-grids", "description")),
    (("is:stale",), ("grids",)),
    (("grid_slugs:any",), ()),
    (("participant:" + ",".join(f"map{number}" for number in range(10)),), ()),
    (("^todo",), ()),
    (("description:any",), ()),
    (("for*",), ()),
    (("d*",), ()),
    (("工单",), ()),
    (("license:GPL",), ()),
    (("^license:GPL", "updated:none"), ("updated",)),
    # Of all packages, most require the first one.
    (("requires:1",), ()),
    (("requires:1", "is:active"), ("used_by",)),
    (("-requires:1",), ()),
    (("requires:any",), ()),
    (("used_by:10..",), ()),
    (("is:archived",), ("used_by",)),
    ((), ("used_by",)),
    ((), ("requires",)),
)
TARGETS = {FULL: "10", TENFOLD: "60"}


def tables(session: Session) -> Iterator[Table]:
    """Measure each query on the mirror and on one that is ten times as large."""
    sizes = (session.packages, session.packages * 10)
    figures: dict[str, list[str]] = {}
    header = ["query"]
    for size in sizes:
        header += [f"of {size:,}", "ms", "target"]
        with open_read(session.mirror(size)) as db:
            for words, sorts in QUERIES:
                found, seconds = _measure(db, words, sorts, runs=QUICK.runs if session.quick else 15)
                typed = " ".join([*words, *(f"--sort {sort}" for sort in sorts)]) or "(all)"
                figures.setdefault(typed, []).extend((f"{found:,}", f"{seconds * 1000:.1f}", TARGETS.get(size, "")))
            found, seconds = _measure_dependents(db, runs=QUICK.runs if session.quick else 15)
            figures.setdefault("(what requires 1, in show)", []).extend(
                (f"{found:,}", f"{seconds * 1000:.1f}", TARGETS.get(size, ""))
            )
    yield Table("query", tuple(header), [(typed, *cells) for typed, cells in figures.items()])


def _measure_dependents(db: sqlite3.Connection, *, runs: int) -> tuple[int, float]:
    """Return the number of packages that require the first one, and the median of the seconds of reading them."""
    seconds = []
    found = 0
    for _ in range(runs):
        start = perf_counter()
        found = len(get_dependencies(db, 1, now=NOW).used_by)
        seconds.append(perf_counter() - start)
    return found, median(seconds)


def _measure(db: sqlite3.Connection, words: Sequence[str], sorts: Sequence[str], *, runs: int) -> tuple[int, float]:
    """Return the number of matches and the median of the seconds."""
    seconds = []
    found = 0
    for _ in range(runs):
        start = perf_counter()
        found = len(listing.find_ids(db, parser.parse_query(words, now=NOW), parser.parse_sort(sorts)))
        seconds.append(perf_counter() - start)
    return found, median(seconds)
