"""The client against real servers on loopback, well-behaved and not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import tracemalloc
import zlib
from contextlib import suppress
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
TOKEN = Authorization(header="Authorization", value=f"Bearer {CANARY}", variable="GH_TOKEN")
SOON = Limits(connect=0.5, attempt=0.2, total=0.5, backoff=0.01)
NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
MIB = 2**20
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = http_response(200, b"[]")


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a test in an event loop of its own."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Clock:
    """A time that goes on only by sleeping."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def client(url: str, *, limits: Limits = SOON, clock: Clock | None = None, **settings: Any) -> Client:
    if clock is not None:
        settings |= {"clock": clock, "sleep": clock.sleep}
    settings = {"source": SourceName.GITHUB, "quota": Quota(), "spent": Spent()} | settings
    return Client(base_url=url, limits=limits, **settings)


async def get(*answers: Answer, target: str = "x", **settings: Any) -> Response:
    """One answer of a server with these answers."""
    async with serve(*answers) as server, client(server.url, **settings) as asking:
        return await asking.get(target)


def rate(remaining: int, seconds: int, *, now: datetime = NOW) -> dict[str, str]:
    reset = int((now + timedelta(seconds=seconds)).timestamp())
    return {"x_ratelimit_limit": "60", "x_ratelimit_remaining": str(remaining), "x_ratelimit_reset": str(reset)}


# Answers as they should be.


@in_loop
async def test_an_answer_and_then_unchanged_for_its_etag() -> None:
    spent = Spent()
    async with (
        serve(http_response(200, b"{}", ETag='W/"a"'), http_response(304)) as server,
        client(f"{server.url}/api/v4/", auth=TOKEN, spent=spent) as asking,
    ):
        first = await asking.get("/things/a%2Fb", params={"page": 2, "q": "a b"})
        again = await asking.get("things/a%2Fb", etag=first.etag)
    assert (first.status, first.body, first.etag) == (200, b"{}", 'W/"a"')
    assert first.url == f"{server.url}/api/v4/things/a%2Fb?page=2&q=a+b"
    assert (again.status, again.body) == (304, b"")
    assert [ask.target for ask in server.asks] == ["/api/v4/things/a%2Fb?page=2&q=a+b", "/api/v4/things/a%2Fb"]
    assert server.asks[1].headers["if-none-match"] == 'W/"a"'
    assert server.asks[0].headers["accept-encoding"] == "gzip"
    assert server.asks[0].headers["user-agent"].startswith("djpkg/")
    assert spent == Spent(requests=2)
    assert server.connections == 1


@pytest.mark.parametrize("status", [200, 202, 204, 304, 400, 403, 404, 409, 410, 422, 451])
@in_loop
async def test_what_says_something_about_the_thing_asked_for_is_an_answer_and_not_tried_again(status: int) -> None:
    async with serve(http_response(status)) as server, client(server.url) as asking:
        assert (await asking.get("x")).status == status
    assert len(server.asks) == 1


@in_loop
async def test_gzip_is_inflated() -> None:
    content = b"a" * 100_000
    body = gzip.compress(content, mtime=0)
    reply = await get(http_response(200, body, content_encoding="gzip"))
    assert reply.body == content


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
async def test_codings_of_one_layer_are_read(coding: str, body: bytes) -> None:
    assert (await get(http_response(200, body, content_encoding=coding))).body == b"abab" * 5


@in_loop
async def test_a_post_carries_its_json() -> None:
    async with serve(http_response(200, b"{}")) as server, client(server.url) as asking:
        await asking.post("graphql", b'{"query": "{a}"}')
    ask = server.asks[0]
    assert (ask.method, ask.target, ask.body) == ("POST", "/graphql", b'{"query": "{a}"}')
    assert ask.headers["content-type"] == "application/json"


# Attempts.


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
async def test_what_may_pass_is_tried_again(trouble: Answer) -> None:
    async with serve(trouble, trouble, OK) as server, client(server.url) as asking:
        assert (await asking.get("x")).body == b"[]"
    assert len(server.asks) == 3


@in_loop
async def test_a_server_that_stays_unwell_is_asked_four_times_with_growing_pauses() -> None:
    clock = Clock()
    async with serve(http_response(502)) as server, client(server.url, limits=Limits(), clock=clock) as asking:
        with pytest.raises(HTTPStatusError, match=r"github: 127\.0\.0\.1:\d+ answered 502 \(Bad Gateway\)$") as caught:
            await asking.get("x")
    assert caught.value.status == 502
    assert len(server.asks) == 4
    for pause, middle in zip(clock.slept, (0.5, 1.0, 2.0), strict=True):
        assert middle / 2 <= pause <= middle * 1.5


@in_loop
async def test_a_question_that_may_be_too_large_gets_its_502_and_is_not_asked_again() -> None:
    async with serve(http_response(502)) as server, client(server.url) as asking:
        assert (await asking.post("graphql", b"{}", retry_timeouts=False)).status == 502
        assert len(server.asks) == 1
        server.answers = [http_response(500), http_response(504)]
        assert (await asking.post("graphql", b"{}", retry_timeouts=False)).status == 504


@pytest.mark.parametrize("status", [501, 505, 520, 599, 999])
@in_loop
async def test_other_statuses_of_a_broken_server_are_raised_at_once(status: int) -> None:
    async with serve(http_response(status)) as server, client(server.url) as asking:
        with pytest.raises(HTTPStatusError, match=f"answered {status}"):
            await asking.get("x")
    assert len(server.asks) == 1


@pytest.mark.parametrize(("seconds", "slept"), [("7", [7.0]), ("0", [1.0])])
@in_loop
async def test_a_server_that_says_when_it_will_be_well_is_asked_then(seconds: str, slept: list[float]) -> None:
    clock = Clock()
    assert (await get(http_response(503, retry_after=seconds), OK, limits=Limits(), clock=clock)).status == 200
    assert clock.slept == slept


@in_loop
async def test_a_server_that_will_be_unwell_for_long_is_not_waited_for() -> None:
    clock = Clock()
    with pytest.raises(HTTPStatusError):
        await get(http_response(503, retry_after="61"), OK, limits=Limits(), clock=clock)
    assert clock.slept == []


@in_loop
async def test_a_connection_that_the_server_closed_while_idle_is_replaced_at_once() -> None:
    clock = Clock()
    async with serve(OK, None, OK) as server, client(server.url, clock=clock) as asking:
        await asking.get("x")
        assert (await asking.get("x")).status == 200
    assert [ask.connection for ask in server.asks] == [1, 1, 2]
    assert clock.slept == [0.0]


@in_loop
async def test_a_source_that_fails_request_after_request_is_given_up() -> None:
    limits = Limits(attempts=1, max_failures=3)
    async with serve(http_response(500)) as server, client(server.url, limits=limits) as asking:
        for _ in range(2):
            with pytest.raises(HTTPStatusError):
                await asking.get("x")
        server.answers = [http_response(404), http_response(500)]
        await asking.get("x")
        for _ in range(3):
            with pytest.raises(HTTPStatusError):
                await asking.get("x")
        with pytest.raises(
            Unreachable, match=r"github: gave up after 3 failed requests; last error: 127.* answered 500"
        ):
            await asking.get("x")
    assert len(server.asks) == 6


# Time.


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (never, "no response from {where} within 0.2 s"),
        (send_slowly(HEAD, b"X: y\r\n", every=0.05), "no response from {where} within 0.2 s"),
        (send_slowly(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01), "no response from {where} within 0.2 s"),
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
async def test_a_slow_answer_ends_with_the_bound_over_all_attempts(answer: Answer, said: str) -> None:
    async with serve(answer) as server, client(server.url) as asking:
        with pytest.raises(Unreachable) as caught:
            await asking.get("x")
    assert str(caught.value) == f"github: {said.format(where=server.url.removeprefix('http://'))}"
    assert len(server.asks) == 3  # the bound over all attempts leaves no fourth


@in_loop
async def test_fifty_slow_answers_at_once_all_end_and_the_next_request_is_served() -> None:
    limits = Limits(attempt=0.1, total=0.1, max_failures=99)
    async with (
        serve(choose=lambda ask: OK if ask.target == "/good" else never) as server,
        client(server.url, limits=limits, connections=25) as asking,
    ):
        ends = await asyncio.gather(*(asking.get("bad") for _ in range(50)), return_exceptions=True)
        assert [type(end) for end in ends] == [Unreachable] * 50
        assert (await asking.get("good")).status == 200


@in_loop
async def test_requests_that_are_cancelled_do_not_cost_those_after_them_their_place() -> None:
    async with (
        serve(choose=lambda ask: OK if ask.target == "/good" else never) as server,
        client(server.url, limits=Limits(), connections=5) as asking,
    ):
        await asking.get("good")
        tasks = [asyncio.create_task(asking.get("bad")) for _ in range(200)]
        async with asyncio.timeout(5):
            while server.under_way < 5:  # noqa: ASYNC110 - the server counts and has no event to give
                await asyncio.sleep(0.01)
        for first in range(0, 200, 5):  # what waited moves up as the others go, and is cancelled in its turn
            for task in tasks[first : first + 5]:
                task.cancel()
            await asyncio.sleep(0)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] * 200
        assert server.most_under_way == 5
        async with asyncio.timeout(2):
            replies = await asyncio.gather(*(asking.get("good") for _ in range(20)))
        assert [reply.status for reply in replies] == [200] * 20


@in_loop
async def test_clients_that_share_a_pace_keep_to_it_together() -> None:
    clock, pace = Clock(), Throttle(3)
    async with (
        serve(OK) as server,
        client(server.url, clock=clock, throttle=pace) as one,
        client(server.url, clock=clock, throttle=pace) as other,
    ):
        for asking in (one, other, one, other, one):
            await asking.get("x")
    assert [round(pause) for pause in clock.slept] == [60, 60]


@pytest.mark.parametrize("token", ["test", "token", "x", "bearer"])
@in_loop
async def test_a_token_that_is_an_ordinary_word_spoils_no_answer(token: str) -> None:
    auth = Authorization(header="Authorization", value=f"Bearer {token}", variable="GH_TOKEN")
    body = b'{"description": "A bearer token to test xylophones"}'
    async with serve(http_response(200, body)) as server, client(server.url, auth=auth) as asking:
        assert (await asking.get("x")).body == body
    assert server.asks[0].headers["authorization"] == f"Bearer {token}"


@in_loop
async def test_the_last_of_a_quota_is_not_lost_to_those_that_are_under_way() -> None:
    # The answer to whoever was counted last comes first.
    left = iter((9, *range(1, 9), 0))
    reset = str(int((NOW + timedelta(hours=1)).timestamp()))

    def choose(_: ReceivedRequest) -> bytes:
        return http_response(200, b"{}", x_ratelimit_remaining=str(next(left)), x_ratelimit_reset=reset)

    async with serve(choose=choose) as server, client(server.url, clock=Clock(), connections=8) as asking:
        ends = await asyncio.gather(*(asking.get("x") for _ in range(24)), return_exceptions=True)
    assert sum(isinstance(end, QuotaExhausted) for end in ends) == 14
    assert len(server.asks) == 10


@in_loop
async def test_more_than_so_many_requests_a_minute_wait() -> None:
    clock = Clock()
    async with serve(OK) as server, client(server.url, clock=clock, throttle=Throttle(3)) as asking:
        await asyncio.gather(*(asking.get("x") for _ in range(7)))
    assert [round(pause) for pause in clock.slept] == [60, 60, 60, 120]
    assert len(server.asks) == 7


# Broken and hostile answers.


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@in_loop
async def test_a_bomb_is_refused_in_little_memory() -> None:
    body = bomb(64 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedPayload, match=r"the response of 127.* is larger than 2 MiB$"):
            await get(http_response(200, body, content_encoding="gzip"), limits=Limits(body=2 * MIB))
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("answer", "said"),
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
async def test_a_body_that_cannot_be_read_is_refused_and_not_asked_for_again(answer: Answer, said: str) -> None:
    async with serve(answer) as server, client(server.url, limits=Limits(body=2000)) as asking:
        with pytest.raises(UnexpectedPayload, match=said):
            await asking.get("x")
    assert len(server.asks) == 1


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
async def test_a_cut_body_is_an_error_and_not_a_short_answer(answer: Answer) -> None:
    with pytest.raises(Unreachable, match=r"^github: the response of 127\.0\.0\.1:\d+ was truncated$"):
        await get(answer)


@in_loop
async def test_what_a_server_sends_beyond_its_answer_is_not_taken_for_the_next_one() -> None:
    async with (
        serve(http_response(200, b"abXYZ", content_length="2"), http_response(200, b"right")) as server,
        client(server.url) as asking,
    ):
        assert (await asking.get("x")).body == b"ab"
        assert (await asking.get("x")).body == b"right"


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
async def test_what_is_not_http_is_an_error_that_shows_nothing_of_what_was_sent(answer: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        await get(send_and_close(answer), auth=TOKEN)
    assert CANARY not in str(caught.value)
    assert str(caught.value).isprintable()


@in_loop
async def test_headers_with_any_bytes_are_read() -> None:
    reply = await get(http_response(200, X="é", ETag='"é"', link="<\x80>; rel=next"))
    assert (reply.headers["x"], reply.etag, reply.next_url) == ("é", None, "://")


@pytest.mark.parametrize("etag", ['"é"', '"a\nb"', '"a b"', "", "x" * 257, "\ud800"])
@in_loop
async def test_an_etag_that_cannot_be_sent_is_left_out(etag: str) -> None:
    async with serve(OK) as server, client(server.url) as asking:
        assert (await asking.get("x", etag=etag)).status == 200
    assert "if-none-match" not in server.asks[0].headers


@pytest.mark.parametrize("target", ["\x00", "a\nb", "a" * 70_000, "../../etc", "x/../../../api/v45/x", "://"])
@in_loop
async def test_a_target_that_cannot_be_asked_for_is_an_error_and_no_request(target: str) -> None:
    async with serve(OK) as server, client(f"{server.url}/api/v4") as asking:
        with pytest.raises(UnexpectedPayload):
            await asking.get(target)
    assert server.asks == []


# Redirects.


@in_loop
async def test_redirects_on_the_same_server_are_followed() -> None:
    answers = {"/a": ("301", "/repositories/1"), "/repositories/1": ("302", "b?c=d#e"), "/repositories/b?c=d": None}

    def choose(ask: ReceivedRequest) -> bytes:
        found = answers[ask.target]
        return http_response(200, b"here") if found is None else http_response(int(found[0]), location=found[1])

    async with serve(choose=choose) as server, client(server.url, auth=TOKEN) as asking:
        reply = await asking.get("a", etag='"e"')
        assert (reply.body, reply.url) == (b"here", f"{server.url}/repositories/b?c=d")
        assert {ask.headers["if-none-match"] for ask in server.asks} == {'"e"'}


@pytest.mark.parametrize(
    ("location", "said"),
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
async def test_other_redirects_are_not_followed(location: str, said: str) -> None:
    async with serve(OK) as server:
        where = server.url.removeprefix("http://")
        location = location.format(where=where, port=where.partition(":")[2])
        server.answers = [http_response(302, Location=location, X="y")]
        async with client(server.url, auth=TOKEN) as asking:
            with pytest.raises(UnexpectedPayload, match=said) as caught:
                await asking.get("x")
    assert str(caught.value).isprintable()
    assert [ask.target for ask in server.asks] == ["/x"]


@in_loop
async def test_a_chain_of_redirects_ends() -> None:
    def choose(ask: ReceivedRequest) -> bytes:
        return http_response(307, location=f"{ask.target}x")

    async with serve(choose=choose) as server, client(server.url) as asking:
        with pytest.raises(UnexpectedPayload, match="too many redirects"):
            await asking.get("x")
    assert len(server.asks) == 6


@in_loop
async def test_a_post_is_not_redirected() -> None:
    async with serve(http_response(307, location="/y")) as server, client(server.url) as asking:
        with pytest.raises(HTTPStatusError, match="answered 307"):
            await asking.post("x", b"{}")
    assert len(server.asks) == 1


@in_loop
async def test_a_body_behind_a_redirect_is_bounded_too() -> None:
    body = bomb(MIB)
    with pytest.raises(UnexpectedPayload, match="larger"):
        await get(http_response(302, body, content_encoding="gzip", location="/y"), limits=Limits(body=1000))


# Secrets.


@in_loop
async def test_the_token_goes_to_its_own_server_and_to_no_other() -> None:
    async with serve(OK) as other, serve(OK) as server, client(server.url, auth=TOKEN) as asking:
        assert asking.authorized
        await asking.get("x")
        assert server.asks[0].headers["authorization"] == f"Bearer {CANARY}"
        for hostile in (other.url, f"{other.url}/x?page=2", server.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(UnexpectedPayload, match="another server"):
                await asking.get(hostile)
            server.answers = [http_response(302, location=hostile)]
            with pytest.raises(UnexpectedPayload, match="another server"):
                await asking.get("y")
        server.answers = [OK]
        await asking.get(f"{server.url}/z?page=2")
    assert other.connections == 0
    assert server.asks[-1].headers["authorization"] == f"Bearer {CANARY}"


@in_loop
async def test_no_token_is_sent_over_plain_http_beyond_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    private = Authorization(header="PRIVATE-TOKEN", value=CANARY, variable="GITLAB_TOKEN")
    async with serve(OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        for host in ("api.example", "127.1", "2130706433", "localhost.example"):
            for auth in (TOKEN, private):
                async with client(f"http://{host}", auth=auth) as asking:
                    assert not asking.authorized
                    await asking.get("x")
    assert [ask.target for ask in proxy.asks][:2] == ["http://api.example/x"] * 2
    assert len(proxy.asks) == 8
    assert CANARY not in str(proxy.asks)


@in_loop
async def test_a_proxy_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(OK) as proxy, serve(OK) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with client(server.url) as asking, client(server.url.replace("127.0.0.1", "localhost")) as by_name:
            await asking.get("x")
            await by_name.get("x")
    assert (len(server.asks), proxy.connections) == (2, 0)


@pytest.mark.parametrize("proxy", ["ftp://u:hunter2@127.0.0.1:1", "socks9://u:hunter2@h"])
def test_a_proxy_that_makes_no_sense_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
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
    async with serve(http_response(200, b"[]", set_cookie="sid=abc; Path=/")) as server, client(server.url) as asking:
        await asking.get("x")
        await asking.get("y")
    assert [set(ask.headers) & {"cookie", "authorization"} for ask in server.asks] == [set(), set()]


@in_loop
async def test_a_token_that_is_not_accepted_is_named_by_its_variable() -> None:
    with pytest.raises(CredentialsRejected, match="rejected the token") as caught:
        await get(http_response(401, CANARY.encode()), auth=TOKEN)
    assert caught.value.hint == "check the environment variable GH_TOKEN"
    assert CANARY not in str(caught.value)


@in_loop
async def test_a_401_without_a_token_is_an_error_of_the_thing_asked_for() -> None:
    with pytest.raises(HTTPStatusError, match="answered 401"):
        await get(http_response(401))


# Quota.


@in_loop
async def test_a_refusal_that_is_short_is_waited_for() -> None:
    clock, quota = Clock(), Quota()
    reply = await get(
        http_response(429, retry_after="5"), http_response(429, retry_after="20"), OK, clock=clock, quota=quota
    )
    assert reply.status == 200
    assert clock.slept == [5.0, 20.0]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (http_response(429, retry_after="31"), 31),
        (http_response(429, retry_after="604800"), 86_400),
        (http_response(429, retry_after="99999999999999"), 60),
        (http_response(429, retry_after="-1"), 60),
        (http_response(429), 60),
        (http_response(403, **rate(0, 3000)), 3000),
        (http_response(429, **rate(0, 86_399)), 86_399),
        (http_response(429, ratelimit_remaining="0", ratelimit_reset="45"), 45),
    ],
)
@in_loop
async def test_a_refusal_that_is_long_ends_the_asking_until_the_moment_it_named(answer: bytes, seconds: int) -> None:
    clock = Clock()
    until = NOW + timedelta(seconds=seconds)
    async with serve(answer, OK) as server, client(server.url, clock=clock) as asking:
        for _ in range(2):
            with pytest.raises(QuotaExhausted) as caught:
                await asking.get("x")
            assert caught.value.until == until
        assert "rate limit reached" in str(caught.value)
        assert caught.value.until == until
        assert len(server.asks) == 1
        clock.now = until
        assert (await asking.get("x")).status == 200
    assert clock.slept == []


@in_loop
async def test_a_server_that_refuses_for_ever_is_asked_four_times() -> None:
    clock = Clock()
    async with serve(http_response(429, retry_after="0")) as server, client(server.url, clock=clock) as asking:
        with pytest.raises(QuotaExhausted):
            await asking.get("x")
    assert len(server.asks) == 4


@in_loop
async def test_the_source_decides_what_is_a_refusal_and_its_words_are_shown_without_the_token() -> None:
    def refusal(reply: Response) -> RateLimitHit | None:
        return RateLimitHit(secondary=True, message=reply.body.decode()) if b"slow" in reply.body else None

    async with (
        serve(http_response(403, b"no"), http_response(403, f"slow\x1b[31m {CANARY}".encode())) as server,
        client(server.url, auth=TOKEN, clock=Clock(), detect_rate_limit=refusal) as asking,
    ):
        assert (await asking.get("x")).status == 403
        with pytest.raises(QuotaExhausted, match=r"\(slow \[31m …\)$") as caught:
            await asking.get("x")
    assert caught.value.until == NOW + timedelta(seconds=60)


@in_loop
async def test_nothing_is_sent_once_nothing_remains() -> None:
    clock = Clock()
    async with serve(http_response(200, b"[]", **rate(0, 600))) as server, client(server.url, clock=clock) as asking:
        await asking.get("x")
        with pytest.raises(QuotaExhausted):
            await asking.get("x")
    assert len(server.asks) == 1


@pytest.mark.parametrize("left", [0, 1, 5, 11])
@in_loop
async def test_tasks_side_by_side_never_send_more_than_what_remains(left: int) -> None:
    remaining = left

    def choose(_: ReceivedRequest) -> bytes:
        nonlocal remaining
        if not remaining:
            return http_response(403, **rate(0, 600))
        remaining -= 1
        return http_response(200, b"[]", **rate(remaining, 600))

    async with serve(choose=choose) as server, client(server.url, clock=Clock()) as asking:
        ends = await asyncio.gather(*(asking.get("x") for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(end, QuotaExhausted) for end in ends) == 40 - left
    assert len(server.asks) == max(left, 1)


@in_loop
async def test_tasks_side_by_side_wait_for_a_short_reset_together() -> None:
    clock = Clock()

    def choose(_: ReceivedRequest) -> bytes:
        now = clock.now
        return http_response(
            200, b"[]", **(rate(0, 20) if now < NOW + timedelta(seconds=20) else rate(50, 3600, now=now))
        )

    async with serve(choose=choose) as server, client(server.url, clock=clock) as asking:
        replies = await asyncio.gather(*(asking.get("x") for _ in range(8)))
    assert len(replies) == len(server.asks) == 8


# No connection.


@in_loop
async def test_a_dead_port_is_named_with_what_happened() -> None:
    async with serve(OK) as server:
        url = server.url
    async with client(url) as asking:
        with pytest.raises(Unreachable) as caught:
            await asking.get("x")
    assert str(caught.value) == f"github: no connection to {url.removeprefix('http://')} (connection refused)"


@in_loop
async def test_a_server_without_tls_is_unreachable_by_https() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client(f"https://127.0.0.1:{port}") as asking:
            with pytest.raises(Unreachable, match=rf"^github: no connection to 127\.0\.0\.1:{port} \(.*ssl"):
                await asking.get("x")


@in_loop
async def test_a_handshake_that_does_not_end_is_bounded_as_connecting() -> None:
    async with (
        serve(never) as server,
        client(server.url.replace("http:", "https:"), limits=Limits(connect=0.1, attempts=1)) as asking,
    ):
        with pytest.raises(Unreachable, match=r"no connection to .* within 0\.1 s"):
            await asking.get("x")


def test_a_certificate_that_is_not_accepted_is_named_and_not_tried_again() -> None:
    """The exception is raised by hand: a server with a certificate would need a key in this repository."""
    attempts = 0

    async def handshake(*_: object) -> None:
        nonlocal attempts
        attempts += 1
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "self-signed certificate"
        raise OSError("all attempts failed") from error

    async def test() -> None:
        async with client("https://api.example") as asking:
            asking._transport._transport.handle_async_request = handshake  # type: ignore[method-assign, assignment]
            with pytest.raises(
                Unreachable, match=r"the certificate of api.example is invalid \(self-signed certificate\)"
            ):
                await asking.get("x")

    asyncio.run(test())
    assert attempts == 1


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
def test_whatever_the_libraries_raise_becomes_an_error_of_the_source(error: Exception) -> None:
    async def fail(*_: object) -> None:
        raise error

    async def test() -> None:
        async with client("https://api.example", limits=Limits(attempts=1), auth=TOKEN) as asking:
            asking._transport._transport.handle_async_request = fail  # type: ignore[method-assign, assignment]
            with pytest.raises(SourceError, match=r"api\.example") as caught:
                await asking.get("x")
            assert CANARY not in str(caught.value)
            assert caught.value.__cause__ is error

    asyncio.run(test())


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://h/", "http://", "https://u:p@h/", "https://h/?q=1", "https://h/#f", "https://h:x/", "http://[::1"],
)
def test_an_address_that_is_none_of_an_api_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match="invalid API address"):
        client(url)


# Streams.


async def drain(asking: Client, take: Callable[[bytes], object] = len) -> None:
    async with asking.stream("x", max_size=MIB) as pieces:
        async for piece in pieces:
            take(piece)


@in_loop
async def test_a_stream_gives_the_content_piece_by_piece() -> None:
    content = bytes(range(256)) * 8000
    spent = Spent()
    async with (
        serve(
            http_response(503), http_response(200, gzip.compress(content, mtime=0), content_encoding="gzip")
        ) as server,
        client(server.url, spent=spent, limits=Limits(body=10, backoff=0.01)) as asking,
    ):
        async with asking.stream("simple/", accept="x/y", max_size=3 * MIB) as pieces:
            got = [piece async for piece in pieces]
        async with asking.stream("simple/", max_size=3 * MIB) as pieces:
            await anext(pieces)  # the rest is not wanted
        async with asyncio.timeout(1):
            with suppress(UnexpectedPayload):
                await asking.get("x")
    assert b"".join(got) == content
    assert len(got) > 10
    assert max(map(len, got)) <= 64 * 1024
    assert server.asks[1].headers["accept"] == "x/y"
    assert spent.requests == 4


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (http_response(404), HTTPStatusError, "answered 404"),
        (http_response(500), HTTPStatusError, "answered 500"),
        (http_response(302, location="/y"), HTTPStatusError, "answered 302"),
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
async def test_a_stream_that_does_not_end_as_it_should_raises(
    answer: Answer, error: type[SourceError], said: str
) -> None:
    limits = Limits(attempt=0.3, stream=0.5, backoff=0.01)
    async with serve(answer) as server, client(server.url, limits=limits, connections=1) as asking:
        with pytest.raises(error, match=said):
            await drain(asking)
        if error is not QuotaExhausted:
            server.answers = [OK]
            assert (await asking.get("y")).status == 200


@in_loop
async def test_what_the_reader_of_a_stream_raises_passes_through() -> None:
    async with serve(http_response(200, b"x" * 10)) as server, client(server.url, connections=1) as asking:
        with pytest.raises(ZeroDivisionError):
            await drain(asking, lambda piece: len(piece) / 0)
        assert (await asking.get("y")).status == 200
