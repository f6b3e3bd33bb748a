"""Numbers, versions and addresses in the few columns that a table or a card has for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.render.glyphs import Glyphs

_THOUSAND = 1000
_LONGEST_LINK = 2000
_VERSION = re.compile(r"\d+(?:\.\d+)*")
# A name and perhaps a port, no user, no brackets: what the eye takes for a host is one.
_LINK = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?(?:[/?#][\x21-\x7e]*)?")


def short_count(number: int) -> str:
    """``845``, ``5.1k``, ``12k``, ``1.2M``: at most five characters up to a billion."""
    if number < _THOUSAND:
        return str(number)
    value = float(number)
    for suffix in ("k", "M", "G"):
        value /= _THOUSAND
        if value < 9.95:  # what would be written as 10.0  # noqa: PLR2004  # what would be written as 10.0
            return f"{value:.1f}{suffix}"
        if value < 999.5:  # what would be written as 1000  # noqa: PLR2004  # what would be written as 1000
            return f"{value:.0f}{suffix}"
    return f"{value:.0f}G"


def short_versions(declared: Iterable[str], glyphs: Glyphs, *, listed: int = 0) -> str:
    """Declared versions in short: ``5.2``, ``4.2-6.0`` (a long dash), ``≤3.0`` where they begin before 2; "" for none.

    Up to `listed` of them are written out instead.
    """
    ordered = sorted({text for text in declared if _VERSION.fullmatch(text)}, key=_parts)
    if not ordered:
        return ""
    if len(ordered) <= max(listed, 1):
        return ", ".join(ordered)
    # Where a range begins matters only while somebody may still run it.
    if _parts(ordered[0]) < (2,) and not listed:
        return glyphs.at_most + ordered[-1]
    return f"{ordered[0]}{glyphs.dash}{ordered[-1]}"


def short_requirement(specifier: str, glyphs: Glyphs) -> str:
    """``>=3.8,<4`` -> ``≥3.8, <4``."""
    parts = (part.strip() for part in glyphs.foreign(specifier, limit=80).split(","))
    return ", ".join(part.replace(">=", glyphs.at_least).replace("<=", glyphs.at_most) for part in parts if part)


def short_address(url: str) -> str:
    """An address as one reads it: without scheme and closing slash."""
    return re.sub(r"^https?://", "", url, flags=re.IGNORECASE).rstrip("/")


def link(url: str) -> str | None:
    """The address if a terminal may make it clickable: plain https or http in printable ASCII, no user in it."""
    return url if len(url) <= _LONGEST_LINK and _LINK.fullmatch(url) else None


def _parts(version: str) -> tuple[int, ...]:
    # 18 digits: more are no version, and int() would refuse thousands of them.
    return tuple(int(part[:18]) for part in version.split("."))
