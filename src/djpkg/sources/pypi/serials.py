"""PyPI's list of all projects with their serials, read while it arrives.

The Simple API (PEP 691; PyPI adds ``_last-serial``) answers ``{"meta": …, "projects": [{"_last-serial": 1, "name":
"Django"}, …]}`` with some 750,000 projects. It is cut where one project ends and the next begins, and each slice is
decoded by itself, so that some tens of kilobytes are held at a time and never the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import msgspec
from packaging.utils import canonicalize_name

from djpkg.errors import UnexpectedPayload
from djpkg.sources.http.payload import Count, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

ACCEPT = "application/vnd.pypi.simple.v1+json"

_SOURCE = "pypi"
_SLICE = 64 << 10
"""How many bytes of the list are decoded at once."""
_LONGEST = 1 << 20
"""How many bytes one project, or one value beside the projects, may have."""
_MOST_ODD = 100
"""Projects that are not as documented are passed over, up to so many."""

_SPACE = b" \t\r\n"
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]"]', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,:{}\[\]\"]+")


class _Project(msgspec.Struct, gc=False):
    name: str
    serial: Count = msgspec.field(name="_last-serial")


_PROJECT = msgspec.json.Decoder(_Project)
_PROJECTS = msgspec.json.Decoder(list[_Project])
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_RAW = msgspec.json.Decoder(msgspec.Raw)
_KEY = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serials:
    """The serials of those asked for that are in the list, by normalised name, and how many projects it has."""

    found: dict[str, int]
    count: int


async def parse_serials(chunks: AsyncIterator[bytes], wanted: Collection[str]) -> Serials:
    """The serials of `wanted`, which are normalised names (PEP 503); the list has names as displayed.

    UnexpectedPayload where the text is not one whole JSON object with a list of projects, or the list is empty.
    """
    text = _Text(chunks)
    tally = _Tally(wanted=frozenset(wanted))
    listed = False
    await text.take(b"{")
    while True:
        key = decode(_KEY, await text.value(), source=_SOURCE)
        await text.take(b":")
        if key == "projects" and not listed:
            await _read_projects(text, tally)
            listed = True
        else:
            decode(_RAW, await text.value(), source=_SOURCE)
        if await text.take(b",", b"}") == b"}":
            break
    await text.finish()
    if not tally.count:
        _refuse("is empty")
    return Serials(found=tally.found, count=tally.count)


async def _read_projects(text: _Text, tally: _Tally) -> None:
    await text.take(b"[")
    if await text.peek() == b"]":
        await text.take(b"]")
        return
    while True:
        tally.add(await text.projects())
        if await text.take(b",", b"]") == b"]":
            return


@dataclass(slots=True, kw_only=True)
class _Tally:
    wanted: frozenset[str]
    found: dict[str, int] = field(default_factory=dict)
    count: int = 0
    odd: int = 0

    def add(self, projects: Sequence[_Project | None]) -> None:
        """Counts a slice of the list, and keeps the serials that are wanted. None is a project that is malformed."""
        self.count += len(projects)
        whole = [project for project in projects if project is not None]
        self.odd += len(projects) - len(whole)
        for name, project in zip(_normalised([project.name for project in whole]), whole, strict=True):
            if name in self.wanted:
                self.found[name] = project.serial
        if self.odd > _MOST_ODD:
            _refuse("is not as documented")


def _normalised(names: Sequence[str]) -> Sequence[str]:
    """What `canonicalize_name` makes of each: 750,000 names are too many for a call or more each, a slice is not."""
    lines = "\n".join(names).lower().replace("_", "-").replace(".", "-")
    found = lines.split("\n")
    if len(found) != len(names):
        return [canonicalize_name(name) for name in names]
    return [canonicalize_name(name) if "--" in name else name for name in found] if "--" in lines else found


class _Text:
    """JSON that arrives in pieces, taken off its front."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    async def peek(self) -> bytes:
        """The next byte that is no white space."""
        while not (held := self._held.lstrip(_SPACE)):
            self._held = b""
            if not await self._fill(1):
                _refuse("was cut")
        self._held = held
        return held[:1]

    async def take(self, *expected: bytes) -> bytes:
        """Takes off the next byte, which is one of `expected`."""
        byte = await self.peek()
        if byte not in expected:
            _refuse("is not JSON")
        self._held = self._held[1:]
        return byte

    async def value(self) -> bytes:
        """Takes off one value of any kind, which is not decoded yet."""
        await self.peek()
        while not (end := _value_end(self._held)):
            await self._fill_more()
        return self._take_off(end)

    async def projects(self) -> Sequence[_Project | None]:
        """Takes off as many whole projects of the list as are at hand, at least one; the comma after them stays."""
        if await self.peek() != b"{":
            _refuse("is not as documented")
        await self._fill(_SLICE)
        while True:
            # Mostly the last brace ends a project. One inside a text or another value leaves JSON that is cut, which
            # never decodes: then the end is looked for one token at a time.
            end = self._held.rfind(b"}") + 1
            if projects := _decode_all(self._held[:end]):
                self._take_off(end)
                return projects
            if end := _objects_end(self._held):
                return _decode_each(self._take_off(end))
            await self._fill_more()

    async def finish(self) -> None:
        """Reads to the end, where there is nothing left but white space."""
        while not self._held.strip(_SPACE):
            self._held = b""
            if not await self._fill(1):
                return
        _refuse("is not JSON")

    def _take_off(self, end: int) -> bytes:
        taken, self._held = self._held[:end], self._held[end:]
        return taken

    async def _fill_more(self) -> None:
        if len(self._held) > _LONGEST:
            _refuse("is not as documented")
        if not await self._fill(2 * len(self._held)):
            _refuse("was cut")

    async def _fill(self, least: int) -> bool:
        """Holds at least so many bytes, or all that is left; whether any came."""
        pieces, size = [self._held], len(self._held)
        while size < least and (piece := await anext(self._chunks, None)) is not None:
            pieces.append(piece)
            size += len(piece)
        grew = size > len(self._held)
        self._held = b"".join(pieces)
        return grew


def _decode_all(objects: bytes) -> Sequence[_Project]:
    """The projects of a slice, none where it is not a whole number of projects as documented."""
    try:
        return _PROJECTS.decode(b"[" + objects + b"]")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ()


def _decode_each(objects: bytes) -> Sequence[_Project | None]:
    """The same for a slice that ends where an object does; None for each object that is not as documented."""
    projects: list[_Project | None] = []
    for raw in decode(_RAWS, b"[" + objects + b"]", source=_SOURCE):
        if not bytes(raw).startswith(b"{"):
            _refuse("is not as documented")
        try:
            projects.append(decode(_PROJECT, raw, source=_SOURCE))
        except UnexpectedPayload:
            projects.append(None)
    return projects


def _objects_end(text: bytes) -> int:
    """Where the last whole one of the objects ends with which a text begins, 0 where none is whole."""
    depth = end = 0
    for token in _TOKEN.finditer(text):
        match token.group():
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
                if depth == 0:
                    end = token.end()
            case b'"':
                break  # a text that is not whole
        if depth < 0:
            break  # the end of the list
    return end


def _value_end(text: bytes) -> int:
    """Where the value ends with which a text begins, 0 where it is not whole."""
    if scalar := _SCALAR.match(text):
        return scalar.end() if scalar.end() < len(text) else 0
    depth = 0
    for token in _TOKEN.finditer(text):
        match token.group():
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"':
                return 0
        if depth <= 0:
            return token.end()
    return 0


def _refuse(what: str) -> NoReturn:
    raise UnexpectedPayload(f"pypi: the list of projects {what}")
