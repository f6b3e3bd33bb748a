"""Runs a fetch: targets -> requests -> facts -> merge -> one transaction per page.

    catalog   named packages one by one, or the whole list page by page; then grids and categories
    workers   the forges and PyPI, concurrently
    recorder  outcomes for the report and the progress display, quotas for the next fetch
    signals   SIGINT and SIGTERM
    estimate  the number of requests, before they are sent

A failed source does not stop the others. Each page is stored before the next is requested, so that running an
interrupted fetch again continues it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from djpkg import credentials
from djpkg.errors import DjpkgError, MirrorError
from djpkg.fetch import estimate
from djpkg.fetch.catalog import CatalogSweep, NamedFetch
from djpkg.fetch.context import FetchContext
from djpkg.fetch.recorder import Recorder
from djpkg.fetch.report import Report
from djpkg.fetch.report_text import history_json
from djpkg.fetch.signals import StopSignals
from djpkg.fetch.workers import SourceWorkers
from djpkg.mirror import fetch_history, lock, queue
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model import forge_servers
from djpkg.source_name import FORGES, SourceName
from djpkg.sources import registry
from djpkg.sources.http.retry import Limits
from djpkg.text import strip_credentials
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from djpkg.credentials import Token
    from djpkg.fetch.progress import Progress
    from djpkg.fetch.request import FetchRequest
    from djpkg.sources.catalog.source import Catalog


def fetch(
    request: FetchRequest,
    path: Path,
    environment: Mapping[str, str],
    *,
    progress: Progress,
    clock: Callable[[], datetime] = utc_now,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Report:
    """Fetch into the mirror at `path`, which is created if missing, and return the report.

    Raises ConfigError, FetchRunning and MirrorError if the fetch cannot start; later errors are in the report.
    """
    registry.validate_settings(request.sources, environment)
    manifest = None if request.manifest is None else _clean_name(request.manifest)
    request = replace(request, packages=tuple(map(_clean_name, request.packages)), manifest=manifest)
    with StopSignals() as signals, lock.fetch_lock(path):
        lock.ensure_locked(path)
        report = Report(started=clock(), named=request.packages)
        run: int | None = None
        try:
            with open_write(path) as db, asyncio.Runner() as runner:
                run = fetch_history.start_run(db, str(request), now=report.started)
                context = FetchContext(
                    db=db,
                    writer=Writer(
                        db, forges=forge_servers.forge_servers(environment), run=run, rewrite=request.refetch
                    ),
                    recorder=Recorder(report, progress=progress, db=db, clock=clock),
                    environment=environment,
                    clock=clock,
                    limits=limits,
                )
                runner.run(signals.run_until_signal(_FetchRun(request, context).run()))
        except DjpkgError as error:
            if run is None:
                raise
            # A full disk, for example: the report still has what was stored before.
            report.abort(str(error), error.exit_code, hint=error.hint)
        if signals.code is not None:
            report.stop_code = signals.code
        report.finished = clock()
        with suppress(MirrorError), open_write(path) as db:  # fails too if the disk is full
            fetch_history.finish_run(db, run, code=report.exit_code, report=history_json(report), now=report.finished)
    return report


def _clean_name(name: str) -> str:
    """Return a typed name as valid UTF-8 and without the credentials of a Git URL, so that it can be stored."""
    return strip_credentials(name.encode("utf-8", "replace").decode())


class _FetchRun:
    """One fetch: first the catalog, then the forges and PyPI."""

    def __init__(self, request: FetchRequest, context: FetchContext) -> None:
        self._request = request
        self._context = context
        self._db = context.db
        self._recorder = context.recorder
        self._environment = context.environment
        self._clock = context.clock
        self._limits = context.limits

    async def run(self) -> None:
        try:
            await self._fetch_sources(await self._fetch_catalog())
        finally:
            self._recorder.progress.stop()

    async def _fetch_catalog(self) -> list[int] | None:
        """Return the ids of the named packages; None for all packages."""
        if SourceName.CATALOG not in self._request.sources:
            return None if self._request.all_packages else await self._fetch_named(None)
        catalog = registry.open_catalog(self._environment, limits=self._limits, clock=self._clock)
        async with catalog:
            with self._recorder.recording_usage(SourceName.CATALOG, catalog):
                if not self._request.all_packages:
                    return await self._fetch_named(catalog)
                last, outdated = (
                    fetch_history.find_sweep(self._db, SourceName.CATALOG),
                    queue.count_outdated_records(self._db),
                )
                refetch, now = self._request.refetch, self._clock()
                self._show_estimates([estimate.estimate_catalog(last, refetch=refetch, outdated=outdated, now=now)])
                with self._recorder.recording_errors(SourceName.CATALOG):
                    await CatalogSweep(catalog, self._context).run(refetch=refetch)
        return None

    async def _fetch_named(self, catalog: Catalog | None) -> list[int]:
        named = NamedFetch(catalog, self._context)
        await named.run(self._request.packages)
        return named.found

    async def _fetch_sources(self, only: list[int] | None) -> None:
        """Fetch from the forges and PyPI: for the packages of `only`, or for all."""
        if only is not None and not only:
            return
        now, wanted, refetch = self._clock(), self._request.sources, self._request.refetch
        queues = queue.queue_repositories(self._db, only=only, now=now, refetch=refetch)
        projects = queue.queue_projects(self._db, only=only, now=now, refetch=refetch)
        queue.add_django(self._db, projects, only=only, now=now, refetch=refetch)
        repositories = {forge: queues[forge] for forge in FORGES if forge in wanted and queues[forge].targets}
        tokens = {forge: await self._find_token(forge) for forge in repositories}
        if self._request.all_packages:
            with_token = {forge for forge, token in tokens.items() if token is not None}
            self._recorder.report.has_github_token = SourceName.GITHUB in with_token
            self._show_estimates(
                estimate.estimate_sources(
                    repositories,
                    projects if SourceName.PYPI in wanted else None,
                    fetch_history.get_quotas(self._db),
                    all_packages=True,
                    with_token=with_token,
                    now=now,
                )
            )
        forges = {
            registry.open_forge(
                forge, self._environment, token=tokens[forge], limits=self._limits, clock=self._clock
            ): due
            for forge, due in repositories.items()
        }
        pypi = None
        if SourceName.PYPI in wanted and projects.targets:
            last = fetch_history.find_sweep(self._db, SourceName.PYPI)
            listed = last.packages if last else None
            source = registry.open_pypi(self._environment, listed=listed, limits=self._limits, clock=self._clock)
            pypi = source, projects
        await SourceWorkers(self._context, all_packages=self._request.all_packages).run(forges, pypi)

    async def _find_token(self, forge: SourceName) -> Token | None:
        if forge is not SourceName.GITHUB:
            return credentials.find_token(forge, self._environment)
        # Running gh may take a while; a thread keeps the loop free for signals.
        return await asyncio.to_thread(credentials.find_token, forge, self._environment)

    def _show_estimates(self, estimates: list[estimate.Estimate]) -> None:
        for line in estimate.estimate_lines(estimates):
            self._recorder.progress.note(f"estimate: {line}")
