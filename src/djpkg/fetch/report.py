"""The result of a fetch: counts, events, failures, deferred packages; its exit code and its JSON. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import INTERRUPTED, TERMINATED
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName, strip_source
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from djpkg.mirror.removed_edits import RemovedEdits
    from djpkg.mirror.unchecked import Unchecked

SCHEMA = 1
NOT_FOUND = "not found"


class QuotaState(NamedTuple):
    """The quota in a source's last response."""

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
    """A failure of one source for one package.

    `slug` is None for a failure of the whole source; `source` is None for damaged rows of a package, and with `slug`
    for a failure of the whole fetch. `reason` does not repeat the source. `replaced` means a rejected token that was
    replaced: no failure if the source answered all the same. `hint` is the user's next step.
    """

    slug: str | None
    source: str | None
    reason: str
    refused: bool = False
    replaced: bool = False
    hint: str | None = None


class CarriedEdits(NamedTuple):
    """Edits that moved from a removed package to the one that the catalog listed under its slug and repository."""

    slug: str
    id: int
    removed_id: int


class SnapshotResult(NamedTuple):
    """The snapshot that was taken in: its place, when it was made (None if it is unchanged), packages and requests."""

    place: str
    made: datetime | None
    packages: int
    requests: int


class Deferral(NamedTuple):
    """Packages deferred by one source, and from when they can be fetched, if the source stated it."""

    source: str
    packages: int
    reason: str
    until: datetime | None


@dataclass(slots=True)
class SourceTally:
    """The outcomes of one source in packages, and its requests; `points` are those of GitHub's GraphQL API.

    `queued` is the number of packages to fetch, None as long as it is unknown.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    requests: int = 0
    points: int = 0
    quota: QuotaState | None = None
    queued: int | None = None

    @property
    def asked(self) -> int:
        """The number of packages with an outcome."""
        return self.outcomes.total()

    @property
    def not_reached(self) -> int:
        """The number of queued packages without an outcome, after a fetch that was ended."""
        return max(0, (self.queued or 0) - self.asked)

    @property
    def answered(self) -> int:
        """The number of packages that the source answered for, including unchanged and gone ones."""
        return sum(self.outcomes[outcome] for outcome in (Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE))


@dataclass(slots=True)
class Report:
    """The result of one fetch.

    `named` are the requested names, empty for ``--all``; `unknown` those that match no package or several, with the
    reason. `first_sweep`: the catalog's whole list was read for the first time. `has_stored_parts`: facts were stored,
    perhaps of repositories that have no outcome yet. `requested` are the sources to fetch from.
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
    carried_over: list[CarriedEdits] = field(default_factory=list)
    removed_edits: list[RemovedEdits] = field(default_factory=list)
    """Edits of packages that were removed in this fetch, or whose slug another package got in it."""
    stop_code: int | None = None
    """The exit code of a signal or an error that ended the whole fetch."""
    first_sweep: bool = False
    list_unread: bool = False
    """The catalog's list was to be read, and no fetch has ever read it completely."""
    has_stored_parts: bool = False
    with_token: frozenset[SourceName] = frozenset()
    """The forges that got a token, in a fetch of all packages."""
    without_token: bool = False
    """The user was told that GitHub was asked for many repositories without a token."""
    unchecked: list[Unchecked] = field(default_factory=list)
    requested: frozenset[SourceName] = frozenset()
    snapshot: SnapshotResult | None = None
    """The snapshot that was taken in place of asking the sources."""

    @property
    def has_stored(self) -> bool:
        """Whether answers of any source were stored."""
        return self.has_stored_parts or any(tally.answered for tally in self.sources.values())

    def count(self, source: SourceName, outcome: Outcome, packages: int = 1) -> None:
        """Count packages with an outcome."""
        self.sources[source].outcomes[outcome] += packages

    def fail(
        self,
        source: SourceName,
        slugs: tuple[str, ...],
        reason: str,
        *,
        refused: bool = False,
        hint: str | None = None,
    ) -> None:
        """Count packages as failed."""
        self.count(source, Outcome.FAILED, len(slugs))
        reason = strip_source(reason, source)
        self.failures += [Failure(slug, source.value, reason, refused, hint=hint) for slug in slugs]

    def fail_source(self, source: SourceName, reason: str, *, refused: bool = False, hint: str | None = None) -> None:
        """Add a failure of a whole source."""
        self.failures.append(Failure(None, source.value, strip_source(reason, source), refused, hint=hint))

    def reject_token(self, source: SourceName, reason: str, *, hint: str | None = None) -> None:
        """Add a rejected token that another token, or none, replaced."""
        reason = strip_source(reason, source)
        self.failures.append(Failure(None, source.value, reason, refused=True, replaced=True, hint=hint))

    def defer(self, source: SourceName, packages: int, reason: str, until: datetime | None) -> None:
        """Count packages as deferred; those with the same reason and time are added up."""
        self.count(source, Outcome.DEFERRED, packages)
        reason = strip_source(reason, source)
        for index, deferral in enumerate(self.deferred):
            if (deferral.source, deferral.reason, deferral.until) == (source.value, reason, until):
                self.deferred[index] = deferral._replace(packages=deferral.packages + packages)
                return
        self.deferred.append(Deferral(source.value, packages, reason, until))

    def abort(self, reason: str, code: int, *, hint: str | None = None) -> None:
        """Add an error that ended the fetch or prevented its start."""
        self.failures.append(Failure(None, None, reason, hint=hint))
        self.stop_code = code

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the fetch."""
        return self.stop_code in (INTERRUPTED, TERMINATED)

    @property
    def exit_code(self) -> int:
        """0 done; 1 failed; 3 no name found; 4 refused or deferred; 5 partial; else the code that ended the fetch.

        Gone, blocked, empty and unsupported repositories are not failures, nor is what ``--all`` defers, unless nothing
        was stored and the catalog's list was never read, nor a rejected token if the source answered with another one
        or without.
        """
        if self.stop_code is not None:
            return self.stop_code
        answered = {source.value for source, tally in self.sources.items() if tally.answered}
        failures = [failure for failure in self.failures if not (failure.replaced and failure.source in answered)]
        deferred = bool(self.deferred) and bool(self.named or (self.list_unread and not answered))
        if not failures and not self.unknown and not deferred:
            return 0
        if answered:
            return 5
        if self.unknown and not failures and not deferred:
            return 3
        refused = deferred or any(failure.refused for failure in failures)
        return 4 if refused and all(failure.refused for failure in failures) else 1

    def as_json(self, error: Mapping[str, object] | None = None) -> dict[str, object]:
        """Return the object that ``fetch --json`` prints, for every exit code; `error` only if that is not 0."""
        return {
            "schema": SCHEMA,
            "started": format_time(self.started),
            "finished": format_time(self.finished) if self.finished else None,
            "exit": self.exit_code,
            **({"error": error} if error is not None else {}),
            **({"snapshot": _snapshot_json(self.snapshot)} if self.snapshot is not None else {}),
            "sources": {source.value: _tally_json(tally) for source, tally in self.sources.items()},
            "events": [event._asdict() for event in self.events],
            "failures": [
                *(_failure_json(name, "catalog", reason) for name, reason in self.unknown.items()),
                *(_failure_json(one.slug, one.source, one.reason) for one in self.failures),
            ],
            "deferred": [
                one._asdict() | {"until": format_time(one.until) if one.until else None} for one in self.deferred
            ],
        }


def _failure_json(slug: str | None, source: str | None, reason: str) -> dict[str, object]:
    return {"slug": slug, "source": source, "reason": reason}


def _snapshot_json(snapshot: SnapshotResult) -> dict[str, object]:
    return snapshot._asdict() | {"made": format_time(snapshot.made) if snapshot.made else None}


def _tally_json(tally: SourceTally) -> dict[str, object]:
    quota = tally.quota
    return {
        "asked": tally.asked,
        **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
        "requests": tally.requests,
        "points": tally.points,
        "quota": quota_json(quota),
    }


def quota_json(quota: QuotaState | None) -> dict[str, object] | None:
    """Return the object of a quota; None if the source did not state one."""
    if quota is None or quota.remaining is None:
        return None
    return quota._asdict() | {"reset": format_time(quota.reset) if quota.reset else None}
