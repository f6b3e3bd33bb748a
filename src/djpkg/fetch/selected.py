"""The packages that a request selects in the mirror, and how the catalog is asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg import config
from djpkg.mirror import resolve
from djpkg.mirror.selection import Addresses, find_required, narrow
from djpkg.model import forge_servers

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from datetime import datetime

    from djpkg.fetch.request import FetchRequest


class Selected(NamedTuple):
    """The `names` to ask the catalog for as they were typed, and the ids of the `others`, from files and terms.

    `named` are the ids that the mirror has for the names.
    """

    names: tuple[str, ...]
    named: tuple[int, ...]
    others: tuple[int, ...]


def select(db: sqlite3.Connection, request: FetchRequest, environment: Mapping[str, str], *, now: datetime) -> Selected:
    """Return what the request selects in the mirror. Terms cannot exclude a name that the mirror does not have.

    Raises UsageError for an unknown category or grid.
    """
    addresses = Addresses(config.catalog_url(environment), forge_servers.forge_servers(environment))
    named = {
        name: resolve.find_ids(db, name, catalog=addresses.catalog, forges=addresses.forges)
        for name in request.packages
    }
    required, _ = find_required(db, request.requirements or (), addresses)
    ids = [number for numbers in named.values() for number in numbers]
    kept = narrow(db, dict.fromkeys([*ids, *required]), request.selection, now=now)
    found = frozenset(kept)
    names = tuple(name for name, numbers in named.items() if not numbers or not found.isdisjoint(numbers))
    others = tuple(number for number in kept if number not in ids)
    return Selected(names, tuple(number for number in ids if number in found), others)


def selects_from_list(request: FetchRequest) -> bool:
    """Return whether files or terms select packages; an empty file does not."""
    return bool(request.requirements) or (request.requirements is None and request.query.has_terms)
