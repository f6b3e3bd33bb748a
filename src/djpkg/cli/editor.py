"""Running the user's editor on a text, so that nothing that was typed is ever lost."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from djpkg import editing
from djpkg.cli import terminal
from djpkg.errors import ConfigError, DjpkgError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.assignments import Places
    from djpkg.merge import Kept


class Draft:
    """A text in a file that only its owner can read (0600 in a folder of 0700)."""

    def __init__(self, before: str) -> None:
        self.before = before
        self.path = Path(tempfile.mkdtemp(prefix="djpkg-edit-")) / "package.toml"
        self.path.touch(mode=0o600)
        self.path.write_text(before, encoding="utf-8")

    def ask(self, places: Places) -> dict[str, Kept]:
        """Open the editor until its text parses; the fields that were changed, none where the user cancelled.

        A mistake is said on top of the text that came back. UsageError where the same text comes back with its mistake;
        the text is kept, and its place said, whenever something typed would else be lost.
        """
        refused, mistake = "", ""
        while True:
            self._run()
            after = self._came_back()
            if editing.is_empty(after) or after == self.before:
                self.discard()
                return {}
            if after == refused:
                raise UsageError(mistake, hint=f"what you typed is kept in {self.path}")
            try:
                return editing.changes(self.before, after, places)
            except UsageError as error:
                mistake = str(error)
                refused = editing.with_mistake(after, mistake)
                self.path.write_text(refused, encoding="utf-8")

    def keep(self) -> None:
        """Say where the text is, after something else went wrong."""
        terminal.say(f"djpkg: what you typed is kept in {self.path}")

    def discard(self) -> None:
        """The text has done its work."""
        self.path.unlink(missing_ok=True)
        self.path.parent.rmdir()

    def _run(self) -> None:
        command = _command(os.environ)
        # Ctrl-C belongs to the editor while it runs.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            ended = subprocess.run([*command, str(self.path)], check=False)  # noqa: S603 - the user's own editor
        except OSError as error:
            self.discard()
            raise ConfigError(f"the editor {command[0]} cannot be run: {error.strerror}", hint=_HINT) from error
        finally:
            signal.signal(signal.SIGINT, before)
        if ended.returncode:
            hint = f"what you typed is kept in {self.path}"
            raise DjpkgError(f"the editor {command[0]} ended with {ended.returncode}; nothing was changed", hint=hint)

    def _came_back(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            hint = f"what you typed is kept in {self.path}"
            raise DjpkgError("what the editor saved is no UTF-8 text; nothing was changed", hint=hint) from error


_HINT = "set VISUAL or EDITOR to the editor you want, or give assignments: djpkg edit PACKAGE field=value"


def _command(environment: Mapping[str, str]) -> list[str]:
    text = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"VISUAL or EDITOR holds a quote that is not closed: {text!r}", hint=_HINT) from error
    if not command:
        raise ConfigError("VISUAL and EDITOR name no editor", hint=_HINT)
    return command
