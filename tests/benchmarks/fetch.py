"""The cost of `fetch --all`: requests, points, bytes, time, CPU time and memory, in four situations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.mirror.connection import open_read
from djpkg.mirror.lock import ensure
from tests.benchmarks import accuracy, bounds, download
from tests.benchmarks.bounds import ApiUsage
from tests.benchmarks.processes import Command
from tests.benchmarks.session import FULL, TENFOLD
from tests.benchmarks.tables import Table
from tests.benchmarks.world_process import WorldProcess, python_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.processes import Run
    from tests.benchmarks.session import Session

LATENCY = {
    "catalog": 0.2,
    "graphql": 0.4,
    "github": 0.1,
    "gitlab": 0.1,
    "bitbucket": 0.1,
    "codeberg": 0.1,
    "pypi": 0.05,
}
EXTRA_PROJECTS = 750_000
"""Projects on PyPI without a package in the catalog."""
DAY = timedelta(days=1)
CHANGES = {"moved": 0.04, "released": 0.01, "starred": 0.1, "added": 2}
_UNUSED = ApiUsage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One fetch: its measurements, its requests, and the changes in the world before it."""

    name: str
    run: Run
    usage: Mapping[str, ApiUsage]
    changed: Mapping[str, list[str]]
    minimum: float
    download: float
    server_cpu: float | None

    def of(self, api: str) -> ApiUsage:
        return self.usage.get(api, _UNUSED)

    @property
    def moved(self) -> int:
        """Number of GitHub repositories with new commits."""
        return sum(path.startswith("github.com/") for path in self.changed.get("moved", ()))

    @property
    def released(self) -> int:
        """Number of changed or new projects."""
        return len(self.changed.get("released", ())) + len(self.changed.get("added", ()))


def tables(session: Session) -> Iterator[Table]:
    """Fetch into an empty mirror, again at once, a day later, and two days later, when the whole list is due."""
    latency = {} if session.quick else LATENCY
    extra_projects = session.packages if session.quick else EXTRA_PROJECTS
    with WorldProcess(
        packages=session.packages, extra_projects=extra_projects, latency=latency, unlimited=session.packages > FULL
    ) as remote:
        mirror = session.folder / "fetched.db"
        ensure(mirror)
        runner = _FetchRunner(session, remote, str(mirror), latency)
        phases = [runner.run("cold", {}), runner.run("again", {})]
        for number, name in ((1, "day two"), (2, "sweep day")):
            # Like cron: a day after the start of the last fetch, whose sweep is not quite a day old.
            span = remote.started + number * DAY - remote.now
            phases.append(runner.run(name, remote.advance(span, **CHANGES)))
        with open_read(mirror) as db:
            everything = bounds.naive_requests(db)
        correct, compared, differences = accuracy.compare(remote.copy(), mirror)
    yield _requests(session, phases, everything)
    yield _times(phases, latency)
    yield _targets(session, phases)
    rows = [("packages compared", f"{compared:,}"), ("correct", f"{correct:,}")]
    yield Table("fetch: mirror compared with the world", ("", "number"), rows, tuple(differences[:5]))


class _FetchRunner:
    """Runs fetches into one mirror."""

    def __init__(self, session: Session, remote: WorldProcess, mirror: str, latency: Mapping[str, float]) -> None:
        self._session = session
        self._remote = remote
        self._mirror = mirror
        self._latency = latency

    def run(self, name: str, changed: Mapping[str, list[str]]) -> Phase:
        remote = self._remote
        remote.send("clear-log")
        arguments = ["-m", "tests.benchmarks.djpkg_at", remote.now.isoformat(), "fetch", "--all"]
        environment = {**remote.environment, "DJPKG_DB": self._mirror, "PYTHONPATH": python_path()}
        before = remote.cpu_seconds()
        run = self._session.launcher.run(Command(arguments, environment))
        after = remote.cpu_seconds()
        usage = bounds.parse_stats(remote.send("stats"))
        plain = download.measure(remote.urls(), token=remote.token)
        remote.advance(timedelta(seconds=run.wall))
        return Phase(
            name=name,
            run=run,
            usage=usage,
            changed=changed,
            minimum=bounds.minimum_seconds(usage, self._latency),
            download=plain,
            server_cpu=None if before is None or after is None else after - before,
        )


def _requests(session: Session, phases: list[Phase], everything: Mapping[str, int]) -> Table:
    rows = []
    for phase in phases:
        for api, usage in phase.usage.items():
            rows.append(
                (
                    phase.name,
                    api,
                    f"{usage.requests:,}",
                    f"{usage.charged:,}",
                    f"{usage.points:,}" if usage.points else "",
                    f"{usage.bytes / 1024:,.0f}",
                    f"{everything[api]:,}" if api in everything else "",
                )
            )
    header = ("fetch", "API", "requests", "charged", "points", "KiB", "naive requests")
    notes = (
        f"naive: {bounds.REST_CALLS} REST requests per GitHub repository and one request per project in each fetch",
        f"per day {CHANGES['moved']:.0%} of the repositories and {CHANGES['released']:.0%} of the projects change",
    )
    return Table(f"fetch: requests for {session.packages:,} packages", header, rows, notes)


def _times(phases: list[Phase], latency: Mapping[str, float]) -> Table:
    rows = [
        (
            phase.name,
            f"{phase.run.wall:.1f}",
            f"{phase.minimum:.1f}",
            f"{phase.run.wall / phase.minimum:.2f}" if phase.minimum else "",
            f"{phase.download:.1f}",
            f"{phase.run.cpu:.1f}",
            "" if phase.server_cpu is None else f"{phase.server_cpu:.1f}",
            f"{phase.run.peak:.0f}",
        )
        for phase in phases
    ]
    header = ("fetch", "wall s", "bound s", "wall/bound", "download s", "user+system s", "server CPU s", "peak MiB")
    delays = ", ".join(f"{api} {seconds:g} s" for api, seconds in latency.items()) or "none"
    notes = (
        f"latency: {delays}",
        "bound: minimum from latency and rate limits: the catalog's requests, then the slowest other source",
        f"download: the same GET requests, {download.CONCURRENCY} at a time, without parsing",
        "server CPU s: user+system of the server, which shares this machine's processors",
    )
    return Table("fetch: time and memory (target of wall/bound: 1.3)", header, rows, notes)


def _targets(session: Session, phases: list[Phase]) -> Table:
    cold, again, day, sweep = phases
    full, large = session.packages == FULL, session.packages >= FULL  # small mirrors fetch from PyPI without the list
    peak = {FULL: "90", TENFOLD: "150"}.get(session.packages, "")
    peaks = [(f"{phase.name}: peak MiB", f"{phase.run.peak:.0f}", peak) for phase in phases]
    rows = [
        ("cold: points", f"{cold.of('graphql').points:,}", "220" if full else ""),
        ("again: points", f"{again.of('graphql').points:,}", "56" if full else ""),
        ("again: charged REST requests to GitHub", f"{again.of('github').charged:,}", "0"),
        ("again: PyPI requests", f"{again.of('pypi').requests:,}", "1" if large else ""),
        ("day two: points", f"{day.of('graphql').points:,}", "75" if full else ""),
        (
            f"day two: charged REST requests per changed GitHub repository ({day.moved:,})",
            f"{day.of('github').charged / day.moved:.2f}" if day.moved else "",
            "1.1",
        ),
        (
            f"day two: PyPI requests, without {day.of('pypi').missing:,} for projects that are gone",
            f"{day.of('pypi').requests - day.of('pypi').missing:,}",
            f"{1 + day.released:,}" if large else "",
        ),
        ("day two: catalog requests", f"{day.of('catalog').requests:,}", "3"),
        ("day two: user+system s", f"{day.run.cpu:.1f}", "3.5" if full else ""),
        ("sweep day: catalog requests", f"{sweep.of('catalog').requests:,}", ""),
        *peaks,
    ]
    return Table("fetch: values and targets", ("value of", "value", "target"), rows)
