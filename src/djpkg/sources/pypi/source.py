"""PyPI: one request per project; before many of them, one list that shows which projects have changed.

PyPI asks clients not to send thousands of requests within minutes (its API documentation, "Rate limiting"). So if many
stored projects are due, the list of all projects is fetched first: it has the serial of each project's last change, and
only projects with a newer serial than the stored one are fetched.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from djpkg.errors import HTTPStatusError, SourceError, UnexpectedPayload, Unreachable
from djpkg.model.batch_sizes import MIN_LIST_RATIO, SERIAL_LIST_MINIMUM
from djpkg.model.facts import Outcome, PypiFacts
from djpkg.source_name import SourceName
from djpkg.sources.answer_buffer import AnswerBuffer
from djpkg.sources.http.api_check import KnownResource, NotFoundStreak, address_hint, find_api_error
from djpkg.sources.http.circuit_breaker import CircuitBreaker
from djpkg.sources.http.client import SingleServerSource
from djpkg.sources.http.payload import decode_json
from djpkg.sources.http.response import http_status_error
from djpkg.sources.http.retry import Limits
from djpkg.sources.pypi import metadata, serials
from djpkg.sources.source import Answer, failed_answer
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from djpkg.model.lookups import ProjectTarget
    from djpkg.sources.http.response import Response
    from djpkg.sources.pypi.serials import Serials

    PypiAnswer: TypeAlias = Answer[PypiFacts]

MAX_CONCURRENT = 4
UNCHANGED_PAGE_SIZE = 500
"""The most answers per page for projects that the list shows as unchanged."""
BLOCKING_STATUSES = frozenset((401, 403, 404))
"""Everything on PyPI is public, so 401 and 403 are not about one project. 404 is an error for listed projects only."""
MAX_LIST_BYTES = 256 * 2**20
"""The list has about 40 million bytes now."""

_SERIAL = re.compile(r"[0-9]{1,15}")


class _Info(msgspec.Struct):
    name: str


class _Metadata(msgspec.Struct):
    info: _Info


_KNOWN_PROJECT = KnownResource("pypi/pip/json", _Metadata)


class _Page(msgspec.Struct):
    versions: list[str]


_PAGE = msgspec.json.Decoder(_Page)


class Pypi(SingleServerSource):
    """Fetches projects from PyPI; use it with ``async with``.

    `last_project_count` is the number of projects in the last accepted list, None if there was none. The attribute
    `project_count` is that of the list fetched by this object, None if none was fetched.
    """

    name = SourceName.PYPI
    connections = MAX_CONCURRENT

    def __init__(
        self,
        *,
        base_url: str,
        last_project_count: int | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(base_url=base_url, limits=limits, clock=clock)
        self.project_count: int | None = None
        self._last_project_count = last_project_count

    async def fetch(
        self,
        targets: Sequence[ProjectTarget],
        *,
        now: datetime,  # noqa: ARG002 - part of the protocol
        sweep: bool,  # noqa: ARG002 - part of the protocol; the number of stored projects decides instead
    ) -> AsyncIterator[Sequence[PypiAnswer]]:
        """Yield one answer for each target in pages; requests are sent in the order of the targets.

        An answer GONE has no validators, so that a restored project is reported even if it is unchanged.
        """
        listed: dict[str, int] = {}
        if sum(target.serial is not None for target in targets) > SERIAL_LIST_MINIMUM:
            try:
                listed = await self._fetch_serials([target.coordinate for target in targets])
            except SourceError as error:
                # Fetching each project instead would be the load that PyPI asks to avoid.
                for page in _in_pages([failed_answer(target.coordinate, error) for target in targets]):
                    yield page
                return
            # The list may be half an hour older than the stored metadata, so its serial may be lower.
            unchanged = [
                target.coordinate
                for target in targets
                if target.serial is not None and 0 < listed.get(target.coordinate, 0) <= target.serial
            ]
            for page in _in_pages([Answer(coordinate=name, outcome=Outcome.UNCHANGED) for name in unchanged]):
                yield page
            answered = set(unchanged)
            targets = [target for target in targets if target.coordinate not in answered]
        buffer: AnswerBuffer[PypiFacts] = AnswerBuffer()
        async with aclosing(buffer.pages(self._fetch_projects(targets, listed, buffer))) as pages:
            async for page in pages:
                yield page

    async def _fetch_serials(self, names: Collection[str]) -> dict[str, int]:
        """Return the serials of those `names` that are listed. Raises SourceError for an implausible list too."""
        serial_list = await self._fetch_list(names)
        last = self._last_project_count
        if last is not None and serial_list.count < last * MIN_LIST_RATIO:
            raise UnexpectedPayload(
                f"pypi: the list of projects is incomplete: {serial_list.count:,}, but {last:,} at the last fetch"
            )
        self.project_count = serial_list.count
        return serial_list.found

    async def _fetch_list(self, names: Collection[str], *, retry: bool = True) -> Serials:
        started = False
        try:
            async with self._client.stream("simple/", accept=serials.ACCEPT, max_size=MAX_LIST_BYTES) as chunks:
                started = True
                return await serials.parse_serials(chunks, names)
        except Unreachable:
            # The client itself retries until the body starts.
            if not (started and retry):
                raise
        return await self._fetch_list(names, retry=False)

    async def _fetch_projects(
        self, targets: Sequence[ProjectTarget], listed: Mapping[str, int], buffer: AnswerBuffer[PypiFacts]
    ) -> None:
        circuit = CircuitBreaker(blocking_statuses=BLOCKING_STATUSES)
        waiting = iter(targets)
        gone: list[PypiAnswer] = []
        streak = NotFoundStreak()

        async def work() -> None:
            for target in waiting:
                answer = await self._fetch_project(target, listed.get(target.coordinate), circuit)
                streak.record(answer.outcome)
                (gone.append if answer.outcome is Outcome.GONE else buffer.add)(answer)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(MAX_CONCURRENT, len(targets))):
                group.create_task(work())
        error = await find_api_error(self._client, _KNOWN_PROJECT) if streak.is_suspicious else None
        for answer in gone:
            buffer.add(answer if error is None else failed_answer(answer.coordinate, error))

    async def _fetch_project(
        self, target: ProjectTarget, listed_serial: int | None, circuit: CircuitBreaker
    ) -> PypiAnswer:
        if circuit.cause is not None:
            return failed_answer(target.coordinate, circuit.cause)
        try:
            route = f"pypi/{quote(target.coordinate, safe='')}/json"
            answer = _parse_response(target, listed_serial, await self._client.get(route, etag=target.etag))
            if answer.outcome is Outcome.GONE and listed_serial is not None:
                await self._check_without_releases(target.coordinate)
        except SourceError as error:
            circuit.record(error)
            return failed_answer(target.coordinate, error)
        circuit.record(None)
        return answer

    async def _check_without_releases(self, name: str) -> None:
        """Raise HTTPStatusError for a listed project that was not found, unless its page has no releases.

        PyPI lists projects without releases too, and its JSON API answers 404 for them.
        """
        response = await self._client.get(f"simple/{quote(name, safe='')}/", accept=serials.ACCEPT)
        if response.status != HTTPStatus.OK or decode_json(_PAGE, response.body, source=self.name).versions:
            raise HTTPStatusError("pypi: PyPI lists the project, but answers 404 for it", status=HTTPStatus.NOT_FOUND)


def _parse_response(target: ProjectTarget, listed_serial: int | None, response: Response) -> PypiAnswer:
    """Return the answer in a response; `listed_serial` is the project's serial in the list, None without a list."""
    name = target.coordinate
    if response.body.lstrip()[:1] == b"<":
        # A proxy or an error page: with any status, it says nothing about the project.
        hint = address_hint(SourceName.PYPI) if response.status == HTTPStatus.NOT_FOUND else None
        raise Unreachable(f"pypi: got an HTML page instead of JSON ({response.status})", hint=hint)
    serial = _parse_serial(response)
    match response.status:
        case HTTPStatus.OK:
            # A redirect may lead to another spelling of the name, not to another project.
            found = metadata.parse_metadata(response.body, name=name)
            return Answer(
                coordinate=name,
                outcome=Outcome.UPDATED,
                facts=found.facts,
                etag=response.etag,
                serial=found.serial if serial is None else serial,
                details=found.details,
            )
        case HTTPStatus.NOT_MODIFIED if target.etag:
            # The list may count a change that the metadata does not show; storing its serial avoids a daily request.
            serial = listed_serial if serial is None else serial
            return Answer(coordinate=name, outcome=Outcome.UNCHANGED, etag=response.etag, serial=serial)
        case HTTPStatus.NOT_FOUND:
            return Answer(coordinate=name, outcome=Outcome.GONE, facts=PypiFacts(state="gone", name=name))
    raise http_status_error(SourceName.PYPI, response.host, response.status)


def _parse_serial(response: Response) -> int | None:
    text = response.headers.get("x-pypi-last-serial", "")
    return int(text) if _SERIAL.fullmatch(text) else None


def _in_pages(answers: Sequence[PypiAnswer]) -> Iterator[Sequence[PypiAnswer]]:
    for start in range(0, len(answers), UNCHANGED_PAGE_SIZE):
        yield answers[start : start + UNCHANGED_PAGE_SIZE]
