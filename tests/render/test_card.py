from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from djpkg.model.dependencies import Departures, Dependencies, Dependency
from djpkg.model.package import Package, Provenance
from djpkg.render.card import card
from djpkg.render.glyphs import Glyphs
from tests.render.samples import (
    FORBIDDEN,
    NOW,
    PACKAGE,
    VALUES,
    hostile_text,
    render_styled,
    render_text,
    sample_package,
)

if TYPE_CHECKING:
    from djpkg.model.package import Values

AT_60 = """\
django-pots 2.5.0                  App · grids Gardening, 53
Flower pots for every model: glazed, stacked and counted.
Waters the plants too.

  ★ 5,112   forks 285
  5 contributors: mara, otto, dependabot[bot] and 2 more
  commits   ▂▃▂▁▂▃▂▁▂▃▂▁▂▃▂▁▂▃▂▁▂▃▂▁▃█  40 in 52 weeks
            last 3 weeks ago · peak 12 per week
            2 weeks per bar
  release   2.5.0, 4 months ago · BSD-3-Clause
            Python ≥3.10 · Django 4.2\N{EN DASH}6.0
  repo      github.com/mara/django-pots
  docs      pots.example.org/en/latest
            ✎ edited, upstream: old.example.org
  pypi      django-pots
  catalog   djangopackages.org/packages/p/django-pots
  checked   github 2 h ago · pypi yesterday
            catalog 3 days ago
  failed    pypi 2 h ago: answered 502
"""
AT_80 = """\
django-pots 2.5.0                                      App · grids Gardening, 53
Flower pots for every model: glazed, stacked and counted. Waters the plants too.

  ★ 5,112   forks 285   5 contributors: mara, otto, dependabot[bot] and 2 more
  commits   ▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▃▁█▂  40 in 52 weeks
            last 3 weeks ago · peak 12 per week
  release   2.5.0, 4 months ago · BSD-3-Clause · Python ≥3.10 · Django 4.2\N{EN DASH}6.0
  repo      github.com/mara/django-pots
  docs      pots.example.org/en/latest   ✎ edited, upstream: old.example.org
  pypi      django-pots
  catalog   djangopackages.org/packages/p/django-pots
  checked   github 2 h ago · pypi yesterday · catalog 3 days ago
  failed    pypi 2 h ago: answered 502
"""
AT_100 = """\
django-pots 2.5.0                                                          App · grids Gardening, 53
Flower pots for every model: glazed, stacked and counted. Waters the plants too.

  ★ 5,112   forks 285   5 contributors: mara, otto, dependabot[bot], ines and wim
  commits   ▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▃▁█▂  40 in 52 weeks · last 3 weeks ago
            peak 12 per week
  release   2.5.0, 4 months ago · BSD-3-Clause · Python ≥3.10 · Django 4.2\N{EN DASH}6.0
  repo      github.com/mara/django-pots
  docs      pots.example.org/en/latest   ✎ edited, upstream: old.example.org
  pypi      django-pots
  catalog   djangopackages.org/packages/p/django-pots
  checked   github 2 h ago · pypi yesterday · catalog 3 days ago
  failed    pypi 2 h ago: answered 502
"""
WEEKS_AT_140 = (
    "  commits   ▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▂▁▁▃▁▂▁▁▃▁█▂  "
    "40 in 52 weeks · last 3 weeks ago · peak 12 per week\n"
)
NOT_FETCHED = """\
django-pots

  commits   not fetched yet
  release   not fetched yet
  repo      github.com/mara/django-pots
  catalog   djangopackages.org/packages/p/django-pots
  checked   github not fetched yet · pypi not fetched yet
"""


def show(shown: Package, width: int = 100, *, ascii_only: bool = False) -> str:
    return render_text(card(shown, now=NOW, width=width, links=False, ascii_only=ascii_only), width)


@pytest.mark.parametrize(("width", "expected"), [(60, AT_60), (80, AT_80), (100, AT_100)])
def test_the_layout_follows_the_width(width: int, expected: str) -> None:
    assert show(PACKAGE, width) == expected


def test_on_a_wide_terminal_the_commits_take_one_line() -> None:
    assert WEEKS_AT_140 in show(PACKAGE, 140)


def test_values_never_fetched_are_shown_as_unknown_and_not_as_zero() -> None:
    empty = Package(
        values={
            "slug": "django-pots",
            "title": "django-pots",
            "repo_url": "https://github.com/mara/django-pots",
            "forge": "github",
            "pypi_name": "django-pots",
            "repo_watchers": 0,
            "repo_forks": 0,
            "participants": [],
            "commits_over_52": [],
            "repo_state": None,
            "pypi_state": "ok",
            "catalog_state": "listed",
        },
        category=None,
        grids=(),
        upstream={},
        origins={},
        upstream_origins={},
        sources=(),
    )
    assert show(empty) == NOT_FETCHED


def test_a_package_without_values_has_an_empty_card() -> None:
    assert show(Package({}, None, (), {}, {}, {}, ())).strip() == ""


def test_a_zero_reported_by_the_forge_is_shown() -> None:
    shown = sample_package(repo_watchers=0, repo_forks=0)
    assert "★ 0   forks 0" in show(shown)
    assert "★" not in show(sample_package(repo_watchers=0, repo_forks=0, repo_state=None))


def test_values_of_the_wrong_type_are_left_out() -> None:
    junk: dict[str, object] = dict.fromkeys(VALUES, 3.5) | {"slug": "pots", "participants": 7, "commits_over_52": "x"}
    assert "pots" in show(PACKAGE._replace(values=junk, upstream={}))  # type: ignore[arg-type]  # the wrong types


def test_django_is_undeclared_only_after_pypi_answered() -> None:
    undeclared = sample_package(django_versions=[])
    assert "Django: undeclared" in show(undeclared)
    assert "Django" not in show(sample_package(django_versions=[], released=None)._replace(sources=()))


def test_the_whole_description_is_shown() -> None:
    words = " ".join(f"word{number}" for number in range(300))
    assert " ".join(show(sample_package(repo_description=words)).split()).count(words) == 1


def test_a_description_keeps_its_paragraphs() -> None:
    assert "One.\n\nTwo.\n" in show(sample_package(repo_description="One.\r\n\r\nTwo.\n"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"archived": True}, "2.5.0  archived"),
        ({"repo_state": "gone"}, "django-pots · gone"),
        ({"repo_state": "blocked"}, "django-pots · blocked"),
        ({"repo_state": "empty", "commits_over_52": []}, "django-pots · empty"),
        ({"repo_state": "moved", "moved_to": "https://github.com/otto/pots"}, "moved to github.com/otto/pots"),
        ({"catalog_state": "removed"}, "catalog   removed"),
        ({"pypi_state": "gone"}, "gone from PyPI · 2.5.0, 4 months ago"),
        ({"pypi_state": "none", "pypi_version": None, "released": None}, "release   not on PyPI"),
        ({"yanked": True}, "2.5.0, 4 months ago · yanked"),
        ({"title": "Django Pots"}, "Django Pots 2.5.0  django-pots"),
    ],
)
def test_the_state_of_a_package_is_shown(changes: dict[str, object], words: str) -> None:
    assert words in show(sample_package(**changes))  # type: ignore[arg-type]  # each is a value


def test_only_archived_and_gone_are_red() -> None:
    red = "\x1b[1;31m"
    quiet = sample_package(repo_state="blocked", catalog_state="removed", yanked=True)
    assert red not in render_styled(card(quiet, now=NOW, width=100, links=False, ascii_only=False))
    for final in (sample_package(archived=True), sample_package(repo_state="gone"), sample_package(pypi_state="gone")):
        assert red in render_styled(card(final, now=NOW, width=100, links=False, ascii_only=False))


def test_only_colours_readable_on_dark_and_light_backgrounds_are_used() -> None:
    shown = render_styled(
        card(sample_package(archived=True, repo_state="moved"), now=NOW, width=100, links=False, ascii_only=False)
    )
    codes = {code for group in re.findall(r"\x1b\[([0-9;]*)m", shown) for code in group.split(";")}
    assert "32" in codes
    # Bold, dim, red, green, magenta, cyan and the default colour.
    assert codes <= {"0", "1", "2", "31", "32", "35", "36", "39"}


def test_without_colours_the_text_and_bold_are_kept() -> None:
    shown = render_styled(
        card(sample_package(archived=True), now=NOW, width=100, links=False, ascii_only=False), no_color=True
    )
    assert "\x1b[1marchived\x1b[0m" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)


ARCHIVED = {"archived": True, "archived_at": "2024-03-02T10:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (ARCHIVED, "archived on 2024-03-02, 2 years ago"),
        ({"archived": True}, "the repository is archived"),
        ({"repo_state": "gone"}, "the repository is gone"),
        ({"repo_state": "none", "pypi_state": "gone"}, "the PyPI project is gone"),
        ({"repo_state": "blocked"}, "the forge has blocked the repository"),
        ({"repo_state": "empty"}, "the repository has no commits"),
        ({"yanked": True}, "the newest release is yanked"),
        ({"last_updated": None, "released": None}, "no date of a commit or a release is known"),
        ({"last_updated": "2020-01-01", "released": None}, "no known commit or release in the last 365 days"),
        (
            {"catalog_state": "removed", "yanked": True, **ARCHIVED},
            "no longer listed in the catalog · archived on 2024-03-02, 2 years ago · the newest release is yanked",
        ),
    ],
)
def test_the_card_says_why_a_package_is_in_its_state(changes: dict[str, object], line: str) -> None:
    shown = show(sample_package(**changes), 140)  # type: ignore[arg-type]  # each is a value
    assert f"  state     {line}\n" in shown


def test_an_active_and_a_moved_package_have_no_line_about_their_state() -> None:
    assert "state" not in show(sample_package())
    moved = show(sample_package(repo_state="moved", moved_to="https://github.com/otto/pots"))
    assert "2.5.0  moved" in moved
    assert "  state" not in moved


@pytest.mark.parametrize(("gained", "words"), [(31, "+31"), (0, "+0"), (-1200, "-1,200")])
def test_the_stars_gained_are_shown_once_they_are_known(gained: int, words: str) -> None:
    assert f"★ 5,112  {words} in 90 d   forks 285" in show(sample_package(stars_90d=gained))
    assert "★ 5,112   forks 285" in show(sample_package(stars_90d=None))
    assert "in 90 d" not in show(sample_package(stars_90d=gained, edited=["repo_watchers"]))


def requirement(slug: str, state: str = "archived") -> Dependency:
    return Dependency(slug, state, "", None, "2.0", "2026-11-01")


def test_what_helps_a_decision_is_shown_where_it_is_known() -> None:
    known = show(
        sample_package(releases=34, first_released="2012-02-01T00:00:00Z", django_requires=">=4.2,<6.1"),
        140,
    )
    assert "release   2.5.0, 4 months ago · 34 releases since 2012 · " in known
    assert "requires Django ≥4.2, <6.1" in known
    unknown = show(sample_package(releases=None, first_released=None, django_requires=None))
    for words in ("releases", "requires Django"):
        assert words not in unknown


def dependencies_shown(dependencies: Dependencies, width: int = 80) -> list[str]:
    """Return the lines between the release and the repository."""
    lines = show(sample_package()._replace(dependencies=dependencies), width).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(("  used by", "  requires", "  left by")))
    return lines[start : next(place for place, line in enumerate(lines) if line.startswith("  repo "))]


@pytest.mark.parametrize(
    ("dependencies", "lines"),
    [
        (
            Dependencies(used_by=tuple(f"django-user-{number}" for number in range(1214)), active=17),
            [
                "  used by   1,214 packages, 17 active",
                "            django-user-0, django-user-1, django-user-2 and 1,211 more",
            ],
        ),
        (Dependencies(used_by=("pans",), active=0), ["  used by   1 package, 0 active: pans"]),
        (
            Dependencies(
                used_by=("pans", "lids"), active=2, left=Departures(9, "2025-03-01", (("jars", 6), ("tins", 2)))
            ),
            [
                "  used by   2 packages, 2 active: pans and lids",
                "            left by 9 since 2025; 6 of them now require jars, 2 tins",
            ],
        ),
        (
            Dependencies(left=Departures(1, "2025-03-01", (("jars", 1),))),
            ["  left by 1 since 2025; it now requires jars"],
        ),
        (Dependencies(left=Departures(3, "2025-03-01")), ["  left by 3 since 2025"]),
        (
            Dependencies(left=Departures(2, "2025-03-01", (("jars", 2),))),
            ["  left by 2 since 2025; all of them now require jars"],
        ),
        (
            Dependencies(
                requires=(requirement("jars", "active"), requirement("tins", "archived"), requirement("tins"))
            ),
            ["  requires  jars · tins archived"],
        ),
        (Dependencies(used_by=("\x1b[31mpans",), active=1), ["  used by   1 package, 1 active: ^[[31mpans"]),
    ],
)
def test_what_requires_the_package_and_what_left_it_is_shown(dependencies: Dependencies, lines: list[str]) -> None:
    assert dependencies_shown(dependencies) == lines


def test_as_many_names_of_dependents_are_shown_as_fit() -> None:
    dependencies = Dependencies(used_by=tuple(f"user-{number}" for number in range(41)), active=17)
    assert dependencies_shown(dependencies, 60) == [
        "  used by   41 packages, 17 active",
        "            user-0, user-1, user-2, user-3 and 37 more",
    ]
    assert dependencies_shown(dependencies, 80) == [
        "  used by   41 packages, 17 active: user-0, user-1, user-2, user-3 and 37 more"
    ]
    assert "user-7 and 33 more" in dependencies_shown(dependencies, 120)[0]


def test_commits_that_a_forge_has_not_counted_are_unknown_and_not_unfetched() -> None:
    unknown = sample_package(commits_over_52=[], commits_last_year=None)
    assert "commits   weekly counts unknown" in show(unknown)
    unfetched = sample_package(commits_over_52=[], commits_last_year=None, repo_state=None)
    assert "commits   not fetched yet" in show(unfetched)


def test_a_source_whose_lookups_failed_has_not_answered_yet() -> None:
    failed = Provenance("github", "mara/django-pots", "2026-11-23T10:00:00Z", None, "failed", "answered 502")
    shown = show(sample_package()._replace(sources=(failed,)))
    assert "checked   github no answer yet · pypi not fetched yet" in shown


def test_an_edit_without_an_upstream_value_is_marked() -> None:
    shown = sample_package(edited=["repo_watchers", "title"])
    assert "✎ stars edited" in show(shown)
    assert "✎ title edited, upstream: none" in show(shown._replace(upstream={"title": ""}))


def test_a_commit_dated_more_than_a_day_ahead_is_dated_in_the_future() -> None:
    assert "last dated in the future" in show(sample_package(last_updated="2036-01-01T00:00:00Z"))
    assert "last tomorrow" in show(sample_package(last_updated="2026-11-24T12:00:00Z"))


def test_the_suggestion_is_the_last_line() -> None:
    assert show(sample_package()._replace(suggestion="djpkg fetch django-pots")).endswith(
        "\n\n  → djpkg fetch django-pots\n"
    )


def test_a_note_tags_and_a_replacement_come_first() -> None:
    own = sample_package(note="used by billing\nask mara \x1b[31m", tags=["prod", "to do"], replaced_by="django-pans")
    lines = show(own, 80).splitlines()
    assert lines[lines.index("") + 1 :][:4] == [
        "  note      used by billing",
        "            ask mara ^[[31m",
        "  tags      prod · to do",
        "  instead   django-pans",
    ]
    assert not {"note", "tags", "instead"} & set(show(sample_package(), 80).split())


def test_edits_of_license_versions_and_archived_show_the_upstream_value() -> None:
    upstream: Values = {"license": "MIT", "django_versions": ["4.2"], "archived": True}
    shown = " ".join(show(sample_package(edited=sorted(upstream))._replace(upstream=upstream), 140).split())
    for note in (
        "✎ license edited, upstream: MIT",
        "✎ Django edited, upstream: 4.2",
        "✎ archived edited, upstream: yes",
    ):
        assert note in shown


def test_only_safe_urls_are_links() -> None:
    shown = sample_package(documentation_url="https://x@evil.example/", repo_url="https://github.com/mara/django-pots")
    with_links = render_styled(card(shown, now=NOW, width=100, links=True, ascii_only=False))
    targets = re.findall(r"\x1b\]8;[^;]*;([^\x1b]+)\x1b\\", with_links)
    assert targets == ["https://github.com/mara/django-pots", "https://djangopackages.org/packages/p/django-pots/"]
    assert "\x1b]8" not in render_styled(card(shown, now=NOW, width=100, links=False, ascii_only=False))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_an_ascii_terminal_gets_only_ascii(width: int) -> None:
    shown = show(sample_package(title="Töpfe 日本", archived=True), width, ascii_only=True)
    assert shown.isascii()
    assert "stars 5,112" in shown
    assert r"T\xf6pfe" in shown


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = sample_package(
        title="花" * 90 + "👩\u200d👩\u200d👧" * 20,
        slug="x" * 150,
        repo_description="説明" * 200 + " " + "y" * 300,
        participants=["名" * 50] * 900,
        license="z" * 500,
        repo_url="https://github.com/" + "a" * 300,
    )
    for line in show(long._replace(grids=tuple(f"Grid {n}" for n in range(60))), width).splitlines():
        assert cell_len(line) <= width


def test_most_hostile_texts_contain_forbidden_characters() -> None:
    assert sum(bool(FORBIDDEN.search(hostile_text(seed))) for seed in range(600)) > 500


def leaks_of_cards() -> int:
    """Return how many of 600 cards with hostile texts contain a character that a terminal would interpret."""
    leaks = 0
    for seed in range(600):
        text = hostile_text(seed)
        values = {
            name: text if isinstance(value, str) else [text, text] if isinstance(value, list) else value
            for name, value in VALUES.items()
        }
        values |= {"repo_state": ("moved", text)[seed % 2], "edited": ["title"]}
        lookup = Provenance(text, text, text, text, "failed", text)
        shown = Package(values, text, (text,), {"title": text, "participants": [text]}, {}, {}, (lookup,), text)
        width = (60, 80, 100, 140)[seed % 4]
        output = render_text(card(shown, now=NOW, width=width, links=True, ascii_only=bool(seed % 5 == 0)), width)
        leaks += FORBIDDEN.search(output) is not None
    return leaks


@pytest.mark.campaign
def test_hostile_texts_are_escaped() -> None:
    assert leaks_of_cards() == 0


@pytest.mark.campaign
def test_without_escaping_hostile_texts_would_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Glyphs, "escape", lambda _, text, **__: text.encode("utf-8", "replace").decode())
    assert leaks_of_cards() > 500


def test_very_long_values_are_cut() -> None:
    giant = "\x1b[31m\u202ex " * 150_000
    shown = show(sample_package(title=giant, repo_description=giant, license=giant, participants=[giant] * 1000))
    assert len(shown) < len(giant)
    assert not FORBIDDEN.search(shown)
