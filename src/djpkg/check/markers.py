"""Evaluate environment markers (PEP 508) for Linux and one Python, whatever machine the command runs on."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from djpkg.check.series import MAX_MICRO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.check.series import Series

# Which extras and groups are installed, and which kernel runs, is not known.
_UNKNOWN = frozenset(("extra", "extras", "dependency_groups", "platform_release", "platform_version"))
_PYTHON = frozenset(("python_version", "python_full_version", "implementation_version"))
_COMPARISON = re.compile(r'(python_version|sys_platform) (==|!=|<=|>=|<|>) "([a-z0-9.]+)"')
_VALUE = r"""(?:"[^"]*"|'[^']*'|[a-z_.]+)"""
# Strings, compiled at first use: most markers are simple.
_ATOM = rf"({_VALUE})\s*(?:\bnot\s+in\b|\bin\b|===|==|~=|!=|<=|>=|<|>)\s*({_VALUE})"
_TRUE = 'os_name == "posix"'
# The third number of a version of Python in a marker.
_MICRO = r"[0-9]+\.[0-9]+\.([0-9]{1,2})\b"


@lru_cache(maxsize=4096)
def applies(marker: str | None, python: Series | None) -> bool:
    """Return whether a requirement with this marker may count on Linux with a CPython of that series.

    A comparison whose result is not known counts as true: with an extra, a group, or a Python that is not known. A
    marker that is invalid or cannot be evaluated counts too.
    """
    if marker is None:
        return True
    simple = _COMPARISON.fullmatch(marker)
    if simple is not None:
        found = _compare(simple[1], simple[2], simple[3], python)
        if found is not None:
            return found
    from packaging.markers import Marker  # noqa: PLC0415 - few have markers

    unknown = _UNKNOWN if python is not None else _UNKNOWN | _PYTHON
    # A marker has no negation, so that it may apply if it does where all that is unknown is true.
    known = re.sub(_ATOM, lambda atom: atom[0] if unknown.isdisjoint(atom.groups()) else _TRUE, marker)
    try:
        parsed = Marker(known)
        return any(parsed.evaluate(environment) for environment in _environments(known, python))
    except (ValueError, RecursionError):  # all errors of `packaging` about markers, versions and comparisons
        return True


def _environments(marker: str, python: Series | None) -> Iterator[dict[str, str]]:
    """Yield the environments in which a marker may differ: one, or one for each release of Python that it names."""
    micros = {0}
    if "full_version" in marker or "implementation_version" in marker:
        named = {int(micro) for micro in re.findall(_MICRO, marker)}
        micros = {0, MAX_MICRO} | {one + step for one in named for step in (-1, 0, 1) if 0 <= one + step <= MAX_MICRO}
    for micro in sorted(micros):
        full = "" if python is None else f"{python}.{micro}"
        yield {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": full,
            "python_version": "" if python is None else str(python),
            "sys_platform": "linux",
        }


def _compare(variable: str, operator: str, value: str, python: Series | None) -> bool | None:
    """Return the result of one comparison without `packaging`, None where it needs more than equality or numbers."""
    if variable == "sys_platform":
        return {"==": value == "linux", "!=": value != "linux"}.get(operator)
    if python is None:
        return True
    numbers = value.split(".")
    if len(numbers) > len(python) or not all(map(str.isdecimal, numbers)):
        return None
    other = (*map(int, numbers), 0)[: len(python)]
    results = {
        "==": python == other,
        "!=": python != other,
        "<=": python <= other,
        ">=": python >= other,
        "<": python < other,
        ">": python > other,
    }
    return results[operator]
