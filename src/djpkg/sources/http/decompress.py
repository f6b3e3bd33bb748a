"""The body of an answer, inflated by at most one layer and never beyond its bound.

RFC 9110 section 8.4 lets a server stack codings, and a few hundred bytes can stand for gigabytes; zlib's `max_length`
keeps what is held in memory small whatever comes.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from djpkg.errors import UnexpectedPayload, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_SIZE = 64 * 1024
MIB = 2**20
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Decompressor:
    """Turns the raw bytes of one body into its content.

    `encoding` is the Content-Encoding header, `cap` the bound in bytes, for the raw and for the inflated bytes alike,
    `whose` the words with which a message begins, such as "pypi: the answer of pypi.example". Raises UnexpectedPayload
    for a body that is too large, coded in a way that was not asked for or not decodable, and Unreachable for one that
    was cut.
    """

    __slots__ = ("_cap", "_coded", "_inflated", "_raw", "_whose", "_zlib")

    def __init__(self, encoding: str, *, cap: int, whose: str) -> None:
        layers = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
        if len(layers) > 1 or not set(layers) <= {"gzip", "x-gzip", "deflate"}:
            raise UnexpectedPayload(f"{whose} is compressed in a way that was not asked for")
        self._coded = bool(layers)
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._cap = cap
        self._raw = self._inflated = 0
        self._whose = whose

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """The content of the next raw bytes, in pieces of at most 64 KiB where they are compressed."""
        self._raw += len(raw)
        if self._raw > self._cap:
            raise self._too_large()
        if not self._coded:
            yield raw
            return
        while raw:
            if self._zlib.eof:  # gzip files may follow one another (RFC 1952 section 2.2)
                self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
            if piece := self._inflate(raw):
                yield piece
            raw = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail

    def finish(self) -> Iterator[bytes]:
        """What zlib still held back once the raw bytes have ended; raises where that is not their proper end."""
        if not self._coded:
            return
        while not self._zlib.eof and (piece := self._inflate(b"")):
            yield piece
        if not self._zlib.eof:
            raise Unreachable(f"{self._whose} was cut")

    def _inflate(self, raw: bytes) -> bytes:
        try:
            piece = self._zlib.decompress(raw, CHUNK_SIZE)
        except zlib.error as error:
            raise UnexpectedPayload(f"{self._whose} is not compressed as it says") from error
        self._inflated += len(piece)
        if self._inflated > self._cap:
            raise self._too_large()
        return piece

    def _too_large(self) -> UnexpectedPayload:
        size = f"{self._cap / MIB:g} MiB" if self._cap >= MIB else f"{self._cap} bytes"
        return UnexpectedPayload(f"{self._whose} is larger than {size}")
