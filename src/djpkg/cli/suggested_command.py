"""The commands that djpkg names as a next step, as a shell would take them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def edit_command(package: Mapping[str, object], words: Iterable[str], db: Path | None) -> str:
    """``djpkg edit`` of a package, of whose values it takes id, slug and catalog_state, in the same mirror."""
    slug = str(package["slug"])
    # A slug that vanished may be another package's by now; one of digits, or one like an option, means something else.
    plain = package["catalog_state"] == "listed" and not slug.isdigit() and not slug.startswith("-")
    place = [] if db is None else ["--db", str(db)]
    return shlex.join(["djpkg", "edit", slug if plain else str(package["id"]), *place, *words])
