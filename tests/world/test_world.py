"""The world keeps to what the real services document; other tests lean on it."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from datetime import timedelta
from typing import Any

import pytest

from tests.world import NOW, Release, World, WorldServer, eastern, weekly


class Reply:
    """What came back, JSON decoded where it is JSON."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return json.loads(body)


def ask(server: WorldServer, path: str, *, method: str = "GET", body: object = None, **headers: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        given = {"User-Agent": "test"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), given)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def bearer(server: WorldServer) -> str:
    return f"Bearer {server.tokens['github']}"


def test_the_catalog_lists_newest_first_in_pages_that_link_to_each_other(server: WorldServer, world: World) -> None:
    for number in range(45):
        world.add_package(f"django-{number}")
    first = ask(server, "/catalog/api/v4/packages/").json
    assert [package["id"] for package in first["results"]] == list(range(45, 25, -1))
    assert first["next"] == f"{server.url}/catalog/api/v4/packages/?limit=20&offset=20"
    assert (first["count"], first["previous"]) == (45, None)
    last = ask(server, "/catalog/api/v4/packages/?offset=40&q=todo").json
    assert (len(last["results"]), last["next"]) == (5, None)
    assert last["previous"] == f"{server.url}/catalog/api/v4/packages/?limit=20&offset=20&q=todo"
    assert ask(server, "/catalog/api/v4/packages/?limit=60").json["next"] is None


def test_a_record_agrees_with_its_repository_and_its_project(server: WorldServer, world: World) -> None:
    world.add_grid(53, "Todo & Ticketing")
    world.add_package(
        "django-todo", id=409, stars=845, forks=285, grids=[53], commits=[1, (2, "bob"), (3, "bob")],
        releases=[("2.5.0", "2022-11-03"), ("2.4.0", 2000)],
    )  # fmt: skip
    record = ask(server, "/catalog/api/v4/packages/django-todo/").json
    assert " ".join(record) == (
        "category grids id title slug last_updated last_fetched repo_url pypi_version created modified repo_forks "
        "repo_description pypi_url documentation_url repo_watchers commits_over_52 participants"
    )
    assert record["last_updated"] == "2026-11-22T07:00:00-05:00"
    assert (record["pypi_version"], record["participants"]) == ("2.5.0", ["bob", "alice"])
    assert (record["repo_watchers"], sum(record["commits_over_52"])) == (845, 3)
    assert record["grids"] == [f"{server.url}/catalog/api/v4/grids/53/"]
    assert ask(server, "/catalog/api/v4/grids/todo-ticketing/").json["packages"] == [
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
def test_what_the_catalog_lacks_is_a_404_in_json(server: WorldServer, world: World, path: str, detail: str) -> None:
    world.add_package("django-todo")
    reply = ask(server, f"/catalog/api/v4/{path}")
    assert (reply.status, reply.json) == (404, {"detail": detail})


def test_the_catalog_takes_no_post_and_wants_the_closing_slash(server: WorldServer) -> None:
    assert ask(server, "/catalog/api/v4/packages/", method="POST").status == 405
    reply = ask(server, "/catalog/api/v4/packages?limit=5")
    assert (reply.status, reply.headers["location"]) == (301, "/catalog/api/v4/packages/?limit=5")


def test_an_unchanged_repository_costs_nothing_with_a_token_and_one_request_without(
    server: WorldServer, world: World
) -> None:
    world.add_repository("acme/todo", stars=7)
    first = ask(server, "/github/repos/acme/todo", Authorization=bearer(server))
    assert (first.json["stargazers_count"], first.headers["x-ratelimit-remaining"]) == (7, "4999")
    etag = first.headers["etag"]
    again = ask(server, "/github/repos/acme/todo", Authorization=bearer(server), If_None_Match=etag)
    assert (again.status, again.body, again.headers["x-ratelimit-remaining"]) == (304, b"", "4999")
    ask(server, "/github/repos/acme/todo")
    anonymous = ask(server, "/github/repos/acme/todo", If_None_Match=etag)
    assert (anonymous.status, anonymous.headers["x-ratelimit-remaining"]) == (304, "58")
    assert server.charged("github") == 3
    world.star("acme/todo")
    assert ask(server, "/github/repos/acme/todo", If_None_Match=etag).json["stargazers_count"] == 8


def test_the_61st_anonymous_request_of_an_hour_is_refused(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo")
    statuses = [ask(server, "/github/repos/acme/todo").status for _ in range(61)]
    assert statuses == [200] * 60 + [403]
    reply = ask(server, "/github/repos/acme/todo")
    assert "API rate limit exceeded" in reply.json["message"]
    assert reply.headers["x-ratelimit-remaining"] == "0"
    assert reply.headers["x-ratelimit-reset"] == str(int((NOW + timedelta(hours=1)).timestamp()))
    world.now += timedelta(hours=1)
    assert ask(server, "/github/repos/acme/todo").status == 200


def test_a_wrong_token_is_a_401_and_no_user_agent_a_403(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo")
    assert ask(server, "/github/repos/acme/todo", Authorization="Bearer other").status == 401
    assert ask(server, "/github/repos/acme/todo", User_Agent="").status == 403


def test_a_renamed_repository_redirects_to_its_id(server: WorldServer, world: World) -> None:
    repo = world.add_repository("acme/todo")
    world.rename("acme/todo", "umbrella/todo")
    reply = ask(server, "/github/repos/acme/todo/commits?per_page=1")
    assert (reply.status, reply.headers["location"]) == (
        301,
        f"{server.url}/github/repositories/{repo.id}/commits?per_page=1",
    )
    assert ask(server, f"/github/repositories/{repo.id}").json["full_name"] == "umbrella/todo"


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
def test_states_of_a_repository(server: WorldServer, world: World, state: Any, rest: str, status: int) -> None:
    world.add_repository("acme/todo", state=state)
    assert ask(server, f"/github/repos/acme/todo{rest}").status == status


def test_commits_come_newest_first_in_linked_pages_from_a_committer_date_on(server: WorldServer, world: World) -> None:
    repo = world.add_repository("acme/todo", commits=range(1, 6))
    since = (NOW - timedelta(days=4)).isoformat().replace("+00:00", "Z")
    reply = ask(server, f"/github/repos/acme/todo/commits?since={since}&per_page=3")
    assert [commit["sha"] for commit in reply.json] == [commit.oid for commit in repo.commits[:3]]
    assert f"/github/repositories/{repo.id}/commits?" in reply.headers["link"]
    assert 'page=2>; rel="next"' in reply.headers["link"]
    last = ask(server, f"/github/repos/acme/todo/commits?since={since}&per_page=3&page=2")
    assert [commit["sha"] for commit in last.json] == [repo.commits[3].oid]
    assert "next" not in last.headers["link"]


def test_contributors_are_sorted_by_commits_and_may_lag(server: WorldServer, world: World) -> None:
    world.add_repository("acme/todo", commits=[(1, "alice"), (2, "bob"), (3, "bob")])
    world.push("acme/todo", login="carol", cached=True)
    assert [one["login"] for one in ask(server, "/github/repos/acme/todo/contributors").json] == ["bob", "alice"]
    world.repo("acme/todo").cached_contributors = None
    assert len(ask(server, "/github/repos/acme/todo/contributors").json) == 3


def test_pypi_answers_with_a_serial_and_an_etag(server: WorldServer, world: World) -> None:
    project = world.add_project("Django_Todo", [("1.0", 20), ("2.0rc1", 2), Release("1.1", NOW, yanked=True)])
    moved = ask(server, "/pypi/pypi/Django_Todo/json")
    assert (moved.status, moved.headers["location"]) == (301, f"{server.url}/pypi/pypi/django-todo/json")
    reply = ask(server, "/pypi/pypi/django-todo/json")
    assert reply.json["info"]["version"] == "1.0"
    assert reply.json["last_serial"] == int(reply.headers["x-pypi-last-serial"]) == project.serial
    assert ask(server, "/pypi/pypi/django-todo/json", If_None_Match=reply.headers["etag"]).status == 304
    world.release("django-todo", "1.2")
    changed = ask(server, "/pypi/pypi/django-todo/json", If_None_Match=reply.headers["etag"])
    assert (changed.json["info"]["version"], changed.json["last_serial"]) == ("1.2", project.serial)
    world.delete_project("django-todo")
    assert ask(server, "/pypi/pypi/django-todo/json").status == 404


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_the_index_lists_every_project_once_compressed_or_not(server: WorldServer, world: World, encoding: str) -> None:
    world.add_project("Django_Todo", [("1.0", 20)])
    world.foreign_projects = 12_345
    accept = {"Accept": "application/vnd.pypi.simple.v1+json", "Accept_Encoding": encoding}
    reply = ask(server, "/pypi/simple/", **accept)
    assert reply.json["meta"]["_last-serial"] == world.serial
    projects = reply.json["projects"]
    assert len({project["name"] for project in projects}) == len(projects) == 12_346
    assert {"_last-serial": world.serial, "name": "Django_Todo"} in projects


def test_a_fault_takes_as_many_requests_as_it_was_told(server: WorldServer, world: World) -> None:
    world.add_project("todo", [("1.0", 20)])
    fault = server.fault("pypi", "/todo/", status=503, times=2)
    assert [ask(server, "/pypi/pypi/todo/json").status for _ in range(3)] == [503, 503, 200]
    assert fault.hits == 2


def test_a_cut_body_is_shorter_than_it_said(server: WorldServer, world: World) -> None:
    world.add_project("todo", [("1.0", 20)])
    server.fault("pypi", kind="cut")
    with pytest.raises(http.client.IncompleteRead):
        ask(server, "/pypi/pypi/todo/json")


def test_weeks_end_at_midnight_and_own_their_first_instant(world: World) -> None:
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
    assert weekly(commits, NOW) == [1] + [0] * 50 + [1]


def test_new_yorks_clock_changes_twice_a_year() -> None:
    assert eastern(NOW) == "2026-11-23T07:00:00.000000-05:00"
    assert eastern(NOW.replace(month=7), fraction=False) == "2026-07-23T08:00:00-04:00"


def test_no_test_reaches_beyond_loopback(foreign_connections: list[object]) -> None:
    with pytest.raises(RuntimeError, match="tried to reach"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert foreign_connections == ["192.0.2.1"]
    foreign_connections.clear()
