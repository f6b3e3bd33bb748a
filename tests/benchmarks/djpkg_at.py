"""djpkg by another clock: `python -m tests.benchmarks.djpkg_at MOMENT ARGUMENT...` starts at that moment."""

import sys
import time
from datetime import datetime, timedelta

_BEGAN = time.monotonic()
_START = datetime.fromisoformat(sys.argv.pop(1))


def clock() -> datetime:
    """What djpkg takes for now."""
    return _START + timedelta(seconds=time.monotonic() - _BEGAN)


if __name__ == "__main__":
    from djpkg.cli import app, options
    from djpkg.fetch import run

    options.now = clock
    run.fetch.__kwdefaults__["clock"] = clock  # type: ignore[index] # it has some
    app.main()
