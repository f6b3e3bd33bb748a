"""Series of versions (``5.2`` of Django, ``3.12`` of Python) and whether a specifier admits a release of one.

A series stands for its releases X.Y.0 to X.Y.99. Specifiers of the usual forms are compared as numbers: one run
compares hundreds of them, and `packaging` would take a second to try each release.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Callable

_CLAUSE = re.compile(r"\s*(~=|==|!=|<=|>=|<|>)\s*v?([0-9]{1,6}(?:\.[0-9]{1,6}){0,2})(\.\*)?\s*")
_SERIES = re.compile(r"\s*v?([0-9]{1,4})\.([0-9]{1,4})(?![0-9]).*", re.DOTALL)
# Longer versions count as invalid.
_MAX_VERSION = 200
MAX_MICRO = 99
"""The highest third number of a release that is tried."""


class Series(NamedTuple):
    """A series; series compare as numbers, so that 4.10 follows 4.9."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class Admission(NamedTuple):
    """Which releases of a series a specifier admits: any, else whether all that it admits lie above the series."""

    admits: bool
    is_ahead: bool


@lru_cache(maxsize=16_384)
def parse_version(text: str | None) -> Version | None:
    """Return a version (PEP 440), None if it is invalid."""
    try:
        return None if text is None or len(text) > _MAX_VERSION else Version(text)
    except InvalidVersion:
        return None


@lru_cache(maxsize=4096)
def parse_series(text: str) -> Series | None:
    """Return the series of a version: ``5.2`` of ``5.2``, ``5.2.8`` and ``5.2rc1``. None for other versions.

    Other versions are invalid ones, those with an epoch, and those without two numbers of up to four digits.
    """
    match = _SERIES.fullmatch(text)
    if match is None or parse_version(text) is None:
        return None
    return Series(int(match[1]), int(match[2]))


@lru_cache(maxsize=4096)
def match_specifier(specifier: str, series: Series) -> Admission:
    """Return which releases of the series a specifier (PEP 440) admits; an invalid specifier admits all."""
    clauses: list[tuple[str, tuple[int, ...]]] = []
    for clause in filter(None, map(str.strip, specifier.split(","))):
        match = _CLAUSE.fullmatch(clause)
        if match is None or (match[3] and match[1] not in ("==", "!=")) or (match[1] == "~=" and "." not in match[2]):
            return _match_slowly(specifier, series)
        clauses.append((match[1] + (match[3] or ""), tuple(map(int, match[2].split(".")))))
    # A clause admits or refuses all releases between these, so that trying them is trying all.
    edges = {numbers[-1] for _, numbers in clauses if len(numbers) > len(series)}
    micros = {0, 1, MAX_MICRO} | {edge + step for edge in edges for step in (-1, 0, 1) if 0 <= edge + step <= MAX_MICRO}
    admitted = micros
    above = below = False
    for operator, numbers in clauses:
        found = {micro for micro in micros if _fits((*series, micro), operator, numbers)}
        if not found and operator[0] != "!":
            is_low = _is_lower_bound(operator, (*series, MAX_MICRO) < numbers)
            above, below = above or is_low, below or not is_low
        admitted = admitted & found
    if not (admitted or above or below):
        above = _starts_later(series, lambda release: all(_fits(release, *clause) for clause in clauses))
    return Admission(bool(admitted), above and not below)


def _starts_later(series: Series, admits: Callable[[tuple[int, int, int]], bool]) -> bool:
    """Return whether clauses that each admit releases of a series, but not the same, admit only later ones.

    That is so for ``>=5.2,!=5.2.*`` and 5.2. The nearest releases on both sides are tried.
    """
    major, minor = series
    later = [(major, minor + 1, 0), (major + 1, 0, 0)]
    earlier = [(major, minor - 1, MAX_MICRO)] if minor else [(major - 1, MAX_MICRO, MAX_MICRO)] if major else []
    return any(map(admits, later)) and not any(map(admits, earlier))


def _is_lower_bound(operator: str, lies_above: bool) -> bool:  # noqa: FBT001 - a comparison
    """Return whether a clause that admits no release of a series admits later ones."""
    return operator[0] == ">" or (operator[0] != "<" and lies_above)


def _fits(release: tuple[int, int, int], operator: str, numbers: tuple[int, ...]) -> bool:
    """Return whether a clause admits a release of three numbers; `numbers` are one to three."""
    length = len(numbers)
    padded = (*numbers, 0, 0)[:3]
    match operator:
        case "==":
            return release == padded
        case "!=":
            return release != padded
        case "==.*":
            return release[:length] == numbers
        case "!=.*":
            return release[:length] != numbers
        case "~=":
            return release >= padded and release[: length - 1] == numbers[:-1]
        case ">=":
            return release >= padded
        case ">":
            return release > padded
        case "<=":
            return release <= padded
        case _:
            return release < padded


def _match_slowly(specifier: str, series: Series) -> Admission:
    """Return the same for any specifier: with prereleases, epochs, more numbers, or ``===``."""
    try:
        parsed = SpecifierSet(specifier)
    except InvalidSpecifier:
        return Admission(admits=True, is_ahead=False)
    releases = [f"{series}.{micro}" for micro in range(MAX_MICRO + 1)]
    admitted = any(parsed.contains(release, prereleases=True) for release in releases)
    above = below = False
    for clause in parsed:
        if clause.operator == "!=" or any(clause.contains(release, prereleases=True) for release in releases):
            continue
        try:
            lies_above = Version(releases[-1]) < Version(clause.version.removesuffix(".*"))
        except ValueError:  # === compares texts
            lies_above = False
        is_low = _is_lower_bound(clause.operator, lies_above)
        above, below = above or is_low, below or not is_low
    if not (admitted or above or below):
        above = _starts_later(series, lambda release: parsed.contains(".".join(map(str, release)), prereleases=True))
    return Admission(admitted, above and not below)


def lowest_series(specifier: str, candidates: list[Series]) -> Series | None:
    """Return the first of the sorted candidates of which the specifier admits a release; None without a lower bound."""
    if not candidates or match_specifier(specifier, Series(candidates[0].major, 0)).admits:
        return None
    return next((series for series in candidates if match_specifier(specifier, series).admits), None)
