"""Parses the metadata of one project from PyPI's JSON API (``/pypi/NAME/json``): the latest release, and all releases.

PyPI decides which release is the latest: a yanked one only if all are yanked, a prerelease only if nothing is final.
``releases`` is deprecated: a response without it leaves the stored releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import msgspec
from packaging.utils import canonicalize_name

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model import pypi_project, requires_dist
from djpkg.model.facts import ProjectDetails, PypiFacts, Release
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
    from collections.abc import Collection, Iterable, Mapping

T = TypeVar("T")

MAX_WORD_LENGTH = 200
"""Characters of a name, a version or a specifier."""
MAX_URL_LENGTH = 500
MAX_URLS = 20
MAX_RELEASES = 10_000


class _Info(msgspec.Struct):
    name: str
    version: str
    classifiers: Entries[str] | None = None
    home_page: str | None = None
    license: str | None = None
    license_expression: str | None = None
    project_urls: Annotated[dict[str, str | None], msgspec.Meta(max_length=MAX_ENTRIES)] | None = None
    requires_python: str | None = None
    requires_dist: Entries[str] | msgspec.UnsetType | None = msgspec.UNSET
    yanked: bool | None = None


class _File(msgspec.Struct, gc=False):
    requires_python: str | None = None
    upload_time_iso_8601: str | None = None
    yanked: bool = False


class _Project(msgspec.Struct):
    info: _Info
    releases: dict[str, Entries[_File]] | None = None
    urls: Entries[_File] | None = None
    last_serial: Count | None = None


_PROJECT = msgspec.json.Decoder(_Project)


class Metadata(NamedTuple):
    """The facts of a project, its lists, and its last serial, if the response has one."""

    facts: PypiFacts
    details: ProjectDetails
    serial: int | None


def parse_metadata(body: bytes, *, name: str) -> Metadata:
    """Return the metadata of the project with a normalized name.

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
    details = ProjectDetails(
        version=version,
        requirements=None
        if info.requires_dist is msgspec.UNSET
        else requires_dist.parse_requirements(map(clean_text, info.requires_dist or ())),
        releases=_parse_releases(project.releases) if project.releases else None,
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
        django_requires=None if details.requirements is None else requires_dist.django_specifier(details.requirements),
        releases=None if details.releases is None else len(details.releases),
        first_released=min((one.uploaded for one in details.releases or () if one.uploaded), default=None),
    )
    return Metadata(facts, details, project.last_serial)


def _parse_releases(releases: Mapping[str, list[_File]]) -> tuple[Release, ...]:
    """Return all releases, by version. A release is yanked when all of its files are."""
    parsed = {
        name: Release(
            version=name,
            uploaded=_first_upload(files),
            yanked=bool(files) and all(file.yanked for file in files),
            requires_python=next((text for file in files if (text := _parse_word(file.requires_python))), None),
        )
        for version, files in _limited(releases.items(), MAX_RELEASES)
        if (name := _parse_word(version)) is not None
    }
    return tuple(parsed[version] for version in sorted(parsed))


def _limited(values: Collection[T], limit: int) -> Collection[T]:
    if len(values) > limit:
        raise UnexpectedPayload(f"{SourceName.PYPI}: the response has a list of more than {limit:,} entries")
    return values


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
