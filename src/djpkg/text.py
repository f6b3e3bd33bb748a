"""Text for messages: quoted user input, plural forms, URLs without credentials."""

from __future__ import annotations

import re

# In characters.
_MAX_QUOTED = 60


def strip_credentials(text: str) -> str:
    """Return the text without user and password in every URL in it."""
    return re.sub(r"//[^/\s]*@", "//", text)


def quote_input(text: str) -> str:
    """Return user input in quotes for a message: escaped, shortened, without credentials."""
    text = strip_credentials(text)
    return repr(f"{text[:_MAX_QUOTED]}…" if len(text) > _MAX_QUOTED else text)


def pluralize(number: int, noun: str) -> str:
    """Return ``1 request`` or ``1,200 requests``; for nouns with a regular plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
