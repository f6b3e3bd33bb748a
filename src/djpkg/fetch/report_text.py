"""The result of a fetch as lines of text, for stderr and the run history. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName
from djpkg.text import pluralize
from djpkg.times import format_time

if TYPE_CHECKING:
    from djpkg.fetch.report import Deferral, Report

_MAX_NAME = 200
_NAMES_SHOWN = 3


class Cause(NamedTuple):
    """A cause of failures as one line, and the user's next step."""

    line: str
    hint: str | None = None


def error_lines(report: Report) -> list[str]:
    """Return the lines of `causes`, without the hints."""
    return [cause.line for cause in causes(report)]


def causes(report: Report) -> list[Cause]:
    """Return each cause once, with the first packages that it affects.

    Deferred packages are an error only if packages were named; `summary_lines` has them otherwise.
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in report.unknown.items():
        by_reason.setdefault(reason, []).append(_abbreviate(name))
    found = [Cause(f"{_join(names)}: {reason}") for reason, names in by_reason.items()]
    by_cause: dict[tuple[str | None, str, str | None], list[str]] = {}
    for failure in report.failures:
        slugs = by_cause.setdefault((failure.source, failure.reason, failure.hint), [])
        if failure.slug is not None:
            slugs.append(failure.slug)
    for (source, reason, hint), slugs in by_cause.items():
        line = reason if source is None or reason.startswith(f"{source}:") else f"{source}: {reason}"
        found.append(Cause(f"{line} ({_join(slugs)})" if slugs else line, hint))
    if report.named:
        found += [Cause(deferral_line(deferral)) for deferral in report.deferred]
    return found


def closed_lines(report: Report) -> list[str]:
    """Return one line for each source that got no request: it stated earlier until when it allows none.

    Empty if packages were named: then a deferral is an error.
    """
    lines = []
    for deferral in report.deferred if not report.named else ():
        tally = report.sources[SourceName(deferral.source)]
        if deferral.until is not None and not tally.requests and not tally.answered:
            packages = pluralize(deferral.packages, "package")
            lines.append(f"{deferral.source}: closed until {format_time(deferral.until)}; {packages} not requested")
    return lines


def summary_lines(report: Report) -> list[str]:
    """Return one line per source that was used, then one per kind of event."""
    lines = []
    for source, tally in report.sources.items():
        if not tally.asked and not tally.requests:
            continue
        counts = ", ".join(f"{tally.outcomes[one]:,} {one.value}" for one in Outcome if tally.outcomes[one])
        cost = pluralize(tally.requests, "request")
        if tally.points:
            cost += f", {pluralize(tally.points, 'point')}"
        has_failed = any(one.source == source and one.slug is None for one in report.failures)
        lines.append(f"{source.value}: {counts or ('failed' if has_failed else 'nothing to fetch')} ({cost})")
    if not report.named:
        lines += [deferral_line(deferral) for deferral in report.deferred]
    by_event: dict[str, list[str]] = {}
    for event in report.events:
        by_event.setdefault(event.event, []).append(event.slug)
    lines += [f"{name}: {_join(slugs)}" for name, slugs in by_event.items()]
    lines += [f"{one.slug}: listed anew with id {one.id}; your edits were kept" for one in report.carried_over]
    return lines


def deferral_line(deferral: Deferral) -> str:
    """Return ``github: 3 deferred until 2026-03-10T16:30:00Z (rate limit reached)``."""
    until = f" until {format_time(deferral.until)}" if deferral.until else ""
    packages = f"{deferral.packages:,} " if deferral.packages else ""
    return f"{deferral.source}: {packages}deferred{until} ({deferral.reason.removeprefix(f'{deferral.source}: ')})"


def token_hint_lines(report: Report) -> list[str]:
    """Return advice to set a token, after a first fetch in which GitHub deferred packages for lack of one."""
    github = report.sources[SourceName.GITHUB]
    if not report.first_sweep or not github.outcomes[Outcome.DEFERRED] or report.has_github_token:
        return []
    return [
        f"github: fetched {github.answered:,} of {github.asked:,} packages; the rest show the catalog's figures.",
        "To fetch the rest without waiting, set GH_TOKEN or run gh auth login, then fetch again.",
    ]


def history_json(report: Report) -> dict[str, object]:
    """Return what the mirror stores of a fetch: the counts, and each cause once."""
    whole = report.as_json()
    return {"sources": whole["sources"], "deferred": whole["deferred"], "causes": error_lines(report)}


def _abbreviate(name: str) -> str:
    """Return a name as the user typed it, cut if it is too long for a line."""
    return f"{name[:_MAX_NAME]}…" if len(name) > _MAX_NAME else name or "''"


def _join(slugs: list[str]) -> str:
    if len(slugs) <= _NAMES_SHOWN:
        return ", ".join(slugs)
    return f"{', '.join(slugs[:_NAMES_SHOWN])} and {len(slugs) - _NAMES_SHOWN:,} more"
