"""What came of a fetch: counts, events, failures, what was put off; its JSON, its exit code, its lines. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName
from djpkg.text import pluralize
from djpkg.times import stamp

if TYPE_CHECKING:
    from datetime import datetime

SCHEMA = 1
UNKNOWN = "no such package"
_LONGEST_NAME = 200


class QuotaState(NamedTuple):
    """What a source said last of its quota."""

    limit: int | None
    remaining: int | None
    reset: datetime | None


class PackageEvent(NamedTuple):
    """An event of one package."""

    slug: str
    event: str
    old: str | None
    new: str | None


class Failure(NamedTuple):
    """Why one source could not tell about one package.

    `slug` is None where it is about the source as a whole, and `source` too where it is about the whole fetch.
    """

    slug: str | None
    source: str | None
    reason: str
    refused: bool = False


class Deferral(NamedTuple):
    """So many packages were put off at a source, and until when they are not to be asked about."""

    source: str
    packages: int
    reason: str
    until: datetime | None


@dataclass(slots=True)
class SourceTally:
    """How one source ended, in packages; `asked` is the sum of the five outcomes."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    requests: int = 0
    points: int = 0
    quota: QuotaState | None = None

    @property
    def asked(self) -> int:
        """Packages that the source was to be asked about."""
        return self.outcomes.total()

    @property
    def answered(self) -> int:
        """Packages that the source told something about, were it that nothing changed."""
        return sum(self.outcomes[one] for one in (Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE))


@dataclass(slots=True)
class Report:
    """One fetch. `named` are the packages that were named, empty for ``--all``; `unknown` those that stand for no
    package, or for several, each with the reason.

    `first` says that the whole list was read for the first time, `with_token` that GitHub was asked with one.
    """

    started: datetime
    finished: datetime | None = None
    named: tuple[str, ...] = ()
    unknown: dict[str, str] = field(default_factory=dict)
    sources: dict[SourceName, SourceTally] = field(
        default_factory=lambda: {source: SourceTally() for source in SourceName}
    )
    events: list[PackageEvent] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    deferred: list[Deferral] = field(default_factory=list)
    stopped: int | None = None
    """The code of a signal, or of an error that ended the whole fetch."""
    hint: str | None = None
    first: bool = False
    with_token: bool = False

    def count(self, source: SourceName, outcome: Outcome, packages: int = 1) -> None:
        """Add packages to an outcome."""
        self.sources[source].outcomes[outcome] += packages

    def fail(self, source: SourceName, slugs: tuple[str, ...], reason: str, *, refused: bool = False) -> None:
        """Packages about which a source could not tell."""
        self.count(source, Outcome.FAILED, len(slugs))
        self.failures += [Failure(slug, source.value, reason, refused) for slug in slugs]

    def fail_source(self, source: SourceName, reason: str, *, refused: bool = False) -> None:
        """Something went wrong with a source that is about no package in particular."""
        self.failures.append(Failure(None, source.value, reason, refused))

    def defer(self, source: SourceName, packages: int, reason: str, until: datetime | None) -> None:
        """Packages that a source's quota put off; those with the same reason and moment are told together."""
        self.count(source, Outcome.DEFERRED, packages)
        for place, one in enumerate(self.deferred):
            if (one.source, one.reason, one.until) == (source.value, reason, until):
                self.deferred[place] = one._replace(packages=one.packages + packages)
                return
        self.deferred.append(Deferral(source.value, packages, reason, until))

    def end(self, reason: str, code: int, *, hint: str | None = None) -> None:
        """An error ended the whole fetch, or kept it from beginning; `hint` is the next step for the user."""
        self.failures.append(Failure(None, None, reason))
        self.stopped = code
        self.hint = hint

    @property
    def exit_code(self) -> int:
        """0 done; 1 failed; 3 nothing named was found; 4 refused; 5 partial; or what the fetch was stopped with.

        Gone, blocked, empty and unsupported places are facts and no trouble, nor is what ``--all`` put off.
        """
        if self.stopped is not None:
            return self.stopped
        put_off = bool(self.named and self.deferred)
        if not self.failures and not self.unknown and not put_off:
            return 0
        if any(tally.answered for tally in self.sources.values()):
            return 5
        if self.unknown and not self.failures and not put_off:
            return 3
        refused = put_off or any(failure.refused for failure in self.failures)
        others = [failure for failure in self.failures if not failure.refused]
        return 4 if refused and not others else 1

    def as_json(self) -> dict[str, object]:
        """The object that ``fetch --json`` prints, whatever the exit code."""
        return {
            "schema": SCHEMA,
            "started": stamp(self.started),
            "finished": stamp(self.finished) if self.finished else None,
            "exit": self.exit_code,
            "sources": {source.value: _tally_json(tally) for source, tally in self.sources.items()},
            "events": [one._asdict() for one in self.events],
            "failures": [
                *({"slug": name, "source": "catalog", "reason": why} for name, why in self.unknown.items()),
                *({"slug": one.slug, "source": one.source, "reason": one.reason} for one in self.failures),
            ],
            "deferred": [
                {
                    "source": one.source,
                    "packages": one.packages,
                    "reason": one.reason,
                    "until": stamp(one.until) if one.until else None,
                }
                for one in self.deferred
            ],
        }

    def kept_json(self) -> dict[str, object]:
        """What the mirror keeps of it: the counts, and each cause once."""
        whole = self.as_json()
        return {"sources": whole["sources"], "deferred": whole["deferred"], "causes": self.causes()}

    def causes(self) -> list[str]:
        """One line a cause, for stderr: the same reason of many packages is one."""
        by_reason: dict[str, list[str]] = {}
        for name, why in self.unknown.items():
            by_reason.setdefault(why, []).append(_short(name))
        lines = [f"{_some(names)}: {why}" for why, names in by_reason.items()]
        by_cause: dict[tuple[str | None, str], list[str]] = {}
        for failure in self.failures:
            slugs = by_cause.setdefault((failure.source, failure.reason), [])
            if failure.slug is not None:
                slugs.append(failure.slug)
        for (source, reason), slugs in by_cause.items():
            line = reason if source is None or reason.startswith(f"{source}:") else f"{source}: {reason}"
            lines.append(f"{line} ({_some(slugs)})" if slugs else line)
        if self.named:
            lines += [deferral_line(one) for one in self.deferred]
        return lines


def deferral_line(one: Deferral) -> str:
    """What was put off, as a sentence."""
    until = f", until {stamp(one.until)}" if one.until else ""
    packages = f"{one.packages:,} " if one.packages else ""
    return f"{one.source}: {packages}put off{until} ({one.reason.removeprefix(f'{one.source}: ')})"


def summary(report: Report) -> list[str]:
    """One line a source that was asked, then what is new."""
    lines = []
    for source, tally in report.sources.items():
        if not tally.asked and not tally.requests:
            continue
        counts = ", ".join(f"{tally.outcomes[one]:,} {one.value}" for one in Outcome if tally.outcomes[one])
        spent = pluralize(tally.requests, "request")
        if tally.points:
            spent += f", {pluralize(tally.points, 'point')}"
        broken = any(one.source == source and one.slug is None for one in report.failures)
        lines.append(f"{source.value}: {counts or ('failed' if broken else 'nothing to ask')} ({spent})")
    if not report.named:  # where packages were named that is trouble, and told as such
        lines += [deferral_line(one) for one in report.deferred]
    by_event: dict[str, list[str]] = {}
    for told in report.events:
        by_event.setdefault(told.event, []).append(told.slug)
    lines += [f"{event}: {_some(slugs)}" for event, slugs in by_event.items()]
    return lines


def welcome(report: Report) -> list[str]:
    """What somebody should know after the first fetch of all without a token for GitHub."""
    github = report.sources[SourceName.GITHUB]
    put_off = github.outcomes[Outcome.DEFERRED]
    if not report.first or not put_off or report.with_token:
        return []
    return [
        f"GitHub refreshed {github.answered:,} of {github.asked:,}; the others show the directory's own figures.",
        "A token refreshes all: set GH_TOKEN, or log in with gh, and fetch again.",
    ]


def _tally_json(tally: SourceTally) -> dict[str, object]:
    quota = tally.quota
    return {
        "asked": tally.asked,
        **{one.value: tally.outcomes[one] for one in Outcome},
        "requests": tally.requests,
        "quota": None
        if quota is None or quota.remaining is None
        else {
            "limit": quota.limit,
            "remaining": quota.remaining,
            "reset": stamp(quota.reset) if quota.reset else None,
        },
    }


def _short(name: str) -> str:
    """A name as it was typed, as far as a line has room for it."""
    return f"{name[:_LONGEST_NAME]}…" if len(name) > _LONGEST_NAME else name or "''"


def _some(slugs: list[str], shown: int = 3) -> str:
    if len(slugs) <= shown:
        return ", ".join(slugs)
    return f"{', '.join(slugs[:shown])} and {len(slugs) - shown:,} more"
