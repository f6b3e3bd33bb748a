"""What a fetch of everything costs: requests and points, bytes, time, processor time and memory, on four occasions."""

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
FOREIGN = 750_000
"""Projects on PyPI that no package of the directory names."""
DAY = timedelta(days=1)
NEWS = {"moved": 0.04, "released": 0.01, "starred": 0.1, "added": 2}
_NOBODY = ApiUsage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One fetch: what it took, what it asked, and what had happened in the world before it."""

    name: str
    run: Run
    asked: Mapping[str, ApiUsage]
    changed: Mapping[str, list[str]]
    fastest: float
    download: float
    served: float | None

    def of(self, api: str) -> ApiUsage:
        return self.asked.get(api, _NOBODY)

    @property
    def moved(self) -> int:
        """Repositories on GitHub whose head is another one."""
        return sum(path.startswith("github.com/") for path in self.changed.get("moved", ()))

    @property
    def released(self) -> int:
        """Projects that changed, or are new."""
        return len(self.changed.get("released", ())) + len(self.changed.get("added", ()))


def tables(stage: Session) -> Iterator[Table]:
    """Cold, again at once, a day later, and a day later still, when the whole list is read again."""
    latency = {} if stage.quick else LATENCY
    foreign = stage.packages if stage.quick else FOREIGN
    with WorldProcess(
        packages=stage.packages, foreign=foreign, latency=latency, unlimited=stage.packages > FULL
    ) as remote:
        mirror = stage.folder / "fetched.db"
        ensure(mirror)
        fetching = _Fetching(stage, remote, str(mirror), latency)
        phases = [fetching.run("cold", {}), fetching.run("again", {})]
        for number, name in ((1, "day two"), (2, "sweep day")):
            # As cron does: a day after the start of the last one, when its sweep is not quite a day old.
            span = remote.began + number * DAY - remote.now
            phases.append(fetching.run(name, remote.advance(span, **NEWS)))
        with open_read(mirror) as db:
            everything = bounds.naive_requests(db)
        agreed, compared, differing = accuracy.compare(remote.copy(), mirror)
    yield _requests(stage, phases, everything)
    yield _times(phases, latency)
    yield _targets(stage, phases)
    rows = [("packages compared", f"{compared:,}"), ("that agree", f"{agreed:,}")]
    yield Table("fetch: the mirror beside the world", ("", "number"), rows, tuple(differing[:5]))


class _Fetching:
    """Fetches all, again and again, into one mirror."""

    def __init__(self, stage: Session, remote: WorldProcess, mirror: str, latency: Mapping[str, float]) -> None:
        self._stage = stage
        self._remote = remote
        self._mirror = mirror
        self._latency = latency

    def run(self, name: str, changed: Mapping[str, list[str]]) -> Phase:
        remote = self._remote
        remote.ask("forget")
        arguments = ["-m", "tests.benchmarks.djpkg_at", remote.now.isoformat(), "fetch", "--all"]
        environment = {**remote.environment, "DJPKG_DB": self._mirror, "PYTHONPATH": python_path()}
        before = remote.processor()
        run = self._stage.launcher.run(Command(arguments, environment))
        after = remote.processor()
        asked = bounds.parse_stats(remote.ask("stats"))
        plain = download.measure(remote.addresses(), token=remote.token)
        remote.advance(timedelta(seconds=run.wall))
        return Phase(
            name=name,
            run=run,
            asked=asked,
            changed=changed,
            fastest=bounds.minimum_seconds(asked, self._latency),
            download=plain,
            served=None if before is None or after is None else after - before,
        )


def _requests(stage: Session, phases: list[Phase], everything: Mapping[str, int]) -> Table:
    rows = []
    for phase in phases:
        for api, asked in phase.asked.items():
            rows.append(
                (
                    phase.name,
                    api,
                    f"{asked.requests:,}",
                    f"{asked.charged:,}",
                    f"{asked.points:,}" if asked.points else "",
                    f"{asked.bytes / 1024:,.0f}",
                    f"{everything[api]:,}" if api in everything else "",
                )
            )
    header = ("fetch", "API", "requests", "charged", "points", "KiB", "asking for all")
    notes = (
        f"asking for all: {bounds.REST_CALLS} REST calls a repository on GitHub and one request a project, each time",
        f"{NEWS['moved']:.0%} of the repositories move and {NEWS['released']:.0%} of the projects release in a day",
    )
    return Table(f"fetch: requests for {stage.packages:,} packages", header, rows, notes)


def _times(phases: list[Phase], latency: Mapping[str, float]) -> Table:
    rows = [
        (
            phase.name,
            f"{phase.run.wall:.1f}",
            f"{phase.fastest:.1f}",
            f"{phase.run.wall / phase.fastest:.2f}" if phase.fastest else "",
            f"{phase.download:.1f}",
            f"{phase.run.processor:.1f}",
            "" if phase.served is None else f"{phase.served:.1f}",
            f"{phase.run.peak:.0f}",
        )
        for phase in phases
    ]
    header = ("fetch", "wall s", "bound s", "wall/bound", "download s", "user+system s", "the world's s", "peak MiB")
    delays = ", ".join(f"{api} {seconds:g} s" for api, seconds in latency.items()) or "none"
    notes = (
        f"latency: {delays}",
        "bound: what latency and pace set: the catalog's requests one by one, then the longest of the lanes",
        f"download: the same GET addresses, {download.CONCURRENCY} at once, nothing parsed",
        "the world's s: user+system of the server, which shares this machine's processors",
    )
    return Table("fetch: time and memory (target of wall/bound: 1.3)", header, rows, notes)


def _targets(stage: Session, phases: list[Phase]) -> Table:
    cold, again, day, sweep = phases
    full, large = stage.packages == FULL, stage.packages >= FULL  # small mirrors ask PyPI in another way
    peak = {FULL: "90", TENFOLD: "150"}.get(stage.packages, "")
    peaks = [(f"{phase.name}: peak MiB", f"{phase.run.peak:.0f}", peak) for phase in phases]
    rows = [
        ("cold: points", f"{cold.of('graphql').points:,}", "220" if full else ""),
        ("again: points", f"{again.of('graphql').points:,}", "56" if full else ""),
        ("again: charged REST requests to GitHub", f"{again.of('github').charged:,}", "0"),
        ("again: PyPI requests", f"{again.of('pypi').requests:,}", "1" if large else ""),
        ("day two: points", f"{day.of('graphql').points:,}", "75" if full else ""),
        (
            f"day two: charged REST requests for each of {day.moved:,} repositories on GitHub that moved",
            f"{day.of('github').charged / day.moved:.2f}" if day.moved else "",
            "1.1",
        ),
        (
            f"day two: PyPI requests, but for {day.of('pypi').missing:,} about projects that were gone before",
            f"{day.of('pypi').requests - day.of('pypi').missing:,}",
            f"{1 + day.released:,}" if large else "",
        ),
        ("day two: catalog requests", f"{day.of('catalog').requests:,}", "3"),
        ("day two: user+system s", f"{day.run.processor:.1f}", "3.5" if full else ""),
        ("sweep day: catalog requests", f"{sweep.of('catalog').requests:,}", ""),
        *peaks,
    ]
    return Table("fetch: figures beside their targets", ("figure", "value", "target"), rows)
