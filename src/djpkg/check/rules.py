"""The rules: each looks at one dependency and states what it found. A new rule is one entry in `RULES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check import releases
from djpkg.check.report import Verdict
from djpkg.check.verdict import describe_release, fits_python, to_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from djpkg.check.facts import PackageFacts
    from djpkg.check.series import Series
    from djpkg.check.verdict import Judgement
    from djpkg.requirements.requirement import Mention

# Names of forges by host; others are named by their host.
_FORGES = {"github.com": "GitHub", "gitlab.com": "GitLab", "bitbucket.org": "Bitbucket", "codeberg.org": "Codeberg"}


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

    @property
    def other_source(self) -> Mention | None:
        """The first place, if all install something else than a release or the repository in the directory."""
        if any(one.from_index for one in self.mentions):
            return None
        facts = self.facts
        own = {_address(url) for url in (facts.repository, facts.moved_to, facts.suggestion) if url}
        for one in self.mentions:
            installed = _address(one.url or "")
            if any(f"{installed}/".startswith(f"{address}/") for address in own):
                return None
        return self.mentions[0]

    def event_or_check(self, event: str, *sources: str | None) -> str:
        """Return when a fetch recorded an event, else when one of the sources last answered: ``since 2026-10-03``."""
        if (day := to_day(self.facts.events.get(event))) is not None:
            return f"since {day}"
        answered = max((time for source, time in self.facts.checked.items() if source in sources), default=None)
        return f"checked {day}" if (day := to_day(answered)) is not None else "date unknown"


def _address(url: str) -> str:
    """Return host and path of a repository's URL, to compare it: without scheme, revision and ``.git``."""
    return url.lower().rpartition("://")[2].partition("@")[0].removesuffix("/").removesuffix(".git")


class Found(NamedTuple):
    """What a rule found; see `Finding`. `can_fail` is False where nothing needs to be done, whatever `--fail-on` is.

    `mention` is the place that it is about, None for all, and `release` the version of a yanked release.
    """

    message: str
    next: str = ""
    can_fail: bool = True
    mention: Mention | None = None
    release: str | None = None


class Rule(NamedTuple):
    """One rule. `about` is the heading of a group of its findings; ``{quiet_after}`` and ``{django}`` are replaced.

    `about_repository` is whether it judges the repository in the directory, so that it cannot fail where the project
    installs the package from another one, such as a fork; see `for_source`.

    `fails_by_default` is whether `--fail-on` contains it by default, `fails_for_parents` whether it fails too where
    only another dependency brings the package in.
    """

    name: str
    about: str
    find: Callable[[Subject], Iterator[Found]]
    fails_by_default: bool = False
    fails_for_parents: bool = False
    about_repository: bool = False

    def for_source(self, found: Found, subject: Subject) -> Found:
        """Return what the rule found, as it counts for what the project installs."""
        other = subject.other_source if self.about_repository else None
        if other is None:
            return found
        return Found(f"{found.message}; {other.file}:{other.line} installs it from another source", can_fail=False)


def _yanked(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    found = releases.find_yanked(facts, subject.mentions, subject.python)
    for used in found:
        version = used.release.version
        specifier = used.mention.specifier
        recorded = to_day(facts.events.get("yanked")) if version == facts.newest else None
        day = to_day(used.release.uploaded)
        dated = f"was yanked on {recorded}" if recorded else f"is yanked{f' (uploaded {day})' if day else ''}"
        if used.is_pinned:
            message = f"{version} {dated}"
        elif used.instead is None:
            python = f" for Python {subject.python}" if used.python_excludes else ""
            message = f"{version} {dated}, as is all that {specifier or 'pip'} allows{python}"
        else:
            message = f"{version}, the newest that {specifier or 'any version'} allows, {dated}"
        if len(found) > 1:
            message += f" ({used.mention.file}:{used.mention.line})"
        advice = f"pip installs {used.instead.version} instead" if used.instead else _replace_yanked(subject, used)
        yield Found(message, advice, used.can_fail, used.mention, version)


def _replace_yanked(subject: Subject, used: releases.Used) -> str:
    found = releases.next_release(subject.facts, used, subject.python)
    if found is None:
        if used.python_excludes:
            return f"no release is left that fits Python {subject.python}"
        return "no final release is left; replace the package"
    release, is_newer = found
    stated = _fits_django(subject) if release.version == subject.facts.newest else ""
    specifier = used.mention.specifier
    if not (used.is_pinned or releases.allows(specifier, release.version)):
        stated += f"; {specifier} does not allow it, so change that"
    return (
        f"{release.version} is out{stated}"
        if is_newer
        else f"go back to {release.version}, which is not yanked{stated}"
    )


def _fits_django(subject: Subject) -> str:
    """Return what the newest release states about the Django asked for: `` and declares Django 5.2``, or ""."""
    words = {Verdict.DECLARED: "declares", Verdict.ALLOWED: "allows"}
    verdict = subject.judgement.verdict
    return f" and {words[verdict]} Django {subject.django}" if verdict in words else ""


def _gone(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    from_index = any(one.from_index for one in subject.mentions)
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
        used, newest, mention = found[0]
        day = to_day(newest.uploaded)
        message = f"{used} is in use; {newest.version} is out{f' ({day})' if day else ''}"
        yield Found(message, mention=mention)


def _replaced(subject: Subject) -> Iterator[Found]:
    if subject.facts.replaced_by:
        yield Found(f"you noted {subject.facts.replaced_by} as its replacement", f"use {subject.facts.replaced_by}")


def _unknown(subject: Subject) -> Iterator[Found]:
    facts = subject.facts
    missing = [source for source in facts.sources if source not in facts.checked]
    if missing:
        host = (facts.repository or "").partition("/")[0]
        about = [
            "PyPI has not answered yet about its project"
            if source == "pypi"
            else f"{_FORGES.get(host, host)} has not answered yet about its repository"
            for source in missing
        ]
        yield Found(" and ".join(about), f"djpkg fetch {facts.slug}")


RULES: tuple[Rule, ...] = (
    Rule("yanked", "the release in use is yanked", _yanked, fails_by_default=True, fails_for_parents=True),
    Rule("gone", "the repository or the PyPI project is gone", _gone, fails_by_default=True, about_repository=True),
    Rule("archived", "the repository is archived", _archived, about_repository=True),
    Rule("removed", "no longer listed on Django Packages", _removed),
    Rule("excluded", "the newest release excludes Django {django}", _excluded),
    Rule("ahead", "the newest release requires a later Django than {django}", _ahead),
    Rule("unproven", "nothing states that it works with Django {django}", _unproven),
    Rule("python", "the newest release excludes Python {python}", _python),
    Rule("moved", "the repository moved", _moved, about_repository=True),
    Rule("quiet", "no commit and no release for {quiet_after}", _quiet, about_repository=True),
    Rule("outdated", "a newer release is out", _outdated),
    Rule("replaced", "you noted a replacement", _replaced),
    Rule("unknown", "a source has not answered yet", _unknown),
)
"""All rules, in the order of the documentation and of the findings of a package."""

NAMES = tuple(rule.name for rule in RULES)
FAIL_BY_DEFAULT = frozenset(rule.name for rule in RULES if rule.fails_by_default)
