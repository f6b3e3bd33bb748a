"""The rules of `djpkg.model.state` as SQL over ``packages``, and the further conditions of ``is:``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.model.state import ACTIVE_DAYS, BY_LIVELINESS, NAMES
from djpkg.times import MAX_AHEAD

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATED = {
    "gone": "(packages.repo_state = 'gone' OR (packages.repo_state = 'none' AND packages.pypi_state = 'gone'))",
    "blocked": "packages.repo_state = 'blocked'",
    "archived": "packages.archived = 1",
    "moved": "(packages.repo_state = 'moved' OR packages.moved_to <> '')",
    "yanked": "packages.yanked = 1",
    "empty": "packages.repo_state = 'empty'",
}
# + keeps SQLite from using the indexes of these times: is:active in 5,800 packages takes 2 ms instead of 10.
_ACTIVE = (
    "(+packages.last_updated_utc BETWEEN {since} AND {latest} OR +packages.released_utc BETWEEN {since} AND {latest})"
)
_OLD = "(+packages.last_updated_utc < {since} OR +packages.released_utc < {since})"
_KNOWN = "(+packages.last_updated_utc <= {latest} OR +packages.released_utc <= {latest})"
# A comparison with null is null: coalesce makes it false.
_SHOWN = {
    "removed": "packages.catalog_state = 'removed'",
    **_STATED,
    "active": _ACTIVE,
    "stale": f"({_OLD} AND NOT coalesce({_ACTIVE}, 0))",
    "unknown": f"NOT coalesce({_KNOWN}, 0) AND NOT coalesce({' OR '.join(_STATED.values())}, 0)",
}
_CONDITIONS = _SHOWN | {
    "gone": "(packages.repo_state IN ('gone', 'blocked') OR packages.pypi_state = 'gone')",
    "listed": "packages.catalog_state = 'listed'",
    "edited": "packages.edited <> '[]'",
    "tagged": "packages.tags <> '[]'",
}


_TIME = re.compile(r"\{(since|latest)\}")
_SINCE = f"(SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', '{{today}}', '-{ACTIVE_DAYS} days'))"
_LATEST = f"(SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', '{{today}}', '+{MAX_AHEAD.days} day'))"


def condition_sql(name: str, *, since: str, latest: str) -> tuple[str, tuple[str, ...]]:
    """Return the condition of ``is:NAME`` and its values; see `djpkg.model.state.active_period` for the times."""
    times = {"since": since, "latest": latest}
    condition = _CONDITIONS[name]
    return _TIME.sub("?", condition), tuple(times[time] for time in _TIME.findall(condition))


def state_sql(*, today: str) -> str:
    """Return the expression for the word that is shown; `today` is the time, in SQLite's terms."""
    return _case({name: f"'{name}'" for name in NAMES}, today)


def state_position_sql(*, today: str) -> str:
    """Return the expression for the position of that word in the order of ``--sort state``."""
    return _case({name: str(BY_LIVELINESS.index(name)) for name in NAMES}, today)


def _case(results: Mapping[str, str], today: str) -> str:
    *others, last = NAMES
    cases = " ".join(f"WHEN {_SHOWN[name]} THEN {results[name]}" for name in others)
    times = {"since": _SINCE.format(today=today), "latest": _LATEST.format(today=today)}
    return f"CASE {cases.format(**times)} ELSE {results[last]} END"
