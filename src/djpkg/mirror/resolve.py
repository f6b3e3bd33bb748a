"""Resolve PACKAGE, as typed by a user, to packages of the mirror."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from djpkg.errors import PackageNotFound
from djpkg.mirror.damage import slug_or_id
from djpkg.query import grid_names
from djpkg.text import is_text, quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from djpkg.source_name import SourceName

_ID = re.compile(r"[0-9]{1,19}")
# The largest integer of SQLite.
_MAX_ID = 2**63 - 1
# `normalize_slug` in SQL; must be the expression of the index `packages_slug`.
NORMALIZED_SLUG = "replace(lower(slug), '_', '-')"
_SLUG = re.compile(r"[\w.-]{1,200}")
# The catalog's current domain and its former one.
_SITES = ("djangopackages.org", "djangopackages.com")
_MAX_SUGGESTIONS = 3
_NO_FORGES: Mapping[str, SourceName] = MappingProxyType({})


def find_slug(db: sqlite3.Connection, number: int) -> str | None:
    """Return the slug of the package with this id, or None; the id as text where the slug is damaged."""
    row = db.execute("SELECT slug FROM packages WHERE id = ?", (number,)).fetchone()
    return None if row is None else slug_or_id(number, row[0])


def find_listed(db: sqlite3.Connection) -> list[int]:
    """Return the ids of all listed packages."""
    return [number for (number,) in db.execute("SELECT id FROM packages WHERE catalog_state = 'listed'")]


def find_listed_in_snapshots(db: sqlite3.Connection) -> set[int]:
    """Return the ids of the listed packages of which only a snapshot states that the catalog lists them."""
    return {
        number
        for (number,) in db.execute(
            "SELECT id FROM packages JOIN facts ON package_id = id AND source = 'catalog'"
            " WHERE catalog_state = 'listed' AND via IS NOT NULL"
        )
    }


def get_id(db: sqlite3.Connection, text: str, *, catalog: str, forges: Mapping[str, SourceName] = _NO_FORGES) -> int:
    """Return the id of the one package that `text` names; `catalog` is the configured URL of the catalog's API.

    Raises PackageNotFound with the nearest slugs, or with the slugs of all packages if several fit.
    """
    found = find_ids(db, text, catalog=catalog, forges=forges)
    if len(found) == 1:
        return found[0]
    if found:
        rows = db.execute("SELECT id, slug FROM packages WHERE id IN (SELECT value FROM json_each(?))", (str(found),))
        slugs = sorted(slug_or_id(*row) for row in rows)
        raise PackageNotFound(
            f"{quote_input(text)} matches {len(found)} packages: {', '.join(slugs)}", hint="name one of them"
        )
    raise PackageNotFound(
        f"package {quote_input(text)} not found in the mirror", hint=_suggest_next_step(db, text, catalog)
    )


def find_ids(
    db: sqlite3.Connection, text: str, *, catalog: str, forges: Mapping[str, SourceName] = _NO_FORGES
) -> list[int]:
    """Return the ids that `text` fits: as id, else slug (or catalog URL of one), else repository, else PyPI project.

    A moved repository is found by its former address first, then by its new one.
    """
    name = parse_catalog_address(text, catalog=catalog) or text.strip()
    try:
        # In a locale without UTF-8, arguments arrive with lone surrogates for the bytes of other characters.
        name = name.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        return []
    if _ID.fullmatch(name) and int(name) <= _MAX_ID and (found := _select_ids(db, "id = ?", int(name))):
        return found
    # Any text: the mirror may have slugs that do not match _SLUG.
    listed = _select_ids(db, f"{NORMALIZED_SLUG} = ? AND catalog_state = 'listed'", normalize_slug(name))
    found = listed or _select_ids(db, f"{NORMALIZED_SLUG} = ?", normalize_slug(name))
    if found:
        exact = _select_ids(db, "slug = ? AND id IN (SELECT value FROM json_each(?))", name, str(found))
        return exact or found
    from djpkg.model import pypi_project, repository_url  # noqa: PLC0415 - ids and slugs need neither

    repository = repository_url.parse_repository_url(name, forges)
    if isinstance(repository, repository_url.Repository):
        url = f"https://{repository.coordinate}"
        return _select_ids(db, "repository_key = ?", repository.coordinate) or _select_ids(
            db, "lower(moved_to) = lower(?)", url
        )
    if re.fullmatch(r"[^/\s:]+(/[^/\s:]+)+", name):
        path = name.removesuffix(".git")
        moved_path = "substr(moved_to, length('https://') + instr(substr(moved_to, length('https://') + 1), '/') + 1)"
        return _select_ids(db, "repository = ? COLLATE NOCASE", path) or _select_ids(
            db, f"{moved_path} = ? COLLATE NOCASE", path
        )
    project = pypi_project.parse_project_name(name)
    return _select_ids(db, "pypi_name = ?", project) if project else []


def find_by_project(
    db: sqlite3.Connection,
    name: str,
    address: str | None,
    *,
    catalog: str,
    forges: Mapping[str, SourceName] = _NO_FORGES,
) -> list[int]:
    """Return the ids of the packages of a PyPI project (normalized name), else of the repository at `address`.

    Without an address, the name may be the slug of a package whose project the catalog does not know. Packages that
    the catalog no longer lists count only if there are no others.
    """
    found = _select_ids(db, "pypi_name = ?", name)
    if not found and address is not None:
        found = find_ids(db, address, catalog=catalog, forges=forges)
    elif not found:
        found = _select_ids(db, f"{NORMALIZED_SLUG} = ? AND pypi_name IS NULL", name)
    listed = _select_ids(db, "catalog_state = 'listed' AND id IN (SELECT value FROM json_each(?))", str(found))
    return listed or found


def parse_catalog_address(text: str, *, catalog: str) -> str | None:
    """Return the id or slug from the URL of a package at the public or configured catalog, else None."""
    text = text.strip()
    if "://" not in text and not text.lower().removeprefix("www.").startswith(tuple(f"{site}/" for site in _SITES)):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        configured = urlsplit(catalog)
    except ValueError:
        return None
    if parts.netloc.lower().removeprefix("www.") not in (*_SITES, configured.netloc.lower()):
        return None
    match = re.search(r"/packages/(?:p/)?([^/]+)/?$", unquote(parts.path))
    return match[1] if match else None


def _select_ids(db: sqlite3.Connection, condition: str, *values: str | int) -> list[int]:
    return [number for (number,) in db.execute(f"SELECT id FROM packages WHERE {condition} ORDER BY id", values)]


def is_id_or_slug(name: str) -> bool:
    """Return whether the name has the form of an id or a slug of the catalog."""
    return _SLUG.fullmatch(name) is not None


def normalize_slug(slug: str) -> str:
    """Return the slug for comparison: ASCII letters in lower case (as SQLite's `lower`), ``-`` for ``_``."""
    return grid_names.lower_ascii(slug).replace("_", "-")


def suggest_slugs(
    db: sqlite3.Connection, text: str, *, catalog: str, among: Collection[int] | None = None, cutoff: float = 0.6
) -> str:
    """Return "did you mean …?" with the nearest slugs, or an empty text.

    `among` are the ids of the packages to suggest, None for all. `cutoff` is the least similarity, from 0 to 1.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only after a typing error

    rows = db.execute("SELECT id, slug FROM packages")
    slugs = [slug for number, slug in rows if is_text(slug) and (among is None or number in among)]
    name = parse_catalog_address(text, catalog=catalog) or text.strip()
    near = get_close_matches(normalize_slug(name), slugs, n=_MAX_SUGGESTIONS, cutoff=cutoff)
    if not near:  # "tood" for django-todo
        short = {slug.removeprefix("django-"): slug for slug in slugs if slug.startswith("django-")}
        near = [short[one] for one in get_close_matches(normalize_slug(name), short, n=_MAX_SUGGESTIONS, cutoff=cutoff)]
    return f"did you mean {', '.join(near)}?" if near else ""


def _suggest_next_step(db: sqlite3.Connection, text: str, catalog: str) -> str:
    name = parse_catalog_address(text, catalog=catalog) or text.strip()
    near = suggest_slugs(db, text, catalog=catalog)
    if is_id_or_slug(name):
        argument = f"-- {name}" if name.startswith("-") else name
        step = f"look it up in the catalog: djpkg fetch {argument}"
        return f"{near} Or {step}" if near else f"to {step}"
    return near or "to fetch the whole catalog: djpkg fetch --all"
