"""Every fault of the server has its documented effect."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.pauses import wait_until
from tests.world.test_world import HttpResponse, bearer, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.world import World, WorldServer
    from tests.world.faults import FaultKind

LIST = "/catalog/api/v4/packages/"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _some_packages(world: World) -> None:
    for number in range(3):
        world.add_package(f"django-{number}")


def is_bomb(reply: HttpResponse) -> bool:
    """Return whether the content is far larger than the body."""
    return len(zlib.decompress(reply.body, wbits=31)) > MIB > 100 * len(reply.body)


@pytest.mark.parametrize(
    ("kind", "more", "holds"),
    [
        ("status", {"status": 418, "body": {"a": 1}}, lambda r: (r.status, r.json) == (418, {"a": 1})),
        ("redirect", {"location": "http://evil.example/"}, lambda r: r.headers["location"] == "http://evil.example/"),
        ("challenge", {}, lambda r: (r.status, r.headers["cf-mitigated"]) == (403, "challenge")),
        ("maintenance", {}, lambda r: (r.status, r.headers["retry-after"]) == (503, "3600")),
        ("html", {}, lambda r: r.status == 200 and r.body.startswith(b"<!doctype html>")),
        ("empty_list", {}, lambda r: (r.json["count"], r.json["results"]) == (0, [])),
        ("huge", {"size": MIB}, lambda r: len(r.body) > MIB),
        ("gzip_bomb", {"size": MIB}, is_bomb),
        ("gzip_nested", {"size": MIB}, lambda r: len(gzip.decompress(gzip.decompress(r.body))) > MIB),
        ("unknown_encoding", {}, lambda r: r.headers["content-encoding"] == "zzz"),
        ("wrong_types", {}, lambda r: {r.json["results"][0]["id"], r.json["results"][0]["slug"]} == {"3", 17}),
        ("deep", {"size": 2000}, lambda r: r.body == b"[" * 2000 + b"]" * 2000),
        ("rewrite", {"rewrite": lambda value: value["results"]}, lambda r: len(r.json) == 3),
        ("slow", {"seconds": 0.01}, lambda r: r.json["count"] == 3),
        ("drip", {"seconds": 0.0}, lambda r: r.json["count"] == 3),
        ("drip_headers", {"seconds": 0.0}, lambda r: r.json["count"] == 3),
    ],
)
def test_faults_of_complete_responses(
    server: WorldServer, kind: FaultKind, more: Any, holds: Callable[[HttpResponse], bool]
) -> None:
    server.fault("catalog", kind=kind, times=1, **more)
    assert holds(send(server, LIST))
    assert send(server, LIST).json["count"] == 3


@pytest.mark.parametrize("kind", ["drop", "reset", "cut", "never"])
def test_faults_without_a_complete_response(server: WorldServer, kind: FaultKind) -> None:
    fault = server.fault("catalog", kind=kind, times=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", LIST)
    wait_until(lambda: fault.hits)
    if kind == "never":
        connection.sock.settimeout(0.2)
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse().read()
    connection.close()
    assert send(server, LIST).json["count"] == 3


@pytest.mark.parametrize("kind", ["invalid_json", "gzip_cut"])
def test_faults_of_the_content(server: WorldServer, kind: FaultKind) -> None:
    server.fault("catalog", kind=kind)
    with pytest.raises((json.JSONDecodeError, EOFError)):
        _ = send(server, LIST).json


def test_a_keep_alive_connection_can_be_closed(server: WorldServer) -> None:
    server.fault("catalog", kind="hang_up", times=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", LIST)
    reply = connection.getresponse()
    assert (reply.status, len(json.loads(reply.read())["results"]), reply.will_close) == (200, 3, False)

    def again() -> None:
        connection.request("GET", LIST)
        connection.getresponse()

    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        again()
    connection.close()


def test_rate_limits_of_github(server: WorldServer) -> None:
    server.fault("github", kind="primary", times=1)
    server.fault("github", kind="secondary", times=1, seconds=17)
    primary, secondary, fine = (
        send(server, "/github/repos/acme/django-1", Authorization=bearer(server)) for _ in "123"
    )
    assert (primary.status, primary.headers["x-ratelimit-remaining"]) == (403, "0")
    assert (secondary.status, secondary.headers["retry-after"]) == (403, "17")
    assert "secondary rate limit" in secondary.json["message"]
    assert (fine.status, server.charged("github")) == (200, 1)


def test_a_fault_can_skip_requests_and_match_urls(server: WorldServer) -> None:
    server.fault("catalog", r"/packages/2/", skip=1, status=500)
    paths = ("1/", "2/", "1/", "2/")
    assert [send(server, LIST + path).status for path in paths] == [200, 200, 200, 500]
    assert [request.status for request in server.requests("catalog", "/2/")] == [200, 500]


def test_a_connection_is_reused(server: WorldServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    connection.auto_open = False
    for _ in range(3):
        connection.request("GET", LIST)
        assert connection.getresponse().read()
    connection.close()
    assert len(server.requests("catalog")) == 3


def test_concurrent_requests_are_counted(server: WorldServer) -> None:
    for _ in range(3):
        send(server, LIST)
    assert server.max_in_flight["catalog"] == 1
    server.latency["catalog"] = 300  # until the server is closed

    def send_and_ignore_errors() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            send(server, LIST)

    threads = [threading.Thread(target=send_and_ignore_errors) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.max_in_flight["catalog"] == 4)
    server.close()
    for thread in threads:
        thread.join()
