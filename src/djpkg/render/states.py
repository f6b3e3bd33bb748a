"""The state of a package on a terminal: its word, its colour, and why it is in that state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.state import ACTIVE_DAYS, matching_states
from djpkg.render import known_values, relative_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from djpkg.model.package import Values

# Shown in red: the project is over.
FINAL = frozenset(("archived", "gone"))
# A package in one of these states is never the best of a comparison.
NEVER_BEST = frozenset(("removed", "gone", "blocked", "archived", "empty", "stale", "unknown"))
# Not what a source reported about the package, but the absence of news. In the default colour.
_QUIET = frozenset(("empty", "stale", "unknown"))

_REASONS = {
    "removed": "no longer listed in the catalog",
    "blocked": "the forge has blocked the repository",
    "yanked": "the newest release is yanked",
    "empty": "the repository has no commits",
    "stale": f"no known commit or release in the last {ACTIVE_DAYS} days",
    "unknown": "no date of a commit or a release is known",
}


def state_word(values: Values) -> str:
    """Return the state as a terminal shows it: "" for ``active``, which needs no attention."""
    state = known_values.text(values, "state")
    return "" if state == "active" else state


def state_style(state: str) -> str:
    """Return red for final states, magenta for other news; both are readable on dark and light backgrounds."""
    if state in FINAL:
        return "bold red"
    return "" if state in _QUIET or not state else "magenta"


def state_reasons(values: Values, *, now: datetime) -> Iterator[str]:
    """Yield a sentence for each state that applies and is not ``active``, the shown one first.

    A moved repository is left out: the card shows where it is. Beside another state, so is what follows from it.
    """
    if not state_word(values):
        return
    shown, *others = matching_states(values, now=now)
    for state in (shown, *(other for other in others if other not in _QUIET)):
        if state == "archived":
            yield _archived(values, now)
        elif state == "gone":
            yield "the repository is gone" if values.get("repo_state") == "gone" else "the PyPI project is gone"
        elif state in _REASONS:
            yield _REASONS[state]


def _archived(values: Values, now: datetime) -> str:
    date = known_values.text(values, "archived_at")
    if not date:
        return "the repository is archived"
    return f"archived on {relative_time.iso_date(date)}, {relative_time.relative(date, now=now)}"
