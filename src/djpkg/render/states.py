"""What is to be said of a package beside its figures, in one word each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.render import typed_values as look

if TYPE_CHECKING:
    from djpkg.model.package import Values

# The only words in red: nothing more is to be expected there.
FINAL = frozenset(("archived", "gone"))
_OF_REPOSITORIES = frozenset(("gone", "blocked", "moved"))


def states(values: Values) -> list[str]:
    """Those of ``archived``, ``gone``, ``blocked``, ``moved``, ``removed``, ``yanked`` that hold, the gravest first."""
    found = ["archived"] if look.flag(values, "archived") else []
    state = look.text(values, "repo_state")
    if state in _OF_REPOSITORIES:
        found.append(state)
    if look.text(values, "catalog_state") == "removed":
        found.append("removed")
    if look.flag(values, "yanked"):
        found.append("yanked")
    return found


def style(state: str) -> str:
    """The style of a state's word: red for what is final, magenta for the others, which shows on dark and light."""
    return "bold red" if state in FINAL else "magenta"
