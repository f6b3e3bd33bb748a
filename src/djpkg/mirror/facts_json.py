"""Conversions between facts and the JSON in `facts.facts`. Loads msgspec, so only writing and merging import it."""

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
    """Return the facts as a JSON object, keyed by the names of their attributes."""
    return _encoder.encode(facts).decode()


def decode(source: SourceName, text: str) -> Facts:
    """Return the facts that `encode` wrote for a source. Raises MirrorError for any other JSON."""
    try:
        match source:
            case SourceName.CATALOG:
                return _catalog.decode(text)
            case SourceName.PYPI:
                return _pypi.decode(text)
            case _:
                return _forge.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise invalid_facts_error(f"of {source}", error) from error


def parse_facts_row(row: Sequence[str | None]) -> FactsRow:
    """Return the row of the columns source, coordinate, asked, answered, outcome, error, facts.

    Raises MirrorError for invalid facts, and ValueError for an unknown source.
    """
    source, coordinate, asked, answered, outcome, error, text = row
    name = SourceName(cast("str", source))
    facts = decode(name, text) if text is not None else None
    return FactsRow(name, cast("str", coordinate), asked, answered, outcome, error, facts)


def invalid_facts_error(subject: str, error: Exception) -> MirrorError:
    """Return the error for facts that cannot be read or merged; `subject` is the source or packages ("of pypi")."""
    message = f"the mirror contains invalid facts {subject} ({error})"
    return MirrorError(message, hint="restore a copy of the mirror, or remove what another program wrote there")
