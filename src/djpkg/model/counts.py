"""Which numbers of a package are known: commits and contributors are None where they were not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.weekly_commits import WEEKS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


FIGURES = frozenset(("repo_watchers", "repo_forks"))
"""The numbers of the record in which the catalog writes 0 for "unknown"."""
COUNTED_STATES = ("ok", "moved", "empty")
"""The repository states in which a 0 comes from the forge itself."""
_UNCOUNTED_STATES = ("none", "unsupported", "gone", "blocked")


def count_commits(values: Mapping[str, object], edited: Collection[str] = (), *, counted: bool = False) -> int | None:
    """Return the sum of the weekly commits, which count only if there are 52 weeks.

    The catalog writes zeros also where it could not read a repository. Zeros that the user wrote count, and those that
    the forge's commits gave (`counted`).
    """
    weeks = values["commits_over_52"]
    commits = sum(n for n in weeks if isinstance(n, int)) if isinstance(weeks, list) and len(weeks) == WEEKS else None
    is_known = counted or "commits_over_52" in edited or values["repo_state"] not in _UNCOUNTED_STATES
    if commits == 0 and not is_known:
        return None
    return commits


def count_contributors(values: Mapping[str, object], edited: Collection[str] = ()) -> int | None:
    """Return the number of contributors. The catalog has an empty list where it knows none."""
    names = values["participants"]
    contributors = len(names) if isinstance(names, list) else 0
    is_counted = contributors or "participants" in edited or values["repo_state"] == "empty"
    return contributors if is_counted else None
