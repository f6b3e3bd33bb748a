"""Text for messages: quoted user input, plural forms, names, causes, URLs without credentials; and storable text."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeGuard

# In characters.
_MAX_QUOTED = 60
_MAX_READ = 10_000


# A string, compiled at first use. In this order: a password with any characters before a host, user and password up to
# the path, a password with "/" before something else (digits are a port), and user and password without a scheme. In
# scp addresses (git@host:path) the @ comes first.
_CREDENTIALS = r"""(?x)
    (?P<slashes>//) (?:
        [^\s/@]*:\S{0,300}@(?=(?:(?:[\w-]+\.)+[\w-]+|localhost|\[[\da-f:]+\])(?::\d+)?/)
        | [^/\s]*@
        | [^\s/@:]*:(?!\d+(?:/|$))\S{0,300}@
    )
    | (?<![^\s'"(<=,]) (?:
        [^\s/@:'"(<=,]{1,300}:(?![=/\\])[^\s/]{1,300}@
        | [^\s/@:'"(<=,]{2,300}:(?![=/\\])\S{1,300}@(?=[^\s/@]+/)
    )
"""


def strip_credentials(text: str) -> str:
    """Return the text without user and password in every URL in it."""
    return re.sub(_CREDENTIALS, lambda match: match["slashes"] or "", text)


def quote_input(text: str) -> str:
    """Return user input in quotes for a message: escaped, shortened, without credentials."""
    text = strip_credentials(text[:_MAX_READ])
    return repr(f"{text[:_MAX_QUOTED]}…" if len(text) > _MAX_QUOTED else text)


def pluralize(number: int, noun: str) -> str:
    """Return ``1 request`` or ``1,200 requests``; for nouns with a regular plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def join_some(names: Sequence[str], most: int) -> str:
    """Return ``a, b``, or ``a, b and 1,200 more`` if there are more than `most`."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def describe_os_error(path: str | Path, error: OSError | ValueError) -> str:
    """Return why the file at `path` cannot be opened, with the name of a folder that is missing or is a file.

    Credentials are left out: an address may be taken for a file.
    """
    parents = Path(strip_credentials(str(path))).parents
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, FileNotFoundError) and parents and not os.path.lexists(parents[0]):
        return f"there is no folder {parents[0]}"
    if isinstance(error, NotADirectoryError):
        return f"{next(filter(os.path.lexists, parents), parents[0])} is not a folder"
    return getattr(error, "strerror", None) or str(error)


def is_text(value: object) -> TypeGuard[str]:
    """Return whether a value is a text in valid UTF-8: one without lone surrogates."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
