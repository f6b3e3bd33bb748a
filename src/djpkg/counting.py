"""How many of something, as one says it."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 request``, ``1,200 requests``; for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
