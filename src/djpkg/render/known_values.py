"""Read a package's values: typed, and without the zeros by which the catalog means "unknown".

A missing value or one of another type counts as unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.counts import COUNTED_STATES, FIGURES
from djpkg.model.fields import parse_columns

if TYPE_CHECKING:
    from djpkg.model.fields import Column
    from djpkg.model.package import Value, Values

# The columns that a row must have beside the shown ones: the state, and what decides whether a number is known.
NEEDED_COLUMNS: tuple[Column, ...] = parse_columns("state,repo_state,edited,commits_last_year")


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
    return number if isinstance(number, int) and (number or name not in FIGURES or _is_stated(values, name)) else None


def weeks(values: Values) -> list[int]:
    """Return the commits of each week, an empty list if unknown."""
    found = values.get("commits_over_52")
    counts = [item for item in found if isinstance(item, int)] if isinstance(found, list) else []
    return counts if any(counts) or values.get("commits_last_year") is not None else []


def value(values: Values, name: str) -> Value:
    """Return a field's value, None for an unknown number."""
    if name in FIGURES:
        return figure(values, name)
    return weeks(values) or None if name == "commits_over_52" else values.get(name)


def _is_stated(values: Values, name: str) -> bool:
    """Return whether a 0 was reported by the forge or set by the user."""
    return name in names(values, "edited") or text(values, "repo_state") in COUNTED_STATES
