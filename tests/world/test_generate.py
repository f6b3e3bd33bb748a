"""Generated worlds are reproducible, consistent, and change over time."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from urllib.request import Request, urlopen

import pytest

from tests.world import GITHUB, NOW, World, WorldServer
from tests.world.generate import SeededHistory
from tests.world.test_world import send
from tests.world.times import catalog_time, weekly_counts


@pytest.fixture(scope="module")
def big() -> World:
    return World.generate(packages=800, github=736, seed=3)


def test_the_same_seed_generates_the_same_world(big: World) -> None:
    again = World.generate(packages=800, github=736, seed=3)
    assert again.packages == big.packages
    assert [repo.head for repo in again.repositories.values()] == [repo.head for repo in big.repositories.values()]
    assert World.generate(packages=800, github=736, seed=4).packages != big.packages


def test_commits_created_on_demand_match_the_weekly_counts(big: World) -> None:
    checked = 0
    for repo in big.repositories.values():
        if isinstance(repo.past, SeededHistory) and repo.past.weeks:
            assert weekly_counts(repo.commits, NOW) == list(repo.past.weeks)
            assert repo.commits[0] == repo.head == max(repo.commits, key=lambda commit: commit.committed)
            checked += 1
    assert 150 < checked < 330


def test_most_records_match_their_repository_and_three_are_very_active(big: World) -> None:
    on_github = [repo for repo in big.repositories.values() if repo.host == GITHUB]
    assert len(on_github) == 736
    busy = [repo for repo in on_github if isinstance(repo.past, SeededHistory) and sum(repo.past.weeks or ()) > 1000]
    assert len(busy) == 3
    agreeing = 0
    for package in big.packages.values():
        repo = big.find_repo(GITHUB, package.repo_url.partition("github.com/")[2].removesuffix(".git").strip("/"))
        head = repo.head if repo is not None else None
        if (
            repo is not None
            and head is not None
            and package.last_updated == catalog_time(head.committed, fraction=False)
        ):
            agreeing += list(package.participants) == repo.logins()
    assert 0.9 < agreeing / 736 < 0.97
    assert big.package("django-todo").id == 409


def test_advancing_a_day_adds_commits_and_releases() -> None:
    world = World.generate(packages=800, github=736, seed=3)
    heads = {repo.node_id: repo.head for repo in world.repositories.values()}
    serial = world.serial
    changed = world.advance(days=1, moved=0.04, released=0.01)
    moved = [repo for repo in world.repositories.values() if repo.head != heads.get(repo.node_id)]
    assert sorted(f"{repo.host}/{repo.path}" for repo in moved if repo.node_id in heads) == sorted(changed["moved"])
    assert len(changed["moved"]) == round(0.04 * len(heads))
    assert all(repo.head is not None and repo.head.committed > NOW - timedelta(days=3) for repo in moved)
    assert {name for name, project in world.projects.items() if project.serial > serial} >= set(changed["released"])
    assert world.now == NOW + timedelta(days=1)


def test_a_generated_world_can_be_served(big: World) -> None:
    with WorldServer(big) as server:
        assert send(server, "/catalog/api/v4/packages/?limit=250").json["count"] == 800
        assert send(server, "/github/repos/shacker/django-todo/commits?per_page=1").status == 200
        assert send(server, "/pypi/pypi/django-todo/json").status == 200


def test_a_world_in_another_process_is_controlled_over_http() -> None:
    command = [sys.executable, "-m", "tests.world", "--packages", "40", "--until-stdin-ends"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        info = json.loads(process.stdout.readline())

        def control(path: str, **body: object) -> dict[str, object]:
            data = json.dumps(body).encode()
            request = Request(f"{info['url']}/_world/{path}", data)  # noqa: S310  loopback
            with urlopen(request, timeout=60) as reply:  # noqa: S310  loopback
                answer: dict[str, object] = json.load(reply)
                return answer

        assert len(control("advance", days=1, moved=0.5)["moved"]) > 5  # type: ignore[arg-type]  # a list
        with urlopen(f"{info['env']['DJPKG_CATALOG_URL']}/packages/", timeout=60) as reply:  # noqa: S310  loopback
            assert json.load(reply)["count"] == 42
        assert control("stats")["catalog"]["requests"] == 1  # type: ignore[index]  # a dict
        control("stop")
        assert process.wait(timeout=60) == 0
