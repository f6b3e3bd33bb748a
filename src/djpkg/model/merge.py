"""Merge facts and overrides into the effective values of a package.

This module alone decides which source owns which field. It is pure: the 52-week window ends at the time of the forge's
answer, not now, so the same facts always give the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.model import license_names, pypi_project, repository_url, suggestion, weekly_commits
from djpkg.model.counts import count_commits, count_contributors
from djpkg.model.facts import CatalogFacts, ForgeFacts, PypiFacts, RepositoryFacts
from djpkg.model.fields import FIELDS, PRIVATE, RECORD, Kind, Owner
from djpkg.model.package import DJPKG, YOU, Origin
from djpkg.model.repository_url import NoRepository, Repository
from djpkg.source_name import SourceName
from djpkg.times import is_same_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    from djpkg.model.facts import Facts
    from djpkg.model.fields import Field

    # A value as the mirror stores it: `category` is an id, `grids` are ids.
    StoredValue: TypeAlias = bool | int | str | list[int] | list[str] | dict[str, str] | None


class FactsRow(NamedTuple):
    """One stored row: the facts of `source` about `coordinate`, and how its last lookup ended."""

    source: SourceName
    coordinate: str
    asked: str | None
    answered: str | None
    outcome: str | None
    error: str | None
    facts: Facts | None
    gone_count: int = 0  # consecutive answers "gone" or "blocked"
    via: str | None = None  # when the snapshot was made that had the answer; None if the source was asked
    outdated: bool = False  # whether an older parser has read the facts


class Measured(NamedTuple):
    """The values of a repository that the history keeps; None for what was not counted.

    `commits` are those of the last 52 weeks, as of the forge's last answer. `coordinate` names the repository.
    """

    stars: int | None
    forks: int | None
    contributors: int | None
    commits: int | None
    coordinate: str


_NO_EDITS: Mapping[str, str] = {}
# Fields with the name of an attribute of their source's facts are copied by name. The license has two sources.
_REPOSITORY_FIELDS = tuple(
    field for field in FIELDS if field.owner is Owner.FORGE and field.name in RepositoryFacts.__dataclass_fields__
)
_RELEASE_FIELDS = tuple(
    field for field in FIELDS if field.owner is Owner.PYPI and field.name in PypiFacts.__dataclass_fields__
)
_PRIVATE = frozenset(field.name for field in PRIVATE)
_FORGE_FIELDS = ("repo_state", "moved_to", *(field.name for field in _REPOSITORY_FIELDS))
_PYPI_FIELDS = ("pypi_state", *(field.name for field in _RELEASE_FIELDS))
GROWTH_FIELDS = ("stars_90d", "stars_1y")
"""Fields that are computed from the history when they are read."""
LINK_FIELDS = ("requires", "used_by")
"""Fields that depend on other packages too; `djpkg.mirror.dependencies` sets them."""
# Fields derived from another field, whose origin they share. Fields of a source are derived from its URL while the
# package has no such source.
_DERIVED = {
    "repo_url": ("forge", "repository", *_FORGE_FIELDS),
    "pypi_url": ("pypi_name", "license", *_PYPI_FIELDS),
    "pypi_state": LINK_FIELDS,
    "commits_over_52": ("commits_last_year",),
    "participants": ("participant_count",),
    "created": ("created_utc",),
    "modified": ("modified_utc",),
    "last_updated": ("updated_utc",),
    "last_fetched": ("fetched_utc",),
    "category": ("category_slug", "category_title"),
    "grids": ("grid_slugs",),
}
_DERIVED_FROM = {derived: field for field, derived_fields in _DERIVED.items() for derived in derived_fields}


class Merged(NamedTuple):
    """The effective values of one package, by column of `packages`.

    `origins` holds the origin of every field; `upstream` and `upstream_origins` the upstream value and its origin for
    each overridden field; `repository` and `project` what to look up at the forge and at PyPI; `measured` the upstream
    values that the history keeps, None without an answer of the forge.
    """

    values: dict[str, StoredValue]
    upstream: dict[str, StoredValue]
    origins: dict[str, Origin]
    upstream_origins: dict[str, Origin]
    repository: Repository | None
    project: str | None
    measured: Measured | None

    @property
    def suggestion(self) -> str | None:
        """The URL of another repository that the project itself names."""
        return _as_text(self.values["suggestion"])


def merge(
    rows: Sequence[FactsRow],
    overrides: Mapping[str, StoredValue],
    *,
    edited: Mapping[str, str] = _NO_EDITS,
    listed: bool = True,
    forges: Mapping[str, SourceName] = repository_url.NO_FORGES,
) -> Merged:
    """Return the effective values of one package from all its facts rows, exactly one of them from the catalog.

    `edited` holds the time of each override (for origins only). Facts about a repository or project that the package no
    longer points to, for example after an edit of its URL, are ignored.
    """
    catalog_row, catalog = _catalog_facts(rows)
    parsed = repository_url.parse_repository_url(_as_text(overrides.get("repo_url", catalog.repo_url)), forges)
    repository = parsed if isinstance(parsed, Repository) else None
    project = pypi_project.parse_project_name(_as_text(overrides.get("pypi_url", catalog.pypi_url)))
    forge_row = _find_row(rows, repository.kind, repository.coordinate) if repository else None
    pypi_row = _find_row(rows, SourceName.PYPI, project) if project else None
    values, origins = _catalog_values(catalog, _origin(SourceName.CATALOG, catalog_row))
    values["catalog_state"] = "listed" if listed else "removed"
    _apply_forge(values, origins, catalog, parsed, forge_row)
    _apply_pypi(values, origins, project, pypi_row)
    _apply_lookups(values, origins, catalog, [row for row in (catalog_row, forge_row, pypi_row) if row is not None])
    values |= _unknown_values(PRIVATE)
    origins |= dict.fromkeys((field.name for field in PRIVATE), Origin(YOU, None))
    measured = None if "repo_url" in overrides else _measured(values, forge_row)
    upstream = {field: values[field] for field in overrides if field in values}
    for field in upstream:
        if field not in origins:  # of a source that the package does not have
            origins[field] = origins[_DERIVED_FROM[field]]
    upstream_origins = {field: origins[field] for field in upstream}
    for field in upstream:
        values[field] = overrides[field]
        origins[field] = Origin(YOU, edited.get(field))
    if "archived" in upstream and not values["archived"]:  # the date belongs to the upstream value
        values["archived_at"] = None
    _apply_suggestion(values, origins, repository, (forge_row, pypi_row), forges)
    origins["state"] = origins["checked"]
    # The user's own fields replace nothing.
    values["edited"] = sorted(field for field in upstream if field not in _PRIVATE)
    times = [time for field, time in edited.items() if field not in _PRIVATE]
    origins["edited"] = Origin(DJPKG, max(times, default=None))
    origins |= dict.fromkeys(GROWTH_FIELDS, Origin(DJPKG, forge_row.answered if forge_row is not None else None))
    values["commits_last_year"] = count_commits(values, upstream, counted=_has_weeks(forge_row))
    values["participant_count"] = count_contributors(values, upstream)
    for field, derived_fields in _DERIVED.items():
        for derived in derived_fields:
            origins.setdefault(derived, origins[field])
    return Merged(
        values=values,
        upstream=upstream,
        origins=origins,
        upstream_origins=upstream_origins,
        repository=repository,
        project=project,
        measured=measured,
    )


def _origin(source: SourceName, row: FactsRow | None) -> Origin:
    return Origin(source.value, row.answered, row.via) if row is not None else Origin(source.value, None)


def _catalog_values(catalog: CatalogFacts, origin: Origin) -> tuple[dict[str, StoredValue], dict[str, Origin]]:
    values = _copy_fields(catalog, RECORD)
    return values, dict.fromkeys((*values, "catalog_state"), origin)


def _copy_fields(facts: Facts | RepositoryFacts, copied: Iterable[Field]) -> dict[str, StoredValue]:
    """Return the attributes that have the names of fields; tuples become lists."""
    values = {field.name: getattr(facts, field.name) for field in copied}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _unknown_values(unknown: Iterable[Field]) -> dict[str, StoredValue]:
    return {field.name: [] if field.kind is Kind.NAMES else None for field in unknown}


def _apply_forge(
    values: dict[str, StoredValue],
    origins: dict[str, Origin],
    catalog: CatalogFacts,
    parsed: Repository | NoRepository,
    row: FactsRow | None,
) -> None:
    repository = parsed if isinstance(parsed, Repository) else None
    values |= {
        "forge": repository.kind.value if repository else None,
        "repository": repository.path if repository else None,
        "repository_key": repository.coordinate if repository else None,
        "repo_state": parsed.state if isinstance(parsed, NoRepository) else None,
        "moved_to": None,
        **_unknown_values(_REPOSITORY_FIELDS),
    }
    if repository is None:
        return
    origin = _origin(repository.kind, row)
    origins |= dict.fromkeys((*_FORGE_FIELDS, "license"), origin)
    if row is None or not isinstance(row.facts, ForgeFacts):
        return
    facts = row.facts
    values["repo_state"] = _repo_state(facts, repository)
    stated = _repository_values(facts, repository)
    if facts.weeks is not None and (as_of := parse_time(row.answered)) is not None:
        stated["commits_over_52"] = weekly_commits.weekly_counts(facts.weeks.days, as_of=as_of)
    names = _participants(catalog, facts)
    if names is not None:
        stated["participants"] = names
    values |= stated
    origins |= dict.fromkeys(stated, origin)


def _repo_state(facts: ForgeFacts, repository: Repository) -> str:
    if facts.state != "ok":
        return facts.state
    current = facts.repository
    if current is not None and current.path.lower() != repository.path.lower():
        return "moved"
    return "empty" if current is not None and current.head is None else "ok"


def _repository_values(facts: ForgeFacts, repository: Repository) -> dict[str, StoredValue]:
    current = facts.repository
    if current is None:
        return {}
    stated = _copy_fields(current, _REPOSITORY_FIELDS)
    stated["repo_description"] = current.description
    figures = {"repo_watchers": current.stars, "repo_forks": current.forks, "last_updated": current.head_at}
    # Where the forge has no value (an empty repository has no head), the catalog's value stays.
    stated |= {field: value for field, value in figures.items() if value is not None}
    if current.license:
        stated["license"] = current.license
    if current.path.lower() != repository.path.lower() and facts.state != "gone":
        stated["moved_to"] = f"https://{repository.host}/{current.path}"
    return stated


def _measured(values: Mapping[str, StoredValue], row: FactsRow | None) -> Measured | None:
    """Return the measured values from upstream `values`: of the package's own repository, not of an edited address."""
    facts = row.facts if row is not None else None
    if row is None or not isinstance(facts, ForgeFacts) or facts.repository is None:
        return None
    return Measured(
        stars=facts.repository.stars,
        forks=facts.repository.forks,
        contributors=count_contributors(values),
        commits=count_commits(values, counted=True) if facts.weeks is not None else None,
        coordinate=row.coordinate,
    )


def _has_weeks(row: FactsRow | None) -> bool:
    """Return whether the forge's commits were counted, which holds after the repository is gone too."""
    return row is not None and isinstance(row.facts, ForgeFacts) and row.facts.weeks is not None


def _participants(catalog: CatalogFacts, facts: ForgeFacts) -> list[str] | None:
    """Return the list that belongs to the newest head; None keeps the catalog's.

    The catalog's list belongs to the forge's head when the catalog's date of it is that head's date. A forge's list
    that is not whole (authors of the commits that were read) is appended to the catalog's.
    """
    contributors, current = facts.contributors, facts.repository
    if contributors is None:
        return None
    if not contributors.whole:
        known = set(catalog.participants)
        return [*catalog.participants, *(name for name in contributors.names if name not in known)]
    if (
        current is not None
        and contributors.head != current.head
        and catalog.participants
        and is_same_time(catalog.participants_at, current.head_at)
    ):
        return None
    return list(contributors.names)


def _apply_pypi(
    values: dict[str, StoredValue], origins: dict[str, Origin], project: str | None, row: FactsRow | None
) -> None:
    values |= {
        "pypi_name": project,
        "pypi_state": None if project else "none",
        **_unknown_values(_RELEASE_FIELDS),
    }
    values.setdefault("license", None)
    if not project:
        return
    origin = _origin(SourceName.PYPI, row)
    origins |= dict.fromkeys(_PYPI_FIELDS if values["license"] else (*_PYPI_FIELDS, "license"), origin)
    facts = row.facts if row is not None else None
    if not isinstance(facts, PypiFacts):
        return
    values["pypi_state"] = facts.state
    if facts.version is None:
        return
    stated = {"pypi_version": facts.version, **_copy_fields(facts, _RELEASE_FIELDS)}
    if facts.license and _is_license_preferred(facts.license, values["license"]):
        stated["license"] = facts.license
    values |= stated
    origins |= dict.fromkeys(stated, origin)


def _is_license_preferred(declared: str, of_forge: StoredValue) -> bool:
    """Return whether the license on PyPI is shown: unless only the forge's is an SPDX expression."""
    if not isinstance(of_forge, str) or declared == of_forge:
        return True
    return license_names.spdx_expression(declared) is not None or license_names.spdx_expression(of_forge) is None


def _apply_lookups(
    values: dict[str, StoredValue], origins: dict[str, Origin], catalog: CatalogFacts, rows: Iterable[FactsRow]
) -> None:
    """Set `checked`, `failed` and `last_fetched`, the newest answer of the forge or PyPI."""
    checked: dict[str, str] = {}
    failed: dict[str, str] = {}
    for row in rows:
        if row.answered:
            checked[row.source.value] = row.answered
        if row.error:
            failed[row.source.value] = row.error
    values["checked"] = checked
    values["failed"] = failed
    newest = max((time for source, time in checked.items() if source != SourceName.CATALOG), default=None)
    values["last_fetched"] = newest or catalog.last_fetched
    if newest:
        origins["last_fetched"] = Origin(DJPKG, newest)
    origins |= dict.fromkeys(("checked", "failed"), Origin(DJPKG, max(checked.values(), default=None)))


def _apply_suggestion(
    values: dict[str, StoredValue],
    origins: dict[str, Origin],
    repository: Repository | None,
    rows: Iterable[FactsRow | None],
    forges: Mapping[str, SourceName],
) -> None:
    """Set `suggestion`, which is shown to the user and never applied, from the first source that makes one."""
    values["suggestion"], origins["suggestion"] = None, origins["checked"]
    for row in rows:
        if row is not None and (url := suggestion.suggest_repository(repository, row.facts, forges)) is not None:
            values["suggestion"], origins["suggestion"] = url, _origin(row.source, row)
            return


def _catalog_facts(rows: Sequence[FactsRow]) -> tuple[FactsRow, CatalogFacts]:
    row = next((row for row in rows if row.source is SourceName.CATALOG), None)
    if row is None or not isinstance(row.facts, CatalogFacts):
        message = "a package without catalog facts"
        raise ValueError(message)
    return row, row.facts


def _find_row(rows: Sequence[FactsRow], source: SourceName, coordinate: str) -> FactsRow | None:
    return next((row for row in rows if row.source is source and row.coordinate == coordinate), None)


def _as_text(value: StoredValue) -> str | None:
    return value if isinstance(value, str) else None
