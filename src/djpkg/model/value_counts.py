"""How many packages have each value of a field."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.model.package import Value


class ValueCount(NamedTuple):
    """A value, or an element of a list, and the number of packages that have it."""

    value: bool | int | str | None
    packages: int


def count_values(values: Iterable[Value]) -> list[ValueCount]:
    """Return the values of one field, those of most packages first; null is a value of its own.

    Elements of lists are counted singly, and each once for a package; of texts by source, the sources. An empty list
    has no elements.
    """
    # True and 1 are equal to Python, but a field has values of one type.
    counts: Counter[bool | int | str | None] = Counter()
    for value in values:
        counts.update(set(value) if isinstance(value, list | dict) else (value,))
    return [ValueCount(*item) for item in sorted(counts.items(), key=_order)]


def _order(item: tuple[bool | int | str | None, int]) -> tuple[int, bool, int, str]:
    value, packages = item
    return -packages, value is None, value if isinstance(value, int) else 0, str(value)
