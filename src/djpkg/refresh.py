"""plan -> fetch -> merge -> store: the one place where the network and the mirror meet.

    catalog   named packages one by one, or the whole list page by page; then grids and categories
    then      every forge and PyPI side by side: what is due -> answers, page by page -> one transaction a page

A source that fails spoils no other. What was answered is stored before the next page is awaited, so that running a
fetch again is how one resumes it.
"""

from __future__ import annotations

import asyncio
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from djpkg import config, fields, price
from djpkg.errors import PackageNotFound, Refused, SourceError
from djpkg.facts import FORGES, Outcome, SourceName
from djpkg.mirror import due, find, ledger, lock, read
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Statement, Writer
from djpkg.remembered import QuotaRow, Sweep
from djpkg.report import UNKNOWN, QuotaState, Report, Told
from djpkg.sources import opening
from djpkg.sources.limits import Limits
from djpkg.sources.quota import LONGEST
from djpkg.sweeping import SHORTER, needs_sweep, reached

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType, TracebackType
    from typing import Self

    from djpkg.facts import CatalogFacts, Facts
    from djpkg.mirror.write import Written
    from djpkg.render.observer import Progress
    from djpkg.sources import Answer, Forge, Registry
    from djpkg.sources.catalog import Catalog
    from djpkg.sources.quota import Quota

INTERRUPTED = 130
TERMINATED = 143
# How many packages a sweep may miss that are asked for one by one before they count as removed.
CONFIRMED = 25
_SLUG = fields.columns("slug")


def utc_now() -> datetime:
    """The clock of a fetch."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for: packages by name, or every one; from which sources; whether to sweep in any case.

    `manifest` is the file that named the packages, if one did.
    """

    packages: tuple[str, ...] = ()
    manifest: str | None = None
    every: bool = False
    sources: frozenset[SourceName] = frozenset(SourceName)
    full: bool = False

    def __str__(self) -> str:
        named = list(self.packages) if self.manifest is None else [f"--in {self.manifest}"]
        words = ["--all"] if self.every else named
        if self.sources != frozenset(SourceName):
            words += [f"--source {source}" for source in sorted(self.sources)]
        return " ".join([*words, *(["--full"] if self.full else [])])


def fetch(
    request: Request,
    path: Path,
    environment: Mapping[str, str],
    *,
    progress: Progress,
    clock: Callable[[], datetime] = utc_now,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Report:
    """Fetch what was asked for into the mirror at `path`, which is made where there is none.

    Raises ConfigError, FetchRunning and MirrorError; whatever a source does is in the report.
    """
    opening.check(request.sources, environment)
    forges = config.forges(environment)
    manifest = None if request.manifest is None else _keepable(request.manifest)
    request = replace(request, packages=tuple(map(_keepable, request.packages)), manifest=manifest)
    with _Stop() as stop, lock.fetch_lock(path):
        lock.ensure_locked(path)
        with open_write(path) as db:
            started = clock()
            run = ledger.start_run(db, str(request), now=started)
            report = Report(started=started, named=request.packages)
            writer = Writer(db, forges=forges, run=run)
            work = _Fetch(
                request,
                db,
                writer=writer,
                report=report,
                environment=environment,
                progress=progress,
                clock=clock,
                limits=limits,
            )
            with asyncio.Runner() as runner:
                runner.run(stop.obey(work.run()))
            report.stopped = stop.code
            report.finished = clock()
            ledger.finish_run(db, run, code=report.exit_code, report=report.kept_json(), now=report.finished)
    return report


def _keepable(name: str) -> str:
    """A name as it was typed, as far as it can be kept: what is no text is not, nor a token in an address of git's."""
    return re.sub(r"//[^/@\s]*@", "//", name.encode("utf-8", "replace").decode())


def estimate(
    request: Request, db: sqlite3.Connection, environment: Mapping[str, str], *, now: datetime
) -> list[price.Price]:
    """What a fetch of all, or of the named that the mirror knows, would cost. Reads the mirror and asks nobody."""
    catalog, forges = config.catalog(environment), config.forges(environment)
    named = [number for name in request.packages for number in find.find(db, name, catalog=catalog, forges=forges)]
    only = None if request.every else named
    quotas = ledger.get_quotas(db)
    prices: list[price.Price] = []
    if SourceName.CATALOG in request.sources:
        if request.every:
            last = ledger.find_sweep(db, SourceName.CATALOG)
            prices.append(price.catalog_price(last, full=request.full, now=now))
            if last is None:
                return prices  # what the others would be asked is known once the list is in
        else:
            number = len(request.packages)
            prices.append(price.Price(SourceName.CATALOG.value, number, number, number + 2, 0, None))
    repositories = due.repositories(db, only=only, now=now)
    projects = due.projects(db, only=only, now=now)
    return prices + _prices(request, repositories, projects, quotas, environment)


def _prices(
    request: Request,
    repositories: Mapping[SourceName, due.Repositories],
    projects: due.Projects,
    quotas: Sequence[QuotaRow],
    environment: Mapping[str, str],
) -> list[price.Price]:
    """What forges and PyPI would cost."""
    packages = {forge: sum(map(len, one.slugs.values())) for forge, one in repositories.items()}
    asks = {forge: one.asks for forge, one in repositories.items() if forge in request.sources}
    prices: list[price.Price] = []
    if github := asks.get(SourceName.GITHUB):
        with_token = opening.find_token(SourceName.GITHUB, environment) is not None
        prices.append(
            price.github_price(github, packages=packages[SourceName.GITHUB], with_token=with_token, quotas=quotas)
        )
    prices += price.forge_prices(asks, packages=packages, quotas=quotas)
    if SourceName.PYPI in request.sources and projects.asks:
        prices.append(price.pypi_price(projects.asks, packages=sum(map(len, projects.slugs.values()))))
    return prices


class _Fetch:
    """One run: the catalog, then all that the packages point to."""

    def __init__(
        self,
        request: Request,
        db: sqlite3.Connection,
        *,
        writer: Writer,
        report: Report,
        environment: Mapping[str, str],
        progress: Progress,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._request = request
        self._db = db
        self._writer = writer
        self._report = report
        self._environment = environment
        self._progress = progress
        self._clock = clock
        self._limits = limits
        self._named: list[int] = []

    async def run(self) -> None:
        try:
            await self._catalog()
            await self._others()
        finally:
            self._progress.stop()

    # The catalog.

    async def _catalog(self) -> None:
        wanted = SourceName.CATALOG in self._request.sources
        if not self._request.every:
            await self._fetch_named(ask=wanted)
        elif wanted:
            with self._told(SourceName.CATALOG):
                async with self._open_catalog() as catalog:
                    with self._spent(SourceName.CATALOG, catalog):
                        await self._sweep(catalog)
                        await self._name_places(catalog)

    def _open_catalog(self) -> Catalog:
        return opening.open_catalog(self._environment, limits=self._limits, clock=self._clock)

    async def _fetch_named(self, *, ask: bool) -> None:
        """Each named package from the catalog; those that only the mirror can resolve (a repository) by their id."""
        async with AsyncExitStack() as stack:
            catalog = None
            if ask:
                catalog = await stack.enter_async_context(self._open_catalog())
                stack.enter_context(self._spent(SourceName.CATALOG, catalog))
                self._progress.start(SourceName.CATALOG, len(self._request.packages))
            for name in dict.fromkeys(self._request.packages):
                await self._fetch_one(catalog, name)
            if catalog is not None and self._has_unnamed_places():
                with self._told(SourceName.CATALOG):
                    await self._name_places(catalog)

    async def _fetch_one(self, catalog: Catalog | None, name: str) -> None:
        address = config.catalog(self._environment)
        number: int | None = None
        try:
            number = self._find(name)
            said = None if catalog is None else await _ask_catalog(catalog, _catalog_names(name, number, address))
        except PackageNotFound as error:
            self._report.unknown[name] = str(error)
        except SourceError as error:
            slug = name if number is None else str(read.get_values(self._db, number, _SLUG)["slug"])
            self._report.fail(SourceName.CATALOG, (slug,), error.reason, refused=isinstance(error, Refused))
            self._named += [] if number is None else [number]
        else:
            if catalog is not None and number is not None and (said is None or said.id != number):
                self._tell(self._writer.mark_gone(number, now=self._clock()))
            if said is not None:
                self._named.append(said.id)
                self._note(SourceName.CATALOG, self._writer.store_catalog([said], now=self._clock(), tell_added=False))
            elif number is not None:
                self._named.append(number)
                if catalog is not None:
                    self._count(SourceName.CATALOG, Outcome.GONE, 1)
            else:
                near = find.nearest(self._db, name, catalog=address)
                self._report.unknown[name] = f"{UNKNOWN}; {near}" if near else UNKNOWN

    def _find(self, name: str) -> int | None:
        """The package that the mirror has under a name. PackageNotFound where there are several."""
        catalog, forges = config.catalog(self._environment), config.forges(self._environment)
        known = find.find(self._db, name, catalog=catalog, forges=forges)
        return find.get(self._db, name, catalog=catalog, forges=forges) if known else None

    async def _sweep(self, catalog: Catalog) -> None:
        """Read the list, newest first: to its end when that is due, else as far as the last sweep's newest package."""
        last = ledger.find_sweep(self._db, SourceName.CATALOG)
        whole = self._request.full or needs_sweep(last, now=self._clock())
        seen: set[int] = set()
        count = 0
        async for page in catalog.sweep():
            count = page.count
            if not seen:
                self._progress.start(SourceName.CATALOG, count if whole else len(page.ids))
            if last is not None and count < last.packages * SHORTER:
                raise SourceError(
                    f"catalog: it lists only {count:,} packages, {last.packages:,} the last time; nothing was changed"
                )
            seen.update(page.ids)
            written = self._writer.store_catalog(page.packages, now=self._clock(), tell_added=last is not None)
            self._note(SourceName.CATALOG, written)
            for reason in page.refused:
                number, _, what = reason.removeprefix("package ").partition(": ")
                self._report.fail(SourceName.CATALOG, (number,), what)
            if not whole and last is not None and reached(page.ids, last.mark):
                break
        if not whole:
            if last is not None:
                ledger.store_sweep(self._db, SourceName.CATALOG, last._replace(mark=max(seen, default=last.mark)))
            return
        if len(seen) < max(last.packages if last else 0, count) * SHORTER:
            raise SourceError(
                f"catalog: its list ended after {len(seen):,} of {count:,} packages; none counts as removed"
            )
        await self._remove_unseen(catalog, seen, sure=len(seen) == count)
        if last is None:
            self._report.first = True
            self._progress.note(f"{len(seen):,} packages are in: djpkg list works now")
        done = Sweep(completed=self._clock(), packages=len(seen), mark=max(seen, default=None))
        ledger.store_sweep(self._db, SourceName.CATALOG, done)

    async def _remove_unseen(self, catalog: Catalog, seen: set[int], *, sure: bool) -> None:
        """Mark what a whole sweep did not list. Deletions while paging hide packages: a few are asked for by number."""
        listed = self._db.execute("SELECT id FROM packages WHERE catalog_state = 'listed'")
        lost = [number for (number,) in listed if number not in seen]
        if not sure:
            for number in lost[:CONFIRMED]:
                if await catalog.fetch_package(str(number)) is not None:
                    seen.add(number)
            seen.update(lost[CONFIRMED:])
        written = self._writer.mark_removed(seen, now=self._clock())
        self._count(SourceName.CATALOG, Outcome.GONE, len(written))
        self._tell(written)

    async def _name_places(self, catalog: Catalog) -> None:
        self._writer.store_grids(await catalog.fetch_grids())
        self._writer.store_categories(await catalog.fetch_categories())

    def _has_unnamed_places(self) -> bool:
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM package_grids JOIN grids ON grids.id = grid_id WHERE grids.slug IS NULL"
            " AND package_id IN (SELECT value FROM json_each(?)))"
            " OR EXISTS (SELECT 1 FROM packages JOIN categories ON categories.id = packages.category"
            " WHERE categories.slug IS NULL AND packages.id IN (SELECT value FROM json_each(?)))",
            (str(self._named), str(self._named)),
        ).fetchone()
        return bool(row[0])

    # Forges and PyPI.

    async def _others(self) -> None:
        only = None if self._request.every else self._named
        if only is not None and not only:
            return
        now = self._clock()
        quotas = ledger.get_quotas(self._db)
        repositories = due.repositories(self._db, only=only, now=now)
        projects = due.projects(self._db, only=only, now=now)
        if self._request.every:
            prices = _prices(self._request, repositories, projects, quotas, self._environment)
            for line in price.lines(prices):
                self._progress.note(f"to ask {line}")
        async with AsyncExitStack() as stack:
            forges = {
                forge: await stack.enter_async_context(
                    opening.open_forge(forge, self._environment, limits=self._limits, clock=self._clock)
                )
                for forge in FORGES
                if forge in self._request.sources and repositories[forge].asks
            }
            lanes = [self._lane(source, *repositories[forge], quotas=quotas) for forge, source in forges.items()]
            if SourceName.PYPI in self._request.sources and projects.asks:
                lanes.append(self._pypi_lane(projects, quotas))
            await _side_by_side(lanes)

    async def _pypi_lane(self, projects: due.Projects, quotas: Sequence[QuotaRow]) -> None:
        last = ledger.find_sweep(self._db, SourceName.PYPI)
        listed = last.packages if last else None
        async with opening.open_pypi(self._environment, listed=listed, limits=self._limits, clock=self._clock) as pypi:
            await self._lane(pypi, *projects, quotas=quotas)
            listed = pypi.listed
        if listed:
            ledger.store_sweep(self._db, SourceName.PYPI, Sweep(self._clock(), listed, None))

    async def _lane(
        self,
        source: Forge | Registry,
        asks: Sequence[object],
        slugs: Mapping[str, tuple[str, ...]],
        *,
        quotas: Sequence[QuotaRow],
    ) -> None:
        """Ask one source for all that is due, and store each page of what it says."""
        self._progress.start(source.name, sum(map(len, slugs.values())))
        changed: set[tuple[int, str]] = set()
        left = dict(slugs)
        with self._spent(source.name, source), self._told(source.name):
            _recall(source, quotas, now=self._clock())
            pages: AsyncIterator[Sequence[Answer[Facts]]] = source.fetch(
                asks,  # type: ignore[arg-type] # each lane is given its own kind of asks
                now=self._clock(),
                sweep=self._request.every,
            )
            async for page in pages:
                self._take(source.name, page, slugs, changed)
                for answer in page:
                    if answer.outcome is not None:
                        left.pop(answer.coordinate, None)
        for names in left.values():  # only where a source broke off
            self._report.fail(source.name, names, f"{source.name}: it ended without an answer")

    def _take(
        self,
        source: SourceName,
        page: Sequence[Answer[Facts]],
        slugs: Mapping[str, tuple[str, ...]],
        changed: set[tuple[int, str]],
    ) -> None:
        """Store one page and count what ended with it."""
        told = [
            Statement(
                answer.coordinate,
                answer.outcome,
                said=answer.facts,
                error=answer.reason or None,
                etag=answer.etag,
                serial=answer.serial,
            )
            for answer in page
            if answer.outcome is not Outcome.DEFERRED or answer.facts is not None
        ]
        written = self._writer.store_statements(source, told, now=self._clock())
        self._tell(written)
        changed.update((one.package, one.coordinate) for one in written if one.changed)
        news = {coordinate for _, coordinate in changed}
        for answer in page:
            names = slugs.get(answer.coordinate, ())
            match answer.outcome:
                case None:
                    continue
                case Outcome.FAILED:
                    self._report.fail(source, names, answer.reason, refused=answer.refused)
                    self._progress.advance(source, len(names), Outcome.FAILED)
                case Outcome.DEFERRED:
                    self._report.defer(source, len(names), answer.reason, answer.until)
                    self._progress.advance(source, len(names), Outcome.DEFERRED)
                case Outcome.GONE:
                    self._count(source, Outcome.GONE, len(names))
                case _:
                    outcome = Outcome.UPDATED if answer.coordinate in news else Outcome.UNCHANGED
                    self._count(source, outcome, len(names))

    # Telling.

    def _note(self, source: SourceName, written: Sequence[Written]) -> None:
        for one in written:
            self._count(source, Outcome.UPDATED if one.changed else Outcome.UNCHANGED, 1)
        self._tell(written)

    def _tell(self, written: Sequence[Written]) -> None:
        self._report.events += [Told(one.slug, *event) for one in written for event in one.events]

    def _count(self, source: SourceName, outcome: Outcome, packages: int) -> None:
        self._report.count(source, outcome, packages)
        self._progress.advance(source, packages, outcome)

    @contextmanager
    def _told(self, source: SourceName) -> Iterator[None]:
        """What goes wrong with a source as a whole is told and ends there."""
        try:
            yield
        except SourceError as error:
            self._report.fail_source(source, error.reason, refused=isinstance(error, Refused))

    @contextmanager
    def _spent(self, name: SourceName, source: Catalog | Forge | Registry) -> Iterator[None]:
        """However it ends, what a source cost and what it said of its quota is kept."""
        try:
            yield
        finally:
            tally = self._report.sources[name]
            tally.requests, tally.charged = source.spent.requests, source.spent.charged
            tally.points, tally.received = source.spent.points, source.spent.received
            quota = source.quota
            tally.quota = QuotaState(quota.limit, quota.remaining, quota.reset)
            now = self._clock()
            told = {pool: one for pool, one in _pools(source).items() if one.remaining is not None or one.closed_until}
            ledger.store_quota(self._db, [_quota_row(name, pool, one, now) for pool, one in told.items()])


def _catalog_names(name: str, number: int | None, address: str) -> list[str]:
    """Under what to ask the catalog, one after the other: the number that the mirror knows, then what was typed.

    The catalog gives the slug of a package that it dropped to another one, and knows slugs by their exact case alone.
    """
    typed = find.catalog_name(name, catalog=address) or name.strip()
    slugs = [typed, find.folded(typed)] if find.is_catalog_name(typed) else []
    return list(dict.fromkeys([*([str(number)] if number is not None else []), *slugs]))


async def _ask_catalog(catalog: Catalog, names: Sequence[str]) -> CatalogFacts | None:
    """The package that the catalog has under the first of the names that it knows. Raises SourceError."""
    for name in names:
        said = await catalog.fetch_package(name)
        if said is not None:
            return said
    return None


async def _side_by_side(lanes: Sequence[Coroutine[None, None, None]]) -> None:
    """All lanes to their ends; where one fails (the disk is full, say) the others end with it and its error is told."""
    tasks = [asyncio.ensure_future(lane) for lane in lanes]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Impatient(ThreadPoolExecutor):
    """The threads that look up names. Nobody waits for one whose name server is silent once the fetch has ended."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - its parent's
        super().shutdown(wait=False, cancel_futures=True)


class _Stop:
    """SIGINT and SIGTERM while a fetch lasts: no request is begun any more, and no page is half stored.

    What follows the first of them changes nothing: a task that is interrupted in its middle ends with a traceback.
    The handlers are plain ones and not the loop's. Those come late (an exception that is raised while a loop is made
    leaves half of one) and end early, with the defaults in place of what was before.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._task: asyncio.Future[None] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # whoever runs us elsewhere stops us otherwise
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    async def obey(self, work: Coroutine[None, None, None]) -> None:
        """Run until done, or until stopped."""
        asyncio.get_running_loop().set_default_executor(_Impatient())
        self._task = asyncio.ensure_future(work)
        if self.code is not None:
            self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            if self.code is None:
                raise
        finally:
            self._task = None

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.code is not None:
            return
        self.code = INTERRUPTED if number == signal.SIGINT else TERMINATED
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)


def _pools(source: Catalog | Forge | Registry) -> dict[str, Quota]:
    return dict(getattr(source, "quotas", {"": source.quota}))


def _quota_row(name: SourceName, pool: str, quota: Quota, now: datetime) -> QuotaRow:
    used_up = quota.remaining == 0 and quota.reset is not None and quota.reset > now
    not_before = quota.closed_until if quota.closed_until and quota.closed_until > now else None
    return QuotaRow(
        name.value, pool, quota.limit, quota.remaining, quota.reset, not_before or (quota.reset if used_up else None)
    )


def _recall(source: Forge | Registry, rows: Sequence[QuotaRow], *, now: datetime) -> None:
    """What a source said of its quota in an earlier run still holds until the moment that it named."""
    pools = _pools(source)
    for row in rows:
        quota = pools.get(row.pool) if row.source == source.name.value else None
        if quota is None:
            continue
        # A moment that lies further off was noted by a clock that was ahead.
        if row.not_before is not None and now < row.not_before <= now + LONGEST:
            quota.close(row.not_before, now=now)
        if row.reset is not None and now < row.reset <= now + LONGEST:
            quota.limit, quota.remaining, quota.reset = row.limit, row.remaining, row.reset
