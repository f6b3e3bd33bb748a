"""The events in a snapshot: those of addresses that the catalog stated, and none to which an edit may have led."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.fetching import Desk, add_starter, quick_folder
from tests.snapshots import read_lines, take, write
from tests.world import World
from tests.world.times import catalog_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import WorldServer

FORGE = {"archived"}
PYPI = {"released", "yanked"}


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    for slug in ("alpha", "beta"):
        world.add_package(slug, path=f"acme/{slug}", releases=[("1.0", 300)], commits=[5])
    world.add_repository("secret/fork", commits=[5])
    world.add_project("secret", releases=[("1.0", 300)])
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    """A mirror with events of the forge and of PyPI about `alpha`."""
    with quick_folder(tmp_path) as folder:
        desk = Desk(server, folder / "mirror.db", tokens=server.token_env("github"))
        desk.fetch()
        desk.world.yank("alpha", "1.0")
        desk.world.archive("acme/alpha")
        later(desk)
        desk.world.release("alpha", "2.0")
        later(desk)
        assert kinds(desk) == FORGE | PYPI
        yield desk


def later(desk: Desk) -> None:
    desk.advance(days=1, hours=1)
    assert desk.fetch().exit_code == 0


def restate(desk: Desk, **addresses: str) -> None:
    """Change addresses in the catalog's record of `alpha`."""
    package = desk.world.package("alpha")
    for name, address in addresses.items():
        setattr(package, name, address)
    package.modified = catalog_time(desk.world.now)


def written(desk: Desk) -> Path:
    return write(desk.path, desk.path.with_name("s.jsonl.gz"), history=True, now=desk.world.now)


def kinds(desk: Desk) -> set[str]:
    """Return the kinds of events that a snapshot has of `alpha`."""
    return {line["event"] for line in read_lines(written(desk)) if line.get("kind") == "event"}


def test_events_stay_when_the_catalog_states_other_addresses(desk: Desk) -> None:
    desk.world.rename("acme/alpha", "org/alpha")
    desk.world.add_project("alpha2", releases=[("3.0", 20)])
    for addresses in ({"repo_url": "https://github.com/org/alpha"}, {"pypi_url": "alpha2"}):
        restate(desk, **addresses)
        later(desk)
        assert kinds(desk) == FORGE | PYPI
    coordinates = [name for (name,) in desk.rows("SELECT coordinate FROM facts")]
    assert {"github.com/acme/alpha", "github.com/org/alpha", "alpha", "alpha2"} <= set(coordinates)


def test_they_stay_in_a_mirror_that_took_the_records_from_snapshots(desk: Desk, tmp_path: Path) -> None:
    taker = Desk(desk.server, tmp_path / "taker.db")
    assert take(written(desk), taker.path, now=desk.world.now).exit_code == 0
    desk.world.rename("acme/alpha", "org/alpha")
    restate(desk, repo_url="https://github.com/org/alpha")
    later(desk)
    assert take(written(desk), taker.path, now=desk.world.now).exit_code == 0
    assert kinds(taker) == FORGE | PYPI


@pytest.mark.parametrize(
    ("edit", "left"),
    [
        ({"repo_url": "https://github.com/secret/fork"}, PYPI),
        ({"pypi_url": "https://pypi.org/project/secret/"}, FORGE),
    ],
)
def test_only_events_to_which_an_edit_may_have_led_are_left_out(
    desk: Desk, edit: dict[str, str], left: set[str]
) -> None:
    desk.edit("alpha", **edit)
    assert kinds(desk) == left
    later(desk)
    if "repo_url" in edit:
        desk.world.rename("secret/fork", "secret/moved")
        desk.world.archive("secret/moved")
    else:
        desk.world.release("secret", "2.0")
    later(desk)
    assert desk.rows("SELECT count(*) FROM events") > [(3,)]
    desk.edit("alpha", unset=edit)
    later(desk)
    assert kinds(desk) == left
    assert "secret" not in gzip.decompress(written(desk).read_bytes()).decode()


def test_events_of_an_edited_address_stay_private_when_the_catalog_moves_on(desk: Desk) -> None:
    desk.edit("alpha", repo_url="https://github.com/secret/fork")
    later(desk)
    desk.world.rename("acme/alpha", "org/alpha")
    restate(desk, repo_url="https://github.com/org/alpha")
    desk.edit("alpha", unset=["repo_url"])
    later(desk)
    assert kinds(desk) == PYPI


def name_other_repository(desk: Desk) -> None:
    """Let a new release of `alpha` name another repository as its own."""
    release = desk.world.release("alpha", "3.0")
    release.project_urls = {"Source": "https://codeberg.org/zoe/alpha"}


def test_a_suggestion_for_an_edited_address_that_was_never_asked_is_left_out(desk: Desk) -> None:
    desk.edit("alpha", repo_url="https://github.com/secret/fork")
    name_other_repository(desk)
    desk.advance(days=1, hours=1)
    desk.fetch(sources=["catalog", "pypi"])
    assert desk.rows("SELECT old FROM events WHERE event = 'suggested'") == [("https://github.com/secret/fork",)]
    desk.edit("alpha", unset=["repo_url"])
    assert kinds(desk) == FORGE | PYPI


def test_a_suggestion_for_the_address_of_the_catalog_is_written(desk: Desk) -> None:
    name_other_repository(desk)
    later(desk)
    assert kinds(desk) == FORGE | PYPI | {"suggested"}


def test_an_address_in_an_older_snapshot_is_none_of_an_edit(desk: Desk, tmp_path: Path) -> None:
    file = written(desk)
    desk.world.rename("acme/alpha", "org/alpha")
    restate(desk, repo_url="https://github.com/org/alpha")
    taker = Desk(desk.server, tmp_path / "taker.db", tokens=desk.tokens)
    later(taker)
    assert take(file, taker.path, now=desk.world.now).exit_code == 0
    assert taker.rows("SELECT count(*) FROM facts WHERE coordinate = 'github.com/acme/alpha'") == [(1,)]
    assert kinds(taker) == FORGE | PYPI
