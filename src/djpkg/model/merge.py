"""Facts and overrides -> the effective values of a package.

The rules of who owns which field live here and nowhere else. Pure: the same facts give the same values at any time,
because the clock that slides the weeks is the moment at which the forge answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.model import pypi_project, repository_url, weekly_commits
from djpkg.model.facts import CatalogFacts, ForgeFacts, PypiFacts
from djpkg.model.package import DJPKG, YOU, Origin
from djpkg.source_name import SourceName
from djpkg.times import instant, same_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    from djpkg.model.facts import Facts

    # A value as the mirror keeps it: `category` is an id, `grids` are ids.
    StoredValue: TypeAlias = bool | int | str | list[int] | list[str] | dict[str, str] | None


class FactsRow(NamedTuple):
    """One row of facts: what `source` said when `coordinate` was asked, and how its last asking ended.

    `misses` counts the answers in a row that said gone or blocked.
    """

    source: SourceName
    coordinate: str
    asked: str | None
    answered: str | None
    outcome: str | None
    error: str | None
    said: Facts | None
    misses: int = 0


_NEVER: Mapping[str, str] = {}
_OF_FORGE = ("repo_state", "archived", "moved_to")
_OF_PYPI = (
    "pypi_state",
    "released",
    "yanked",
    "requires_python",
    "python_versions",
    "django_versions",
    "development_status",
)
# Fields that follow from another one, those of a source where there is no such source for the package.
_FOLLOWING = {
    "repo_url": ("forge", "repository", *_OF_FORGE),
    "pypi_url": ("pypi_name", "license", *_OF_PYPI),
    "commits_over_52": ("commits_last_year",),
    "participants": ("participant_count",),
    "category": ("category_slug", "category_title"),
    "grids": ("grid_slugs",),
}


class Merged(NamedTuple):
    """The effective value of each field that `packages` keeps, by name.

    `origins` holds who stated each field of the register, `upstream` and `beneath` the value beneath each overridden
    field and who stated that, `place` and `project` the coordinates that the forge and PyPI are to be asked about,
    `suggestion` the address of another forge that the project itself names.
    """

    values: dict[str, StoredValue]
    upstream: dict[str, StoredValue]
    origins: dict[str, Origin]
    beneath: dict[str, Origin]
    place: repository_url.Repository | None
    project: str | None
    suggestion: str | None


def merge(
    facts: Sequence[FactsRow],
    overrides: Mapping[str, StoredValue],
    *,
    edited: Mapping[str, str] = _NEVER,
    listed: bool = True,
    forges: Mapping[str, SourceName] = repository_url.NO_FORGES,
) -> Merged:
    """The effective values of one package; `facts` are all its rows, among them exactly one of the catalog.

    `edited` says when each override was made, which only the origins tell on. Facts of a place that the package does
    not point to now (its address was edited, or is no longer) are left out.
    """
    catalog = _catalog(facts)
    place = repository_url.parse_repository_url(_text(overrides.get("repo_url", catalog.repo_url)), forges)
    name = pypi_project.parse_project_name(_text(overrides.get("pypi_url", catalog.pypi_url)))
    forge_row = _row(facts, place.kind, place.coordinate) if isinstance(place, repository_url.Repository) else None
    pypi_row = _row(facts, SourceName.PYPI, name) if name else None
    values, origins = _from_catalog(catalog, _origin(SourceName.CATALOG, _catalog_row(facts)))
    values["catalog_state"] = "listed" if listed else "removed"
    _lay_forge(values, origins, catalog, place, forge_row)
    _lay_pypi(values, origins, name, pypi_row)
    _lay_checks(
        values, origins, catalog, [row for row in (_catalog_row(facts), forge_row, pypi_row) if row is not None]
    )
    upstream = {field: values[field] for field in overrides if field in values}
    beneath = {field: origins[field] for field in upstream}
    for field in upstream:
        values[field] = overrides[field]
        origins[field] = Origin(YOU, edited.get(field))
    values["edited"] = sorted(upstream)
    origins["edited"] = Origin(DJPKG, max(edited.values(), default=None))
    _count(values)
    for field, followers in _FOLLOWING.items():
        for follower in followers:
            origins.setdefault(follower, origins[field])
    return Merged(
        values=values,
        upstream=upstream,
        origins=origins,
        beneath=beneath,
        place=place if isinstance(place, repository_url.Repository) else None,
        project=name,
        suggestion=_suggestion(place, forge_row, pypi_row, forges),
    )


def _origin(source: SourceName, row: FactsRow | None) -> Origin:
    return Origin(source.value, row.answered if row is not None else None)


def _from_catalog(catalog: CatalogFacts, origin: Origin) -> tuple[dict[str, StoredValue], dict[str, Origin]]:
    values: dict[str, StoredValue] = {
        "category": catalog.category,
        "grids": list(catalog.grids),
        "id": catalog.id,
        "title": catalog.title,
        "slug": catalog.slug,
        "last_updated": catalog.last_updated,
        "last_fetched": catalog.last_fetched,
        "repo_url": catalog.repo_url,
        "pypi_version": catalog.pypi_version,
        "created": catalog.created,
        "modified": catalog.modified,
        "repo_forks": catalog.repo_forks,
        "repo_description": catalog.repo_description,
        "pypi_url": catalog.pypi_url,
        "documentation_url": catalog.documentation_url,
        "repo_watchers": catalog.repo_watchers,
        "commits_over_52": list(catalog.commits_over_52),
        "participants": list(catalog.participants),
    }
    return values, dict.fromkeys((*values, "catalog_state"), origin)


def _lay_forge(
    values: dict[str, StoredValue],
    origins: dict[str, Origin],
    catalog: CatalogFacts,
    place: repository_url.Repository | repository_url.NoRepository,
    row: FactsRow | None,
) -> None:
    own: dict[str, StoredValue] = {
        "forge": place.kind.value if isinstance(place, repository_url.Repository) else None,
        "repository": place.path if isinstance(place, repository_url.Repository) else None,
        "repository_key": place.coordinate if isinstance(place, repository_url.Repository) else None,
        "repo_state": None if isinstance(place, repository_url.Repository) else place.state,
        "archived": None,
        "moved_to": None,
    }
    values |= own
    if not isinstance(place, repository_url.Repository):
        return
    origin = _origin(place.kind, row)
    origins |= dict.fromkeys((*_OF_FORGE, "license"), origin)
    said = row.said if row is not None else None
    if row is None or not isinstance(said, ForgeFacts):
        return
    values["repo_state"] = _repo_state(said, place)
    stated = _repository_values(said, place)
    if said.weeks is not None and (as_of := instant(row.answered)) is not None:
        stated["commits_over_52"] = weekly_commits.counts(said.weeks.days, as_of=as_of)
    names = _participants(catalog, said)
    if names is not None:
        stated["participants"] = names
    values |= stated
    origins |= dict.fromkeys(stated, origin)


def _repo_state(said: ForgeFacts, place: repository_url.Repository | repository_url.NoRepository) -> str:
    if said.state != "ok":
        return said.state
    now = said.repository
    if now is not None and isinstance(place, repository_url.Repository) and now.path.lower() != place.path.lower():
        return "moved"
    return "empty" if now is not None and now.head is None else "ok"


def _repository_values(
    said: ForgeFacts, place: repository_url.Repository | repository_url.NoRepository
) -> dict[str, StoredValue]:
    page = said.repository
    if page is None:
        return {}
    stated: dict[str, StoredValue] = {"repo_description": page.description, "archived": page.archived}
    measured = {"repo_watchers": page.stars, "repo_forks": page.forks, "last_updated": page.head_at}
    # What the forge does not tell (Bitbucket has no archived flag, an empty repository no head) stays the catalog's.
    stated |= {field: value for field, value in measured.items() if value is not None}
    if page.license:
        stated["license"] = page.license
    if isinstance(place, repository_url.Repository) and page.path.lower() != place.path.lower():
        stated["moved_to"] = f"https://{place.host}/{page.path}"
    return stated


def _participants(catalog: CatalogFacts, said: ForgeFacts) -> list[str] | None:
    """The list that belongs to the newest head; None leaves the catalog's.

    The catalog's list may be newer than our own: it belongs to the probed head when the catalog's `last_updated` is
    that head's date. An own list that is not whole (authors of the commits that were read) goes behind the catalog's.
    """
    own, page = said.contributors, said.repository
    if own is None:
        return None
    if not own.whole:
        known = set(catalog.participants)
        return [*catalog.participants, *(name for name in own.names if name not in known)]
    belongs = page is not None and own.head == page.head
    if not belongs and page is not None and catalog.participants and same_instant(catalog.last_updated, page.head_at):
        return None
    return list(own.names)


def _lay_pypi(
    values: dict[str, StoredValue], origins: dict[str, Origin], name: str | None, row: FactsRow | None
) -> None:
    values |= {
        "pypi_name": name,
        "pypi_state": None if name else "none",
        "released": None,
        "yanked": None,
        "requires_python": None,
        "python_versions": [],
        "django_versions": [],
        "development_status": None,
    }
    values.setdefault("license", None)
    if not name:
        return
    origin = _origin(SourceName.PYPI, row)
    origins |= dict.fromkeys(_OF_PYPI if values["license"] else (*_OF_PYPI, "license"), origin)
    said = row.said if row is not None else None
    if not isinstance(said, PypiFacts):
        return
    values["pypi_state"] = said.state
    if said.version is None:
        return
    stated: dict[str, StoredValue] = {
        "pypi_version": said.version,
        "released": said.released,
        "yanked": said.yanked,
        "requires_python": said.requires_python,
        "python_versions": list(said.python_versions),
        "django_versions": list(said.django_versions),
        "development_status": said.development_status,
    }
    if said.license:
        stated["license"] = said.license
    values |= stated
    origins |= dict.fromkeys(stated, origin)


def _lay_checks(
    values: dict[str, StoredValue], origins: dict[str, Origin], catalog: CatalogFacts, rows: Iterable[FactsRow]
) -> None:
    """When each source last answered and why its last asking failed; `last_fetched` is the newest answer to djpkg."""
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


def _count(values: dict[str, StoredValue]) -> None:
    """The counts that follow from the effective lists; an empty list of weeks is unknown, not zero."""
    counts = values["commits_over_52"]
    values["commits_last_year"] = (
        sum(n for n in counts if isinstance(n, int)) if isinstance(counts, list) and counts else None
    )
    names = values["participants"]
    values["participant_count"] = len(names) if isinstance(names, list) else 0


def _suggestion(
    place: repository_url.Repository | repository_url.NoRepository,
    forge_row: FactsRow | None,
    pypi_row: FactsRow | None,
    forges: Mapping[str, SourceName],
) -> str | None:
    """Another forge that the project itself names as its repository: a hint for a person, never applied by itself."""
    here = place.host if isinstance(place, repository_url.Repository) else None
    if forge_row is not None and isinstance(forge_row.said, ForgeFacts) and forge_row.said.repository is not None:
        announced = _places(repository_url.announced_addresses(forge_row.said.repository.description), forges)
        elsewhere = next((spot for spot in announced if spot.host != here), None)
        if elsewhere is not None:
            return elsewhere.url
    if pypi_row is not None and isinstance(pypi_row.said, PypiFacts):
        linked = _places(pypi_row.said.repository_urls, forges)
        if linked and all(spot.host != here for spot in linked):
            return linked[0].url
    return None


def _places(addresses: Iterable[str], forges: Mapping[str, SourceName]) -> list[repository_url.Repository]:
    parsed = (repository_url.parse_repository_url(address, forges) for address in addresses)
    return [place for place in parsed if isinstance(place, repository_url.Repository)]


def _catalog_row(facts: Sequence[FactsRow]) -> FactsRow | None:
    return next((row for row in facts if row.source is SourceName.CATALOG), None)


def _catalog(facts: Sequence[FactsRow]) -> CatalogFacts:
    row = _catalog_row(facts)
    if row is None or not isinstance(row.said, CatalogFacts):
        message = "a package without facts of the catalog"
        raise ValueError(message)
    return row.said


def _row(facts: Sequence[FactsRow], source: SourceName, coordinate: str) -> FactsRow | None:
    return next((row for row in facts if row.source is source and row.coordinate == coordinate), None)


def _text(value: StoredValue) -> str | None:
    return value if isinstance(value, str) else None
