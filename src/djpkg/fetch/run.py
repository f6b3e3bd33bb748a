"""Runs a fetch: targets -> requests -> facts -> merge -> one transaction per page.

    selected  the packages that names, files and terms select
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
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from djpkg import credentials
from djpkg.errors import DjpkgError, MirrorError
from djpkg.fetch import estimate
from djpkg.fetch.catalog import CatalogSweep, NamedFetch
from djpkg.fetch.context import FetchContext
from djpkg.fetch.page_writes import PageWrites
from djpkg.fetch.recorder import Recorder
from djpkg.fetch.report import Report
from djpkg.fetch.report_text import (
    MISSING_TOKEN,
    REPOSITORIES_WITHOUT_TOKEN,
    history_json,
    nothing_to_fetch_line,
)
from djpkg.fetch.selected import Selected, select
from djpkg.fetch.signals import StopSignals
from djpkg.fetch.workers import SourceWorkers
from djpkg.mirror import busy, fetch_history, listing, lock, queue, resolve, unchecked
from djpkg.mirror.connection import open_write
from djpkg.mirror.files import check_unmoved, file_id
from djpkg.mirror.write import Writer
from djpkg.model import forge_servers
from djpkg.source_name import FORGES, SourceName
from djpkg.sources import registry
from djpkg.sources.http.retry import Limits
from djpkg.text import strip_credentials
from djpkg.times import utc_now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from djpkg.fetch.progress import Progress
    from djpkg.fetch.request import FetchRequest
    from djpkg.mirror.busy import BusyLimits
    from djpkg.mirror.files import FileId
    from djpkg.model.fetch_state import Sweep
    from djpkg.sources.catalog.source import Catalog

ResultT = TypeVar("ResultT")


def fetch(
    request: FetchRequest,
    path: Path,
    environment: Mapping[str, str],
    *,
    progress: Progress,
    clock: Callable[[], datetime] = utc_now,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    busy_limits: BusyLimits = busy.FETCH,
) -> Report:
    """Fetch into the mirror at `path`, which is created if missing, and return the report.

    Raises ConfigError, FetchRunning and MirrorError if the fetch cannot start; later errors are in the report. Writes
    wait for other programs that use the mirror, within `busy_limits`.
    """
    registry.validate_settings(request.sources, environment)
    packages, manifests, typed = (
        tuple(map(_clean_name, names)) for names in (request.packages, request.manifests, request.typed)
    )
    request = replace(request, packages=packages, manifests=manifests, typed=typed)
    with StopSignals() as signals, lock.fetch_lock(path):
        report = Report(started=clock(), named=request.packages, requested=request.sources)
        asked = str(request)
        opened: FileId | None = None
        run: int | None = None

        def write(work: Callable[[], ResultT]) -> ResultT:
            """Run `work` until no other program blocks it; once only after a signal or an error."""
            return busy.retry(
                work,
                busy_limits,
                notify=lambda: progress.warn(busy.waiting_message(path, busy_limits)),
                is_stopped=lambda: signals.code is not None or report.stop_code is not None,
            )

        try:
            write(lambda: lock.ensure_locked(path))
            with ExitStack() as stack:
                db = write(lambda: stack.enter_context(open_write(path, busy_seconds=busy.ATTEMPT)))
                runner = stack.enter_context(asyncio.Runner())
                opened = file_id(path)
                write(lambda: _check_names(db, request))
                run = write(lambda: fetch_history.start_run(db, asked, now=report.started))
                writes = PageWrites(db, path, opened, limits=busy_limits, warn=progress.warn)
                context = FetchContext(
                    db=db,
                    writer=Writer(db, forges=forge_servers.forge_servers(environment), run=run),
                    writes=writes,
                    recorder=write(partial(Recorder, report, progress=progress, db=db, writes=writes, clock=clock)),
                    environment=environment,
                    clock=clock,
                    limits=limits,
                )
                runner.run(signals.run_until_signal(_FetchRun(request, context).run()))
                check_unmoved(path, opened)
        except DjpkgError as error:
            if run is None and signals.code is None:
                raise
            if run is not None:
                # A full disk, for example: the report still has what was stored before.
                report.abort(str(error), error.exit_code, hint=error.hint)
        if signals.code is not None:
            report.stop_code = signals.code
        report.finished = clock()
        if run is not None:
            with suppress(MirrorError):  # it fails too if the disk is full
                write(partial(_finish_run, path, opened, run, report))
    return report


def _finish_run(path: Path, opened: FileId | None, run: int, report: Report) -> None:
    """Store the end of a run in the file that was `opened`. Raises MirrorError."""
    check_unmoved(path, opened)
    now = report.finished or report.started
    with open_write(path, busy_seconds=busy.ATTEMPT) as db:
        fetch_history.finish_run(db, run, code=report.exit_code, report=history_json(report), now=now)


def _check_names(db: sqlite3.Connection, request: FetchRequest) -> None:
    """Raise UsageError for an unknown category or grid, if the mirror has their names already."""
    if fetch_history.find_sweep(db, SourceName.CATALOG) is not None:
        listing.check_names(db, request.query)


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
        self._tokens: dict[SourceName, Iterator[credentials.Token]] = {}
        self._first_tokens: dict[SourceName, credentials.Token | None] = {}
        self._named: frozenset[int] = frozenset()

    async def run(self) -> None:
        try:
            if self._request.all_packages:
                if await self._find_sweep() is None:
                    await self._note_missing_token()
                await self._repair(None)
            await self._fetch_sources(await self._fetch_catalog())
            for slug in sorted(self._context.writer.replaced):
                note = f"{slug}: another repository replaced the known one; its history begins anew"
                self._recorder.progress.note(note)
            self._recorder.record_damaged(self._context.writer.damaged.values())
            run = self._context.writes.run
            await run(self._recorder.record_edits, self._context.writer.carried_over)
            if self._request.all_packages:
                found = await run(unchecked.find_unchecked, self._db, now=self._clock())
                self._recorder.report.unchecked = found
        finally:
            self._recorder.progress.stop()

    async def _note_missing_token(self) -> None:
        """Show before the first fetch of many repositories without a token for GitHub what that costs."""
        report, run = self._recorder.report, self._context.writes.run
        if SourceName.GITHUB not in self._request.sources or report.without_token:
            return
        if await self._find_token(SourceName.GITHUB) is None and not await run(
            fetch_history.has_fetched_without_token, self._db
        ):
            report.without_token = True
            for line in MISSING_TOKEN:
                self._recorder.progress.note(line)

    async def _find_token(self, forge: SourceName) -> credentials.Token | None:
        """Return the first token for a forge; `_tokens` has the further ones."""
        if forge not in self._tokens:
            self._tokens[forge] = credentials.find_tokens(forge, self._environment)
            # Running gh may take a while; a thread keeps the loop free for signals.
            self._first_tokens[forge] = await asyncio.to_thread(next, self._tokens[forge], None)
        return self._first_tokens[forge]

    async def _repair(self, only: list[int] | None, *, rewrite: bool = False) -> None:
        context = self._context
        repaired = await context.writes.run(context.writer.repair, only, rewrite=rewrite)
        if repaired:
            self._recorder.progress.note(f"damaged rows written anew: {', '.join(repaired)}")

    async def _fetch_catalog(self) -> list[int] | None:
        """Return the ids of the selected packages; None for all packages."""
        if SourceName.CATALOG not in self._request.sources:
            return None if self._request.all_packages else await self._fetch_selected(None)
        catalog = registry.open_catalog(self._environment, limits=self._limits, clock=self._clock)
        async with catalog, self._recorder.recording_usage(SourceName.CATALOG, catalog):
            if not self._request.all_packages:
                return await self._fetch_selected(catalog)
            await self._read_list(catalog, refetch=self._request.refetch)
        return None

    async def _read_list(self, catalog: Catalog, *, refetch: bool, complete: bool = False) -> None:
        run, last = self._context.writes.run, await self._find_sweep()
        outdated, now = await run(queue.count_outdated_records, self._db), self._clock()
        whole = refetch or complete
        self._show_estimates([estimate.estimate_catalog(last, refetch=whole, outdated=outdated, now=now)])
        with self._recorder.recording_errors(SourceName.CATALOG):
            sweep = await run(CatalogSweep, catalog, self._context)
            await sweep.run(refetch=refetch, complete=complete)
        self._recorder.report.list_unread = await self._find_sweep() is None

    async def _fetch_selected(self, catalog: Catalog | None) -> list[int]:
        """Fetch the catalog's part of a selection: named packages one by one, the others where that is cheaper."""
        request, run, last = self._request, self._context.writes.run, await self._find_sweep()
        first = last is None
        is_old = last is not None and request.list_since is not None and last.completed < request.list_since
        # Before the list is read, the mirror may not know the grids and packages that are selected.
        chosen = Selected(request.packages, (), ()) if first else await run(self._select)
        with_list = catalog is not None and (
            is_old or await run(estimate.reads_list, self._db, request, chosen, now=self._clock())
        )
        if with_list and catalog is not None:
            await self._repair(None)
            await self._read_list(catalog, refetch=False, complete=is_old)
        if with_list or first:
            chosen = await run(self._select)
        named = NamedFetch(catalog, self._context)
        await named.run([*chosen.names, *(() if with_list else map(str, chosen.others))])
        found = list(dict.fromkeys([*named.found, *chosen.others]))
        if not found and not chosen.names:
            more = "; the mirror has no catalog yet, run djpkg fetch --all" if await self._find_sweep() is None else ""
            self._recorder.progress.note(f"nothing selected{more}")
        await self._repair(found, rewrite=request.refetch)
        self._named = frozenset(found) - frozenset(chosen.others)
        return found

    async def _find_sweep(self) -> Sweep | None:
        """Return the last complete read of the catalog's list."""
        return await self._context.writes.run(fetch_history.find_sweep, self._db, SourceName.CATALOG)

    def _select(self) -> Selected:
        return select(self._db, self._request, self._environment, now=self._clock())

    async def _fetch_sources(self, only: list[int] | None) -> None:
        """Fetch from the forges and PyPI: for the packages of `only`, or for all."""
        if only is not None and not only:
            return
        now, wanted, refetch = self._clock(), self._request.sources, self._request.refetch
        run, named = self._context.writes.run, self._named
        queues = await run(queue.queue_repositories, self._db, only=only, named=named, now=now, refetch=refetch)
        projects = await run(queue.queue_projects, self._db, only=only, named=named, now=now, refetch=refetch)
        self._context.writer.accepting = {
            target.coordinate for due in queues.values() for target in due.targets if target.accepts_new
        }
        await run(queue.add_django, self._db, projects, only=only, now=now, refetch=refetch)
        for name in wanted - {SourceName.CATALOG}:
            slugs = projects.slugs if name is SourceName.PYPI else queues[name].slugs
            self._recorder.report.sources[name].queued = sum(map(len, slugs.values()))
        if self._named and only is not None and not any(one.queued for one in self._recorder.report.sources.values()):
            names = [await run(resolve.find_slug, self._db, number) for number in only if number in self._named]
            self._recorder.progress.warn(nothing_to_fetch_line([name for name in names if name], wanted))
        repositories = {forge: queues[forge] for forge in FORGES if forge in wanted and queues[forge].targets}
        if (github := repositories.get(SourceName.GITHUB)) and len(github.targets) > REPOSITORIES_WITHOUT_TOKEN:
            await self._note_missing_token()
        tokens = {forge: await self._find_token(forge) for forge in repositories}
        if self._request.all_packages:
            with_token = frozenset(forge for forge, token in tokens.items() if token is not None)
            self._recorder.report.with_token = with_token
            self._show_estimates(
                estimate.estimate_sources(
                    repositories,
                    projects if SourceName.PYPI in wanted else None,
                    await run(fetch_history.get_quotas, self._db),
                    all_packages=True,
                    with_token=with_token,
                    now=now,
                )
            )
        forges = {
            registry.open_forge(
                forge,
                self._environment,
                token=tokens[forge],
                other_tokens=self._tokens[forge],
                limits=self._limits,
                clock=self._clock,
            ): due
            for forge, due in repositories.items()
        }
        pypi = None
        if SourceName.PYPI in wanted and projects.targets:
            last = await run(fetch_history.find_sweep, self._db, SourceName.PYPI)
            listed = last.packages if last else None
            source = registry.open_pypi(self._environment, listed=listed, limits=self._limits, clock=self._clock)
            pypi = source, projects
        await SourceWorkers(self._context, all_packages=self._request.all_packages).run(forges, pypi)

    def _show_estimates(self, estimates: list[estimate.Estimate]) -> None:
        for line in estimate.estimate_lines(estimates):
            self._recorder.progress.estimate(line)
