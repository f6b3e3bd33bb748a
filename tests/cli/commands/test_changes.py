from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from djpkg.cli import terminal
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import Outcome
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.cli.conftest import complete
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, PANS, POTS, ago, build_once, filled_mirror, pypi_facts

NO_EVENTS = '{\n    "schema": 1,\n    "events": []\n}\n'


@pytest.fixture(scope="module")
def _content() -> bytes:
    return build_once(fill)


@pytest.fixture
def mirror(_content: bytes) -> Path:
    """Two packages: one added ten days ago and released three days ago, one added two days ago."""
    path = Path(os.environ["DJPKG_DB"])
    path.write_bytes(_content)
    return path


def fill(path: Path) -> None:
    filled_mirror(path, [POTS], now=NOW - timedelta(days=10), report_added=True)
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        for days, version in ((9, "2.4"), (3, "2.5")):
            answers = [SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots", version))]
            writer.store_answers(SourceName.PYPI, answers, now=NOW - timedelta(days=days))
    complete(filled_mirror(path, [PANS], now=NOW - timedelta(days=2), report_added=True))


def test_events_are_printed_newest_first_one_per_line(mirror: Path) -> None:
    assert run("changes").lines == [
        f"{ago(days=2)}\tdjango-pans\tadded\t\t",
        f"{ago(days=3)}\tdjango-pots\treleased\t2.4\t2.5",
        f"{ago(days=10)}\tdjango-pots\tadded\t\t",
    ]


def test_the_json_is_an_object_with_the_events(mirror: Path) -> None:
    out = run("changes", "--json", "-n", "2").out
    assert json.loads(out) == {
        "schema": 1,
        "events": [
            {"at": ago(days=2), "slug": "django-pans", "event": "added", "old": None, "new": None},
            {"at": ago(days=3), "slug": "django-pots", "event": "released", "old": "2.4", "new": "2.5"},
        ],
    }
    assert out.isascii()
    assert out.endswith("}\n")


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
    assert run("changes", "--since", "1d", "--json") == (0, NO_EVENTS, "")


def test_without_events_a_terminal_gets_a_message(mirror: Path) -> None:
    result = run_on_terminal("changes", "--since", "2026-11-23")
    assert (result.code, result.out, result.err) == (0, "", "nothing changed since 2026-11-23T00:00:00Z\n")


def test_a_terminal_gets_a_table_with_old_and_new_value(mirror: Path) -> None:
    result = run_on_terminal("changes")
    assert result.lines[2] == "django-pots  3 days ago   released  2.4 → 2.5"
    assert result.err == ""


def test_a_limit_is_reported_on_a_terminal(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("changes", "-n", "1")
    assert (len(result.lines), result.err) == (1, "")
    monkeypatch.setattr(terminal, "stderr_is_terminal", lambda: True)
    result = run("changes", "-n", "1")
    assert result.err == "showing the newest 1; -n 0 shows all\n"
    assert run("changes", "-n", "3").err == ""
    assert len(run("changes", "-n", "0").lines) == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--since", "soon"], 2),
        (["--since", ""], 2),
        (["--since", "2026-11-24"], 2),
        (["--since", "2999"], 2),
        (["-n", "-1"], 2),
        (["-n", "x"], 2),
        (["nobody"], 3),
        (["--json", "--atom"], 2),
    ],
)
def test_invalid_arguments_are_rejected(mirror: Path, arguments: list[str], code: int) -> None:
    result = run("changes", *arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err


@pytest.mark.parametrize("name", ["last_fetch", "Last-Fetch", "lastfetch", "last-fech"])
def test_a_mistyped_last_fetch_is_an_error_with_the_right_name(mirror: Path, name: str) -> None:
    result = run("changes", "--since", name)
    assert (result.code, result.lines) == (2, [])
    assert "did you mean last-fetch?" in result.err
    assert "did you mean" not in run("changes", "--since", "soon").err


def test_a_start_in_the_future_is_refused(mirror: Path) -> None:
    result = run("changes", "--since", "2026-11-24")
    assert result.err == "djpkg: --since '2026-11-24' is in the future\n       for example: --since 30d\n"


def test_without_a_mirror_there_are_no_events_and_no_file_is_created(tmp_path: Path) -> None:
    result = run("changes", "--json")
    assert (result.code, result.out) == (0, NO_EVENTS)
    assert "there is no mirror" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["released"], 1),
        (["added"], 2),
        (["added,released"], 3),
        (["added", "RELEASED , "], 3),
        (["gone"], 0),
    ],
)
def test_only_events_with_the_given_names_are_printed(mirror: Path, options: list[str], count: int) -> None:
    assert len(run("changes", *(word for name in options for word in ("--event", name))).lines) == count


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("relased", "did you mean released?"),
        ("added,unarchive", "did you mean unarchived?"),
        ("x", "use one of: added,"),
    ],
)
def test_an_unknown_event_is_an_error_with_the_nearest_name(mirror: Path, name: str, hint: str) -> None:
    result = run("changes", "--event", name)
    assert (result.code, result.out) == (2, "")
    assert f"unknown event '{name.rpartition(',')[2]}'" in result.err
    assert hint in result.err


def test_an_empty_list_of_events_is_an_error(mirror: Path) -> None:
    assert run("changes", "--event", " , ").code == 2


# The Atom feed.

ATOM = "{http://www.w3.org/2005/Atom}"


def feed_of(*arguments: str) -> ET.Element:
    """Return the feed after a check of what RFC 4287 requires."""
    result = run("changes", "--atom", *arguments)
    assert (result.code, result.err) == (0, "")
    assert result.out.isascii()
    feed = ET.fromstring(result.out)  # noqa: S314 - our own output
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{name}")
            assert found.text
        assert (element.findtext(f"{ATOM}id") or "").startswith("urn:uuid:")
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated") or "").tzinfo is not None
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "djpkg"
    for entry in feed.findall(f"{ATOM}entry"):
        (link,) = entry.findall(f"{ATOM}link")
        assert (link.get("rel"), (link.get("href") or "")[:8]) == ("alternate", "https://")
        assert entry.findtext(f"{ATOM}content")
    ids = entry_ids(feed)
    assert len(ids) == len(set(ids))
    return feed


def entry_ids(feed: ET.Element) -> list[str]:
    return [entry.findtext(f"{ATOM}id") or "" for entry in feed.findall(f"{ATOM}entry")]


def test_the_feed_has_an_entry_for_each_event(mirror: Path) -> None:
    feed = feed_of()
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")]
    assert titles == ["django-pans: added", "django-pots: released 2.4 → 2.5", "django-pots: added"]
    assert feed.findtext(f"{ATOM}updated") == ago(days=2)
    links = [link.get("href") for link in feed.iter(f"{ATOM}link")]
    assert links[0] == "https://djangopackages.org/packages/p/django-pans/"


def test_ids_stay_the_same_when_events_and_time_are_added(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = feed_of()
    with open_write(mirror) as db:
        db.execute("DELETE FROM events WHERE event = 'added' AND package_id = 1")
        db.execute("INSERT INTO events (at, package_id, event) VALUES (?, 1, 'archived')", (ago(days=1),))
        db.execute("UPDATE packages SET slug = 'renamed' WHERE id = 1")
    monkeypatch.setattr("djpkg.cli.options.now", lambda: NOW + timedelta(days=1))
    after = feed_of()
    assert entry_ids(after)[1:] == entry_ids(before)[:2]
    assert after.findtext(f"{ATOM}id") == before.findtext(f"{ATOM}id")
    assert feed_of("django-pans").findtext(f"{ATOM}id") != before.findtext(f"{ATOM}id")
    assert feed_of("--event", "added").findtext(f"{ATOM}id") != before.findtext(f"{ATOM}id")


def test_the_feed_shows_no_private_term_and_no_path(mirror: Path, tmp_path: Path) -> None:
    run("edit", "django-pots", "note=plan", "tags=secret", "replaced_by=lids")
    file = tmp_path / "secret.txt"
    file.write_text("django-pots\n")
    private = ("tag:secret", "^tags:secret", "-note:plan", "replaced_by:lids", "is:tagged", "is:active tag:secret")
    ids = set()
    for words in [*([term] for term in private), ["-r", str(file)]]:
        feed = feed_of(*words, "category:apps")
        assert feed.findtext(f"{ATOM}title") == "Django Packages: changes (category:apps)"
        ids.add(feed.findtext(f"{ATOM}id"))
    assert len(ids) == len(private) + 1
    result = run("changes", "--atom", "tag:secret", "-r", str(file))
    assert not [word for word in ("secret", "plan", "tagged", str(tmp_path)) if word in result.out]


def test_an_empty_feed_is_valid(mirror: Path) -> None:
    feed = feed_of("--since", "1d")
    assert (entry_ids(feed), feed.findtext(f"{ATOM}updated")) == ([], format_time(NOW))


def test_hostile_text_is_escaped_in_the_feed(mirror: Path) -> None:
    hostile = "]]><x a=\"1\" b='2'>&amp;\x00\x1b[31m\u202e\ufffe é</entry>"
    with open_write(mirror) as db:
        db.execute("UPDATE events SET old = ?, new = ? WHERE event = 'released'", (hostile, hostile))
        db.execute("UPDATE packages SET slug = ?", (hostile,))
    feed = feed_of()
    assert len(entry_ids(feed)) == 3
    content = feed.findall(f"{ATOM}entry/{ATOM}content")[1].text or ""
    assert content.startswith("released ]]><x a=\"1\" b='2'>&amp;^@^[[31m<U+202E>")
    assert "é</entry> → " in content


def test_an_event_without_a_valid_time_is_skipped_and_named(mirror: Path) -> None:
    with open_write(mirror) as db:
        db.execute("UPDATE events SET at = '9999-soon' WHERE event = 'released'")
    result = run("changes", "--atom")
    assert len(entry_ids(ET.fromstring(result.out))) == 2  # noqa: S314 - our own output
    assert "django-pots" in result.err
