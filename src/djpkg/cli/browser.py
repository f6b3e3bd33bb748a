"""``show --web``: a page of a package in the user's browser."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING

from djpkg import config
from djpkg.cli import terminal
from djpkg.errors import DjpkgError
from djpkg.mirror import read
from djpkg.model import fields, forge_servers, repository_url
from djpkg.model.package import package_page
from djpkg.render import abbreviate
from djpkg.render import typed_values as look
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from djpkg.model.package import Values

_FIELDS = fields.parse_columns("slug,repo_url,pypi_name,documentation_url")
# By page: the field without which there is none, and what is missing then.
_MISSING = {
    "repo": ("repo_url", "repository"),
    "pypi": ("pypi_name", "project on PyPI"),
    "docs": ("documentation_url", "documentation"),
}


def open_page(mirror: sqlite3.Connection, number: int, page: str) -> None:
    """Open the page, and say which on stderr. DjpkgError where the package has none that a browser may be given."""
    values = read.get_values(mirror, number, _FIELDS)
    found = find_page(values, page, os.environ)
    address = abbreviate.link(found)
    if address is None:
        field, missing = _MISSING.get(page, ("slug", "page"))
        why = f"its {field} is {found!r}, which no browser may be given" if found else f"its {field} is empty"
        raise DjpkgError(f"{look.text(values, 'slug')} has no {missing}: {why}")
    terminal.write_stderr(f"opening {address}")
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError) as error:
        raise _no_browser(address) from error
    if not opened:
        raise _no_browser(address)


def find_page(values: Values, page: str, environment: Mapping[str, str]) -> str:
    """The address of a page; "" where there is none, and anything where somebody wrote anything."""
    match page:
        case "repo":
            place = repository_url.parse_repository_url(
                look.text(values, "repo_url"), forge_servers.forge_servers(environment)
            )
            return place.url if isinstance(place, repository_url.Repository) else look.text(values, "repo_url")
        case "docs":
            return look.text(values, "documentation_url")
        case "pypi":
            name = look.text(values, "pypi_name")
            return f"{config.api_address(SourceName.PYPI, environment)}/project/{name}/" if name else ""
        case _:
            return package_page(look.text(values, "slug"), api=config.catalog_address(environment))


def _no_browser(address: str) -> DjpkgError:
    return DjpkgError("no browser can be opened", hint=f"the page is {address}")
