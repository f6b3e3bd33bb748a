"""One project as PyPI's JSON API states it (``/pypi/NAME/json``): the newest release and what it declares.

PyPI itself chooses which release is the newest: a yanked one only where all are, a prerelease only where nothing is
final. ``releases``, which is most of the reply, is deprecated there and is not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model import pypi_project
from djpkg.model.facts import PypiFacts
from djpkg.source_name import SourceName
from djpkg.sources.http.payload import Count, clean, decode, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WORD = 200
"""The most characters of a name, a version or a specifier."""
MAX_ADDRESS = 500
MAX_ADDRESSES = 20
MAX_CLASSIFIERS = 1000


class _Info(msgspec.Struct):
    name: str
    version: str
    classifiers: list[str] | None = None
    home_page: str | None = None
    license: str | None = None
    license_expression: str | None = None
    project_urls: dict[str, str | None] | None = None
    requires_python: str | None = None
    yanked: bool | None = None


class _File(msgspec.Struct):
    upload_time_iso_8601: str | None = None


class _Project(msgspec.Struct):
    info: _Info
    urls: list[_File] | None = None
    last_serial: Count | None = None


_PROJECT = msgspec.json.Decoder(_Project)


def parse_metadata(body: bytes) -> tuple[PypiFacts, int | None]:
    """The facts about a project, and the serial that they belong to where the reply has it.

    UnexpectedPayload for a reply that is not as documented; then no part of it counts.
    """
    said = decode(_PROJECT, body, source=SourceName.PYPI)
    info = said.info
    version = _word(info.version)
    if version is None:
        raise UnexpectedPayload(f"{SourceName.PYPI}: the reply has no version that could be one")
    classifiers = tuple(map(clean, (info.classifiers or ())[:MAX_CLASSIFIERS]))
    license_ = pypi_project.choose_license(_clean(info.license_expression), classifiers, _clean(info.license))
    facts = PypiFacts(
        name=_word(info.name) or "",
        version=version,
        released=_released(said.urls or ()),
        yanked=info.yanked,
        requires_python=_word(info.requires_python),
        python_versions=pypi_project.declared_python(classifiers),
        django_versions=pypi_project.declared_django(classifiers),
        license=license_,
        development_status=pypi_project.development_status(classifiers),
        repository_urls=_addresses([*(info.project_urls or {}).values(), info.home_page]),
    )
    return facts, said.last_serial


def _released(files: Iterable[_File]) -> str | None:
    """When the first file of the release was uploaded; None for a release without files."""
    texts = (file.upload_time_iso_8601 for file in files)
    moments = [moment(text, source=SourceName.PYPI) for text in texts if text is not None]
    return times.stamp(min(moments)) if moments else None


def _addresses(texts: Iterable[str | None]) -> tuple[str, ...]:
    stated = (text.strip() for text in texts if text is not None)
    sane = (
        text
        for text in stated
        if text.lower().startswith(("http://", "https://")) and len(text) <= MAX_ADDRESS and text.isprintable()
    )
    return tuple(dict.fromkeys(sane))[:MAX_ADDRESSES]


def _word(text: str | None) -> str | None:
    """A short text in one line, None where it is none of that."""
    text = (text or "").strip()
    return text if text and len(text) <= MAX_WORD and text.isprintable() else None


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)
