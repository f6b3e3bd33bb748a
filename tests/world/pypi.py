"""PyPI: the JSON API, the index of all projects with their serials, and the index page of one project."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.world.http import Request, Response, chunked, html_response, json_response
from tests.world.model import Project, Release, normalize_name
from tests.world.times import utc_text

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
        self._extra: _ExtraProjects | None = None

    def answer(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return json_response({"message": "Method Not Allowed"}, 405)
        if request.path == "/simple/":
            return self._index(request)
        if request.path == "/simple":
            return Response(301, headers={"location": f"{request.base}/simple/"})
        match = JSON_ROUTE.fullmatch(request.path)
        if match is not None:
            return self._json(request, unquote(match["name"]), match["version"])
        match = SIMPLE_ROUTE.fullmatch(request.path)
        if match is not None:
            return self._detail(request, unquote(match["name"]), slash=bool(match["slash"]))
        return html_response("Not Found", 404)

    def _json(self, request: Request, name: str, version: str | None) -> Response:
        if name != normalize_name(name):
            rest = f"/{version}" if version else ""
            return Response(301, headers={"location": f"{request.base}/pypi/{normalize_name(name)}{rest}/json"})
        project = self.world.projects.get(name)
        if name == "pip" and project is None:
            return json_response({"info": {"name": "pip"}})
        if project is None or not project.served:
            return json_response({"message": "Not Found"}, 404)
        if version is None:
            shown = project.latest
        else:
            found = [release for release in project.releases if release.version == version]
            if not found:
                return json_response({"message": "Not Found"}, 404)
            shown = found[0]
        response = json_response(_project(project, shown, whole=version is None))
        response.headers["cache-control"] = "max-age=900, public"
        return _add_validators(request, response, serial=project.serial)

    def _detail(self, request: Request, name: str, *, slash: bool) -> Response:
        if name != normalize_name(name) or not slash:
            return Response(301, headers={"location": f"{request.base}/simple/{normalize_name(name)}/"})
        project = self.world.projects.get(name)
        if project is None or project.state == "gone":
            return json_response({"message": "Not Found"}, 404)
        if SIMPLE_JSON not in request.headers.get("accept", ""):
            return html_response(f"Links for {project.name}", 200, size=200)
        releases = [] if project.state == "quarantined" else project.releases
        status = "active" if project.state == "ok" else project.state
        response = json_response(
            {
                "alternate-locations": [],
                "files": [_simple_file(project, release) for release in releases if release.files],
                "meta": {"_last-serial": project.serial, "api-version": "1.4"},
                "name": project.normalized_name,
                "project-status": {"status": status},
                "versions": [release.version for release in releases],
            }
        )
        response.headers |= {"content-type": SIMPLE_JSON, "cache-control": "max-age=600, public"}
        return _add_validators(request, response, serial=project.serial)

    def _index(self, request: Request) -> Response:
        if SIMPLE_JSON not in request.headers.get("accept", ""):
            return html_response("Simple index", 200)
        world = self.world
        headers = {
            "content-type": SIMPLE_JSON,
            "cache-control": "max-age=600, public",
            "x-pypi-last-serial": str(world.serial),
            "etag": f'"{hashlib.md5(str(world.serial).encode(), usedforsecurity=False).hexdigest()}"',
            "vary": "Accept, Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(304, headers=headers)
        listed = [project for project in world.projects.values() if project.state in {"ok", "archived"}]
        rows = [{"_last-serial": project.serial, "name": project.name} for project in listed]
        listed_rows = json.dumps(rows, separators=(",", ":")).encode()[1:-1]
        meta = json.dumps({"_last-serial": world.serial, "api-version": "1.4"}, separators=(",", ":"))
        start = b'{"meta":%b,"projects":[' % meta.encode()
        extra = self._extra_projects()
        end = (b"," if listed_rows and extra.count else b"") + listed_rows + b"]}"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(200, headers=headers, chunks=extra.gzipped(start, end))
        return Response(200, headers=headers, chunks=extra.plain(start, end))

    def _extra_projects(self) -> _ExtraProjects:
        if self._extra is None or self._extra.count != self.world.extra_projects:
            self._extra = _ExtraProjects(self.world.extra_projects)
        return self._extra


class _ExtraProjects:
    """Projects without a package, generated and compressed once.

    One gzip member is built from three parts that end on a byte boundary (`Z_FULL_FLUSH`), so that the large middle
    part is not compressed again when the others change.
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
    def _compressed(self) -> bytes:
        compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compressor.compress(self._plain) + compressor.flush(zlib.Z_FULL_FLUSH)

    def plain(self, start: bytes, end: bytes) -> Iterator[bytes]:
        yield start
        yield from chunked(self._plain)
        yield from chunked(end)

    def gzipped(self, start: bytes, end: bytes) -> Iterator[bytes]:
        check = zlib.crc32(end, zlib.crc32(self._plain, zlib.crc32(start)))
        size = len(start) + len(self._plain) + len(end)
        yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        first = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        yield first.compress(start) + first.flush(zlib.Z_FULL_FLUSH)
        yield from chunked(self._compressed)
        last = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        yield from chunked(last.compress(end) + last.flush() + struct.pack("<II", check, size & 0xFFFFFFFF))


def _name(number: int) -> str:
    mixed = number * 2_654_435_761 % (1 << 32)
    return f"{'abcdefghijklmnopqrstuvwxyz'[mixed % 26]}{mixed:x}-pkg{number}"


def _add_validators(request: Request, response: Response, *, serial: int) -> Response:
    """Add the serial and a strong ETag, or turn the response into a 304."""
    etag = f'"{hashlib.md5(response.body, usedforsecurity=False).hexdigest()}"'
    response.headers |= {"etag": etag, "x-pypi-last-serial": str(serial)}
    response.compress = True
    if request.headers.get("if-none-match") == etag:
        response.status, response.body = 304, b""
    return response


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
    stem = f"{project.normalized_name.replace('-', '_')}-{release.version}"
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
            "upload_time": utc_text(moment)[:-1],
            "upload_time_iso_8601": f"{utc_text(moment)[:-1]}.{moment.microsecond:06d}Z",
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
        "upload-time": f"{utc_text(release.uploaded)[:-1]}.000000Z",
        "yanked": release.yanked,
    }
