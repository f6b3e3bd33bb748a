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


def short_versions(declared: Iterable[str], glyphs: Glyphs, *, is_wide: bool = False) -> str:
    """Return declared versions: ``5.2``, ``4.2, 5.2``; three or more as a range, ``4.2-6.0``; "" for none.

    Several that start before 2 are ``≤3.0``: nobody runs those versions any more. Where `is_wide`, there is room for
    three versions and for both ends.
    """
    ordered = sorted({text for text in declared if _VERSION.fullmatch(text)}, key=_parts)
    if len(ordered) > 1 and _parts(ordered[0]) < (2,) and not is_wide:
        return glyphs.at_most + ordered[-1]
    if len(ordered) <= (3 if is_wide else 2):
        return ", ".join(ordered)
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
