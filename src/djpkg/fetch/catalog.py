"""The catalog's part of a fetch: named packages one by one, or the list page by page; then grids and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg import config
from djpkg.errors import PackageNotFound, QuotaExhausted, Refused, SourceError
from djpkg.fetch.report import UNKNOWN
from djpkg.mirror import categories, fetch_history, resolve
from djpkg.model import forge_servers
from djpkg.model.batch_sizes import SHORTEST_LIST
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import Sweep
from djpkg.model.freshness import needs_sweep, reaches_known
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from djpkg.fetch.recorder import Recorder
    from djpkg.mirror.write import Writer
    from djpkg.model.facts import CatalogFacts
    from djpkg.sources.catalog.source import Catalog, CatalogPage

# How many packages a sweep may miss that are asked for one by one before they count as removed.
CONFIRMED_REMOVALS = 25
_CATALOG = SourceName.CATALOG


class CatalogSweep:
    """Reads the catalog's list and stores it page by page."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        db: sqlite3.Connection,
        writer: Writer,
        account: Recorder,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._db = db
        self._writer = writer
        self._account = account
        self._clock = clock
        self._last = fetch_history.find_sweep(db, _CATALOG)
        self._seen: set[int] = set()
        self._count = 0

    async def run(self, *, full: bool) -> None:
        """Read the list, newest first: to its end when that is due, else as far as the last sweep's newest package.

        Raises SourceError; one that lost more than a tenth of the last completed sweep removes nothing. What the
        catalog's quota puts off is told here.
        """
        whole = full or needs_sweep(self._last, now=self._clock())
        try:
            await self._read(whole=whole)
            if whole:
                await self._complete()
            elif self._last is not None:
                mark = max(self._seen, default=self._last.mark)
                fetch_history.store_sweep(self._db, _CATALOG, self._last._replace(mark=mark))
            await store_categories_and_grids(self._catalog, self._writer)
        except QuotaExhausted as error:
            listed = self._last.packages if self._last else self._count
            self._account.defer(_CATALOG, max(0, listed - len(self._seen)), error.reason, error.until)

    async def _read(self, *, whole: bool) -> None:
        last = self._last
        async for page in self._catalog.sweep():
            self._count = page.count
            if not self._seen:
                self._account.progress.start(_CATALOG, page.count if whole else len(page.ids))
                if last is not None and page.count < last.packages * SHORTEST_LIST:
                    raise SourceError(
                        f"catalog: it lists only {page.count:,} packages, {last.packages:,} the last time;"
                        " nothing was changed"
                    )
            self._store(page)
            if not whole and last is not None and reaches_known(page.ids, last.mark):
                return

    def _store(self, page: CatalogPage) -> None:
        written = self._writer.store_catalog(page.packages, now=self._clock(), tell_added=self._last is not None)
        # Insertions while paging repeat rows: each package counts once.
        self._account.take(_CATALOG, [one for one in written if one.package not in self._seen])
        for number, reason in page.refused:
            slug = None if number is None else resolve.find_slug(self._db, number)
            if slug is None:
                self._account.report.count(_CATALOG, Outcome.FAILED)
                self._account.report.fail_source(_CATALOG, f"catalog: {reason}")
            elif number is not None and number not in self._seen:
                self._writer.note_failure(number, reason, now=self._clock())
                self._account.fail(_CATALOG, (slug,), reason)
        self._seen.update(page.ids)

    async def _complete(self) -> None:
        """The list was read to its end: mark what it lacks, and keep that it is complete, which comes last."""
        last = self._last
        if len(self._seen) < max(last.packages if last else 0, self._count) * SHORTEST_LIST:
            raise SourceError(
                f"catalog: its list ended after {len(self._seen):,} of {self._count:,} packages; none counts as removed"
            )
        lost = [number for number in resolve.find_listed(self._db) if number not in self._seen]
        if last is not None and last.packages - len(lost) < last.packages * SHORTEST_LIST:
            raise SourceError(
                f"catalog: its list lacks {len(lost):,} of the {last.packages:,} packages that it had the last time;"
                " none counts as removed"
            )
        if len(self._seen) != self._count:
            # Deletions while paging hide packages: a few are asked for by number, and of more none is believed.
            for number in lost[:CONFIRMED_REMOVALS]:
                if await self._catalog.fetch_package(str(number)) is not None:
                    self._seen.add(number)
            self._seen.update(lost[CONFIRMED_REMOVALS:])
        removed = self._writer.mark_removed(self._seen, now=self._clock(), tell=last is not None)
        self._account.progress.start(_CATALOG, len(self._seen) + len(removed))
        self._account.count(_CATALOG, Outcome.GONE, len(removed))
        self._account.tell(removed)
        if last is None:
            self._account.report.first = True
            self._account.progress.note(f"{len(self._seen):,} packages are in: djpkg list works now")
        done = Sweep(completed=self._clock(), packages=len(self._seen), mark=max(self._seen, default=None))
        fetch_history.store_sweep(self._db, _CATALOG, done)


class NamedFetch:
    """Finds and stores named packages one by one; `found` are their ids, in the order of the names."""

    def __init__(
        self,
        catalog: Catalog | None,
        *,
        db: sqlite3.Connection,
        writer: Writer,
        account: Recorder,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._db = db
        self._writer = writer
        self._account = account
        self._address = config.catalog_address(environment)
        self._forges = forge_servers.forge_servers(environment)
        self._clock = clock
        self._met: set[int] = set()
        self.found: list[int] = []

    async def run(self, names: Sequence[str]) -> None:
        """Each named package from the catalog, if that is asked; else only from the mirror."""
        if self._catalog is not None:
            self._account.progress.start(_CATALOG, len(names))
        for name in dict.fromkeys(names):
            await self._fetch(name)
        if self._catalog is not None and categories.has_unnamed(self._db, self.found):
            with self._account.failing(_CATALOG):
                await store_categories_and_grids(self._catalog, self._writer)

    async def _fetch(self, name: str) -> None:
        number: int | None = None
        try:
            number = self._find(name)
            if number in self._met:
                return  # under another name already
            said = await self._ask(name, number)
        except PackageNotFound as error:
            self._account.report.unknown[name] = str(error)
            return
        except QuotaExhausted as error:
            self._account.defer(_CATALOG, 1, error.reason, error.until)
            self._keep(number)
            return
        except SourceError as error:
            self._fail(name, number, error)
            self._keep(number)
            return
        if said is not None and said.id in self._met:
            return
        if self._catalog is not None and number is not None and (said is None or said.id != number):
            self._account.tell(self._writer.mark_gone(number, now=self._clock()))
        if said is not None:
            self._keep(said.id)
            self._account.take(_CATALOG, self._writer.store_catalog([said], now=self._clock(), tell_added=False))
        elif number is not None:
            self._keep(number)
            if self._catalog is not None:
                self._account.count(_CATALOG, Outcome.GONE, 1)
        else:
            near = resolve.nearest_slugs(self._db, name, catalog=self._address)
            self._account.report.unknown[name] = f"{UNKNOWN}; {near}" if near else UNKNOWN

    def _fail(self, name: str, number: int | None, error: SourceError) -> None:
        slug = None if number is None else resolve.find_slug(self._db, number)
        if number is not None:
            self._writer.note_failure(number, error.reason, now=self._clock())
        self._account.fail(_CATALOG, (slug or name,), error.reason, refused=isinstance(error, Refused))

    def _keep(self, number: int | None) -> None:
        if number is not None:
            self._met.add(number)
            self.found.append(number)

    def _find(self, name: str) -> int | None:
        """The package that the mirror has under a name. PackageNotFound where there are several."""
        known = resolve.find_ids(self._db, name, catalog=self._address, forges=self._forges)
        return resolve.get_id(self._db, name, catalog=self._address, forges=self._forges) if known else None

    async def _ask(self, name: str, number: int | None) -> CatalogFacts | None:
        """The package that the catalog has under the first name that it knows, None where it is not asked.

        The number that the mirror knows comes before what was typed: the catalog gives the slug of a package that it
        dropped to another one, and knows slugs by their exact case alone. Raises SourceError.
        """
        if self._catalog is None:
            return None
        typed = resolve.catalog_name(name, catalog=self._address) or name.strip()
        slugs = [typed, resolve.normalize_slug(typed)] if resolve.is_catalog_name(typed) else []
        for one in dict.fromkeys([*([str(number)] if number is not None else []), *slugs]):
            if (said := await self._catalog.fetch_package(one)) is not None:
                return said
        return None


async def store_categories_and_grids(catalog: Catalog, writer: Writer) -> None:
    """All grids and categories, one request each. Raises SourceError."""
    writer.store_grids(await catalog.fetch_grids())
    writer.store_categories(await catalog.fetch_categories())
