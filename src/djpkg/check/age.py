"""How old the answers are that a check judges by, and whether that is too old."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.check.report import Failure, MirrorAge
from djpkg.check.verdict import DJANGO
from djpkg.text import join_some, pluralize
from djpkg.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from djpkg.check.facts import MirrorFacts, PackageFacts

FETCH = "run djpkg fetch --all, djpkg fetch --from URL for a snapshot, or djpkg check --fetch"
"""The next step where the mirror has nothing to judge by."""

_NO_TIME = timedelta()
_NAMES_SHOWN = 3


def mirror_age(mirror: MirrorFacts, *, packages: Iterable[PackageFacts], now: datetime) -> MirrorAge:
    """Return the age of the oldest last answer about these packages, or of the last sweep if that is older."""
    times = (time for facts in packages for time in last_answers(facts) if time is not None)
    answered = parse_time(min(times, default=None))
    known = [moment for moment in (mirror.swept, answered) if moment is not None]
    return MirrorAge(mirror.swept, answered, max(now - min(known), _NO_TIME).days if known else None)


def last_answers(facts: PackageFacts) -> list[str | None]:
    """Return when each source that is asked about a package last answered, None for never.

    What is gone is asked again after up to 30 days, so that its source does not count.
    """
    is_gone = {facts.forge: facts.repo_state in ("gone", "blocked"), "pypi": facts.pypi_state == "gone"}
    return [facts.checked.get(source) for source in facts.sources if not is_gone[source]]


def find_failure(
    required: Collection[str],
    packages: Mapping[str, PackageFacts],
    mirror: MirrorFacts,
    *,
    oldest: datetime | None,
    max_age: str,
) -> Failure | None:
    """Return why it cannot be judged: the catalog was never read completely, or an answer is older than `--max-age`.

    Without a complete catalog, a name that it does not have may be that of a package that is not listed, or not read.
    `packages` are those of the names that the mirror has.
    """
    if mirror.swept is None:
        unknown = sum(name not in mirror.packages and name != DJANGO for name in required)
        if required and not packages:
            return Failure("the mirror has no catalog yet", FETCH)
        if unknown:
            return Failure(f"the catalog was never read completely: {unknown:,} unknown", FETCH)
    if oldest is None:
        return None
    if mirror.swept is None:
        return Failure(f"the catalog was never read completely (--max-age {max_age})", FETCH)
    if mirror.swept < oldest:
        day = mirror.swept.date()
        return Failure(f"the catalog was last read on {day}, longer ago than --max-age {max_age}", FETCH)
    if old := _find_old(packages, oldest=oldest):
        amount = f"{len(old):,} of {pluralize(len(packages), 'package')}"
        message = f"forges and PyPI answered longer ago than --max-age {max_age} about {amount}"
        return Failure(f"{message}: {join_some(old, _NAMES_SHOWN)}", FETCH)
    return None


def _find_old(packages: Mapping[str, PackageFacts], *, oldest: datetime) -> list[str]:
    """Return the packages with an answer from before `oldest`, or none: ``a (never)``, ``b (2026-01-02)``."""
    found: list[tuple[str, str]] = []
    for name, facts in packages.items():
        times = [parse_time(time) for time in last_answers(facts)]
        known = [time for time in times if time is not None]
        if len(known) < len(times):
            found.append(("never", name))
        elif known and min(known) < oldest:
            found.append((str(min(known).date()), name))
    return [f"{name} ({when})" for when, name in sorted(found, key=lambda one: (one[0] != "never", *one))]
