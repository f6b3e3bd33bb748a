"""Tell known numbers from unknown ones: the catalog uses 0 for "unknown", and such a 0 is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import parse_columns
from djpkg.render import typed_values

if TYPE_CHECKING:
    from djpkg.model.fields import Column
    from djpkg.model.package import Value, Values

# The columns that a row must have beside the numbers.
NEEDED_COLUMNS: tuple[Column, ...] = parse_columns("repo_state,edited")
NO_REPOSITORY = frozenset(("none", "unsupported"))
# The repository states in which a 0 comes from the forge itself.
_COUNTED = frozenset(("ok", "moved", "empty"))
# Each number, and the field that a user edits to set it.
_FIGURES = {
    "repo_watchers": "repo_watchers",
    "repo_forks": "repo_forks",
    "participant_count": "participants",
    "commits_last_year": "commits_over_52",
}


def known_figure(values: Values, name: str) -> int | None:
    """Return one of the forge's numbers, None if unknown. A number above 0 is always known."""
    number = typed_values.number(values, name)
    return number if number or (number == 0 and _is_stated(values, name)) else None


def known_weeks(values: Values) -> list[int]:
    """Return the commits of each week, an empty list if unknown."""
    counts = typed_values.counts(values)
    return counts if any(counts) or _is_stated(values, "commits_last_year") else []


def known_value(values: Values, name: str) -> Value:
    """Return a field's value, None for an unknown number."""
    if name in _FIGURES:
        return known_figure(values, name)
    return known_weeks(values) or None if name == "commits_over_52" else values.get(name)


def _is_stated(values: Values, name: str) -> bool:
    """Return whether a 0 was reported by the forge or set by the user."""
    state = typed_values.text(values, "repo_state")
    if _FIGURES[name] in typed_values.names(values, "edited"):
        return True
    if name == "participant_count":  # only an empty repository has no contributors
        return state == "empty"
    # Unknown weeks are an empty list, so a list of zeros was counted if there is a repository.
    return state not in NO_REPOSITORY if name == "commits_last_year" else state in _COUNTED
