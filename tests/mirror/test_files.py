"""The file of the mirror: what is refused, and its names."""

from __future__ import annotations

import gzip
import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import MirrorError, MirrorMissing
from djpkg.mirror import completion, connection, files, lock
from djpkg.mirror.connection import find_version, open_read, open_write
from tests.mirrors import filled_mirror, override

if TYPE_CHECKING:
    from collections.abc import Callable

RELEASED = Path(__file__).parents[1] / "data" / "mirrors" / "0.1.0.db.gz"


def make_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.bind(str(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a named pipe": os.mkfifo,
    "a socket": make_socket,
    "a device": lambda path: path.symlink_to("/dev/null"),
}


def uses(path: Path) -> dict[str, Callable[[], object]]:
    """All ways to open a mirror."""

    def read() -> None:
        with open_read(path):
            pass

    def write() -> None:
        with open_write(path):
            pass

    def hold() -> None:
        with lock.fetch_lock(path):
            pass

    return {
        "read": read,
        "write": write,
        "lock": hold,
        "version": lambda: find_version(path),
        "ensure": lambda: lock.ensure(path),
        "complete": lambda: completion.find_slugs(path, ""),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use", uses(Path()))
def test_what_is_no_regular_file_is_refused_with_its_kind_and_not_opened(tmp_path: Path, kind: str, use: str) -> None:
    path = tmp_path / "mirror.db"
    KINDS[kind](path)
    with pytest.raises(MirrorError, match=f"mirror.db is {kind}, not a mirror") as raised:
        uses(path)[use]()
    assert raised.value.hint
    assert [file.name for file in tmp_path.iterdir()] == ["mirror.db"]


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm", ".lock"])
@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a socket", "a symbolic link"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_pipe_beside_the_mirror_is_refused_and_not_opened(
    tmp_path: Path,
    suffix: str,
    kind: str,
    exists: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    path = tmp_path / "mirror.db"
    if exists:
        filled_mirror(path)
    beside = tmp_path / f"mirror.db{suffix}"
    (KINDS | {"a symbolic link": lambda path: path.symlink_to("elsewhere")})[kind](beside)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for place in (path, link):
        for name, use in uses(place).items():
            if suffix == ".lock" and (name != "lock" and (exists or name != "ensure")):
                continue  # only a fetch, and what creates the mirror, needs the lock
            with pytest.raises(MirrorError, match=f"{beside.name} is {kind}") as raised:
                use()
            assert not isinstance(raised.value, MirrorMissing)
    assert len(list(tmp_path.iterdir())) == (3 if exists else 2)


def test_a_copy_before_an_upgrade_replaces_a_pipe_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "mirror.db"
    path.write_bytes(gzip.decompress(RELEASED.read_bytes()))
    with closing(sqlite3.connect(path)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
    copy = tmp_path / f"mirror.db.v{version}.bak"
    os.mkfifo(copy)
    lock.ensure(path)
    assert copy.is_file()


# Names.


def test_a_file_with_two_names_is_read_and_not_written(tmp_path: Path) -> None:
    path = filled_mirror(tmp_path / "mirror.db")
    other = tmp_path / "other.db"
    other.hardlink_to(path)
    for name in (path, other):
        with open_read(name) as db:
            assert db.execute("SELECT count(*) FROM packages").fetchone() == (4,)
        assert completion.find_slugs(name, "lid") == ["lids"]
        for use in ("write", "lock"):
            with pytest.raises(MirrorError, match=r"2 names \(hard links\)") as raised:
                uses(name)[use]()
            assert raised.value.hint
    other.unlink()
    uses(path)["write"]()


UNDECODABLE = [b"a\xff", b"\xc3(", b"na\xefve #1?%41"]


@pytest.mark.parametrize("name", UNDECODABLE)
def test_a_path_that_is_not_utf_8_works(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name) / os.fsdecode(name + b".db")
    lock.ensure(path)
    with open_write(path) as db:
        override(db, 409, {"title": "Mine"})
    with open_read(path) as db:
        assert db.execute("SELECT title FROM packages").fetchall() == [("Mine",)]
    assert completion.find_slugs(path, "django") == ["django-todo"]
    assert sorted(map(os.fsencode, path.parent.iterdir())) == [
        os.fsencode(path.parent) + b"/" + name + suffix for suffix in (b".db", b".db.lock")
    ]


def test_an_older_mirror_whose_path_is_not_utf_8_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\xff.db")
    path.write_bytes(gzip.decompress(RELEASED.read_bytes()))
    with open_read(path) as db:
        before = db.execute("SELECT slug, title FROM packages").fetchall()
    lock.ensure(path)
    with open_read(path) as db:
        assert db.execute("SELECT slug, title FROM packages").fetchall() == before
    assert len(list(tmp_path.glob(f"{path.name}.v*.bak"))) == 1


# Places.


@pytest.mark.parametrize("place", ["/proc/mirror.db", "/proc/no/such/folder/mirror.db", "/proc/self/fd/mirror.db"])
def test_a_place_that_makes_no_files_is_reported_as_such(place: str) -> None:
    for use in ("lock", "ensure"):
        with pytest.raises(MirrorError, match=f"cannot write the mirror {place}: no file can be created in /proc"):
            uses(Path(place))[use]()


def test_a_mirror_is_created_where_a_dangling_link_points_to(tmp_path: Path) -> None:
    link, target = tmp_path / "link.db", tmp_path / "far" / "away" / "mirror.db"
    link.symlink_to(target)
    lock.ensure(link)
    assert link.is_symlink()
    assert sorted(file.name for file in target.parent.iterdir()) == ["mirror.db", "mirror.db.lock"]


# Files that are moved while they are open.


@pytest.mark.parametrize("what", ["replaced by another file", "moved or deleted"])
def test_a_mirror_that_is_moved_while_it_is_written_is_reported_as_such(tmp_path: Path, what: str) -> None:
    replaced = what.startswith("replaced")
    path = filled_mirror(tmp_path / "mirror.db")
    other = filled_mirror(tmp_path / "other.db")
    opened = files.file_id(path)
    files.check_unmoved(path, opened)

    def move_and_write() -> None:
        with open_write(path) as db:
            path.rename(tmp_path / "moved.db")
            if replaced:
                other.rename(path)
            override(db, 1, {"title": "Mine"})

    with pytest.raises(MirrorError, match=f"was {what}"):
        move_and_write()
    with pytest.raises(MirrorError, match=f"was {what}"):
        files.check_unmoved(path, opened)
    assert connection.find_version(path) == (find_version(tmp_path / "moved.db") if replaced else None)
