"""One exchange with one server: the only module that knows httpx.

What httpx leaves open is closed here: a token goes to its own server alone and only over https or to loopback, no
cookie is kept, no .netrc read, no redirect followed, each body bounded, and whatever goes wrong below ends as a
SourceError. It stands on httpx's transport and not on its client, which keeps cookies and reads Location headers
unasked. Whether to try again is for `http` to decide, from `is_broken` and `may_pass`.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import ssl
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast
from urllib.request import getproxies, proxy_bypass

import httpx
import sniffio

from djpkg.config import is_loopback
from djpkg.errors import ConfigError, SourceError, UnexpectedPayload, Unreachable
from djpkg.sources.http.decompress import Decompressor
from djpkg.sources.http.response import escape_header, is_address

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    from djpkg.source_name import SourceName
    from djpkg.sources.http.response import Authorization
    from djpkg.sources.http.retry import Limits

BODILESS = frozenset((204, 304))
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: `url` has passed `Wire.read_target` or `Wire.read_location`; `cap` bounds the answer's body."""

    method: Literal["GET", "POST"]
    url: httpx.URL
    headers: Mapping[str, str]
    cap: int
    body: bytes = field(default=b"", repr=False)


class Exchange:
    """A request and the head of its answer, whose body is still to be read, once, by `read` or by `pieces`."""

    __slots__ = ("_response", "_wire", "call", "headers", "status")

    def __init__(self, wire: Transport, call: Call, response: httpx.Response) -> None:
        self._wire = wire
        self._response = response
        self.call = call
        self.status = response.status_code
        self.headers = _read_headers(response)

    async def read(self, *, until: float) -> bytes:
        """The whole body, inflated; it must have ended by that moment of the loop's clock."""
        with self._wire.translated("body"):
            async with asyncio.timeout_at(until), aclosing(self._inflated()) as pieces:
                return b"".join([piece async for piece in pieces])

    async def pieces(self, *, rest: float, total: float) -> AsyncGenerator[bytes, None]:
        """The body bit by bit, inflated; it may rest for so many seconds at a time, and last for so many in all."""
        clock = asyncio.get_running_loop().time
        end = clock() + total
        async with aclosing(self._inflated()) as pieces:
            while True:
                with self._wire.translated("body"):
                    async with asyncio.timeout_at(min(clock() + rest, end)):
                        piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece

    async def _inflated(self) -> AsyncGenerator[bytes, None]:
        coding = "" if self.status in BODILESS else self.headers.get("content-encoding", "")
        inflater = Decompressor(
            coding, cap=self.call.cap, whose=f"{self._wire.source}: the answer of {self._wire.where}"
        )
        # httpx promises an iterator only; it is a generator, and to be closed when its reader gives up.
        raw_pieces = cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())
        async with aclosing(raw_pieces):
            async for raw in raw_pieces:
                for piece in inflater.feed(raw):
                    yield piece
        for piece in inflater.finish():
            yield piece


class Transport:
    """The connections to one server; `where` is what messages call it."""

    def __init__(
        self,
        *,
        source: SourceName,
        base_url: str,
        auth: Authorization | None,
        connections: int,
        headers: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self.source = source
        self._base = _read_base(source, base_url)
        self.where = self._base.netloc.decode("ascii")
        self.auth = (
            auth if auth is not None and (self._base.scheme == "https" or is_loopback(self._base.host)) else None
        )
        self._headers = headers
        self._limits = limits
        # httpcore asks at each step of a request which library it runs under, and looks for the running task to tell.
        sniffio.thread_local.name = "asyncio"
        self._transport = _open_transport(source, self._base, connections)

    async def aclose(self) -> None:
        """Ends all connections."""
        await self._transport.aclose()

    @asynccontextmanager
    async def send(self, call: Call, *, until: float) -> AsyncIterator[Exchange]:
        """Sends the request once; the head of the answer must be there by that moment of the loop's clock."""
        with self.translated("head"):
            request = self._build(call)
            async with asyncio.timeout_at(until):
                response = await self._transport.handle_async_request(request)
        try:
            yield Exchange(self, call, response)
        finally:
            await response.aclose()

    def read_target(self, target: str, params: Mapping[str, str | int] | None) -> httpx.URL:
        """The address of a path below the base, or an absolute address on the same server; raises UnexpectedPayload."""
        with self.translated("head"):
            if "://" in target.partition("?")[0]:
                url = self._read_address(target)
            else:
                url = httpx.URL(f"{str(self._base).rstrip('/')}/{target.lstrip('/')}")
                if not url.path.startswith(f"{self._base.path.rstrip('/')}/") or _origin(url) != _origin(self._base):
                    raise UnexpectedPayload(f"{self.source}: {escape_header(target)} is not below {self.where}")
            return url.copy_merge_params(dict(params)) if params else url

    def read_location(self, url: httpx.URL, location: str) -> httpx.URL:
        """Where a redirect from `url` leads, if that is on the same server; raises UnexpectedPayload."""
        with self.translated("head"):
            if not is_address(location):
                raise UnexpectedPayload(f"{self.source}: {self.where} redirects to nowhere")
            return self._read_address(url, location)

    def _read_address(self, *parts: str | httpx.URL) -> httpx.URL:
        try:
            url = functools.reduce(httpx.URL.join, parts[1:], httpx.URL(parts[0])).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            raise UnexpectedPayload(f"{self.source}: {self.where} named an address that is none") from error
        if _origin(url) != _origin(self._base) or url.userinfo:
            whose = escape_header(url.netloc.decode("ascii").rpartition("@")[2]) or escape_header(url.scheme)
            raise UnexpectedPayload(f"{self.source}: {self.where} pointed at another server ({whose}), not followed")
        return url

    def _build(self, call: Call) -> httpx.Request:
        headers = {**self._headers, **call.headers}
        if self.auth is not None and _origin(call.url) == _origin(self._base):
            headers[self.auth.header] = self.auth.value
        # The end of the attempt bounds all but connecting, which has a bound of its own.
        timeout = {"connect": self._limits.connect, "read": None, "write": None, "pool": None}
        body = call.body if call.method == "POST" else None
        return httpx.Request(call.method, call.url, headers=headers, content=body, extensions={"timeout": timeout})

    @contextmanager
    def translated(self, stage: Literal["head", "body"]) -> Iterator[None]:
        """Makes a SourceError of all that httpx, httpcore, h11, anyio, ssl and the codecs raise (not: cancelling)."""
        try:
            yield
        except SourceError:
            raise
        except Exception as error:
            raise self._translate(error, stage) from error

    def _translate(self, error: Exception, stage: Literal["head", "body"]) -> SourceError:
        # Words of the libraries may quote what was sent or received, a token among it: only those of the operating
        # system and of ssl are passed on.
        refused = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            return Unreachable(
                f"{self.source}: the certificate of {self.where} is not accepted"
                f" ({escape_header(refused.verify_message)})"
            )
        if isinstance(error, httpx.ConnectTimeout):
            what = f"no connection to {self.where} within {self._limits.connect:g} s"
        elif isinstance(error, (TimeoutError, httpx.TimeoutException)):
            took = f"within {self._limits.attempt:g} s"
            what = (
                f"no answer from {self.where} {took}"
                if stage == "head"
                else f"no end of the answer of {self.where} in time"
            )
        elif isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
            what = f"no connection to {self.where} ({_reason(error)})"
        elif isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError, OSError)):
            what = f"{self.where} broke off" if stage == "head" else f"the answer of {self.where} was cut"
        else:
            return UnexpectedPayload(f"{self.source}: no exchange with {self.where} ({type(error).__name__})")
        return Unreachable(f"{self.source}: {what}")


def is_broken(error: Unreachable) -> bool:
    """Whether a connection that stood has broken, as one does that was idle for too long."""
    return isinstance(error.__cause__, (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError))


def may_pass(error: Unreachable) -> bool:
    """Whether another attempt may fare better; a certificate stays what it is."""
    return not any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _read_base(source: SourceName, base_url: str) -> httpx.URL:
    message = f"{source}: {escape_header(base_url)} is not the address of an API"
    hint = "it has the form https://HOST/PATH, without a user, a query or a fragment"
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ConfigError(message, hint=hint) from error
    if url.scheme not in PORTS or not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigError(message, hint=hint)
    return url


def _open_transport(source: SourceName, base: httpx.URL, connections: int) -> httpx.AsyncHTTPTransport:
    # Over plain http no certificate is ever looked at, and reading all authorities takes 50 ms.
    authorities = _read_authorities() if base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=5.0)
    try:
        return httpx.AsyncHTTPTransport(verify=authorities, limits=limits, proxy=_find_proxy(base))
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:  # the proxy's address may hold a password
        raise ConfigError(f"{source}: the proxy that the environment names for {base.scheme} cannot be used") from error


@functools.cache
def _read_authorities() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise ConfigError("the certificates that SSL_CERT_FILE or SSL_CERT_DIR name cannot be read") from error


def _find_proxy(base: httpx.URL) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for the server; none for loopback."""
    if is_loopback(base.host) or proxy_bypass(base.netloc.decode("ascii")):
        return None
    proxies = getproxies()
    proxy = proxies.get(base.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or PORTS.get(url.scheme)


def _read_headers(response: httpx.Response) -> dict[str, str]:
    """Keys in lower case, values as Latin-1 (RFC 9110 section 5.5), repeated ones joined by commas."""
    headers: dict[str, str] = {}
    for raw_key, raw_value in response.headers.raw:
        key, value = raw_key.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all that led to it, members of groups too."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions


def _reason(error: Exception) -> str:
    """What the operating system, the resolver or ssl says of a connection that did not come about."""
    failures = [cause for cause in _causes(error) if isinstance(cause, OSError) and cause.errno is not None]
    if not failures:
        return "refused"
    # asyncio puts words of its own, with the address, in place of the system's.
    named = isinstance(failures[0], (ssl.SSLError, socket.gaierror))
    reason = escape_header(str(failures[0].strerror) if named else os.strerror(failures[0].errno or 0))
    return reason if reason[1:2].isupper() else reason[:1].lower() + reason[1:]
