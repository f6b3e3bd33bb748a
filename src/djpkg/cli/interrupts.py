"""SIGINT and SIGTERM while a command writes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from djpkg.errors import TERMINATED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# In seconds, until a signal is sent again.
_PAUSE = 0.01


@contextmanager
def raising_signals() -> Iterator[None]:
    """Let both signals raise KeyboardInterrupt and SystemExit in the block, so that it can clean up.

    Elsewhere `djpkg.__main__` lets them end the process at once. Ignored signals stay ignored. Python discards
    exceptions in finalizers and callbacks of weak references, for example of import locks: a signal that arrives there
    is sent again.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    changed = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    hook = sys.unraisablehook

    def send_again(discarded: sys.UnraisableHookArgs) -> None:
        if isinstance(discarded.exc_value, (KeyboardInterrupt, SystemExit)):
            number = signal.SIGINT if isinstance(discarded.exc_value, KeyboardInterrupt) else signal.SIGTERM
            threading.Timer(_PAUSE, os.kill, (os.getpid(), number)).start()  # here it would be discarded again
        else:
            hook(discarded)

    try:
        sys.unraisablehook = send_again
        for number in changed:
            signal.signal(number, _raise)
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in changed.items():
            signal.signal(number, handler)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(TERMINATED)
