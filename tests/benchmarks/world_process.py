"""The world in a process of its own, so that what it takes is not counted as djpkg's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from tests.world import World
from tests.world.pypi import SIMPLE_JSON
from tests.world.server import PREFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

ROOT = Path(__file__).parent.parent.parent
SEED = 1
_STILL = {"moved": 0.0, "released": 0.0, "starred": 0.0, "added": 0}


class WorldProcess(AbstractContextManager["Remote"]):
    """A generated world that answers over HTTP, and what has happened in it."""

    def __init__(self, *, packages: int, foreign: int, latency: Mapping[str, float], unlimited: bool) -> None:
        self._packages = packages
        self._github = round(packages * 0.92)
        delays = [f"--latency={api}={seconds}" for api, seconds in latency.items()]
        self._arguments = [
            f"--packages={packages}",
            f"--github={self._github}",
            f"--seed={SEED}",
            f"--foreign={foreign}",
            *delays,
            *(["--unlimited"] if unlimited else []),
            "--until-stdin-ends",
        ]
        self._days: list[dict[str, float]] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.world", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": python_path()},
        )
        assert self._process.stdout
        place = json.loads(self._process.stdout.readline())
        self.url: str = place["url"]
        self.environment: dict[str, str] = place["env"] | place["tokens"]
        self.token: str = place["tokens"]["GH_TOKEN"]
        self.began = self.now = datetime.fromisoformat(place["now"])
        # PyPI's list is made when it is first asked for.
        list_address = f"{self.environment['DJPKG_PYPI_URL']}/simple/"
        with urlopen(Request(list_address, headers={"Accept": SIMPLE_JSON})) as reply:  # noqa: S310 - loopback
            reply.read()
        self.ask("forget")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            pass  # closes its input, at whose end it ends

    def ask(self, what: str, body: object = None) -> Any:
        """One of the endpoints of `tests.world.control`."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/_world/{what}", data=data)) as reply:  # noqa: S310 - loopback
            return json.load(reply)

    def addresses(self) -> list[tuple[str, str]]:
        """API and address of every GET since the log was emptied."""
        prefixes = {api: prefix for prefix, api in PREFIXES.items()}
        return [
            (api, f"{self.url}{prefixes[api]}{subject}")
            for api in self.ask("stats")
            for method, subject, *_ in self.ask(f"log?api={api}")
            if method == "GET"
        ]

    def advance(self, span: timedelta, **changes: float) -> dict[str, list[str]]:
        """Lets time pass; what happens meanwhile is in `changes`, nothing if there are none."""
        day = {"days": span / timedelta(days=1), **(changes or _STILL)}
        self._days.append(day)
        self.now += timedelta(days=day["days"])
        changed: dict[str, list[str]] = self.ask("advance", day)
        return changed

    def processor(self) -> float | None:
        """Seconds of the processor that the world has taken so far, where the system tells (Linux)."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def copy(self) -> World:
        """The same world, made here: generated from the same seed, with the same days behind it."""
        world = World.generate(packages=self._packages, github=self._github, seed=SEED, now=self.began)
        for day in self._days:
            world.advance(**day)  # type: ignore[arg-type] # as sent
        return world


def python_path() -> str:
    """Where children find the tests, and djpkg where this process was told to."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
