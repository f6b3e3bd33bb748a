"""Parses the metadata of one project from PyPI's JSON API (``/pypi/NAME/json``): the latest release.

PyPI decides which release is the latest: a yanked one only if all are yanked, a prerelease only if nothing is final.
``releases``, most of the response, is deprecated and not parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from packaging.utils import canonicalize_name

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model import pypi_project
from djpkg.model.facts import PypiFacts
from djpkg.source_name import SourceName
from djpkg.sources.http.payload import (
    MAX_ENTRIES,
    Count,
    Entries,
    clean_optional,
    clean_text,
    decode_json,
    parse_moment,
)
from djpkg.sources.http.response import to_single_line

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WORD_LENGTH = 200
"""Characters of a name, a version or a specifier."""
MAX_URL_LENGTH = 500
MAX_URLS = 20


class _Info(msgspec.Struct):
    name: str
    version: str
    classifiers: Entries[str] | None = None
    home_page: str | None = None
    license: str | None = None
    license_expression: str | None = None
    project_urls: Annotated[dict[str, str | None], msgspec.Meta(max_length=MAX_ENTRIES)] | None = None
    requires_python: str | None = None
    yanked: bool | None = None


class _File(msgspec.Struct):
    upload_time_iso_8601: str | None = None


class _Project(msgspec.Struct):
    info: _Info
    urls: Entries[_File] | None = None
    last_serial: Count | None = None


_PROJECT = msgspec.json.Decoder(_Project)


def parse_metadata(body: bytes, *, name: str) -> tuple[PypiFacts, int | None]:
    """Return the facts of the project with a normalized name, and its last serial, if the response has one.

    UnexpectedPayload for an invalid response, even if only a part of it is invalid, and for that of another project.
    """
    project = decode_json(_PROJECT, body, source=SourceName.PYPI)
    info = project.info
    if canonicalize_name(info.name) != canonicalize_name(name):
        other = to_single_line(info.name)
        raise UnexpectedPayload(f"{SourceName.PYPI}: got an answer about {other!r} instead of {name}")
    version = _parse_word(info.version)
    if version is None:
        raise UnexpectedPayload(f"{SourceName.PYPI}: the response has an invalid version")
    classifiers = tuple(map(clean_text, info.classifiers or ()))
    license_ = pypi_project.choose_license(
        clean_optional(info.license_expression), classifiers, clean_optional(info.license)
    )
    facts = PypiFacts(
        name=_parse_word(info.name) or "",
        version=version,
        released=_first_upload(project.urls or ()),
        yanked=info.yanked,
        requires_python=_parse_word(info.requires_python),
        python_versions=pypi_project.declared_python_versions(classifiers),
        django_versions=pypi_project.declared_django_versions(classifiers),
        license=license_,
        development_status=pypi_project.development_status(classifiers),
        repository_urls=_web_urls([*(info.project_urls or {}).values(), info.home_page]),
    )
    return facts, project.last_serial


def _first_upload(files: Iterable[_File]) -> str | None:
    """Return when the first file of the release was uploaded; None for a release without files."""
    texts = (file.upload_time_iso_8601 for file in files)
    moments = [parse_moment(text, source=SourceName.PYPI) for text in texts if text is not None]
    return times.format_time(min(moments)) if moments else None


def _web_urls(texts: Iterable[str | None]) -> tuple[str, ...]:
    stripped = (text.strip() for text in texts if text is not None)
    valid = (
        text
        for text in stripped
        if text.lower().startswith(("http://", "https://")) and len(text) <= MAX_URL_LENGTH and text.isprintable()
    )
    return tuple(dict.fromkeys(valid))[:MAX_URLS]


def _parse_word(text: str | None) -> str | None:
    """Return a short text of one line; None for an empty, long or unprintable one."""
    text = (text or "").strip()
    return text if text and len(text) <= MAX_WORD_LENGTH and text.isprintable() else None
