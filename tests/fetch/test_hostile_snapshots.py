"""Snapshots that somebody changed or that were damaged: each is refused with its reason, and changes nothing."""

from __future__ import annotations

import copy
import gzip
import json
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import DjpkgError, SourceError, UsageError
from djpkg.model import snapshot
from djpkg.sources.http import decompress
from djpkg.sources.snapshot import lines as snapshot_lines
from djpkg.sources.snapshot import reader
from djpkg.times import format_time
from tests.mirrors import NOW, fetched_mirror
from tests.snapshots import Lines, find_line, pack, read_lines, state, take, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Hostile = Callable[[Lines], bytes]

LATER = format_time(NOW + timedelta(minutes=1))
FAR = format_time(NOW + timedelta(days=1, minutes=1))
DEEP = 200_000


def change(kind: str, *path: str | int, value: Any) -> Hostile:
    """Return a snapshot in which one value of the first line of a kind is another one."""

    def make(lines: Lines) -> bytes:
        target: Any = find_line(lines, kind) if kind != "head" else lines[0]
        for key in path[:-1]:
            target = target[key]
        assert target[path[-1]] != value
        target[path[-1]] = value
        return pack(lines)

    return make


def insert(kind: str, **changes: Any) -> Hostile:
    """Return a snapshot in which the first line of a kind is there twice, the second time with other values."""

    def make(lines: Lines) -> bytes:
        line = find_line(lines, kind)
        lines.insert(lines.index(line) + 1, copy.deepcopy(line) | changes)
        return pack(lines)

    return make


def append(**line: Any) -> Hostile:
    """Return a snapshot with one more line before the last."""
    return lambda lines: pack([*lines[:-1], line, lines[-1]])


def without(kind: str) -> Hostile:
    """Return a snapshot without the first line of a kind."""

    def make(lines: Lines) -> bytes:
        lines.remove(find_line(lines, kind))
        return pack(lines)

    return make


def bomb(lines: Lines) -> bytes:
    """A few KiB that expand to more than the limit of 64 MiB."""
    line = b'{"kind":"category","id":%d,"slug":"a","title":"' + b"a" * 1_000_000 + b'"}'
    return pack([lines[0], *(line % number for number in range(100, 170)), *lines[1:]], count=False)


def with_sweep(packages: int) -> Hostile:
    """Return a snapshot with a sweep of the catalog that has so many packages."""
    sweep = {"kind": "sweep", "source": "catalog", "completed": "2026-11-23T09:00:00Z", "packages": packages}
    return lambda lines: pack([lines[0], sweep, *lines[1:]])


def raw(body: bytes) -> Hostile:
    return lambda lines: pack([*lines[:-1], body, lines[-1]])


HOSTILE: dict[str, tuple[Hostile, str]] = {
    # The file.
    "empty": (lambda _: b"", "not a snapshot"),
    "another file": (lambda _: b"PK\x03\x04 a zip file", "not a snapshot"),
    "HTML": (lambda _: b"<!doctype html>\n<title>Log in</title>\n", "not a snapshot"),
    "other JSON lines": (lambda _: gzip.compress(b'{"a": 1}\n'), "not a snapshot"),
    "cut compressed data": (lambda lines: pack(lines)[:-20], "cut"),
    "damaged compressed data": (lambda lines: pack(lines)[:200] + b"\xff" * 50 + pack(lines)[250:], "invalid"),
    "cut at a line": (lambda lines: pack(lines[:-1]), "its last line is missing"),
    "cut in a line": (lambda lines: gzip.compress(gzip.decompress(pack(lines))[:-10]), "cut"),
    "wrong number of lines": (lambda lines: pack([*lines[:-1], {"kind": "end", "lines": 3}], count=False), "3"),
    "lines after the last": (lambda lines: pack([*lines, lines[1]]), "after its last"),
    "garbage after the end": (lambda lines: pack(lines) + b"garbage", "invalid"),
    "a bomb": (bomb, "64 MiB"),
    "a long line": (raw(b'"' + b"a" * 5_000_000 + b'"'), "4 MiB"),
    "deep JSON": (raw(b"[" * DEEP + b"]" * DEEP), "invalid"),
    "deep JSON in a line": (raw(b'{"kind":"grid","id":1,"x":' + b"[" * DEEP + b"]" * DEEP + b"}"), "nested too deeply"),
    "invalid JSON": (raw(b"{"), "not valid JSON"),
    "a line without a kind": (append(id=1), "kind"),
    "a line of an unknown kind": (append(kind="overrides", package=1, field="title", value="x"), "overrides"),
    # The head.
    "a newer version": (change("head", "djpkg_snapshot", value=2), "version 2"),
    "a version that is no number": (change("head", "djpkg_snapshot", value="1"), "not a snapshot"),
    "made later than now": (change("head", "made", value=format_time(NOW + timedelta(hours=1))), "later than now"),
    "made at no time": (change("head", "made", value="yesterday"), "not a valid time"),
    "more packages than announced": (change("head", "packages", value=3), "announced"),
    "fewer packages than announced": (change("head", "packages", value=5), "announces"),
    "a negative number of packages": (change("head", "packages", value=-1), "packages"),
    # Dates.
    "a record later than the snapshot": (change("catalog", "answered", value=LATER), "later"),
    "an answer of a forge later": (change("forge", "answered", value="2099-01-01T00:00:00Z"), "later"),
    "an answer of PyPI later": (change("pypi", "answered", value=LATER), "later"),
    "a head later": (change("forge", "facts", "repository", "head_at", value=FAR), "head_at is more than a day later"),
    "archived later": (change("forge", "facts", "repository", "archived_at", value=FAR), "archived_at is more"),
    "released later": (change("pypi", "facts", "released", value=FAR), "released is more than a day later"),
    "uploaded later": (
        append(kind="releases", package=1, project="a", releases=[["1.0", FAR, False, None]]),
        "uploaded is more than a day later",
    ),
    "a date of the catalog later": (change("catalog", "facts", "last_updated", value=FAR), "last_updated is more"),
    "a date that is none": (change("pypi", "facts", "released", value="soon"), "released is not a valid time"),
    "a later event": (append(kind="event", package=1, at=LATER, event="gone", old=None, new=None), "later"),
    "a day of the history later": (change("history", "days", 0, 0, value="2026-11-24"), "later"),
    "a day that is no date": (change("history", "days", 0, 0, value="2026-02-30"), "day"),
    "a time that is none": (change("catalog", "answered", value="now"), "not a valid time"),
    # What belongs to nothing.
    "facts before their package": (without("catalog"), "package 1"),
    "an event of nothing": (append(kind="event", package=77, at="2026-01-01T00:00:00Z", event="gone"), "missing"),
    "an unknown event": (append(kind="event", package=1, at="2026-01-01T00:00:00Z", event="hacked"), "unknown event"),
    "facts about another repository": (change("forge", "coordinate", value="github.com/evil/evil"), "something else"),
    "facts about another project": (change("pypi", "coordinate", value="evil"), "another project"),
    "facts of an unknown forge": (change("forge", "source", value="sourceforge"), "unknown forge"),
    "history of another repository": (change("history", "coordinate", value="github.com/evil/evil"), "something else"),
    "a list after the packages": (append(kind="grid", id=99, slug="late", title="Late"), "after"),
    # Duplicates.
    "a package twice": (insert("catalog"), "duplicate"),
    "facts of a forge twice": (insert("forge", answered="2026-11-23T10:30:00Z"), "duplicate"),
    "facts of PyPI twice": (insert("pypi"), "duplicate"),
    "a category twice": (insert("category"), "duplicate"),
    "a history twice": (insert("history"), "duplicate"),
    # Values that no source may state.
    "a negative number": (change("forge", "facts", "repository", "stars", value=-1), "stars"),
    "a number that is too large": (change("forge", "facts", "repository", "stars", value=2**60), "stars"),
    "a text instead of a number": (change("catalog", "facts", "repo_forks", value="7"), "repo_forks"),
    "an id that is too large": (change("catalog", "facts", "id", value=2**63), "id"),
    "a list that is too long": (change("catalog", "facts", "participants", value=["x"] * 1001), "participants"),
    "a path that leaves its forge": (
        change("forge", "facts", "repository", "path", value="../../etc"),
        "invalid repository name",
    ),
    "a slug that leads to another page": (change("catalog", "facts", "slug", value="../../etc"), "slug"),
    "a head with a line feed": (change("forge", "facts", "repository", "head", value="a\r\nX: y"), "head"),
    "an ETag with a line feed": (insert("pypi", etag='"a"\r\nX: y'), "ETag"),
    "an unprintable version": (change("pypi", "facts", "version", value="1.0\x1b[2J"), "unprintable"),
    "a URL of JavaScript": (
        change("pypi", "facts", "repository_urls", value=["javascript:alert(1)"]),
        "invalid URL",
    ),
    "a sweep that is too large": (with_sweep(9), "has 9 packages"),
    "a sweep that is too small": (with_sweep(1), "has 1 packages"),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """The lines of a snapshot with lines of most kinds."""
    folder = tmp_path_factory.mktemp("original")
    lines = read_lines(write(fetched_mirror(folder / "mirror.db"), folder / "s.jsonl.gz", history=True))
    assert {line.get("kind") for line in lines} >= {"category", "grid", "catalog", "forge", "pypi", "history", "end"}
    return lines


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with older answers, so that each line of the snapshot would change it."""
    return fetched_mirror(tmp_path / "mirror.db", now=NOW - timedelta(days=5))


def refusal(hostile: Hostile, original: Lines, mirror: Path) -> str:
    """Take a hostile snapshot; return why it was refused. Fails if it was not, or if anything changed."""
    file = mirror.with_name("hostile.jsonl.gz")
    file.write_bytes(hostile(copy.deepcopy(original)))
    before = state(mirror)
    with pytest.raises(DjpkgError) as raised:
        take(file, mirror)
    assert state(mirror) == before
    assert isinstance(raised.value, UsageError if "not a snapshot" in str(raised.value) else SourceError)
    assert "nothing was changed" in str(raised.value)
    return f"{raised.value} {raised.value.hint or ''}"


def test_the_unchanged_snapshot_is_taken(original: Lines, mirror: Path) -> None:
    file = mirror.with_name("sound.jsonl.gz")
    file.write_bytes(pack(original))
    before = state(mirror)
    assert take(file, mirror).exit_code == 0
    assert state(mirror) != before


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_snapshot_is_refused_with_its_reason(name: str, original: Lines, mirror: Path) -> None:
    hostile, reason = HOSTILE[name]
    found = refusal(hostile, original, mirror)
    assert reason in found
    assert len(found) < 400
    assert found.isprintable()


def test_there_are_forty_hostile_snapshots() -> None:
    assert len(HOSTILE) >= 40


def test_a_newer_version_says_what_to_do(original: Lines, mirror: Path) -> None:
    assert "upgrade djpkg" in refusal(HOSTILE["a newer version"][0], original, mirror)


def test_too_many_events_are_refused(original: Lines, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MAX_EVENTS", 3)
    lines = [one for one in original if one.get("kind") != "event"]
    event = {"kind": "event", "package": 1, "at": "2026-01-01T00:00:00Z", "event": "gone", "old": None, "new": None}
    assert "more than 3 events" in refusal(lambda _: pack([*lines[:-1], *[event] * 4, lines[-1]]), original, mirror)
    file = mirror.with_name("few.jsonl.gz")
    file.write_bytes(pack([*lines[:-1], *[event] * 3, lines[-1]]))
    assert take(file, mirror).exit_code == 0


def test_many_small_compressed_parts_are_refused(original: Lines, mirror: Path) -> None:
    small = gzip.compress(b"", mtime=0)
    assert "invalid" in refusal(lambda lines: small * (decompress.MAX_MEMBERS + 1) + pack(lines), original, mirror)
    file = mirror.with_name("parts.jsonl.gz")
    file.write_bytes(small * (decompress.MAX_MEMBERS - 1) + pack(original))
    assert take(file, mirror).exit_code == 0


def test_reading_can_be_stopped_within_one_line(original: Lines, tmp_path: Path) -> None:
    body = gzip.decompress(pack(original))
    at = body.index(b"\n", body.index(b"\n") + 1) - 1
    parts = [gzip.compress(body[:at]), *[gzip.compress(b" ", mtime=0)] * 100, gzip.compress(body[at:])]
    file = tmp_path / "parts.jsonl.gz"
    file.write_bytes(b"".join(parts))
    calls: list[None] = []
    with file.open("rb") as opened:
        found = reader.SnapshotReader(opened, now=NOW, on_chunk=lambda: calls.append(None))
        before = len(calls)
        found.check(None)
    assert len(calls) - before > len(parts)


def test_a_refused_snapshot_makes_no_mirror(original: Lines, tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(pack(original[:-1]))
    with pytest.raises(SourceError):
        take(file, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


@contextmanager
def mutant(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Weaken one defence."""
    with monkeypatch.context() as patch:
        if name == "belonging":
            patch.setattr(reader._Checks, "check", lambda *_: None)
            patch.setattr(reader._Checks, "finish", lambda *_: None)
        elif name == "dates":
            patch.setattr(snapshot_lines._Converter, "_past", lambda _, text, __: text)
        elif name == "size":
            patch.setattr(snapshot, "max_size", lambda _: 2**40)
        yield


@pytest.mark.parametrize(
    ("weakened", "noticed"),
    [
        ("belonging", "an event of nothing"),
        ("belonging", "facts about another repository"),
        ("dates", "an answer of a forge later"),
        ("size", "a bomb"),
    ],
)
def test_the_campaign_notices_a_missing_defence(
    weakened: str, noticed: str, original: Lines, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile, reason = HOSTILE[noticed]
    with mutant(monkeypatch, weakened):
        try:
            found = refusal(hostile, original, mirror)
        except (AssertionError, pytest.fail.Exception):
            return
        assert reason not in found


def test_lines_that_lack_what_is_optional_are_taken(original: Lines, mirror: Path) -> None:
    lines = [line for line in original if line.get("kind") not in ("history", "event", "releases", "requirements")]
    file = mirror.with_name("small.jsonl.gz")
    file.write_bytes(pack(json.loads(json.dumps(lines))))
    assert take(file, mirror).exit_code == 0
