"""Running the user's editor on a text, so that nothing that was typed is ever lost."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from djpkg.cli import terminal
from djpkg.editing import document
from djpkg.errors import ConfigError, DjpkgError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from djpkg.editing.assignments import CategoriesAndGrids
    from djpkg.model.merge import StoredValue


# An editor that a program plays may make another mistake each time, without end.
_MOST_MISTAKES = 50


class Draft:
    """A text in a file that only its owner can read (0600 in a folder of 0700).

    ConfigError where the environment names no editor that can be, DjpkgError where there is no place for the file.
    """

    def __init__(self, before: str) -> None:
        self.before = before
        self._command = _command(os.environ)
        try:
            self.path = Path(tempfile.mkdtemp(prefix="djpkg-edit-")) / "package.toml"
            self._write(before)
        except OSError as error:
            raise DjpkgError(f"the text to edit cannot be written: {error.strerror}") from error

    def ask(self, places: CategoriesAndGrids) -> dict[str, StoredValue]:
        """Open the editor until its text parses; the fields that were changed, none where the user cancelled.

        A mistake is said on top of the text that came back. UsageError where the same text comes back with its mistake;
        the text is kept, and its place said, whenever something typed would else be lost.
        """
        refused, mistake = "", ""
        for _ in range(_MOST_MISTAKES):
            self._run()
            after = self._came_back()
            if document.is_blank(after) or after == self.before:
                self.discard()
                return {}
            if after == refused:
                raise UsageError(mistake, hint=self._kept)
            try:
                changed = document.read_document(self.before, after, places)
            except UsageError as error:
                mistake = str(error)
                refused = document.with_error(after, mistake)
                self._say_on_top(refused)
                continue
            if not changed:
                self.discard()
            return changed
        raise UsageError(mistake, hint=self._kept)

    def keep(self) -> None:
        """Say where the text is, after something else went wrong."""
        terminal.write_stderr(f"djpkg: {self._kept}")

    def discard(self) -> None:
        """The text has done its work; so have the copies that editors leave beside it."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    @property
    def _kept(self) -> str:
        return f"what you typed is kept in {self.path}"

    def _write(self, text: str) -> None:
        """Through a file of its own, so that a full disk leaves the text that is there."""
        new = self.path.with_name("new.toml")
        new.touch(mode=0o600)
        new.write_text(text, encoding="utf-8")
        new.replace(self.path)

    def _say_on_top(self, refused: str) -> None:
        try:
            self._write(refused)
        except OSError as error:
            raise DjpkgError(f"the mistake cannot be shown: {error.strerror}", hint=self._kept) from error

    def _run(self) -> None:
        name = self._command[0]
        # Ctrl-C belongs to the editor while it runs: a handler of ours ends with us, SIG_IGN the editor would inherit.
        before = signal.signal(signal.SIGINT, _leave_to_editor)
        try:
            ended = subprocess.run([*self._command, str(self.path)], check=False)  # noqa: S603 - the user's own editor
        except OSError as error:
            hint = self._kept if self._is_touched() else _HINT
            raise ConfigError(f"the editor {name} cannot be run: {error.strerror}", hint=hint) from error
        except BaseException:
            if self._is_touched():
                self.keep()
            raise
        finally:
            signal.signal(signal.SIGINT, before)
        if ended.returncode:
            kept = self._kept if self._is_touched() else None
            raise DjpkgError(f"the editor {name} ended with {ended.returncode}; nothing was changed", hint=kept)

    def _is_touched(self) -> bool:
        """Whether the file holds anything that was not handed out; if not, it goes."""
        try:
            touched = self.path.read_bytes() != self.before.encode()
        except OSError:
            touched = self.path.exists()
        if not touched:
            self.discard()
        return touched

    def _came_back(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise DjpkgError("what the editor saved is no UTF-8 text; nothing was changed", hint=self._kept) from error
        except OSError as error:
            message = f"what the editor saved cannot be read: {error.strerror}; nothing was changed"
            raise DjpkgError(message, hint=self._kept) from error


_HINT = "set VISUAL or EDITOR to the editor you want, or give assignments: djpkg edit PACKAGE field=value"


def _leave_to_editor(number: int, frame: FrameType | None) -> None:
    pass


def _command(environment: Mapping[str, str]) -> list[str]:
    text = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"VISUAL or EDITOR holds a quote that is not closed: {text!r}", hint=_HINT) from error
    if not command:
        raise ConfigError("VISUAL and EDITOR name no editor", hint=_HINT)
    return command
