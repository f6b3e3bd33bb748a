"""Downloads a snapshot: one conditional request without a token, and at most 5 redirects to other addresses."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from djpkg.config import is_loopback
from djpkg.errors import SourceError, UnexpectedPayload, Unreachable, UsageError
from djpkg.sources.http.client import MAX_REDIRECTS, REDIRECTS, TRANSIENT, user_agent
from djpkg.sources.http.response import http_status_error, is_valid_etag, is_valid_url, to_single_line
from djpkg.sources.http.retry import RetryBudget
from djpkg.sources.http.transport import Request, Transport, is_broken_connection, is_retryable, open_transport
from djpkg.sources.snapshot.lines import SNAPSHOT

if TYPE_CHECKING:
    from djpkg.sources.http.retry import Limits
    from djpkg.sources.http.transport import Exchange

logger = logging.getLogger("djpkg.http")

MAX_DOWNLOAD = 512 * 2**20
"""Maximum size of the file in bytes; it is compressed."""


class Validators(NamedTuple):
    """What lets the server answer "unchanged": the values of ETag and Last-Modified."""

    etag: str | None = None
    modified: str | None = None


class Download(NamedTuple):
    """The end of a download: the new validators, None if the snapshot is unchanged; and the number of requests."""

    validators: Validators | None
    requests: int


def check_address(address: str) -> None:
    """Raise UsageError unless an address can be asked: https, or http to this host, without user and password."""
    parts = _split(address)
    if parts is None or not parts[1]:
        raise UsageError("the address of the snapshot is invalid", hint="use the form https://HOST/FILE.jsonl.gz")
    scheme, host, has_user = parts
    if has_user:
        raise UsageError("the address of a snapshot must not contain a user or a password")
    if scheme != "https" and not (scheme == "http" and is_loopback(host)):
        raise UsageError(
            "a snapshot is taken over https, or over http from this machine only",
            hint="use the form https://HOST/FILE.jsonl.gz",
        )


async def download(address: str, file: IO[bytes], *, validators: Validators, limits: Limits) -> Download:
    """Write the snapshot at `address` to `file`, unless it is unchanged. Raises SourceError and ConfigError."""
    budget = RetryBudget(limits)
    requests = 0
    while True:
        requests += 1
        try:
            return Download(await _follow(address, file, validators, limits), requests)
        except SourceError as error:
            pause = _next_pause(error, budget)
            if pause is None:
                raise
        file.seek(0)
        file.truncate()
        await asyncio.sleep(pause)


def _next_pause(error: SourceError, budget: RetryBudget) -> float | None:
    if isinstance(error, Unreachable) and is_retryable(error):
        return budget.next_pause(broken=is_broken_connection(error))
    return budget.next_pause() if getattr(error, "status", None) in TRANSIENT else None


async def _follow(address: str, file: IO[bytes], validators: Validators, limits: Limits) -> Validators | None:
    """Follow redirects to the file. No header depends on the server: validators are no secrets."""
    for _ in range(MAX_REDIRECTS + 1):
        parts = urlsplit(address)
        transport = Transport(
            source=SNAPSHOT,
            base_url=f"{parts.scheme}://{parts.netloc}",
            auth=None,
            connections=1,
            headers={
                # It is compressed already.
                "Accept-Encoding": "identity",
                "User-Agent": user_agent(),
            },
            limits=limits,
            open_transport=open_transport,
        )
        try:
            target = await _request(transport, address, file, validators, limits)
        finally:
            await transport.aclose()
        if not isinstance(target, str):
            return target
        address = _redirect(address, target)
    raise UnexpectedPayload(f"{SNAPSHOT}: more than {MAX_REDIRECTS} redirects")


async def _request(
    transport: Transport, address: str, file: IO[bytes], validators: Validators, limits: Limits
) -> Validators | str | None:
    """Return the new validators, None for an unchanged file, or the target of a redirect."""
    headers = {"Accept": "*/*"}
    if validators.etag is not None and is_valid_etag(validators.etag):
        headers["If-None-Match"] = validators.etag
    if validators.modified is not None:
        headers["If-Modified-Since"] = validators.modified
    url = transport.build_url(address, None)
    # Servers may label a .gz file as a compressed response; the digest is that of the file.
    request = Request(method="GET", url=url, headers=headers, max_size=MAX_DOWNLOAD, decompress=False)
    until = asyncio.get_running_loop().time() + limits.attempt
    exchange = await transport.send(request, until=until)
    # Without the query, which may be a signature.
    logger.debug("GET %s%s %s", transport.host, urlsplit(address).path, exchange.status)
    try:
        if exchange.status in REDIRECTS:
            return exchange.headers.get("location", "")
        if exchange.status == HTTPStatus.NOT_MODIFIED and len(headers) > 1:
            return None
        if exchange.status != HTTPStatus.OK:
            raise http_status_error(SNAPSHOT, transport.host, exchange.status)
        await _write(exchange, file, limits)
        return _validators(exchange)
    finally:
        await exchange.aclose()


async def _write(exchange: Exchange, file: IO[bytes], limits: Limits) -> None:
    async with aclosing(exchange.chunks(idle=limits.attempt, total=limits.stream)) as chunks:
        async for chunk in chunks:
            file.write(chunk)


def _validators(exchange: Exchange) -> Validators:
    etag, modified = exchange.headers.get("etag", ""), exchange.headers.get("last-modified", "")
    is_date = (
        modified.isascii() and modified.isprintable() and 0 < len(modified) <= len("Thu, 26 Nov 2026 00:00:00 GMT")
    )
    return Validators(etag if is_valid_etag(etag) else None, modified if is_date else None)


def _redirect(address: str, location: str) -> str:
    """Return the absolute target of a redirect: https, or from this host to this host. Raises UnexpectedPayload."""
    target = urljoin(address, location) if is_valid_url(location) else ""
    parts, source = _split(target), _split(address)
    if parts is None or source is None or not parts[1]:
        raise UnexpectedPayload(f"{SNAPSHOT}: invalid redirect")
    scheme, host, has_user = parts
    is_local = source[0] == scheme == "http" and is_loopback(source[1]) and is_loopback(host)
    if has_user or not (scheme == "https" or is_local):
        raise UnexpectedPayload(f"{SNAPSHOT}: the redirect to {to_single_line(f'{scheme}://{host}')} is not followed")
    return target.partition("#")[0]


def _split(address: str) -> tuple[str, str, bool] | None:
    """Return the scheme, the host, and whether there is a user; None for an invalid address."""
    if not is_valid_url(address):
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", parts.username is not None or parts.password is not None
