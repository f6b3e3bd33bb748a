"""What a fetch reports: its exit code, its JSON to the key, its lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from djpkg.fetch.report import UNKNOWN, PackageEvent, QuotaState, Report, summary, welcome
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 10, 16, 30, tzinfo=UTC)
GITHUB, PYPI, CATALOG = SourceName.GITHUB, SourceName.PYPI, SourceName.CATALOG


def report(*, named: tuple[str, ...] = ()) -> Report:
    return Report(started=NOW, named=named)


def updated(one: Report) -> None:
    one.count(GITHUB, Outcome.UPDATED)


def unchanged(one: Report) -> None:
    one.count(PYPI, Outcome.UNCHANGED)


def gone(one: Report) -> None:
    one.count(GITHUB, Outcome.GONE)


def failed(one: Report) -> None:
    one.fail(GITHUB, ("pots",), "answered 502")


def refused(one: Report) -> None:
    one.fail(GITHUB, ("pots",), "the token is not accepted", refused=True)


def source_failed(one: Report) -> None:
    one.fail_source(CATALOG, "no answer in 10 s")


def source_refused(one: Report) -> None:
    one.fail_source(GITHUB, "the token is not accepted", refused=True)


def deferred(one: Report) -> None:
    one.defer(GITHUB, 3, "its quota is used up", LATER)


def unknown(one: Report) -> None:
    one.unknown["no-pots"] = UNKNOWN


def ended(one: Report) -> None:
    one.end("the disk is full", 74)


def interrupted(one: Report) -> None:
    one.stopped = 130


def terminated(one: Report) -> None:
    one.stopped = 143


@pytest.mark.parametrize(
    ("named", "happened", "code"),
    [
        (False, [], 0),
        (False, [updated], 0),
        (False, [unchanged], 0),
        (False, [gone], 0),  # a fact, not trouble
        (True, [gone], 0),
        (False, [deferred], 0),  # --all has done its planned work
        (False, [updated, deferred], 0),
        (True, [updated, deferred], 5),  # a named package that was put off is trouble
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
        (False, [ended], 74),
        (True, [updated, unknown, ended], 74),
        (False, [interrupted], 130),
        (False, [updated, failed, interrupted], 130),
        (True, [unknown, terminated], 143),
    ],
)
def test_the_exit_code(named: bool, happened: list[Callable[[Report], None]], code: int) -> None:  # noqa: FBT001
    one = report(named=("pots",) if named else ())
    for event in happened:
        event(one)
    assert one.exit_code == code
    assert one.as_json()["exit"] == code


def test_asked_is_the_sum_of_the_five_outcomes_and_deferred_and_failed_are_no_answers() -> None:
    one = report()
    for number, outcome in enumerate(Outcome, start=1):
        one.count(GITHUB, outcome, number)
    tally = one.sources[GITHUB]
    assert tally.asked == sum(range(1, len(Outcome) + 1))
    assert tally.answered == sum(tally.outcomes[o] for o in (Outcome.UPDATED, Outcome.UNCHANGED, Outcome.GONE))
    assert len(Outcome) == 5


def test_the_json_has_these_keys_and_no_others() -> None:
    one = report(named=("pots",))
    one.finished = LATER
    updated(one)
    failed(one)
    source_failed(one)
    deferred(one)
    unknown(one)
    one.events.append(PackageEvent("pots", "released", "1.0", "2.0"))
    one.sources[GITHUB].requests = 7
    one.sources[GITHUB].quota = QuotaState(5000, 4999, LATER)
    one.sources[PYPI].quota = QuotaState(None, None, None)
    said = json.loads(json.dumps(one.as_json(), allow_nan=False))
    nothing = {
        "asked": 0,
        "updated": 0,
        "unchanged": 0,
        "gone": 0,
        "deferred": 0,
        "failed": 0,
        "requests": 0,
        "quota": None,
    }
    assert said == {
        "schema": 1,
        "started": "2026-03-10T15:30:00Z",
        "finished": "2026-03-10T16:30:00Z",
        "exit": 5,
        "sources": {
            "catalog": nothing,
            "github": {
                **nothing,
                "asked": 5,
                "updated": 1,
                "deferred": 3,
                "failed": 1,
                "requests": 7,
                "quota": {"limit": 5000, "remaining": 4999, "reset": "2026-03-10T16:30:00Z"},
            },
            "pypi": nothing,
            "gitlab": nothing,
            "bitbucket": nothing,
            "forgejo": nothing,
        },
        "events": [{"slug": "pots", "event": "released", "old": "1.0", "new": "2.0"}],
        "failures": [
            {"slug": "no-pots", "source": "catalog", "reason": "no such package"},
            {"slug": "pots", "source": "github", "reason": "answered 502"},
            {"slug": None, "source": "catalog", "reason": "no answer in 10 s"},
        ],
        "deferred": [
            {"source": "github", "packages": 3, "reason": "its quota is used up", "until": "2026-03-10T16:30:00Z"}
        ],
    }
    assert list(said) == ["schema", "started", "finished", "exit", "sources", "events", "failures", "deferred"]


def test_the_shape_does_not_change_where_nothing_happened() -> None:
    said = report().as_json()
    assert (said["finished"], said["events"], said["failures"], said["deferred"]) == (None, [], [], [])
    assert list(said["sources"]) == [source.value for source in SourceName]  # type: ignore[call-overload]


def test_a_quota_without_a_limit_or_a_reset_says_null_for_them() -> None:
    one = report()
    one.sources[GITHUB].quota = QuotaState(None, 0, None)
    assert one.as_json()["sources"]["github"]["quota"] == {"limit": None, "remaining": 0, "reset": None}  # type: ignore[index]


def test_a_cause_is_one_line_however_many_packages_it_hit() -> None:
    one = report()
    for number in range(1200):
        one.fail(GITHUB, (f"p{number}",), "answered 502")
    one.fail(PYPI, ("p1",), "pypi: no answer in 10 s")
    one.fail_source(CATALOG, "the list is cut")
    deferred(one)
    assert one.causes() == [
        "github: answered 502 (p0, p1, p2 and 1,197 more)",
        "pypi: no answer in 10 s (p1)",
        "catalog: the list is cut",
    ]


def test_the_causes_name_unknown_packages_and_for_named_ones_what_was_put_off() -> None:
    one = report(named=("pots", "no-pots"))
    unknown(one)
    deferred(one)
    assert one.causes() == [
        "no-pots: no such package",
        "github: 3 put off, until 2026-03-10T16:30:00Z (its quota is used up)",
    ]


def test_what_ended_the_whole_fetch_is_a_failure_of_no_package_and_no_source() -> None:
    one = report()
    ended(one)
    assert one.as_json()["failures"] == [{"slug": None, "source": None, "reason": "the disk is full"}]
    assert one.causes() == ["the disk is full"]


def test_what_was_put_off_for_one_reason_until_one_moment_is_told_together() -> None:
    one = report()
    deferred(one)
    one.defer(GITHUB, 4, "its quota is used up", LATER)
    one.defer(GITHUB, 1, "its quota is used up", None)
    one.defer(PYPI, 1, "its quota is used up", LATER)
    assert [(d.source, d.packages, d.until) for d in one.deferred] == [
        ("github", 7, LATER),
        ("github", 1, None),
        ("pypi", 1, LATER),
    ]
    assert one.sources[GITHUB].outcomes[Outcome.DEFERRED] == 8


def test_the_mirror_keeps_the_counts_and_each_cause_once() -> None:
    one = report()
    for number in range(100):
        one.fail(GITHUB, (f"p{number}",), "answered 502")
    kept = one.kept_json()
    assert set(kept) == {"sources", "deferred", "causes"}
    assert kept["causes"] == ["github: answered 502 (p0, p1, p2 and 97 more)"]
    assert len(json.dumps(kept)) < 2000


def test_the_summary_is_a_line_a_source_that_was_asked_then_what_is_new() -> None:
    one = report()
    one.count(GITHUB, Outcome.UPDATED, 1200)
    one.count(GITHUB, Outcome.FAILED, 2)
    one.sources[GITHUB].requests = 1300
    one.sources[GITHUB].points = 56
    one.sources[PYPI].requests = 1
    one.events += [PackageEvent(f"p{n}", "released", None, "2") for n in range(5)] + [
        PackageEvent("pots", "archived", None, None)
    ]
    deferred(one)
    assert summary(one) == [
        "github: 1,200 updated, 3 deferred, 2 failed (1,300 requests, 56 points)",
        "pypi: nothing to ask (1 request)",
        "github: 3 put off, until 2026-03-10T16:30:00Z (its quota is used up)",
        "released: p0, p1, p2 and 2 more",
        "archived: pots",
    ]
    assert summary(report()) == []


def test_a_source_that_failed_as_a_whole_is_not_said_to_have_had_nothing_to_do() -> None:
    report = Report(started=NOW)
    report.sources[SourceName.CATALOG].requests = 4
    report.sources[SourceName.PYPI].requests = 1
    report.fail_source(SourceName.CATALOG, "catalog: no connection")
    assert [line.partition(" (")[0] for line in summary(report)] == ["catalog: failed", "pypi: nothing to ask"]


@pytest.mark.parametrize("named", [(), ("a",)])
def test_what_was_put_off_is_told_once(named: tuple[str, ...]) -> None:
    report = Report(started=NOW, named=named)
    report.defer(SourceName.GITHUB, 1, "github: it takes no more requests", NOW)
    told = [*report.causes(), *summary(report)]
    assert sum("put off" in line for line in told) == 1
    assert any(line.endswith("put off, until 2026-03-10T15:30:00Z (it takes no more requests)") for line in told)


def test_a_token_is_not_advised_to_who_has_one() -> None:
    report = Report(started=NOW, first=True)
    report.defer(SourceName.GITHUB, 9, "github: used up", None)
    assert welcome(report)
    report.with_token = True
    assert welcome(report) == []


def test_a_name_of_a_hundred_thousand_characters_is_cut_where_it_is_told() -> None:
    report = Report(started=NOW, named=("a" * 100_000,))
    report.unknown["a" * 100_000] = UNKNOWN
    (line,) = report.causes()
    assert line == f"{'a' * 200}…: {UNKNOWN}"


def test_a_name_that_is_empty_is_told_as_such() -> None:
    report = Report(started=NOW, named=("",))
    report.unknown[""] = UNKNOWN
    assert report.causes() == [f"'': {UNKNOWN}"]
