"""Run programs as children of a small process, and measure them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

_LAUNCHER = Path(__file__).parent / "launcher.py"
# Removed from the environment: they would change the measurement.
_UNSET_VARIABLES = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "GH_TOKEN", "GITHUB_TOKEN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: wall and CPU seconds (user and system), peak memory in MiB, and the size of the output."""

    wall: float
    cpu: float
    peak: float
    size: int
    lines: int
    code: int


@dataclass(frozen=True, slots=True)
class Command:
    """A program's arguments and additional environment variables."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Launcher(AbstractContextManager["Launcher"]):
    """Runs commands with an empty home folder in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "errors.txt"
        home = folder / "home"
        home.mkdir(exist_ok=True)
        kept = {
            name: value for name, value in os.environ.items() if name not in _UNSET_VARIABLES and name[:6] != "DJPKG_"
        }
        self._environment = {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home), "GH_CONFIG_DIR": str(home)}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            pass  # closes its stdin, which ends it

    def run(self, command: Command, *, codes: Sequence[int] = (0,)) -> Run:
        """Run a command; raise RuntimeError for an unexpected exit code."""
        task = {
            "command": [sys.executable, *command.arguments],
            "environment": {**self._environment, **command.environment},
            "errors": str(self._errors),
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        run = Run(**json.loads(self._process.stdout.readline()))
        if run.code not in codes:
            raise RuntimeError(f"{command.arguments} ended with {run.code}: {self._errors.read_text()[-2000:]}")
        return run

    def alternate(self, commands: Mapping[str, Command], *, runs: int, warm: bool) -> dict[str, list[Run]]:
        """Run each command `runs` times, alternating; `warm` adds a first run of each that is not counted."""
        for command in commands.values() if warm else ():
            self.run(command)
        results: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                results[name].append(self.run(command))
        return results
