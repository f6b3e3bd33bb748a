"""``show --web``: open a page of a package in the browser."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING

from djpkg import config
from djpkg.cli import terminal
from djpkg.errors import DjpkgError
from djpkg.mirror import read
from djpkg.model import fields, forge_servers, repository_url
from djpkg.model.package import package_url
from djpkg.render import abbreviate, known_values
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from djpkg.model.package import Values

_FIELDS = fields.parse_columns("slug,repo_url,pypi_name,documentation_url")
# By page: the field with its address, and what the message calls the page.
_PAGE_FIELDS = {
    "repo": ("repo_url", "repository"),
    "pypi": ("pypi_name", "project on PyPI"),
    "docs": ("documentation_url", "documentation"),
}


def open_page(mirror: sqlite3.Connection, number: int, page: str) -> None:
    """Open the page and print its address on stderr. DjpkgError without an address, or with an unsafe one."""
    values = read.get_values(mirror, number, _FIELDS)
    stored = page_url(values, page, os.environ)
    address = abbreviate.safe_link(stored)
    if address is None:
        field, name = _PAGE_FIELDS.get(page, ("slug", "page"))
        reason = f"{field} is not a web address: {stored!r}" if stored else f"{field} is empty"
        raise DjpkgError(f"{known_values.text(values, 'slug')}: {name} not found; {reason}")
    terminal.write_stderr(f"opening {address}")
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        raise DjpkgError("cannot open a browser", hint=f"the page is {address}")


def page_url(values: Values, page: str, environment: Mapping[str, str]) -> str:
    """Return the address of a page as it is stored, "" if there is none. It may be any text, so check it before use."""
    match page:
        case "repo":
            url = known_values.text(values, "repo_url")
            repository = repository_url.parse_repository_url(url, forge_servers.forge_servers(environment))
            return repository.url if isinstance(repository, repository_url.Repository) else url
        case "docs":
            return known_values.text(values, "documentation_url")
        case "pypi":
            name = known_values.text(values, "pypi_name")
            return f"{config.api_url(SourceName.PYPI, environment)}/project/{name}/" if name else ""
        case _:
            return package_url(known_values.text(values, "slug"), api=config.catalog_url(environment))
