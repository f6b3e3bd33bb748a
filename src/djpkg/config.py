"""Mirror path and API URLs, read from an environment mapping.

The URL of each API is one setting here; no other module names a server.
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


class ApiSettings(NamedTuple):
    """The default URL of an API, the variable that replaces it, and the variables for its token, first match wins.

    A forge also has the `host` of its repository URLs, and the `kinds` that name its API in DJPKG_FORGES; on a server
    listed there, the API has the path of the default URL.
    """

    source: SourceName
    default_url: str
    variable: str
    token_variables: tuple[str, ...] = ()
    host: str = ""
    kinds: tuple[str, ...] = ()


# GitHub Enterprise and Bitbucket Server have other APIs than the public sites, so they have no kind.
APIS: tuple[ApiSettings, ...] = (
    ApiSettings(SourceName.CATALOG, "https://djangopackages.org/api/v4", "DJPKG_CATALOG_URL"),
    ApiSettings(
        SourceName.GITHUB, "https://api.github.com", "DJPKG_GITHUB_URL", ("GH_TOKEN", "GITHUB_TOKEN"), "github.com"
    ),
    ApiSettings(SourceName.PYPI, "https://pypi.org", "DJPKG_PYPI_URL"),
    ApiSettings(
        SourceName.GITLAB, "https://gitlab.com/api/v4", "DJPKG_GITLAB_URL", ("GITLAB_TOKEN",), "gitlab.com", ("gitlab",)
    ),
    ApiSettings(
        SourceName.BITBUCKET,
        "https://api.bitbucket.org/2.0",
        "DJPKG_BITBUCKET_URL",
        ("BITBUCKET_TOKEN",),
        "bitbucket.org",
    ),
    ApiSettings(
        SourceName.FORGEJO,
        "https://codeberg.org/api/v1",
        "DJPKG_CODEBERG_URL",
        ("CODEBERG_TOKEN",),
        "codeberg.org",
        ("forgejo", "gitea"),
    ),
)
API_BY_SOURCE = {api.source: api for api in APIS}


def mirror_path(environment: Mapping[str, str], option: Path | None = None) -> Path:
    """Return the absolute path of the mirror: ``--db``, else DJPKG_DB, else a file in the user's data directory.

    ConfigError when that needs a home or working directory that does not exist.
    """
    if option is not None:
        return _absolute(option, environment)
    if name := environment.get("DJPKG_DB"):
        return _absolute(Path(name), environment)
    from platformdirs import user_data_path  # noqa: PLC0415 - takes 7 ms

    if not environment.get("HOME") and not environment.get("XDG_DATA_HOME"):
        raise ConfigError("no home directory for the mirror", hint="set the file with --db FILE or DJPKG_DB=FILE")
    return user_data_path("djpkg", appauthor=False) / "mirror.db"


def _absolute(path: Path, environment: Mapping[str, str]) -> Path:
    hint = "use an absolute path"
    try:
        return (path.expanduser() if environment.get("HOME") else path).absolute()
    except RuntimeError as error:
        raise ConfigError(f"home directory not found: {path}", hint=hint) from error
    except OSError as error:
        raise ConfigError(f"cannot resolve {path}: the working directory does not exist", hint=hint) from error


def api_url(source: SourceName, environment: Mapping[str, str]) -> str:
    """Return the base URL of an API without a trailing slash; ConfigError when it is not an http or https URL."""
    api = API_BY_SOURCE[source]
    text = (environment.get(api.variable) or api.default_url).strip().rstrip("/")
    if not _is_base_url(text):
        raise ConfigError(f"{api.variable} is not an http or https URL", hint=f"the default is {api.default_url}")
    return text


def _is_base_url(text: str) -> bool:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[A-Za-z0-9._~/%\-]*)?", text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid IPv6 address or port
        return False


def catalog_url(environment: Mapping[str, str]) -> str:
    """Return the base URL of the catalog's API."""
    return api_url(SourceName.CATALOG, environment)


def custom_host(source: SourceName, environment: Mapping[str, str]) -> str | None:
    """Return the host and port of an API on a custom server; None for the public server and for loopback."""
    host = urlsplit(api_url(source, environment)).netloc
    return None if host == urlsplit(API_BY_SOURCE[source].default_url).netloc or is_loopback_server(host) else host


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address (without brackets) is this machine."""
    if host == "localhost":
        return True
    from ipaddress import ip_address  # noqa: PLC0415 - not needed to read the mirror

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_server(server: str) -> bool:
    """Whether a host with an optional port is this machine."""
    return is_loopback(urlsplit(f"//{server}").hostname or "")
