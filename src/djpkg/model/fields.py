"""The fields of a package: names, aliases, kinds, origins and examples.

JSON output, the columns of `list`, the query language, `edit`, completion and the README's table are built from this
list. The first 18 fields are the record: the keys of the catalog's API, in its order.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from typing import NamedTuple

from djpkg.errors import UsageError
from djpkg.source_name import FORGES
from djpkg.text import quote_input


class Kind(Enum):
    """The kind of a field's value; `djpkg fields` prints the text."""

    INTEGER = "number"
    TEXT = "text"
    TIME = "time"
    FLAG = "true or false"
    URL = "URL"
    PROJECT = "PyPI project"
    COUNTS = "52 weekly counts"
    NAMES = "list of texts"
    CATEGORY = "category"
    GRIDS = "list of grids"
    MAPPING = "texts by source"


class Owner(Enum):
    """Where a field's value comes from."""

    CATALOG = "catalog"
    FORGE = "forge"
    PYPI = "pypi"
    PYPI_OR_FORGE = "pypi or forge"
    DJPKG = "djpkg"
    YOU = "you"


class Field(NamedTuple):
    """One named value of a package.

    `editable` fields can be overridden, or set where their owner is the user. Clearing a `nullable` field makes it
    null, any other one "" or [].
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
    def holds_grids(self) -> bool:
        """Whether the value is the package's grids, by number or slug."""
        return self.name in ("grids", "grid_slugs")

    @property
    def holds_category(self) -> bool:
        """Whether the value is the package's category, by number, slug or title."""
        return self.name in ("category", "category_slug", "category_title")

    @property
    def sortable(self) -> bool:
        """Whether `--sort` accepts the field."""
        return self.kind is not Kind.MAPPING

    @property
    def sorts_descending(self) -> bool:
        """Whether `--sort FIELD` puts the highest or newest value first."""
        return self.kind in (Kind.INTEGER, Kind.TIME, Kind.COUNTS, Kind.NAMES, Kind.GRIDS, Kind.FLAG)


def _record_field(
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
    _record_field("category", Kind.CATEGORY, Owner.CATALOG, "the category, as its URL", "category:apps", editable=True),
    _record_field("grids", Kind.GRIDS, Owner.CATALOG, "the grids, as their URLs", "grid:forms", "grid", editable=True),
    _record_field("id", Kind.INTEGER, Owner.CATALOG, "the id in the catalog", "id:409"),
    _record_field("title", Kind.TEXT, Owner.CATALOG, "the title", 'title:"django todo"', editable=True),
    _record_field("slug", Kind.TEXT, Owner.CATALOG, "the name in URLs", "slug:django-todo"),
    _record_field(
        "last_updated", Kind.TIME, Owner.FORGE, "date of the newest commit on the default branch", "updated:6m..",
        "updated", editable=True, nullable=True,
    ),
    _record_field(
        "last_fetched", Kind.TIME, Owner.DJPKG, "when the forge or PyPI last answered", "fetched:7d..", "fetched",
        nullable=True,
    ),
    _record_field("repo_url", Kind.URL, Owner.CATALOG, "the repository's URL", "repo_url:github.com", editable=True),
    _record_field(
        "pypi_version", Kind.TEXT, Owner.PYPI, "the newest release", "version:2.5.0", "version", editable=True,
        nullable=True,
    ),
    _record_field(
        "created", Kind.TIME, Owner.CATALOG, "when the package was added to the catalog", "created:1y..", "added"
    ),
    _record_field("modified", Kind.TIME, Owner.CATALOG, "when the catalog entry was last edited", "modified:30d.."),
    _record_field("repo_forks", Kind.INTEGER, Owner.FORGE, "number of forks", "forks:10..", "forks", editable=True),
    _record_field(
        "repo_description", Kind.TEXT, Owner.FORGE, "the repository's description", "description:ticketing",
        "description", editable=True,
    ),
    _record_field(
        "pypi_url", Kind.PROJECT, Owner.CATALOG, "the PyPI project's URL or name", "pypi_url:django-todo", editable=True
    ),
    _record_field(
        "documentation_url", Kind.URL, Owner.CATALOG, "the documentation's URL", "docs:readthedocs", "docs",
        editable=True, nullable=True,
    ),
    _record_field("repo_watchers", Kind.INTEGER, Owner.FORGE, "number of stars", "stars:100..", "stars", editable=True),
    _record_field(
        "commits_over_52", Kind.COUNTS, Owner.FORGE,
        "commits in each of the last 52 weeks, oldest first; [] if unknown", "commits_over_52:1..", editable=True,
    ),
    _record_field(
        "participants", Kind.NAMES, Owner.FORGE, "contributors, most commits first", "participant:shacker",
        "participant", editable=True,
    ),
    # Beyond the record.
    Field("state", Kind.TEXT, Owner.DJPKG, "the state in one word, from removed to active", "state:active"),
    Field(
        "archived", Kind.FLAG, Owner.FORGE, "whether the repository is archived", "is:archived", editable=True,
        nullable=True,
    ),
    Field(
        "archived_at", Kind.TIME, Owner.FORGE, "when the repository was archived", "archived_at:1y..", nullable=True
    ),
    Field(
        "forge", Kind.TEXT, Owner.CATALOG, f"{', '.join(FORGES[:-1])} or {FORGES[-1]}", "forge:gitlab", nullable=True
    ),
    Field(
        "repository", Kind.TEXT, Owner.CATALOG, "the repository's path on its forge", "repo:shacker/todo",
        ("repo",), nullable=True,
    ),
    Field(
        "repo_state", Kind.TEXT, Owner.FORGE, "ok, moved, gone, blocked, empty, unsupported or none", "repo_state:gone"
    ),
    Field("moved_to", Kind.TEXT, Owner.FORGE, "the new URL of a moved repository", "is:moved", nullable=True),
    Field(
        "commits_last_year", Kind.INTEGER, Owner.FORGE, "number of commits in the last 52 weeks", "commits:1..",
        ("commits",), nullable=True,
    ),
    Field(
        "participant_count", Kind.INTEGER, Owner.FORGE, "number of contributors", "contributors:5..", ("contributors",),
        nullable=True,
    ),
    Field(
        "pypi_name", Kind.TEXT, Owner.CATALOG, "the PyPI project's normalized name", "pypi:django-todo", ("pypi",),
        nullable=True,
    ),
    Field("pypi_state", Kind.TEXT, Owner.PYPI, "ok, gone or none", "pypi_state:gone"),
    Field(
        "released", Kind.TIME, Owner.PYPI, "upload time of the newest release", "released:2025-01-01..", nullable=True
    ),
    Field("yanked", Kind.FLAG, Owner.PYPI, "whether the newest release is yanked", "is:yanked", nullable=True),
    Field(
        "requires_python", Kind.TEXT, Owner.PYPI, "Python versions that the newest release supports",
        "requires_python:3.8", nullable=True,
    ),
    Field(
        "python_versions", Kind.NAMES, Owner.PYPI, "Python versions declared in classifiers", "python:3.13", ("python",)
    ),
    Field(
        "django_versions", Kind.NAMES, Owner.PYPI, "Django versions declared in classifiers", "django:5.2", ("django",),
        editable=True,
    ),
    Field(
        "django_requires", Kind.TEXT, Owner.PYPI, "the Django versions that the newest release requires",
        'django_requires:">=4.2"', nullable=True,
    ),
    Field(
        "license", Kind.TEXT, Owner.PYPI_OR_FORGE, "the declared license", "license:MIT", editable=True, nullable=True
    ),
    Field(
        "development_status", Kind.TEXT, Owner.PYPI, "the development status classifier", "development_status:beta",
        nullable=True,
    ),
    Field("releases", Kind.INTEGER, Owner.PYPI, "number of releases", "releases:10..", nullable=True),
    Field(
        "first_released", Kind.TIME, Owner.PYPI, "upload time of the first release", "first_released:..2015",
        nullable=True,
    ),
    Field(
        "requires", Kind.NAMES, Owner.PYPI, "the listed packages that the newest release requires, without extras",
        "requires:django-filter",
    ),
    Field(
        "used_by", Kind.INTEGER, Owner.PYPI, "number of listed packages whose newest release requires it",
        "used_by:10..", nullable=True,
    ),
    Field("category_slug", Kind.TEXT, Owner.CATALOG, "the category's slug", "category_slug:apps", nullable=True),
    Field("category_title", Kind.TEXT, Owner.CATALOG, "the category's title", "category_title:App", nullable=True),
    Field("grid_slugs", Kind.NAMES, Owner.CATALOG, "the grids' slugs", "grid_slugs:forms"),
    Field("catalog_state", Kind.TEXT, Owner.CATALOG, "listed or removed", "is:removed"),
    Field(
        "suggestion", Kind.TEXT, Owner.PYPI_OR_FORGE, "the URL of another repository that the project names as its own",
        "suggestion:any", nullable=True,
    ),
    Field("note", Kind.TEXT, Owner.YOU, "your note", "note:billing", editable=True, nullable=True),
    Field("tags", Kind.NAMES, Owner.YOU, "your tags", "tag:prod", ("tag",), editable=True),
    Field(
        "replaced_by", Kind.TEXT, Owner.YOU, "slug or URL of what you replace it with", "replaced_by:any",
        editable=True, nullable=True,
    ),
    Field(
        "stars_90d", Kind.INTEGER, Owner.DJPKG, "stars gained in the last 90 days", "stars_90d:10..", nullable=True
    ),
    Field("stars_1y", Kind.INTEGER, Owner.DJPKG, "stars gained in the last year", "stars_1y:100..", nullable=True),
    # The same times in one form for scripts: the record writes them as the catalog does.
    Field(
        "created_utc", Kind.TIME, Owner.CATALOG, "created in whole seconds of UTC, with Z", "created_utc:1y..",
        nullable=True,
    ),
    Field(
        "modified_utc", Kind.TIME, Owner.CATALOG, "modified in whole seconds of UTC, with Z", "modified_utc:30d..",
        nullable=True,
    ),
    Field(
        "updated_utc", Kind.TIME, Owner.FORGE, "last_updated in whole seconds of UTC, with Z", "updated_utc:6m..",
        ("last_updated_utc",), nullable=True,
    ),
    Field(
        "fetched_utc", Kind.TIME, Owner.DJPKG, "last_fetched in whole seconds of UTC, with Z", "fetched_utc:7d..",
        ("last_fetched_utc",), nullable=True,
    ),
    Field("edited", Kind.NAMES, Owner.DJPKG, "names of the fields whose upstream value you replaced", "is:edited"),
    Field("checked", Kind.MAPPING, Owner.DJPKG, "time of each source's last answer", "checked:github"),
    Field("failed", Kind.MAPPING, Owner.DJPKG, "error of each source's last failed lookup", "failed:github"),
)  # fmt: skip

RECORD: tuple[Field, ...] = tuple(field for field in FIELDS if field.in_record)
EDITABLE: tuple[Field, ...] = tuple(field for field in FIELDS if field.editable)
PRIVATE: tuple[Field, ...] = tuple(field for field in FIELDS if field.owner is Owner.YOU)
"""Fields that only the user sets: no source states them."""

_BY_NAME: dict[str, Field] = {name: field for field in FIELDS for name in (field.name, *field.aliases)}


def find(name: str) -> Field | None:
    """Return the field with that name or alias, in any case and with ``-`` for ``_``; None if there is none."""
    return _BY_NAME.get(name.strip().lower().replace("-", "_"))


def get(name: str) -> Field:
    """Return the field with that name or alias; UsageError with the nearest name if it is unknown."""
    field = find(name)
    if field is None:
        raise unknown_field(name)
    return field


def find_near(name: str) -> str | None:
    """Return the known name or alias that is nearest to a mistyped one, None if none is near."""
    near = get_close_matches(name.strip().lower().replace("-", "_"), _BY_NAME, n=1, cutoff=0.6)
    return near[0] if near else None


def unknown_field(name: str) -> UsageError:
    """Return the error for an unknown field name."""
    near = find_near(name)
    hint = f"did you mean {near}?" if near else "djpkg fields lists all fields"
    return UsageError(f"unknown field {quote_input(name)}", hint=hint)


class Column(NamedTuple):
    """One output column: a field under the name that the user typed, which is the JSON key and the table heading."""

    key: str
    field: Field


def parse_columns(names: str) -> tuple[Column, ...]:
    """Parse ``"slug,stars"`` into columns in that order; ``all`` adds every field.

    UsageError on an unknown field or an empty list.
    """
    columns: dict[str, Column] = {}
    for name in (part.strip() for part in names.split(",")):
        if name == "all":
            columns.update({field.name: Column(field.name, field) for field in FIELDS if field.name not in columns})
        elif name:
            columns.setdefault(name, Column(name, get(name)))
    if not columns:
        message = "--fields needs at least one field"
        raise UsageError(message, hint="for example: --fields slug,stars,updated")
    return tuple(columns.values())


RECORD_COLUMNS: tuple[Column, ...] = tuple(Column(field.name, field) for field in RECORD)
ALL_COLUMNS: tuple[Column, ...] = tuple(Column(field.name, field) for field in FIELDS)
