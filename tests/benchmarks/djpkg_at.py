"""Run djpkg with another current time: `python -m tests.benchmarks.djpkg_at TIME ARGUMENT...`."""

import sys
import time
from datetime import datetime, timedelta

from djpkg.__main__ import main

_STARTED = time.monotonic()
_NOW = datetime.fromisoformat(sys.argv.pop(1))


def clock() -> datetime:
    """Return the current time of djpkg."""
    return _NOW + timedelta(seconds=time.monotonic() - _STARTED)


if __name__ == "__main__":
    from djpkg.cli import options

    options.now = clock
    main()  # as the script does, which sets the garbage collector
