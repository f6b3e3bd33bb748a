"""Sources that have left many packages unchecked for days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.fetch.report_text import unchecked_causes
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.mirror.unchecked import UNCHECKED_FOR, find_unchecked
from djpkg.times import format_time
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
    for place in range(29):
        world.add_package(f"p{place}", stars=place, commits=[3])
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db")


def causes(desk: Desk, *sources: str) -> list[tuple[str, str | None]]:
    return [(line, hint) for line, hint in unchecked_causes(desk.fetch(sources=sources))]


def test_what_a_rate_limit_left_for_a_week_is_reported_with_the_remedy_once_a_week(desk: Desk) -> None:
    assert causes(desk) == []  # 15 of 30 repositories are deferred
    desk.advance(days=6)
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []
    desk.advance(days=2)
    desk.server.exhaust("github", authorised=False)
    hint = "set GITHUB_TOKEN, or run gh auth login: with a token the limit is higher"
    ((line, remedy),) = causes(desk)
    assert line.startswith("github: 30 of 30 packages not checked for 7 days: ")
    assert "rate limit reached" in line
    assert remedy == hint
    desk.advance(days=6)
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []
    desk.advance(days=1, seconds=1)
    desk.server.exhaust("github", authorised=False)
    assert [remedy for _, remedy in causes(desk)] == [hint]
    desk.tokens = desk.server.token_env("github")
    desk.advance(days=8)
    assert causes(desk) == []


@pytest.mark.parametrize(("old", "reported"), [(3, []), (4, [("github", 4, 30)])], ids=["a tenth", "more"])
def test_a_source_is_reported_when_more_than_a_tenth_is_unchecked(
    desk: Desk, old: int, reported: list[tuple[str, int, int]]
) -> None:
    desk.tokens = desk.server.token_env("github")
    desk.fetch()
    a_week_ago = format_time(desk.world.now - UNCHECKED_FOR)
    with open_write(desk.path) as db:
        db.execute(
            "UPDATE facts SET answered = ? WHERE source = 'github' AND package_id IN (SELECT id FROM packages LIMIT ?)",
            (a_week_ago, old),
        )
        assert find_unchecked(db, now=desk.world.now) == reported


def test_a_source_that_was_left_out_is_reported_as_such(desk: Desk) -> None:
    desk.tokens = desk.server.token_env("github")
    desk.fetch()
    desk.advance(days=8)
    assert causes(desk, "catalog", "github") == [
        ("pypi: 1 of 1 package not checked for 7 days: not requested", "run djpkg fetch --all without --source")
    ]


def test_a_failing_source_is_reported_with_its_reason(desk: Desk) -> None:
    desk.tokens = desk.server.token_env("github")
    desk.fetch()
    desk.advance(days=8)
    desk.server.fault("catalog", kind="html")
    ((line, remedy),) = causes(desk)
    assert line.startswith("catalog: 30 of 30 packages not checked for 7 days: ")
    assert "HTML" in line or "Cloudflare" in line
    assert remedy


def test_packages_that_never_had_an_answer_are_reported_after_many_runs(desk: Desk) -> None:
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []
    for _ in range(fetch_history.RUNS_KEPT + 1):
        with open_write(desk.path) as db:
            fetch_history.start_run(db, "p1", now=desk.world.now)
    desk.advance(days=8)
    with open_write(desk.path) as db:
        for _ in range(fetch_history.RUNS_KEPT + 1):
            fetch_history.start_run(db, "p1", now=desk.world.now)
    desk.server.exhaust("github", authorised=False)
    ((line, _),) = causes(desk)
    assert line.startswith("github: 30 of 30 packages not checked for 7 days: ")


def test_packages_that_were_added_today_are_not_unchecked(desk: Desk) -> None:
    desk.tokens = desk.server.token_env("github")
    desk.fetch()
    desk.advance(days=30)
    desk.fetch()
    for place in range(20):
        desk.world.add_package(f"new{place}", commits=[3])
    desk.tokens = {}
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []
    desk.advance(days=6)
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []


def test_named_fetches_before_the_first_one_of_all_do_not_count(desk: Desk) -> None:
    desk.fetch("p1")
    desk.advance(days=30)
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []


def test_repositories_that_are_gone_are_not_unchecked(desk: Desk) -> None:
    desk.tokens = desk.server.token_env("github")
    for place in range(29):
        desk.world.repo(f"acme/p{place}").state = "gone"
    for _ in range(6):
        desk.fetch()
        desk.advance(days=8)
    assert causes(desk) == []


def test_the_fetch_that_reported_it_is_kept_with_the_runs(desk: Desk) -> None:
    desk.fetch()
    desk.advance(days=8)
    desk.server.exhaust("github", authorised=False)
    assert causes(desk)
    with open_write(desk.path) as db:
        for _ in range(fetch_history.RUNS_KEPT + 1):
            fetch_history.start_run(db, "p1", now=desk.world.now)
    desk.server.exhaust("github", authorised=False)
    assert causes(desk) == []
