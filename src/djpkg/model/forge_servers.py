"""Additional forge servers, configured in ``DJPKG_FORGES``."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from djpkg.config import API_BY_SOURCE, APIS, is_loopback_server
from djpkg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.source_name import SourceName

_FORGE_KINDS = MappingProxyType(dict(sorted((kind, api.source) for api in APIS for kind in api.kinds)))
_MAX_PORT = 65_535


def forge_servers(environment: Mapping[str, str]) -> dict[str, SourceName]:
    """Return the servers in DJPKG_FORGES, ``host`` or ``host:port`` to forge; ConfigError if the setting is invalid."""
    text = environment.get("DJPKG_FORGES", "")
    if not text.strip():
        return {}
    return parse_forge_servers(text)


def api_roots(source: SourceName, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the API roots of the configured servers of one forge, by host: https, except for loopback."""
    path = urlsplit(API_BY_SOURCE[source].default_url).path
    return {
        host: f"{'http' if is_loopback_server(host) else 'https'}://{host}{path}"
        for host, kind in forge_servers(environment).items()
        if kind is source
    }


def parse_forge_servers(text: str) -> dict[str, SourceName]:
    """Parse ``git.example.org=forgejo localhost:3000=gitea gitlab.example.org=gitlab``.

    ConfigError on anything else, so that a typo does not turn into many unsupported repositories.
    """
    from djpkg.model.repository_url import HOST_PATTERN, PUBLIC_FORGES  # noqa: PLC0415 - rarely needed, and it takes time

    pattern = rf"{HOST_PATTERN}(?::(?P<port>[0-9]{{1,5}}))?=(?P<kind>[A-Za-z]+)"
    forges: dict[str, SourceName] = {}
    if "@" in text:  # nothing is quoted: a password may contain white space, so any entry may be a part of it
        raise _invalid_forges("an entry contains a user name or password, not HOST=KIND or HOST:PORT=KIND")
    for entry in text.split():
        if not (match := re.fullmatch(pattern, entry)):
            raise _invalid_forges(f"invalid entry {entry!a}, not HOST=KIND or HOST:PORT=KIND")
        name, port, kind = match["host"].lower(), match["port"], match["kind"].lower()
        if name.removeprefix("www.") in PUBLIC_FORGES:
            raise _invalid_forges(f"{name} is a built-in forge")
        if kind not in _FORGE_KINDS:
            raise _invalid_forges(f"unknown kind {kind}; use {', '.join(_FORGE_KINDS)}")
        if port is not None and not 0 < int(port) <= _MAX_PORT:
            raise _invalid_forges(f"invalid port {port}")
        host = name if port is None else f"{name}:{int(port)}"
        if host in forges:
            raise _invalid_forges(f"duplicate server {host}")
        forges[host] = _FORGE_KINDS[kind]
    return forges


def _invalid_forges(problem: str) -> ConfigError:
    return ConfigError(
        f"DJPKG_FORGES: {problem}", hint="for example DJPKG_FORGES='git.example.org=forgejo gitlab.example.org=gitlab'"
    )
