"""Parses PyPI's list of all projects with their serials while it is downloaded.

The Simple API (PEP 691; PyPI adds ``_last-serial``) answers ``{"meta": …, "projects": [{"_last-serial": 1, "name":
"Django"}, …]}`` with about 750,000 projects. The list is cut between two projects and each slice is decoded
separately, so that only some tens of kilobytes are in memory at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import msgspec
from packaging.utils import canonicalize_name

from djpkg.errors import UnexpectedPayload
from djpkg.sources.http.payload import Count, decode_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Sequence

ACCEPT = "application/vnd.pypi.simple.v1+json"

_SOURCE = "pypi"
SLICE_BYTES = 64 << 10
"""The size of the slices that are decoded."""
_MAX_VALUE_BYTES = 1 << 20
"""The largest project, or other value of the top-level object."""
_MAX_KEYS = 100
"""The largest number of members of the top-level object, which has two or three."""
_MAX_INVALID = 100
"""The number of invalid projects that are skipped before the list is rejected."""

_SPACE = b" \t\r\n"
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]"]', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,:{}\[\]\"]+")


class _Project(msgspec.Struct):
    name: str
    serial: Count = msgspec.field(name="_last-serial")


_PROJECT = msgspec.json.Decoder(_Project)
_PROJECTS = msgspec.json.Decoder(list[_Project])
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_RAW = msgspec.json.Decoder(msgspec.Raw)
_KEY = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serials:
    """The serials of the requested projects by normalized name, and the number of all projects in the list."""

    found: dict[str, int]
    count: int


async def parse_serials(chunks: AsyncIterator[bytes], wanted: Collection[str]) -> Serials:
    """Return the serials of `wanted`, which are normalized names (PEP 503); the list has display names.

    UnexpectedPayload if the text is not one complete JSON object with a list of projects, or the list is empty.
    """
    stream = _JsonStream(chunks)
    collector = _SerialCollector(wanted=frozenset(wanted))
    has_projects = False
    await stream.expect(b"{")
    for _ in range(_MAX_KEYS):
        key = decode_json(_KEY, await stream.read_value(), source=_SOURCE)
        await stream.expect(b":")
        if key == "projects" and not has_projects:
            await _parse_projects(stream, collector)
            has_projects = True
        else:
            decode_json(_RAW, await stream.read_value(), source=_SOURCE)
        if await stream.expect(b",", b"}") == b"}":
            break
    else:
        _reject("is invalid")
    await stream.expect_end()
    if not collector.count:
        _reject("is empty")
    return Serials(found=collector.found, count=collector.count)


async def _parse_projects(stream: _JsonStream, collector: _SerialCollector) -> None:
    await stream.expect(b"[")
    if await stream.peek() == b"]":
        await stream.expect(b"]")
        return
    while True:
        collector.add(await stream.read_projects())
        if await stream.expect(b",", b"]") == b"]":
            return


@dataclass(slots=True, kw_only=True)
class _SerialCollector:
    wanted: frozenset[str]
    found: dict[str, int] = field(default_factory=dict)
    count: int = 0
    invalid: int = 0

    def add(self, projects: Sequence[_Project | None]) -> None:
        """Count the projects of a slice and keep the wanted serials. None is an invalid project."""
        self.count += len(projects)
        valid = [project for project in projects if project is not None]
        self.invalid += len(projects) - len(valid)
        by_name = dict(zip(_normalize([project.name for project in valid]), valid, strict=True))
        for name in self.wanted.intersection(by_name):
            self.found[name] = by_name[name].serial
        if self.invalid > _MAX_INVALID:
            _reject("is invalid")


def _normalize(names: Sequence[str]) -> Sequence[str]:
    """Return the normalized names: all at once, because the list has 750,000 of them."""
    normalized = canonicalize_name("\n".join(names)).split("\n") if names else []
    # A name with a line break becomes two.
    return normalized if len(normalized) == len(names) else [canonicalize_name(name) for name in names]


class _JsonStream:
    """JSON that arrives in chunks and is consumed from the front."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""

    async def peek(self) -> bytes:
        """Return the next byte that is not whitespace, without consuming it."""
        while not (stripped := self._buffer.lstrip(_SPACE)):
            self._buffer = b""
            if not await self._fill(1):
                _reject("was truncated")
        self._buffer = stripped
        return stripped[:1]

    async def expect(self, *expected: bytes) -> bytes:
        """Consume and return the next byte, which has to be one of `expected`."""
        byte = await self.peek()
        if byte not in expected:
            _reject("is not valid JSON")
        self._buffer = self._buffer[1:]
        return byte

    async def read_value(self) -> bytes:
        """Consume one value of any type, undecoded."""
        await self.peek()
        while not (end := _value_end(self._buffer)):
            await self._fill_more()
        return self._consume(end)

    async def read_projects(self) -> Sequence[_Project | None]:
        """Consume all complete projects in the buffer, at least one, but not the comma after them."""
        if await self.peek() != b"{":
            _reject("is invalid")
        await self._fill(SLICE_BYTES)
        while True:
            # Usually the last brace ends a project. If it is inside a string or a nested value, the slice is not
            # valid JSON; then the end is found token by token.
            end = self._buffer.rfind(b"}") + 1
            if projects := _decode_all(self._buffer[:end]):
                self._consume(end)
                return projects
            if end := _objects_end(self._buffer):
                return _decode_each(self._consume(end))
            await self._fill_more()

    async def expect_end(self) -> None:
        """Read to the end, where only whitespace may follow."""
        while not self._buffer.strip(_SPACE):
            self._buffer = b""
            if not await self._fill(1):
                return
        _reject("is not valid JSON")

    def _consume(self, end: int) -> bytes:
        consumed, self._buffer = self._buffer[:end], self._buffer[end:]
        return consumed

    async def _fill_more(self) -> None:
        if len(self._buffer) > _MAX_VALUE_BYTES:
            _reject("is invalid")
        if not await self._fill(2 * len(self._buffer)):
            _reject("was truncated")

    async def _fill(self, size: int) -> bool:
        """Fill the buffer to at least `size` bytes if the stream has as many; return whether any were added."""
        pieces, filled = [self._buffer], len(self._buffer)
        while filled < size and (piece := await anext(self._chunks, None)) is not None:
            pieces.append(piece)
            filled += len(piece)
        grew = filled > len(self._buffer)
        self._buffer = b"".join(pieces)
        return grew


def _decode_all(objects: bytes) -> Sequence[_Project]:
    """Return the projects of a slice; none if it is not a sequence of complete and valid projects."""
    try:
        return _PROJECTS.decode(b"[" + objects + b"]")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ()


def _decode_each(objects: bytes) -> Sequence[_Project | None]:
    """Return the projects of a slice that ends with an object; None for each invalid object."""
    projects: list[_Project | None] = []
    for raw in decode_json(_RAW_LIST, b"[" + objects + b"]", source=_SOURCE):
        if not bytes(raw).startswith(b"{"):
            _reject("is invalid")
        try:
            projects.append(decode_json(_PROJECT, raw, source=_SOURCE))
        except UnexpectedPayload:
            projects.append(None)
    return projects


def _objects_end(text: bytes) -> int:
    """Return the end of the last complete object in a sequence of objects, 0 if none is complete."""
    end = 0
    for depth, position in _nesting(text):
        if depth < 0:
            break  # the end of the list
        if depth == 0:
            end = position
    return end


def _value_end(text: bytes) -> int:
    """Return the end of the value at the start of a text, 0 if it is not complete."""
    if scalar := _SCALAR.match(text):
        return scalar.end() if scalar.end() < len(text) else 0
    return next((end for depth, end in _nesting(text) if depth <= 0), 0)


def _nesting(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the depth after each bracket or string, and its end; stops at an incomplete string."""
    depth = 0
    for token in _TOKEN.finditer(text):
        match token.group():
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"':
                return
        yield depth, token.end()


def _reject(problem: str) -> NoReturn:
    raise UnexpectedPayload(f"pypi: the list of projects {problem}")
