"""What the newest release of a package states about one series of Django, with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.markers import applies
from djpkg.check.report import Verdict
from djpkg.check.series import Admission, match_specifier
from djpkg.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Collection

    from djpkg.check.facts import PackageFacts
    from djpkg.check.series import Series

DJANGO = "django"


class Judgement(NamedTuple):
    """A verdict, None without a known release or Django, and a sentence that states why, "" without one."""

    verdict: Verdict | None
    evidence: str


class _Stated(NamedTuple):
    """What a release requires of Django: the text for the evidence, and whether the series fits."""

    text: str
    admission: Admission


def judge(
    facts: PackageFacts,
    django: Series | None,
    *,
    first_release: str | None,
    python: Series | None,
    pins: Collection[str],
) -> Judgement:
    """Return the verdict on a series of Django.

    `first_release` is the upload time of the series' first final release, sortable as the times of `facts`: None if
    PyPI has none, "" if the mirror has no releases of Django. `pins` are the versions in the files: the evidence names
    a newest release as such where they are others.
    """
    if django is None or not facts.has_release:
        return Judgement(None, "")
    stated = _requirement_on_django(facts, django, python)
    verdict = _verdict(facts, django, stated, first_release)
    return Judgement(
        verdict, f"{describe_release(facts, pins)} {_reason(facts, django, verdict, stated, first_release)}"
    )


def describe_release(facts: PackageFacts, pins: Collection[str]) -> str:
    """Return the newest release with its day: ``2.6 (2026-07-24)``, or ``newest 2.6 (…)`` if others are pinned."""
    newest = "" if set(pins) <= {facts.newest} else "newest "
    return f"{newest}{facts.newest}{f' ({day})' if (day := to_day(facts.released)) else ''}"


def fits_python(facts: PackageFacts, python: Series | None) -> bool | None:
    """Return whether `requires_python` of the newest release admits the Python; None if either is unknown."""
    if python is None or not facts.has_release:
        return None
    return match_specifier(facts.requires_python, python).admits if facts.requires_python else True


def to_day(text: str | None) -> str | None:
    """Return the UTC day of a stored time, None if it is unknown."""
    if text is not None and text.endswith("Z") and len(text) >= len("2026-07-24T10:00:00Z"):
        return text[: len("2026-07-24")]
    moment = parse_time(text)
    return None if moment is None else moment.date().isoformat()


def _verdict(facts: PackageFacts, django: Series, stated: _Stated | None, first_release: str | None) -> Verdict:
    if stated is not None and not stated.admission.admits:
        return Verdict.AHEAD if stated.admission.is_ahead else Verdict.EXCLUDED
    if str(django) in facts.django_versions:
        return Verdict.DECLARED
    if stated is not None and facts.released and first_release and facts.released > first_release:
        return Verdict.ALLOWED
    return Verdict.UNPROVEN


def _requirement_on_django(facts: PackageFacts, django: Series, python: Series | None) -> _Stated | None:
    """Return what the newest release requires of Django on this Python; None for no requirement."""
    needs = [need for need in facts.needs if need.requires == DJANGO]
    if needs:
        specifiers = [need.specifier for need in needs if applies(need.marker, python)]
        if not specifiers:
            return None
        if python is not None:  # all that apply, apply together
            joined = ",".join(filter(None, dict.fromkeys(specifiers)))
            return _Stated(joined, match_specifier(joined, django))
    elif facts.django_requires is not None:
        specifiers = facts.django_requires.split(" or ")
    else:
        return None
    specifiers = list(dict.fromkeys(specifiers))
    found = [match_specifier(specifier, django) for specifier in specifiers]
    admission = Admission(any(one.admits for one in found), all(one.is_ahead for one in found))
    return _Stated("" if "" in specifiers else " or ".join(specifiers), admission)


def _reason(
    facts: PackageFacts, django: Series, verdict: Verdict, stated: _Stated | None, first_release: str | None
) -> str:
    requirement = None if stated is None else f"requires Django {stated.text}" if stated.text else "requires any Django"
    if verdict is Verdict.DECLARED:
        return f"declares Django {django}"
    if verdict in (Verdict.EXCLUDED, Verdict.AHEAD):
        return f"{requirement}"
    first = to_day(first_release)
    if verdict is Verdict.ALLOWED:
        return f"{requirement} and is newer than Django {django} ({first})"
    declared = f"declares Django up to {facts.django_versions[-1]}" if facts.django_versions else "declares no Django"
    if requirement is None:
        return f"{declared} and requires none"
    if first and facts.released:
        return f"{requirement}, but is older than Django {django} ({first})"
    if first:
        return f"{requirement}; the date of the release is unknown"
    if first_release is None:
        return f"{requirement}; Django {django} has no release on PyPI yet"
    return f"{requirement}; Django's releases are not in the mirror"
