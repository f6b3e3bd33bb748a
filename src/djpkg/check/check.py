"""Check what a project requires: requirements, facts of the mirror and options become a report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg.check import age, instead, rules, target
from djpkg.check.exceptions import Exceptions, FindingKey, Judged
from djpkg.check.report import (
    CheckedPackage,
    Finding,
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
    mirror_age = age.mirror_age(mirror, packages=found.values(), now=now)
    oldest, span = options.oldest, options.max_age
    failure = age.find_failure([one.name for one in kept], found, mirror, oldest=oldest, max_age=span)
    fails = any(package.severity is Severity.FAIL for package in packages)
    return Report(
        exit_code=NOT_JUDGED if failure is not None else FAILED if fails else OK,
        django=django,
        python=python,
        mirror=mirror_age,
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
    is_dead = bool(findings) and instead.is_dead(facts, now=context.now)
    candidates = context.mirror.candidates.get(facts.id, ())
    wanted = instead.Wanted(context.django, context.python, context.now)
    chosen = instead.choose(facts, candidates, wanted, suggestion_lives=subject.suggestion_lives)
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
        is_dead=is_dead,
        instead=chosen,
        unfit="" if chosen or not is_dead else instead.explain_unfit(facts, candidates, wanted),
    )


def _to_seconds(text: str | None) -> str | None:
    """Return a stored time in whole seconds of UTC, None if it is unknown."""
    moment = parse_time(text)
    return None if moment is None else format_time(moment)


def _place(mention: Mention) -> Place:
    return Place(mention.file, mention.line, mention.specifier, mention.version)


def _finding(rule: rules.Rule, found: rules.Found, name: str, origin: Origin, context: _Context) -> Finding:
    """Return the finding with its severity; an exception applies also to what would not fail."""
    key = FindingKey(name, rule.name, origin.direct, found.release)
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
        for other, newest in target.others_allowed(django, of_django, context.mirror.django):
            message = f"allows only Django {other.specifier}; checked against {django.version} ({django.why})"
            more = f"; --django {newest} is the newest that it allows" if newest else ""
            yield Remark(other.file, other.line, message + more)
    found = {(package.name, finding.rule) for package in packages for finding in package.findings}
    judged = Judged(
        found,
        {package.name for package in packages if (package.name, "unknown") not in found},
        {one.name for one in requirements},
        context.options.whole_project,
    )
    yield from context.options.exceptions.stale(judged, today=context.now.date())
