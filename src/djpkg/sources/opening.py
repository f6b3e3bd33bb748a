"""Which sources there are and how each is made from the environment; a source's module is loaded when it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg import config
from djpkg.programs import gh
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from djpkg.sources import Forge
    from djpkg.sources.catalog import Catalog
    from djpkg.sources.limits import Limits
    from djpkg.sources.pypi import Pypi


def check(sources: Iterable[SourceName], environment: Mapping[str, str]) -> None:
    """Raise ConfigError now for an address, a server or a token that makes no sense, before anything is asked."""
    config.forges(environment)
    for source in sources:
        config.address(source, environment)
        config.token(source, environment)


def find_token(source: SourceName, environment: Mapping[str, str]) -> config.Token | None:
    """The token for a source: from its variables, else, for GitHub, from gh. ConfigError on one that cannot be one."""
    token = config.token(source, environment)
    if token is not None or source is not SourceName.GITHUB:
        return token
    return gh.ask_token(environment)


def open_catalog(environment: Mapping[str, str], *, limits: Limits, clock: Callable[[], datetime]) -> Catalog:
    """The catalog, to be entered before it is asked."""
    from djpkg.sources.catalog import Catalog  # noqa: PLC0415 - only where it is wanted

    return Catalog(base_url=config.catalog(environment), limits=limits, clock=clock)


def open_pypi(
    environment: Mapping[str, str], *, listed: int | None, limits: Limits, clock: Callable[[], datetime]
) -> Pypi:
    """PyPI; `listed` is how many projects its last list had."""
    from djpkg.sources.pypi import Pypi  # noqa: PLC0415 - as above

    return Pypi(base_url=config.address(SourceName.PYPI, environment), listed=listed, limits=limits, clock=clock)


def open_forge(
    source: SourceName,
    environment: Mapping[str, str],
    *,
    token: config.Token | None,
    limits: Limits,
    clock: Callable[[], datetime],
) -> Forge:
    """A forge, with the token from `find_token` and the further servers that the user named."""
    url = config.address(source, environment)
    match source:
        case SourceName.GITHUB:
            from djpkg.sources.github import GitHub  # noqa: PLC0415 - as above

            return GitHub(base_url=url, token=token, limits=limits, clock=clock)
        case SourceName.GITLAB:
            from djpkg.sources.gitlab import GitLab  # noqa: PLC0415 - as above

            servers = config.servers(source, environment)
            return GitLab(base_url=url, token=token, servers=servers, limits=limits, clock=clock)
        case SourceName.BITBUCKET:
            from djpkg.sources.bitbucket import Bitbucket  # noqa: PLC0415 - as above

            return Bitbucket(base_url=url, token=token, limits=limits, clock=clock)
        case SourceName.FORGEJO:
            from djpkg.sources.forgejo import Forgejo  # noqa: PLC0415 - as above

            servers = config.servers(source, environment)
            return Forgejo(base_url=url, token=token, servers=servers, limits=limits, clock=clock)
        case _:
            raise ValueError(f"{source} is no forge")
