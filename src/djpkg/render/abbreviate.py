"""Short forms of numbers, versions and URLs for narrow columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.render.glyphs import Glyphs

_THOUSAND = 1000
_LONGEST_LINK = 2000
_VERSION = re.compile(r"\d+(?:\.\d+)*")
# No user part and no brackets, so that the visible host is the real one.
_LINK = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?(?:[/?#][\x21-\x7e]*)?")


def short_count(number: int) -> str:
    """Return a number in at most five characters up to a billion: ``845``, ``5.1k``, ``12k``, ``1.2M``."""
    if number < _THOUSAND:
        return str(number)
    value = float(number)
    for suffix in ("k", "M", "G"):
        value /= _THOUSAND
        if value < 9.95:  # noqa: PLR2004 - the next one would round to 10.0
            return f"{value:.1f}{suffix}"
        if value < 999.5:  # noqa: PLR2004 - the next one would round to 1000
            return f"{value:.0f}{suffix}"
    return f"{value:.0f}G"


def short_versions(declared: Iterable[str], glyphs: Glyphs, *, listed: int = 0) -> str:
    """Return declared versions as a range: ``5.2``, ``4.2-6.0``, or ``≤3.0`` when it starts before 2; "" for none.

    Up to `listed` versions are listed one by one instead.
    """
    ordered = sorted({text for text in declared if _VERSION.fullmatch(text)}, key=_parts)
    if not ordered:
        return ""
    if len(ordered) <= max(listed, 1):
        return ", ".join(ordered)
    # The start of a range is left out when nobody runs those versions any more.
    if _parts(ordered[0]) < (2,) and not listed:
        return glyphs.at_most + ordered[-1]
    return f"{ordered[0]}{glyphs.dash}{ordered[-1]}"


def short_requirement(specifier: str, glyphs: Glyphs) -> str:
    """Return a version specifier for reading: ``>=3.8,<4`` becomes ``≥3.8, <4``."""
    parts = (part.strip() for part in glyphs.escape(specifier, limit=80).split(","))
    return ", ".join(part.replace(">=", glyphs.at_least).replace("<=", glyphs.at_most) for part in parts if part)


def short_url(url: str) -> str:
    """Return a URL without its scheme and trailing slash."""
    return re.sub(r"^https?://", "", url, flags=re.IGNORECASE).rstrip("/")


def safe_link(url: str) -> str | None:
    """Return the URL if it is safe as a terminal link: http or https, printable ASCII, no user part; otherwise None."""
    return url if len(url) <= _LONGEST_LINK and _LINK.fullmatch(url) else None


def _parts(version: str) -> tuple[int, ...]:
    # int() raises an error for thousands of digits.
    return tuple(int(part[:18]) for part in version.split("."))
