from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from djpkg.model.fields import parse_columns
from djpkg.render.compare import DEFAULT_COLUMNS
from djpkg.render.glyphs import Glyphs
from djpkg.render.table import TABLE_FIELDS, comparison, packages_table
from tests.render.samples import FORBIDDEN, NOW, VALUES, hostile_text, render_styled, render_text

if TYPE_CHECKING:
    from djpkg.model.package import Value, Values

DASH = "\N{EN DASH}"


def row(slug: str, **changes: Value) -> Values:
    return {**VALUES, "edited": [], "slug": slug, **changes}


ROWS = [
    row("django-pots-and-pans"),
    row(
        "django-kettle",
        edited=["title"],
        repo_watchers=841,
        last_updated="2020-11-01T00:00:00Z",
        commits_over_52=[0] * 52,
        commits_last_year=0,
        pypi_version="1.9.0",
        released="2020-07-01T00:00:00Z",
        django_versions=["1.11", "3.0"],
        archived=True,
    ),
    row(
        "django-spoons",
        repo_watchers=125,
        last_updated="2023-11-01T00:00:00Z",
        commits_over_52=[],
        commits_last_year=None,
        pypi_version="2.0.0",
        released="2022-07-01T00:00:00Z",
        django_versions=[],
    ),
]
AT_100 = f"""\
PACKAGE                  ★  COMMIT  52 WEEKS            RELEASE        DJANGO
django-pots-and-pans  5.1k  3 w     ▃▂▃▂▃▂▃▂▃▂▃▂█   40  2.5.0    4 mo  4.2{DASH}6.0
django-kettle ✎        841  6 y     ▁▁▁▁▁▁▁▁▁▁▁▁▁    0  1.9.0    6 y   ≤3.0  archived
django-spoons          125  3 y     · not fetched ·     2.0.0    4 y   undeclared
"""
AT_70 = f"""\
PACKAGE                  ★  COMMIT  RELEASE        DJANGO
django-pots-and-pans  5.1k  3 w     2.5.0    4 mo  4.2{DASH}6.0
django-kettle ✎        841  6 y     1.9.0    6 y   ≤3.0  archived
django-spoons          125  3 y     2.0.0    4 y   undeclared
"""
AT_60 = f"""\
PACKAGE                  ★  COMMIT  RELEASE  DJANGO
django-pots-and-pans  5.1k  3 w     4 mo     4.2{DASH}6.0
django-kettle ✎        841  6 y     6 y      ≤3.0  archived
django-spoons          125  3 y     4 y      undeclared
"""
IN_ASCII = """\
PACKAGE               STARS  COMMIT  52 WEEKS            RELEASE        DJANGO
django-pots-and-pans   5.1k  3 w     -.-.-.-.-.-.#   40  2.5.0    4 mo  4.2-6.0
django-kettle ~         841  6 y     _____________    0  1.9.0    6 y   <=3.0  archived
django-spoons           125  3 y     | not fetched |     2.0.0    4 y   undeclared
"""
BESIDE = f"""\
          django-pots-and-pans  django-kettle  django-spoons
stars     5.1k *                841            125
commits   40 *                  0
updated   3 w *                 6 y            3 y
version   2.5.0                 1.9.0          2.0.0
released  4 mo *                6 y            4 y
python    3.10{DASH}3.13             3.10{DASH}3.13      3.10{DASH}3.13
django    4.2{DASH}6.0               ≤3.0           undeclared
* best value
"""
BELOW = f"""\
                      stars   commits  updated
django-pots-and-pans  5.1k *  40 *     3 w *
django-kettle         841     0        6 y
django-spoons         125              3 y

                      version  released  python
django-pots-and-pans  2.5.0    4 mo *    3.10{DASH}3.13
django-kettle         1.9.0    6 y       3.10{DASH}3.13
django-spoons         2.0.0    4 y       3.10{DASH}3.13

                      django
django-pots-and-pans  4.2{DASH}6.0
django-kettle         ≤3.0
django-spoons         undeclared
* best value
"""
FEW = parse_columns("stars,commits,updated,version,released,python,django")


def listed(rows: list[Values], width: int = 100, fields: str | None = None, *, ascii_only: bool = False) -> str:
    chosen = parse_columns(fields) if fields else None
    return render_text(packages_table(rows, columns=chosen, now=NOW, width=width, ascii_only=ascii_only), width)


@pytest.mark.parametrize(("width", "expected"), [(140, AT_100), (100, AT_100), (70, AT_70), (60, AT_60)])
def test_the_columns_that_fit_are_shown(width: int, expected: str) -> None:
    assert listed(ROWS, width) == expected


@pytest.mark.parametrize("chosen", [None, "slug,updated"])
@pytest.mark.parametrize("width", [60, 100])
def test_a_commit_dated_more_than_a_day_ahead_is_dated_in_the_future(chosen: str | None, width: int) -> None:
    future = row("ahead", last_updated="2036-01-01T00:00:00Z")
    lines = listed([*ROWS, future], width, chosen).splitlines()
    assert "dated in the future" in lines[-1]
    assert max(map(cell_len, lines)) <= width


def test_an_ascii_terminal_gets_only_ascii() -> None:
    assert listed(ROWS, ascii_only=True) == IN_ASCII


def test_the_table_reads_only_its_fields() -> None:
    assert listed([{name: value for name, value in row.items() if name in TABLE_FIELDS} for row in ROWS]) == AT_100


def test_an_empty_table_is_its_header() -> None:
    assert listed([]).split() == ["PACKAGE", "★", "COMMIT", "52", "WEEKS", "RELEASE", "DJANGO"]
    assert listed([], fields="slug,stars") == "SLUG  STARS\n"


@pytest.mark.parametrize("width", [80, 100])
def test_a_long_slug_gets_its_own_line_and_hides_no_column(width: int) -> None:
    slug = "django-" + "x" * 48
    lines = listed([*ROWS, row(slug)], width).splitlines()
    short = listed(ROWS, width).splitlines()
    assert lines[0].split() == short[0].split()
    assert lines[4] == slug
    assert lines[5].split() == lines[1].split()[1:]


def test_a_slug_wider_than_the_terminal_is_cut() -> None:
    assert "y" * 59 + "…\n" in listed([row("y" * 150)], 60)


def test_a_package_without_repository_has_no_stars_and_no_weeks() -> None:
    nowhere = listed([row("pots", repo_state="none", repo_watchers=0, commits_over_52=[], last_updated=None)])
    assert "· no repository ·" in nowhere
    assert " 0 " not in nowhere


def test_states_are_at_the_end_and_final_states_are_red() -> None:
    rows = [row("a", repo_state="gone", catalog_state="removed"), row("b", repo_state="moved")]
    shown = render_styled(packages_table(rows, columns=None, now=NOW, width=100, ascii_only=False))
    assert "\x1b[1;31m  gone removed\x1b[0m\n" in shown
    assert "\x1b[35m  moved\x1b[0m\n" in shown


def test_no_state_is_below_the_django_heading() -> None:
    rows = [row("pots", archived=True, django_versions=[], released=None), row("pans")]
    head, archived, _ = listed(rows).splitlines()
    assert archived.index("archived") > head.index("DJANGO") + len("DJANGO")


def test_chosen_columns_are_named_as_typed() -> None:
    assert listed(ROWS, fields="slug,stars,updated,archived") == (
        "SLUG                  STARS  UPDATED      ARCHIVED\n"
        "django-pots-and-pans   5112  3 weeks ago  no\n"
        "django-kettle           841  6 years ago  yes\n"
        "django-spoons           125  3 years ago  no\n"
    )


def test_a_wide_column_is_cut() -> None:
    shown = listed([row("pots", repo_description="word " * 100)], 60, "slug,description,stars")
    assert shown.splitlines()[1].startswith("pots  word word")
    assert shown.splitlines()[1].endswith("…   5112")


def test_columns_that_do_not_fit_become_one_block_per_package() -> None:
    lines = listed(ROWS, 60, "all").splitlines()
    assert lines.count("") == 2
    assert "slug                django-kettle" in lines
    assert max(map(cell_len, lines)) <= 60


@pytest.mark.parametrize("width", [30, 60, 80, 100, 140])
@pytest.mark.parametrize("fields", [None, "slug,title,stars,participants", "all"])
def test_no_line_is_wider_than_the_terminal(width: int, fields: str | None) -> None:
    rows = [
        *ROWS,
        row("花" * 40, title="👩\u200d👩\u200d👧" * 30, pypi_version="9" * 90, participants=["名" * 40] * 50),
    ]
    assert max(cell_len(line) for line in listed(rows, width, fields).splitlines()) <= width


def leaks_of_tables() -> int:
    """Return how many of 13 tables with hostile texts contain a character that a terminal would interpret."""
    texts = [hostile_text(seed) for seed in range(3000)]
    rows: list[Values] = [
        {**VALUES, **{name: text if isinstance(value, str) else [text] for name, value in VALUES.items() if value}}
        for text in texts
    ]
    shown = [
        listed(rows[: 300 if fields == "all" else 3000], 100, fields)
        for fields in (None, "slug,title,description,participants,updated,checked,grids", "all")
    ]
    for start in range(0, 60, 6):
        table = comparison(rows[start : start + 6], DEFAULT_COLUMNS, now=NOW, width=80, ascii_only=False)
        shown.append(render_text(table, 80))
    assert len(shown) == 13
    return sum(FORBIDDEN.search(text) is not None for text in shown)


@pytest.mark.campaign
def test_hostile_texts_are_escaped() -> None:
    assert leaks_of_tables() == 0


@pytest.mark.nightly
def test_without_escaping_hostile_texts_would_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Glyphs, "escape", lambda _, text, **__: text.encode("utf-8", "replace").decode())
    assert leaks_of_tables() == 13


@pytest.mark.parametrize(("width", "expected"), [(100, BESIDE), (50, BELOW)])
def test_packages_are_compared_as_columns_or_as_rows(width: int, expected: str) -> None:
    assert render_text(comparison(ROWS, FEW, now=NOW, width=width, ascii_only=False), width) == expected
