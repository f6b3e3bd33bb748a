"""SIGINT and SIGTERM outside a running fetch: exit codes 130 and 143, never a traceback.

This module is loaded before all others, so it imports only what Python has already loaded. `_signal` is the part of
`signal` that is compiled into Python; `signal` itself takes 4 ms, in which a signal would have its default effect.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # typeshed does not describe it
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

_SIGNALS = (_signal.SIGINT, _signal.SIGTERM)
# Set while a shell asks for completions: a key press must not print messages.
COMPLETE_VARIABLE = "_DJPKG_COMPLETE"


def exit_on_signals() -> None:
    """Make both signals end the process at once.

    An exception instead would show a traceback of whatever is being imported or completed, or would be lost in a
    callback that ignores exceptions. Commands that only read have nothing to clean up. A signal that is ignored stays
    ignored, as for a background job of a shell script.
    """
    for number in _SIGNALS:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _exit)


def ignore_signals() -> None:
    """Ignore both signals, for the last moments of a process, in which Python would restore their default effect."""
    for number in _SIGNALS:
        _signal.signal(number, _signal.SIG_IGN)


class RaisingSignals:
    """In its block the signals raise KeyboardInterrupt and SystemExit, so that what writes can clean up."""

    def __enter__(self) -> None:
        self._changed = [number for number in _SIGNALS if _signal.getsignal(number) is _exit]
        for number in self._changed:
            _signal.signal(number, _raise)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number in self._changed:
            _signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    if number == _signal.SIGINT and sys.stderr is not None and COMPLETE_VARIABLE not in os.environ:
        try:  # noqa: SIM105 - contextlib may not be loaded yet
            os.write(2, b"interrupted\n")
        except OSError:
            pass
    os._exit(128 + number)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt if number == _signal.SIGINT else SystemExit(128 + number)
