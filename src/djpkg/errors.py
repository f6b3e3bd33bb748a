"""Everything that djpkg raises for a cause that a user, a disk or a network can bring about.

    DjpkgError                  1
    ├── ConfigError             1   an environment variable that makes no sense
    ├── UsageError              2   a word, option or value that does not parse
    ├── PackageNotFound         3   no such package, here or in the catalog
    ├── MirrorError            74   the file: not a database, newer, damaged, no permission, disk full
    │   └── MirrorMissing      74   the file is not there
    ├── FetchRunning           75   another fetch holds the lock
    └── SourceError             1   something remote
        ├── Unreachable         1   no connection, no answer in time
        ├── Rejected            1   an answer that is an error
        ├── UnexpectedPayload   1   an answer that is not what the API documents
        └── Refused             4
            ├── CredentialsRejected   4
            └── QuotaExhausted        4   carries the moment from which one may ask again

A message is one sentence without a closing stop; `hint`, where there is one, is the user's next step. The module that
owns a foreign library translates its exceptions into these, once; the command line catches them, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# The exit codes of a program that SIGINT and SIGTERM end.
INTERRUPTED = 130
TERMINATED = 143


class DjpkgError(Exception):
    """Base of the tree: a sentence for the user, an exit code, and perhaps the next step."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DjpkgError):
    """An environment variable or a place that makes no sense."""


class UsageError(DjpkgError):
    """A word, an option or a value that does not parse; the message says what would."""

    exit_code = 2


class PackageNotFound(DjpkgError):
    """No package, or several, for what the user named."""

    exit_code = 3


class MirrorError(DjpkgError):
    """The mirror's file cannot be used; it is left as it was."""

    exit_code = 74


class MirrorMissing(MirrorError):
    """There is no mirror at that place yet."""


class FetchRunning(DjpkgError):
    """Another fetch holds the lock."""

    exit_code = 75


class SourceError(DjpkgError):
    """A source did not answer as hoped. `reason` is what one package's failure is reported as."""

    @property
    def reason(self) -> str:
        """The message, as one line for a report."""
        return str(self)


class Unreachable(SourceError):
    """No connection, a connection that broke, or no answer in time."""


class Rejected(SourceError):
    """An answer that is an error; `status` is its HTTP status."""

    def __init__(self, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class UnexpectedPayload(SourceError):
    """An answer whose shape is not the documented one, or that is too large, cut or not decodable."""


class Refused(SourceError):
    """The source will not serve us: credentials or quota."""

    exit_code = 4


class CredentialsRejected(Refused):
    """The token is not accepted; the hint names the environment variable, never the token."""


class QuotaExhausted(Refused):
    """The source's quota does not allow the request now.

    `until` is the moment (aware, UTC) from which the source may be asked again, None where it named none.
    """

    def __init__(self, message: str, *, until: datetime | None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.until = until
