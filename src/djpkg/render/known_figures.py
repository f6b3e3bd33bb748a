"""Which figures of a package are known: where nobody has counted, the directory writes 0, which is not to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import parse_columns
from djpkg.render import typed_values as look

if TYPE_CHECKING:
    from djpkg.model.fields import Column
    from djpkg.model.package import Value, Values

# What is looked at beside the figure itself.
NEEDED: tuple[Column, ...] = parse_columns("repo_state,edited")
NO_REPOSITORY = frozenset(("none", "unsupported"))
# The states of a repository that a forge has counted in: a 0 is its own.
_COUNTED = frozenset(("ok", "moved", "empty"))
# Each figure with the field that a user edits to state it.
_FIGURES = {
    "repo_watchers": "repo_watchers",
    "repo_forks": "repo_forks",
    "participant_count": "participants",
    "commits_last_year": "commits_over_52",
}


def known_figure(values: Values, name: str) -> int | None:
    """One of the forge's figures; None where it is unknown. More than 0 is known, whoever stated it."""
    number = look.number(values, name)
    return number if number or (number == 0 and _is_stated(values, name)) else None


def known_weeks(values: Values) -> list[int]:
    """The commits of each week, none where they are unknown."""
    counts = look.counts(values)
    return counts if any(counts) or _is_stated(values, "commits_last_year") else []


def known_value(values: Values, name: str) -> Value:
    """A field's value, None where it is a figure that is unknown."""
    if name in _FIGURES:
        return known_figure(values, name)
    return known_weeks(values) or None if name == "commits_over_52" else values.get(name)


def _is_stated(values: Values, name: str) -> bool:
    """Whether a 0 is somebody's statement."""
    state = look.text(values, "repo_state")
    if _FIGURES[name] in look.names(values, "edited"):
        return True
    if name == "participant_count":  # a list that is empty was never filled, unless there is nothing to contribute to
        return state == "empty"
    # Weeks are a list, empty where they are unknown: one of zeros was counted, if there is something to count in.
    return state not in NO_REPOSITORY if name == "commits_last_year" else state in _COUNTED
