"""The entry point of the ``djpkg`` script and of ``python -m djpkg``."""

from __future__ import annotations

# The part of `signal` that is compiled into Python. `signal` itself takes 4 ms, in which signals have their default
# effect; everything else that is imported here is loaded already.
import _signal  # type: ignore[import-not-found] # typeshed does not describe it
import atexit
import gc
import os

_SIGNALS = (_signal.SIGINT, _signal.SIGTERM)


def main() -> None:
    """Run the command line and exit.

    The garbage collector is off while modules are imported, and then ignores their objects: a start takes a tenth less
    time (measured with ``show --json``). Later collections run less often than by default, because rows come in
    thousands and contain no cycles.
    """
    _exit_on_signals()
    collecting = gc.isenabled()
    gc.disable()
    from djpkg.cli import app  # noqa: PLC0415 - with the collector off

    if collecting:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()
    app.main()


def _exit_on_signals() -> None:
    """Make SIGINT and SIGTERM end the process at once, with 130 and 143.

    An exception would show a traceback of what is being imported or completed, or be lost in a callback that ignores
    exceptions. Reading needs no clean-up; `cli.interrupts` and `fetch.signals` are for what writes. A signal that is
    ignored stays ignored, as in a background job of a shell script.
    """
    for number in _SIGNALS:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _frame: os._exit(128 + number))
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    """Ignore signals in the last moments of the process, in which Python would restore their default effect."""
    for number in _SIGNALS:
        _signal.signal(number, _signal.SIG_IGN)


if __name__ == "__main__":
    main()
