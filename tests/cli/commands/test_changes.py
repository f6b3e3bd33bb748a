from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import Outcome
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, PANS, POTS, ago, filled_mirror, pypi_facts


@pytest.fixture
def mirror() -> Path:
    """Two packages: one added ten days ago and released three days ago, one added two days ago."""
    path = filled_mirror(Path(os.environ["DJPKG_DB"]), [POTS], now=NOW - timedelta(days=10), report_added=True)
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for days, version in ((9, "2.4"), (3, "2.5")):
            answers = [SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots", version))]
            writer.store_answers(SourceName.PYPI, answers, now=NOW - timedelta(days=days))
    return filled_mirror(path, [PANS], now=NOW - timedelta(days=2), report_added=True)


def test_events_are_printed_newest_first_one_per_line(mirror: Path) -> None:
    assert run("changes").lines == [
        f"{ago(days=2)}\tdjango-pans\tadded\t\t",
        f"{ago(days=3)}\tdjango-pots\treleased\t2.4\t2.5",
        f"{ago(days=10)}\tdjango-pots\tadded\t\t",
    ]


def test_the_json_is_an_array_of_objects(mirror: Path) -> None:
    out = run("changes", "--json", "-n", "2").out
    assert json.loads(out) == [
        {"at": ago(days=2), "slug": "django-pans", "event": "added", "old": None, "new": None},
        {"at": ago(days=3), "slug": "django-pots", "event": "released", "old": "2.4", "new": "2.5"},
    ]
    assert out.startswith("[\n{")
    assert out.endswith("}\n]\n")


@pytest.mark.parametrize(("since", "count"), [("1d", 0), ("60h", 1), ("7d", 2), ("1m", 3), ("2020", 3), ("2999", 0)])
def test_since_accepts_dates_and_spans(mirror: Path, since: str, count: int) -> None:
    assert len(run("changes", "--since", since).lines) == count


@pytest.mark.parametrize(
    ("arguments", "slugs"),
    [
        (["django-pans", "django_pots"], ["django-pans", "django-pots"]),
        (["grid:gardening"], ["django-pots"]),
        (["-grid:gardening"], ["django-pans"]),
        (["^category:2", "added:2020.."], ["django-pots"]),
        (["django-pots", "category:2"], []),
        (["-r", "-"], ["django-pans"]),
        (["-r", "-", "django-pots"], ["django-pans", "django-pots"]),
        (["-r", "-", "grid:gardening"], []),
        (["id:9"], []),
    ],
)
def test_events_of_a_selection(mirror: Path, arguments: list[str], slugs: list[str]) -> None:
    result = run("changes", *arguments, stdin="django-pans\nsix\n")
    assert (result.code, result.err) == (0, "")
    assert sorted({line.split("\t")[1] for line in result.lines}) == slugs
    assert run("changes", *arguments, "--json", stdin="django-pans\nsix\n").code == 0


def test_events_older_than_30_days_need_since(mirror: Path) -> None:
    with open_write(mirror) as db:
        db.execute("UPDATE events SET at = ? WHERE event = 'released'", (ago(days=40),))
    assert "released" not in run("changes").out
    assert "released" in run("changes", "--since", "1y").out


def test_only_events_of_the_given_packages_are_printed(mirror: Path) -> None:
    assert [line.split("\t")[1] for line in run("changes", "django_pots").lines] == ["django-pots", "django-pots"]


def test_without_events_the_output_is_empty(mirror: Path) -> None:
    assert run("changes", "--since", "1d") == (0, "", "")
    assert run("changes", "--since", "1d", "--json") == (0, "[\n]\n", "")


def test_without_events_a_terminal_gets_a_message(mirror: Path) -> None:
    result = run_on_terminal("changes", "--since", "2999-01-01")
    assert (result.code, result.out, result.err) == (0, "", "nothing changed since 2999-01-01T00:00:00Z\n")


def test_a_terminal_gets_a_table_with_old_and_new_value(mirror: Path) -> None:
    result = run_on_terminal("changes")
    assert result.lines[2] == "django-pots  3 days ago   released  2.4 → 2.5"
    assert result.err == ""


def test_a_limit_is_reported(mirror: Path) -> None:
    result = run("changes", "-n", "1")
    assert len(result.lines) == 1
    assert result.err == "showing the newest 1; -n 0 shows all\n"
    assert run("changes", "-n", "3").err == ""
    assert len(run("changes", "-n", "0").lines) == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--since", "soon"], 2), (["--since", ""], 2), (["-n", "-1"], 2), (["-n", "x"], 2), (["nobody"], 3)],
)
def test_invalid_arguments_are_rejected(mirror: Path, arguments: list[str], code: int) -> None:
    result = run("changes", *arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err


def test_without_a_mirror_there_are_no_events_and_no_file_is_created(tmp_path: Path) -> None:
    result = run("changes", "--json")
    assert (result.code, result.out) == (0, "[\n]\n")
    assert "there is no mirror" in result.err
    assert list(tmp_path.iterdir()) == []
