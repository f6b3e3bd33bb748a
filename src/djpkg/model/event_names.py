"""The kinds of events that a fetch reports."""

from __future__ import annotations

EVENTS = (
    "added", "removed", "back", "released", "yanked", "archived", "unarchived", "moved", "gone", "blocked", "license",
    "suggested",
)  # fmt: skip
"""All kinds of events. Those of the catalog and "suggested" are found while storing, others in `fact_changes`."""
