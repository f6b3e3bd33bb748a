"""plan -> fetch -> merge -> store: the one place where the network and the mirror meet.

    catalog   named packages one by one, or the whole list page by page; then grids and categories
    lanes     every forge and PyPI side by side: what is due -> answers, page by page -> one transaction a page
    account   what came of it: to the report, to who looks on, and what the next fetch must know to the mirror
    stopping  SIGINT and SIGTERM
    pricing   what it would cost, without asking

A source that fails spoils no other. What was answered is stored before the next page is awaited, so that running a
fetch again is how one resumes it.
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
from djpkg.fetch.estimate import estimate_sources
from djpkg.fetch.recorder import Recorder
from djpkg.fetch.report import Report
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
    import sqlite3
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
    """Fetch what was asked for into the mirror at `path`, which is made where there is none.

    Raises ConfigError, FetchRunning and MirrorError where it cannot begin; whatever happens then is in the report.
    """
    registry.check_settings(request.sources, environment)
    manifest = None if request.manifest is None else _keepable(request.manifest)
    request = replace(request, packages=tuple(map(_keepable, request.packages)), manifest=manifest)
    with StopSignals() as stop, lock.fetch_lock(path):
        lock.ensure_locked(path)
        report = Report(started=clock(), named=request.packages)
        run: int | None = None
        try:
            with open_write(path) as db, asyncio.Runner() as runner:
                run = fetch_history.start_run(db, str(request), now=report.started)
                work = _Fetch(
                    request,
                    db,
                    writer=Writer(db, forges=forge_servers.forge_servers(environment), run=run),
                    account=Recorder(report, progress=progress, db=db, clock=clock),
                    environment=environment,
                    clock=clock,
                    limits=limits,
                )
                runner.run(stop.obey(work.run()))
        except DjpkgError as error:
            if run is None:
                raise
            # Of the disk, say: what was stored and counted before is told all the same.
            report.end(str(error), error.exit_code, hint=error.hint)
        if stop.code is not None:
            report.stopped = stop.code
        report.finished = clock()
        with suppress(MirrorError), open_write(path) as db:  # the same disk may not take this either
            fetch_history.finish_run(db, run, code=report.exit_code, report=report.kept_json(), now=report.finished)
    return report


def _keepable(name: str) -> str:
    """A name as it was typed, as far as it can be kept: what is no text is not, nor a token in an address of git's."""
    return strip_credentials(name.encode("utf-8", "replace").decode())


class _Fetch:
    """One run: the catalog, then all that the packages point to."""

    def __init__(
        self,
        request: FetchRequest,
        db: sqlite3.Connection,
        *,
        writer: Writer,
        account: Recorder,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._request = request
        self._db = db
        self._writer = writer
        self._account = account
        self._environment = environment
        self._clock = clock
        self._limits = limits

    async def run(self) -> None:
        try:
            await self._ask_others(await self._ask_catalog())
        finally:
            self._account.progress.stop()

    async def _ask_catalog(self) -> list[int] | None:
        """The ids of the named packages; None where all are wanted."""
        wanted = SourceName.CATALOG in self._request.sources
        if not wanted:
            return None if self._request.every else await self._find_named(None)
        catalog = registry.open_catalog(self._environment, limits=self._limits, clock=self._clock)
        async with catalog:
            with self._account.spending(SourceName.CATALOG, catalog):
                if not self._request.every:
                    return await self._find_named(catalog)
                with self._account.failing(SourceName.CATALOG):
                    await self._sweep(catalog)
        return None

    async def _sweep(self, catalog: Catalog) -> None:
        last = fetch_history.find_sweep(self._db, SourceName.CATALOG)
        self._say_prices([estimate.estimate_catalog(last, full=self._request.full, now=self._clock())])
        sweeping = CatalogSweep(catalog, db=self._db, writer=self._writer, account=self._account, clock=self._clock)
        await sweeping.run(full=self._request.full)

    async def _find_named(self, catalog: Catalog | None) -> list[int]:
        naming = NamedFetch(
            catalog,
            db=self._db,
            writer=self._writer,
            account=self._account,
            environment=self._environment,
            clock=self._clock,
        )
        await naming.run(self._request.packages)
        return naming.found

    async def _ask_others(self, only: list[int] | None) -> None:
        """Forges and PyPI about the packages of `only`, or about all."""
        if only is not None and not only:
            return
        now, wanted = self._clock(), self._request.sources
        repositories = queue.queue_repositories(self._db, only=only, now=now)
        projects = queue.queue_projects(self._db, only=only, now=now)
        asked = [forge for forge in FORGES if forge in wanted and repositories[forge].asks]
        tokens = {forge: await self._find_token(forge) for forge in asked}
        if self._request.every:
            trusted = {forge for forge, token in tokens.items() if token is not None}
            self._account.report.with_token = SourceName.GITHUB in trusted
            quotas = fetch_history.get_quotas(self._db)
            due_now = {forge: repositories[forge] for forge in asked}
            listed = projects if SourceName.PYPI in wanted else None
            self._say_prices(estimate_sources(due_now, listed, quotas, every=True, trusted=trusted, now=now))
        forges = {
            registry.open_forge(
                forge, self._environment, token=tokens[forge], limits=self._limits, clock=self._clock
            ): repositories[forge]
            for forge in asked
        }
        pypi = None
        if SourceName.PYPI in wanted and projects.asks:
            last = fetch_history.find_sweep(self._db, SourceName.PYPI)
            listed_then = last.packages if last else None
            source = registry.open_pypi(self._environment, listed=listed_then, limits=self._limits, clock=self._clock)
            pypi = source, projects
        lanes = SourceWorkers(writer=self._writer, account=self._account, clock=self._clock, every=self._request.every)
        await lanes.run(self._db, forges, pypi)

    async def _find_token(self, forge: SourceName) -> Token | None:
        if forge is not SourceName.GITHUB:
            return credentials.find_token(forge, self._environment)
        # gh may take its time, and signals are to be heard meanwhile.
        return await asyncio.to_thread(credentials.find_token, forge, self._environment)

    def _say_prices(self, prices: list[estimate.Estimate]) -> None:
        for line in estimate.estimate_lines(prices):
            self._account.progress.note(f"to ask {line}")
