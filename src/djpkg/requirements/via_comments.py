"""Parse the comments in which pip-compile and uv write who requires a dependency (``# via django``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg.requirements.simple_requirement import normalize

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from djpkg.requirements.requirement import Mention

_VIA = re.compile(r"#\s*via(?:\s+(\S.*))?")
_LISTED = re.compile(r"#\s{2,}(\S.*)")
_FILE = re.compile(r"-r\s|\S+\s+\(.+\)$")
# A valid name (PEP 508) with its extras.
_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[^\]]*\])?")


class Origins(NamedTuple):
    """Who requires a dependency: other dependencies by normalized name, and whether a file of the project does."""

    names: tuple[str, ...]
    direct: bool


def parse_via(comments: Sequence[str]) -> Origins | None:
    """Return what the comments after a requirement state, each with its ``#``; None if there is no ``# via``."""
    entries: list[str] | None = None
    for comment in comments:
        if (start := _VIA.fullmatch(comment)) is not None:
            entries = [] if start[1] is None else start[1].split(", ")
        elif entries is not None and (listed := _LISTED.fullmatch(comment)) is not None:
            entries.append(listed[1])
        elif entries is not None:
            break
    if entries is None:
        return None
    names = (_normalize(entry) for entry in entries)
    return Origins(tuple(dict.fromkeys(filter(None, names))), any(_FILE.match(entry) for entry in entries))


def with_origins(mentions: Sequence[tuple[Mention, Origins | None]], *, frozen: Collection[str]) -> Iterable[Mention]:
    """Return the mentions of one requirements file and its includes with `direct` and `via`.

    A requirer that is not required itself is the project. Without any comment, a file states direct requirements, if it
    is not in `frozen`: those may be the output of ``pip freeze``, which also lists what the requirements require; see
    `may_be_frozen`.
    """
    required = {mention.name for mention, _ in mentions}
    commented = {mention.file for mention, origins in mentions if origins is not None}
    for mention, origins in mentions:
        if origins is not None:
            via = tuple(name for name in origins.names if name in required and name != mention.name)
            yield mention._replace(direct=origins.direct or not via or len(via) < len(origins.names), via=via)
        elif mention.file in commented or mention.file in frozen:
            yield mention
        else:
            yield mention._replace(direct=True)


def _normalize(entry: str) -> str | None:
    match = _NAME.fullmatch(entry.strip())
    return normalize(match[1]) if match else None
