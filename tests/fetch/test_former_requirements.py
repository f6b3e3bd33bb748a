"""Former requirements in a snapshot that is older than the mirror's own answers of PyPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from djpkg.mirror.connection import open_write
from djpkg.mirror.departures import find_departures
from tests.fetching import Desk, add_starter, check_integrity, quick_folder
from tests.snapshots import take, write
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import WorldServer

USERS = ("u1", "u2")
REQUIREMENTS = (
    "SELECT slug, requirements.requires, specifier, since, until"
    " FROM requirements JOIN packages ON packages.id = package_id"
)


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    for slug in ("common", "old", "new", *USERS):
        world.add_package(slug, releases=[("0.1", 300)], commits=[5])
    release(world, "1.0", "common>=1", "old")
    return world


def release(world: World, version: str, *requires: str) -> None:
    """Release all users with these requirements."""
    for slug in USERS:
        world.release(slug, version).requires_dist = requires


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with quick_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def source(server: WorldServer, folder: Path) -> Desk:
    """A mirror that has seen how its packages left `old` for `new`."""
    desk = Desk(server, folder / "source.db", tokens=server.token_env("github"))
    desk.fetch()
    desk.advance(days=2)
    release(desk.world, "2.0", "common>=1", "new")
    desk.fetch()
    return desk


@pytest.fixture
def desk(server: WorldServer, folder: Path) -> Desk:
    return Desk(server, folder / "mirror.db", tokens=server.token_env("github"))


def fetch_then_take(source: Desk, desk: Desk) -> list[Any]:
    """Fetch into `desk` after the snapshot was made, take it, and return the requirements."""
    file = write(source.path, source.path.with_name("s.jsonl.gz"), now=source.world.now)
    desk.advance(hours=1)
    assert desk.fetch().exit_code == 0
    current = desk.rows(f"{REQUIREMENTS} WHERE until IS NULL ORDER BY 1, 2, 3")
    found = []
    for _ in range(2):
        assert take(file, desk.path, now=desk.world.now).exit_code == 0
        found.append(desk.rows(f"{REQUIREMENTS} ORDER BY 1, 2, 3"))
    assert found[0] == found[1]
    assert [row[:3] for row in current] == [row[:3] for row in found[0] if row[-1] is None]
    check_integrity(desk.path)
    return found[0]


def departures(desk: Desk) -> Any:
    with open_write(desk.path) as db:
        return find_departures(db, ["old"])["old"]


def test_they_are_added_to_newer_answers(source: Desk, desk: Desk) -> None:
    found = fetch_then_take(source, desk)
    assert found == source.rows(f"{REQUIREMENTS} ORDER BY 1, 2, 3")
    assert [row[-1] is None for row in found] == [True, True, False] * 2
    assert departures(desk) == departures(source)
    assert departures(desk)[2] == (("new", 2),)


def test_a_specifier_that_changed_later_is_no_new_requirement(source: Desk, desk: Desk) -> None:
    release(desk.world, "3.0", "common>=2", "new")
    found = fetch_then_take(source, desk)
    today = desk.world.now.date().isoformat()
    assert [row[1:] for row in found if row[:2] == ("u1", "common")] == [
        ("common", ">=1", "2026-11-23", today),
        ("common", ">=2", today, None),
    ]
    assert departures(desk) == departures(source)


def test_what_is_required_again_stays_required(source: Desk, desk: Desk) -> None:
    release(desk.world, "3.0", "common>=1", "old")
    found = fetch_then_take(source, desk)
    assert [row[1] for row in found if row[0] == "u1" and row[-1] is None] == ["common", "old"]
    assert [row[1] for row in found if row[0] == "u1" and row[-1] is not None] == ["old"]


def test_an_end_that_the_mirror_knows_is_stored_once(source: Desk, desk: Desk) -> None:
    write(source.path, source.path.with_name("s.jsonl.gz"), now=source.world.now)
    take(source.path.with_name("s.jsonl.gz"), desk.path, now=desk.world.now)
    before = desk.rows(f"{REQUIREMENTS} ORDER BY 1, 2, 3")
    assert fetch_then_take(source, desk) == before


def test_those_of_another_project_are_not_added(source: Desk, desk: Desk) -> None:
    file = write(source.path, source.path.with_name("s.jsonl.gz"), now=source.world.now)
    desk.advance(hours=1)
    desk.world.add_project("u1-next", releases=[("1.0", 1)])
    desk.world.package("u1").pypi_url = "u1-next"
    desk.fetch()
    take(file, desk.path, now=desk.world.now)
    assert {project for (project,) in desk.rows("SELECT project FROM requirements")} <= {"u1", "u2"}
    assert departures(desk)[0] == 1
