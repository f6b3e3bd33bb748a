"""One-word states of a package, such as archived, gone and moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.render import known_values

if TYPE_CHECKING:
    from djpkg.model.package import Values

# Shown in red: the project is over.
FINAL = frozenset(("archived", "gone"))
_REPOSITORY_STATES = frozenset(("gone", "blocked", "moved"))


def package_states(values: Values) -> list[str]:
    """Return those of ``archived``, ``gone``, ``blocked``, ``moved``, ``removed``, ``yanked`` that apply."""
    found = ["archived"] if values.get("archived") else []
    state = known_values.text(values, "repo_state")
    if state in _REPOSITORY_STATES:
        found.append(state)
    if known_values.text(values, "catalog_state") == "removed":
        found.append("removed")
    if values.get("yanked"):
        found.append("yanked")
    return found


def state_style(state: str) -> str:
    """Return red for final states and magenta for others; both are readable on dark and light backgrounds."""
    return "bold red" if state in FINAL else "magenta"
