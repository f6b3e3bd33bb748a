"""Read a package's values: typed, and without the zeros by which the catalog means "unknown".

A missing value or one of another type counts as unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import parse_columns

if TYPE_CHECKING:
    from djpkg.model.fields import Column
    from djpkg.model.package import Value, Values

# The columns that a row must have beside the forge's numbers.
NEEDED_COLUMNS: tuple[Column, ...] = parse_columns("repo_state,edited")
NO_REPOSITORY = frozenset(("none", "unsupported"))
# The repository states in which a 0 comes from the forge itself.
_COUNTED = frozenset(("ok", "moved", "empty"))
# Each number of the forge, and the field that a user edits to set it.
_FIGURES = {
    "repo_watchers": "repo_watchers",
    "repo_forks": "repo_forks",
    "participant_count": "participants",
    "commits_last_year": "commits_over_52",
}


def text(values: Values, name: str) -> str:
    """Return a text, "" if unknown."""
    found = values.get(name)
    return found if isinstance(found, str) else ""


def names(values: Values, name: str) -> list[str]:
    """Return a list of texts, empty if unknown."""
    found = values.get(name)
    return [str(item) for item in found] if isinstance(found, list) else []


def figure(values: Values, name: str) -> int | None:
    """Return one of the forge's numbers, None if unknown. A number above 0 is always known."""
    number = values.get(name)
    return number if isinstance(number, int) and (number or _is_stated(values, name)) else None


def weeks(values: Values) -> list[int]:
    """Return the commits of each week, an empty list if unknown."""
    found = values.get("commits_over_52")
    counts = [item for item in found if isinstance(item, int)] if isinstance(found, list) else []
    return counts if any(counts) or _is_stated(values, "commits_last_year") else []


def value(values: Values, name: str) -> Value:
    """Return a field's value, None for an unknown number."""
    if name in _FIGURES:
        return figure(values, name)
    return weeks(values) or None if name == "commits_over_52" else values.get(name)


def _is_stated(values: Values, name: str) -> bool:
    """Return whether a 0 was reported by the forge or set by the user."""
    state = text(values, "repo_state")
    if _FIGURES[name] in names(values, "edited"):
        return True
    if name == "participant_count":  # only an empty repository has no contributors
        return state == "empty"
    # Unknown weeks are an empty list, so a list of zeros was counted if there is a repository.
    return state not in NO_REPOSITORY if name == "commits_last_year" else state in _COUNTED
