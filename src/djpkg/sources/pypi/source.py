"""PyPI: one request for each project, and before many of them one list that says which have changed.

PyPI asks not to be sent thousands of requests in minutes (its API documentation, "Rate limiting"). So where more than
a few stored projects are to be looked at, its list of all projects comes first, with the serial of the last change of
each; only those with another serial than the stored one are then asked for.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from djpkg.errors import CredentialsRejected, QuotaExhausted, Rejected, SourceError, UnexpectedPayload, Unreachable
from djpkg.model.batch_sizes import MANY_PROJECTS, SHORTEST_LIST
from djpkg.model.facts import Outcome, PypiFacts
from djpkg.source_name import SourceName
from djpkg.sources.answer_buffer import AnswerBuffer
from djpkg.sources.http.circuit_breaker import CircuitBreaker
from djpkg.sources.http.client import Client
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.http.retry import Limits
from djpkg.sources.pypi import metadata, serials
from djpkg.sources.source import Answer, Spent
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Self, TypeAlias

    from djpkg.model.lookups import ProjectTarget
    from djpkg.sources.http.response import Response
    from djpkg.sources.pypi.serials import Serials

    Said: TypeAlias = Answer[PypiFacts]

AT_ONCE = 8
UNCHANGED_PAGE = 500
"""How many answers that need no request are handed over together at most."""
CLOSING = frozenset((401, 403))
"""All that PyPI shows is public: who is not let in to one project is let in to none."""
LIST_CAP = 256 * 2**20
"""Bytes of the list: some 40 million today."""

_SERIAL = re.compile(r"[0-9]{1,15}")


class Pypi:
    """Asks PyPI about projects; use it with ``async with``.

    `listed` is how many projects the last list had that was believed, or None; as an attribute it is the number of
    this run's list, None where none was read.
    """

    name = SourceName.PYPI

    def __init__(
        self,
        *,
        base_url: str,
        listed: int | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.quota = Quota()
        self.quotas = {"": self.quota}
        self.spent = Spent()
        self.listed: int | None = None
        self._last_listed = listed
        self._client = Client(
            source=self.name,
            base_url=base_url,
            quota=self.quota,
            spent=self.spent,
            connections=AT_ONCE,
            limits=limits,
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def fetch(
        self,
        asks: Sequence[ProjectTarget],
        *,
        now: datetime,  # noqa: ARG002 - nothing that PyPI says depends on it
        sweep: bool,  # noqa: ARG002 - how many are known decides which shape pays
    ) -> AsyncIterator[Sequence[Said]]:
        """One answer for each of `asks`, in pages as they become ready; the first ones are asked for first.

        A project that is gone loses its validators, so that it is told when it comes back as it was.
        """
        found: dict[str, int] = {}
        if sum(ask.serial is not None for ask in asks) > MANY_PROJECTS:
            try:
                found = (await self._fetch_serials([ask.coordinate for ask in asks])).found
            except SourceError as error:
                # Asking for each of them all the same is what PyPI wants nobody to do.
                for page in _in_pages([_ended(ask, error) for ask in asks]):
                    yield page
                return
            # The list may be half an hour behind what the project itself said.
            same = [
                ask
                for ask in asks
                if ask.serial is not None and (listed := found.get(ask.coordinate)) and listed <= ask.serial
            ]
            for page in _in_pages([Answer(coordinate=ask.coordinate, outcome=Outcome.UNCHANGED) for ask in same]):
                yield page
            settled = {ask.coordinate for ask in same}
            asks = [ask for ask in asks if ask.coordinate not in settled]
        ready: AnswerBuffer[PypiFacts] = AnswerBuffer()
        work = asyncio.create_task(self._serve(asks, found, ready))
        try:
            async for page in ready.pages():
                yield page
            await work
        finally:
            work.cancel()
            await asyncio.wait([work])

    # The list.

    async def _fetch_serials(self, names: Collection[str]) -> Serials:
        """The serials of those named that are listed; raises SourceError for a list that is not to be believed."""
        found = await self._read_list(names)
        if self._last_listed is not None and found.count < self._last_listed * SHORTEST_LIST:
            raise UnexpectedPayload(
                f"pypi: its list has {found.count:,} projects, far shorter than the last one ({self._last_listed:,})"
            )
        self.listed = found.count
        return found

    async def _read_list(self, names: Collection[str], *, again: bool = True) -> Serials:
        begun = False
        try:
            async with self._client.stream("simple/", accept=serials.ACCEPT, cap=LIST_CAP) as chunks:
                begun = True
                return await serials.parse_serials(chunks, names)
        except Unreachable:
            # Only its beginning is tried again by the client.
            if not (begun and again):
                raise
        return await self._read_list(names, again=False)

    # Single projects.

    async def _serve(
        self, asks: Sequence[ProjectTarget], found: Mapping[str, int], ready: AnswerBuffer[PypiFacts]
    ) -> None:
        circuit = CircuitBreaker(closing=CLOSING)
        waiting = iter(asks)

        async def serve_some() -> None:
            for ask in waiting:
                ready.add(await self._answer(ask, found.get(ask.coordinate), circuit))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(asks))):
                    group.create_task(serve_some())
        finally:
            ready.close()

    async def _answer(self, ask: ProjectTarget, listed: int | None, circuit: CircuitBreaker) -> Said:
        if circuit.cause is not None:
            return _ended(ask, circuit.cause)
        try:
            target = f"pypi/{quote(ask.coordinate, safe='')}/json"
            answer = _read(ask, listed, await self._client.get(target, etag=ask.etag))
        except SourceError as error:
            circuit.note(error)
            return _ended(ask, error)
        circuit.note(None)
        return answer


def _read(ask: ProjectTarget, listed: int | None, reply: Response) -> Said:
    """`listed` is the serial that the list has for the project, None where it was not read."""
    if reply.body.lstrip()[:1] == b"<":
        # Whatever its status, it is not PyPI's word on the project.
        raise Unreachable(f"pypi: a page for people ({reply.status}) in place of an answer")
    serial = _serial(reply)
    match reply.status:
        case HTTPStatus.OK:
            facts, stated = metadata.parse_metadata(reply.body)
            serial = stated if serial is None else serial
            return Answer(
                coordinate=ask.coordinate, outcome=Outcome.UPDATED, facts=facts, etag=reply.etag, serial=serial
            )
        case HTTPStatus.NOT_MODIFIED if ask.etag:
            # The list knew of a change that the page shows nothing of: it is not to be asked about every day.
            serial = listed if serial is None else serial
            return Answer(coordinate=ask.coordinate, outcome=Outcome.UNCHANGED, etag=reply.etag, serial=serial)
        case HTTPStatus.NOT_FOUND:
            gone = PypiFacts(state="gone", name=ask.coordinate)
            return Answer(coordinate=ask.coordinate, outcome=Outcome.GONE, facts=gone)
    raise Rejected(f"pypi: it answered {reply.status}", status=reply.status)


def _serial(reply: Response) -> int | None:
    text = reply.headers.get("x-pypi-last-serial", "")
    return int(text) if _SERIAL.fullmatch(text) else None


def _ended(ask: ProjectTarget, error: SourceError) -> Said:
    if isinstance(error, QuotaExhausted):
        return Answer(coordinate=ask.coordinate, outcome=Outcome.DEFERRED, reason=error.reason, until=error.until)
    refused = isinstance(error, CredentialsRejected)
    return Answer(coordinate=ask.coordinate, outcome=Outcome.FAILED, reason=error.reason, refused=refused)


def _in_pages(answers: Sequence[Said]) -> Iterator[Sequence[Said]]:
    for start in range(0, len(answers), UNCHANGED_PAGE):
        yield answers[start : start + UNCHANGED_PAGE]
