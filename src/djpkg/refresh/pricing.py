"""What a fetch would cost: the mirror is read, and nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg import config, price
from djpkg.mirror import due, find, ledger
from djpkg.portions import FEW_REPOSITORIES
from djpkg.source_name import FORGES, SourceName
from djpkg.sources import opening

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from djpkg.refresh.request import Request
    from djpkg.remembered import QuotaRow


def estimate(
    request: Request, db: sqlite3.Connection, environment: Mapping[str, str], *, now: datetime
) -> list[price.Price]:
    """What a fetch of all, or of the named that the mirror knows, would cost. Reads the mirror and asks nobody."""
    catalog, forges = config.catalog(environment), config.forges(environment)
    named = [number for name in request.packages for number in find.find(db, name, catalog=catalog, forges=forges)]
    only = None if request.every else named
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
    wanted = {forge: repositories[forge] for forge in FORGES if forge in request.sources}
    projects = due.projects(db, only=only, now=now) if SourceName.PYPI in request.sources else None
    trusted = {
        forge for forge, one in wanted.items() if one.asks and opening.find_token(forge, environment) is not None
    }
    quotas = ledger.get_quotas(db)
    return prices + lane_prices(wanted, projects, quotas, every=request.every, trusted=trusted, now=now)


def lane_prices(
    repositories: Mapping[SourceName, due.Repositories],
    projects: due.Projects | None,
    quotas: Sequence[QuotaRow],
    *,
    every: bool,
    trusted: Collection[SourceName],
    now: datetime,
) -> list[price.Price]:
    """What forges and PyPI would cost; `every`: all are asked; `trusted` are the forges that get a token."""
    packages = {forge: sum(map(len, one.slugs.values())) for forge, one in repositories.items()}
    asks = {forge: one.asks for forge, one in repositories.items()}
    quotas = price.binding(quotas, trusted=trusted, now=now)
    prices: list[price.Price] = []
    if github := asks.get(SourceName.GITHUB):
        prices.append(
            price.github_price(
                github,
                packages=packages[SourceName.GITHUB],
                in_bulk=SourceName.GITHUB in trusted and (every or len(github) > FEW_REPOSITORIES),
                quotas=quotas,
                now=now,
            )
        )
    prices += price.forge_prices(asks, packages=packages, quotas=quotas)
    if projects is not None and projects.asks:
        prices.append(price.pypi_price(projects.asks, packages=sum(map(len, projects.slugs.values()))))
    return prices
