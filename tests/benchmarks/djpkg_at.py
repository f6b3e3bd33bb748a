"""Run djpkg with another current time: `python -m tests.benchmarks.djpkg_at TIME ARGUMENT...`."""

import sys
import time
from datetime import datetime, timedelta

_STARTED = time.monotonic()
_NOW = datetime.fromisoformat(sys.argv.pop(1))


def clock() -> datetime:
    """Return the current time of djpkg."""
    return _NOW + timedelta(seconds=time.monotonic() - _STARTED)


if __name__ == "__main__":
    from djpkg.cli import app, options

    options.now = clock
    app.main()
