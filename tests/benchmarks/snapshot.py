"""The size and the cost of a snapshot: written, taken into an empty mirror, and followed by a fetch a day later."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.benchmarks import bounds
from tests.benchmarks.fetch import CHANGES, DAY, EXTRA_PROJECTS
from tests.benchmarks.processes import Command
from tests.benchmarks.session import FULL
from tests.benchmarks.tables import Table
from tests.benchmarks.world_process import WorldProcess, python_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.processes import Run
    from tests.benchmarks.session import Session

_MIB = 2**20


class _Handler(SimpleHTTPRequestHandler):
    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def tables(session: Session) -> Iterator[Table]:
    """Fetch a world, write snapshots of it, take one into an empty mirror, and fetch a day later."""
    extra_projects = session.packages if session.quick else EXTRA_PROJECTS
    with WorldProcess(
        packages=session.packages,
        extra_projects=extra_projects,
        latency={},
        unlimited=session.packages > FULL,
    ) as remote:
        files = {name: session.folder / f"{name}.jsonl.gz" for name in ("plain", "history", "anonymous")}
        (session.folder / "empty").mkdir(exist_ok=True)

        def run(mirror: str, *arguments: str) -> Run:
            environment = {
                **remote.environment,
                "DJPKG_DB": str(session.folder / mirror),
                "PYTHONPATH": python_path(),
            }
            command = ["-m", "tests.benchmarks.djpkg_at", remote.now.isoformat(), *arguments]
            return session.launcher.run(Command(command, environment))

        cold = run("source.db", "fetch", "--all")
        remote.advance(timedelta(seconds=cold.wall))  # else its answers are later than the snapshot
        runs = {
            "written": run("source.db", "snapshot", str(files["plain"])),
            "written with --history": run("source.db", "snapshot", "--history", str(files["history"])),
            "written with --no-participants": run(
                "source.db", "snapshot", "--no-participants", str(files["anonymous"])
            ),
        }
        with _serve(session.folder) as address:
            url = f"{address}/{files['plain'].name}"
            runs["taken into an empty mirror"] = run("empty/mirror.db", "fetch", "--from", url)
            requests = _Handler.requests
            runs["taken again, unchanged"] = run("empty/mirror.db", "fetch", "--from", url)
        remote.advance(remote.started + DAY - remote.now, **CHANGES)
        remote.send("clear-log")
        runs["fetch --all a day later"] = run("empty/mirror.db", "fetch", "--all")
        usage = bounds.parse_stats(remote.send("stats"))
    yield Table(
        f"snapshot of {session.packages:,} packages",
        ("run", "seconds", "CPU seconds", "MiB"),
        [(name, f"{one.wall:.2f}", f"{one.cpu:.2f}", f"{one.peak:.0f}") for name, one in runs.items()],
    )
    full = session.packages == FULL and not session.quick
    taken = runs["taken into an empty mirror"]
    rows = [
        *(
            (f"MiB, {name}", f"{file.stat().st_size / _MIB:.2f}", "4" if name == "plain" else "")
            for name, file in files.items()
        ),
        ("seconds to take it in", f"{taken.wall:.1f}", "10"),
        ("MiB of memory to take it in", f"{taken.peak:.0f}", "120"),
        ("requests to take it in", f"{requests}", "1"),
        ("GitHub points a day later", f"{usage['graphql'].points}", "75"),
        ("REST requests to GitHub a day later", f"{usage.get('github', bounds.ApiUsage()).requests}", ""),
        ("requests to PyPI a day later", f"{usage['pypi'].requests}", ""),
    ]  # fmt: skip
    yield Table(
        "snapshot: targets",
        ("value of", "value", "target"),
        [(name, value, target if full else "") for name, value, target in rows],
    )


@contextmanager
def _serve(folder: Path) -> Iterator[str]:
    """Serve the files of a folder; counts requests."""
    _Handler.requests = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
