"""Conversions between facts and the JSON in `facts.facts`. Loads msgspec, so only writing and merging import it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from djpkg.mirror.damage import text_or_none
from djpkg.model.facts import CatalogFacts, Facts, ForgeFacts, PypiFacts
from djpkg.model.merge import FactsRow
from djpkg.source_name import SourceName, strip_source
from djpkg.text import is_text

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: frozenset[object] = frozenset(SourceName)
_encoder = msgspec.json.Encoder()
_catalog = msgspec.json.Decoder(CatalogFacts)
_forge = msgspec.json.Decoder(ForgeFacts)
_pypi = msgspec.json.Decoder(PypiFacts)


def encode(facts: Facts) -> str:
    """Return the facts as a JSON object, keyed by the names of their attributes."""
    return _encoder.encode(facts).decode()


def decode(source: SourceName, text: str) -> Facts:
    """Return the facts that `encode` wrote for a source. Raises ValueError for any other text."""
    try:
        match source:
            case SourceName.CATALOG:
                return _catalog.decode(text)
            case SourceName.PYPI:
                return _pypi.decode(text)
            case _:
                return _forge.decode(text)
    except RecursionError as error:
        raise ValueError(str(error)) from error


def parse_facts_row(row: Sequence[object]) -> FactsRow | None:
    """Return the row of the columns source, coordinate, asked, answered, outcome, error, facts.

    What another program damaged counts as missing, so that the source is asked for it again. None for an unknown
    source or coordinate.
    """
    source, coordinate, asked, answered, outcome, error, text = row
    if source not in SOURCES or not is_text(coordinate):
        return None
    name = SourceName(str(source))
    times = text_or_none(asked), text_or_none(answered)
    facts = find_facts(name, text)
    reason = text_or_none(error)
    # Older versions stored the source in front.
    reason = strip_source(reason, name) if reason is not None else None
    return FactsRow(name, coordinate, *times, text_or_none(outcome), reason, facts)


def find_facts(source: SourceName, text: object) -> Facts | None:
    """Return the facts that are stored for a source; None if there are none or they are damaged."""
    if not isinstance(text, str):
        return None
    try:
        facts = decode(source, text)
    except ValueError:
        return None
    return None if _is_empty(facts) else facts


def _is_empty(facts: Facts) -> bool:
    """Return whether facts lack what every answer states: a JSON object without known keys."""
    match facts:
        case ForgeFacts(state="ok"):
            return facts.repository is None
        case PypiFacts(state="ok"):
            return not facts.name
        case _:
            return False
