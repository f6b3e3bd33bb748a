"""Run djpkg in forked processes: one process imports it once and forks for each run.

A run can be killed, or sent a signal, at its n-th SQL statement, so that tests cover every state of a write.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

SOURCE = Path(__file__).resolve().parents[1] / "src"
FORK_SERVER = """
import contextlib, json, os, signal, socket, sqlite3, sys, threading, time
import anyio, anyio._backends._asyncio, httpcore._backends.auto, httpcore._backends.anyio, sniffio
import djpkg.cli.app, djpkg.cli.commands.fetch, djpkg.fetch.run, djpkg.sources.github.source
import djpkg.sources.pypi.source, djpkg.sources.catalog.source
import djpkg.sources.rest_forge.gitlab, djpkg.sources.rest_forge.bitbucket, djpkg.sources.rest_forge.forgejo
import djpkg.mirror.write, filelock, json.encoder

def send(times, number):
    for _ in range(times):
        time.sleep(0.0003)
        os.kill(os.getpid(), number)

def run_job(job):
    os.environ.clear()
    os.environ.update(job["env"])
    for number, name in enumerate(["/dev/null", job["out"], job["err"]]):
        os.dup2(os.open(name, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if number else 0), 0o600), number)
    if job.get("untransacted"):
        djpkg.mirror.write.transaction = lambda db: contextlib.nullcontext()
    if job.get("without_handlers"):
        djpkg.fetch.run.StopSignals.__enter__ = lambda self: self
    if job.get("silent_names"):
        original = socket.getaddrinfo

        def look_up(host, *args, **kwargs):
            if host == "127.0.0.1":
                return original(host, *args, **kwargs)
            time.sleep(job["silent_names"])
            open(job["names"], "w").close()
            return []

        socket.getaddrinfo = look_up
    if job.get("at"):
        number, left = job["signal"], job["at"]
        opened = djpkg.fetch.run.open_write

        @contextlib.contextmanager
        def watched(path, **options):
            with opened(path, **options) as db:
                def trace(statement):
                    nonlocal left
                    left -= 1
                    if left == 0 and number == signal.SIGKILL:
                        os.kill(os.getpid(), number)
                    if left == 0:
                        db.set_trace_callback(None)
                        # The statement waits until the signals were sent, so that the fetch cannot end before them.
                        # Exceptions raised here are lost, so another thread sends them.
                        sender = threading.Thread(target=send, args=(job.get("times", 1), number), daemon=True)
                        sender.start()
                        sender.join()
                db.set_trace_callback(trace)
                yield db

        djpkg.fetch.run.open_write = watched
    djpkg.cli.app.main(job["args"])

for line in sys.stdin:
    job = json.loads(line)
    if "wait" in job:
        print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        run_job(job)
    print(pid, flush=True)
"""


@dataclass
class Ended:
    """The result of a run; `code` is negative if a signal killed it."""

    code: int
    stdout: str
    stderr: str


class Launcher:
    """Forks runs of djpkg with `env`; their output is written to `folder`. Use it as a context manager."""

    folder: Path

    def __init__(self) -> None:
        self.env: dict[str, str] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORK_SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(SOURCE)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)

    def start(self, *args: str, **options: Any) -> int:
        """Start a run and return its process id.

        At the SQL statement `at` it gets `signal`, `times` times; `untransacted` disables transactions, and
        `without_handlers` those of a fetch for signals. `out` and `err` replace the output files. Each DNS lookup takes
        `silent_names` seconds and then creates the file ``names`` in the folder.
        """
        env = {"PATH": "/nonexistent", "HOME": str(self.folder), **self.env}
        job = {"args": args, "env": env, "out": str(self.folder / "out"), "err": str(self.folder / "err")}
        job |= {"names": str(self.folder / "names"), **options}
        return int(self._send(job))

    def wait(self, pid: int) -> Ended:
        code = int(self._send({"wait": pid}))
        output = [path.read_text() if path.exists() else "" for path in (self.folder / "out", self.folder / "err")]
        return Ended(code, *output)

    def run(self, *args: str, **options: Any) -> Ended:
        return self.wait(self.start(*args, **options))

    def _send(self, job: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def command(*args: str) -> Sequence[str]:
    """Return the command line of a run that is not forked."""
    return [sys.executable, "-m", "djpkg", *args]
