"""The size of the history: a simulated year of daily fetches, stored by djpkg's own writer."""

from __future__ import annotations

import random
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from djpkg.mirror.connection import create, open_write, transaction
from djpkg.mirror.history import store_values
from djpkg.model.merge import Measured
from tests.benchmarks.fetch import CHANGES
from tests.benchmarks.session import FULL
from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.session import Session

DAYS, WINDOW_DAYS = 365, 364
START = datetime(2026, 1, 1, 3, tzinfo=UTC)
LIVE_SHARE, ACTIVE_SHARE = 0.83, 0.3
"""As in the generated world: packages whose repository is neither archived nor gone, and those with commits in a year.
85 % of the daily pushes go to the latter."""
FORKED, NEWCOMERS = 0.2, 0.2
"""The share of packages with new stars that also get a fork, and of pushes by a new contributor."""


def tables(session: Session) -> Iterator[Table]:
    """Store a year of changes: commits come and leave the window, and stars, forks and contributors change."""
    path = session.folder / "history.db"
    create(path, fill=lambda _: None)
    days = 30 if session.quick else DAYS
    with open_write(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        with transaction(db):
            db.executemany(
                "INSERT INTO packages (id, slug, title) VALUES (?, ?, '')",
                ((number, f"p{number}") for number in range(session.packages)),
            )
        sizes = []
        for day, measured in enumerate(_days(session.packages, days)):
            with transaction(db):
                store_values(db, measured, now=START + timedelta(days=day))
            sizes.append(path.stat().st_size)
        (rows,) = db.execute("SELECT count(*) FROM history").fetchone()
    grown = (sizes[-1] - sizes[0]) / 1e6
    full = session.packages == FULL and not session.quick
    yield Table(
        f"history: {days} days of {session.packages:,} packages",
        ("value of", "value", "target"),
        [
            ("rows", f"{rows:,}", ""),
            ("growth in MB", f"{grown:.1f}", "10" if full else ""),
            ("bytes per row", f"{grown * 1e6 / max(1, rows - session.packages):.0f}", ""),
        ],
        (f"per day, {CHANGES['moved']:.0%} of the packages get commits and {CHANGES['starred']:.0%} stars",),
    )


def _days(packages: int, days: int) -> Iterator[dict[int, Measured]]:
    """Yield the values of all packages, day by day."""
    rng = random.Random(1)  # noqa: S311 - the same year each time
    order, live, active = list(range(packages)), round(packages * LIVE_SHARE), range(round(packages * ACTIVE_SHARE))
    stars = [int(rng.paretovariate(0.6)) for _ in range(packages)]
    forks = [count // 5 for count in stars]
    contributors = [min(int(rng.paretovariate(1.1)), 250) for _ in range(packages)]
    commits: Counter[int] = Counter()
    pushes: deque[list[tuple[int, int]]] = deque()  # one list of packages and commits per day of the window
    for day in range(WINDOW_DAYS + days):
        pushes.append([])
        for _ in range(round(packages * CHANGES["moved"])):
            number = rng.choice(active) if rng.random() < 0.85 else rng.randrange(live)
            count = rng.choice((1, 1, 1, 2, 4))
            pushes[-1].append((number, count))
            commits[number] += count
            contributors[number] += rng.random() < NEWCOMERS
        if len(pushes) > WINDOW_DAYS:
            commits.subtract(dict(_sums(pushes.popleft())))
        for number in rng.sample(range(live), round(live * CHANGES["starred"])):
            stars[number] += rng.choice((-1, 1, 1, 2))
            forks[number] += rng.random() < FORKED
        if day >= WINDOW_DAYS:
            rng.shuffle(order)  # answers come in any order
            yield {
                number: Measured(
                    stars[number], forks[number], contributors[number], commits[number], f"github.com/p/{number}"
                )
                for number in order
            }


def _sums(pushes: list[tuple[int, int]]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for number, count in pushes:
        counts[number] += count
    return counts
