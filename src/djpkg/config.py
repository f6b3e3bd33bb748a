"""Settings from the environment: the mirror file and the API addresses. The environment is an argument.

Each API address is one setting here; no other module names a server.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from djpkg.errors import ConfigError
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping


class Api(NamedTuple):
    """Where one API is by default, the variable that says otherwise, and the variables that may hold its token."""

    source: SourceName
    address: str
    variable: str
    tokens: tuple[str, ...]


APIS: tuple[Api, ...] = (
    Api(SourceName.CATALOG, "https://djangopackages.org/api/v4", "DJPKG_CATALOG_URL", ()),
    Api(SourceName.GITHUB, "https://api.github.com", "DJPKG_GITHUB_URL", ("GH_TOKEN", "GITHUB_TOKEN")),
    Api(SourceName.PYPI, "https://pypi.org", "DJPKG_PYPI_URL", ()),
    Api(SourceName.GITLAB, "https://gitlab.com/api/v4", "DJPKG_GITLAB_URL", ("GITLAB_TOKEN",)),
    Api(SourceName.BITBUCKET, "https://api.bitbucket.org/2.0", "DJPKG_BITBUCKET_URL", ("BITBUCKET_TOKEN",)),
    Api(SourceName.FORGEJO, "https://codeberg.org/api/v1", "DJPKG_CODEBERG_URL", ("CODEBERG_TOKEN",)),
)
API_BY_SOURCE = {api.source: api for api in APIS}


def mirror_path(environment: Mapping[str, str], option: Path | None = None) -> Path:
    """Where the mirror is, with its whole path: ``--db``, else DJPKG_DB, else the user's data folder.

    ConfigError where there is no home, or no working folder for a path that begins there.
    """
    if option is not None:
        return _whole(option, environment)
    if named := environment.get("DJPKG_DB"):
        return _whole(Path(named), environment)
    from platformdirs import user_data_path  # noqa: PLC0415 - 7 ms that a named file does not pay for

    if not environment.get("HOME") and not environment.get("XDG_DATA_HOME"):
        message = "there is no home folder to keep the mirror in"
        raise ConfigError(message, hint="name the file with --db FILE or DJPKG_DB=FILE")
    return user_data_path("djpkg", appauthor=False) / "mirror.db"


def _whole(path: Path, environment: Mapping[str, str]) -> Path:
    hint = "name the file with its whole path"
    try:
        return (path.expanduser() if environment.get("HOME") else path).absolute()
    except RuntimeError as error:
        raise ConfigError(f"there is no such home folder: {path}", hint=hint) from error
    except OSError as error:
        raise ConfigError(f"there is no working folder to find {path} in", hint=hint) from error


def api_address(source: SourceName, environment: Mapping[str, str]) -> str:
    """The root of an API, without a closing slash. ConfigError on what is no http(s) address."""
    api = API_BY_SOURCE[source]
    text = (environment.get(api.variable) or api.address).strip().rstrip("/")
    if not _is_root(text):
        raise ConfigError(f"{api.variable} is no http or https address", hint=f"the default is {api.address}")
    return text


def _is_root(text: str) -> bool:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[A-Za-z0-9._~/%\-]*)?", text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets around what is no address, a port that is none
        return False


def catalog_address(environment: Mapping[str, str]) -> str:
    """The root of the catalog's API."""
    return api_address(SourceName.CATALOG, environment)


def foreign_host(source: SourceName, environment: Mapping[str, str]) -> str | None:
    """The host of an API that is asked elsewhere than at its public address; None for that and for loopback."""
    host = urlsplit(api_address(source, environment)).netloc
    return None if host == urlsplit(API_BY_SOURCE[source].address).netloc or is_loopback_server(host) else host


def is_loopback(host: str) -> bool:
    """Whether a host (a name, or an IP address without brackets) is this machine."""
    if host == "localhost":
        return True
    from ipaddress import ip_address  # noqa: PLC0415 - who reads the mirror needs none

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_server(server: str) -> bool:
    """Whether a host, perhaps with a port, is loopback."""
    return is_loopback(urlsplit(f"//{server}").hostname or "")
