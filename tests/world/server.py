"""A loopback server for all APIs, with a request log, latencies and faults."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from tests.world import control
from tests.world.bitbucket import Bitbucket
from tests.world.catalog import Catalog
from tests.world.faults import DOCUMENT_FAULTS, Fault, FaultKind
from tests.world.forgejo import Forgejo
from tests.world.github import GitHub
from tests.world.gitlab import GitLab
from tests.world.graphql import GraphQL
from tests.world.http import Connection, Request, Response, html_response
from tests.world.model import CODEBERG, GITLAB
from tests.world.pypi import PyPI
from tests.world.quotas import Quota, Quotas

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
    """One of the APIs."""

    def answer(self, request: Request) -> Response: ...


class WorldServer:
    """Serves `world` on 127.0.0.1; use it as a context manager.

    The names of the APIs in `log`, `fault` and `latency` are catalog, github (REST), graphql, pypi, gitlab, bitbucket
    and codeberg; own-forgejo and own-gitlab are self-hosted forges with the host `address`. `tokens` are the accepted
    tokens: change one to make the client's token invalid.
    """

    def __init__(self, world: World, *, port: int = 0) -> None:
        self.world = world
        self.tokens = dict(TOKENS)
        self.quotas = Quotas()
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self.latency: dict[str, float] = {}
        self.latency_ends: dict[str, int] = {}
        """The latency of an API ends after so many requests were in flight at once."""
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
        """Tracebacks of errors in the world itself."""
        self.stopped = threading.Event()
        """Set when another process stops the server over HTTP."""
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._threads: set[threading.Thread] = set()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="world", daemon=True)

    # For tests

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Host and port, which is the host of the repositories on the self-hosted forges."""
        return f"127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that point djpkg at this server, without tokens."""
        return {name: self.url + prefix for name, prefix in ADDRESSES.items()}

    def token_env(self, *apis: str) -> dict[str, str]:
        """Return the variables with valid tokens for `apis` (default: all)."""
        return {TOKEN_VARIABLES[api]: self.tokens[api] for api in apis or TOKEN_VARIABLES}

    def fault(
        self,
        api: str,
        match: str = "",
        *,
        kind: FaultKind = "status",
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
        """Add a fault and return it; the first one that matches a request is used.

        `match` is searched in path and query (or in the body of a POST), `skip` lets the first requests pass, `body` is
        bytes or a JSON value; for the others see `faults.FaultKind`.
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
        """Return the logged requests of one API (or of all) whose path and query (or body) contain `match`."""
        return [
            request
            for request in list(self.log)
            if api in {None, request.api} and (not match or re.search(match, request.subject))
        ]

    def charged(self, api: str) -> int:
        """Return the number of requests that count against the quota of one API."""
        return sum(request.charged for request in self.requests(api))

    def points(self) -> int:
        """Return the cost of all GraphQL requests."""
        return sum(request.points for request in self.requests("graphql"))

    def quota(self, api: str, *, authorised: bool = True) -> Quota:
        found = self.quotas.find(api, authorised=authorised)
        if found is None:
            raise KeyError(api)
        found.roll(self.world.now)
        return found

    def exhaust(self, api: str, *, authorised: bool = True, resets_in: float | None = None) -> None:
        """Use up a quota, until `resets_in` seconds from the world's current time."""
        self.quota(api, authorised=authorised).exhaust(self.world.now, resets_in=resets_in)

    def clear_log(self) -> None:
        """Clear the log and its counts; faults and quotas are kept."""
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
            Connection(sock, self._closing).serve(self._handle_safely, self._done)
        finally:
            self._sockets.discard(sock)
            self._threads.discard(threading.current_thread())

    def _handle_safely(self, request: Request) -> Response:
        try:
            return self._handle(request)
        except Exception:  # noqa: BLE001 - the test must see any error
            self.crashes.append(traceback.format_exc())
            return html_response("Error in the world", 500)

    def _handle(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        if path.startswith("/_world/"):
            with self._lock:
                return control.answer(self, request)
        prefix = next((prefix for prefix in PREFIXES if path == prefix or path.startswith(prefix + "/")), None)
        if prefix is None:
            return html_response("Unknown API", 404)
        request.api, request.path = PREFIXES[prefix], path.removeprefix(prefix)
        with self._lock:
            self.log.append(request)
            ended = self.max_in_flight[request.api] >= self.latency_ends.get(request.api, sys.maxsize)
            self.in_flight[request.api] += 1
            self.max_in_flight[request.api] = max(self.max_in_flight[request.api], self.in_flight[request.api])
            fault = next((fault for fault in self.faults if fault.matches(request)), None)
        latency = 0.0 if ended else self.latency.get(request.api, 0.0)
        delay = latency + (fault.seconds if fault and fault.kind == "slow" else 0.0)
        if delay:
            self._closing.wait(delay)
        if fault is not None and fault.replaces_response:
            response = fault.response()
        else:
            with self._lock:
                response = self._call_api(request, fault)
        request.status, request.charged, request.points = response.status, response.charged, response.points
        return response

    def _call_api(self, request: Request, fault: Fault | None) -> Response:
        api = self.apis[request.api]
        request.document_fault = fault if fault is not None and fault.kind in DOCUMENT_FAULTS else None
        response = api.answer(request)
        response.headers.setdefault("date", self.world.now.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        return response if fault is None else fault.apply(response)

    def _done(self, request: Request) -> None:
        if request.api:
            with self._lock:
                self.in_flight[request.api] -= 1
