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
from tests.cli.running import look, run
from tests.mirrors import NOW, PANS, POTS, ago, filled, pypi


@pytest.fixture
def mirror() -> Path:
    """Two packages: one added ten days ago and released three days ago, one added two days ago."""
    path = filled(Path(os.environ["DJPKG_DB"]), [POTS], now=NOW - timedelta(days=10), tell_added=True)
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for days, version in ((9, "2.4"), (3, "2.5")):
            said = [SourceAnswer("django-pots", Outcome.UPDATED, pypi("django-pots", version))]
            writer.store_statements(SourceName.PYPI, said, now=NOW - timedelta(days=days))
    return filled(path, [PANS], now=NOW - timedelta(days=2), tell_added=True)


def test_events_are_told_newest_first_one_a_line(mirror: Path) -> None:
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
def test_since_takes_what_the_times_of_a_query_take(mirror: Path, since: str, count: int) -> None:
    assert len(run("changes", "--since", since).lines) == count


def test_older_events_than_a_month_are_asked_for(mirror: Path) -> None:
    with open_write(mirror) as db:
        db.execute("UPDATE events SET at = ? WHERE event = 'released'", (ago(days=40),))
    assert "released" not in run("changes").out
    assert "released" in run("changes", "--since", "1y").out


def test_only_the_named_packages_are_told_of(mirror: Path) -> None:
    assert [line.split("\t")[1] for line in run("changes", "django_pots").lines] == ["django-pots", "django-pots"]


def test_nothing_to_tell_prints_nothing(mirror: Path) -> None:
    assert run("changes", "--since", "1d") == (0, "", "")
    assert run("changes", "--since", "1d", "--json") == (0, "[\n]\n", "")


def test_nothing_to_tell_is_told_to_a_person(mirror: Path) -> None:
    ended = look("changes", "--since", "2999-01-01")
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing changed since 2999-01-01T00:00:00Z\n")


def test_on_a_terminal_the_change_is_drawn(mirror: Path) -> None:
    ended = look("changes")
    assert ended.lines[2] == "django-pots  3 days ago   released  2.4 → 2.5"
    assert ended.err == ""


def test_a_limit_is_told(mirror: Path) -> None:
    ended = run("changes", "-n", "1")
    assert len(ended.lines) == 1
    assert ended.err == "the newest 1, -n 0 for all\n"
    assert run("changes", "-n", "3").err == ""
    assert len(run("changes", "-n", "0").lines) == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--since", "soon"], 2), (["--since", ""], 2), (["-n", "-1"], 2), (["-n", "x"], 2), (["nobody"], 3)],
)
def test_what_makes_no_sense_is_refused(mirror: Path, arguments: list[str], code: int) -> None:
    ended = run("changes", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err


def test_without_a_mirror_nothing_is_told_and_no_file_is_made(tmp_path: Path) -> None:
    ended = run("changes", "--json")
    assert (ended.code, ended.out) == (0, "[\n]\n")
    assert "there is no mirror" in ended.err
    assert list(tmp_path.iterdir()) == []
