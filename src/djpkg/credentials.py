"""Tokens for the APIs: from environment variables and, for GitHub, from the gh program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg import config
from djpkg.errors import ConfigError
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping

# It keeps its token in a store that may ask the user something; nobody waits for that.
GH_TIMEOUT = 2.0


class Token(NamedTuple):
    """A credential and where it came from. Its text stays out of every `repr`."""

    origin: str
    secret: str

    def __repr__(self) -> str:
        return f"Token(origin={self.origin!r})"


def find_token(source: SourceName, environment: Mapping[str, str]) -> Token | None:
    """The token for a source: from its variables, else, for GitHub, from gh. ConfigError on one that cannot be one."""
    token = token_from_environment(source, environment)
    if token is not None or source is not SourceName.GITHUB:
        return token
    return ask_gh(environment)


def token_from_environment(source: SourceName, environment: Mapping[str, str]) -> Token | None:
    """The first token that is set for an API. ConfigError names the variable of one that cannot be one."""
    for variable in config.API_BY_SOURCE[source].tokens:
        if found := parse_token(variable, environment.get(variable, "")):
            if source is SourceName.BITBUCKET and not re.fullmatch("[^:]+:.+", found.secret):
                raise ConfigError(f"{variable} does not have the form EMAIL:TOKEN")
            return found
    return None


def parse_token(origin: str, text: str) -> Token | None:
    """A token without the white space around it, None for none. ConfigError on one that no header can carry."""
    secret = text.strip()
    if not secret:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", secret):
        raise ConfigError(f"{origin} holds characters that no token has", hint=f"set {origin} anew, or unset it")
    return Token(origin, secret)


def ask_gh(environment: Mapping[str, str]) -> Token | None:
    """The token of gh's for the server that is GitHub here; None without gh, or where it has none or takes too long.

    ConfigError on what can be no token, and on an address of GitHub's that is none.
    """
    import shutil  # noqa: PLC0415 - only a fetch asks gh
    import subprocess  # noqa: PLC0415 - as above

    program = shutil.which("gh", path=environment.get("PATH", ""))
    if program is None:
        return None
    command = [program, "auth", "token"]
    if (host := config.foreign_host(SourceName.GITHUB, environment)) is not None:
        command += ["--hostname", host]  # else it would be the public server's token that is sent there
    try:
        said = subprocess.run(  # noqa: S603 - found on the user's own path
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GH_TIMEOUT,
            check=True,
            env=dict(environment),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_token("gh auth token", said.stdout.decode("ascii", "replace"))
