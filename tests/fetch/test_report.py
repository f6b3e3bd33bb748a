"""Counts, exit codes and JSON of a fetch's report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.fetch.report import NOT_FOUND, PackageEvent, QuotaState, Report
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 10, 16, 30, tzinfo=UTC)
GITHUB, PYPI, CATALOG = SourceName.GITHUB, SourceName.PYPI, SourceName.CATALOG


def new_report(*, named: tuple[str, ...] = ()) -> Report:
    return Report(started=NOW, named=named)


def updated(report: Report) -> None:
    report.count(GITHUB, Outcome.UPDATED)


def unchanged(report: Report) -> None:
    report.count(PYPI, Outcome.UNCHANGED)


def gone(report: Report) -> None:
    report.count(GITHUB, Outcome.GONE)


def failed(report: Report) -> None:
    report.fail(GITHUB, ("pots",), "HTTP 502")


def refused(report: Report) -> None:
    report.fail(GITHUB, ("pots",), "the token was rejected", refused=True)


def source_failed(report: Report) -> None:
    report.fail_source(CATALOG, "no answer in 10 s")


def source_refused(report: Report) -> None:
    report.fail_source(GITHUB, "the token was rejected", refused=True)


def deferred(report: Report) -> None:
    report.defer(GITHUB, 3, "rate limit reached", LATER)


def unknown(report: Report) -> None:
    report.unknown["no-pots"] = NOT_FOUND


def aborted(report: Report) -> None:
    report.abort("the disk is full", 74)


def interrupted(report: Report) -> None:
    report.stop_code = 130


def terminated(report: Report) -> None:
    report.stop_code = 143


@pytest.mark.parametrize(
    ("named", "happened", "code"),
    [
        (False, [], 0),
        (False, [updated], 0),
        (False, [unchanged], 0),
        (False, [gone], 0),  # not an error
        (True, [gone], 0),
        (False, [deferred], 0),  # --all continues with the next fetch
        (False, [updated, deferred], 0),
        (True, [updated, deferred], 5),  # a deferred named package is an error
        (True, [deferred], 4),
        (False, [failed], 1),
        (False, [source_failed], 1),
        (False, [refused], 4),
        (False, [source_refused], 4),
        (True, [refused, deferred], 4),
        (False, [refused, failed], 1),
        (True, [failed, deferred], 1),
        (False, [updated, failed], 5),
        (False, [unchanged, source_failed], 5),
        (False, [gone, refused], 5),
        (True, [unknown], 3),
        (True, [updated, unknown], 5),
        (True, [unchanged, unknown, failed], 5),
        (True, [unknown, failed], 1),
        (True, [unknown, source_failed], 1),
        (False, [aborted], 74),
        (True, [updated, unknown, aborted], 74),
        (False, [interrupted], 130),
        (False, [updated, failed, interrupted], 130),
        (True, [unknown, terminated], 143),
    ],
)
def test_the_exit_code(named: bool, happened: list[Callable[[Report], None]], code: int) -> None:  # noqa: FBT001
    report = new_report(named=("pots",) if named else ())
    for event in happened:
        event(report)
    assert report.exit_code == code
    assert report.as_json()["exit"] == code


def test_asked_counts_all_outcomes_and_answered_only_updated_unchanged_and_gone() -> None:
    report = new_report()
    for number, outcome in enumerate(Outcome, start=1):
        report.count(GITHUB, outcome, number)
    tally = report.sources[GITHUB]
    assert tally.asked == sum(range(1, len(Outcome) + 1))
    assert tally.answered == sum(tally.outcomes[o] for o in (Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE))
    assert len(Outcome) == 5


def test_json_has_exactly_the_documented_keys() -> None:
    report = new_report(named=("pots",))
    report.finished = LATER
    updated(report)
    failed(report)
    source_failed(report)
    deferred(report)
    unknown(report)
    report.events.append(PackageEvent("pots", "released", "1.0", "2.0"))
    report.sources[GITHUB].requests, report.sources[GITHUB].points = 7, 3
    report.sources[GITHUB].quota = QuotaState(5000, 4999, LATER)
    report.sources[PYPI].quota = QuotaState(None, None, None)
    document = json.loads(json.dumps(report.as_json(), allow_nan=False))
    no_packages = {
        "asked": 0,
        "updated": 0,
        "unchanged": 0,
        "gone": 0,
        "deferred": 0,
        "failed": 0,
        "requests": 0,
        "points": 0,
        "quota": None,
    }
    assert document == {
        "schema": 1,
        "started": "2026-03-10T15:30:00Z",
        "finished": "2026-03-10T16:30:00Z",
        "exit": 5,
        "sources": {
            **{source.value: no_packages for source in SourceName},
            "github": {
                **no_packages,
                "asked": 5,
                "updated": 1,
                "deferred": 3,
                "failed": 1,
                "requests": 7,
                "points": 3,
                "quota": {"limit": 5000, "remaining": 4999, "reset": "2026-03-10T16:30:00Z"},
            },
        },
        "events": [{"slug": "pots", "event": "released", "old": "1.0", "new": "2.0"}],
        "failures": [
            {"slug": "no-pots", "source": "catalog", "reason": "not found"},
            {"slug": "pots", "source": "github", "reason": "HTTP 502"},
            {"slug": None, "source": "catalog", "reason": "no answer in 10 s"},
        ],
        "deferred": [
            {"source": "github", "packages": 3, "reason": "rate limit reached", "until": "2026-03-10T16:30:00Z"}
        ],
    }
    assert list(document) == ["schema", "started", "finished", "exit", "sources", "events", "failures", "deferred"]


def test_an_empty_report_has_the_same_json_keys() -> None:
    document: dict[str, Any] = new_report().as_json()
    assert (document["finished"], document["events"], document["failures"], document["deferred"]) == (None, [], [], [])
    assert list(document["sources"]) == [source.value for source in SourceName]


def test_a_quota_without_limit_or_reset_has_null_for_them() -> None:
    report = new_report()
    report.sources[GITHUB].quota = QuotaState(None, 0, None)
    document: dict[str, Any] = report.as_json()
    assert document["sources"]["github"]["quota"] == {"limit": None, "remaining": 0, "reset": None}


def test_deferrals_with_the_same_reason_and_time_are_added_up() -> None:
    report = new_report()
    deferred(report)
    report.defer(GITHUB, 4, "rate limit reached", LATER)
    report.defer(GITHUB, 1, "rate limit reached", None)
    report.defer(PYPI, 1, "rate limit reached", LATER)
    assert [(d.source, d.packages, d.until) for d in report.deferred] == [
        ("github", 7, LATER),
        ("github", 1, None),
        ("pypi", 1, LATER),
    ]
    assert report.sources[GITHUB].outcomes[Outcome.DEFERRED] == 8


def test_reasons_do_not_repeat_the_source() -> None:
    report = new_report()
    report.fail(GITHUB, ("pots",), "github: github.com: HTTP 502")
    report.fail_source(CATALOG, "catalog: the list is cut")
    report.reject_token(PYPI, "pypi: rejected")
    report.defer(GITHUB, 1, "github: rate limit reached", None)
    document: dict[str, Any] = report.as_json()
    reasons = [one["reason"] for one in (*document["failures"], *document["deferred"])]
    assert reasons == ["github.com: HTTP 502", "the list is cut", "rejected", "rate limit reached"]
