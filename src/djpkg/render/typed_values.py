"""Read a package's values with a type. A missing value or one of another type counts as unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from djpkg.model.package import Values


def text(values: Values, name: str) -> str:
    """Return a text, "" if unknown."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def number(values: Values, name: str) -> int | None:
    """Return a number, None if unknown."""
    value = values.get(name)
    return value if isinstance(value, int) else None


def flag(values: Values, name: str) -> bool:
    """Return whether a value is known and true."""
    return bool(values.get(name))


def counts(values: Values, name: str = "commits_over_52") -> list[int]:
    """Return a list of counts, empty if unknown."""
    value = values.get(name)
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def names(values: Values, name: str) -> list[str]:
    """Return a list of texts, empty if unknown."""
    value = values.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []
