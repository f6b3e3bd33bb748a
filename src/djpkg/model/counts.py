"""The numbers of commits and contributors of a package, None where nobody has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.weekly_commits import WEEKS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def count_commits(values: Mapping[str, object], edited: Collection[str] = ()) -> int | None:
    """Return the sum of the weekly commits, which count only if there are 52 weeks.

    The catalog writes zeros also for packages without a repository; those that the user wrote count.
    """
    weeks = values["commits_over_52"]
    commits = sum(n for n in weeks if isinstance(n, int)) if isinstance(weeks, list) and len(weeks) == WEEKS else None
    if commits == 0 and "commits_over_52" not in edited and values["repo_state"] in ("none", "unsupported"):
        return None
    return commits


def count_contributors(values: Mapping[str, object], edited: Collection[str] = ()) -> int | None:
    """Return the number of contributors. The catalog has an empty list where it knows none."""
    names = values["participants"]
    contributors = len(names) if isinstance(names, list) else 0
    is_counted = contributors or "participants" in edited or values["repo_state"] == "empty"
    return contributors if is_counted else None
