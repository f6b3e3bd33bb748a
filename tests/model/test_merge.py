"""Which source owns each field, and how overrides apply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.model import fields
from djpkg.model.facts import (
    CatalogFacts,
    ContributorsFacts,
    ForgeFacts,
    Outcome,
    PypiFacts,
    RepositoryFacts,
    WeeksFacts,
)
from djpkg.model.merge import LINK_FIELDS, FactsRow, Merged, merge
from djpkg.model.package import DJPKG, YOU, Origin
from djpkg.query import filters
from djpkg.query.columns import is_computed
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from djpkg.model.facts import Facts

HERE = "github.com/mara/pots"
HEAD = "a" * 40
OLDER = "b" * 40
HEAD_AT = "2026-03-01T10:00:00Z"
MONDAY = "2026-03-09T12:00:00Z"

CATALOG = CatalogFacts(
    id=7,
    title="Pots",
    slug="pots",
    category=1,
    grids=(11, 10),
    repo_url="https://github.com/Mara/Pots",
    pypi_url="https://pypi.org/project/Pots/",
    documentation_url=None,
    created="2020-09-28T06:40:18.899545-04:00",
    modified="2026-01-28T15:02:00.898914-05:00",
    last_updated="2025-01-03T02:16:36-04:00",
    last_fetched="2026-01-15T20:08:21.858607-05:00",
    pypi_version="1.0",
    repo_forks=3,
    repo_description="From the catalog.",
    repo_watchers=30,
    commits_over_52=(2,) * 52,
    participants=("mara", "otto"),
)
PAGE = RepositoryFacts(
    path="Mara/Pots",
    node_id="R_1",
    description="From the forge.",
    stars=31,
    forks=4,
    archived=False,
    license="MIT",
    head=HEAD,
    head_at=HEAD_AT,
)
WEEKS = WeeksFacts(head=HEAD, days={"2026-03-01": 2, "2026-03-08": 5})
QUIET = WeeksFacts(head=HEAD, days={})
CONTRIBUTORS = ContributorsFacts(head=HEAD, names=("ines", "mara"), taken=MONDAY)
FORGE = ForgeFacts(repository=PAGE, weeks=WEEKS, contributors=CONTRIBUTORS)
PYPI = PypiFacts(
    name="pots",
    version="2.0",
    released="2026-02-01T00:00:00Z",
    yanked=False,
    requires_python=">=3.10",
    python_versions=("3.10", "3.13"),
    django_versions=("5.2",),
    license="BSD-3-Clause",
    development_status="5 - Production/Stable",
)


def row(
    facts: Facts | None,
    source: SourceName = SourceName.GITHUB,
    coordinate: str = HERE,
    *,
    answered: str | None = MONDAY,
    error: str | None = None,
) -> FactsRow:
    outcome = Outcome.FAILED if error else Outcome.UPDATED
    return FactsRow(source, coordinate, answered, answered, outcome.value, error, facts)


def merged(
    *rows: FactsRow, catalog: CatalogFacts = CATALOG, edits: dict[str, Any] | None = None, **more: Any
) -> Merged:
    first = row(catalog, SourceName.CATALOG, str(catalog.id), answered="2026-03-10T00:00:00Z")
    return merge([first, *rows], edits or {}, **more)


def pypi_row(facts: PypiFacts | None = PYPI, **more: Any) -> FactsRow:
    return row(facts, SourceName.PYPI, "pots", **more)


def test_with_catalog_facts_only_the_record_equals_the_catalogs() -> None:
    values = merged().values
    stated = {name: getattr(CATALOG, name) for name in (field.name for field in fields.RECORD)}
    assert {name: values[name] for name in stated} == {
        name: list(value) if isinstance(value, tuple) else value for name, value in stated.items()
    }
    assert {merged().origins[name] for name in stated} == {Origin("catalog", "2026-03-10T00:00:00Z")}


def test_every_stored_field_has_a_value() -> None:
    stored = {field.name for field in fields.FIELDS if not is_computed(field)}
    assert stored - set(LINK_FIELDS) <= set(merged().values)


@pytest.mark.parametrize(
    ("field", "value", "owner"),
    [
        ("repo_watchers", 31, "github"),
        ("repo_forks", 4, "github"),
        ("repo_description", "From the forge.", "github"),
        ("last_updated", HEAD_AT, "github"),
        ("participants", ["ines", "mara"], "github"),
        ("archived", False, "github"),
        ("repo_state", "ok", "github"),
        ("pypi_version", "2.0", "pypi"),
        ("released", "2026-02-01T00:00:00Z", "pypi"),
        ("yanked", False, "pypi"),
        ("requires_python", ">=3.10", "pypi"),
        ("python_versions", ["3.10", "3.13"], "pypi"),
        ("django_versions", ["5.2"], "pypi"),
        ("license", "BSD-3-Clause", "pypi"),
        ("development_status", "5 - Production/Stable", "pypi"),
        ("pypi_state", "ok", "pypi"),
        ("last_fetched", MONDAY, "djpkg"),
        ("title", "Pots", "catalog"),
        ("repo_url", "https://github.com/Mara/Pots", "catalog"),
        ("documentation_url", None, "catalog"),
        ("modified", CATALOG.modified, "catalog"),
    ],
)
def test_each_field_comes_from_its_owner(field: str, value: object, owner: str) -> None:
    all_three = merged(row(FORGE), pypi_row())
    assert all_three.values[field] == value
    assert all_three.origins[field].source == owner


ANSWERED: dict[str, Any] = {"answered": "2026-03-08T12:00:00Z"}


@pytest.mark.parametrize("edits", [{}, {"repo_url": ""}, {"pypi_url": ""}, {"repo_url": "", "pypi_url": ""}])
@pytest.mark.parametrize("rows", [[], [row(FORGE)], [pypi_row()], [row(FORGE), pypi_row()]])
def test_every_field_has_an_origin(rows: list[FactsRow], edits: dict[str, Any]) -> None:
    assert {field.name for field in fields.FIELDS} == set(merged(*rows, edits=edits).origins)


@pytest.mark.parametrize(
    ("field", "origin"),
    [
        ("title", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("forge", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("repository", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("pypi_name", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("category_slug", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("category_title", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("grid_slugs", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("catalog_state", Origin("catalog", "2026-03-10T00:00:00Z")),
        ("repo_watchers", Origin("github", MONDAY)),
        ("commits_last_year", Origin("github", MONDAY)),
        ("participant_count", Origin("github", MONDAY)),
        ("moved_to", Origin("github", MONDAY)),
        ("license", Origin("pypi", "2026-03-08T12:00:00Z")),
        ("released", Origin("pypi", "2026-03-08T12:00:00Z")),
        ("checked", Origin(DJPKG, "2026-03-10T00:00:00Z")),
        ("last_fetched", Origin(DJPKG, MONDAY)),
        ("edited", Origin(DJPKG, None)),
    ],
)
def test_an_origin_has_the_time_of_its_sources_answer(field: str, origin: Origin) -> None:
    assert merged(row(FORGE), pypi_row(**ANSWERED)).origins[field] == origin


def test_the_origin_of_a_source_never_asked_has_no_time() -> None:
    origins = merged().origins
    assert (origins["archived"], origins["released"]) == (Origin("github", None), Origin("pypi", None))


def test_without_repository_or_project_its_fields_come_from_the_catalog() -> None:
    catalog = Origin("catalog", "2026-03-10T00:00:00Z")
    nothing = merged(catalog=replace(CATALOG, repo_url="", pypi_url="")).origins
    assert {nothing[field] for field in ("repo_state", "archived", "pypi_state", "yanked", "license")} == {catalog}
    assert merged(row(FORGE), catalog=replace(CATALOG, pypi_url="")).origins["license"] == Origin("github", MONDAY)


def test_an_edited_field_and_its_derived_fields_have_the_edit_as_origin() -> None:
    edited = {"participants": "2026-03-11T00:00:00Z", "title": "2026-03-12T00:00:00Z"}
    result = merged(row(FORGE), edits={"participants": ["me"], "title": "Mine"}, edited=edited)
    assert result.origins["participants"] == result.origins["participant_count"] == Origin(YOU, edited["participants"])
    assert result.origins["edited"] == Origin(DJPKG, edited["title"])
    assert result.upstream_origins == {
        "participants": Origin("github", MONDAY),
        "title": Origin("catalog", "2026-03-10T00:00:00Z"),
    }


def test_coordinates_are_derived_from_the_urls_in_lower_case() -> None:
    result = merged()
    assert result.repository is not None
    assert (result.repository.coordinate, result.repository.path, result.project) == (HERE, "Mara/Pots", "pots")
    assert (result.values["repository_key"], result.values["repository"], result.values["forge"]) == (
        HERE,
        "Mara/Pots",
        "github",
    )
    assert result.values["pypi_name"] == "pots"


def test_values_missing_at_the_forge_stay_the_catalogs() -> None:
    page = replace(PAGE, stars=None, forks=None, archived=None, license=None, head=None, head_at=None)
    result = merged(row(ForgeFacts(repository=page)))
    shown = {name: result.values[name] for name in ("repo_watchers", "repo_forks", "last_updated", "participants")}
    assert shown == {
        "repo_watchers": 30,
        "repo_forks": 3,
        "last_updated": CATALOG.last_updated,
        "participants": ["mara", "otto"],
    }
    assert result.origins["repo_watchers"].source == "catalog"
    assert result.values["archived"] is None


def test_an_empty_description_at_the_forge_replaces_the_catalogs() -> None:
    assert merged(row(ForgeFacts(repository=replace(PAGE, description="")))).values["repo_description"] == ""


def test_the_license_of_the_forge_is_used_until_pypi_has_one() -> None:
    assert merged(row(FORGE)).values["license"] == "MIT"
    assert merged(row(FORGE), pypi_row(replace(PYPI, license=None))).values["license"] == "MIT"
    assert merged(pypi_row(replace(PYPI, license=None))).values["license"] is None


def test_an_empty_list_of_weeks_is_unknown_and_not_zero_commits() -> None:
    unknown = merged(catalog=replace(CATALOG, commits_over_52=()))
    assert unknown.values["commits_over_52"] == []
    assert unknown.values["commits_last_year"] is None
    quiet = merged(catalog=replace(CATALOG, commits_over_52=(0,) * 52))
    assert quiet.values["commits_last_year"] == 0
    assert merged().values["commits_last_year"] == 104


def test_no_commits_in_the_window_are_52_zeros() -> None:
    values = merged(row(ForgeFacts(repository=PAGE, weeks=WeeksFacts(head=HEAD, days={})))).values
    assert values["commits_over_52"] == [0] * 52
    assert values["commits_last_year"] == 0


def test_weeks_move_with_each_answer_of_the_forge() -> None:
    today = merged(row(FORGE)).values["commits_over_52"]
    week_later = merged(row(FORGE, answered="2026-03-16T12:00:00Z")).values["commits_over_52"]
    failed = merged(row(FORGE, answered=MONDAY, error="answered 502")).values["commits_over_52"]
    assert isinstance(today, list)
    assert isinstance(week_later, list)
    assert today[-2:] == [2, 5]
    assert week_later == [*today[1:], 0]
    assert failed == today


def test_weeks_of_the_catalog_do_not_move() -> None:
    counts = tuple(range(52))
    catalog = replace(CATALOG, commits_over_52=counts)
    for answered in (MONDAY, "2026-06-01T00:00:00Z"):
        result = merged(row(ForgeFacts(repository=PAGE), answered=answered), catalog=catalog)
        assert result.values["commits_over_52"] == list(counts)
        assert result.origins["commits_over_52"].source == "catalog"


def test_overridden_weeks_do_not_move() -> None:
    edited_values = list(range(52))
    for answered in (MONDAY, "2026-06-01T00:00:00Z"):
        result = merged(row(FORGE, answered=answered), edits={"commits_over_52": edited_values})
        assert result.values["commits_over_52"] == edited_values
        assert result.values["commits_last_year"] == sum(edited_values)
        assert result.upstream["commits_over_52"] != edited_values


def test_a_whole_list_of_contributors_replaces_the_catalogs_and_a_partial_one_is_appended() -> None:
    part = replace(CONTRIBUTORS, names=("zoe", "mara", "ines"), whole=False)
    assert merged(row(FORGE)).values["participants"] == ["ines", "mara"]
    assert merged(row(replace(FORGE, contributors=part))).values["participants"] == ["mara", "otto", "zoe", "ines"]
    assert merged(row(replace(FORGE, contributors=part))).values["participant_count"] == 4


@pytest.mark.parametrize(
    ("list_head", "catalog_updated", "catalog_names", "shown"),
    [
        (HEAD, HEAD_AT, ("mara", "otto"), ["ines", "mara"]),  # the forge's list belongs to the head
        (OLDER, HEAD_AT, ("mara", "otto"), ["mara", "otto"]),  # only the catalog's list does
        (OLDER, "2026-03-01T11:00:00+01:00", ("mara", "otto"), ["mara", "otto"]),  # the same moment in another zone
        (OLDER, "2026-03-01T09:59:59Z", ("mara", "otto"), ["ines", "mara"]),  # neither: the forge's is newer
        (OLDER, HEAD_AT, (), ["ines", "mara"]),  # an empty list does not count
        (OLDER, None, ("mara", "otto"), ["ines", "mara"]),
    ],
)
def test_the_list_of_participants_that_belongs_to_the_newest_head_is_shown(
    list_head: str, catalog_updated: str | None, catalog_names: tuple[str, ...], shown: list[str]
) -> None:
    catalog = replace(CATALOG, last_updated=catalog_updated, participants=catalog_names)
    forge = replace(FORGE, contributors=replace(CONTRIBUTORS, head=list_head))
    assert merged(row(forge), catalog=catalog).values["participants"] == shown


def test_only_facts_of_the_current_repository_are_used() -> None:
    there = ForgeFacts(repository=replace(PAGE, path="otto/pans", stars=9000, license="GPL-3.0"))
    both = (row(FORGE), row(there, coordinate="github.com/otto/pans", answered="2026-03-12T00:00:00Z", error="lost"))
    edited = merged(*both, edits={"repo_url": "https://github.com/otto/pans"})
    assert (edited.values["repo_watchers"], edited.values["repo_state"]) == (9000, "ok")
    assert edited.values["participants"] == ["mara", "otto"]  # the catalog's: no list for the other repository
    assert edited.values["failed"] == {"github": "lost"}
    back = merged(*both)
    assert back.values == merged(row(FORGE)).values
    assert back.upstream == {}


def test_an_edited_repository_not_fetched_yet_has_the_catalogs_figures_and_no_state() -> None:
    result = merged(row(FORGE), edits={"repo_url": "https://gitlab.com/otto/pans"})
    assert result.values["repo_watchers"] == 30
    assert result.values["repo_state"] is None
    assert (result.values["forge"], result.values["repository"]) == ("gitlab", "otto/pans")
    checked = result.values["checked"]
    assert isinstance(checked, dict)
    assert "github" not in checked


def test_an_edited_project_ignores_facts_of_the_old_one() -> None:
    result = merged(pypi_row(), edits={"pypi_url": "Other.Pots"})
    assert (result.project, result.values["pypi_version"], result.values["pypi_state"]) == ("other-pots", "1.0", None)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (ForgeFacts(repository=PAGE), "ok"),
        (ForgeFacts(repository=replace(PAGE, path="mara/POTS")), "ok"),
        (ForgeFacts(repository=replace(PAGE, path="clay/pots")), "moved"),
        (ForgeFacts(repository=replace(PAGE, head=None, head_at=None)), "empty"),
        (ForgeFacts(state="gone", repository=PAGE), "gone"),
        (ForgeFacts(state="gone"), "gone"),
        (ForgeFacts(state="blocked"), "blocked"),
        (None, None),
    ],
)
def test_the_state_of_a_repository(facts: ForgeFacts | None, state: str | None) -> None:
    assert merged(row(facts)).values["repo_state"] == state
    assert state in {None, *filters.CHOICES["repo_state"]}


@pytest.mark.parametrize(
    ("address", "state"),
    [("", "none"), ("https://example.org/cgit/pots", "unsupported"), ("https://github.com/mara", "unsupported")],
)
def test_a_missing_or_unsupported_url_is_a_repository_state(address: str, state: str) -> None:
    result = merged(row(FORGE), catalog=replace(CATALOG, repo_url=address))
    assert result.values["repo_state"] == state
    assert state in filters.CHOICES["repo_state"]
    assert (result.repository, result.values["repository_key"], result.values["forge"]) == (None, None, None)
    assert result.values["repo_watchers"] == 30


def test_a_moved_repository_has_its_new_url_and_keeps_the_catalogs() -> None:
    result = merged(row(ForgeFacts(repository=replace(PAGE, path="clay/pots"))))
    assert result.values["moved_to"] == "https://github.com/clay/pots"
    assert result.values["repo_url"] == CATALOG.repo_url
    assert result.values["repository"] == "Mara/Pots"


def test_a_gone_repository_keeps_its_figures() -> None:
    values = merged(row(replace(FORGE, state="gone"))).values
    assert (values["repo_state"], values["repo_watchers"], values["participants"]) == ("gone", 31, ["ines", "mara"])


def test_a_gone_project_keeps_its_version_and_no_project_is_none() -> None:
    gone = merged(pypi_row(replace(PYPI, state="gone"))).values
    assert (gone["pypi_state"], gone["pypi_version"]) == ("gone", "2.0")
    never = merged(pypi_row(PypiFacts(state="gone", name="pots"))).values
    assert (never["pypi_state"], never["pypi_version"]) == ("gone", "1.0")
    without = merged(catalog=replace(CATALOG, pypi_url="")).values
    assert (without["pypi_state"], without["pypi_name"]) == ("none", None)
    assert merged().values["pypi_state"] is None


@pytest.mark.parametrize(
    ("rows", "last_fetched"),
    [
        ((), CATALOG.last_fetched),
        ((row(FORGE, answered=MONDAY), pypi_row(answered="2026-03-09T13:00:00Z")), "2026-03-09T13:00:00Z"),
        ((row(FORGE, answered="2026-03-10T00:00:00Z"), pypi_row()), "2026-03-10T00:00:00Z"),
        ((row(None, answered=None, error="no answer"),), CATALOG.last_fetched),
        ((row(replace(FORGE, state="gone")),), MONDAY),
    ],
)
def test_last_fetched_is_the_newest_answer_of_forge_or_pypi_else_the_catalogs(
    rows: tuple[FactsRow, ...], last_fetched: str
) -> None:
    assert merged(*rows).values["last_fetched"] == last_fetched


def test_checked_and_failed_cover_the_sources_of_the_package() -> None:
    values = merged(row(FORGE, error="answered 502"), pypi_row()).values
    assert values["checked"] == {"catalog": "2026-03-10T00:00:00Z", "github": MONDAY, "pypi": MONDAY}
    assert values["failed"] == {"github": "answered 502"}


@pytest.mark.parametrize("field", [field.name for field in fields.EDITABLE])
def test_an_override_changes_its_field_only_and_keeps_the_upstream_value(field: str) -> None:
    edited_values: dict[str, Any] = {
        "category": 4,
        "grids": [99],
        "last_updated": "2001-01-01T00:00:00Z",
        "repo_forks": 12345,
        "repo_watchers": 54321,
        "commits_over_52": [1] * 52,
        "participants": ["you"],
        "repo_url": "https://github.com/mara/pots/",
        "pypi_url": "pots",
        "archived": True,
        "django_versions": ["1.11"],
        "tags": ["prod"],
    }
    before = merged(row(FORGE), pypi_row())
    after = merged(row(FORGE), pypi_row(), edits={field: edited_values.get(field, "edited")})
    assert after.values[field] == edited_values.get(field, "edited")
    assert after.upstream == {field: before.values[field]}
    assert after.origins[field].source == YOU
    assert after.upstream_origins == {field: before.origins[field]}
    is_private = fields.get(field) in fields.PRIVATE
    assert after.values["edited"] == ([] if is_private else [field])
    counted = {"commits_over_52": {"commits_last_year"}, "participants": {"participant_count"}}.get(field, set())
    spelled = {"repository"} if field == "repo_url" else set()
    changed = {name for name in before.values if before.values[name] != after.values[name]}
    assert changed == {field} | ({"edited"} if not is_private else set()) | counted | spelled


@pytest.mark.parametrize(
    ("of_pypi", "of_forge", "shown"),
    [
        ("BSD-3-Clause", "MIT", "BSD-3-Clause"),
        ("BSD License", "BSD-3-Clause", "BSD-3-Clause"),
        ("BSD", "BSD-3-Clause", "BSD-3-Clause"),
        ("BSD License", "Custom", "BSD License"),
        ("BSD License", None, "BSD License"),
        (None, "BSD-3-Clause", "BSD-3-Clause"),
        ("MIT License", "MIT", "MIT"),
        ("MIT OR Apache-2.0", "MIT", "MIT OR Apache-2.0"),
    ],
)
def test_the_more_precise_license_is_shown_and_among_equal_ones_that_of_pypi(
    of_pypi: str | None, of_forge: str | None, shown: str
) -> None:
    forge = replace(FORGE, repository=replace(PAGE, license=of_forge))
    result = merged(row(forge), pypi_row(replace(PYPI, license=of_pypi)))
    assert result.values["license"] == shown
    assert result.origins["license"].source == ("pypi" if shown == of_pypi else "github")


@pytest.mark.parametrize(
    ("changes", "forge", "edits", "counts"),
    [
        ({}, None, {}, (104, 2)),
        ({"participants": ()}, None, {}, (104, None)),
        ({"participants": (), "commits_over_52": ()}, None, {}, (None, None)),
        ({"participants": (), "repo_url": ""}, None, {}, (104, None)),
        ({"participants": (), "repo_url": "", "commits_over_52": (0,) * 52}, None, {}, (None, None)),
        ({"participants": (), "repo_url": "https://a.b/c", "commits_over_52": (0,) * 52}, None, {}, (None, None)),
        ({"commits_over_52": (0,) * 52}, None, {}, (0, 2)),
        ({"commits_over_52": (0,) * 52}, ForgeFacts(state="gone"), {}, (None, 2)),
        ({"commits_over_52": (0,) * 52}, ForgeFacts(state="blocked"), {}, (None, 2)),
        ({"commits_over_52": (0,) * 52}, replace(FORGE, state="gone", weeks=QUIET, contributors=None), {}, (0, 2)),
        ({"commits_over_52": (0,) * 52}, ForgeFacts(state="gone"), {"commits_over_52": [0] * 52}, (0, 2)),
        ({"commits_over_52": (1,) * 51}, None, {}, (None, 2)),
        ({"commits_over_52": (1,) * 53}, None, {}, (None, 2)),
        ({"participants": ()}, ForgeFacts(state="gone"), {}, (104, None)),
        ({"participants": ()}, ForgeFacts(repository=PAGE), {}, (104, None)),
        ({"participants": ()}, ForgeFacts(repository=replace(PAGE, head=None)), {}, (104, 0)),
        ({}, None, {"participants": []}, (104, 0)),
        ({"repo_url": ""}, None, {"commits_over_52": [0] * 52}, (0, 2)),
        ({}, None, {"commits_over_52": []}, (None, 2)),
    ],
)
def test_a_count_is_null_where_nobody_has_counted(
    changes: dict[str, Any], forge: ForgeFacts | None, edits: dict[str, Any], counts: tuple[int | None, int | None]
) -> None:
    result = merged(*([row(forge)] if forge else []), catalog=replace(CATALOG, **changes), edits=edits)
    assert (result.values["commits_last_year"], result.values["participant_count"]) == counts
    for name, value in changes.items():  # the record keeps what the catalog states
        if name not in edits:
            assert result.values[name] == (list(value) if isinstance(value, tuple) else value)


def test_an_override_may_be_null_and_an_unknown_field_is_ignored() -> None:
    result = merged(row(FORGE), edits={"last_updated": None, "of_a_newer_version": 1})
    assert result.values["last_updated"] is None
    assert result.upstream == {"last_updated": HEAD_AT}
    assert result.values["edited"] == ["last_updated"]


def test_a_removed_package_keeps_all_other_values() -> None:
    listed, removed = merged(row(FORGE)).values, merged(row(FORGE), listed=False).values
    assert removed == {**listed, "catalog_state": "removed"}
    assert listed["catalog_state"] == "listed"


def test_configured_servers_are_forges() -> None:
    catalog = replace(CATALOG, repo_url="https://git.example.org/mara/pots")
    here = {"git.example.org": SourceName.FORGEJO}
    result = merged(row(FORGE, SourceName.FORGEJO, "git.example.org/mara/pots"), catalog=catalog, forges=here)
    assert (result.values["forge"], result.values["repo_watchers"]) == ("forgejo", 31)
    assert merged(catalog=catalog).values["repo_state"] == "unsupported"


@pytest.mark.parametrize(
    ("description", "links", "suggestion"),
    [
        ("", (), None),
        ("Moved to https://codeberg.org/mara/pots.", (), "https://codeberg.org/mara/pots"),
        ("Moved: see https://github.com/otto/pans and https://example.org/x", (), "https://github.com/otto/pans"),
        ("Moved here from https://bitbucket.org/mara/pots", (), None),
        ("The kiln has moved to https://github.com/mara/pots-kiln", (), None),
        ("Moved to https://github.com/mara/pots", (), None),
        (
            "The kiln moved to https://github.com/mara/kiln. Pots moved to https://github.com/clay/pots",
            (),
            "https://github.com/clay/pots",
        ),
        ("Read-only mirror of https://gitlab.com/mara/pots", (), "https://gitlab.com/mara/pots"),
        ("This project lives on https://codeberg.org/mara/pots now", (), "https://codeberg.org/mara/pots"),
        ("A Django port of https://gitlab.com/otto/pans", (), None),
        ("Removed from https://gitlab.com/otto/pans", (), None),
        ("", ("https://gitlab.com/mara/pots",), "https://gitlab.com/mara/pots"),
        ("", ("https://gitlab.com/mara/pots", "https://github.com/mara/pots"), None),
        ("", ("https://pots.example.org/",), None),
    ],
)
def test_another_repository_named_by_the_project_is_only_a_suggestion(
    description: str, links: tuple[str, ...], suggestion: str | None
) -> None:
    forge = ForgeFacts(repository=replace(PAGE, description=description))
    result = merged(row(forge), pypi_row(replace(PYPI, repository_urls=links)))
    assert result.suggestion == suggestion
    assert result.values["repo_url"] == CATALOG.repo_url


def test_the_order_of_facts_does_not_matter() -> None:
    catalog = row(CATALOG, SourceName.CATALOG, "7")
    rows = [catalog, row(FORGE), pypi_row()]
    assert merge(rows, {}) == merge(rows[::-1], {})


def test_missing_catalog_facts_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="without catalog facts"):
        merge([row(FORGE)], {})
