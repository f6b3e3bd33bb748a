"""The result of a fetch as lines of text, for stderr and the run history. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from djpkg.config import API_BY_SOURCE
from djpkg.mirror.unchecked import UNCHECKED_FOR
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName
from djpkg.text import join_some, pluralize
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from djpkg.fetch.report import Deferral, Failure, Report, SnapshotResult
    from djpkg.mirror.unchecked import Unchecked

_MAX_NAME = 200
_NAMES_SHOWN = 3
MISSING_TOKEN = (
    "No GitHub token found: GitHub allows 60 requests an hour without one, for about 15 repositories in each fetch.",
    "To fetch all at once (about 220 of a token's 5,000 points an hour), set GITHUB_TOKEN or run gh auth login.",
)
"""Printed before the first fetch of many repositories without a token."""
REPOSITORIES_WITHOUT_TOKEN = 15
"""The repositories that GitHub allows to fetch in an hour without a token."""
CONTINUE = "run the command again to continue"
_TITLES = {
    SourceName.GITHUB: "GitHub",
    SourceName.GITLAB: "GitLab",
    SourceName.BITBUCKET: "Bitbucket",
    SourceName.FORGEJO: "Forgejo",
    SourceName.PYPI: "PyPI",
}
# What differs in reasons of one cause: quoted texts, paths of repositories and their ids, numbers except statuses.
_DETAIL = re.compile(r"'[^']*'|\"[^\"]*\"|[\w.~-]+/[\w./~-]+|\bR_\w+|(?<!HTTP )(?<![\w.:])\d[\d,]*\b")


class Cause(NamedTuple):
    """A cause of failures as one line, and the user's next step."""

    line: str
    hint: str | None = None


def error_lines(report: Report) -> list[str]:
    """Return the lines of `causes`, without the hints."""
    return [cause.line for cause in causes(report)]


def causes(report: Report) -> list[Cause]:
    """Return each cause once, with the number of packages that it affects and the first of them.

    Deferred packages are an error only if packages were named, or if they are those of a catalog that was never read
    completely; `deferral_lines` has them otherwise.
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in report.unknown.items():
        by_reason.setdefault(reason, []).append(_abbreviate(name))
    found = [Cause(f"{join_some(names, _NAMES_SHOWN)}: {reason}") for reason, names in by_reason.items()]
    by_cause: dict[tuple[str | None, str, str | None], list[Failure]] = {}
    for failure in report.failures:
        kind = failure.reason if failure.slug is None else _DETAIL.sub("…", failure.reason)
        by_cause.setdefault((failure.source, kind, failure.hint), []).append(failure)
    found += [Cause(_failure_line(failures), _next_step(failures[0])) for failures in by_cause.values()]
    for deferral in report.deferred:
        if report.named:
            found.append(Cause(deferral_line(deferral)))
        elif _is_unread_list(deferral, report):
            line = f"{deferral_line(deferral)}; the catalog's list was never read completely"
            found.append(Cause(line, "run djpkg fetch --all again after that"))
    return found


def deferral_lines(report: Report) -> list[str]:
    """Return one line for each deferral that is not in `causes`."""
    shown = [] if report.named else [one for one in report.deferred if not _is_unread_list(one, report)]
    return [deferral_line(deferral) for deferral in shown]


def _is_unread_list(deferral: Deferral, report: Report) -> bool:
    return report.list_unread and deferral.source == SourceName.CATALOG


def _next_step(failure: Failure) -> str | None:
    """Return the hint of a failure with the slug of its package."""
    return failure.hint and failure.hint.replace("PACKAGE", failure.slug or "PACKAGE")


def _failure_line(failures: Sequence[Failure]) -> str:
    """Return ``github: 2 failed: HTTP 502 (django-a, django-b)``; the reason is that of the first failure."""
    source, reason = failures[0].source, failures[0].reason
    slugs = list(dict.fromkeys(failure.slug for failure in failures if failure.slug is not None))
    count = f"{len(slugs):,} failed: " if len(slugs) > 1 and source is not None else ""
    return f"{f'{source}: ' if source is not None else ''}{count}{reason}" + (
        f" ({join_some(slugs, _NAMES_SHOWN)})" if slugs else ""
    )


def unchecked_causes(report: Report) -> list[Cause]:
    """Return why sources have left many packages unchecked for days, and what helps."""
    return [_unchecked_cause(one, report) for one in report.unchecked]


def _unchecked_cause(one: Unchecked, report: Report) -> Cause:
    source = one.source
    failures = [failure for failure in report.failures if failure.source == source and not failure.replaced]
    if source not in report.requested:
        reason, hint = "not requested", "run djpkg fetch --all without --source"
    elif deferral := next((one for one in report.deferred if one.source == source), None):
        reason, hint = deferral.reason, _quota_hint(source, report)
    elif failures:
        (reason, given), _ = Counter((failure.reason, failure.hint) for failure in failures).most_common(1)[0]
        hint = given or "djpkg --debug fetch --all shows each request"
    else:
        reason, hint = "no answer", "run djpkg fetch --all --refetch"
    days = UNCHECKED_FOR.days
    line = (
        f"{source.value}: {one.packages:,} of {pluralize(one.total, 'package')} not checked for {days} days: {reason}"
    )
    return Cause(line, hint)


def _quota_hint(source: SourceName, report: Report) -> str:
    variables = API_BY_SOURCE[source].token_variables
    if source in report.with_token or not variables:
        return "fetch more often, for example every hour: each fetch continues with the oldest data"
    gh = ", or run gh auth login" if source is SourceName.GITHUB else ""
    return f"set {variables[-1]}{gh}: with a token the limit is higher"


def report_json(report: Report) -> dict[str, object]:
    """Return the object that ``fetch --json`` prints; `error` is the cause that ended the fetch, or the first one."""
    if report.exit_code == 0:
        return report.as_json()
    if report.interrupted:
        return report.as_json({"message": "interrupted", "hint": CONTINUE})
    found = causes(report)
    ended = next((Cause(one.reason, one.hint) for one in report.failures if one.slug is one.source is None), None)
    line, hint = ended or found[0]
    more = f" (and {pluralize(len(found) - 1, 'more cause')})" if len(found) > 1 else ""
    return report.as_json({"message": f"{line}{more}", "hint": hint})


def closed_lines(report: Report) -> list[str]:
    """Return one line for each source that got no request: it stated earlier until when it allows none.

    Without those in `causes`.
    """
    lines = []
    for deferral in report.deferred:
        tally = report.sources[SourceName(deferral.source)]
        if report.named or _is_unread_list(deferral, report):
            continue
        if deferral.until is not None and not tally.requests and not tally.answered:
            packages = pluralize(deferral.packages, "package")
            lines.append(f"{deferral.source}: closed until {format_time(deferral.until)}; {packages} not requested")
    return lines


def interrupted_line(report: Report) -> str:
    """Return what a signal left to do: ``interrupted; not reached: 3 packages of github. …``."""
    left = [
        f"{pluralize(tally.not_reached, 'package')} of {source.value}"
        for source, tally in report.sources.items()
        if tally.not_reached
    ]
    if unknown := _not_begun(report):
        left.append(f"all of {', '.join(unknown)}")
    not_reached = f"; not reached: {', '.join(left)}" if left else ""
    stored = "What was fetched is stored" if report.has_stored else "Nothing was stored"
    return f"interrupted{not_reached}. {stored}; {CONTINUE}"


def summary_lines(report: Report) -> list[str]:
    """Return one line per source that was used, then one per kind of event; last the duration."""
    lines = [] if report.snapshot is None else [_snapshot_line(report.snapshot)]
    ended = report.stop_code is not None
    not_begun = _not_begun(report) if ended else ()
    for source, tally in report.sources.items():
        not_reached = tally.not_reached if ended else 0
        if not (tally.asked or tally.requests or not_reached or source in not_begun):
            continue
        counts = [f"{tally.outcomes[one]:,} {one.value}" for one in Outcome if tally.outcomes[one]]
        if not_reached:
            counts.append(f"{not_reached:,} not reached")
        cost = pluralize(tally.requests, "request") if report.snapshot is None else "from the snapshot"
        if tally.points:
            cost += f", {pluralize(tally.points, 'point')}"
        has_failed = any(one.source == source and one.slug is None for one in report.failures)
        has_deferred = any(one.source == source for one in report.deferred)
        otherwise = "not reached" if source in not_begun else "deferred" if has_deferred else "nothing to fetch"
        otherwise = "failed" if has_failed else otherwise
        lines.append(f"{source.value}: {', '.join(counts) or otherwise} ({cost})")
    lines += deferral_lines(report)
    by_event: dict[str, list[str]] = {}
    for event in report.events:
        by_event.setdefault(event.event, []).append(event.slug)
    lines += [f"{name}: {join_some(slugs, _NAMES_SHOWN)}" for name, slugs in by_event.items()]
    lines += [f"{one.slug}: listed anew with id {one.id}; your edits were kept" for one in report.carried_over]
    if lines and report.finished is not None:
        verb = "done" if report.stop_code is None else "ended"
        lines.append(f"{verb} in {format_duration(report.finished - report.started)}")
    return lines


def _snapshot_line(snapshot: SnapshotResult) -> str:
    """Return ``snapshot: made 2026-11-26T03:00:00Z, 5,800 packages (1 request)``."""
    content = "unchanged"
    if snapshot.made is not None:
        content = f"made {format_time(snapshot.made)}, {pluralize(snapshot.packages, 'package')}"
    return f"snapshot: {content} ({pluralize(snapshot.requests, 'request')})"


def _not_begun(report: Report) -> list[SourceName]:
    """Return the sources that were still to be asked when the fetch ended, before their packages were known."""
    return [
        source
        for source, tally in report.sources.items()
        if source in report.requested and tally.queued is None and not tally.asked
    ]


def format_duration(span: timedelta) -> str:
    """Return ``less than 1 s``, ``12 s``, ``3 min 20 s`` or ``1 h 5 min``."""
    seconds = max(0, int(span.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours > 0:
        return f"{hours:,} h {minutes} min"
    if minutes > 0:
        return f"{minutes} min {seconds} s"
    return f"{seconds} s" if seconds > 0 else "less than 1 s"


def deferral_line(deferral: Deferral) -> str:
    """Return ``github: 3 deferred until 2026-03-10T16:30:00Z (rate limit reached)``."""
    until = f" until {format_time(deferral.until)}" if deferral.until else ""
    packages = f"{deferral.packages:,} " if deferral.packages else ""
    return f"{deferral.source}: {packages}deferred{until} ({deferral.reason})"


def nothing_to_fetch_line(slugs: Sequence[str], sources: Collection[SourceName]) -> str:
    """Return ``django-todo has no repository on GitLab; nothing to fetch``, for named packages and ``--source``."""
    forges = [title for source, title in _TITLES.items() if source in sources and source is not SourceName.PYPI]
    places = [f"repository on {' or '.join(forges)}"] if forges else []
    places += ["project on PyPI"] if SourceName.PYPI in sources else []
    verb = "has" if len(slugs) == 1 else "have"
    return f"{join_some(slugs, _NAMES_SHOWN)} {verb} no {' or '.join(places)}; nothing to fetch"


def token_hint_lines(report: Report) -> list[str]:
    """Return advice to set a token, after a first fetch in which GitHub deferred packages for lack of one."""
    github = report.sources[SourceName.GITHUB]
    if not report.first_sweep or not github.outcomes[Outcome.DEFERRED] or SourceName.GITHUB in report.with_token:
        return []
    return [
        f"github: fetched {github.answered:,} of {github.asked:,} packages; the rest show the catalog's figures.",
        "To fetch the rest without waiting, set GITHUB_TOKEN or run gh auth login, then fetch again.",
    ]


def history_json(report: Report) -> dict[str, object]:
    """Return what the mirror stores of a fetch: the counts, each cause once, and the sources of `unchecked_causes`."""
    whole = report.as_json()
    return {
        "sources": whole["sources"],
        "deferred": whole["deferred"],
        "causes": error_lines(report),
        "unchecked": [one.source.value for one in report.unchecked],
        "without_token": report.without_token,
    }


def _abbreviate(name: str) -> str:
    """Return a name as the user typed it, cut if it is too long for a line."""
    return f"{name[:_MAX_NAME]}…" if len(name) > _MAX_NAME else name or "''"
