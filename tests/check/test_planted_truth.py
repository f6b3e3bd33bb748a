"""A whole check of a generated project against an independent oracle: no verdict and no finding may be wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.check import truth, world
from tests.cli.running import run

if TYPE_CHECKING:
    from pathlib import Path

# Each plants every verdict and every rule often.
SEEDS = (4, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in (12, 13)))


@pytest.fixture(scope="module", params=SEEDS)
def planting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[world.Planting, Path]:
    planted = world.Planting(request.param)
    folder = tmp_path_factory.mktemp(f"planted-{request.param}")
    planted.write_mirror(folder / "mirror.db")
    planted.write_project(folder)
    return planted, folder


def check(folder: Path, *options: str) -> dict[str, Any]:
    arguments = ["check", str(folder), "--json", "--db", str(folder / "mirror.db"), "--python", world.PYTHON]
    result = run(*arguments, *options)
    report: dict[str, Any] = json.loads(result.out)
    assert report["exit"] == result.code
    return report


@pytest.mark.parametrize("series", ["4.2", "5.2", "6.0"])
def test_every_verdict_and_every_finding_is_the_planted_one(planting: tuple[world.Planting, Path], series: str) -> None:
    planted, folder = planting
    report = check(folder, "--django", series)
    found = {package["name"]: package for package in report["packages"]}
    applying = {name: one for name, one in planted.required.items() if world.applies(one.mentions[0])}
    assert found.keys() == applying.keys()
    assert set(report["excluded_by_marker"]) == planted.required.keys() - applying.keys()
    assert set(report["unlisted"]) == set(planted.unlisted)
    origins = truth.true_origins(applying)
    wrong = {}
    for name, one in applying.items():
        package = found[name]
        text = one.mentions[0]
        stated = (
            package["django"],
            package["python"],
            {finding["rule"]: finding["severity"] for finding in package["findings"]},
            (package["direct"], package["via"]),
            [(other["slug"], other["reason"]) for other in package["instead"]],
        )
        expected = (
            truth.true_verdict(one, series),
            truth.true_python(one),
            truth.true_severities(one, text, series, direct=origins[name][0]),
            origins[name],
            truth.true_instead(one, planted, series),
        )
        if stated != expected:
            wrong[name] = (text, stated, expected)
    assert wrong == {}


def test_the_planted_world_has_every_verdict_and_every_rule_often(planting: tuple[world.Planting, Path]) -> None:
    _, folder = planting
    report = check(folder, "--django", "5.2")
    verdicts = [package["django"] for package in report["packages"]]
    assert all(verdicts.count(one) >= 5 for one in (None, "declared", "excluded", "ahead", "allowed", "unproven"))
    rare = {rule: number for rule, number in report["counts"].items() if number < 3}
    assert set(rare) == {"replaced"}
    severities = [
        (finding["rule"], finding["severity"]) for package in report["packages"] for finding in package["findings"]
    ]
    assert all((rule, one) in severities for rule in ("yanked", "gone", "excluded") for one in ("fail", "note"))
    origins = [(package["direct"], bool(package["via"])) for package in report["packages"]]
    assert set(origins) == {(True, False), (False, True), (True, True)}
    offered = [one["reason"] for package in report["packages"] for one in package["instead"]]
    assert set(offered) == {"the project names it", "the repository moved there", "its description names it"}


def test_the_evidence_names_the_release_and_says_newest_where_another_is_pinned(
    planting: tuple[world.Planting, Path],
) -> None:
    _, folder = planting
    for package in check(folder, "--django", "5.2")["packages"]:
        if package["django"] is not None:
            pins = {place["pinned"] for place in package["requirements"]} - {None}
            assert package["evidence"].startswith("newest ") == bool(pins - {package["newest"]})
            assert package["newest"] in package["evidence"]
