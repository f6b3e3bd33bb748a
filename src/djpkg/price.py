"""What a fetch would cost, from what is due and what is stored. Pure: planning asks nobody."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from djpkg import weeks
from djpkg.counting import counted
from djpkg.portions import MANY_PROJECTS, PAGE, PROBED, WINDOWED
from djpkg.remembered import ANONYMOUS
from djpkg.source_name import FORGES, SourceName
from djpkg.sweeping import needs_sweep
from djpkg.times import instant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from djpkg.asks import ProjectAsk, RepositoryAsk
    from djpkg.remembered import QuotaRow, Sweep

# About so many packages the directory lists.
DIRECTORY = 5_800
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
    if not (full or needs_sweep(last, now=now)):
        known = min(known, PAGE)
    requests = max(1, ceil(known / PAGE)) + 2
    return Price(SourceName.CATALOG.value, known, requests, requests, 0, None)


def github_price(
    asks: Sequence[RepositoryAsk], *, packages: int, in_bulk: bool, quotas: Sequence[QuotaRow], now: datetime
) -> Price:
    """In bulk: a probe for each hundred, and about a window for each 25 that are not known to be dormant."""
    number = len(asks)
    left = _left(quotas, SourceName.GITHUB)
    if not in_bulk:
        return Price(SourceName.GITHUB.value, packages, number, number * REQUESTS_EACH, 0, left)
    start = weeks.window_start(now)
    unknown = sum(
        ask.weeks_head is None and not ((updated := instant(ask.catalog_updated)) and updated < start) for ask in asks
    )
    probes = ceil(number / PROBED)
    return Price(
        SourceName.GITHUB.value,
        packages,
        probes,
        probes + ceil(number / WINDOWED) + number,
        probes + ceil(unknown / WINDOWED),
        left,
    )


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


def binding(quotas: Sequence[QuotaRow], *, trusted: Collection[str], now: datetime) -> list[QuotaRow]:
    """The pools that the next requests are counted in: not those of a window that is over, and of each source either
    those of its token or, where it is not among the `trusted` that get one, that of strangers.
    """
    return [
        row
        for row in quotas
        if (row.reset is None or row.reset > now) and (row.pool == ANONYMOUS) != (row.source in trusted)
    ]


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
