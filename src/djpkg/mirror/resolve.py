"""PACKAGE as a person types it -> the packages of the mirror that it fits."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from djpkg.errors import PackageNotFound
from djpkg.query import grid_names
from djpkg.text import quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from djpkg.source_name import SourceName

_ID = re.compile(r"[0-9]{1,19}")
# The largest that SQLite keeps.
_LARGEST_ID = 2**63 - 1
# `folded` in SQL, as the index of slugs has it.
NORMALIZED_SLUG = "replace(lower(slug), '_', '-')"
_SLUG = re.compile(r"[\w.-]{1,200}")
_SITE = "djangopackages.org"
_NEAREST = 3
_NO_FORGES: Mapping[str, SourceName] = MappingProxyType({})


def find_slug(db: sqlite3.Connection, number: int) -> str | None:
    """The slug of a package that the mirror has under that id."""
    row = db.execute("SELECT slug FROM packages WHERE id = ?", (number,)).fetchone()
    return None if row is None else row[0]


def find_listed(db: sqlite3.Connection) -> list[int]:
    """The ids of all packages that the catalog listed the last time."""
    return [number for (number,) in db.execute("SELECT id FROM packages WHERE catalog_state = 'listed'")]


def get_id(db: sqlite3.Connection, text: str, *, catalog: str, forges: Mapping[str, SourceName] = _NO_FORGES) -> int:
    """The id of the one package that `text` names; `catalog` is the configured address of the catalog's API.

    PackageNotFound where there is none, with the nearest slugs, or several, with theirs.
    """
    found = find_ids(db, text, catalog=catalog, forges=forges)
    if len(found) == 1:
        return found[0]
    if found:
        slugs = sorted(
            slug
            for (slug,) in db.execute(f"SELECT slug FROM packages WHERE id IN ({', '.join('?' * len(found))})", found)
        )
        raise PackageNotFound(
            f"{quote_input(text)} fits {len(found)} packages: {', '.join(slugs)}", hint="name one of them"
        )
    raise PackageNotFound(f"there is no package {quote_input(text)} in the mirror", hint=_next_step(db, text, catalog))


def find_ids(
    db: sqlite3.Connection, text: str, *, catalog: str, forges: Mapping[str, SourceName] = _NO_FORGES
) -> list[int]:
    """The ids that `text` fits: by id or slug (or a catalog address of either), else repository, else project.

    A repository that has moved is found where it was, and else where it is now.
    """
    name = catalog_name(text, catalog=catalog) or text.strip()
    if not _is_text(name):
        return []
    if _ID.fullmatch(name) and int(name) <= _LARGEST_ID:
        return _ids(db, "id = ?", int(name))
    if _SLUG.fullmatch(name):
        live = _ids(db, f"{NORMALIZED_SLUG} = ? AND catalog_state = 'listed'", normalize_slug(name))
        found = live or _ids(db, f"{NORMALIZED_SLUG} = ?", normalize_slug(name))
        if found:
            exact = _ids(db, "slug = ? AND id IN (SELECT value FROM json_each(?))", name, str(found))
            return exact or found
    from djpkg.model import pypi_project, repository_url  # noqa: PLC0415 - an id or a slug needs neither

    place = repository_url.parse_repository_url(name, forges)
    if isinstance(place, repository_url.Repository):
        moved = f"https://{place.coordinate}"
        return _ids(db, "repository_key = ?", place.coordinate) or _ids(db, "lower(moved_to) = lower(?)", moved)
    if re.fullmatch(r"[^/\s:]+(/[^/\s:]+)+", name):
        path = name.removesuffix(".git")
        moved_path = "substr(moved_to, length('https://') + instr(substr(moved_to, length('https://') + 1), '/') + 1)"
        return _ids(db, "repository = ? COLLATE NOCASE", path) or _ids(db, f"{moved_path} = ? COLLATE NOCASE", path)
    normalised = pypi_project.parse_project_name(name)
    return _ids(db, "pypi_name = ?", normalised) if normalised else []


def find_required(
    db: sqlite3.Connection,
    name: str,
    address: str | None,
    *,
    catalog: str,
    forges: Mapping[str, SourceName] = _NO_FORGES,
) -> list[int]:
    """The ids of the packages of the project with that normalised name, else of what is at the address, if one is said.

    Those that the catalog no longer lists stand in where no other does.
    """
    found = _ids(db, "pypi_name = ?", name)
    if not found and address is not None:
        found = find_ids(db, address, catalog=catalog, forges=forges)
    listed = _ids(db, "catalog_state = 'listed' AND id IN (SELECT value FROM json_each(?))", str(found))
    return listed or found


def catalog_name(text: str, *, catalog: str) -> str | None:
    """The id or slug in a package's address at the catalog, public or configured; None for other texts."""
    text = text.strip()
    if "://" not in text and not text.lower().startswith((f"{_SITE}/", f"www.{_SITE}/")):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        configured = urlsplit(catalog)
    except ValueError:
        return None
    if parts.netloc.lower().removeprefix("www.") not in (_SITE, configured.netloc.lower()):
        return None
    match = re.search(r"/packages/(?:p/)?([^/]+)/?$", unquote(parts.path))
    return match[1] if match else None


def _ids(db: sqlite3.Connection, condition: str, *values: str | int) -> list[int]:
    return [number for (number,) in db.execute(f"SELECT id FROM packages WHERE {condition} ORDER BY id", values)]


def _is_text(text: str) -> bool:
    """Whether SQLite can be asked for it: bytes of the command line that are no UTF-8 come as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_catalog_name(name: str) -> bool:
    """Whether the catalog can be asked for it: an id or a slug."""
    return _SLUG.fullmatch(name) is not None


def normalize_slug(slug: str) -> str:
    """A slug as it is compared: small letters (of ASCII, as SQLite's `lower` does it), and ``-`` for ``_``."""
    return grid_names.lower_ascii(slug).replace("_", "-")


def nearest_slugs(db: sqlite3.Connection, text: str, *, catalog: str) -> str:
    """The slugs that are most like what was typed, as a question; nothing where none is."""
    from difflib import get_close_matches  # noqa: PLC0415 - typing errors only

    slugs = [slug for (slug,) in db.execute("SELECT slug FROM packages")]
    name = catalog_name(text, catalog=catalog) or text.strip()
    near = get_close_matches(normalize_slug(name), slugs, n=_NEAREST, cutoff=0.6)
    return f"did you mean {', '.join(near)}?" if near else ""


def _next_step(db: sqlite3.Connection, text: str, catalog: str) -> str:
    name = catalog_name(text, catalog=catalog) or text.strip()
    near = nearest_slugs(db, text, catalog=catalog)
    said = [near] if near else []
    if _SLUG.fullmatch(name):
        said.append(f"djpkg fetch {name} asks the catalog for it")
    return "; ".join(said) or "djpkg fetch --all brings the whole directory"
