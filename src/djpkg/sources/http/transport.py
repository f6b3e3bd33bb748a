"""HTTP transport: one exchange with one server. The only module that imports httpx.

It uses httpx's transport instead of its client, which would store cookies, read .netrc and follow redirects. A token is
sent only to its own server, over https or to loopback; bodies are bounded; every failure is raised as a SourceError.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import ssl
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast
from urllib.request import getproxies, proxy_bypass

import httpx

from djpkg.config import is_loopback
from djpkg.errors import ConfigError, SourceError, UnexpectedPayload, Unreachable
from djpkg.sources.http.decompress import Decompressor
from djpkg.sources.http.response import Response, is_valid_url, to_single_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
    from typing import TypeAlias

    from djpkg.sources.http.response import Authorization
    from djpkg.sources.http.retry import Limits

    OpenTransport: TypeAlias = Callable[[str, httpx.URL, int], httpx.AsyncBaseTransport]

STATUSES_WITHOUT_BODY = frozenset((204, 304))
PORTS = {"http": 80, "https": 443}
INVALID_URL = "://"
MIN_SECRET_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `url` is from `Transport.build_url` or `redirect_url`, `max_size` limits the body of the response.

    Without `decompress` the body is read as it was sent, whatever its Content-Encoding.
    """

    method: Literal["GET", "POST"]
    url: httpx.URL
    headers: Mapping[str, str]
    max_size: int
    body: bytes = field(default=b"", repr=False)
    decompress: bool = True


class Exchange:
    """A request and its response, whose body is still to be read, once, by `read` or `chunks`; then `aclose`."""

    def __init__(self, transport: Transport, request: Request, response: httpx.Response) -> None:
        self._transport = transport
        self._response = response
        self.request = request
        self.status = response.status_code
        response.headers.encoding = "latin-1"  # RFC 9110 section 5.5
        self.headers = dict(response.headers.items())
        if "etag" in self.headers:  # the only header that is stored
            self.headers["etag"] = transport.hide_token(self.headers["etag"].encode()).decode()

    async def read(self, *, until: float) -> bytes:
        """Return the decompressed body; `until` is its deadline in the time of the event loop."""
        with self._transport.translate_errors("body"):
            async with asyncio.timeout_at(until), aclosing(self._decompressed()) as chunks:
                return b"".join([chunk async for chunk in chunks])

    async def chunks(self, *, idle: float, total: float) -> AsyncGenerator[bytes, None]:
        """Yield the decompressed body; it may pause for `idle` seconds and take `total` seconds in all."""
        clock = asyncio.get_running_loop().time
        end = clock() + total
        async with aclosing(self._decompressed()) as chunks:
            while True:
                with self._transport.translate_errors("body"):
                    async with asyncio.timeout_at(min(clock() + idle, end)):
                        chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk

    def to_response(self, body: bytes) -> Response:
        """Return the response with this body, in which the token is hidden: servers may quote it."""
        return Response(
            status=self.status,
            headers=self.headers,
            body=self._transport.hide_token(body),
            url=str(self.request.url),
            next_url=self._next_url(),
        )

    async def aclose(self) -> None:
        """Close the response; its connection is reused if the body was read."""
        await self._response.aclose()

    def _next_url(self) -> str | None:
        link = self._response.links.get("next")
        if link is None:
            return None
        try:
            url = str(self.request.url.join(link["url"])) if is_valid_url(link["url"]) else ""
        except (httpx.InvalidURL, ValueError):
            url = ""
        # An invalid link is not the end of a list: a request for INVALID_URL raises UnexpectedPayload.
        return url if "://" in url else INVALID_URL

    async def _decompressed(self) -> AsyncGenerator[bytes, None]:
        is_plain = self.status in STATUSES_WITHOUT_BODY or not self.request.decompress
        encoding = "" if is_plain else self.headers.get("content-encoding", "")
        name = f"{self._transport.source}: the response of {self._transport.host}"
        decompressor = Decompressor(encoding, max_size=self.request.max_size, name=name)
        # httpx declares an iterator; it is a generator and must be closed when reading stops early.
        raw_chunks = cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())
        async with aclosing(raw_chunks):
            async for raw in raw_chunks:
                for chunk in decompressor.feed(raw):
                    yield chunk
        for chunk in decompressor.finish():
            yield chunk


class Transport:
    """The connections to one server. `host` is its host and port, as in messages."""

    def __init__(
        self,
        *,
        source: str,
        base_url: str,
        auth: Authorization | None,
        connections: int,
        headers: Mapping[str, str],
        limits: Limits,
        open_transport: OpenTransport,
    ) -> None:
        self.source = source
        self._base = _parse_base_url(source, base_url)
        self.host = self._base.netloc.decode("ascii")
        is_safe = self._base.scheme == "https" or is_loopback(self._base.host)
        self.auth = auth if is_safe else None
        # Shorter ones may be ordinary words.
        spellings = self.auth.spellings if self.auth is not None else ()
        self._secrets = [one.encode() for one in spellings if len(one) >= MIN_SECRET_LENGTH]
        self._headers = headers
        self._limits = limits
        self._transport = open_transport(source, self._base, connections)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def send(self, request: Request, *, until: float) -> Exchange:
        """Send a request and wait for the response headers; `until` is the deadline in the time of the event loop."""
        with self.translate_errors("head"):
            prepared = self._prepare(request)
            async with asyncio.timeout_at(until):
                response = await self._transport.handle_async_request(prepared)
        return Exchange(self, request, response)

    def hide_token(self, text: bytes) -> bytes:
        """Return the text without the token in any of its spellings."""
        for secret in self._secrets:
            text = text.replace(secret, "…".encode())
        return text

    def build_url(self, target: str, params: Mapping[str, str | int] | None) -> httpx.URL:
        """Return the URL of a path below the base URL, or of an absolute URL on the same server.

        UnexpectedPayload for anything else.
        """
        with self.translate_errors("head"):
            if "://" in target.partition("?")[0]:
                url = self._parse_url(target)
            else:
                url = httpx.URL(f"{str(self._base).rstrip('/')}/{target.lstrip('/')}")
                if not url.path.startswith(f"{self._base.path.rstrip('/')}/") or _origin(url) != _origin(self._base):
                    raise UnexpectedPayload(f"{self.source}: {to_single_line(target)} is not below {self.host}")
            return url.copy_merge_params(dict(params)) if params else url

    def redirect_url(self, url: httpx.URL, location: str) -> httpx.URL:
        """Return the target of a redirect from `url`; UnexpectedPayload if it is invalid or on another server."""
        with self.translate_errors("head"):
            if not is_valid_url(location):
                raise UnexpectedPayload(f"{self.source}: {self.host} sent an invalid redirect")
            return self._parse_url(location, base=url)

    def _parse_url(self, text: str, *, base: httpx.URL | None = None) -> httpx.URL:
        try:
            url = (httpx.URL(text) if base is None else base.join(text)).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            raise UnexpectedPayload(f"{self.source}: {self.host} sent an invalid URL") from error
        if _origin(url) != _origin(self._base) or url.userinfo:
            other = to_single_line(url.netloc.decode("ascii").rpartition("@")[2]) or to_single_line(url.scheme)
            raise UnexpectedPayload(f"{self.source}: {self.host} points to another server ({other}); not followed")
        return url

    def _prepare(self, request: Request) -> httpx.Request:
        headers = {**self._headers, **request.headers}
        if self.auth is not None and _origin(request.url) == _origin(self._base):
            headers["Authorization"] = self.auth.value
        # The deadline of the attempt limits everything but connecting, which has a limit of its own.
        timeout = {"connect": self._limits.connect, "read": None, "write": None, "pool": None}
        body = request.body if request.method == "POST" else None
        return httpx.Request(
            request.method, request.url, headers=headers, content=body, extensions={"timeout": timeout}
        )

    @contextmanager
    def translate_errors(self, stage: Literal["head", "body"]) -> Iterator[None]:
        """Raise all errors of httpx, httpcore, h11, anyio, ssl and the codecs as a SourceError; not cancellation."""
        try:
            yield
        except SourceError:
            raise
        except Exception as error:
            raise self._translate(error, stage) from error

    def _translate(self, error: Exception, stage: Literal["head", "body"]) -> SourceError:
        # Messages of the libraries may quote what was sent or received, such as a token: only those of the operating
        # system and of ssl are used.
        invalid = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if invalid is not None:
            detail = to_single_line(invalid.verify_message)
            return Unreachable(f"{self.source}: the certificate of {self.host} is invalid ({detail})")
        if isinstance(error, httpx.ConnectTimeout):
            message = f"no connection to {self.host} within {self._limits.connect:g} s"
        elif isinstance(error, (TimeoutError, httpx.TimeoutException)):
            in_head = f"no response from {self.host} within {self._limits.attempt:g} s"
            message = in_head if stage == "head" else f"the response of {self.host} did not end in time"
        elif isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
            message = f"no connection to {self.host} ({_connect_error(error)})"
        elif isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError, OSError)):
            in_head = f"{self.host} closed the connection"
            message = in_head if stage == "head" else f"the response of {self.host} was truncated"
        else:
            return UnexpectedPayload(f"{self.source}: the request to {self.host} failed ({type(error).__name__})")
        return Unreachable(f"{self.source}: {message}")


def is_broken_connection(error: Unreachable) -> bool:
    """Whether an open connection broke, which happens to those that were idle for too long."""
    return isinstance(error.__cause__, (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError))


def is_timeout(error: Unreachable) -> bool:
    """Whether there was no response in time."""
    return isinstance(error.__cause__, (TimeoutError, httpx.TimeoutException))


def is_retryable(error: Unreachable) -> bool:
    """Whether another attempt may succeed: always, except with an invalid certificate."""
    return not any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _parse_base_url(source: str, base_url: str) -> httpx.URL:
    message = f"{source}: invalid API address {to_single_line(base_url)}"
    hint = "use the form https://HOST/PATH, without user, query and fragment"
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ConfigError(message, hint=hint) from error
    if url.scheme not in PORTS or not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigError(message, hint=hint)
    return url


def open_transport(source: str, base: httpx.URL, connections: int) -> httpx.AsyncBaseTransport:
    """Return the connections to a server, through the proxy of the environment. Raises ConfigError."""
    # Plain http needs no certificates, and loading them takes 50 ms.
    context = _load_certificates() if base.scheme == "https" else _empty_context()
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=5.0)
    try:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=_find_proxy(base))
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:  # the proxy URL may contain a password
        raise ConfigError(f"{source}: invalid proxy for {base.scheme} in the environment") from error


@functools.cache
def _empty_context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def _load_certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise ConfigError("cannot read the certificates in SSL_CERT_FILE or SSL_CERT_DIR") from error


def _find_proxy(base: httpx.URL) -> str | None:
    """Return the proxy in HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY for the server; None for loopback."""
    if is_loopback(base.host) or proxy_bypass(base.netloc.decode("ascii")):
        return None
    proxies = getproxies()
    proxy = proxies.get(base.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or PORTS.get(url.scheme)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all its causes, with the members of exception groups."""
    pending, seen = [error], set[int]()
    while pending:
        cause = pending.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            pending += cause.exceptions


def _connect_error(error: Exception) -> str:
    """Return the message of the operating system, the resolver or ssl for a failed connection."""
    failures = [cause for cause in _causes(error) if isinstance(cause, OSError) and cause.errno is not None]
    if not failures:
        return "refused"
    # The messages of asyncio contain the address; the operating system's are shorter.
    has_own_message = isinstance(failures[0], (ssl.SSLError, socket.gaierror))
    text = failures[0].strerror if has_own_message else os.strerror(failures[0].errno or 0)
    reason = to_single_line(str(text))
    return reason if reason[1:2].isupper() else reason[:1].lower() + reason[1:]
