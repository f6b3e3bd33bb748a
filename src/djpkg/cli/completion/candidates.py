"""What a shell may complete each argument and option with, as far as the register of fields and the mirror know.

A key press is no place for messages: whatever goes wrong, nothing is offered.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from djpkg import config
from djpkg.model import fields
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The pages that ``show --web`` opens.
PAGES = ("catalog", "repo", "pypi", "docs")
# By which a shell tells that it asks.
VARIABLE = "_DJPKG_COMPLETE"


def when_completing(callback: Callable[..., list[str]]) -> Callable[..., list[str]] | None:
    """The callback for Typer where a shell asks; else None, because Typer examines callbacks at every start."""
    return callback if os.environ.get(VARIABLE) else None


def packages(ctx: typer.Context, incomplete: str) -> list[str]:
    """PACKAGE: slugs."""
    from djpkg.mirror import completion  # noqa: PLC0415 - only on demand

    return _found(completion.find_slugs, ctx, incomplete)


def pages(ctx: typer.Context, incomplete: str) -> list[str]:
    """``--web``, whose value may be left out, so that PACKAGE may follow."""
    return [*_beginning(PAGES, incomplete), *packages(ctx, incomplete)]


def grids(ctx: typer.Context, incomplete: str) -> list[str]:
    """``--grid``: slugs of grids."""
    from djpkg.mirror import completion  # noqa: PLC0415 - only on demand

    return _found(completion.find_grids, ctx, incomplete)


def sources(incomplete: str) -> list[str]:
    """``--source``: names of sources."""
    return _beginning(SourceName, incomplete)


def columns(incomplete: str) -> list[str]:
    """``--fields``: the name after the last comma, behind those before it."""
    return _listed(incomplete, [*_names(), "all"])


def sorts(incomplete: str) -> list[str]:
    """``--sort``: as `columns`, fields that have an order, with the minus that was typed."""
    before, comma, name = incomplete.rpartition(",")
    minus = name[: len(name) - len(name.removeprefix("-"))]
    orders = [f"{minus}{name}" for name in _names(only=lambda field: field.sortable)]
    return _listed(f"{before}{comma}{name}", orders)


def assignments(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `edit` assigns to, ``field=``, and behind ``=``, ``+=`` and ``-=`` categories and grids."""
    name = re.split("[-+]?=", incomplete, maxsplit=1)[0]
    mark = incomplete[len(name) : incomplete.find("=") + 1] or "="

    def values(name: str, begun: str) -> list[str]:
        field = fields.find(name)
        return (field is not None and _places(ctx, field, begun)) or []

    return _named(incomplete, mark, _names(only=lambda field: field.editable), values)


def editable(incomplete: str) -> list[str]:
    """``--unset``: fields that can be edited."""
    return _beginning(_names(only=lambda field: field.editable), incomplete)


def terms(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `list` takes: ``is:`` and its names, fields with a colon, grids and categories behind theirs."""
    sign = incomplete[:1] if incomplete[:1] in ("^", "-") else ""

    offered = _named(incomplete.removeprefix(sign), ":", ["is", *_names()], partial(_values, ctx))
    return [f"{sign}{term}" for term in offered]


def _values(ctx: typer.Context, name: str, begun: str) -> list[str]:
    """Values that a filter may take, or the one that the register gives as its example."""
    from djpkg.query.filters import CHOICES  # noqa: PLC0415 - only on demand
    from djpkg.query.parser import STATES  # noqa: PLC0415 - as above

    field = fields.find(name)
    if field is None:
        return [state.name for state in STATES] if name == "is" else []
    if field.name in CHOICES:
        return list(CHOICES[field.name])
    places = _places(ctx, field, begun)
    if places is not None:
        return places
    example, _, value = field.example.partition(":")
    return [value] if example == name else []


def _places(ctx: typer.Context, field: fields.Field, begun: str) -> list[str] | None:
    """Categories or grids, for a field of them; None for others."""
    from djpkg.mirror import completion  # noqa: PLC0415 - only on demand

    if field.kind is fields.Kind.CATEGORY or field.name == "category_slug":
        return _found(completion.find_categories, ctx, begun)
    if field.kind is fields.Kind.GRIDS or field.name == "grid_slugs":
        return _found(completion.find_grids, ctx, begun)
    return None


def _named(incomplete: str, mark: str, names: Iterable[str], values: Callable[[str, str], list[str]]) -> list[str]:
    """``name:`` for a name that is begun, ``name:value`` for one that is whole or the only one; commas part values.

    Two offers that begin alike keep a shell from setting a blank behind the mark.
    """
    name, found, begun = incomplete.partition(mark)
    if found:
        fitting = values(name, begun.rpartition(",")[2])
        return [f"{name}{mark}{value}" for value in _listed(begun, fitting)]
    fitting = _beginning(names, name)
    more = values(fitting[0], "") if len(fitting) == 1 else []
    return [f"{one}{mark}" for one in fitting] + [f"{fitting[0]}{mark}{value}" for value in more]


def _listed(incomplete: str, names: Iterable[str]) -> list[str]:
    before, comma, begun = incomplete.rpartition(",")
    taken = set(before.split(","))
    return [f"{before}{comma}{name}" for name in _beginning(names, begun) if name not in taken]


def _names(*, only: Callable[[fields.Field], bool] = lambda _: True) -> list[str]:
    """Names and aliases of the fields."""
    return sorted({name for field in fields.FIELDS if only(field) for name in (field.name, *field.aliases)})


def _beginning(names: Iterable[str], begun: str) -> list[str]:
    return [name for name in names if name.startswith(begun)]


def _found(find: Callable[[Path, str], list[str]], ctx: typer.Context, begun: str) -> list[str]:
    named = ctx.params.get("db")
    try:
        return find(config.mirror_path(os.environ, Path(named) if named else None), begun)
    except Exception:  # noqa: BLE001 - see the top of this module
        return []
