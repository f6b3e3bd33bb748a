"""Typed looks at a package's values: what is missing or of another type is nothing, never an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from djpkg.model.package import Values


def text(values: Values, name: str) -> str:
    """A text, "" where there is none."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def number(values: Values, name: str) -> int | None:
    """A number, None where there is none."""
    value = values.get(name)
    return value if isinstance(value, int) else None


def flag(values: Values, name: str) -> bool:
    """Whether something is known to be so."""
    return bool(values.get(name))


def counts(values: Values, name: str = "commits_over_52") -> list[int]:
    """A list of counts, empty where they are unknown."""
    value = values.get(name)
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def names(values: Values, name: str) -> list[str]:
    """A list of texts."""
    value = values.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []
