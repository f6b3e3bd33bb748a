"""The objects that every step of one fetch needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from djpkg.fetch.page_writes import PageWrites
    from djpkg.fetch.recorder import Recorder
    from djpkg.mirror.write import Writer
    from djpkg.sources.http.retry import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchContext:
    """The mirror, the recorder of outcomes, and the settings of one fetch; `environment` has the URLs and tokens.

    Every method of `writer` is called through `writes`.
    """

    db: sqlite3.Connection
    writer: Writer
    writes: PageWrites
    recorder: Recorder
    environment: Mapping[str, str]
    clock: Callable[[], datetime]
    limits: Limits
