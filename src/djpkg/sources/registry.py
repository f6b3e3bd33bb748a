"""Which sources there are and how each is made from the environment; a source's module is loaded when it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg import config, credentials
from djpkg.model import forge_servers
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from djpkg.sources.catalog.source import Catalog
    from djpkg.sources.http.retry import Limits
    from djpkg.sources.pypi.source import Pypi
    from djpkg.sources.source import Forge


def check_settings(sources: Iterable[SourceName], environment: Mapping[str, str]) -> None:
    """Raise ConfigError now for an address, a server or a token that makes no sense, before anything is asked."""
    forge_servers.forge_servers(environment)
    for source in sources:
        config.api_address(source, environment)
        credentials.token_from_environment(source, environment)


def open_catalog(environment: Mapping[str, str], *, limits: Limits, clock: Callable[[], datetime]) -> Catalog:
    """The catalog, to be entered before it is asked."""
    from djpkg.sources.catalog.source import Catalog  # noqa: PLC0415 - only where it is wanted

    return Catalog(base_url=config.catalog_address(environment), limits=limits, clock=clock)


def open_pypi(
    environment: Mapping[str, str], *, listed: int | None, limits: Limits, clock: Callable[[], datetime]
) -> Pypi:
    """PyPI; `listed` is how many projects its last list had."""
    from djpkg.sources.pypi.source import Pypi  # noqa: PLC0415 - as above

    return Pypi(base_url=config.api_address(SourceName.PYPI, environment), listed=listed, limits=limits, clock=clock)


def open_forge(
    source: SourceName,
    environment: Mapping[str, str],
    *,
    token: credentials.Token | None,
    limits: Limits,
    clock: Callable[[], datetime],
) -> Forge:
    """A forge, with the token from `find_token` and the further servers that the user named."""
    url = config.api_address(source, environment)
    match source:
        case SourceName.GITHUB:
            from djpkg.sources.github.source import GitHub  # noqa: PLC0415 - as above

            return GitHub(base_url=url, token=token, limits=limits, clock=clock)
        case SourceName.GITLAB:
            from djpkg.sources.rest_forge.gitlab import GitLab  # noqa: PLC0415 - as above

            servers = forge_servers.api_roots(source, environment)
            return GitLab(base_url=url, token=token, servers=servers, limits=limits, clock=clock)
        case SourceName.BITBUCKET:
            from djpkg.sources.rest_forge.bitbucket import Bitbucket  # noqa: PLC0415 - as above

            return Bitbucket(base_url=url, token=token, limits=limits, clock=clock)
        case SourceName.FORGEJO:
            from djpkg.sources.rest_forge.forgejo import Forgejo  # noqa: PLC0415 - as above

            servers = forge_servers.api_roots(source, environment)
            return Forgejo(base_url=url, token=token, servers=servers, limits=limits, clock=clock)
        case _:
            raise ValueError(f"{source} is no forge")
