"""What a fetch would cost, from what is due and what is stored. Pure: planning asks nobody."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from djpkg.counting import counted
from djpkg.facts import FORGES, SourceName
from djpkg.sweeping import needs_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from djpkg.asks import ProjectAsk, RepositoryAsk
    from djpkg.remembered import QuotaRow, Sweep

PROBED = 100
"""Repositories in one probe: it has no connection, and `nodes` takes no more ids (GitHub GraphQL: "node limit")."""
WINDOWED = 25
"""Repositories in one window query: with 100 commits each that are 2,500 nodes, and with more GitHub has been seen to
leave some out without a word."""
PAGE = 250
"""Packages in one page of the catalog's list."""
# About so many packages the directory lists.
DIRECTORY = 5_800
# Where more projects than these are known, one list of serials tells what changed.
MANY_PROJECTS = 300
# A repository of the other forges, or of GitHub without a token: its page, its head, its weeks, its contributors.
REQUESTS_EACH = 4


class Price(NamedTuple):
    """What one source would be asked: between `least` and `most` requests; GitHub with a token counts points beside.

    `quota` is what the source said last of what it still allows.
    """

    source: str
    packages: int
    least: int
    most: int
    points: int
    quota: int | None


def catalog_price(last: Sweep | None, *, full: bool, now: datetime) -> Price:
    """Pages of the list and one request each for grids and categories; before the first sweep the size is a guess."""
    known = last.packages if last else DIRECTORY
    pages = ceil(known / PAGE) if full or needs_sweep(last, now=now) else 1
    return Price(SourceName.CATALOG.value, known, pages + 2, pages + 2, 0, None)


def github_price(
    asks: Sequence[RepositoryAsk], *, packages: int, with_token: bool, quotas: Sequence[QuotaRow]
) -> Price:
    """With a token: a probe for each hundred, a window for each 25 that are not known to be dormant."""
    number = len(asks)
    left = _left(quotas, SourceName.GITHUB)
    if not with_token:
        return Price(SourceName.GITHUB.value, packages, number, number * REQUESTS_EACH, 0, left)
    unknown = sum(ask.weeks_head is None for ask in asks)
    lists = sum(ask.contributors_head is None and ask.catalog_updated is None for ask in asks)
    points = ceil(number / PROBED) + ceil(unknown / WINDOWED)
    return Price(SourceName.GITHUB.value, packages, points + lists, points + number, points, left)


def forge_prices(
    due: Mapping[SourceName, Sequence[RepositoryAsk]], *, packages: Mapping[SourceName, int], quotas: Sequence[QuotaRow]
) -> list[Price]:
    """The forges that take one repository at a time."""
    return [
        Price(
            forge.value,
            packages[forge],
            len(due[forge]),
            len(due[forge]) * REQUESTS_EACH,
            0,
            _left(quotas, forge),
        )
        for forge in FORGES
        if forge is not SourceName.GITHUB and due.get(forge)
    ]


def pypi_price(asks: Sequence[ProjectAsk], *, packages: int) -> Price:
    """One list of serials and what changed since; one request each where few are known."""
    new = sum(ask.serial is None for ask in asks)
    if len(asks) - new > MANY_PROJECTS:
        return Price(SourceName.PYPI.value, packages, 1 + new, 1 + len(asks), 0, None)
    return Price(SourceName.PYPI.value, packages, len(asks), len(asks), 0, None)


def lines(prices: Sequence[Price]) -> list[str]:
    """One line a source."""
    said = []
    for price in prices:
        least = "" if price.least == price.most else f"{price.least:,} to "
        line = f"{price.source}: {counted(price.packages, 'package')}, {least}{counted(price.most, 'request')}"
        if price.points:
            line += f", about {counted(price.points, 'point')}"
        if price.quota is not None:
            line += f" ({price.quota:,} left when last told)"
        said.append(line)
    return said


def _left(quotas: Sequence[QuotaRow], source: SourceName) -> int | None:
    return min(
        (row.remaining for row in quotas if row.source == source.value and row.remaining is not None), default=None
    )
