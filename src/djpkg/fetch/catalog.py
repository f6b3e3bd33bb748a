"""The catalog's part of a fetch: named packages one by one, or the list page by page; then grids and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg import config
from djpkg.errors import PackageNotFound, QuotaExhausted, Refused, SourceError, UnexpectedPayload
from djpkg.fetch.report import NOT_FOUND
from djpkg.mirror import categories, fetch_history, queue, resolve
from djpkg.model import forge_servers
from djpkg.model.batch_sizes import MIN_LIST_RATIO
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import Sweep
from djpkg.model.freshness import needs_sweep, reaches_known_id
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.fetch.context import FetchContext
    from djpkg.fetch.page_writes import PageWrites
    from djpkg.mirror.write import Writer
    from djpkg.model.facts import CatalogFacts
    from djpkg.sources.catalog.source import Catalog, CatalogPage

# Packages missing from a sweep that are requested one by one before they count as removed.
CONFIRMED_REMOVALS = 25
_CATALOG = SourceName.CATALOG


class CatalogSweep:
    """Reads the catalog's list and stores it page by page."""

    def __init__(self, catalog: Catalog, context: FetchContext) -> None:
        self._catalog = catalog
        self._db = context.db
        self._writer = context.writer
        self._writes = context.writes
        self._recorder = context.recorder
        self._clock = context.clock
        self._last = fetch_history.find_sweep(context.db, _CATALOG)
        self._seen: set[int] = set()
        self._count = 0
        self._expected = self._last.packages if self._last else 0
        self._uncompared: set[int] = set()
        self._hint: str | None = None

    async def run(self, *, refetch: bool, complete: bool = False) -> None:
        """Read the list, newest first: to its end if it is due, else up to the newest package of the last sweep.

        It is due if `refetch` or `complete`, once a day, and if an older parser has read records.

        Raises SourceError. A list that lost more than a tenth since the last complete sweep removes nothing; with
        `refetch` packages that only a snapshot lists are not compared. Packages that the rate limit excludes are
        recorded as deferred.
        """
        await self._find_comparison(refetch=refetch)
        outdated = await self._writes.run(queue.count_outdated_records, self._db)
        complete = complete or refetch or needs_sweep(self._last, now=self._clock()) or bool(outdated)
        try:
            await self._read_pages(complete=complete)
            if complete:
                await self._finish_sweep()
            elif self._last is not None:
                newest_id = max(self._seen, default=self._last.newest_id)
                sweep = self._last._replace(newest_id=newest_id)
                await self._writes.run(fetch_history.store_sweep, self._db, _CATALOG, sweep)
            await store_grids_and_categories(self._catalog, self._writer, self._writes)
        except QuotaExhausted as error:
            listed = self._last.packages if self._last else self._count
            self._recorder.defer(_CATALOG, max(0, listed - len(self._seen)), str(error), error.until)

    async def _find_comparison(self, *, refetch: bool) -> None:
        """Decide what the list is compared with. A snapshot may have listed packages that the catalog does not have."""
        from_snapshots = await self._writes.run(resolve.find_listed_in_snapshots, self._db)
        if not from_snapshots:
            return
        if refetch:
            listed = await self._writes.run(resolve.find_listed, self._db)
            self._expected = min(self._expected, len(listed) - len(from_snapshots))
            self._uncompared = from_snapshots
        else:
            self._hint = "djpkg fetch --all --refetch does not compare with packages of snapshots"

    async def _read_pages(self, *, complete: bool) -> None:
        last = self._last
        async for page in self._catalog.sweep():
            self._count = page.count
            if not self._seen:
                self._recorder.start(_CATALOG, page.count if complete else len(page.ids))
                if page.count < self._expected * MIN_LIST_RATIO:
                    raise SourceError(
                        f"catalog: the list has only {page.count:,} packages, {self._expected:,} last time;"
                        " nothing was changed",
                        hint=self._hint,
                    )
            await self._store_page(page)
            if not complete and last is not None and reaches_known_id(page.ids, last.newest_id):
                return

    async def _store_page(self, page: CatalogPage) -> None:
        report_added = self._last is not None
        changes = await self._writes.run(
            self._writer.store_catalog, page.packages, now=self._clock(), report_added=report_added
        )
        # Insertions while paging repeat rows: each package counts once.
        self._recorder.record_stored(_CATALOG, [change for change in changes if change.package not in self._seen])
        for number, reason in page.invalid:
            slug = None if number is None else await self._writes.run(resolve.find_slug, self._db, number)
            if slug is None:
                self._recorder.report.count(_CATALOG, Outcome.FAILED)
                self._recorder.report.fail_source(_CATALOG, f"catalog: {reason}")
            elif number is not None and number not in self._seen:
                await self._writes.run(fetch_history.store_catalog_failure, self._db, number, reason, now=self._clock())
                self._recorder.fail(_CATALOG, (slug,), reason)
        self._seen.update(page.ids)

    async def _finish_sweep(self) -> None:
        """Mark the packages missing from the whole list as removed; last, store that the sweep is complete."""
        last = self._last
        if len(self._seen) < max(self._expected, self._count) * MIN_LIST_RATIO:
            raise SourceError(
                f"catalog: the list ended after {len(self._seen):,} of {self._count:,} packages;"
                " no package was marked as removed"
            )
        listed = await self._writes.run(resolve.find_listed, self._db)
        missing = [number for number in listed if number not in self._seen]
        lost = sum(number not in self._uncompared for number in missing)
        if last is not None and self._expected - lost < self._expected * MIN_LIST_RATIO:
            raise SourceError(
                f"catalog: the list lacks {lost:,} of the {self._expected:,} packages that it had last time;"
                " no package was marked as removed",
                hint=self._hint,
            )
        if len(self._seen) != self._count:
            # Deletions while paging hide packages: a few are requested by id, more are assumed to be still listed.
            for number in missing[:CONFIRMED_REMOVALS]:
                if not await self._is_removed(number):
                    self._seen.add(number)
            self._seen.update(missing[CONFIRMED_REMOVALS:])
        report = last is not None
        removed = await self._writes.run(self._writer.mark_removed, self._seen, now=self._clock(), report=report)
        self._recorder.start(_CATALOG, len(self._seen) + len(removed))
        self._recorder.count(_CATALOG, Outcome.GONE, len(removed))
        self._recorder.record_events(removed)
        if last is None:
            self._recorder.report.first_sweep = True
            self._recorder.progress.note(f"{len(self._seen):,} packages stored; they can be listed already")
        sweep = Sweep(completed=self._clock(), packages=len(self._seen), newest_id=max(self._seen, default=None))
        await self._writes.run(fetch_history.store_sweep, self._db, _CATALOG, sweep)

    async def _is_removed(self, number: int) -> bool:
        """Return whether the catalog answers that it does not have a package. Raises SourceError."""
        try:
            return await self._catalog.fetch_package(number) is None
        except UnexpectedPayload as error:  # about another package, or invalid
            await self._writes.run(fetch_history.store_catalog_failure, self._db, number, str(error), now=self._clock())
            slug = await self._writes.run(resolve.find_slug, self._db, number)
            self._recorder.fail(_CATALOG, (slug or str(number),), str(error))
            return False


class NamedFetch:
    """Finds and stores named packages one by one; `found` has their ids, in the order of the names.

    `catalog` is None when the catalog is not fetched: the names are then looked up in the mirror only.
    """

    def __init__(self, catalog: Catalog | None, context: FetchContext) -> None:
        self._catalog = catalog
        self._db = context.db
        self._writer = context.writer
        self._writes = context.writes
        self._recorder = context.recorder
        self._clock = context.clock
        self._catalog_url = config.catalog_url(context.environment)
        self._forges = forge_servers.forge_servers(context.environment)
        self.found: list[int] = []

    async def run(self, names: Sequence[str]) -> None:
        """Fetch each name; then grids and categories, if a package found has some without a title."""
        if self._catalog is not None:
            self._recorder.start(_CATALOG, len(names))
        for name in dict.fromkeys(names):
            await self._fetch(name)
        if self._catalog is not None and await self._writes.run(categories.has_unnamed, self._db, self.found):
            with self._recorder.recording_errors(_CATALOG):
                await store_grids_and_categories(self._catalog, self._writer, self._writes)

    async def _fetch(self, name: str) -> None:
        number: int | None = None
        try:
            number = await self._find_id(name)
            if number in self.found:
                return  # the same package under another name
            facts = await self._request(name, number)
        except PackageNotFound as error:
            self._recorder.report.unknown[name] = str(error)
            return
        except QuotaExhausted as error:
            self._recorder.defer(_CATALOG, 1, str(error), error.until)
            self._add_found(number)
            return
        except SourceError as error:
            await self._fail(name, number, error)
            self._add_found(number)
            return
        if facts is not None and facts.id in self.found:
            return
        if self._catalog is not None and number is not None and (facts is None or facts.id != number):
            self._recorder.record_events(await self._writes.run(self._writer.mark_gone, number, now=self._clock()))
        if facts is not None:
            self._add_found(facts.id)
            changes = await self._writes.run(self._writer.store_catalog, [facts], now=self._clock(), report_added=False)
            self._recorder.record_stored(_CATALOG, changes)
        elif number is not None:
            self._add_found(number)
            if self._catalog is not None:
                self._recorder.count(_CATALOG, Outcome.GONE, 1)
        else:
            suggestion = await self._writes.run(resolve.suggest_slugs, self._db, name, catalog=self._catalog_url)
            self._recorder.report.unknown[name] = f"{NOT_FOUND}; {suggestion}" if suggestion else NOT_FOUND

    async def _fail(self, name: str, number: int | None, error: SourceError) -> None:
        slug = None if number is None else await self._writes.run(resolve.find_slug, self._db, number)
        if number is not None:
            await self._writes.run(fetch_history.store_catalog_failure, self._db, number, str(error), now=self._clock())
        refused = isinstance(error, Refused)
        self._recorder.fail(_CATALOG, (slug or name,), str(error), refused=refused, hint=error.hint)

    def _add_found(self, number: int | None) -> None:
        if number is not None:
            self.found.append(number)

    async def _find_id(self, name: str) -> int | None:
        """Return the id that the mirror has for a name; its rows are then readable. PackageNotFound if ambiguous."""
        run, catalog, forges = self._writes.run, self._catalog_url, self._forges
        if not await run(resolve.find_ids, self._db, name, catalog=catalog, forges=forges):
            return None
        number = await run(resolve.get_id, self._db, name, catalog=catalog, forges=forges)
        await self._writes.run(self._writer.repair, [number])
        return number

    async def _request(self, name: str, number: int | None) -> CatalogFacts | None:
        """Return the catalog's package for the first name that it knows; None without a catalog. Raises SourceError.

        The id in the mirror comes first: the catalog may give the slug of a removed package to another one. Slugs are
        tried as typed and normalized, because the catalog compares their case.
        """
        if self._catalog is None:
            return None
        typed = resolve.parse_catalog_address(name, catalog=self._catalog_url) or name.strip()
        slugs = [typed, resolve.normalize_slug(typed)] if resolve.is_id_or_slug(typed) else []
        names: list[int | str] = [*([] if number is None else [number]), *slugs]
        for id_or_slug in dict.fromkeys(names):
            if (facts := await self._catalog.fetch_package(id_or_slug)) is not None:
                return facts
        return None


async def store_grids_and_categories(catalog: Catalog, writer: Writer, writes: PageWrites) -> None:
    """Fetch and store the titles of all grids and categories. Raises SourceError."""
    await writes.run(writer.store_grids, await catalog.fetch_grids())
    await writes.run(writer.store_categories, await catalog.fetch_categories())
