"""What to use in place of a dead package: nothing that is not alive, and "none known" rather than a guess."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.check.report import Alternative
from djpkg.times import is_ahead, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.check.facts import Candidate, PackageFacts

_MAX_ALTERNATIVES = 3
_ACTIVE = timedelta(days=365)
# Words of a description that name a successor, up to the name or address: "DEPRECATED, use django-b instead".
_LEAD = re.compile(
    r"""
    \b(?:
        (?:superseded|replaced|succeeded|obsoleted)\s+by
        | in\s+favou?r\s+of
        | (?:please\s+|now\s+|just\s+)?(?:use|try|switch\s+to|migrate\s+to|see|check\s+out|consider(?:\s+using)?)
        | (?:moved|migrated|merged|renamed|became|continues?|continued|lives\s+on|maintained)\s+
          (?:in)?(?:to|at|as|in|by|under)
        | successor(?:\s+is)? | renamed
    )[\s:,]+(?:the\s+|a\s+|our\s+|package\s+|project\s+|to\s+)*
    """,
    re.IGNORECASE | re.VERBOSE,
)
# A description counts only if it also states that this package has ended.
_ENDED = re.compile(
    r"""\b(?: deprecated | deprecation | unmaintained | not\s+maintained | no\s+longer | abandoned | obsolete[d]?
    | superseded | replaced\s+by | succeeded\s+by | in\s+favou?r\s+of | discontinued | archived | dead | end.of.life
    | eol | moved | migrated | merged\s+into | renamed | instead )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NAME = re.compile(
    r"[`'\"(\[<*]*(https?://[^\s)\]>`'\"]{3,300}|[A-Za-z0-9][A-Za-z0-9._-]{1,98}[A-Za-z0-9](?:/[A-Za-z0-9._-]{1,98}[A-Za-z0-9])?)"
)
_MAX_NAMES = 10


def is_dead(facts: PackageFacts, *, now: datetime) -> bool:
    """Return whether a package has no future as it is: archived, gone, or removed and not active."""
    if facts.archived or facts.repo_state in ("gone", "blocked") or facts.pypi_state == "gone":
        return True
    return facts.catalog_state == "removed" and not _has_activity(facts, now=now)


def needs_alternative(facts: PackageFacts, *, now: datetime) -> bool:
    """Return whether candidates are looked for: also where the user noted a replacement."""
    return is_dead(facts, now=now) or bool(facts.replaced_by)


def is_fit(facts: PackageFacts, *, now: datetime) -> bool:
    """Return whether a package may be offered: listed, alive, installable, and active within the last year."""
    return (
        facts.catalog_state == "listed"
        and not facts.archived
        and facts.repo_state not in ("gone", "blocked", "empty")
        and facts.pypi_state != "gone"
        and not facts.yanked
        and not facts.replaced_by
        and _has_activity(facts, now=now)
    )


def choose(facts: PackageFacts, candidates: Iterable[Candidate], *, now: datetime) -> tuple[Alternative, ...]:
    """Return at most three alternatives, in the order of the candidates, each package once."""
    chosen: dict[str, Alternative] = {}
    if facts.replaced_by and "://" in facts.replaced_by:
        chosen[facts.replaced_by] = Alternative(facts.replaced_by, "your replaced_by")
    for candidate in candidates:
        other = candidate.facts
        is_same = other.id == facts.id or (other.project is not None and other.project == facts.project)
        if not is_same and other.slug not in chosen and is_fit(other, now=now):
            chosen[other.slug] = Alternative(other.slug, candidate.reason)
    return tuple(chosen.values())[:_MAX_ALTERNATIVES]


def successor_names(description: str) -> list[str]:
    """Return the names and addresses that a description names as successors, in its order.

    Whether any of them is a package is for the caller to look up.
    """
    if not _ENDED.search(description):
        return []
    names: list[str] = []
    for lead in _LEAD.finditer(description):
        match = _NAME.match(description, lead.end())
        if match is not None:
            names.append(match[1].rstrip(".,;:!?)"))
    return list(dict.fromkeys(names))[:_MAX_NAMES]


def _has_activity(facts: PackageFacts, *, now: datetime) -> bool:
    moments = (parse_time(text) for text in (facts.updated, facts.released))
    return any(moment >= now - _ACTIVE and not is_ahead(moment, now=now) for moment in moments if moment is not None)
