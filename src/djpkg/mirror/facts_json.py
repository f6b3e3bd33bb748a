"""Facts <-> the JSON that the mirror keeps of them.

Owns msgspec for the mirror; only what writes or merges loads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from djpkg.errors import MirrorError
from djpkg.model.facts import CatalogFacts, Facts, ForgeFacts, PypiFacts
from djpkg.model.merge import FactsRow
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Sequence

_encoder = msgspec.json.Encoder()
_catalog = msgspec.json.Decoder(CatalogFacts)
_forge = msgspec.json.Decoder(ForgeFacts)
_pypi = msgspec.json.Decoder(PypiFacts)


def encode(facts: Facts) -> str:
    """JSON with the names of the facts' own fields."""
    return _encoder.encode(facts).decode()


def decode(source: SourceName, said: str) -> Facts:
    """The facts that `encode` wrote for that source. Raises MirrorError where somebody else has written there."""
    try:
        match source:
            case SourceName.CATALOG:
                return _catalog.decode(said)
            case SourceName.PYPI:
                return _pypi.decode(said)
            case _:
                return _forge.decode(said)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(f"of {source}", error) from error


def facts_row(row: Sequence[str | None]) -> FactsRow:
    """A row of `facts`, of which the columns are source, coordinate, asked, answered, outcome, error and said.

    Raises MirrorError as `decode` does, and ValueError on a source of nobody's.
    """
    source, coordinate, asked, answered, outcome, error, said = row
    name = SourceName(cast("str", source))
    facts = decode(name, said) if said is not None else None
    return FactsRow(name, cast("str", coordinate), asked, answered, outcome, error, facts)


def unreadable(which: str, error: Exception) -> MirrorError:
    """What is said of facts that cannot be read or merged."""
    message = f"the mirror holds facts {which} that djpkg did not write ({error})"
    return MirrorError(message, hint="restore a copy of the mirror, or take out what was written there")
