"""The register of fields: what a package can be asked for, under which names, where it comes from and how it is
treated.

It drives the JSON, the columns of `list`, the query language, `edit`, completion and the README's table. The first 18
are the record: the keys of the catalog's API, in its order.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from typing import NamedTuple

from djpkg.errors import UsageError
from djpkg.text import quote_input


class Kind(Enum):
    """What a field's value is; the value of each member is what `fields` prints."""

    INTEGER = "number"
    TEXT = "text"
    TIME = "time"
    FLAG = "true or false"
    ADDRESS = "address"
    PROJECT = "project"
    COUNTS = "52 counts"
    NAMES = "list of texts"
    CATEGORY = "category"
    GRIDS = "list of grids"
    MAPPING = "texts by name"


class Owner(Enum):
    """Who states a field."""

    CATALOG = "catalog"
    FORGE = "forge"
    PYPI = "pypi"
    DJPKG = "djpkg"


class Field(NamedTuple):
    """One named value of a record, or one beyond it.

    `editable` fields can be overridden; `nullable` ones are null where they are cleared, others "" (texts) or []
    (lists).
    """

    name: str
    kind: Kind
    owner: Owner
    about: str
    example: str
    aliases: tuple[str, ...] = ()
    editable: bool = False
    nullable: bool = False
    in_record: bool = False

    @property
    def of_grids(self) -> bool:
        """Whether the value is the grids that the package is in, by number or by slug."""
        return self.name in ("grids", "grid_slugs")

    @property
    def of_category(self) -> bool:
        """Whether the value is the package's category, by number, slug or title."""
        return self.name in ("category", "category_slug", "category_title")

    @property
    def sortable(self) -> bool:
        """Whether `--sort` takes the field."""
        return self.kind is not Kind.MAPPING

    @property
    def descends(self) -> bool:
        """Whether the natural order is the most or the newest first."""
        return self.kind in (Kind.INTEGER, Kind.TIME, Kind.COUNTS, Kind.NAMES, Kind.GRIDS, Kind.FLAG)


def _record(
    name: str,
    kind: Kind,
    owner: Owner,
    about: str,
    example: str,
    *aliases: str,
    editable: bool = False,
    nullable: bool = False,
) -> Field:
    return Field(name, kind, owner, about, example, aliases, editable=editable, nullable=nullable, in_record=True)


FIELDS: tuple[Field, ...] = (
    _record("category", Kind.CATEGORY, Owner.CATALOG, "the category, as its address", "category:apps", editable=True),
    _record("grids", Kind.GRIDS, Owner.CATALOG, "the grids, as their addresses", "grid:forms", "grid", editable=True),
    _record("id", Kind.INTEGER, Owner.CATALOG, "the catalog's number", "id:409"),
    _record("title", Kind.TEXT, Owner.CATALOG, "the title", 'title:"django todo"', editable=True),
    _record("slug", Kind.TEXT, Owner.CATALOG, "the name in addresses", "slug:django-todo"),
    _record(
        "last_updated",
        Kind.TIME,
        Owner.FORGE,
        "when the default branch last got a commit",
        "updated:6m..",
        "updated",
        editable=True,
        nullable=True,
    ),
    _record(
        "last_fetched",
        Kind.TIME,
        Owner.DJPKG,
        "when the forge or PyPI last answered",
        "fetched:7d..",
        "fetched",
        nullable=True,
    ),
    _record("repo_url", Kind.ADDRESS, Owner.CATALOG, "the repository's address", "repo_url:github.com", editable=True),
    _record(
        "pypi_version",
        Kind.TEXT,
        Owner.PYPI,
        "the newest release",
        "version:2.5.0",
        "version",
        editable=True,
        nullable=True,
    ),
    _record("created", Kind.TIME, Owner.CATALOG, "when the catalog took it in", "created:1y..", "added"),
    _record("modified", Kind.TIME, Owner.CATALOG, "when the catalog's entry was last edited", "modified:30d.."),
    _record("repo_forks", Kind.INTEGER, Owner.FORGE, "forks", "forks:10..", "forks", editable=True),
    _record(
        "repo_description",
        Kind.TEXT,
        Owner.FORGE,
        "the repository's description",
        "description:ticketing",
        "description",
        editable=True,
    ),
    _record(
        "pypi_url",
        Kind.PROJECT,
        Owner.CATALOG,
        "the project's address, or its name",
        "pypi_url:django-todo",
        editable=True,
    ),
    _record(
        "documentation_url",
        Kind.ADDRESS,
        Owner.CATALOG,
        "the documentation's address",
        "docs:readthedocs",
        "docs",
        editable=True,
        nullable=True,
    ),
    _record("repo_watchers", Kind.INTEGER, Owner.FORGE, "stars", "stars:100..", "stars", editable=True),
    _record(
        "commits_over_52",
        Kind.COUNTS,
        Owner.FORGE,
        "commits in each of the last 52 weeks, oldest first; [] is unknown",
        "commits_over_52:1..",
        editable=True,
    ),
    _record(
        "participants",
        Kind.NAMES,
        Owner.FORGE,
        "who contributed, most commits first",
        "participant:shacker",
        "participant",
        editable=True,
    ),
    # Beyond the record.
    Field("archived", Kind.FLAG, Owner.FORGE, "whether the repository is archived", "is:archived", nullable=True),
    Field("forge", Kind.TEXT, Owner.CATALOG, "github, gitlab, bitbucket or forgejo", "forge:gitlab", nullable=True),
    Field(
        "repository",
        Kind.TEXT,
        Owner.CATALOG,
        "the repository's path at its forge",
        "repo:shacker/django-todo",
        ("repo",),
        nullable=True,
    ),
    Field(
        "repo_state", Kind.TEXT, Owner.FORGE, "ok, moved, gone, blocked, empty, unsupported or none", "repo_state:gone"
    ),
    Field("moved_to", Kind.TEXT, Owner.FORGE, "where a moved repository is now", "is:moved", nullable=True),
    Field(
        "commits_last_year",
        Kind.INTEGER,
        Owner.FORGE,
        "commits in the last 52 weeks",
        "commits:1..",
        ("commits",),
        nullable=True,
    ),
    Field(
        "participant_count", Kind.INTEGER, Owner.FORGE, "how many contributed", "contributors:5..", ("contributors",)
    ),
    Field(
        "pypi_name",
        Kind.TEXT,
        Owner.CATALOG,
        "the project's normalised name",
        "pypi:django-todo",
        ("pypi",),
        nullable=True,
    ),
    Field("pypi_state", Kind.TEXT, Owner.PYPI, "ok, gone or none", "pypi_state:gone"),
    Field(
        "released",
        Kind.TIME,
        Owner.PYPI,
        "when the newest release was uploaded",
        "released:2025-01-01..",
        nullable=True,
    ),
    Field("yanked", Kind.FLAG, Owner.PYPI, "whether the newest release is yanked", "is:yanked", nullable=True),
    Field(
        "requires_python",
        Kind.TEXT,
        Owner.PYPI,
        "the Python that the newest release asks for",
        "requires_python:3.8",
        nullable=True,
    ),
    Field(
        "python_versions", Kind.NAMES, Owner.PYPI, "Python versions declared in classifiers", "python:3.13", ("python",)
    ),
    Field(
        "django_versions", Kind.NAMES, Owner.PYPI, "Django versions declared in classifiers", "django:5.2", ("django",)
    ),
    Field("license", Kind.TEXT, Owner.PYPI, "the licence as declared", "license:MIT", nullable=True),
    Field(
        "development_status",
        Kind.TEXT,
        Owner.PYPI,
        "the development status classifier",
        "development_status:stable",
        nullable=True,
    ),
    Field(
        "category_slug",
        Kind.TEXT,
        Owner.CATALOG,
        "the category's slug",
        "category_slug:apps",
        nullable=True,
    ),
    Field(
        "category_title",
        Kind.TEXT,
        Owner.CATALOG,
        "the category's title",
        "category_title:App",
        nullable=True,
    ),
    Field("grid_slugs", Kind.NAMES, Owner.CATALOG, "the grids' slugs", "grid_slugs:forms"),
    Field("catalog_state", Kind.TEXT, Owner.CATALOG, "listed or removed", "is:removed"),
    Field("edited", Kind.NAMES, Owner.DJPKG, "names of the fields that you edited", "is:edited"),
    Field("checked", Kind.MAPPING, Owner.DJPKG, "when each source last answered", "checked:github"),
    Field("failed", Kind.MAPPING, Owner.DJPKG, "why a source's last try failed", "failed:github"),
)

RECORD: tuple[Field, ...] = tuple(field for field in FIELDS if field.in_record)
EDITABLE: tuple[Field, ...] = tuple(field for field in FIELDS if field.editable)

_BY_NAME: dict[str, Field] = {name: field for field in FIELDS for name in (field.name, *field.aliases)}


def find(name: str) -> Field | None:
    """The field of that name or alias, any case, ``-`` for ``_``; None if there is none."""
    return _BY_NAME.get(name.strip().lower().replace("-", "_"))


def get(name: str) -> Field:
    """The field of that name or alias; UsageError that names the nearest if there is none."""
    field = find(name)
    if field is None:
        raise unknown_field(name)
    return field


def unknown_field(name: str) -> UsageError:
    """The error for a name that no field has."""
    near = get_close_matches(name.strip().lower(), _BY_NAME, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "djpkg fields lists them all"
    return UsageError(f"there is no field {quote_input(name)}", hint=hint)


class Column(NamedTuple):
    """One wanted field under the name that was typed for it, which is its key in JSON and its head in a table."""

    key: str
    field: Field


def parse_columns(names: str) -> tuple[Column, ...]:
    """``"slug,stars"`` -> the columns in that order; ``all`` stands for every field.

    UsageError on a name that no field has, and where no name is given.
    """
    wanted: dict[str, Column] = {}
    for name in (part.strip() for part in names.split(",")):
        if name == "all":
            wanted.update({field.name: Column(field.name, field) for field in FIELDS if field.name not in wanted})
        elif name:
            wanted.setdefault(name, Column(name, get(name)))
    if not wanted:
        message = "--fields names no field"
        raise UsageError(message, hint="for example: --fields slug,stars,updated")
    return tuple(wanted.values())


RECORD_COLUMNS: tuple[Column, ...] = tuple(Column(field.name, field) for field in RECORD)
ALL_COLUMNS: tuple[Column, ...] = tuple(Column(field.name, field) for field in FIELDS)
