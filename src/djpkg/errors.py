"""Exceptions for everything that a user, a disk or a network can cause, with their exit codes.

    DjpkgError                  1
    ├── ConfigError             1   an invalid environment variable or path
    ├── UsageError              2   an invalid argument, option or value
    ├── PackageNotFound         3   package not found, or not unique
    ├── MirrorError            74   the file: not a database, newer, damaged, permission denied, disk full
    │   ├── MirrorMissing      74   the file does not exist
    │   ├── MirrorDamaged      74   the content of the file cannot be read
    │   └── MirrorBusy         74   another program locks the file
    ├── FetchRunning           75   another fetch is running
    └── SourceError             1   a remote server
        ├── Unreachable         1   no connection, no response in time
        ├── HTTPStatusError     1   an HTTP error status
        ├── UnexpectedPayload   1   a response that does not match the API documentation
        └── Refused             4
            ├── CredentialsRejected   4
            └── QuotaExhausted        4   rate limit reached, with its end

A message is one sentence without a period; `hint` is the user's next step, if there is one. The module that imports a
library translates the exceptions of the library; only the command line catches these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# Exit codes after SIGINT and SIGTERM.
INTERRUPTED = 130
TERMINATED = 143


class DjpkgError(Exception):
    """Base class: a message for the user, an optional next step and an exit code."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DjpkgError):
    """An invalid environment variable or path."""


class UsageError(DjpkgError):
    """An invalid argument, option or value; the message says what is valid."""

    exit_code = 2


class PackageNotFound(DjpkgError):
    """No package, or several, for a name of the user."""

    exit_code = 3


class MirrorError(DjpkgError):
    """The mirror file cannot be used; it was not changed."""

    exit_code = 74


class MirrorDamaged(MirrorError):
    """The content of the file cannot be read; `can_recover` is False where the program ``sqlite3`` cannot help."""

    def __init__(self, message: str, *, hint: str | None = None, can_recover: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.can_recover = can_recover


class MirrorMissing(MirrorError):
    """The mirror file does not exist."""


class MirrorBusy(MirrorError):
    """Another program locks the mirror file."""


class FetchRunning(DjpkgError):
    """Another fetch is running."""

    exit_code = 75


class SourceError(DjpkgError):
    """A source failed."""


class Unreachable(SourceError):
    """No connection, a broken connection, or no response in time."""


class HTTPStatusError(SourceError):
    """An error status in a response."""

    def __init__(self, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class UnexpectedPayload(SourceError):
    """A response that does not match the documentation, or is too large or invalid."""


class Refused(SourceError):
    """The source refuses requests because of credentials or a quota."""

    exit_code = 4


class CredentialsRejected(Refused):
    """The token was rejected; the hint names its environment variable, never the token."""


class QuotaExhausted(Refused):
    """A rate limit was reached. `until` is its end (aware, UTC), None if it is unknown."""

    def __init__(self, message: str, *, until: datetime | None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.until = until
