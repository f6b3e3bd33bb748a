"""Check what a project requires: requirements, facts of the mirror and options become a report."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.check import instead, rules, target
from djpkg.check.exceptions import Exceptions, FindingKey, Judged
from djpkg.check.report import (
    CheckedPackage,
    Failure,
    Finding,
    MirrorAge,
    Place,
    Remark,
    Report,
    Severity,
    Target,
    Unlisted,
)
from djpkg.check.series import parse_series
from djpkg.check.verdict import DJANGO, fits_python, judge
from djpkg.check.via import find_origins, select_applying
from djpkg.times import format_sortable, format_time, latest_known, parse_time, to_sortable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from djpkg.check.facts import MirrorFacts, PackageFacts
    from djpkg.check.series import Series
    from djpkg.check.via import Origin
    from djpkg.requirements.requirement import Mention, RequiredPython, Requirement

OK, FAILED, NOT_JUDGED = 0, 1, 5
_FETCH = "run djpkg fetch --all, or djpkg check --fetch"
_NO_TIME = timedelta()
_LIKE_DJANGO = re.compile(r"(?:django|drf|wagtail|dj)-.+|.+-django")


class Options(NamedTuple):
    """What the command line asks for. None is the default.

    `quiet_since` and `oldest` are the times that `--quiet-after` and `--max-age` mean now, `quiet_after` and `max_age`
    the spans as typed. `whole_project` is whether a folder with all files of the project is checked.
    """

    django: Series | None
    python: Series | None
    quiet_since: datetime
    quiet_after: str
    fail_on: frozenset[str] | None = None
    oldest: datetime | None = None
    max_age: str = ""
    exceptions: Exceptions = Exceptions()
    whole_project: bool = False


class _Context(NamedTuple):
    """What is the same for every dependency of a check."""

    mirror: MirrorFacts
    options: Options
    django: Series | None
    python: Series | None
    first_release: str | None
    fail_on: frozenset[str]
    now: datetime
    quiet_since: str
    latest: str


def check(
    requirements: Sequence[Requirement],
    mirror: MirrorFacts,
    options: Options,
    *,
    files: Sequence[str],
    pythons: Sequence[RequiredPython],
    now: datetime,
) -> Report:
    """Return the report on these requirements.

    `files` are those that were read, and `pythons` what they state about Python.
    """
    python = target.choose_python(options.python, pythons, mirror.python_versions)
    python_series = _series(python)
    kept, excluded = select_applying(requirements, python_series)
    of_django = [mention for one in kept if one.name == DJANGO for mention in one.mentions]
    django = target.choose_django(options.django, of_django, mirror.django)
    context = _Context(
        mirror,
        options,
        _series(django),
        python_series,
        to_sortable(mirror.django.get(django.version or "")) if mirror.django else "",
        fail_on(options),
        now,
        format_sortable(options.quiet_since),
        latest_known(now),
    )
    found = {one.name: mirror.packages[one.name] for one in kept if one.name in mirror.packages}
    origins = find_origins(kept, found, python_series)
    packages = tuple(
        _check_package(one, found[one.name], origins[one.name], context) for one in kept if one.name in found
    )
    unlisted = tuple(
        Unlisted(one.name, one.mentions[0].file, one.mentions[0].line, _LIKE_DJANGO.fullmatch(one.name) is not None)
        for one in kept
        if one.name not in found
    )
    age = _mirror_age(mirror, packages=found.values(), now=now)
    failure = _find_failure(kept, found.values(), mirror, options, age)
    fails = any(package.severity is Severity.FAIL for package in packages)
    return Report(
        exit_code=NOT_JUDGED if failure is not None else FAILED if fails else OK,
        django=django,
        python=python,
        mirror=age,
        files=tuple(files),
        rules=describe_rules(options, django, python),
        packages=packages,
        unlisted=unlisted,
        excluded_by_marker=excluded,
        remarks=tuple(_remarks(context, django, of_django, packages, requirements)),
        failure=failure,
    )


def fail_on(options: Options) -> frozenset[str]:
    """Return the rules that make the command fail."""
    if options.fail_on is not None:
        return options.fail_on
    return rules.FAIL_BY_DEFAULT | ({"excluded"} if options.django is not None else set())


def describe_rules(options: Options, django: Target, python: Target) -> dict[str, str]:
    """Return each rule with the heading of a group of its findings."""
    words = {
        "django": django.version or "X.Y",
        "python": python.version or "X.Y",
        "quiet_after": options.quiet_after,
    }
    return {rule.name: rule.about.format(**words) for rule in rules.RULES}


def _series(chosen: Target) -> Series | None:
    return None if chosen.version is None else parse_series(chosen.version)


def _check_package(requirement: Requirement, facts: PackageFacts, origin: Origin, context: _Context) -> CheckedPackage:
    pins = [one.version for one in requirement.mentions if one.version is not None]
    judgement = judge(facts, context.django, first_release=context.first_release, python=context.python, pins=pins)
    subject = rules.Subject(
        facts,
        requirement.mentions,
        context.django,
        context.python,
        judgement,
        facts.suggestion not in context.mirror.dead_suggestions,
        context.quiet_since,
        context.latest,
    )
    findings = tuple(
        _finding(rule, rule.for_source(found, subject), requirement.name, origin, context)
        for rule in rules.RULES
        for found in rule.find(subject)
    )
    return CheckedPackage(
        name=requirement.name,
        slug=facts.slug,
        places=tuple(dict.fromkeys(map(_place, requirement.mentions))),
        direct=origin.direct,
        via=origin.via,
        newest=facts.newest if facts.has_release else None,
        newest_released=_to_seconds(facts.released) if facts.has_release else None,
        django=judgement.verdict,
        python=fits_python(facts, context.python),
        evidence=judgement.evidence,
        findings=findings,
        is_dead=bool(findings) and instead.is_dead(facts, now=context.now),
        instead=instead.choose(
            facts,
            context.mirror.candidates.get(facts.id, ()),
            instead.Wanted(context.django, context.python, context.now),
            suggestion_lives=subject.suggestion_lives,
        ),
    )


def _to_seconds(text: str | None) -> str | None:
    """Return a stored time in whole seconds of UTC, None if it is unknown."""
    moment = parse_time(text)
    return None if moment is None else format_time(moment)


def _place(mention: Mention) -> Place:
    return Place(mention.file, mention.line, mention.specifier, mention.version)


def _finding(rule: rules.Rule, found: rules.Found, name: str, origin: Origin, context: _Context) -> Finding:
    """Return the finding with its severity; an exception applies also to what would not fail."""
    key = FindingKey(name, rule.name, origin.direct, found.opening)
    ignored = context.options.exceptions.reason(key, today=context.now.date())
    fails = (
        rule.name in context.fail_on
        and found.can_fail
        and ignored is None
        and (origin.direct or rule.fails_for_parents)
    )
    severity = Severity.FAIL if fails else Severity.NOTE
    place = None if found.mention is None else _place(found.mention)
    return Finding(rule.name, severity, found.message, found.next, ignored, place)


def _mirror_age(mirror: MirrorFacts, *, packages: Iterable[PackageFacts], now: datetime) -> MirrorAge:
    """Return the age of the newest answer of a forge or PyPI about these packages, or of the last sweep if older."""
    times = (time for facts in packages for source, time in facts.checked.items() if source != "catalog")
    answered = parse_time(max(times, default=None))
    known = [moment for moment in (mirror.swept, answered) if moment is not None]
    age = max(now - min(known), _NO_TIME).days if known else None
    return MirrorAge(mirror.swept, answered, age)


def _find_failure(
    requirements: Sequence[Requirement],
    packages: Iterable[PackageFacts],
    mirror: MirrorFacts,
    options: Options,
    age: MirrorAge,
) -> Failure | None:
    """Return why it cannot be judged: the catalog was never read completely, or it is older than `--max-age`.

    Without a complete catalog, a name that it does not have may be that of a package that is not listed, or not read.
    """
    found = list(packages)
    if mirror.swept is None:
        unknown = sum(one.name not in mirror.packages and one.name != DJANGO for one in requirements)
        if requirements and not found:
            return Failure("the mirror has no catalog yet", _FETCH)
        if unknown:
            return Failure(f"the catalog was never read completely: {unknown:,} unknown", _FETCH)
    if options.oldest is None:
        return None
    if mirror.swept is None:
        return Failure(f"the catalog was never read completely (--max-age {options.max_age})", _FETCH)
    if mirror.swept < options.oldest:
        day = mirror.swept.date()
        return Failure(f"the catalog was last read on {day}, longer ago than --max-age {options.max_age}", _FETCH)
    if found and (age.answered is None or age.answered < options.oldest):
        when = "never" if age.answered is None else f"last on {age.answered.date()}"
        message = f"forges and PyPI answered {when} about these packages, longer ago than --max-age {options.max_age}"
        return Failure(message, _FETCH)
    return None


def _remarks(
    context: _Context,
    django: Target,
    of_django: Sequence[Mention],
    packages: Sequence[CheckedPackage],
    requirements: Sequence[Requirement],
) -> Iterable[Remark]:
    if context.options.django is None:
        for other in target.other_pins(django, of_django):
            message = f"pins Django {other.version}; checked against {django.version} ({django.why})"
            yield Remark(other.file, other.line, message)
    found = {(package.name, finding.rule) for package in packages for finding in package.findings}
    judged = Judged(
        found,
        {package.name for package in packages if (package.name, "unknown") not in found},
        {one.name for one in requirements},
        context.options.whole_project,
    )
    yield from context.options.exceptions.stale(judged, today=context.now.date())
