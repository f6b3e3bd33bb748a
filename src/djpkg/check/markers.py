"""Weigh environment markers (PEP 508) for Linux and one Python, whatever machine the command runs on."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from djpkg.check.series import Series

# What these depend on is not known: which extras and groups are installed.
_UNKNOWN = re.compile(r"\b(?:extras?|dependency_groups)\b")


_COMPARISON = re.compile(r'(python_version|sys_platform) (==|!=|<=|>=|<|>) "([a-z0-9.]+)"')


@lru_cache(maxsize=4096)
def applies(marker: str | None, python: Series | None) -> bool:
    """Return whether a requirement with this marker counts on Linux with CPython of that series.

    A marker that depends on an extra or a group counts, and on Python if none is known; so does an invalid one.
    """
    if marker is None or _UNKNOWN.search(marker):
        return True
    if python is None and ("python" in marker or "implementation" in marker):
        return True
    simple = _COMPARISON.fullmatch(marker)
    if simple is not None:
        found = _compare(simple[1], simple[2], simple[3], python)
        if found is not None:
            return found
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName  # noqa: PLC0415 - few have markers

    full = "" if python is None else f"{python}.0"
    environment = {
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
    try:
        return Marker(marker).evaluate(environment)
    except (InvalidMarker, UndefinedEnvironmentName, RecursionError):
        return True


def _compare(variable: str, operator: str, value: str, python: Series | None) -> bool | None:
    """Return the result of one comparison without `packaging`, None where it needs more than equality or numbers."""
    if variable == "sys_platform":
        return {"==": value == "linux", "!=": value != "linux"}.get(operator)
    numbers = value.split(".")
    if python is None or len(numbers) > len(python) or not all(map(str.isdecimal, numbers)):
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
