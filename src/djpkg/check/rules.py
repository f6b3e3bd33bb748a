"""The rules: each looks at one dependency and states what it found. A new rule is one entry in `RULES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check import releases
from djpkg.check.report import Verdict
from djpkg.check.series import weigh
from djpkg.check.verdict import describe_release, to_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from djpkg.check.facts import PackageFacts
    from djpkg.check.series import Series
    from djpkg.check.verdict import Judgement
    from djpkg.requirements.requirement import Mention


class Subject(NamedTuple):
    """One dependency that the rules look at.

    `suggestion_lives` is whether the other repository that the project names may be alive. A last commit and release
    before `quiet_since` make a package quiet, and times after `latest` are in the future and so unknown; both are
    sortable texts.
    """

    facts: PackageFacts
    mentions: tuple[Mention, ...]
    django: Series | None
    python: Series | None
    judgement: Judgement
    suggestion_lives: bool
    quiet_since: str
    latest: str

    @property
    def pins(self) -> list[str]:
        """The pinned versions, in the order of the files."""
        return list(dict.fromkeys(one.version for one in self.mentions if one.version is not None))

    def event_or_check(self, event: str, *sources: str | None) -> str:
        """Return when a fetch recorded an event, else when one of the sources last answered: ``since 2026-10-03``."""
        if (day := to_day(self.facts.events.get(event))) is not None:
            return f"since {day}"
        answered = max((time for source, time in self.facts.checked.items() if source in sources), default=None)
        return f"checked {day}" if (day := to_day(answered)) is not None else "date unknown"


class Found(NamedTuple):
    """What a rule found; see `Finding`. `can_fail` is False where nothing needs to be done, whatever `--fail-on` is."""

    message: str
    next: str = ""
    can_fail: bool = True


class Rule(NamedTuple):
    """One rule. `about` is the heading of a group of its findings; ``{quiet_after}`` and ``{django}`` are replaced.

    `fails_by_default` is whether `--fail-on` contains it by default, `fails_for_parents` whether it fails too where
    only another dependency brings the package in.
    """

    name: str
    about: str
    find: Callable[[Subject], Iterator[Found]]
    fails_by_default: bool = False
    fails_for_parents: bool = False


def _yanked(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    for used in releases.find_yanked(facts, subject.mentions, subject.python)[:1]:
        version = used.release.version
        recorded = to_day(facts.events.get("yanked")) if version == facts.newest else None
        day = to_day(used.release.uploaded)
        dated = f"was yanked on {recorded}" if recorded else f"is yanked{f' (uploaded {day})' if day else ''}"
        if used.is_pinned:
            yield Found(f"{version} {dated}", _replace_yanked(subject, used))
        elif used.instead is None:
            yield Found(
                f"{version} {dated}, as is all that {used.mention.specifier or 'pip'} allows",
                _replace_yanked(subject, used),
            )
        else:
            message = f"{version}, the newest that {used.mention.specifier or 'any version'} allows, {dated}"
            yield Found(message, f"pip installs {used.instead.version} instead", can_fail=False)


def _replace_yanked(subject: Subject, used: releases.Used) -> str:
    found = releases.next_release(subject.facts, used, subject.python)
    if found is None:
        return "no final release is left; replace the package"
    release, is_newer = found
    stated = _fits_django(subject) if release.version == subject.facts.newest else ""
    return (
        f"{release.version} is out{stated}"
        if is_newer
        else f"go back to {release.version}, which is not yanked{stated}"
    )


def _fits_django(subject: Subject) -> str:
    """Return what the newest release states about the Django asked for: `` and declares your Django 5.2``, or ""."""
    words = {Verdict.DECLARED: "declares", Verdict.ALLOWED: "allows"}
    verdict = subject.judgement.verdict
    return f" and {words[verdict]} Django {subject.django}" if verdict in words else ""


def _gone(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    from_index = any(one.url is None for one in subject.mentions)
    if facts.pypi_state == "gone" and from_index:
        when = subject.event_or_check("project gone", "pypi")
        yield Found(f"the project is gone from PyPI ({when})", "a fresh install fails: replace it, or install a copy")
    elif facts.repo_state in ("gone", "blocked") and not (facts.suggestion and subject.suggestion_lives):
        state = facts.repo_state
        when = subject.event_or_check(state, *(source for source in facts.checked if source not in ("catalog", "pypi")))
        yield Found(f"the repository is {state} ({when})", "replace it, or maintain a fork")


def _archived(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    if facts.archived:
        day = to_day(facts.archived_at) or to_day(facts.events.get("archived"))
        last = to_day(facts.released)
        release = f"; last release {facts.newest} on {last}" if last and facts.has_release else ""
        yield Found(
            f"the repository {f'was archived on {day}' if day else 'is archived'}{release}",
            "replace it, or maintain a fork",
        )


def _removed(subject: Subject) -> Iterator[Found]:
    if subject.facts.catalog_state == "removed":
        day = to_day(subject.facts.events.get("removed"))
        yield Found(
            f"no longer listed on Django Packages{f' since {day}' if day else ''}", "see whether it is maintained"
        )


def _excluded(subject: Subject) -> Iterator[Found]:
    if subject.judgement.verdict is Verdict.EXCLUDED:
        yield Found(subject.judgement.evidence, f"ask for a release that allows Django {subject.django}, or replace it")


def _ahead(subject: Subject) -> Iterator[Found]:
    if subject.judgement.verdict is Verdict.AHEAD:
        yield Found(subject.judgement.evidence, f"stay on an older release while you use Django {subject.django}")


def _unproven(subject: Subject) -> Iterator[Found]:
    if subject.judgement.verdict is Verdict.UNPROVEN:
        yield Found(subject.judgement.evidence, f"test it with Django {subject.django}")


def _python(subject: Subject) -> Iterator[Found]:
    if fits_python(subject.facts, subject.python) is False:
        release = describe_release(subject.facts, subject.pins)
        message = f"{release} requires Python {subject.facts.requires_python}"
        yield Found(message, f"stay on a release for Python {subject.python}")


def fits_python(facts: PackageFacts, python: Series | None) -> bool | None:
    """Return whether `requires_python` of the newest release admits the Python; None if either is unknown."""
    if python is None or not facts.has_release:
        return None
    return weigh(facts.requires_python, python).admits if facts.requires_python else True


def _moved(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    if facts.repo_state == "moved" or facts.moved_to:
        yield Found(f"the repository moved{f' to {facts.moved_to}' if facts.moved_to else ''}")
    elif facts.repo_state in ("gone", "blocked") and facts.suggestion and subject.suggestion_lives:
        yield Found(f"the listed repository is {facts.repo_state}; the project names {facts.suggestion}")


def _quiet(subject: Subject) -> Iterator[Found]:
    times = {"commit": subject.facts.updated, "release": subject.facts.released}
    known = {name: time for name, time in times.items() if time is not None and time <= subject.latest}
    if known and all(time < subject.quiet_since for time in known.values()):
        yield Found(", ".join(f"last {name} {to_day(time)}" for name, time in known.items()))


def _outdated(subject: Subject) -> Iterator[Found]:
    found = releases.find_outdated(subject.facts, subject.mentions, subject.python)
    if found:
        used, newest = found[0][0], found[0][1]
        day = to_day(newest.uploaded)
        yield Found(f"{used} is in use; {newest.version} is out{f' ({day})' if day else ''}")


def _replaced(subject: Subject) -> Iterator[Found]:
    if subject.facts.replaced_by:
        yield Found(f"you noted {subject.facts.replaced_by} as its replacement", f"use {subject.facts.replaced_by}")


def _unknown(subject: Subject) -> Iterator[Found]:
    if not set(subject.facts.checked) - {"catalog"}:
        yield Found("neither its forge nor PyPI has answered yet", f"djpkg fetch {subject.facts.slug}")


RULES: tuple[Rule, ...] = (
    Rule("yanked", "the release in use is yanked", _yanked, fails_by_default=True, fails_for_parents=True),
    Rule("gone", "the repository or the PyPI project is gone", _gone, fails_by_default=True),
    Rule("archived", "the repository is archived", _archived),
    Rule("removed", "no longer listed on Django Packages", _removed),
    Rule("excluded", "the newest release excludes Django {django}", _excluded),
    Rule("ahead", "the newest release requires a later Django than {django}", _ahead),
    Rule("unproven", "nothing states that it works with Django {django}", _unproven),
    Rule("python", "the newest release excludes Python {python}", _python),
    Rule("moved", "the repository moved", _moved),
    Rule("quiet", "no commit and no release for {quiet_after}", _quiet),
    Rule("outdated", "a newer release is out", _outdated),
    Rule("replaced", "you noted a replacement", _replaced),
    Rule("unknown", "no source has answered yet", _unknown),
)
"""All rules, in the order of the documentation and of the findings of a package."""

NAMES = tuple(rule.name for rule in RULES)
FAIL_BY_DEFAULT = frozenset(rule.name for rule in RULES if rule.fails_by_default)
