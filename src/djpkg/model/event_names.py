"""The kinds of events that a fetch reports, and parsing of those that a user types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import UsageError
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENTS = (
    "added", "removed", "back", "released", "yanked", "archived", "unarchived", "moved", "gone", "blocked", "license",
    "suggested",
)  # fmt: skip
"""All kinds of events. Those of the catalog and "suggested" are found while storing, others in `fact_changes`."""


def parse_events(texts: Iterable[str]) -> list[str]:
    """Return the names in texts such as ``"archived,gone"``, each once.

    UsageError for an unknown name, with the nearest one, and for a text without a name.
    """
    names: list[str] = []
    for text in texts:
        given = [name for name in (part.strip().lower() for part in text.split(",")) if name]
        if not given:
            message = "--event needs at least one name"
            raise UsageError(message, hint=_all())
        names += given
    for name in names:
        if name not in EVENTS:
            raise UsageError(f"unknown event {quote_input(name)}", hint=_nearest(name))
    return list(dict.fromkeys(names))


def _nearest(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only after a typing error

    near = get_close_matches(name, EVENTS, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else _all()


def _all() -> str:
    return f"use one of: {', '.join(EVENTS)}"
