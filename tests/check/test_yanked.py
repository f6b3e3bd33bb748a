"""Yanked releases: which places use one, what pip installs instead, and what to do next."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.check.directory import Package, make_directory
from tests.cli.running import run

VERSIONS = ("1.0", "1.1", "2.0", "3.0rc1")


def check(package: Package, *arguments: str, stdin: str = "") -> dict[str, Any]:
    make_directory(Path(os.environ["DJPKG_DB"]), [package])
    report: dict[str, Any] = json.loads(run("check", *(arguments or ("-",)), "--json", stdin=stdin).out)
    return report


def yanked(report: dict[str, Any]) -> list[tuple[str, str]]:
    (package,) = report["packages"]
    return [(one["severity"], one["message"]) for one in package["findings"] if one["rule"] == "yanked"]


def test_each_release_and_place_has_a_finding_and_what_fails_is_first(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("django-x<2\n")
    (tmp_path / "b.txt").write_text("django-x==1.1\ndjango-x==1.0\ndjango-x==1.1\n")
    package = Package("django-x", yanked=("1.0", "1.1"), versions=("0.9", "1.0", "1.1", "2.0"))
    report = check(package, str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    found = yanked(report)
    places = [message.rpartition("/")[2] for _, message in found]
    assert [severity for severity, _ in found] == ["fail", "fail", "fail", "note"]
    assert places == ["b.txt:1)", "b.txt:2)", "b.txt:3)", "a.txt:1)"]
    assert report["counts"]["yanked"] == 1
    lines = run("check", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "--tsv").out.splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
    assert [(Path(row["file"]).name, row["line"], row["version"]) for row in rows if row["rule"] == "yanked"] == [
        ("b.txt", "1", "1.1"), ("b.txt", "2", "1.0"), ("b.txt", "3", "1.1"), ("a.txt", "1", "<2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "yanked_versions", "severity", "text"),
    [
        ("django-x", ("1.0", "1.1", "2.0"), "fail", "as is all that pip allows"),
        ("django-x>=1", ("1.0", "1.1", "2.0"), "fail", "as is all that >=1 allows"),
        ("django-x>=3.0a1", ("1.0", "1.1", "2.0", "3.0rc1"), "fail", "as is all that >=3.0a1 allows"),
        ("django-x>=2.0a1", ("2.0",), "note", "the newest that >=2.0a1 allows"),
        ("django-x", ("2.0",), "note", "the newest that any version allows"),
    ],
)
def test_a_prerelease_replaces_nothing_where_a_final_release_is_allowed(
    line: str, yanked_versions: tuple[str, ...], severity: str, text: str
) -> None:
    ((found, message),) = yanked(
        check(Package("django-x", versions=VERSIONS, yanked=yanked_versions), stdin=f"{line}\n")
    )
    assert found == severity
    assert text in message


def test_a_release_that_needs_another_python_is_not_called_yanked() -> None:
    package = Package("django-x", versions=("1.0", "2.0"), yanked=("2.0",), python=">=3.13")
    make_directory(Path(os.environ["DJPKG_DB"]), [package])
    report = json.loads(run("check", "-", "--json", "--python", "3.12", stdin="django-x>=1\n").out)
    ((severity, message),) = yanked(report)
    assert (severity, message.partition(", as ")[2]) == ("fail", "is all that >=1 allows for Python 3.12")
    assert (
        "no release is left that fits Python 3.12" in run("check", "-", "--python", "3.12", stdin="django-x>=1\n").out
    )


def test_the_advice_says_that_the_specifier_does_not_allow_it() -> None:
    make_directory(Path(os.environ["DJPKG_DB"]), [Package("django-x", yanked=("1.0", "1.1"))])
    shown = run("check", "-", stdin="django-x<2\n").out
    assert "2.0 is out and declares Django 6.0; <2 does not allow it, so change that" in " ".join(shown.split())
    shown = run("check", "-", stdin="django-x==1.1\n").out
    assert "change that" not in shown


def test_an_outdated_release_is_shown_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("django-x==2.0\ndjango-x==1.1\n")
    make_directory(Path(os.environ["DJPKG_DB"]), [Package("django-x")])
    (line,) = run("check", str(tmp_path / "a.txt"), "--tsv").out.splitlines()[1:]
    assert line.split("\t")[4:7] == ["1.1", str(tmp_path / "a.txt"), "2"]
