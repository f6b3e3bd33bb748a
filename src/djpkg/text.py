"""Words for messages: quoted user input, counted nouns, addresses without credentials."""

from __future__ import annotations

import re

# Characters of a long input that a message quotes.
_MAX_QUOTED = 60


def strip_credentials(text: str) -> str:
    """Return the text with the user and password removed from every address in it."""
    return re.sub(r"//[^/\s]*@", "//", text)


def quote_input(text: str) -> str:
    """Return user input in quotes for a message: control characters escaped, cut when long, without credentials."""
    text = strip_credentials(text)
    return repr(f"{text[:_MAX_QUOTED]}…" if len(text) > _MAX_QUOTED else text)


def pluralize(number: int, noun: str) -> str:
    """Return ``1 request`` or ``1,200 requests``; for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
