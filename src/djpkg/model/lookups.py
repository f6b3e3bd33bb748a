"""Targets of lookups at forges and PyPI, with the validators for "unchanged" answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTarget:
    """One repository to look up, and the stored state that decides what is fetched.

    `host` is the forge's host (``github.com``), `path` the rest of the URL (``shacker/django-todo``), `known_path` the
    path in the last answer if it differs, after a move.
    `weeks_head` and `contributors_head` are the heads that the stored weeks and contributors belong to.
    `catalog_updated` is the catalog's `last_updated` where the catalog also has a list of participants, else None.
    `gone` is True when the last lookup found it gone. `accepts_new` means that another repository with its name
    replaces it, because the user asked for that.
    """

    coordinate: str
    host: str
    path: str
    known_path: str | None = None
    etag: str | None = None
    node_id: str | None = None
    head: str | None = None
    head_at: str | None = None
    weeks_head: str | None = None
    contributors_head: str | None = None
    contributors_taken: str | None = None
    catalog_updated: str | None = None
    gone: bool = False
    accepts_new: bool = False

    def as_new(self) -> RepositoryTarget:
        """Return the target without anything that is known of the repository."""
        return RepositoryTarget(coordinate=self.coordinate, host=self.host, path=self.path)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to request until one is found: where it was last, then `path`."""
        return (self.path,) if self.known_path is None else (self.known_path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTarget:
    """One project on PyPI to look up; `serial` is the serial of the stored facts."""

    coordinate: str
    etag: str | None = None
    serial: int | None = None


class Head(NamedTuple):
    """The newest commit of the default branch and its date; both None in an empty repository."""

    oid: str | None
    at: str | None


NO_HEAD = Head(None, None)
