"""Combined facts, changes between facts, and the events they cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from djpkg.model.fact_changes import Event, combine_facts, facts_differ, find_events
from djpkg.model.facts import CatalogFacts, ContributorsFacts, Facts, ForgeFacts, PypiFacts, WeeksFacts
from tests.model.test_merge import CATALOG, CONTRIBUTORS, FORGE, HEAD, HERE, PAGE, PYPI, WEEKS

NEWER = "c" * 40


@pytest.mark.parametrize(
    ("old", "new", "events"),
    [
        ("MIT", "GPL-3.0", [("license", "MIT", "GPL-3.0")]),
        ("MIT", "MIT", []),
        ("GPL-3.0", "GPL-3.0-only", []),
        (None, "MIT", []),
        ("MIT", None, []),
    ],
)
def test_a_changed_license_of_a_repository_is_an_event(
    old: str | None, new: str | None, events: list[tuple[str, str, str]]
) -> None:
    before, after = (replace(FORGE, repository=replace(PAGE, license=text)) for text in (old, new))
    assert [tuple(event) for event in find_events(before, after, coordinate=HERE)] == events


def test_parts_of_a_repository_fetched_separately_are_combined() -> None:
    page = combine_facts(None, ForgeFacts(repository=PAGE))
    with_weeks = combine_facts(page, ForgeFacts(weeks=WEEKS))
    assert combine_facts(with_weeks, ForgeFacts(contributors=CONTRIBUTORS)) == FORGE


def test_a_new_part_replaces_only_the_same_part() -> None:
    weeks = WeeksFacts(head=NEWER, days={})
    assert combine_facts(FORGE, ForgeFacts(weeks=weeks)) == replace(FORGE, weeks=weeks)


@pytest.mark.parametrize("state", ["gone", "blocked"])
def test_a_gone_or_blocked_repository_keeps_its_facts(state: str) -> None:
    assert combine_facts(FORGE, ForgeFacts(state=state)) == replace(FORGE, state=state)  # type: ignore[arg-type] # of two


def test_a_repository_that_is_back_is_ok() -> None:
    assert combine_facts(replace(FORGE, state="gone"), ForgeFacts(repository=PAGE)) == FORGE


def test_a_gone_project_keeps_its_last_release() -> None:
    assert combine_facts(PYPI, PypiFacts(state="gone", name="pots")) == replace(PYPI, state="gone")
    assert combine_facts(None, PypiFacts(state="gone", name="pots")) == PypiFacts(state="gone", name="pots")
    assert combine_facts(replace(PYPI, state="gone"), PYPI) == PYPI


def test_facts_of_another_repository_replace_all_stored_parts() -> None:
    before = replace(FORGE, repository=replace(PAGE, node_id="1"))
    other = ForgeFacts(repository=replace(PAGE, node_id="2"))
    assert combine_facts(before, other) == other
    same = ForgeFacts(repository=replace(PAGE, node_id="1", stars=3))
    assert combine_facts(before, same) == replace(before, repository=same.repository)


def test_a_release_keeps_its_date_when_its_list_of_files_is_empty() -> None:
    assert combine_facts(PYPI, replace(PYPI, released=None)) == PYPI
    newer = replace(PYPI, version="99", released=None)
    assert combine_facts(PYPI, newer) == newer


def test_an_empty_list_of_weeks_from_the_catalog_keeps_the_known_one() -> None:
    new = replace(CATALOG, commits_over_52=(), title="New")
    assert combine_facts(CATALOG, new) == replace(CATALOG, title="New")
    assert combine_facts(None, new) == new
    other = replace(CATALOG, commits_over_52=(0,) * 52)
    assert combine_facts(CATALOG, other) == other


def test_an_empty_list_of_participants_from_the_catalog_keeps_the_known_one_with_its_date() -> None:
    new = replace(CATALOG, participants=(), last_updated="2026-09-09T00:00:00Z")
    kept = replace(CATALOG, last_updated="2026-09-09T00:00:00Z", participants_updated=CATALOG.last_updated)
    assert combine_facts(CATALOG, new) == kept
    assert kept.participants_at == CATALOG.last_updated
    assert combine_facts(kept, replace(new, last_updated="2026-09-10T00:00:00Z")) == replace(
        kept, last_updated="2026-09-10T00:00:00Z"
    )
    stated = replace(CATALOG, participants=("ines",))
    assert combine_facts(kept, stated) == stated
    assert combine_facts(None, new) == new


def test_lists_about_another_repository_are_not_kept() -> None:
    new = replace(CATALOG, repo_url="https://github.com/clay/pans", participants=(), commits_over_52=())
    assert combine_facts(CATALOG, new) == replace(new, former_addresses=(CATALOG.repo_url,))


def test_former_addresses_are_remembered_once_with_the_newest_last() -> None:
    record: Facts = CATALOG
    for number in (*range(40), 30):
        record = combine_facts(record, replace(CATALOG, pypi_url=f"p{number}"))
    assert isinstance(record, CatalogFacts)
    assert record.former_addresses == tuple(f"p{number}" for number in (*range(20, 40),))
    moved_back = combine_facts(record, replace(CATALOG, pypi_url="p39"))
    assert isinstance(moved_back, CatalogFacts)
    assert moved_back.former_addresses == tuple(f"p{number}" for number in (*range(20, 30), *range(31, 40), 30))
    assert combine_facts(moved_back, replace(CATALOG, pypi_url="p39")) == moved_back


def test_grids_emptied_by_the_catalog_are_a_change() -> None:
    new = replace(CATALOG, grids=())
    assert combine_facts(CATALOG, new) == new


EMPTY: dict[str, object] = {
    "released": None,
    "yanked": None,
    "requires_python": None,
    "python_versions": (),
    "django_versions": (),
    "license": None,
    "development_status": None,
    "repository_urls": (),
    "django_requires": None,
    "releases": None,
    "first_released": None,
}
FULL = replace(
    PYPI, repository_urls=("https://github.com/mara/pots",), django_requires=">=4.2", releases=7,
    first_released="2020-01-01T00:00:00Z",
)  # fmt: skip


def test_every_fact_of_a_release_is_covered() -> None:
    assert {"state", "name", "version"} | EMPTY.keys() == PypiFacts.__dataclass_fields__.keys()
    assert [name for name, value in EMPTY.items() if getattr(FULL, name) == value] == []


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_fact_of_the_same_release_keeps_the_known_one(name: str) -> None:
    empty = replace(FULL, **{name: EMPTY[name]})  # type: ignore[arg-type] # by name
    assert combine_facts(FULL, empty) == FULL
    newer = replace(empty, version="3.0")
    kept = {"releases": 7, "first_released": "2020-01-01T00:00:00Z"} if name == "releases" else {}
    assert combine_facts(FULL, newer) == replace(newer, **kept)  # type: ignore[arg-type] # by name


def test_false_and_any_version_are_no_empty_facts() -> None:
    before = replace(FULL, yanked=True)
    new = replace(FULL, yanked=False, django_requires="")
    assert combine_facts(before, new) == new


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (None, CATALOG, True),
        (CATALOG, CATALOG, False),
        (CATALOG, replace(CATALOG, last_fetched="2026-09-09T00:00:00Z"), False),
        (CATALOG, replace(CATALOG, modified="2026-09-09T00:00:00Z"), False),
        (CATALOG, replace(CATALOG, grids=(10, 11)), False),
        (CATALOG, replace(CATALOG, grids=(10,)), True),
        (CATALOG, replace(CATALOG, repo_watchers=31), True),
        (CATALOG, replace(CATALOG, participants=("otto", "mara")), True),
        (FORGE, FORGE, False),
        (FORGE, replace(FORGE, contributors=replace(CONTRIBUTORS, taken="2026-09-09T00:00:00Z")), False),
        (FORGE, replace(FORGE, contributors=replace(CONTRIBUTORS, names=("ines",))), True),
        (FORGE, replace(FORGE, repository=replace(PAGE, stars=32)), True),
        (FORGE, replace(FORGE, state="gone"), True),
        (None, PYPI, True),
        (PYPI, PYPI, False),
        (PYPI, replace(PYPI, version="2.1"), True),
    ],
)
def test_facts_differ_only_in_substance(before: Facts | None, after: Facts, *, changed: bool) -> None:
    assert facts_differ(before, after) is changed


def forge(**changes: object) -> ForgeFacts:
    return replace(FORGE, repository=replace(PAGE, **changes))  # type: ignore[arg-type] # by name


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (FORGE, FORGE, []),
        (FORGE, forge(stars=9), []),
        (FORGE, forge(archived=True), [Event("archived", None, None)]),
        (forge(archived=True), FORGE, [Event("unarchived", None, None)]),
        (forge(archived=None), forge(archived=True), []),
        (FORGE, forge(path="clay/pots"), [Event("moved", "Mara/Pots", "clay/pots")]),
        (FORGE, forge(path="mara/pots"), []),
        (FORGE, replace(FORGE, state="gone"), [Event("gone", HERE, None)]),
        (FORGE, replace(FORGE, state="blocked"), [Event("blocked", HERE, None)]),
        (replace(FORGE, state="gone"), replace(FORGE, state="blocked"), [Event("blocked", HERE, None)]),
        (replace(FORGE, state="gone"), replace(FORGE, state="gone"), []),
        (replace(FORGE, state="gone"), FORGE, [Event("back", "gone", HERE)]),
        (
            replace(FORGE, state="gone"),
            forge(archived=True),
            [Event("back", "gone", HERE), Event("archived", None, None)],
        ),
        (ForgeFacts(weeks=WEEKS), FORGE, []),
        (PYPI, PYPI, []),
        (PYPI, replace(PYPI, version="2.1"), [Event("released", "2.0", "2.1")]),
        (replace(PYPI, version=None), PYPI, []),
        (PYPI, replace(PYPI, yanked=True), [Event("yanked", None, "2.0")]),
        (replace(PYPI, yanked=True), replace(PYPI, yanked=True), []),
        (
            PYPI,
            replace(PYPI, version="2.1", yanked=True),
            [Event("released", "2.0", "2.1"), Event("yanked", None, "2.1")],
        ),
        (
            replace(PYPI, yanked=True),
            replace(PYPI, version="2.1", yanked=True),
            [Event("released", "2.0", "2.1"), Event("yanked", None, "2.1")],
        ),
        (PYPI, replace(PYPI, license="MIT"), [Event("license", "BSD-3-Clause", "MIT")]),
        (replace(PYPI, license="BSD License"), PYPI, []),
        (replace(PYPI, license="New BSD"), PYPI, []),
        (PYPI, replace(PYPI, license="BSD License"), []),
        (PYPI, replace(PYPI, license="BSD-2-Clause"), [Event("license", "BSD-3-Clause", "BSD-2-Clause")]),
        (replace(PYPI, license=None), PYPI, []),
        (PYPI, replace(PYPI, license=None), []),
        (PYPI, replace(PYPI, state="gone"), [Event("gone", HERE, None)]),
        (replace(PYPI, state="gone"), PYPI, [Event("back", "gone", HERE)]),
        (CATALOG, replace(CATALOG, title="New"), []),
    ],
)
def test_events_between_two_facts(before: Facts, after: Facts, events: list[Event]) -> None:
    assert find_events(before, after, coordinate=HERE) == events


@pytest.mark.parametrize(
    "facts",
    [
        FORGE,
        forge(archived=True),
        forge(path="clay/pots"),
        replace(FORGE, state="gone"),
        replace(FORGE, state="blocked"),
        PYPI,
        replace(PYPI, yanked=True),
        replace(PYPI, state="gone"),
        CATALOG,
    ],
)
def test_the_first_facts_cause_no_event(facts: Facts) -> None:
    assert find_events(None, facts, coordinate=HERE) == []


def test_contributors_of_an_older_head_are_kept_without_new_ones() -> None:
    page = replace(PAGE, head=NEWER)
    combined = combine_facts(FORGE, ForgeFacts(repository=page))
    assert isinstance(combined, ForgeFacts)
    assert combined.contributors == ContributorsFacts(head=HEAD, names=("ines", "mara"), taken=CONTRIBUTORS.taken)
