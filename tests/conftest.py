"""Fixtures for all tests: an empty home folder, no tokens, no network beyond loopback, and a world with its server."""

from __future__ import annotations

import gc
import os
import socket
import sqlite3
from contextlib import closing
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.pauses import Pauses
from tests.world import NOW, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

UNSET_VARIABLES = (
    "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_HOST", "GITLAB_TOKEN",
    "BITBUCKET_TOKEN", "CODEBERG_TOKEN", "NETRC", "VISUAL", "EDITOR", "NO_COLOR", "FORCE_COLOR", "CLICOLOR",
    "CLICOLOR_FORCE", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES", "PYTHONIOENCODING", "GITHUB_ACTIONS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "_DJPKG_COMPLETE", "TERMINAL_WIDTH", "_TYPER_FORCE_DISABLE_TERMINAL",
    "PYTHONDONTWRITEBYTECODE",  # each of the hundreds of programs that tests start would compile all modules
)  # fmt: skip
# No test depends on the speed of the machine.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ForeignConnectionError(RuntimeError):
    """A test tried to connect beyond loopback."""


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of each garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def world() -> World:
    """An empty world at `NOW`."""
    return World()


@pytest.fixture
def server(world: World) -> Iterator[WorldServer]:
    """The server of `world`; `server.env` points djpkg at it."""
    with WorldServer(world) as server:
        yield server
    assert not server.crashes, server.crashes[0]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Pauses of the forges' clients that take no time."""
    from djpkg.sources.http.client import Client  # noqa: PLC0415 - few tests need it

    pauses = Pauses()
    for module in ("github.source", "rest_forge.forge"):
        monkeypatch.setattr(f"djpkg.sources.{module}.Client", partial(Client, sleep=pauses.sleep))
    return pauses


@pytest.fixture(scope="session", autouse=True)
def create_by_steps() -> Iterator[Callable[[], sqlite3.Connection]]:
    """Migrate an empty mirror once, and copy it wherever this process creates one. Yields what makes one by the steps.

    The steps always make the same tables; programs that tests start, and tests of the steps, run them.
    """
    from djpkg.mirror import connection, rebuild, schema, seed  # noqa: PLC0415 - the collection needs none of them

    create = connection.create_in_memory

    @cache
    def empty(steps: tuple[str, ...]) -> sqlite3.Connection:
        with closing(create()) as made:
            copy = sqlite3.connect(":memory:", check_same_thread=False)
            made.backup(copy)
            return copy

    with pytest.MonkeyPatch.context() as patch:
        for module in (connection, rebuild, seed):
            patch.setattr(module, "create_in_memory", lambda: connection.copy_database(empty(schema.STEPS)))
        yield create


class EmptyFolders:
    """Folders that are empty: most tests leave theirs so, and to delete thousands takes half a minute on some disks."""

    def __init__(self, base: Path) -> None:
        self._new = (base / str(number) for number in count())
        self._mode = 0
        self._unused: list[Path] = []

    def take(self) -> Path:
        if self._unused:
            return self._unused.pop()
        folder = next(self._new)
        folder.mkdir()
        self._mode = folder.stat().st_mode
        return folder

    def give_back(self, folder: Path) -> None:
        """Offer the folder again if the test has left it as it was."""
        unchanged = folder.is_dir() and folder.stat().st_mode == self._mode
        if unchanged and not any(folder.iterdir()):
            self._unused.append(folder)


@pytest.fixture(scope="session")
def _empty_folders(tmp_path_factory: pytest.TempPathFactory) -> EmptyFolders:
    return EmptyFolders(tmp_path_factory.mktemp("own"))


@pytest.fixture(autouse=True)
def _own_home(
    _empty_folders: EmptyFolders, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Isolate tests from the user's mirror, tokens and settings.

    The mirror is in `tmp_path`, if the test uses it.
    """
    home = _empty_folders.take()
    own = [home]
    if "tmp_path" in request.fixturenames:
        data = request.getfixturevalue("tmp_path")
    else:
        data = _empty_folders.take()
        own.append(data)
    for name in [*UNSET_VARIABLES, *(name for name in os.environ if name.startswith("DJPKG_"))]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for name in ("DATA_HOME", "CONFIG_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(home / name.lower()))
    monkeypatch.setenv("GH_CONFIG_DIR", str(home / "gh"))
    monkeypatch.setenv("DJPKG_DB", str(data / "mirror.db"))
    monkeypatch.setenv("COLUMNS", "100")
    yield
    for folder in own:
        _empty_folders.give_back(folder)


@pytest.fixture(autouse=True)
def foreign_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Connections beyond loopback raise, and fail the test even if the code handles the error.

    A test that tries one on purpose clears this list.
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
