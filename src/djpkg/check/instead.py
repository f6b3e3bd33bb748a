"""What to use in place of a dead package: nothing that is not alive, and "none known" rather than a guess."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.check.report import Alternative
from djpkg.times import format_sortable, latest_known

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.check.facts import Candidate, PackageFacts

_MAX_ALTERNATIVES = 3
_ACTIVE = timedelta(days=365)
# Strings, compiled at first use: most runs have no dead package with a description.
# A description counts only if it states that this package has ended.
_ENDED = r"""(?ix)
\b(?: deprecated | deprecation | unmaintained | abandoned | obsoleted? | discontinued | archived | dead | eol
    | (?:not|no\s+longer|never)\s+(?:\w+\s+)?(?:maintained|supported|developed) | end[\s-]of[\s-]life
    | superseded | replaced\s+by | succeeded\s+by | in\s+favou?r\s+of | moved | migrated | merged\s+into
    | renamed | instead )\b
"""
# Parts of its words: compiling the pattern takes longer than this test of all descriptions.
_ENDED_PARTS = (
    "deprecat", "maintained", "abandon", "obsolete", "discontinu", "archived", "dead", "eol", "supported", "developed",
    "of life", "of-life", "superseded", "replaced", "succeeded", "favo", "moved", "migrated", "merged", "renamed",
    "instead",
)  # fmt: skip
# Words before the name of the successor. After the first group any name counts; after the second, which has other uses
# too, only what looks like the name of a package.
_LEAD = r"""(?ix)
\b(?:
    (?P<strong> (?:superseded|replaced|succeeded|obsoleted)\s+by | in\s+favou?r\s+of | renamed\s+(?:to|as)
        | successor(?:\s+is)? | merged\s+into )
    | use(?:rs)? | try | switch\s+to | migrate\s+to | see | check\s+out | consider(?:\s+using)?
    | (?:moved|migrated|continue[sd]?|lives\s+on|maintained|development)\s+(?:to|at|as|in|by|under)
)[\s:,]+(?:(?:the|a|our|package|project|to|using)\s+)*
"""
_NAME = r"""(?x)
[`'"(\[<*]*
( https?://[^\s)\]>`'"]{3,300} | [A-Za-z0-9][A-Za-z0-9._-]{1,98}[A-Za-z0-9] (?:/[A-Za-z0-9._-]{1,98}[A-Za-z0-9])? )
"""
_PACKAGE_LIKE = r"(?i)https?://.+|.*[-_/].*|.*django.+|.+django.*"
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
    lowered = description.lower()
    if not any(part in lowered for part in _ENDED_PARTS) or not re.search(_ENDED, description):
        return []
    names: list[str] = []
    for lead in re.finditer(_LEAD, description):
        match = re.compile(_NAME).match(description, lead.end())
        if match is None:
            continue
        name = match[1].rstrip(".,;:!?)")
        if not name.isdigit() and (lead["strong"] or re.fullmatch(_PACKAGE_LIKE, name)):
            names.append(name)
    return list(dict.fromkeys(names))[:_MAX_NAMES]


def _has_activity(facts: PackageFacts, *, now: datetime) -> bool:
    since, latest = format_sortable(now - _ACTIVE), latest_known(now)
    return any(time is not None and since <= time <= latest for time in (facts.updated, facts.released))
