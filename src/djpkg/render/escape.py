"""Escape text from other sources before it reaches a terminal or a pipe.

Rich removes five control characters only, and piped output often ends on a terminal. So every text that djpkg did not
write itself is escaped once. Characters that move the cursor, hide or reorder text become visible marks.
"""

from __future__ import annotations

import codecs
import json
import re
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from djpkg.model.package import Value

# Characters between which a joiner, and after which a presentation selector, is kept.
_PICTOGRAPH = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_JOINER = "(?<![{0}])(?<![{0}]\ufe0f)\u200d|\u200d(?![{0}])"
_SELECTOR = "(?<![{0}0-9#*])[\ufe0e\ufe0f]"
# Control characters except \t and \n; format characters; zero-width blanks; other variation selectors; tags;
# surrogates, private-use characters and noncharacters.
_HIDDEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(1, 14))
    + "\U000e0000-\U0010ffff]"
)
_UNSAFE = "|".join(("\r\n|[\t\n]", _HIDDEN, _JOINER.format(_PICTOGRAPH), _SELECTOR.format(_PICTOGRAPH)))
_BREAKS = frozenset(("\r\n", "\t", "\n", "\r", "\u2028", "\u2029"))

ENCODE_ERRORS = "djpkg.mark"
"""The error handler of streams: characters that their encoding lacks become marks."""
_limited_encoding: ContextVar[str | None] = ContextVar("limited_encoding", default=None)

ELLIPSIS = "…"
_DELETE = 0x7F


def escape(text: str, *, block: bool = False, limit: int | None = None, ellipsis: str = ELLIPSIS) -> str:
    """Return the text with control and invisible characters replaced by visible marks.

    Control characters become ``^[``, others ``<U+202E>``. Each tab and line break becomes a space; with `block`, tabs
    and newlines are kept. Joiners and selectors inside emoji are kept, and U+200C, which Persian spelling needs. Text
    longer than `limit` characters is cut before it is escaped and ends with the ellipsis.
    """
    if limit is not None and len(text) > limit:
        text, end = text[: max(limit - 1, 0)], ellipsis
    else:
        end = ""
    if not (text.isascii() and text.isprintable()):
        text = _unsafe().sub(_mark_in_block if block else _mark_in_line, text)
        if (encoding := _limited_encoding.get()) is not None:
            text = text.encode(encoding, ENCODE_ERRORS).decode(encoding)
    return text + end


def use_encoding(name: str | None) -> None:
    """Let `escape` also mark the characters that the encoding of stdout lacks, so that layouts measure the marks."""
    codecs.register_error(ENCODE_ERRORS, _mark_unencodable)
    try:
        is_limited = name is not None and not codecs.lookup(name).name.startswith("utf")
    except LookupError:
        is_limited = False
    _limited_encoding.set(name if is_limited else None)


def _mark_unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_mark, error.object[error.start : error.end])), error.end


@cache
def _unsafe() -> re.Pattern[str]:
    # Compiled on first use: it takes milliseconds, and plain ASCII does not need it.
    return re.compile(_UNSAFE)


def _mark_in_line(match: re.Match[str]) -> str:
    found = match.group()
    return " " if found in _BREAKS else _mark(found)


def _mark_in_block(match: re.Match[str]) -> str:
    found = match.group()
    if found in {"\t", "\n"}:
        return found
    return "\n" if found == "\r\n" else _mark(found)


def _mark(character: str) -> str:
    """Return ``^X`` for C0 and DEL, as terminals echo them, and the code point for other characters."""
    number = ord(character)
    if number < ord(" ") or number == _DELETE:
        return "^" + chr(number ^ 0x40)
    return f"<U+{number:04X}>"


def field_text(value: Value) -> str:
    """Return a field's value as one line for a pipe: lists and mappings as compact JSON, "" for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
