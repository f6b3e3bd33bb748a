"""Further forge servers that the user names in ``DJPKG_FORGES``."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from djpkg.config import is_loopback_server
from djpkg.errors import ConfigError
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping

# GitHub Enterprise and Bitbucket Server speak other APIs than the public sites, so that neither can be named.
_FORGE_KINDS = MappingProxyType(
    {"forgejo": SourceName.FORGEJO, "gitea": SourceName.FORGEJO, "gitlab": SourceName.GITLAB}
)
_MAX_PORT = 65_535


def forge_servers(environment: Mapping[str, str]) -> dict[str, SourceName]:
    """The further servers that the user names in DJPKG_FORGES. ConfigError on what makes no sense."""
    named = environment.get("DJPKG_FORGES", "")
    if not named.strip():
        return {}
    return parse_forge_servers(named)


def api_roots(source: SourceName, environment: Mapping[str, str]) -> dict[str, str]:
    """The API roots of the further servers of one kind, by host; over https, but for loopback."""
    path = {SourceName.GITLAB: "/api/v4", SourceName.FORGEJO: "/api/v1"}[source]
    return {
        host: f"{'http' if is_loopback_server(host) else 'https'}://{host}{path}"
        for host, kind in forge_servers(environment).items()
        if kind is source
    }


def parse_forge_servers(text: str) -> dict[str, SourceName]:
    """The servers of ``DJPKG_FORGES``: ``git.example.org=forgejo localhost:3000=gitea gitlab.example.org=gitlab``.

    Raises ConfigError on anything else, so that a slip shows at once and not as many unsupported repositories.
    """
    from djpkg.model.repository_url import HOST_PATTERN, HOSTS  # noqa: PLC0415 - most users name none, and its patterns take time

    pattern = rf"{HOST_PATTERN}(?::(?P<port>[0-9]{{1,5}}))?=(?P<kind>[A-Za-z]+)"
    forges: dict[str, SourceName] = {}
    for entry in text.split():
        if not (match := re.fullmatch(pattern, entry)):
            raise _wrong_forges(f"{entry!a} is not HOST=KIND or HOST:PORT=KIND")
        name, port, kind = match["host"].lower(), match["port"], match["kind"].lower()
        if name.removeprefix("www.") in HOSTS:
            raise _wrong_forges(f"{name} is known already")
        if kind not in _FORGE_KINDS:
            raise _wrong_forges(f"{kind} is no kind of further servers; the kinds are {', '.join(_FORGE_KINDS)}")
        if port is not None and not 0 < int(port) <= _MAX_PORT:
            raise _wrong_forges(f"{port} is no port")
        host = name if port is None else f"{name}:{int(port)}"
        if host in forges:
            raise _wrong_forges(f"{host} is named twice")
        forges[host] = _FORGE_KINDS[kind]
    return forges


def _wrong_forges(what: str) -> ConfigError:
    return ConfigError(
        f"DJPKG_FORGES: {what}", hint="for example DJPKG_FORGES='git.example.org=forgejo gitlab.example.org=gitlab'"
    )
