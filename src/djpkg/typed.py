"""What a person typed, as a sentence gives it back."""

from __future__ import annotations

from djpkg.addresses import without_user

# Of a longer text so many characters stand in the sentence.
_SHOWN = 60


def cited(text: str) -> str:
    """The text in quotes, whatever its characters, cut where it is long and without what identifies whoever fetches."""
    text = without_user(text)
    return repr(f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text)
