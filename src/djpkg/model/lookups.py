"""What is to be asked of a source about one coordinate, and the validators that let it say "unchanged"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTarget:
    """One repository to be asked about, and what is stored of it.

    `host` is the forge's name as in the address (``github.com``), `path` the rest (``shacker/django-todo``).
    `weeks_head` and `contributors_head` are the heads that the stored weeks and contributors belong to.
    `catalog_updated` is the catalog's `last_updated` where the catalog also has a list of participants, else None.
    `gone` says that it was gone the last time.
    """

    coordinate: str
    host: str
    path: str
    etag: str | None = None
    node_id: str | None = None
    head: str | None = None
    head_at: str | None = None
    weeks_head: str | None = None
    contributors_head: str | None = None
    contributors_taken: str | None = None
    catalog_updated: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTarget:
    """One project of PyPI to be asked about; `serial` is the last one whose facts are stored."""

    coordinate: str
    etag: str | None = None
    serial: int | None = None


class Head(NamedTuple):
    """The newest commit of the default branch and its date; both None in an empty repository."""

    oid: str | None
    at: str | None


EMPTY = Head(None, None)
