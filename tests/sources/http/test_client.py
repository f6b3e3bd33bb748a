"""The HTTP client against real servers on loopback."""

from __future__ import annotations

import asyncio
import base64
import gzip
import re
import ssl
import tracemalloc
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import (
    ConfigError,
    CredentialsRejected,
    HTTPStatusError,
    QuotaExhausted,
    SourceError,
    UnexpectedPayload,
    Unreachable,
)
from djpkg.source_name import SourceName
from djpkg.sources.http.client import Client
from djpkg.sources.http.rate_limit import Quota, RateLimitHit
from djpkg.sources.http.response import Authorization
from djpkg.sources.http.retry import Limits, Throttle
from djpkg.sources.source import Spent
from tests.sources.loopback import http_response, never, send_and_close, send_slowly, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from djpkg.sources.http.response import Response
    from tests.sources.loopback import Answer, ReceivedRequest

CANARY = "ghp_canary0123456789"
TOKEN = Authorization(value=f"Bearer {CANARY}", origin="GH_TOKEN")
PATIENT = Limits(connect=30, attempt=30, total=60, backoff=0.01)
SHORT = Limits(connect=30, attempt=0.5, total=1.25, backoff=0.01)
NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
MIB = 2**20
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = http_response(200, b"[]")


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in its own event loop."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Clock:
    """A clock that advances only by `sleep`."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def client(url: str, *, limits: Limits = PATIENT, clock: Clock | None = None, **settings: Any) -> Client:
    if clock is not None:
        settings |= {"clock": clock, "sleep": clock.sleep}
    defaults: dict[str, Any] = {"source": SourceName.GITHUB, "quota": Quota(), "spent": Spent()}
    return Client(base_url=url, limits=limits, **(defaults | settings))


async def get(*answers: Answer, target: str = "x", **settings: Any) -> Response:
    """Return one response of a server with these answers."""
    async with serve(*answers) as server, client(server.url, **settings) as http:
        return await http.get(target)


def rate(remaining: int, seconds: int, *, now: datetime = NOW) -> dict[str, str]:
    reset = int((now + timedelta(seconds=seconds)).timestamp())
    return {"x_ratelimit_limit": "60", "x_ratelimit_remaining": str(remaining), "x_ratelimit_reset": str(reset)}


# Valid responses.


@in_loop
async def test_a_response_and_then_304_for_its_etag() -> None:
    spent = Spent()
    async with (
        serve(http_response(200, b"{}", ETag='W/"a"'), http_response(304)) as server,
        client(f"{server.url}/api/v4/", auth=TOKEN, spent=spent) as http,
    ):
        first = await http.get("/things/a%2Fb", params={"page": 2, "q": "a b"})
        again = await http.get("things/a%2Fb", etag=first.etag)
    assert (first.status, first.body, first.etag) == (200, b"{}", 'W/"a"')
    assert first.url == f"{server.url}/api/v4/things/a%2Fb?page=2&q=a+b"
    assert (again.status, again.body) == (304, b"")
    assert [request.target for request in server.requests] == [
        "/api/v4/things/a%2Fb?page=2&q=a+b",
        "/api/v4/things/a%2Fb",
    ]
    assert server.requests[1].headers["if-none-match"] == 'W/"a"'
    assert server.requests[0].headers["accept-encoding"] == "gzip"
    assert server.requests[0].headers["user-agent"].startswith("djpkg/")
    assert spent == Spent(requests=2)
    assert server.connections == 1


@pytest.mark.parametrize("status", [200, 202, 204, 304, 400, 403, 404, 409, 410, 422, 451])
@in_loop
async def test_a_status_about_the_requested_item_is_returned_without_a_retry(status: int) -> None:
    async with serve(http_response(status)) as server, client(server.url) as http:
        assert (await http.get("x")).status == status
    assert len(server.requests) == 1


@in_loop
async def test_gzip_is_decompressed() -> None:
    content = b"a" * 100_000
    body = gzip.compress(content, mtime=0)
    response = await get(http_response(200, body, content_encoding="gzip"))
    assert response.body == content


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("", b"abab" * 5),
        ("identity", b"abab" * 5),
        ("x-gzip", gzip.compress(b"abab" * 5, mtime=0)),
        ("deflate", zlib.compress(b"abab" * 5)),
        ("gzip", gzip.compress(b"abab" * 2, mtime=0) + gzip.compress(b"abab" * 3, mtime=0)),
    ],
)
@in_loop
async def test_a_body_with_one_content_encoding_is_decompressed(coding: str, body: bytes) -> None:
    assert (await get(http_response(200, body, content_encoding=coding))).body == b"abab" * 5


@in_loop
async def test_a_post_sends_json() -> None:
    async with serve(http_response(200, b"{}")) as server, client(server.url) as http:
        await http.post("graphql", b'{"query": "{a}"}')
    request = server.requests[0]
    assert (request.method, request.target, request.body) == ("POST", "/graphql", b'{"query": "{a}"}')
    assert request.headers["content-type"] == "application/json"


# Retries.


@pytest.mark.parametrize(
    "trouble",
    [
        http_response(500),
        http_response(502),
        http_response(503),
        http_response(504),
        None,
        send_and_close(http_response(200, b"ab")[:-1]),
    ],
)
@in_loop
async def test_temporary_failures_are_retried(trouble: Answer) -> None:
    async with serve(trouble, trouble, OK) as server, client(server.url) as http:
        assert (await http.get("x")).body == b"[]"
    assert len(server.requests) == 3


@in_loop
async def test_a_failing_server_gets_four_attempts_with_growing_pauses() -> None:
    clock = Clock()
    async with serve(http_response(502)) as server, client(server.url, limits=Limits(), clock=clock) as http:
        with pytest.raises(HTTPStatusError, match=r"^github: 127\.0\.0\.1:\d+: HTTP 502 \(Bad Gateway\)$") as caught:
            await http.get("x")
    assert caught.value.status == 502
    assert len(server.requests) == 4
    for pause, middle in zip(clock.slept, (0.5, 1.0, 2.0), strict=True):
        assert middle / 2 <= pause <= middle * 1.5


@in_loop
async def test_a_query_that_may_be_too_large_is_not_retried_after_a_timeout_status() -> None:
    async with serve(http_response(502)) as server, client(server.url) as http:
        assert (await http.post("graphql", b"{}", retry_timeouts=False)).status == 502
        assert len(server.requests) == 1
        server.answers = [http_response(500), http_response(504)]
        assert (await http.post("graphql", b"{}", retry_timeouts=False)).status == 504


@pytest.mark.parametrize("status", [501, 505, 520, 599, 999])
@in_loop
async def test_other_5xx_statuses_are_raised_without_a_retry(status: int) -> None:
    async with serve(http_response(status)) as server, client(server.url) as http:
        with pytest.raises(HTTPStatusError, match=f"HTTP {status}"):
            await http.get("x")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("seconds", "slept"), [("7", [7.0]), ("0", [1.0])])
@in_loop
async def test_retry_after_of_a_failing_server_is_respected(seconds: str, slept: list[float]) -> None:
    clock = Clock()
    assert (await get(http_response(503, retry_after=seconds), OK, limits=Limits(), clock=clock)).status == 200
    assert clock.slept == slept


@in_loop
async def test_a_long_retry_after_ends_the_request() -> None:
    clock = Clock()
    with pytest.raises(HTTPStatusError):
        await get(http_response(503, retry_after="61"), OK, limits=Limits(), clock=clock)
    assert clock.slept == []


@in_loop
async def test_a_connection_that_was_closed_while_idle_is_replaced_without_a_pause() -> None:
    clock = Clock()
    async with serve(OK, None, OK) as server, client(server.url, clock=clock) as http:
        await http.get("x")
        assert (await http.get("x")).status == 200
    assert [request.connection for request in server.requests] == [1, 1, 2]
    assert clock.slept == [0.0]


@in_loop
async def test_no_more_requests_are_sent_after_too_many_consecutive_failures() -> None:
    limits = Limits(attempts=1, max_failures=3)
    async with serve(http_response(500)) as server, client(server.url, limits=limits) as http:
        for _ in range(2):
            with pytest.raises(HTTPStatusError):
                await http.get("x")
        server.answers = [http_response(404), http_response(500)]
        await http.get("x")
        for _ in range(3):
            with pytest.raises(HTTPStatusError):
                await http.get("x")
        with pytest.raises(Unreachable, match=r"github: gave up after 3 failed requests; last error: 127.*: HTTP 500"):
            await http.get("x")
    assert len(server.requests) == 6


@in_loop
async def test_a_server_that_refuses_all_connections_gets_fewer_requests() -> None:
    async with serve(http_response(404)) as server:
        url = server.url
    async with client(url, limits=Limits(attempts=1, max_failures=9, max_first_failures=2)) as http:
        for _ in range(2):
            with pytest.raises(Unreachable, match="no connection to 127"):
                await http.get("x")
        with pytest.raises(Unreachable, match="gave up after 2 failed requests"):
            await http.get("x")


# Time limits and throttling.


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (never, "no response from {where} within 0.5 s"),
        (send_slowly(HEAD, b"X: y\r\n", every=0.05), "no response from {where} within 0.5 s"),
        (send_slowly(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01), "no response from {where} within 0.5 s"),
        (
            send_slowly(HEAD + b"Content-Length: 999999\r\n\r\n", b"x", every=0.05),
            "the response of {where} did not end in time",
        ),
        (
            send_slowly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", every=0.05),
            "the response of {where} did not end in time",
        ),
    ],
    ids=["never", "head", "continue", "body", "chunks"],
)
@in_loop
async def test_a_slow_response_ends_with_the_time_limit_of_all_attempts(answer: Answer, message: str) -> None:
    async with serve(answer) as server, client(server.url, limits=SHORT) as http:
        with pytest.raises(Unreachable) as caught:
            await http.get("x")
    assert str(caught.value) == f"github: {message.format(where=server.url.removeprefix('http://'))}"
    assert 1 < len(server.requests) <= 3  # the total time leaves no fourth attempt


@in_loop
async def test_fifty_concurrent_slow_responses_all_time_out_and_the_next_request_succeeds() -> None:
    limits = Limits(attempt=1, total=1, max_failures=999)
    async with (
        serve(choose=lambda request: OK if request.target == "/good" else never) as server,
        client(server.url, limits=limits, connections=25) as http,
    ):
        await http.get("good")
        results = await asyncio.gather(*(http.get("bad") for _ in range(50)), return_exceptions=True)
        assert [type(result) for result in results] == [Unreachable] * 50
        async with asyncio.timeout(30):  # a slow machine may need several attempts of a second
            while True:
                with suppress(Unreachable):
                    response = await http.get("good")
                    break
        assert response.status == 200


@in_loop
async def test_a_server_that_has_never_responded_gets_no_second_request() -> None:
    async with serve(never) as server, client(server.url, limits=Limits(attempt=0.2, total=0.3, attempts=2)) as http:
        results = await asyncio.gather(*(http.get("x") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [Unreachable] * 3
        sent = len(server.requests)
        with pytest.raises(Unreachable, match="no response from"):
            await http.get("y")
        assert len(server.requests) == sent
        # The others waited for the first attempt, and end with the first request.
        assert sent <= 4


@in_loop
async def test_cancelled_requests_release_their_connections() -> None:
    async with (
        serve(choose=lambda request: OK if request.target == "/good" else never) as server,
        client(server.url, limits=Limits(), connections=5) as http,
    ):
        await http.get("good")
        tasks = [asyncio.create_task(http.get("bad")) for _ in range(200)]
        async with asyncio.timeout(60):
            while server.pending < 5:  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.01)
        for first in range(0, 200, 5):  # waiting requests start, and are cancelled too
            for task in tasks[first : first + 5]:
                task.cancel()
            await asyncio.sleep(0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 200
        assert server.max_pending == 5
        async with asyncio.timeout(60):
            replies = await asyncio.gather(*(http.get("good") for _ in range(20)))
        assert [response.status for response in replies] == [200] * 20


@in_loop
async def test_clients_may_share_a_throttle() -> None:
    clock, throttle = Clock(), Throttle(3)
    async with (
        serve(OK) as server,
        client(server.url, clock=clock, throttle=throttle) as one,
        client(server.url, clock=clock, throttle=throttle) as other,
    ):
        for http in (one, other, one, other, one):
            await http.get("x")
    assert [round(pause) for pause in clock.slept] == [60, 60]


@pytest.mark.parametrize("token", ["test", "token", "x", "bearer"])
@in_loop
async def test_a_token_that_is_an_ordinary_word_does_not_change_responses(token: str) -> None:
    auth = Authorization(value=f"Bearer {token}", origin="GH_TOKEN")
    body = b'{"description": "A bearer token to test xylophones"}'
    async with serve(http_response(200, body)) as server, client(server.url, auth=auth) as http:
        assert (await http.get("x")).body == body
    assert server.requests[0].headers["authorization"] == f"Bearer {token}"


@in_loop
async def test_the_last_requests_of_a_quota_can_be_used_while_others_are_pending() -> None:
    # The first response to arrive is not the first that was counted.
    left = iter((9, *range(1, 9), 0))
    reset = str(int((NOW + timedelta(hours=1)).timestamp()))

    def choose(_: ReceivedRequest) -> bytes:
        return http_response(200, b"{}", x_ratelimit_remaining=str(next(left)), x_ratelimit_reset=reset)

    async with serve(choose=choose) as server, client(server.url, clock=Clock(), connections=8) as http:
        results = await asyncio.gather(*(http.get("x") for _ in range(24)), return_exceptions=True)
    assert sum(isinstance(result, QuotaExhausted) for result in results) == 14
    assert len(server.requests) == 10


@in_loop
async def test_requests_above_the_throttle_wait() -> None:
    clock = Clock()
    async with serve(OK) as server, client(server.url, clock=clock, throttle=Throttle(3)) as http:
        await asyncio.gather(*(http.get("x") for _ in range(7)))
    assert [round(pause) for pause in clock.slept] == [60, 60, 60, 120]
    assert len(server.requests) == 7


# Invalid responses.


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@in_loop
async def test_a_decompression_bomb_needs_little_memory() -> None:
    body = bomb(12 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedPayload, match=r"the response of 127.* is larger than 2 MiB$"):
            await get(http_response(200, body, content_encoding="gzip"), limits=Limits(body=2 * MIB))
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (http_response(200, gzip.compress(bomb(MIB), mtime=0), content_encoding="gzip, gzip"), "not requested"),
        (http_response(200, b"abc", content_encoding="br"), "not requested"),
        (http_response(200, b"abc", content_encoding="é"), "not requested"),
        (http_response(200, b"abc", content_encoding="gzip"), "invalid compressed data"),
        (
            http_response(200, gzip.compress(b"abc", mtime=0) + b"more", content_encoding="gzip"),
            "invalid compressed data",
        ),
        (
            http_response(200, gzip.compress(b"abc", mtime=0)[:-8] + bytes(8), content_encoding="gzip"),
            "invalid compressed data",
        ),
        (http_response(200, b"x" * 2001), "larger than 2000 bytes"),
        (http_response(500, b"x" * 2001), "larger than 2000 bytes"),
        (http_response(200, gzip.compress(b"x" * 2001, mtime=0), content_encoding="gzip"), "larger than 2000 bytes"),
        (
            send_slowly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n", every=0),
            "larger",
        ),
    ],
)
@in_loop
async def test_an_invalid_body_is_an_error_without_a_retry(answer: Answer, message: str) -> None:
    async with serve(answer) as server, client(server.url, limits=Limits(body=2000)) as http:
        with pytest.raises(UnexpectedPayload, match=message):
            await http.get("x")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        send_and_close(http_response(200, b"x" * 50)[:-1]),
        http_response(200, gzip.compress(b"x" * 50, mtime=0)[:-1], content_encoding="gzip"),
        http_response(200, b"", content_encoding="gzip"),
        send_and_close(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 50, mtime=0)[:-1]),
        send_and_close(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
        send_and_close(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        send_and_close(HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"),
    ],
)
@in_loop
async def test_a_truncated_body_is_an_error(answer: Answer) -> None:
    with pytest.raises(Unreachable, match=r"^github: the response of 127\.0\.0\.1:\d+ was truncated$"):
        await get(answer)


@in_loop
async def test_extra_bytes_after_a_response_are_not_part_of_the_next_one() -> None:
    async with (
        serve(http_response(200, b"abXYZ", content_length="2"), http_response(200, b"right")) as server,
        client(server.url) as http,
    ):
        assert (await http.get("x")).body == b"ab"
        assert (await http.get("x")).body == b"right"


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff" * 500,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"Bad\x00Name: x\r\n\r\n",
        HEAD + b"X: " + CANARY.encode() + b"\x00\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        HEAD + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 60_000,
        b"",
    ],
)
@in_loop
async def test_invalid_http_is_an_error_that_does_not_show_the_token(answer: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        await get(send_and_close(answer), auth=TOKEN)
    assert CANARY not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
@in_loop
async def test_a_validator_or_a_body_that_quotes_the_token_is_not_kept(scheme: str) -> None:
    plain = f"mara@example.org:{CANARY}"
    encoded = base64.b64encode(plain.encode()).decode()
    auth = replace(TOKEN, value=f"Basic {encoded}") if scheme == "Basic" else TOKEN
    forms = (CANARY, plain, encoded) if scheme == "Basic" else (CANARY,)
    for form in forms:
        response = await get(http_response(200, form.encode(), ETag=f'"{form}"'), auth=auth)
        assert (response.body.decode(), response.etag) == ("…", None)
    assert (await get(http_response(200, ETag='"other"'), auth=auth)).etag == '"other"'


@in_loop
async def test_headers_are_decoded_as_latin_1() -> None:
    response = await get(http_response(200, X="é", ETag='"é"'))
    assert (response.headers["x"], response.etag) == ("é", None)


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ('<{url}/things?page=2>; rel="next"', "/things?page=2"),
        ("<{url}/things>; rel=next", "/things"),
        ('</a>; rel="first", </b>; title="x"; rel="next"', "/b"),
        ('<?page=2>; rel="next"', "/x?page=2"),
        ('<?a=1,2>; rel="next"', "/x?a=1,2"),
    ],
)
@in_loop
async def test_the_next_page_is_read_from_the_link_header(header: str, path: str) -> None:
    async with serve(OK) as server, client(server.url) as http:
        server.answers = [http_response(200, link=header.format(url=server.url))]
        assert (await http.get("x")).next_url == f"{server.url}{path}"


@pytest.mark.parametrize("header", ["</a>; rel=last", "</a>; nonsense", "<" * 5000, ",;=", ""])
@in_loop
async def test_without_a_next_link_there_is_no_next_page(header: str) -> None:
    assert (await get(http_response(200, link=header))).next_url is None


@pytest.mark.parametrize("target", ["javascript:alert(1)", "https://[/", "/a b", "/é", "", "mailto:a@b", "\x80"])
@in_loop
async def test_an_invalid_next_link_is_not_the_end_of_the_list(target: str) -> None:
    async with serve(http_response(200, link=f'<{target}>; rel="next"')) as server, client(server.url) as http:
        next_url = (await http.get("x")).next_url
        assert next_url is not None
        with pytest.raises(UnexpectedPayload):
            await http.get(next_url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("etag", ['"é"', '"a\nb"', '"a b"', "", "x" * 257, "\ud800"])
@in_loop
async def test_an_invalid_etag_is_not_sent(etag: str) -> None:
    async with serve(OK) as server, client(server.url) as http:
        assert (await http.get("x", etag=etag)).status == 200
    assert "if-none-match" not in server.requests[0].headers


@pytest.mark.parametrize("target", ["\x00", "a\nb", "a" * 70_000, "../../etc", "x/../../../api/v45/x", "://"])
@in_loop
async def test_an_invalid_target_is_an_error_and_is_not_requested(target: str) -> None:
    async with serve(OK) as server, client(f"{server.url}/api/v4") as http:
        with pytest.raises(UnexpectedPayload):
            await http.get(target)
    assert server.requests == []


# Redirects.


@in_loop
async def test_redirects_on_the_same_server_are_followed() -> None:
    answers = {"/a": ("301", "/repositories/1"), "/repositories/1": ("302", "b?c=d#e"), "/repositories/b?c=d": None}

    def choose(request: ReceivedRequest) -> bytes:
        found = answers[request.target]
        return http_response(200, b"here") if found is None else http_response(int(found[0]), location=found[1])

    async with serve(choose=choose) as server, client(server.url, auth=TOKEN) as http:
        response = await http.get("a", etag='"e"')
        assert (response.body, response.url) == (b"here", f"{server.url}/repositories/b?c=d")
        assert {request.headers["if-none-match"] for request in server.requests} == {'"e"'}


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/x", "too many redirects"),
        ("", "invalid redirect"),
        ("javascript:alert(1)", "another server"),
        ("file:///etc/passwd", "another server"),
        ("//evil.example/x", r"another server \(evil\.example\)"),
        ("https://{where}/x", "another server"),
        ("http://localhost:{port}/", "another server"),
        ("http://127.0.0.1/", "another server"),
        ("http://user@{where}/y", "another server"),
        ("http://{where}@evil.example/", "another server"),
        ("http://evil.example\\@{where}/", "another server"),
        ("http://[::1", "invalid URL"),
        ("http://{where}:x/", "invalid URL"),
        ("/\x01", "invalid redirect"),
        ("/é", "invalid redirect"),
    ],
)
@in_loop
async def test_redirects_to_other_servers_and_invalid_ones_are_not_followed(location: str, message: str) -> None:
    async with serve(OK) as server:
        where = server.url.removeprefix("http://")
        location = location.format(where=where, port=where.partition(":")[2])
        server.answers = [http_response(302, Location=location, X="y")]
        async with client(server.url, auth=TOKEN) as http:
            with pytest.raises(UnexpectedPayload, match=message) as caught:
                await http.get("x")
    assert str(caught.value).isprintable()
    assert [request.target for request in server.requests] == ["/x"]


@in_loop
async def test_the_number_of_redirects_is_limited() -> None:
    def choose(request: ReceivedRequest) -> bytes:
        return http_response(307, location=f"{request.target}x")

    async with serve(choose=choose) as server, client(server.url) as http:
        with pytest.raises(UnexpectedPayload, match="too many redirects"):
            await http.get("x")
    assert len(server.requests) == 6


@in_loop
async def test_a_post_is_not_redirected() -> None:
    async with serve(http_response(307, location="/y")) as server, client(server.url) as http:
        with pytest.raises(HTTPStatusError, match="HTTP 307"):
            await http.post("x", b"{}")
    assert len(server.requests) == 1


@in_loop
async def test_the_body_of_a_redirect_is_limited() -> None:
    body = bomb(MIB)
    with pytest.raises(UnexpectedPayload, match="larger"):
        await get(http_response(302, body, content_encoding="gzip", location="/y"), limits=Limits(body=1000))


# Tokens, proxies and cookies.


@in_loop
async def test_the_token_is_sent_only_to_its_own_server() -> None:
    async with serve(OK) as other, serve(OK) as server, client(server.url, auth=TOKEN) as http:
        assert http.authorized
        await http.get("x")
        assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
        for hostile in (other.url, f"{other.url}/x?page=2", server.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(UnexpectedPayload, match="another server"):
                await http.get(hostile)
            server.answers = [http_response(302, location=hostile)]
            with pytest.raises(UnexpectedPayload, match="another server"):
                await http.get("y")
        server.answers = [OK]
        await http.get(f"{server.url}/z?page=2")
    assert other.connections == 0
    assert server.requests[-1].headers["authorization"] == f"Bearer {CANARY}"


@in_loop
async def test_no_token_is_sent_over_plain_http_beyond_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        for host in ("api.example", "127.1", "2130706433", "localhost.example"):
            async with client(f"http://{host}", auth=TOKEN) as http:
                assert not http.authorized
                await http.get("x")
    assert proxy.requests[0].target == "http://api.example/x"
    assert len(proxy.requests) == 4
    assert CANARY not in str(proxy.requests)


@in_loop
async def test_a_proxy_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(OK) as proxy, serve(OK) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with client(server.url) as http, client(server.url.replace("127.0.0.1", "localhost")) as by_name:
            await http.get("x")
            await by_name.get("x")
    assert (len(server.requests), proxy.connections) == (2, 0)


@pytest.mark.parametrize("proxy", ["ftp://u:hunter2@127.0.0.1:1", "socks9://u:hunter2@h"])
def test_the_error_about_an_invalid_proxy_does_not_show_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ConfigError, match="proxy") as caught:
        client("http://api.example")
    assert "hunter2" not in str(caught.value)


@in_loop
async def test_cookies_and_netrc_are_not_sent(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {CANARY}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with serve(http_response(200, b"[]", set_cookie="sid=abc; Path=/")) as server, client(server.url) as http:
        await http.get("x")
        await http.get("y")
    assert [set(request.headers) & {"cookie", "authorization"} for request in server.requests] == [set(), set()]


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("GH_TOKEN", "check the environment variable GH_TOKEN"),
        ("gh auth token", "sign in again with gh auth login"),
    ],
)
@in_loop
async def test_the_error_about_a_rejected_token_names_its_origin(origin: str, hint: str) -> None:
    with pytest.raises(CredentialsRejected, match=f"rejected the token from {origin}$") as caught:
        await get(http_response(401, CANARY.encode()), auth=replace(TOKEN, origin=origin))
    assert caught.value.hint == hint
    assert CANARY not in str(caught.value)


@in_loop
async def test_a_401_without_a_token_is_a_status_error() -> None:
    with pytest.raises(HTTPStatusError, match="HTTP 401"):
        await get(http_response(401))


@in_loop
async def test_each_request_is_logged_without_query_and_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "djpkg.http")
    async with (
        serve(http_response(302, location=f"/{CANARY}/y?z=1"), http_response(404), None) as server,
        client(server.url, auth=TOKEN, limits=Limits(attempts=1)) as http,
    ):
        await http.get("a%20b", params={"secret": "x"})
        with pytest.raises(Unreachable):
            await http.post("graphql", b"{}")
    host = re.escape(server.url.removeprefix("http://"))
    expected = [
        rf"GET {host}/a%20b 302 \d+ ms",
        rf"GET {host}/…/y 404 \d+ ms",
        rf"POST {host}/graphql no response \d+ ms",
    ]
    for pattern, message in zip(expected, caplog.messages, strict=True):
        assert re.fullmatch(pattern, message)


# Rate limits.


@in_loop
async def test_a_short_rate_limit_is_waited_for() -> None:
    clock, quota = Clock(), Quota()
    response = await get(
        http_response(429, retry_after="5"), http_response(429, retry_after="20"), OK, clock=clock, quota=quota
    )
    assert response.status == 200
    assert clock.slept == [5.0, 20.0]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (http_response(429, retry_after="31"), 31),
        (http_response(429, retry_after="604800"), 86_400),
        (http_response(429, retry_after="99999999999999"), 60),
        (http_response(429, retry_after="-1"), 60),
        (http_response(429), 60),
        (http_response(403, b"", **rate(0, 3000)), 3000),
        (http_response(429, b"", **rate(0, 7_199)), 7_199),
        (http_response(403, b"", **rate(0, 86_399)), 7_200),
        (http_response(429, ratelimit_remaining="0", ratelimit_reset="45"), 45),
    ],
)
@in_loop
async def test_a_long_rate_limit_blocks_requests_until_its_end(answer: bytes, seconds: int) -> None:
    clock = Clock()
    until = NOW + timedelta(seconds=seconds)
    async with serve(answer, OK) as server, client(server.url, clock=clock) as http:
        for _ in range(2):
            with pytest.raises(QuotaExhausted, match="rate limit reached") as caught:
                await http.get("x")
            assert caught.value.until == until
        assert len(server.requests) == 1
        clock.now = until
        assert (await http.get("x")).status == 200
    assert clock.slept == []


@in_loop
async def test_a_rate_limit_without_end_gets_four_attempts() -> None:
    clock = Clock()
    async with serve(http_response(429, retry_after="0")) as server, client(server.url, clock=clock) as http:
        with pytest.raises(QuotaExhausted):
            await http.get("x")
    assert len(server.requests) == 4


@in_loop
async def test_the_source_detects_rate_limits_and_the_message_is_shown_without_the_token() -> None:
    def detect(response: Response) -> RateLimitHit | None:
        return RateLimitHit(secondary=True, message=response.body.decode()) if b"slow" in response.body else None

    async with (
        serve(http_response(403, b"no"), http_response(403, f"slow\x1b[31m {CANARY}".encode())) as server,
        client(server.url, auth=TOKEN, clock=Clock(), detect_rate_limit=detect) as http,
    ):
        assert (await http.get("x")).status == 403
        with pytest.raises(QuotaExhausted, match=r"\(slow \[31m …\)$") as caught:
            await http.get("x")
    assert caught.value.until == NOW + timedelta(seconds=60)


@in_loop
async def test_no_request_is_sent_when_none_remains() -> None:
    clock = Clock()
    async with serve(http_response(200, b"[]", **rate(0, 600))) as server, client(server.url, clock=clock) as http:
        await http.get("x")
        with pytest.raises(QuotaExhausted):
            await http.get("x")
    assert len(server.requests) == 1


@pytest.mark.parametrize("left", [0, 1, 5, 11])
@in_loop
async def test_concurrent_tasks_never_send_more_requests_than_remain(left: int) -> None:
    remaining = left

    def choose(_: ReceivedRequest) -> bytes:
        nonlocal remaining
        if not remaining:
            return http_response(403, b"", **rate(0, 600))
        remaining -= 1
        return http_response(200, b"[]", **rate(remaining, 600))

    async with serve(choose=choose) as server, client(server.url, clock=Clock()) as http:
        results = await asyncio.gather(*(http.get("x") for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(result, QuotaExhausted) for result in results) == 40 - left
    assert len(server.requests) == max(left, 1)


@in_loop
async def test_concurrent_tasks_wait_for_a_short_reset_together() -> None:
    clock = Clock()

    def choose(_: ReceivedRequest) -> bytes:
        now = clock.now
        return http_response(
            200, b"[]", **(rate(0, 20) if now < NOW + timedelta(seconds=20) else rate(50, 3600, now=now))
        )

    async with serve(choose=choose) as server, client(server.url, clock=clock) as http:
        replies = await asyncio.gather(*(http.get("x") for _ in range(8)))
    assert len(replies) == len(server.requests) == 8


# Connection errors.


@in_loop
async def test_the_error_about_a_closed_port_contains_the_reason() -> None:
    async with serve(OK) as server:
        url = server.url
    async with client(url) as http:
        with pytest.raises(Unreachable) as caught:
            await http.get("x")
    assert str(caught.value) == f"github: no connection to {url.removeprefix('http://')} (connection refused)"


@in_loop
async def test_a_server_without_tls_is_unreachable_over_https() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client(f"https://127.0.0.1:{port}") as http:
            with pytest.raises(Unreachable, match=rf"^github: no connection to 127\.0\.0\.1:{port} \(.*ssl"):
                await http.get("x")


@in_loop
async def test_the_connect_timeout_includes_the_tls_handshake() -> None:
    async with (
        serve(never) as server,
        client(server.url.replace("http:", "https:"), limits=Limits(connect=0.1, attempts=1)) as http,
    ):
        with pytest.raises(Unreachable, match=r"no connection to .* within 0\.1 s"):
            await http.get("x")


class FailingTransport:
    """Raises an exception instead of connecting."""

    def __init__(self, error: Exception, *, cause: Exception | None = None) -> None:
        self.error = error
        self.cause = cause
        self.attempts = 0

    async def handle_async_request(self, _request: object) -> None:
        self.attempts += 1
        raise self.error from self.cause

    async def aclose(self) -> None:
        pass


def test_an_invalid_certificate_is_an_error_without_a_retry() -> None:
    """A server with an invalid certificate would need a key in this repository, so the exception is raised by hand."""
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    transport = FailingTransport(OSError("all attempts failed"), cause=cause)

    async def test() -> None:
        async with client("https://api.example", open_transport=lambda *_: transport) as http:
            with pytest.raises(
                Unreachable, match=r"the certificate of api.example is invalid \(self-signed certificate\)"
            ):
                await http.get("x")

    asyncio.run(test())
    assert transport.attempts == 1


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("deep"),
        MemoryError(),
        ValueError("Exceeds the limit"),
        UnicodeEncodeError("ascii", CANARY, 0, 1, "ordinal"),
        RuntimeError(CANARY),
        OSError(5, "Input/output error"),
        TimeoutError(),
        EOFError(),
    ],
)
def test_every_exception_of_the_libraries_becomes_a_source_error(error: Exception) -> None:
    async def test() -> None:
        settings: dict[str, Any] = {"auth": TOKEN, "open_transport": lambda *_: FailingTransport(error)}
        async with client("https://api.example", limits=Limits(attempts=1), **settings) as http:
            with pytest.raises(SourceError, match=r"api\.example") as caught:
                await http.get("x")
            assert CANARY not in str(caught.value)
            assert caught.value.__cause__ is error

    asyncio.run(test())


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://h/", "http://", "https://u:p@h/", "https://h/?q=1", "https://h/#f", "https://h:x/", "http://[::1"],
)
def test_an_invalid_base_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="invalid API address"):
        client(url)


# Streams.


async def drain(http: Client, take: Callable[[bytes], object] = len) -> None:
    async with http.stream("x", max_size=MIB) as chunks:
        async for chunk in chunks:
            take(chunk)


@in_loop
async def test_a_stream_yields_the_content_in_chunks() -> None:
    content = bytes(range(256)) * 8000
    spent = Spent()
    async with (
        serve(
            http_response(503), http_response(200, gzip.compress(content, mtime=0), content_encoding="gzip")
        ) as server,
        client(server.url, spent=spent, limits=Limits(body=10, backoff=0.01)) as http,
    ):
        async with http.stream("simple/", accept="x/y", max_size=3 * MIB) as chunks:
            got = [chunk async for chunk in chunks]
        async with http.stream("simple/", max_size=3 * MIB) as chunks:
            await anext(chunks)  # the rest stays unread
        async with asyncio.timeout(60):
            with suppress(UnexpectedPayload):
                await http.get("x")
    assert b"".join(got) == content
    assert len(got) > 10
    assert max(map(len, got)) <= 64 * 1024
    assert server.requests[1].headers["accept"] == "x/y"
    assert spent.requests == 4


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (http_response(404), HTTPStatusError, "HTTP 404"),
        (http_response(500), HTTPStatusError, "HTTP 500"),
        (http_response(302, location="/y"), HTTPStatusError, "HTTP 302"),
        (http_response(429), QuotaExhausted, "rate limit reached"),
        (http_response(200, bomb(4 * MIB), content_encoding="gzip"), UnexpectedPayload, "larger than 1 MiB"),
        (send_and_close(http_response(200, b"x" * 5000)[:-1]), Unreachable, "was truncated"),
        (
            http_response(200, gzip.compress(b"x" * 5000, mtime=0)[:-1], content_encoding="gzip"),
            Unreachable,
            "was truncated",
        ),
        (send_slowly(HEAD + b"Content-Length: 99\r\n\r\nx", b"", every=0.01), Unreachable, "did not end in time"),
        (send_slowly(HEAD + b"Content-Length: 999\r\n\r\n", b"x", every=0.02), Unreachable, "did not end in time"),
    ],
)
@in_loop
async def test_a_stream_without_a_proper_end_raises(answer: Answer, error: type[SourceError], message: str) -> None:
    limits = Limits(attempt=30, stream=0.3 if message == "did not end in time" else 30, backoff=0.01)
    async with serve(answer) as server, client(server.url, limits=limits, connections=1) as http:
        with pytest.raises(error, match=message):
            await drain(http)
        if error is not QuotaExhausted:
            server.answers = [OK]
            assert (await http.get("y")).status == 200


@in_loop
async def test_an_exception_of_the_reader_of_a_stream_propagates() -> None:
    async with serve(http_response(200, b"x" * 10)) as server, client(server.url, connections=1) as http:
        with pytest.raises(ZeroDivisionError):
            await drain(http, lambda chunk: len(chunk) / 0)
        assert (await http.get("y")).status == 200
