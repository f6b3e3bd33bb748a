"""Convert Poetry's version constraints to PEP 440 specifiers (Poetry: "Dependency specification")."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

_CLAUSE = re.compile(r"\s*(\^|~=|~|<>|===?|!=|<=|>=|<|>|=)?\s*([^\s,^~=!<>]+)\s*,?")
_RELEASE = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)")
_SYNONYMS = {"": "==", "=": "==", "<>": "!="}
_EXACT = re.compile(r"==\s*([0-9]+(?:\.[0-9]+)*)\s*")
# `python_version` has two numbers.
_PYTHON_VERSION_PARTS = 2


def to_specifiers(constraint: str) -> tuple[str, ...]:
    """Return one specifier for each alternative of ``^4.2 || ^5.2``; "" allows any version. ValueError if invalid."""
    return tuple(_convert(alternative) for alternative in re.split(r"\|\|?", constraint))


def pinned_version(specifier: str) -> str | None:
    """Return the only version that a valid specifier allows by ``==``, or None."""
    single = _EXACT.fullmatch(specifier)
    if single is not None:
        return single[1]
    exact = (one for one in SpecifierSet(specifier) if one.operator in ("==", "===") and not one.version.endswith(".*"))
    return min((one.version for one in exact), default=None)


def python_marker(constraint: str) -> str:
    """Return the marker for a Poetry constraint on Python; "" for any. ValueError if invalid."""
    alternatives = [
        " and ".join(_python_clause(one.operator, one.version) for one in sorted(SpecifierSet(specifier), key=str))
        for specifier in to_specifiers(constraint)
    ]
    return "" if "" in alternatives else " or ".join(alternatives)


def _python_clause(operator: str, version: str) -> str:
    long = version.removesuffix(".*").count(".") >= _PYTHON_VERSION_PARTS
    return f'{"python_full_version" if long else "python_version"} {operator} "{version}"'


def _convert(constraint: str) -> str:
    clauses: list[str] = []
    position = 0
    text = constraint.strip()
    while position < len(text):
        match = _CLAUSE.match(text, position)
        if match is None:
            raise ValueError(f"invalid version constraint at column {position + 1}")
        clauses += _clauses(match[1] or "", match[2])
        position = match.end()
    specifier = ",".join(clauses)
    try:
        return str(SpecifierSet(specifier))
    except InvalidSpecifier as error:
        raise ValueError("invalid version constraint") from error


def _clauses(operator: str, version: str) -> list[str]:
    if version == "*":
        return []
    if operator in ("^", "~"):
        release = _RELEASE.match(version)
        if release is None:
            raise ValueError("invalid version constraint")
        numbers = [int(part) for part in release[1].split(".")]
        return [f">={version.removesuffix('.*')}", f"<{_upper_bound(numbers, caret=operator == '^')}"]
    operator = _SYNONYMS.get(operator, operator)
    if operator not in ("==", "!="):
        version = version.removesuffix(".*")
    return [f"{operator}{version}"]


def _upper_bound(numbers: list[int], *, caret: bool) -> str:
    """Return the first version above the range: 2 for ``^1.2.3``, 0.3 for ``^0.2.3``, 1.3 for ``~1.2.3``."""
    if caret:
        kept = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        kept = min(1, len(numbers) - 1)
    return ".".join(map(str, [*numbers[:kept], numbers[kept] + 1]))
