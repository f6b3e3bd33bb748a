"""Alternatives to a dead package. All are alive; where none is known, there is no guess."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.report import Alternative, Verdict
from djpkg.check.verdict import fits_python, judge
from djpkg.model.state import active_period

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from djpkg.check.facts import Candidate, PackageFacts
    from djpkg.check.series import Series

MOVED = "the repository moved there"
NOTED = "your replaced_by"
_MAX_ALTERNATIVES = 3
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
        | successor(?:\s+is)?(?!\s+(?:to|of)\b) | merged\s+into )
    | use(?:rs)? | try | switch\s+to | migrate\s+to | see | check\s+out | consider(?:\s+using)?
    | (?:moved|migrated|continue[sd]?|lives\s+on|maintained|development)\s+(?:to|at|as|in(?!\s+favou?r)|by|under)
)[\s:,]+(?:(?:the|a|our|package|project|to|using)\s+)*
"""
# Sentences and the parts of one; what follows "; or" belongs to the part before.
_BREAK = r"(?<=[.!?])\s+|\n|;\s+(?!(?:or|and)\b)"
# A sentence that states nothing but the end also counts for those after it: "Deprecated. Use …".
_FILLER = (
    r"(?i)\b(?:this|the|it|is|was|are|has|have|been|being|now|and|or|currently|officially|package|project|app|library"
    r"|repo|repository|module|plugin|django|note|please|warning|attention|very|completely|fully)\b|[^\w]"
)
# Before a lead: "do not use", "never ever try".
_NEGATED = (
    r"(?i)\b(?:not|never|don['\u2019]?t|no\s+longer|cannot|can['\u2019]?t)\s+"
    r"(?:(?!maintained|supported|developed)\w+\s+)?$"
)
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


class Wanted(NamedTuple):
    """What an alternative has to fit, None where it is unknown, and the current time."""

    django: Series | None
    python: Series | None
    now: datetime


def find_obstacle(facts: PackageFacts, wanted: Wanted) -> str | None:
    """Return why a package may not be offered, ``excludes Django 6.0``; None if it may.

    It may if it is listed, alive, active within the last year, and fits the project.
    """
    verdict = judge(facts, wanted.django, first_release=None, python=wanted.python, pins=()).verdict
    obstacles = {
        "is no longer listed": facts.catalog_state != "listed",
        "is archived": facts.archived,
        f"is {facts.repo_state}": facts.repo_state in ("gone", "blocked", "empty"),
        "is gone from PyPI": facts.pypi_state == "gone",
        "is yanked": facts.yanked,
        f"is replaced by {facts.replaced_by}": bool(facts.replaced_by),
        f"excludes Django {wanted.django}": verdict is Verdict.EXCLUDED,
        f"requires a later Django than {wanted.django}": verdict is Verdict.AHEAD,
        f"excludes Python {wanted.python}": fits_python(facts, wanted.python) is False,
        "has no known commit and no known release within a year": not _has_activity(facts, now=wanted.now),
    }
    return next((text for text, applies in obstacles.items() if applies), None)


def explain_unfit(facts: PackageFacts, candidates: Iterable[Candidate], wanted: Wanted) -> str:
    """Return why the replacement that the user noted is not offered, "" without one."""
    for candidate in candidates:
        if candidate.reason == NOTED:
            other = candidate.facts
            obstacle = "is the same project" if _is_same(other, facts) else find_obstacle(other, wanted)
            return f"{other.slug}, which you noted, {obstacle}"
    return f"{facts.replaced_by}, which you noted, is not in the mirror" if facts.replaced_by else ""


def choose(
    facts: PackageFacts, candidates: Iterable[Candidate], wanted: Wanted, *, suggestion_lives: bool
) -> tuple[Alternative, ...]:
    """Return at most three alternatives, in the order of the candidates, each package once.

    The place that the package itself moved to, or that its project names, is one after those of the user.
    """
    chosen: dict[str, Alternative] = {}
    if facts.replaced_by and "://" in facts.replaced_by:
        chosen[facts.replaced_by] = Alternative(facts.replaced_by, NOTED)
    for candidate in candidates:
        other = candidate.facts
        if other.slug not in chosen and not _is_same(other, facts) and find_obstacle(other, wanted) is None:
            chosen[other.slug] = Alternative(other.slug, candidate.reason)
    found = list(chosen.values())
    if not any(one.reason == MOVED for one in found):
        is_listed = any(one.reason == MOVED and one.facts.id != facts.id for one in candidates)
        moved = facts.moved_to if not is_listed and _lives_elsewhere(facts, wanted) else None
        suggestion = facts.suggestion if facts.repo_state in ("gone", "blocked") and suggestion_lives else None
        places = [(moved, MOVED), (suggestion, "the project names it")]
        index = sum(one.reason == NOTED for one in found)
        found[index:index] = [Alternative(address, reason) for address, reason in places if address][:1]
    return tuple(found[:_MAX_ALTERNATIVES])


def _is_same(other: PackageFacts, facts: PackageFacts) -> bool:
    return other.id == facts.id or (other.project is not None and other.project == facts.project)


def _lives_elsewhere(facts: PackageFacts, wanted: Wanted) -> bool:
    """Return whether a package is dead, but its repository is active at the place that it moved to."""
    if not (facts.moved_to and is_dead(facts, now=wanted.now)):
        return False
    since, latest = active_period(wanted.now)
    judgement = judge(facts, wanted.django, first_release=None, python=wanted.python, pins=())
    return (
        facts.repo_state in ("ok", "moved")
        and not facts.archived
        and facts.updated is not None
        and since <= facts.updated <= latest
        and judgement.verdict not in (Verdict.EXCLUDED, Verdict.AHEAD)
        and fits_python(facts, wanted.python) is not False
    )


def successor_names(description: str) -> list[str]:
    """Return the names and addresses that a description names as successors, in its order.

    Whether any of them is a package is for the caller to look up.
    """
    lowered = description.lower()
    if not any(part in lowered for part in _ENDED_PARTS):
        return []
    names: list[str] = []
    has_ended = False
    for sentence in re.split(_BREAK, description):
        if not (has_ended or re.search(_ENDED, sentence)):
            continue
        names += _names_in_sentence(sentence)
        has_ended = has_ended or not re.sub(_FILLER, "", re.sub(_ENDED, "", sentence))
    return list(dict.fromkeys(names))[:_MAX_NAMES]


def _names_in_sentence(sentence: str) -> Iterator[str]:
    for lead in re.finditer(_LEAD, sentence):
        match = re.compile(_NAME).match(sentence, lead.end())
        if match is None or re.search(_NEGATED, sentence[: lead.start()]):
            continue
        name = match[1].rstrip(".,;:!?)")
        if not name.isdigit() and (lead["strong"] or re.fullmatch(_PACKAGE_LIKE, name)):
            yield name


def _has_activity(facts: PackageFacts, *, now: datetime) -> bool:
    since, latest = active_period(now)
    return any(time is not None and since <= time <= latest for time in (facts.updated, facts.released))
