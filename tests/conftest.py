"""What every test gets: a home of its own, no tokens, no network beyond loopback, and a world to talk to."""

from __future__ import annotations

import os
import socket
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.pauses import Pauses
from tests.world import NOW, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

FORGOTTEN = (
    "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_HOST", "GITLAB_TOKEN",
    "BITBUCKET_TOKEN", "CODEBERG_TOKEN", "NETRC", "VISUAL", "EDITOR", "NO_COLOR", "FORCE_COLOR", "CLICOLOR",
    "CLICOLOR_FORCE", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES", "PYTHONIOENCODING", "GITHUB_ACTIONS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "_DJPKG_COMPLETE", "TERMINAL_WIDTH", "_TYPER_FORCE_DISABLE_TERMINAL",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ForeignConnectionError(RuntimeError):
    """A test tried to reach something beyond loopback."""


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def world() -> World:
    """An empty world at `NOW`."""
    return World()


@pytest.fixture
def server(world: World) -> Iterator[WorldServer]:
    """The server of `world`; `server.env` holds the variables that point djpkg at it."""
    with WorldServer(world) as server:
        yield server
    assert not server.crashes, server.crashes[0]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """The pauses of the forges' clients, which are over at once."""
    from djpkg.sources.http.client import Client  # noqa: PLC0415 - few tests ask a source

    pauses = Pauses()
    for module in ("github.source", "rest_forge.forge"):
        monkeypatch.setattr(f"djpkg.sources.{module}.Client", partial(Client, sleep=pauses.sleep))
    return pauses


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """New folders, one after the other. pytest's own ways look through all that were made before, for each test."""
    base = tmp_path_factory.mktemp("own")
    return (base / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_home(_folders: Iterator[Path], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests can be read or written: no mirror, no tokens, no settings.

    The mirror of a test that has a `tmp_path` lies there.
    """
    home = next(_folders)
    home.mkdir()
    if "tmp_path" in request.fixturenames:
        data = request.getfixturevalue("tmp_path")
    else:
        data = next(_folders)
        data.mkdir()
    for name in [*FORGOTTEN, *(name for name in os.environ if name.startswith("DJPKG_"))]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for name in ("DATA_HOME", "CONFIG_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(home / name.lower()))
    monkeypatch.setenv("GH_CONFIG_DIR", str(home / "gh"))
    monkeypatch.setenv("DJPKG_DB", str(data / "mirror.db"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(autouse=True)
def foreign_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Connections beyond loopback raise, and fail the test even where the code under test copes with it.

    A test that means to try one empties this list.
    """
    refused: list[object] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: object) -> None:
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if host not in LOOPBACK:
            refused.append(host)
            message = f"a test tried to reach {host!r}"
            raise ForeignConnectionError(message)

    def guarded_connect(sock: socket.socket, address: object) -> None:
        if isinstance(address, tuple):
            check(address[0])
        connect(sock, address)  # type: ignore[arg-type]  # whatever the caller passes

    def guarded_connect_ex(sock: socket.socket, address: object) -> int:
        if isinstance(address, tuple):
            check(address[0])
        return connect_ex(sock, address)  # type: ignore[arg-type]  # whatever the caller passes

    def guarded_getaddrinfo(host: object, *args: object, **kwargs: object) -> object:
        if host is not None:
            check(host)
        return getaddrinfo(host, *args, **kwargs)  # type: ignore[arg-type]  # whatever the caller passes

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield refused
    assert not refused, f"the test tried to reach {refused}"
