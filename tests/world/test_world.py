"""The world behaves as the real services document; other tests rely on it."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from datetime import timedelta
from typing import Any

import pytest

from tests.world import NOW, Release, World, WorldServer
from tests.world.times import catalog_time, weekly_counts


class HttpResponse:
    """A response that was read completely."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return json.loads(body)


def send(server: WorldServer, path: str, *, method: str = "GET", body: object = None, **headers: str) -> HttpResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        given = {"User-Agent": "test"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), given)
        return HttpResponse(connection.getresponse())
    finally:
        connection.close()


def bearer(server: WorldServer) -> str:
    return f"Bearer {server.tokens['github']}"


def test_the_catalog_lists_newest_first_in_linked_pages(server: WorldServer, world: World) -> None:
    for number in range(45):
        world.add_package(f"django-{number}")
    first = send(server, "/catalog/api/v4/packages/").json
    assert [package["id"] for package in first["results"]] == list(range(45, 25, -1))
    assert first["next"] == f"{server.url}/catalog/api/v4/packages/?limit=20&offset=20"
    assert (first["count"], first["previous"]) == (45, None)
    last = send(server, "/catalog/api/v4/packages/?offset=40&q=todo").json
    assert (len(last["results"]), last["next"]) == (5, None)
    assert last["previous"] == f"{server.url}/catalog/api/v4/packages/?limit=20&offset=20&q=todo"
    assert send(server, "/catalog/api/v4/packages/?limit=60").json["next"] is None


def test_a_record_matches_its_repository_and_project(server: WorldServer, world: World) -> None:
    world.add_grid(53, "Todo & Ticketing")
    world.add_package(
        "django-todo", id=409, stars=845, forks=285, grids=[53], commits=[1, (2, "bob"), (3, "bob")],
        releases=[("2.5.0", "2022-11-03"), ("2.4.0", 2000)],
    )  # fmt: skip
    record = send(server, "/catalog/api/v4/packages/django-todo/").json
    assert " ".join(record) == (
        "category grids id title slug last_updated last_fetched repo_url pypi_version created modified repo_forks "
        "repo_description pypi_url documentation_url repo_watchers commits_over_52 participants"
    )
    assert record["last_updated"] == "2026-11-22T07:00:00-05:00"
    assert (record["pypi_version"], record["participants"]) == ("2.5.0", ["bob", "alice"])
    assert (record["repo_watchers"], sum(record["commits_over_52"])) == (845, 3)
    assert record["grids"] == [f"{server.url}/catalog/api/v4/grids/53/"]
    assert send(server, "/catalog/api/v4/grids/todo-ticketing/").json["packages"] == [
        f"{server.url}/catalog/api/v4/packages/409/"
    ]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("packages/7/", "No Package matches the given query."),
        ("packages/Django-Todo/", "No Package matches the given query."),
        ("packages/a.b/", "Not found."),
        ("grids/x/", "No Grid matches the given query."),
    ],
)
def test_an_unknown_object_is_a_json_404(server: WorldServer, world: World, path: str, detail: str) -> None:
    world.add_package("django-todo")
    reply = send(server, f"/catalog/api/v4/{path}")
    assert (reply.status, reply.json) == (404, {"detail": detail})


def test_the_catalog_rejects_post_and_redirects_to_the_trailing_slash(server: WorldServer) -> None:
    assert send(server, "/catalog/api/v4/packages/", method="POST").status == 405
    reply = send(server, "/catalog/api/v4/packages?limit=5")
    assert (reply.status, reply.headers["location"]) == (301, "/catalog/api/v4/packages/?limit=5")


def test_a_304_is_free_with_a_token_and_counts_without(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo", stars=7)
    first = send(server, "/github/repos/acme/todo", Authorization=bearer(server))
    assert (first.json["stargazers_count"], first.headers["x-ratelimit-remaining"]) == (7, "4999")
    etag = first.headers["etag"]
    again = send(server, "/github/repos/acme/todo", Authorization=bearer(server), If_None_Match=etag)
    assert (again.status, again.body, again.headers["x-ratelimit-remaining"]) == (304, b"", "4999")
    send(server, "/github/repos/acme/todo")
    anonymous = send(server, "/github/repos/acme/todo", If_None_Match=etag)
    assert (anonymous.status, anonymous.headers["x-ratelimit-remaining"]) == (304, "58")
    assert server.charged("github") == 3
    world.star("acme/todo")
    assert send(server, "/github/repos/acme/todo", If_None_Match=etag).json["stargazers_count"] == 8


def test_the_61st_anonymous_request_of_an_hour_is_rejected(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo")
    statuses = [send(server, "/github/repos/acme/todo").status for _ in range(61)]
    assert statuses == [200] * 60 + [403]
    reply = send(server, "/github/repos/acme/todo")
    assert "API rate limit exceeded" in reply.json["message"]
    assert reply.headers["x-ratelimit-remaining"] == "0"
    assert reply.headers["x-ratelimit-reset"] == str(int((NOW + timedelta(hours=1)).timestamp()))
    world.now += timedelta(hours=1)
    assert send(server, "/github/repos/acme/todo").status == 200


def test_a_wrong_token_is_a_401_and_a_missing_user_agent_a_403(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo")
    assert send(server, "/github/repos/acme/todo", Authorization="Bearer other").status == 401
    assert send(server, "/github/repos/acme/todo", User_Agent="").status == 403


def test_a_renamed_repository_redirects_to_its_id(server: WorldServer, world: World) -> None:
    repo = world.add_repository("acme/todo")
    world.rename("acme/todo", "umbrella/todo")
    reply = send(server, "/github/repos/acme/todo/commits?per_page=1")
    assert (reply.status, reply.headers["location"]) == (
        301,
        f"{server.url}/github/repositories/{repo.id}/commits?per_page=1",
    )
    assert send(server, f"/github/repositories/{repo.id}").json["full_name"] == "umbrella/todo"


@pytest.mark.parametrize(
    ("state", "rest", "status"),
    [
        ("gone", "", 404),
        ("blocked_dmca", "", 451),
        ("blocked_tos", "", 403),
        ("empty", "/commits", 409),
        ("empty", "/contributors", 204),
        ("too_large_contributors", "/contributors", 403),
    ],
)
def test_repository_states(server: WorldServer, world: World, state: Any, rest: str, status: int) -> None:
    world.add_repository("acme/todo", state=state)
    assert send(server, f"/github/repos/acme/todo{rest}").status == status


def test_commits_are_filtered_by_committer_date_and_paged(server: WorldServer, world: World) -> None:
    repo = world.add_repository("acme/todo", commits=range(1, 6))
    since = (NOW - timedelta(days=4)).isoformat().replace("+00:00", "Z")
    reply = send(server, f"/github/repos/acme/todo/commits?since={since}&per_page=3")
    assert [commit["sha"] for commit in reply.json] == [commit.oid for commit in repo.commits[:3]]
    assert f"/github/repositories/{repo.id}/commits?" in reply.headers["link"]
    assert 'page=2>; rel="next"' in reply.headers["link"]
    last = send(server, f"/github/repos/acme/todo/commits?since={since}&per_page=3&page=2")
    assert [commit["sha"] for commit in last.json] == [repo.commits[3].oid]
    assert "next" not in last.headers["link"]


def test_contributors_are_sorted_by_commits_and_can_be_outdated(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo", commits=[(1, "alice"), (2, "bob"), (3, "bob")])
    world.push("acme/todo", login="carol", cached=True)
    assert [one["login"] for one in send(server, "/github/repos/acme/todo/contributors").json] == ["bob", "alice"]
    world.repo("acme/todo").cached_contributors = None
    assert len(send(server, "/github/repos/acme/todo/contributors").json) == 3


def test_pypi_responses_have_a_serial_and_an_etag(server: WorldServer, world: World) -> None:
    project = world.add_project("Django_Todo", [("1.0", 20), ("2.0rc1", 2), Release("1.1", NOW, yanked=True)])
    moved = send(server, "/pypi/pypi/Django_Todo/json")
    assert (moved.status, moved.headers["location"]) == (301, f"{server.url}/pypi/pypi/django-todo/json")
    reply = send(server, "/pypi/pypi/django-todo/json")
    assert reply.json["info"]["version"] == "1.0"
    assert reply.json["last_serial"] == int(reply.headers["x-pypi-last-serial"]) == project.serial
    assert send(server, "/pypi/pypi/django-todo/json", If_None_Match=reply.headers["etag"]).status == 304
    world.release("django-todo", "1.2")
    changed = send(server, "/pypi/pypi/django-todo/json", If_None_Match=reply.headers["etag"])
    assert (changed.json["info"]["version"], changed.json["last_serial"]) == ("1.2", project.serial)
    world.delete_project("django-todo")
    assert send(server, "/pypi/pypi/django-todo/json").status == 404


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_the_index_lists_every_project_once(server: WorldServer, world: World, encoding: str) -> None:
    world.add_project("Django_Todo", [("1.0", 20)])
    world.extra_projects = 12_345
    accept = {"Accept": "application/vnd.pypi.simple.v1+json", "Accept_Encoding": encoding}
    reply = send(server, "/pypi/simple/", **accept)
    assert reply.json["meta"]["_last-serial"] == world.serial
    projects = reply.json["projects"]
    assert len({project["name"] for project in projects}) == len(projects) == 12_346
    assert {"_last-serial": world.serial, "name": "Django_Todo"} in projects


def test_a_fault_affects_a_number_of_requests(server: WorldServer, world: World) -> None:
    world.add_project("todo", [("1.0", 20)])
    fault = server.fault("pypi", "/todo/", status=503, times=2)
    assert [send(server, "/pypi/pypi/todo/json").status for _ in range(3)] == [503, 503, 200]
    assert fault.hits == 2


def test_a_cut_body_is_shorter_than_its_content_length(server: WorldServer, world: World) -> None:
    world.add_project("todo", [("1.0", 20)])
    server.fault("pypi", kind="cut")
    with pytest.raises(http.client.IncompleteRead):
        send(server, "/pypi/pypi/todo/json")


def test_weeks_end_at_midnight_and_include_their_start(world: World) -> None:
    midnight = NOW.replace(hour=0)
    commits = [
        world.commit(moment)
        for moment in (
            midnight,
            midnight - timedelta(days=7),
            midnight - timedelta(days=364),
            midnight - timedelta(days=365),
        )
    ]
    assert weekly_counts(commits, NOW) == [1] + [0] * 50 + [1]


def test_catalog_times_follow_daylight_saving_time() -> None:
    assert catalog_time(NOW) == "2026-11-23T07:00:00.000000-05:00"
    assert catalog_time(NOW.replace(month=7), fraction=False) == "2026-07-23T08:00:00-04:00"


def test_connections_beyond_loopback_raise(foreign_connections: list[object]) -> None:
    with pytest.raises(RuntimeError, match="tried to reach"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert foreign_connections == ["192.0.2.1"]
    foreign_connections.clear()
