"""Decompression of response bodies: one layer of gzip or deflate, within a size limit.

RFC 9110 section 8.4 allows several layers, and a few hundred bytes can expand to gigabytes; `max_length` of zlib keeps
memory use small.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from djpkg.errors import UnexpectedPayload, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_SIZE = 64 * 1024
MIB = 2**20
# Each costs as much as a chunk, even with one byte. A mebibyte in blocks of 64 KiB, as bgzip writes, has 16.
MAX_MEMBERS = 20_000
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Decompressor:
    """Decompresses one body chunk by chunk.

    `encoding` is the Content-Encoding header. `max_size` in bytes limits both the received and the decompressed body.
    `name` begins the messages, such as "pypi: the response of pypi.example". Raises UnexpectedPayload for a body that
    is too large, invalid or in an encoding that was not requested, and Unreachable for a truncated one.
    """

    def __init__(self, encoding: str, *, max_size: int, name: str) -> None:
        layers = [layer for part in encoding.split(",") if (layer := part.strip().lower()) not in ("", "identity")]
        if len(layers) > 1 or not set(layers) <= {"gzip", "x-gzip", "deflate"}:
            raise UnexpectedPayload(f"{name} has a content encoding that was not requested")
        self._compressed = bool(layers)
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._members = 1
        self._max_size = max_size
        self._received_size = self._decompressed_size = 0
        self._name = name

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the content of the next received bytes; chunks of a compressed body have at most 64 KiB."""
        self._received_size += len(raw)
        if self._received_size > self._max_size:
            raise self._too_large()
        if not self._compressed:
            yield raw
            return
        while raw:
            if chunk := self._decompress(raw):
                yield chunk
            raw = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail

    def finish(self) -> Iterator[bytes]:
        """Yield what is left after the last received bytes; Unreachable when the body is incomplete."""
        if not self._compressed:
            return
        while not self._zlib.eof and (chunk := self._decompress(b"")):
            yield chunk
        if not self._zlib.eof:
            raise Unreachable(f"{self._name} was truncated")

    def _decompress(self, raw: bytes) -> bytes:
        try:
            if self._zlib.eof:  # several gzip members may follow one another (RFC 1952 section 2.2)
                self._start_member()
            chunk = self._zlib.decompress(raw, CHUNK_SIZE)
        except zlib.error as error:
            raise UnexpectedPayload(f"{self._name} contains invalid compressed data") from error
        self._decompressed_size += len(chunk)
        if self._decompressed_size > self._max_size:
            raise self._too_large()
        return chunk

    def _start_member(self) -> None:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise zlib.error("too many members")
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)

    def _too_large(self) -> UnexpectedPayload:
        size = f"{self._max_size / MIB:g} MiB" if self._max_size >= MIB else f"{self._max_size} bytes"
        return UnexpectedPayload(f"{self._name} is larger than {size}")
