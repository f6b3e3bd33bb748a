"""`djpkg changes --since last-fetch`: what a digest after each fetch of all packages contains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.cli import options
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from tests.cli.running import run
from tests.fetching import Desk, add_starter, quick_folder
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import WorldServer


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    for name in ("plain", "other"):
        world.add_package(name, repo_url="", project=name, releases=[("1.0", 30)])
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        desk = Desk(server, folder / "mirror.db", tokens=server.token_env("github"))
        monkeypatch.setenv("DJPKG_DB", str(desk.path))
        monkeypatch.setattr(options, "now", lambda: desk.world.now)
        yield desk


def digest(*arguments: str) -> list[str]:
    """Return the new versions in the digest, the oldest first."""
    result = run("changes", "--since", "last-fetch", *arguments)
    assert (result.code, result.err) == (0, "")
    return [line.split("\t")[4] for line in reversed(result.lines)]


def release(desk: Desk, version: str, *named: str, name: str = "plain") -> int:
    desk.world.release(name, version)
    return desk.fetch(*named).exit_code


def interrupt(desk: Desk, version: str) -> None:
    """Fetch a release in a fetch that then is interrupted."""
    release(desk, version)
    with open_write(desk.path) as db:
        db.execute("UPDATE runs SET exit = 130 WHERE id = (SELECT max(id) FROM runs)")


def test_each_digest_has_the_news_of_its_own_fetch(desk: Desk) -> None:
    desk.fetch()
    assert digest() == []
    for version in ("1.1", "1.2", "1.3"):
        assert release(desk, version) == 0  # all within the same second
        assert digest() == [version]
    desk.fetch()
    assert digest() == []


def test_before_the_second_fetch_everything_is_new(desk: Desk) -> None:
    assert digest_without_a_mirror() == []
    desk.fetch("plain", "other")
    release(desk, "1.1", "plain")
    assert digest("plain") == ["1.1"]
    desk.fetch()
    assert digest() == ["1.1"]


def digest_without_a_mirror() -> list[str]:
    result = run("changes", "--since", "last-fetch")
    assert result.code == 0
    return result.lines


def test_named_interrupted_and_failed_fetches_in_between_are_included(desk: Desk) -> None:
    desk.fetch()
    desk.fetch()
    release(desk, "1.1", "plain")
    interrupt(desk, "1.2")
    desk.server.fault("pypi", "other", kind="invalid_json", times=1)
    assert release(desk, "1.3") == 5
    release(desk, "1.4", "plain")
    assert release(desk, "1.5") == 0
    assert digest() == ["1.1", "1.2", "1.3", "1.4", "1.5"]
    assert release(desk, "1.6") == 0
    assert digest() == ["1.6"]


def test_a_missed_day_loses_no_news(desk: Desk) -> None:
    desk.fetch()
    release(desk, "1.1")
    assert digest() == ["1.1"]
    desk.advance(days=3)
    release(desk, "1.2")
    assert digest() == ["1.2"]
    desk.advance(days=40)  # longer than the default span
    release(desk, "1.3")
    assert digest() == ["1.3"]


@pytest.mark.parametrize("sources", [("pypi",), ("catalog", "github")])
def test_fetches_of_some_sources_in_between_are_included(desk: Desk, sources: tuple[str, ...]) -> None:
    desk.fetch()
    release(desk, "1.1")
    assert digest() == ["1.1"]
    desk.world.release("plain", "1.2")
    desk.fetch(sources=("pypi",))
    for _ in range(2):
        desk.fetch(sources=sources)
    assert release(desk, "1.3") == 0
    assert digest() == ["1.2", "1.3"]
    desk.fetch(refetch=True)
    assert digest() == []


def test_a_wrong_clock_loses_no_news(desk: Desk) -> None:
    desk.fetch()
    release(desk, "1.1")
    desk.advance(days=-2)
    release(desk, "1.2")
    assert digest() == ["1.2"]


def test_many_runs_in_between_lose_no_news(desk: Desk) -> None:
    desk.fetch()
    desk.fetch()
    release(desk, "1.1", "plain")
    with open_write(desk.path) as db:
        for _ in range(fetch_history.RUNS_KEPT + 1):
            fetch_history.start_run(db, "plain", now=desk.world.now)
        ((deleted,),) = db.execute("SELECT count(*) FROM events WHERE run_id IS NULL")
        assert deleted == 1
    release(desk, "1.2")
    assert digest() == ["1.1", "1.2"]


def test_a_digest_can_be_of_one_project_and_of_some_events(desk: Desk, tmp_path: Path) -> None:
    desk.fetch()
    desk.world.release("plain", "1.1")
    desk.world.release("other", "2.0")
    desk.fetch()
    file = tmp_path / "requirements.txt"
    file.write_text("other\n")
    assert digest("-r", str(file)) == ["2.0"]
    assert sorted(digest()) == ["1.1", "2.0"]
    assert digest("--event", "archived") == []
