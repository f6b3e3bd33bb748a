"""Run the user's editor on a text, without losing what the user typed."""

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
from djpkg.text import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.editing.assignments import KnownNames
    from djpkg.model.merge import StoredValue


# A script as the editor could make a different mistake each time, forever.
MAX_MISTAKES = 50
_INVALID_TEXT = "the text is not valid UTF-8"


class Draft:
    """A text in a file that only the user can read (0600 in a folder of 0700).

    ConfigError for an invalid VISUAL or EDITOR, DjpkgError if the file cannot be written.
    """

    def __init__(self, before: str) -> None:
        self.before = before
        self._command = _editor_command(os.environ)
        try:
            self.path = Path(tempfile.mkdtemp(prefix="djpkg-edit-")) / "package.toml"
            replace_file(self.path, before)
        except OSError as error:
            raise DjpkgError(f"cannot write the text to edit: {error.strerror}") from error
        self._path_notice = f"your text is saved in {self.path}"

    def edit(self, known: KnownNames) -> dict[str, StoredValue]:
        """Open the editor until its text parses; return the changed fields, none if the user cancelled.

        After a mistake the editor opens again with the error on top. UsageError if the text comes back unchanged. The
        file is kept, and its path printed, whenever typed text would be lost otherwise.
        """
        rejected, mistake = "", ""
        for _ in range(MAX_MISTAKES):
            self._run()
            after = self._read()
            if document.is_blank(after) or after == self.before:
                self.discard()
                return {}
            if after == rejected:
                raise UsageError(mistake, hint=self._path_notice)
            try:
                if not is_text(after):
                    raise UsageError(_INVALID_TEXT)  # noqa: TRY301 - reported like any other mistake
                changed = document.read_document(self.before, after, known)
            except UsageError as error:
                mistake = str(error)
                rejected = document.with_error(after, mistake)
                self._write_with_error(rejected)
                continue
            if not changed:
                self.discard()
            return changed
        raise UsageError(mistake, hint=self._path_notice)

    def keep(self) -> None:
        """Print the path of the file, after another error."""
        terminal.write_stderr(f"djpkg: {self._path_notice}")

    def discard(self) -> None:
        """Delete the file and the copies that editors leave beside it."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def _write_with_error(self, text: str) -> None:
        try:
            replace_file(self.path, text)
        except OSError as error:
            message = f"cannot write the error into the text: {error.strerror}"
            raise DjpkgError(message, hint=self._path_notice) from error

    def _run(self) -> None:
        name = self._command[0]
        # Ctrl-C is for the editor while it runs. A handler is used because the editor would inherit SIG_IGN.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            result = subprocess.run([*self._command, str(self.path)], check=False)  # noqa: S603 - the user's own editor
        except OSError as error:
            hint = self._notice_if_touched() or _HINT
            raise ConfigError(f"cannot run the editor {name}: {error.strerror}", hint=hint) from error
        except BaseException:
            if self._notice_if_touched():
                self.keep()
            raise
        finally:
            signal.signal(signal.SIGINT, before)
        if result.returncode:
            code = result.returncode
            ending = f"exited with {code}" if code > 0 else f"was killed by signal {-code}"
            message = f"the editor {name} {ending}; nothing changed"
            raise DjpkgError(message, hint=self._notice_if_touched())

    def _notice_if_touched(self) -> str | None:
        """Return where the typed text is saved; if nothing was typed, delete the file and return None."""
        try:
            touched = self.path.read_bytes() != self.before.encode()
        except OSError:
            touched = self.path.exists()
        if touched:
            return self._path_notice
        self.discard()
        return None

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return ""
        except OSError as error:
            message = f"cannot read the saved text: {error.strerror}; nothing changed"
            raise DjpkgError(message, hint=self._path_notice) from error


def replace_file(path: Path, text: str) -> None:
    """Replace the file of a draft in one step, so that a full disk leaves the old text. Raises OSError.

    Lone surrogates stand for bytes that are not valid UTF-8, and are written as these.
    """
    new = path.with_name("new.toml")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8", errors="surrogateescape")
    new.replace(path)


_HINT = "set VISUAL or EDITOR, or pass assignments: djpkg edit PACKAGE field=value"


def _editor_command(environment: Mapping[str, str]) -> list[str]:
    text = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"VISUAL or EDITOR contains an unclosed quote: {text!r}", hint=_HINT) from error
    if not command:
        raise ConfigError("VISUAL or EDITOR is blank", hint=_HINT)
    return command
