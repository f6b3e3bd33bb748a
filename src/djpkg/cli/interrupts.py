"""SIGINT and SIGTERM while a command writes."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from djpkg.errors import TERMINATED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def raising_signals() -> Iterator[None]:
    """Let both signals raise KeyboardInterrupt and SystemExit in the block, so that it can clean up.

    Elsewhere `djpkg.__main__` lets them end the process at once. Ignored signals stay ignored.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    changed = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in changed:
            signal.signal(number, _raise)
        yield
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(TERMINATED)
