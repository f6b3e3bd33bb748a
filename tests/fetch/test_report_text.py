"""The lines of text of a fetch's report."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from djpkg.fetch.report import NOT_FOUND, PackageEvent, Report
from djpkg.fetch.report_text import Cause, causes, error_lines, history_json, summary_lines, token_hint_lines
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
        "github: HTTP 502 (p0, p1, p2 and 1,197 more)",
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
        Cause("catalog: API not found (pots, pans)", "set DJPKG_CATALOG_URL"),
        Cause("pypi: timed out", None),
    ]


def test_the_run_history_has_the_counts_and_each_cause_once() -> None:
    report = new_report()
    for number in range(100):
        report.fail(GITHUB, (f"p{number}",), "HTTP 502")
    stored = history_json(report)
    assert set(stored) == {"sources", "deferred", "causes"}
    assert stored["causes"] == ["github: HTTP 502 (p0, p1, p2 and 97 more)"]
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
    report.has_github_token = True
    assert token_hint_lines(report) == []


def test_a_very_long_name_is_cut() -> None:
    report = new_report(named=("a" * 100_000,))
    report.unknown["a" * 100_000] = NOT_FOUND
    assert error_lines(report) == [f"{'a' * 200}…: {NOT_FOUND}"]


def test_an_empty_name_is_quoted() -> None:
    report = new_report(named=("",))
    report.unknown[""] = NOT_FOUND
    assert error_lines(report) == [f"'': {NOT_FOUND}"]
