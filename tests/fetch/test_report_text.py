"""The lines of text of a fetch's report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from djpkg.fetch.report import NOT_FOUND, PackageEvent, Report
from djpkg.fetch.report_text import (
    Cause,
    causes,
    error_lines,
    format_duration,
    history_json,
    interrupted_line,
    report_json,
    summary_lines,
    token_hint_lines,
)
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 10, 16, 30, tzinfo=UTC)
GITHUB, PYPI, CATALOG = SourceName.GITHUB, SourceName.PYPI, SourceName.CATALOG


def new_report(*, named: tuple[str, ...] = ()) -> Report:
    return Report(started=NOW, named=named)


def defer_three(report: Report) -> None:
    report.defer(GITHUB, 3, "rate limit reached", LATER)


def test_a_cause_is_one_line_however_many_packages_it_affects() -> None:
    report = new_report()
    for number in range(1200):
        report.fail(GITHUB, (f"p{number}",), "HTTP 502")
    report.fail(PYPI, ("p1",), "pypi: timed out")
    report.fail_source(CATALOG, "the list is cut")
    defer_three(report)
    assert error_lines(report) == [
        "github: 1,200 failed: HTTP 502 (p0, p1, p2 and 1,197 more)",
        "pypi: timed out (p1)",
        "catalog: the list is cut",
    ]


def test_unknown_and_deferred_named_packages_are_errors() -> None:
    report = new_report(named=("pots", "no-pots"))
    report.unknown["no-pots"] = NOT_FOUND
    defer_three(report)
    assert error_lines(report) == [
        "no-pots: not found",
        "github: 3 deferred until 2026-03-10T16:30:00Z (rate limit reached)",
    ]


def test_an_error_that_ends_the_fetch_has_no_package_and_no_source() -> None:
    report = new_report()
    report.abort("the disk is full", 74, hint="free some space")
    assert report.as_json()["failures"] == [{"slug": None, "source": None, "reason": "the disk is full"}]
    assert causes(report) == [Cause("the disk is full", "free some space")]


def test_a_hint_is_listed_once_per_cause() -> None:
    report = new_report()
    report.fail(CATALOG, ("pots", "pans"), "catalog: API not found", hint="set DJPKG_CATALOG_URL")
    report.fail_source(CATALOG, "catalog: API not found", hint="set DJPKG_CATALOG_URL")
    report.fail_source(PYPI, "pypi: timed out")
    assert causes(report) == [
        Cause("catalog: 2 failed: API not found (pots, pans)", "set DJPKG_CATALOG_URL"),
        Cause("pypi: timed out", None),
    ]


def test_the_run_history_has_the_counts_and_each_cause_once() -> None:
    report = new_report()
    for number in range(100):
        report.fail(GITHUB, (f"p{number}",), "HTTP 502")
    stored = history_json(report)
    assert set(stored) == {"sources", "deferred", "causes", "unchecked", "without_token"}
    assert stored["causes"] == ["github: 100 failed: HTTP 502 (p0, p1, p2 and 97 more)"]
    assert len(json.dumps(stored)) < 2000


def test_the_summary_has_a_line_per_source_then_a_line_per_kind_of_event() -> None:
    report = new_report()
    report.count(GITHUB, Outcome.UPDATED, 1200)
    report.count(GITHUB, Outcome.FAILED, 2)
    report.sources[GITHUB].requests = 1300
    report.sources[GITHUB].points = 56
    report.sources[PYPI].requests = 1
    report.events += [PackageEvent(f"p{n}", "released", None, "2") for n in range(5)] + [
        PackageEvent("pots", "archived", None, None)
    ]
    defer_three(report)
    assert summary_lines(report) == [
        "github: 1,200 updated, 3 deferred, 2 failed (1,300 requests, 56 points)",
        "pypi: nothing to fetch (1 request)",
        "github: 3 deferred until 2026-03-10T16:30:00Z (rate limit reached)",
        "released: p0, p1, p2 and 2 more",
        "archived: pots",
    ]
    assert summary_lines(new_report()) == []


def test_a_source_that_failed_as_a_whole_has_failed_in_the_summary() -> None:
    report = new_report()
    report.sources[CATALOG].requests = 4
    report.sources[PYPI].requests = 1
    report.fail_source(CATALOG, "catalog: no connection")
    lines = summary_lines(report)
    assert [line.partition(" (")[0] for line in lines] == ["catalog: failed", "pypi: nothing to fetch"]


def test_reasons_that_differ_in_names_and_numbers_are_one_cause() -> None:
    report = new_report()
    for number in range(4):
        report.fail(GITHUB, (f"p{number}",), f"got an answer about o{number}/x instead of o{number}/p{number}")
        report.fail(PYPI, (f"q{number}",), f"got project 'q{number}1' of {number},000")
    report.fail(GITHUB, ("a", "b"), "github.com: HTTP 502")
    report.fail(GITHUB, ("c",), "github.com: HTTP 503")
    assert error_lines(report) == [
        "github: 4 failed: got an answer about o0/x instead of o0/p0 (p0, p1, p2 and 1 more)",
        "pypi: 4 failed: got project 'q01' of 0,000 (q0, q1, q2 and 1 more)",
        "github: 2 failed: github.com: HTTP 502 (a, b)",
        "github: github.com: HTTP 503 (c)",
    ]


def test_an_interrupted_fetch_says_what_was_not_reached() -> None:
    report = Report(started=NOW, finished=LATER, requested=frozenset((CATALOG, GITHUB, PYPI)), stop_code=130)
    report.sources[CATALOG].queued, report.sources[CATALOG].requests = 5000, 3
    report.count(CATALOG, Outcome.UPDATED, 750)
    assert interrupted_line(report) == (
        "interrupted; not reached: 4,250 packages of catalog, all of github, pypi."
        " What was fetched is stored; run the command again to continue"
    )
    assert summary_lines(report) == [
        "catalog: 750 updated, 4,250 not reached (3 requests)",
        "github: not reached (0 requests)",
        "pypi: not reached (0 requests)",
        "ended in 1 h 0 min",
    ]
    report.sources[GITHUB].queued, report.sources[PYPI].queued = 4, 0
    report.sources[GITHUB].requests = 1
    assert summary_lines(report)[1:] == ["github: 4 not reached (1 request)", "ended in 1 h 0 min"]


def test_an_interrupted_fetch_that_had_reached_everything_lists_nothing() -> None:
    report = Report(started=NOW, requested=frozenset((CATALOG,)), stop_code=143)
    report.sources[CATALOG].queued = 1
    report.count(CATALOG, Outcome.UPDATED)
    assert interrupted_line(report) == "interrupted. What was fetched is stored; run the command again to continue"


def test_json_after_a_failure_has_the_first_cause_or_the_one_that_ended_the_fetch() -> None:
    report = new_report(named=("no-pots",))
    assert "error" not in report_json(report)
    report.unknown["no-pots"] = NOT_FOUND
    assert report_json(report)["error"] == {"message": "no-pots: not found", "hint": None}
    report.fail_source(GITHUB, "rejected", hint="set GH_TOKEN")
    assert report_json(report)["error"] == {"message": "no-pots: not found (and 1 more cause)", "hint": None}
    report.abort("the disk is full", 74, hint="free some space")
    error = {"message": "the disk is full (and 2 more causes)", "hint": "free some space"}
    assert report_json(report)["error"] == error
    report.stop_code = 130
    assert report_json(report)["error"] == {"message": "interrupted", "hint": "run the command again to continue"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "less than 1 s"), (-5, "less than 1 s"), (1, "1 s"), (59.9, "59 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("named", [(), ("a",)])
def test_deferred_packages_are_either_an_error_or_in_the_summary(named: tuple[str, ...]) -> None:
    report = new_report(named=named)
    report.defer(GITHUB, 1, "github: rate limit reached", NOW)
    lines = [*error_lines(report), *summary_lines(report)]
    assert lines.count("github: 1 deferred until 2026-03-10T15:30:00Z (rate limit reached)") == 1


def test_a_token_is_suggested_only_without_one() -> None:
    report = Report(started=NOW, first_sweep=True)
    report.defer(GITHUB, 9, "github: rate limit reached", None)
    assert token_hint_lines(report)
    report.with_token = frozenset((GITHUB,))
    assert token_hint_lines(report) == []


def test_a_very_long_name_is_cut() -> None:
    report = new_report(named=("a" * 100_000,))
    report.unknown["a" * 100_000] = NOT_FOUND
    assert error_lines(report) == [f"{'a' * 200}…: {NOT_FOUND}"]


def test_an_empty_name_is_quoted() -> None:
    report = new_report(named=("",))
    report.unknown[""] = NOT_FOUND
    assert error_lines(report) == [f"'': {NOT_FOUND}"]
