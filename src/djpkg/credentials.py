"""Tokens for the APIs: from environment variables and, for GitHub, from the gh program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg import config
from djpkg.errors import ConfigError
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# In seconds. gh may read its token from a keyring that waits for the user.
GH_TIMEOUT = 2.0
GH = "gh"
GH_COMMAND = f"{GH} auth token"
# In characters. A shorter text may be an ordinary word, which could not be removed from what a server answers.
MIN_LENGTH = 16


class Token(NamedTuple):
    """A token and its origin, a variable or a command. The `repr` hides the token."""

    origin: str
    secret: str

    def __repr__(self) -> str:
        return f"Token(origin={self.origin!r})"


def find_tokens(source: SourceName, environment: Mapping[str, str]) -> Iterator[Token]:
    """Yield the tokens for a source in the order in which they are tried: its variables, then, for GitHub, gh.

    Each token once; gh runs only when its token is requested. ConfigError when the first token is invalid; later
    invalid ones are skipped.
    """
    origins = config.API_BY_SOURCE[source].token_variables
    seen: set[str] = set()
    for origin in (*origins, GH_COMMAND) if source is SourceName.GITHUB else origins:
        try:
            gh = origin == GH_COMMAND
            token = find_gh_token(environment) if gh else _read_variable(source, origin, environment)
        except ConfigError:
            if not seen:
                raise
            continue
        if token is not None and token.secret not in seen:
            seen.add(token.secret)
            yield token


def token_from_environment(source: SourceName, environment: Mapping[str, str]) -> Token | None:
    """Return the first token in the variables of a source; ConfigError, with the variable, when it is invalid."""
    for variable in config.API_BY_SOURCE[source].token_variables:
        if token := _read_variable(source, variable, environment):
            return token
    return None


def find_origin(source: SourceName, environment: Mapping[str, str]) -> str | None:
    """Return the variable with the token of a source, or `GH` if a fetch would ask gh for it; None without either.

    Starts no program: only a fetch learns whether gh has a token. ConfigError as for `find_tokens`.
    """
    if (token := token_from_environment(source, environment)) is not None:
        return token.origin
    if source is not SourceName.GITHUB or find_gh(environment) is None:
        return None
    config.api_url(source, environment)  # a fetch asks gh for the token of this server
    return GH


def _read_variable(source: SourceName, variable: str, environment: Mapping[str, str]) -> Token | None:
    token = parse_token(variable, environment.get(variable, ""))
    if token is not None and source is SourceName.BITBUCKET and not re.fullmatch("[^:]+:.+", token.secret):
        raise ConfigError(f"{variable} does not have the form EMAIL:TOKEN")
    return token


def parse_token(origin: str, text: str) -> Token | None:
    """Return a token without surrounding white space, None if it is empty.

    ConfigError if no header can contain it, or if it is shorter than MIN_LENGTH.
    """
    secret = text.strip()
    if not secret:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", secret):
        raise ConfigError(f"the token in {origin} contains invalid characters", hint=f"set {origin} again, or unset it")
    if len(secret.rpartition(":")[2]) < MIN_LENGTH:  # Bitbucket's follows an address
        message = f"the token in {origin} is too short: tokens have at least {MIN_LENGTH} characters"
        raise ConfigError(message, hint=f"set {origin} again, or unset it")
    return Token(origin, secret)


def find_gh(environment: Mapping[str, str]) -> str | None:
    """Return the path of the gh program, None if it is not installed. Starts nothing."""
    import shutil  # noqa: PLC0415 - only needed here

    return shutil.which(GH, path=environment.get("PATH", ""))


def find_gh_token(environment: Mapping[str, str]) -> Token | None:
    """Return the token of gh for the configured GitHub server; None without gh or its token, or after GH_TIMEOUT.

    It is the token that gh itself stores: with GH_TOKEN or GITHUB_TOKEN set, gh would return that one. ConfigError for
    an invalid token or an invalid DJPKG_GITHUB_URL.
    """
    import subprocess  # noqa: PLC0415 - only needed here

    program = find_gh(environment)
    if program is None:
        return None
    variables = config.API_BY_SOURCE[SourceName.GITHUB].token_variables
    command = [program, "auth", "token"]
    if (host := config.custom_host(SourceName.GITHUB, environment)) is not None:
        command += ["--hostname", host]  # else gh returns the token of the public server
    try:
        ended = subprocess.run(  # noqa: S603 - a program on the user's PATH
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GH_TIMEOUT,
            check=True,
            env={name: value for name, value in environment.items() if name not in variables},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_token(GH_COMMAND, ended.stdout.decode("ascii", "replace"))
