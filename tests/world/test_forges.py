"""GitLab, Bitbucket and Forgejo behave as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.world import BITBUCKET, CODEBERG, GITLAB, World, WorldServer
from tests.world.test_world import send

if TYPE_CHECKING:
    from tests.world import Repo

DAYS = [day / 2 for day in range(1, 121)]


def oids(repo: Repo, start: int, end: int) -> list[str]:
    return [commit.oid for commit in repo.commits[start:end]]


def test_gitlab_has_nested_groups_and_pages_without_a_total(server: WorldServer, world: World) -> None:
    repo = world.add_repository("group/sub/todo", host=GITLAB, stars=7, commits=DAYS)
    project = send(server, "/gitlab/api/v4/projects/group%2Fsub%2Ftodo")
    assert (project.json["path_with_namespace"], project.json["star_count"]) == ("group/sub/todo", 7)
    assert project.headers["ratelimit-remaining"] == "499"
    address = f"/gitlab/api/v4/projects/{repo.id}/repository/commits?per_page=100"
    first, last = send(server, address), send(server, f"{address}&page=2")
    assert [commit["id"] for commit in first.json + last.json] == oids(repo, 0, 120)
    assert (first.headers["x-next-page"], last.headers["x-next-page"]) == ("2", "")
    assert 'rel="next"' in first.headers["link"]
    assert "x-total" not in first.headers


def test_gitlab_lists_contributors_and_redirects_old_paths_to_the_id(server: WorldServer, world: World) -> None:
    repo = world.add_repository("group/todo", host=GITLAB, commits=[(1, "alice"), (2, "bob"), (3, "bob")])
    world.rename(repo, "group/done")
    moved = send(server, "/gitlab/api/v4/projects/group%2Ftodo")
    assert (moved.status, moved.headers["location"]) == (301, f"{server.url}/gitlab/api/v4/projects/{repo.id}")
    address = "/gitlab/api/v4/projects/group%2Fdone/repository/contributors?order_by=commits&sort=desc"
    assert [(one["name"], one["commits"]) for one in send(server, address).json] == [("Bob", 2), ("Alice", 1)]


def test_gitlab_counts_304_responses_and_limits_with_429(server: WorldServer, world: World) -> None:
    world.add_repository("group/todo", host=GITLAB)
    etag = send(server, "/gitlab/api/v4/projects/group%2Ftodo").headers["etag"]
    again = send(server, "/gitlab/api/v4/projects/group%2Ftodo", If_None_Match=etag)
    assert (again.status, again.headers["ratelimit-observed"]) == (304, "2")
    server.exhaust("gitlab", authorised=False, resets_in=42)
    refused = send(server, "/gitlab/api/v4/projects/group%2Ftodo")
    assert (refused.status, refused.headers["retry-after"]) == (429, "42")


def test_bitbucket_has_sizes_and_next_links(server: WorldServer, world: World) -> None:
    repo = world.add_repository("team/todo", host=BITBUCKET, stars=37, forks=16, commits=DAYS, branch="master")
    found = send(server, "/bitbucket/2.0/repositories/team/todo").json
    assert (found["mainbranch"]["name"], "stars" in found) == ("master", False)
    watchers = send(server, "/bitbucket/2.0/repositories/team/todo/watchers?pagelen=1").json
    assert (watchers["size"], len(watchers["values"])) == (37, 1)
    first = send(server, "/bitbucket/2.0/repositories/team/todo/commits/master?pagelen=100").json
    last = send(server, first["next"].removeprefix(server.url)).json
    assert [commit["hash"] for commit in first["values"] + last["values"]] == oids(repo, 0, 120)
    assert "next" not in last


def test_bitbucket_allows_sixty_anonymous_requests_per_hour(server: WorldServer, world: World) -> None:
    world.add_repository("team/todo", host=BITBUCKET)
    statuses = [send(server, "/bitbucket/2.0/repositories/team/todo").status for _ in range(61)]
    assert (statuses[59], statuses[60]) == (200, 429)


def test_forgejo_limits_page_sizes_and_reports_more_pages(server: WorldServer, world: World) -> None:
    repo = world.add_repository("acme/todo", host=CODEBERG, commits=DAYS)
    pages = [send(server, f"/codeberg/api/v1/repos/acme/todo/commits?limit=100&page={page}") for page in (1, 2, 3)]
    assert [commit["sha"] for page in pages for commit in page.json] == oids(repo, 0, 120)
    assert [page.headers["x-hasmore"] for page in pages] == ["true", "true", "false"]
    assert pages[0].headers["x-total-count"] == "120"


def test_forgejo_redirects_renames_and_answers_409_for_empty_repositories(server: WorldServer, world: World) -> None:
    world.rename(world.add_repository("acme/todo", host=CODEBERG), "umbrella/todo")
    moved = send(server, "/codeberg/api/v1/repos/acme/todo")
    assert (moved.status, moved.headers["location"]) == (307, "/codeberg/api/v1/repos/umbrella/todo")
    world.add_repository("acme/new", host=CODEBERG, state="empty")
    assert send(server, "/codeberg/api/v1/repos/acme/new/commits").status == 409


def test_the_server_is_also_a_self_hosted_forge(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo", host=server.address, stars=3)
    assert send(server, "/api/v1/repos/acme/todo").json["stars_count"] == 3
    assert send(server, "/api/v4/projects/acme%2Ftodo").json["star_count"] == 3
