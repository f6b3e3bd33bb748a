"""Creation of the sources from the environment; the module of a source is imported when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg import config, credentials
from djpkg.model import forge_servers
from djpkg.source_name import SourceName
from djpkg.sources.source import NO_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from djpkg.sources.catalog.source import Catalog
    from djpkg.sources.http.retry import Limits
    from djpkg.sources.pypi.source import Pypi
    from djpkg.sources.rest_forge.forge import RestForge
    from djpkg.sources.source import Forge


def validate_settings(sources: Iterable[SourceName], environment: Mapping[str, str]) -> None:
    """Raise ConfigError for an invalid URL, server or token, before any request."""
    forge_servers.forge_servers(environment)
    for source in sources:
        config.api_url(source, environment)
        credentials.token_from_environment(source, environment)


def open_catalog(environment: Mapping[str, str], *, limits: Limits, clock: Callable[[], datetime]) -> Catalog:
    """Return the catalog."""
    from djpkg.sources.catalog.source import Catalog  # noqa: PLC0415 - only when needed

    return Catalog(base_url=config.catalog_url(environment), limits=limits, clock=clock)


def open_pypi(
    environment: Mapping[str, str], *, listed: int | None, limits: Limits, clock: Callable[[], datetime]
) -> Pypi:
    """Return PyPI; `listed` is the number of projects in its last list."""
    from djpkg.sources.pypi.source import Pypi  # noqa: PLC0415 - as above

    return Pypi(
        base_url=config.api_url(SourceName.PYPI, environment), last_project_count=listed, limits=limits, clock=clock
    )


def open_forge(
    source: SourceName,
    environment: Mapping[str, str],
    *,
    token: credentials.Token | None,
    other_tokens: Iterator[credentials.Token] = NO_TOKENS,
    limits: Limits,
    clock: Callable[[], datetime],
) -> Forge:
    """Return a forge with the tokens of `find_tokens` and the servers in DJPKG_FORGES.

    When it rejects `token`, those of `other_tokens` are tried, then none.
    """
    url = config.api_url(source, environment)
    if source is SourceName.GITHUB:
        from djpkg.sources.github.source import GitHub  # noqa: PLC0415 - as above

        return GitHub(base_url=url, token=token, other_tokens=other_tokens, limits=limits, clock=clock)
    forge = _rest_forge(source)
    servers = forge_servers.api_roots(source, environment)
    return forge(base_url=url, token=token, other_tokens=other_tokens, servers=servers, limits=limits, clock=clock)


def _rest_forge(source: SourceName) -> type[RestForge]:
    """Return the class of a forge without a bulk API."""
    match source:
        case SourceName.GITLAB:
            from djpkg.sources.rest_forge.gitlab import GitLab  # noqa: PLC0415 - as above

            return GitLab
        case SourceName.BITBUCKET:
            from djpkg.sources.rest_forge.bitbucket import Bitbucket  # noqa: PLC0415 - as above

            return Bitbucket
        case SourceName.FORGEJO:
            from djpkg.sources.rest_forge.forgejo import Forgejo  # noqa: PLC0415 - as above

            return Forgejo
    raise ValueError(source)
