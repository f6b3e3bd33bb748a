"""The state of a package in one word: whether it is alive, and if not, why not.

`djpkg.query.states` has the same rules in SQL, for lists.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.times import format_sortable, latest_known, to_sortable

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.model.package import Values

ACTIVE_DAYS = 365


class State(NamedTuple):
    """A word for a state, and its meaning."""

    name: str
    about: str


STATES = (
    State("removed", "no longer listed in the catalog"),
    State("gone", "the repository is gone, or there is none and the PyPI project is gone"),
    State("blocked", "the forge has blocked the repository"),
    State("archived", "the repository is archived"),
    State("moved", "the repository has moved"),
    State("yanked", "the newest release is yanked"),
    State("empty", "the repository has no commits"),
    State("active", f"a commit on the default branch or a release within the last {ACTIVE_DAYS} days"),
    State("stale", f"the last commit and release are older than {ACTIVE_DAYS} days"),
    State("unknown", "no source has stated the date of a commit or release, or any of the above"),
)
"""The words, most important first: a package is shown with the first one that applies."""
NAMES = tuple(state.name for state in STATES)
BY_LIVELINESS = ("active", "stale", "unknown", "empty", "yanked", "moved", "archived", "blocked", "gone", "removed")
"""The words in the order of ``--sort state``: active first."""


def matching_states(values: Values, *, now: datetime) -> tuple[str, ...]:
    """Return all words that apply, most important first; the first one, which always exists, is shown.

    A date more than a day ahead counts as unknown.
    """
    repository = values.get("repo_state")
    since, latest = active_period(now)
    times = (to_sortable(text) for name in ("last_updated", "released") if isinstance(text := values.get(name), str))
    known = [time for time in times if time is not None and time <= latest]
    stated = {
        "gone": repository == "gone" or (repository == "none" and values.get("pypi_state") == "gone"),
        "blocked": repository == "blocked",
        "archived": values.get("archived") is True,
        "moved": repository == "moved" or bool(values.get("moved_to")),
        "yanked": values.get("yanked") is True,
        "empty": repository == "empty",
    }
    is_active = any(time >= since for time in known)
    applies = {
        "removed": values.get("catalog_state") == "removed",
        **stated,
        "active": is_active,
        "stale": bool(known) and not is_active,
        "unknown": not known and not any(stated.values()),
    }
    return tuple(name for name in NAMES if applies[name])


def active_period(now: datetime) -> tuple[str, str]:
    """Return the first and the last time that count as active, in the format of `format_sortable`."""
    return format_sortable(now - timedelta(days=ACTIVE_DAYS)), latest_known(now)
