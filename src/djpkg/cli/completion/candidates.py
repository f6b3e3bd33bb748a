"""Completion candidates for arguments and options, from the list of fields and the mirror.

A key press must not print messages: after any error there are no candidates.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from djpkg import config
from djpkg.mirror import completion
from djpkg.model import fields
from djpkg.model.event_names import EVENTS
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The pages that ``show --web`` opens.
PAGES = ("catalog", "repo", "pypi", "docs")
# The variable that a shell sets when it asks for completions.
COMPLETE_VARIABLE = "_DJPKG_COMPLETE"


class _Match(str):
    """A candidate that matches although it does not start with the typed text, which Typer requires."""

    __slots__ = ()

    def startswith(self, *_: object) -> bool:
        """Return True."""
        return True


def packages(ctx: typer.Context, incomplete: str) -> list[str]:
    """Slugs, for PACKAGE: with the typed prefix, also after ``django-``."""
    return [_Match(slug) for slug in _search_mirror(completion.find_slugs, ctx, incomplete)]


def selection(ctx: typer.Context, incomplete: str) -> list[str]:
    """Slugs for PACKAGE; terms where what is typed begins no slug."""
    found = [] if incomplete[:1] == "^" else packages(ctx, incomplete)
    return found or terms(ctx, incomplete)


def pages(ctx: typer.Context, incomplete: str) -> list[str]:
    """Pages for ``--web``, and slugs, because its value is optional and PACKAGE may follow."""
    found = _starting_with(PAGES, incomplete)
    slugs = packages(ctx, incomplete)
    return [*found, *(slug for slug in slugs if not found or str.startswith(slug, incomplete))]


def events(incomplete: str) -> list[str]:
    """Event names, for ``--event``: the name after the last comma is completed."""
    return _complete_list(incomplete, EVENTS)


def sources(incomplete: str) -> list[str]:
    """Source names, for ``--source``."""
    return _starting_with(SourceName, incomplete)


def columns(incomplete: str) -> list[str]:
    """Fields for ``--fields``: the name after the last comma is completed."""
    return _complete_list(incomplete, [*_field_names(), "all"])


def field_names(incomplete: str) -> list[str]:
    """Fields, for `fields`."""
    return _starting_with(_field_names(), incomplete)


def sorts(incomplete: str) -> list[str]:
    """Sortable fields for ``--sort``, as for `columns`, with the sign that was typed."""
    name = incomplete.rpartition(",")[2]
    sign = name[:1] if name[:1] in ("-", "+") else ""
    sortable = [f"{sign}{field}" for field in _field_names(only=lambda field: field.sortable)]
    return _complete_list(incomplete, sortable)


def assignments(ctx: typer.Context, incomplete: str) -> list[str]:
    """``field=`` for `edit`, and after ``=``, ``+=`` and ``-=`` categories, grids, tags, slugs, true and false."""
    name = re.split("[-+]?=", incomplete, maxsplit=1)[0]
    operator = incomplete[len(name) : incomplete.find("=") + 1] or "="

    def values(name: str, prefix: str) -> list[str]:
        field = fields.find(name)
        if field is not None and field.kind is fields.Kind.FLAG:
            return ["true", "false"]
        return (field is not None and _names_in_mirror(ctx, field, prefix)) or []

    return _complete_pair(incomplete, operator, _field_names(only=lambda field: field.editable), values)


def editable(incomplete: str) -> list[str]:
    """Editable fields, for ``--unset``."""
    return _starting_with(_field_names(only=lambda field: field.editable), incomplete)


def terms(ctx: typer.Context, incomplete: str) -> list[str]:
    """Terms for `list`: ``is:`` with states, and ``field:`` with values."""
    sign = incomplete[:1] if incomplete[:1] in ("^", "-") else ""
    found = _complete_pair(incomplete.removeprefix(sign), ":", ["is", *_field_names()], partial(_filter_values, ctx))
    return [type(term)(f"{sign}{term}") for term in found]


def _filter_values(ctx: typer.Context, name: str, prefix: str) -> list[str]:
    """Return the values that a filter accepts, or its documented example."""
    from djpkg.query.filters import CHOICES  # noqa: PLC0415 - only on demand
    from djpkg.query.parser import STATES  # noqa: PLC0415 - as above

    field = fields.find(name)
    if field is None:
        return [state.name for state in STATES] if name == "is" else []
    if field.name in CHOICES:
        return list(CHOICES[field.name])
    found = _names_in_mirror(ctx, field, prefix)
    if found is not None:
        return found
    example, _, value = field.example.partition(":")
    return [value] if example == name else []


def _names_in_mirror(ctx: typer.Context, field: fields.Field, prefix: str) -> list[str] | None:
    """Return categories, grids, tags or slugs for a field with such values, None for other fields."""
    if field.kind is fields.Kind.CATEGORY or field.name == "category_slug":
        return _search_mirror(completion.find_categories, ctx, prefix)
    if field.kind is fields.Kind.GRIDS or field.name == "grid_slugs":
        return _search_mirror(completion.find_grids, ctx, prefix)
    if field.name == "tags":
        return _search_mirror(completion.find_tags, ctx, prefix)
    if field.name not in ("replaced_by", "requires"):
        return None
    return [_Match(slug) for slug in _search_mirror(completion.find_slugs, ctx, prefix)]


def _complete_pair(
    incomplete: str, separator: str, names: Iterable[str], values: Callable[[str, str], list[str]]
) -> list[str]:
    """Complete ``name:value``: the name before the separator, else the value after the last comma.

    A single matching name comes with its values too: a shell adds no space while there are several candidates.
    """
    name, found, value = incomplete.partition(separator)
    if found:
        matching = values(name, value.rpartition(",")[2])
        return [type(match)(f"{name}{separator}{match}") for match in _complete_list(value, matching)]
    matching = _starting_with(names, name)
    only_values = values(matching[0], "") if len(matching) == 1 else []
    return [f"{match}{separator}" for match in matching] + [f"{matching[0]}{separator}{v}" for v in only_values]


def _complete_list(incomplete: str, names: Iterable[str]) -> list[str]:
    """Complete the name after the last comma; names before it are not repeated, and a `_Match` needs no prefix."""
    before, comma, prefix = incomplete.rpartition(",")
    taken = set(before.split(","))
    found = (name for name in names if name.startswith(prefix) and name not in taken)
    return [type(name)(f"{before}{comma}{name}") for name in found]


def _field_names(*, only: Callable[[fields.Field], bool] = lambda _: True) -> list[str]:
    """Return the names and aliases of fields."""
    return sorted({name for field in fields.FIELDS if only(field) for name in (field.name, *field.aliases)})


def _starting_with(names: Iterable[str], prefix: str) -> list[str]:
    return [name for name in names if name.startswith(prefix)]


def _search_mirror(find: Callable[[Path, str], list[str]], ctx: typer.Context, prefix: str) -> list[str]:
    db = ctx.params.get("db")
    try:
        return find(config.mirror_path(os.environ, Path(db) if db else None), prefix)
    except Exception:  # noqa: BLE001 - see the top of this module
        return []
