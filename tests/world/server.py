"""One loopback server that plays all the APIs, keeps a log of what it was asked, and fails where it is told to."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from tests.world import control
from tests.world.bitbucket import Bitbucket
from tests.world.catalog import Catalog
from tests.world.faults import INSIDE_GRAPHQL, Fault, Kind
from tests.world.forgejo import Forgejo
from tests.world.github import GitHub
from tests.world.gitlab import GitLab
from tests.world.graphql import GraphQL
from tests.world.model import CODEBERG, GITLAB
from tests.world.pypi import PyPI
from tests.world.quotas import Quota, Quotas
from tests.world.wire import Connection, Reply, Request, html_reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tests.world.world import World

PREFIXES = {
    "/catalog/api/v4": "catalog",
    "/github/graphql": "graphql",
    "/github": "github",
    "/pypi": "pypi",
    "/gitlab/api/v4": "gitlab",
    "/bitbucket/2.0": "bitbucket",
    "/codeberg/api/v1": "codeberg",
    "/api/v1": "own-forgejo",
    "/api/v4": "own-gitlab",
}
ADDRESSES = {
    "DJPKG_CATALOG_URL": "/catalog/api/v4",
    "DJPKG_GITHUB_URL": "/github",
    "DJPKG_PYPI_URL": "/pypi",
    "DJPKG_GITLAB_URL": "/gitlab/api/v4",
    "DJPKG_BITBUCKET_URL": "/bitbucket/2.0",
    "DJPKG_CODEBERG_URL": "/codeberg/api/v1",
}
TOKENS = {
    "github": "ghp_canary_github_0123456789",
    "gitlab": "glpat-canary-gitlab-0123456789",
    "bitbucket": "robot@example.org:canary-bitbucket-0123456789",
    "codeberg": "canary-codeberg-0123456789",
}
TOKEN_VARIABLES = {
    "github": "GH_TOKEN",
    "gitlab": "GITLAB_TOKEN",
    "bitbucket": "BITBUCKET_TOKEN",
    "codeberg": "CODEBERG_TOKEN",
}


class Api(Protocol):
    """One of the APIs that the server plays."""

    def answer(self, request: Request) -> Reply: ...


class WorldServer:
    """Serves `world` on 127.0.0.1; use it as a context manager.

    The names of the APIs, in `log`, `fault` and `latency`, are catalog, github (REST), graphql, pypi, gitlab, bitbucket
    and codeberg; own-forgejo and own-gitlab are servers at the root, whose host is `address`. `tokens` are those that
    the APIs accept: change them to make a client's token a wrong one.
    """

    def __init__(self, world: World, *, port: int = 0) -> None:
        self.world = world
        self.tokens = dict(TOKENS)
        self.quotas = Quotas()
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self.latency: dict[str, float] = {}
        self.in_flight: Counter[str] = Counter()
        self.max_in_flight: Counter[str] = Counter()
        self.apis: dict[str, Api] = {
            "catalog": Catalog(world),
            "github": GitHub(world, self.quotas, self.tokens),
            "graphql": GraphQL(world, self.quotas, self.tokens),
            "pypi": PyPI(world),
            "gitlab": GitLab(world, self.quotas, self.tokens, GITLAB),
            "bitbucket": Bitbucket(world, self.quotas, self.tokens),
            "codeberg": Forgejo(world, self.tokens, CODEBERG),
            "own-forgejo": Forgejo(world, self.tokens, None),
            "own-gitlab": GitLab(world, self.quotas, self.tokens, None),
        }
        self.crashes: list[str] = []
        """Tracebacks of the world itself: a test that made one has found a fault of the world, not of djpkg."""
        self.stopped = threading.Event()
        """Set when another process asks over HTTP that the server ends."""
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._threads: set[threading.Thread] = set()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="world", daemon=True)

    # What a test asks of it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Host and port: the host of the repositories that the server has as a forge of its own."""
        return f"127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that point djpkg here. Tokens are apart: see `token_env`."""
        return {name: self.url + prefix for name, prefix in ADDRESSES.items()}

    def token_env(self, *apis: str) -> dict[str, str]:
        """The variables with the right tokens for `apis` (all, when none is named)."""
        return {TOKEN_VARIABLES[api]: self.tokens[api] for api in apis or TOKEN_VARIABLES}

    def fault(
        self,
        api: str,
        match: str = "",
        *,
        kind: Kind = "status",
        times: int | None = None,
        skip: int = 0,
        status: int = 500,
        body: object = b"",
        headers: dict[str, str] | None = None,
        location: str = "",
        seconds: float = 0.0,
        size: int | None = None,
        rewrite: Callable[[Any], object] | None = None,
    ) -> Fault:
        """Lets requests fail; the first fault that claims a request has it. Returns it, so that `hits` can be read.

        `match` is searched in path and query (or in the body of a POST), `skip` lets the first ones pass, `body` is
        bytes or what becomes JSON; for the rest see `faults.Kind`.
        """
        fault = Fault(
            api=api,
            kind=kind,
            match=match,
            times=times,
            skip=skip,
            status=status,
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers=headers or {},
            location=location,
            seconds=seconds,
            size=size,
            rewrite=rewrite,
        )
        self.faults.append(fault)
        return fault

    def requests(self, api: str | None = None, match: str = "") -> list[Request]:
        """The log of one API (or of all), those in whose path and query (or body) `match` is found."""
        return [
            request
            for request in list(self.log)
            if api in {None, request.api} and (not match or re.search(match, request.subject))
        ]

    def charged(self, api: str) -> int:
        """How many requests of one API count against its quota."""
        return sum(request.charged for request in self.requests(api))

    def points(self) -> int:
        """What GraphQL has cost."""
        return sum(request.points for request in self.requests("graphql"))

    def quota(self, api: str, *, authorised: bool = True) -> Quota:
        found = self.quotas.find(api, authorised=authorised)
        if found is None:
            raise KeyError(api)
        found.roll(self.world.now)
        return found

    def exhaust(self, api: str, *, authorised: bool = True, resets_in: float | None = None) -> None:
        """Nothing is left of a quota (until `resets_in` seconds from the world's now)."""
        self.quota(api, authorised=authorised).exhaust(self.world.now, resets_in=resets_in)

    def forget(self) -> None:
        """Empties the log and its counts; faults and quotas stay."""
        self.log.clear()
        self.max_in_flight.clear()

    # Running

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):  # wakes accept()
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._acceptor.join(timeout=5)
        self._listener.close()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._closing.is_set():
                sock.close()
                return
            self._sockets.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), name="world connection", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            Connection(sock, self._closing).serve(self._answer_anyway, self._done)
        finally:
            self._sockets.discard(sock)
            self._threads.discard(threading.current_thread())

    def _answer_anyway(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except Exception:  # noqa: BLE001  whatever it is, the test has to hear of it
            self.crashes.append(traceback.format_exc())
            return html_reply("The world itself is at fault", 500)

    def _answer(self, request: Request) -> Reply:
        path = request.target.partition("?")[0]
        if path.startswith("/_world/"):
            with self._lock:
                return control.answer(self, request)
        prefix = next((prefix for prefix in PREFIXES if path == prefix or path.startswith(prefix + "/")), None)
        if prefix is None:
            return html_reply("No API is played here", 404)
        request.api, request.path = PREFIXES[prefix], path.removeprefix(prefix)
        with self._lock:
            self.log.append(request)
            self.in_flight[request.api] += 1
            self.max_in_flight[request.api] = max(self.max_in_flight[request.api], self.in_flight[request.api])
            fault = next((fault for fault in self.faults if fault.claims(request)), None)
        delay = self.latency.get(request.api, 0.0) + (fault.seconds if fault and fault.kind == "slow" else 0.0)
        if delay:
            self._closing.wait(delay)
        if fault is not None and fault.answers:
            reply = fault.reply()
        else:
            with self._lock:
                reply = self._play(request, fault)
        request.status, request.charged, request.points = reply.status, reply.charged, reply.points
        return reply

    def _play(self, request: Request, fault: Fault | None) -> Reply:
        api = self.apis[request.api]
        request.inside = fault if fault is not None and fault.kind in INSIDE_GRAPHQL else None
        reply = api.answer(request)
        reply.headers.setdefault("date", self.world.now.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        return reply if fault is None else fault.spoil(reply)

    def _done(self, request: Request) -> None:
        if request.api:
            with self._lock:
                self.in_flight[request.api] -= 1
