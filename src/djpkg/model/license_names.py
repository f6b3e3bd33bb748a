"""Recognize licenses under their many names: SPDX identifiers, classifiers of PyPI, and texts such as ``GPLv3+``.

A text is reduced to the licenses that it names, so that two spellings of one license compare equal and a query for one
license finds all its spellings. Full names come from the SPDX license list and from the classifiers of PyPI.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# Longer texts, and expressions with more parentheses, are compared as they are.
_MAX_LENGTH = 2_000
_MAX_PARENTHESES = 30

# Between the words of a name.
_GAP = r"[\s'\"\u2018-\u201d_-]+"
_PUBLIC = rf"public{_GAP}licen[cs]e"
# After "Affero" and "Lesser": "GNU GPL", "General Public License", and "Public License".
_GNU = rf"(?:gnu{_GAP})?(?:(?:general{_GAP})?{_PUBLIC}|gpl)"
# Families and the patterns of their names. A name is consumed by the first family, so longer names come first.
_FAMILIES: tuple[tuple[str, str], ...] = (
    ("AGPL", rf"(?:gnu{_GAP})?affero{_GAP}{_GNU}|a-?gpl"),
    ("LGPL", rf"(?:gnu{_GAP})?(?:library{_GAP}or{_GAP}lesser|lesser|library){_GAP}{_GNU}|l-?gpl"),
    ("GPL", rf"gnu{_GAP}{_PUBLIC}|(?:gnu{_GAP})?general{_GAP}{_PUBLIC}|gpl"),
    ("GFDL", rf"gnu{_GAP}free{_GAP}documentation{_GAP}licen[cs]e|gfdl|fdl"),
    ("EUPL", rf"european{_GAP}union{_GAP}{_PUBLIC}|eupl"),
    ("MPL", rf"mozilla{_GAP}{_PUBLIC}|mpl"),
    ("EPL", rf"eclipse{_GAP}{_PUBLIC}|epl"),
    ("ZPL", rf"zope{_GAP}{_PUBLIC}|zpl"),
    ("CDDL", rf"common{_GAP}development{_GAP}and{_GAP}distribution{_GAP}licen[cs]e|cddl"),
    ("0BSD", r"zero-clause\s+bsd|bsd\s+zero\s+clause|0bsd"),
    ("BSD", r"bsd"),
    ("MIT-0", r"mit\s+no\s+attribution|mit-0"),
    ("MIT", r"mit|expat"),
    ("ISC", r"iscl?"),
    ("Apache", r"apache|asl"),
    ("PSF", r"python\s+software\s+foundation|psf|python"),
    ("CC0", r"cc0|cc\s+zero|creative\s+commons\s+zero"),
    ("Unlicense", r"unlicense"),
    ("WTFPL", rf"do\s+what\s+the\s+f\S+\s+you\s+want\s+to\s+{_PUBLIC}|wtfpl"),
    ("Zlib", r"zlib(?:/libpng)?|libpng"),
    ("BSL", r"boost\s+software\s+licen[cs]e|boost|bsl"),
    ("Artistic", r"artistic"),
    ("AFL", r"academic\s+free\s+licen[cs]e|afl"),
    ("OSL", r"open\s+software\s+licen[cs]e|osl"),
    ("UPL", r"universal\s+permissive\s+licen[cs]e|upl"),
    ("Public Domain", r"public\s+domain"),
    ("Proprietary", r"proprietary"),
)
_FAMILY = "|".join(f"(?P<f{place}>{pattern})" for place, (_, pattern) in enumerate(_FAMILIES))
# Any other SPDX identifier with a version: CC-BY-SA-4.0.
_OTHER = r"(?P<other>[a-z][a-z0-9]*(?:-[a-z0-9]+){0,8}-[0-9]{1,2}\.[0-9]{1,2})"
_NUMBERS = {"two": "2", "simplified": "2", "freebsd": "2", "three": "3", "new": "3", "modified": "3", "revised": "3"}
_NUMBERS |= {"four": "4", "original": "4", "old": "4"}
_BSD_WORD = "[234]|" + "|".join(_NUMBERS)
# A string, compiled at first use: most runs read no license, and compiling takes 5 ms.
_NAME = (
    rf"(?i)(?<![a-z0-9])(?:(?P<before>{_BSD_WORD})[\s-]+(?:clause[\s-]+)?(?=bsd))?"
    rf"(?:{_FAMILY}|{_OTHER})(?![a-uw-z])(?:\s+software)?(?:\s+licen[cs]e)?"
    # The version: "v3", "-2.0", ", Version 2.0", "(2.1".
    r"(?:[\s,(-]{0,3}(?:version|ver\.?|v\.?)?[\s-]?(?P<version>[0-9]{1,2}(?:\.[0-9]{1,2})*)(?![0-9a-z]))?"
    r"(?:[\s-]*clauses?(?P<variant>-[a-z-]+)?)?"
    r"(?P<later>\+|[\s-]+or[\s-]+(?:any\s+)?(?:later|newer|greater|above))?(?P<only>[\s-]+only)?"
)
_NOISE = r"[\s,;:()/_-]+|\b(?:the|licen[cs]ed?|version)\b"


class License(NamedTuple):
    """One license: its family, and where they are stated its version (``3``, ``2.1``) and ``only`` or ``later``."""

    family: str
    version: str | None = None
    clause: str | None = None


def find_licenses(text: str) -> frozenset[License]:
    """Return the known licenses that a text names; empty if it names none."""
    return _find(text) if len(text) <= _MAX_LENGTH else frozenset()


def is_same_license(one: str, other: str) -> bool:
    """Return whether two texts may name the same licenses, one of them perhaps less precisely.

    ``BSD License`` and ``BSD-3-Clause`` are the same, ``BSD-2-Clause`` and ``BSD-3-Clause`` are not. Two SPDX
    expressions have to combine their licenses alike, too: ``MIT OR GPL-3.0`` is not ``MIT AND GPL-3.0``.
    """
    expressions = spdx_expression(one), spdx_expression(other)
    if None not in expressions and len(set(map(_parse_expression, filter(None, expressions)))) > 1:
        return False
    first, second = find_licenses(one), find_licenses(other)
    if not first or not second:
        return re.sub(_NOISE, " ", one.lower()).split() == re.sub(_NOISE, " ", other.lower()).split()
    return _have_counterparts(first, second) and _have_counterparts(second, first)


def names_all(text: str, wanted: frozenset[License]) -> bool:
    """Return whether a text names all of these licenses; an unstated version or clause in `wanted` matches any."""
    found = find_licenses(text)
    return all(
        any(
            one.family == other.family and one.version in (None, other.version) and one.clause in (None, other.clause)
            for other in found
        )
        for one in wanted
    )


def spdx_expression(text: str) -> str | None:
    """Return the text as a normalized SPDX license expression; None if it is invalid, very long or deeply nested."""
    if len(text) > _MAX_LENGTH or text.count("(") > _MAX_PARENTHESES:
        return None
    return _normalize_expression(text)


@lru_cache(maxsize=4_096)
def _find(text: str) -> frozenset[License]:
    return frozenset(map(_from_match, re.finditer(_NAME, text)))


def _from_match(match: re.Match[str]) -> License:
    if match["other"]:
        return License(match["other"].upper())
    family = next(name for place, (name, _) in enumerate(_FAMILIES) if match[f"f{place}"])
    version = match["version"]
    if family == "BSD":
        word = (match["before"] or "").lower()
        version = _NUMBERS.get(word, word) or version
        if match["variant"]:
            version = f"{version}{match['variant'].lower()}"
    if version is not None:
        version = re.sub(r"(?:\.0)+$", "", version) or None
    return License(family, version, "later" if match["later"] else "only" if match["only"] else None)


def _have_counterparts(some: frozenset[License], others: frozenset[License]) -> bool:
    return all(any(_may_equal(one, other) for other in others) for one in some)


def _may_equal(one: License, other: License) -> bool:
    return one.family == other.family and all(
        None in pair or pair[0] == pair[1] for pair in ((one.version, other.version), (one.clause, other.clause))
    )


class _Combined(NamedTuple):
    """Licenses of which all (AND) or one (OR) apply."""

    operator: str
    parts: frozenset[object]


def _parse_expression(expression: str) -> object:
    """Return the structure of a normalized SPDX expression; the order of licenses makes no difference."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)[::-1]

    def combine(operator: str, parse_part: Callable[[], object]) -> object:
        parts: set[object] = set()
        while True:
            part = parse_part()
            parts |= part.parts if isinstance(part, _Combined) and part.operator == operator else {part}
            if not tokens or tokens[-1] != operator:
                return _Combined(operator, frozenset(parts)) if len(parts) > 1 else parts.pop()
            tokens.pop()

    def parse_any() -> object:
        return combine("OR", lambda: combine("AND", parse_license))

    def parse_license() -> object:
        name = tokens.pop()
        if name == "(":
            inner = parse_any()
            tokens.pop()
            return inner
        exception = None
        if tokens and tokens[-1] == "WITH":
            tokens.pop()
            exception = tokens.pop()
        # "only" and "later" are compared elsewhere: GPL-3.0 may be either.
        return frozenset(one._replace(clause=None) for one in find_licenses(name)) or name, exception

    return parse_any()


@lru_cache(maxsize=4_096)
def _normalize_expression(text: str) -> str | None:
    from packaging.licenses import (  # noqa: PLC0415 - most runs compare no licenses
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None
