"""The options of ``djpkg check`` as typed, and the exceptions of a project, turned into what the rules take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from djpkg.check import exceptions, rules
from djpkg.check.check import Options
from djpkg.check.series import parse_series
from djpkg.cli import project_files
from djpkg.errors import UsageError
from djpkg.query import date_ranges
from djpkg.text import quote_input

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.check.exceptions import FindingKey, Ignored
    from djpkg.check.series import Series
    from djpkg.requirements.requirement import RequiredPython

_SPANS = "use a time span such as 12h, 7d, 2w, 6m, 2y"
_NEVER_FAIL = "none"


class Typed(NamedTuple):
    """The values of the options; None where one is missing."""

    django: str | None
    python: str | None
    quiet_after: str
    fail_on: str | None
    baseline: str | None
    max_age: str | None


class Settings(NamedTuple):
    """What the ``pyproject.toml`` beside the first file states: exceptions, and the supported versions of Python.

    `whole_project` is whether the first file is the folder of that.
    """

    ignored: tuple[Ignored, ...] = ()
    pythons: tuple[RequiredPython, ...] = ()
    whole_project: bool = False


def parse_options(typed: Typed, settings: Settings, *, now: datetime) -> Options:
    """Return the options for the rules; UsageError for an invalid value or baseline."""
    baseline: frozenset[FindingKey] = frozenset()
    if typed.baseline == "":
        raise UsageError("--baseline requires a file", hint="make one with djpkg check --json > REPORT.json")
    if typed.baseline is not None:
        baseline = exceptions.parse_baseline(typed.baseline, project_files.read_text_or_stream(typed.baseline))
    return Options(
        django=_series("--django", typed.django),
        python=_series("--python", typed.python),
        quiet_since=_span("--quiet-after", typed.quiet_after, now=now),
        quiet_after=typed.quiet_after.strip(),
        fail_on=None if typed.fail_on is None else _rules(typed.fail_on),
        oldest=None if typed.max_age is None else _span("--max-age", typed.max_age, now=now),
        max_age=(typed.max_age or "").strip(),
        exceptions=exceptions.Exceptions(settings.ignored, baseline),
        whole_project=settings.whole_project,
    )


def read_settings(first: str) -> Settings:
    """Return the settings in the ``pyproject.toml`` beside the first file, or in it if that is a folder.

    Beside standard input is the working directory. UsageError if the file is invalid; without one, there are none.
    """
    place = Path() if project_files.is_stream(first) else Path(first)
    try:
        path = os.path.normpath((place if place.is_dir() else place.parent) / "pyproject.toml")
        if not Path(path).is_file():
            return Settings()
    except (OSError, ValueError):  # reading the first file reports what is wrong with its name
        return Settings()
    from djpkg.requirements.required_python import find_required_python  # noqa: PLC0415 - for TOML files alone
    from djpkg.requirements.toml_file import parse_toml  # noqa: PLC0415 - as above

    file = parse_toml(path, project_files.read_text(path))
    ignored = exceptions.parse_ignored(file, rules.NAMES)
    return Settings(ignored, tuple(find_required_python(file)), place.is_dir())


def _series(option: str, text: str | None) -> Series | None:
    if text is None:
        return None
    series = parse_series(text)
    if series is None:
        example = "5.2" if option == "--django" else "3.12"
        raise UsageError(f"invalid {option} {quote_input(text)}", hint=f"use X.Y, such as {example}")
    return series


def _span(option: str, text: str, *, now: datetime) -> datetime:
    period = None if "-" in text else date_ranges.parse_date_range(text.strip(), now=now)
    if period is None or not period.is_span:
        raise UsageError(f"invalid {option} {quote_input(text)}", hint=_SPANS)
    return period.first


def _rules(text: str) -> frozenset[str]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("--fail-on requires a rule", hint=f"use some of: {', '.join(rules.NAMES)}; or none")
    if names == [_NEVER_FAIL]:
        return frozenset()
    for name in names:
        if name == _NEVER_FAIL:
            raise UsageError("--fail-on none cannot be used together with rules")
        if name not in rules.NAMES:
            raise exceptions.unknown_rule(name, rules.NAMES)
    return frozenset(names)
