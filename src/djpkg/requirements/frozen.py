"""Distinguish hand-written requirements files from the output of ``pip freeze``, which lists all that is installed."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from djpkg.requirements.simple_requirement import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INCLUDE = re.compile(r"-[rc]|--(?:requirement|constraint)\b")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# What pip itself writes, as for an editable requirement without a remote repository.
_PIP_COMMENT = re.compile(r"#+ (?:Editable |The following requirements were added by pip freeze)")


def may_be_frozen(file: str, lines: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Return whether a file may be the output of ``pip freeze`` or of a similar command.

    `lines` are the logical lines, each with the comments and empty lines on it and after it. Not frozen are ``*.in``
    files, and files with comments or empty lines between requirements, with ``-r`` or ``-c``, or with unsorted names.
    """
    if file.endswith(".in") or any(_INCLUDE.match(text) for text, _ in lines):
        return False
    between = [comment for _, comments in lines[:-1] for comment in comments]
    between += [comment for _, comments in lines[-1:] for comment in comments if comment]
    if not all(_PIP_COMMENT.match(comment) for comment in between):
        return False
    names = [name[0] for text, _ in lines if (name := _NAME.match(text)) is not None]
    # pip compares the names as written, uv the normalized ones.
    return _is_sorted(names, str.lower) or _is_sorted(names, normalize)


def _is_sorted(names: Sequence[str], key: Callable[[str], str]) -> bool:
    return all(key(one) <= key(other) for one, other in pairwise(names))
