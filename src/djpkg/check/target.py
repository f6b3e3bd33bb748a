"""Which Django and which Python a project is checked against, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.check.report import Target
from djpkg.check.series import Series, lowest_series, match_specifier, parse_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from djpkg.requirements.requirement import Mention, RequiredPython

_PYTHONS = [Series(3, minor) for minor in range(100)]
_NO_DJANGO = "the releases of Django are not in the mirror; run djpkg fetch --all"
_NO_PYTHON = "no file states requires-python, and the classifiers of Django are not in the mirror"


def choose_django(option: Series | None, mentions: Sequence[Mention], series: Mapping[str, str]) -> Target:
    """Return the Django asked for: the option, else what the files pin, else the newest series on PyPI.

    `mentions` are those of Django for this Python, and `series` those on PyPI, oldest first, with their first release.
    A specifier that allows releases of one series alone (``~=5.2.0``) pins it.
    """
    if option is not None:
        released = series.get(str(option))
        unreleased = " (not released on PyPI)" if series and released is None else ""
        return Target(str(option), f"--django{unreleased}")
    for mention in mentions:
        if mention.version is not None and (pinned := parse_series(mention.version)) is not None:
            return Target(str(pinned), f"{mention.file}:{mention.line} pins {mention.version}", mention.version)
    known = [found for text in series if (found := parse_series(text)) is not None]
    for mention in mentions:
        if mention.specifier and known and (only := _only_series(mention.specifier, known)) is not None:
            why = f"{mention.file}:{mention.line} allows only {only} ({mention.specifier})"
            return Target(str(only), why)
    if not known:
        return Target(None, _NO_DJANGO)
    return Target(str(known[-1]), "the newest series on PyPI")


def other_pins(target: Target, mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions that pin another series of Django than the one that the files were checked against."""
    pins = [(mention, parse_series(mention.version)) for mention in mentions if mention.version is not None]
    return [mention for mention, pinned in pins if pinned is not None and str(pinned) != target.version]


def others_allowed(target: Target, mentions: Iterable[Mention], series: Iterable[str]) -> list[tuple[Mention, str]]:
    """Return the mentions that allow only other series of Django than that, without pinning one.

    With each is the newest of `series` that it allows, "" if none is known.
    """
    asked = parse_series(target.version or "")
    known = [found for text in series if (found := parse_series(text)) is not None]
    return [
        (one, next((str(found) for found in reversed(known) if match_specifier(one.specifier, found).admits), ""))
        for one in mentions
        if asked is not None and one.version is None and not match_specifier(one.specifier, asked).admits
    ]


def choose_python(option: Series | None, stated: Sequence[RequiredPython], of_django: Iterable[str]) -> Target:
    """Return the Python asked for: the option, else the lowest that the project supports, else Django's newest.

    `of_django` are the series in the classifiers of Django's newest release. None where none of them is known.
    """
    if option is not None:
        return Target(str(option), "--python")
    for one in stated:
        if (lowest := lowest_series(one.specifier, _PYTHONS)) is not None:
            why = f"{one.file}:{one.line} requires Python {one.specifier}"
            return Target(str(lowest), why)
    known = [series for text in of_django if (series := parse_series(text)) is not None]
    if not known:
        return Target(None, _NO_PYTHON)
    return Target(str(max(known)), "the newest that Django's newest release declares")


def _only_series(specifier: str, known: Sequence[Series]) -> Series | None:
    """Return the one series of which the specifier admits releases, also among those that may follow the newest."""
    newest = known[-1]
    following = [Series(newest.major, newest.minor + 1), Series(newest.major + 1, 0)]
    admitted = [series for series in (*known, *following) if match_specifier(specifier, series).admits]
    return admitted[0] if len(admitted) == 1 else None
