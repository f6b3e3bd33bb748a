"""PyPI: the JSON API, the index of all projects with their serials, the index page of one project."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.world.model import Project, Release, normalised
from tests.world.times import utc
from tests.world.wire import Reply, Request, html_reply, json_reply, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world.world import World

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
BLOCK = 5000
JSON_ROUTE = re.compile(r"/pypi/(?P<name>[^/]+)(?:/(?P<version>[^/]+))?/json/?")
SIMPLE_ROUTE = re.compile(r"/simple/(?P<name>[^/]+)(?P<slash>/?)")


class PyPI:
    def __init__(self, world: World) -> None:
        self.world = world
        self._foreign: _Foreign | None = None

    def answer(self, request: Request) -> Reply:
        if request.method not in {"GET", "HEAD"}:
            return json_reply({"message": "Method Not Allowed"}, 405)
        if request.path == "/simple/":
            return self._index(request)
        if request.path == "/simple":
            return Reply(301, headers={"location": f"{request.base}/simple/"})
        match = JSON_ROUTE.fullmatch(request.path)
        if match is not None:
            return self._json(request, unquote(match["name"]), match["version"])
        match = SIMPLE_ROUTE.fullmatch(request.path)
        if match is not None:
            return self._detail(request, unquote(match["name"]), slash=bool(match["slash"]))
        return html_reply("Not Found", 404)

    def _json(self, request: Request, name: str, version: str | None) -> Reply:
        if name != normalised(name):
            rest = f"/{version}" if version else ""
            return Reply(301, headers={"location": f"{request.base}/pypi/{normalised(name)}{rest}/json"})
        project = self.world.projects.get(name)
        if project is None or not project.served:
            return json_reply({"message": "Not Found"}, 404)
        if version is None:
            shown = project.latest
        else:
            found = [release for release in project.releases if release.version == version]
            if not found:
                return json_reply({"message": "Not Found"}, 404)
            shown = found[0]
        reply = json_reply(_project(project, shown, whole=version is None))
        reply.headers["cache-control"] = "max-age=900, public"
        return _finish(request, reply, serial=project.serial)

    def _detail(self, request: Request, name: str, *, slash: bool) -> Reply:
        if name != normalised(name) or not slash:
            return Reply(301, headers={"location": f"{request.base}/simple/{normalised(name)}/"})
        project = self.world.projects.get(name)
        if project is None or project.state == "gone":
            return json_reply({"message": "Not Found"}, 404)
        if SIMPLE_JSON not in request.headers.get("accept", ""):
            return html_reply(f"Links for {project.name}", 200, size=200)
        releases = [] if project.state == "quarantined" else project.releases
        status = "active" if project.state == "ok" else project.state
        reply = json_reply(
            {
                "alternate-locations": [],
                "files": [_simple_file(project, release) for release in releases if release.files],
                "meta": {"_last-serial": project.serial, "api-version": "1.4"},
                "name": project.normalised,
                "project-status": {"status": status},
                "versions": [release.version for release in releases],
            }
        )
        reply.headers |= {"content-type": SIMPLE_JSON, "cache-control": "max-age=600, public"}
        return _finish(request, reply, serial=project.serial)

    def _index(self, request: Request) -> Reply:
        if SIMPLE_JSON not in request.headers.get("accept", ""):
            return html_reply("Simple index", 200)
        world = self.world
        headers = {
            "content-type": SIMPLE_JSON,
            "cache-control": "max-age=600, public",
            "x-pypi-last-serial": str(world.serial),
            "etag": f'"{hashlib.md5(str(world.serial).encode(), usedforsecurity=False).hexdigest()}"',
            "vary": "Accept, Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Reply(304, headers=headers)
        listed = [project for project in world.projects.values() if project.state in {"ok", "archived"}]
        rows = [{"_last-serial": project.serial, "name": project.name} for project in listed]
        own = json.dumps(rows, separators=(",", ":")).encode()[1:-1]
        meta = json.dumps({"_last-serial": world.serial, "api-version": "1.4"}, separators=(",", ":"))
        start = b'{"meta":%b,"projects":[' % meta.encode()
        foreign = self._foreign_names()
        end = (b"," if own and foreign.count else b"") + own + b"]}"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Reply(200, headers=headers, chunks=foreign.zipped(start, end))
        return Reply(200, headers=headers, chunks=foreign.plain(start, end))

    def _foreign_names(self) -> _Foreign:
        if self._foreign is None or self._foreign.count != self.world.foreign_projects:
            self._foreign = _Foreign(self.world.foreign_projects)
        return self._foreign


class _Foreign:
    """Projects that no package of the world names: made when first asked for, compressed once.

    One gzip member is put together of three pieces that end on a byte each (`Z_FULL_FLUSH`), so that the middle one,
    which is most of it, need not be compressed again when the others change.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def _rows(self) -> Iterator[bytes]:
        for first in range(0, self.count, BLOCK):
            names = range(first, min(first + BLOCK, self.count))
            rows = ",".join(f'{{"_last-serial":{9_000_000 + n * 7},"name":"{_name(n)}"}}' for n in names)
            yield (("," if first else "") + rows).encode()

    @cached_property
    def _plain(self) -> bytes:
        return b"".join(self._rows())

    @cached_property
    def _squeezed(self) -> bytes:
        squeeze = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return squeeze.compress(self._plain) + squeeze.flush(zlib.Z_FULL_FLUSH)

    def plain(self, start: bytes, end: bytes) -> Iterator[bytes]:
        yield start
        yield from pieces(self._plain)
        yield from pieces(end)

    def zipped(self, start: bytes, end: bytes) -> Iterator[bytes]:
        check = zlib.crc32(end, zlib.crc32(self._plain, zlib.crc32(start)))
        size = len(start) + len(self._plain) + len(end)
        yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        first = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        yield first.compress(start) + first.flush(zlib.Z_FULL_FLUSH)
        yield from pieces(self._squeezed)
        last = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        yield from pieces(last.compress(end) + last.flush() + struct.pack("<II", check, size & 0xFFFFFFFF))


def _name(number: int) -> str:
    mixed = number * 2_654_435_761 % (1 << 32)
    return f"{'abcdefghijklmnopqrstuvwxyz'[mixed % 26]}{mixed:x}-pkg{number}"


def _finish(request: Request, reply: Reply, *, serial: int) -> Reply:
    """Adds the serial and a strong ETag; 304 when the client has it."""
    etag = f'"{hashlib.md5(reply.body, usedforsecurity=False).hexdigest()}"'
    reply.headers |= {"etag": etag, "x-pypi-last-serial": str(serial)}
    reply.zip = True
    if request.headers.get("if-none-match") == etag:
        reply.status, reply.body = 304, b""
    return reply


def _project(project: Project, shown: Release, *, whole: bool) -> dict[str, object]:
    body: dict[str, object] = {
        "info": {
            "author": "",
            "bugtrack_url": None,
            "classifiers": list(shown.classifiers),
            "description": f"About {project.name}.",
            "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
            "dynamic": None,
            "home_page": "",
            "license": shown.license,
            "license_expression": shown.license_expression,
            "license_files": None,
            "name": project.name,
            "project_urls": shown.project_urls,
            "requires_dist": list(shown.requires_dist) or None,
            "requires_python": shown.requires_python,
            "summary": "",
            "version": shown.version,
            "yanked": shown.yanked,
            "yanked_reason": None,
        },
        "last_serial": project.serial,
    }
    if whole:
        body["releases"] = {release.version: _files(project, release) for release in project.releases}
    body["urls"] = _files(project, shown)
    return body | {"vulnerabilities": [], "ownership": {"organization": None, "roles": []}}


def _file_names(project: Project, release: Release) -> tuple[tuple[str, str], ...]:
    stem = f"{project.normalised.replace('-', '_')}-{release.version}"
    return (f"{stem}-py3-none-any.whl", "bdist_wheel"), (f"{stem}.tar.gz", "sdist")


def _files(project: Project, release: Release) -> list[dict[str, object]]:
    if not release.files:
        return []
    moment = release.uploaded
    return [
        {
            "comment_text": "",
            "digests": {"sha256": hashlib.sha256(name.encode()).hexdigest()},
            "downloads": -1,
            "filename": name,
            "has_sig": False,
            "packagetype": kind,
            "python_version": "py3",
            "requires_python": release.requires_python,
            "size": 12345,
            "upload_time": utc(moment)[:-1],
            "upload_time_iso_8601": f"{utc(moment)[:-1]}.{moment.microsecond:06d}Z",
            "yanked": release.yanked,
            "yanked_reason": None,
        }
        for name, kind in _file_names(project, release)
    ]


def _simple_file(project: Project, release: Release) -> dict[str, object]:
    name = _file_names(project, release)[0][0]
    return {
        "filename": name,
        "hashes": {"sha256": hashlib.sha256(name.encode()).hexdigest()},
        "requires-python": release.requires_python,
        "size": 12345,
        "upload-time": f"{utc(release.uploaded)[:-1]}.000000Z",
        "yanked": release.yanked,
    }
