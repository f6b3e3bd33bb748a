from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from djpkg.model.fields import parse_columns
from djpkg.render.glyphs import Glyphs
from djpkg.render.table import TABLE_FIELDS, comparison, packages_table
from tests.render.samples import FORBIDDEN, NOW, VALUES, hostile_text, render_styled, render_text, with_state

if TYPE_CHECKING:
    from djpkg.model.package import Value, Values

DASH = "\N{EN DASH}"
DESCRIPTION = str(VALUES["repo_description"])


def row(slug: str, **changes: Value) -> Values:
    return with_state({**VALUES, "edited": [], "slug": slug, **changes})


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
        repo_state=None,
        pypi_version="2.0.0",
        released="2022-07-01T00:00:00Z",
        django_versions=[],
    ),
]
AT_140 = f"""\
PACKAGE                  ★  COMMIT  RELEASE        DJANGO      52 WEEKS            STATE     DESCRIPTION
django-pots-and-pans  5.1k  3 w     2.5.0    4 mo  4.2{DASH}6.0     ▃▂▃▂▃▂▃▂▃▂▃▂█   40            {DESCRIPTION[:46]}…
django-kettle ✎        841  6 y     1.9.0    6 y   ≤3.0        ▁▁▁▁▁▁▁▁▁▁▁▁▁    0  archived  {DESCRIPTION[:46]}…
django-spoons          125  3 y     2.0.0    4 y   undeclared  · not fetched ·     stale     {DESCRIPTION[:46]}…
"""
AT_100 = f"""\
PACKAGE                  ★  COMMIT  RELEASE        DJANGO      STATE     DESCRIPTION
django-pots-and-pans  5.1k  3 w     2.5.0    4 mo  4.2{DASH}6.0               {DESCRIPTION[:26]}…
django-kettle ✎        841  6 y     1.9.0    6 y   ≤3.0        archived  {DESCRIPTION[:26]}…
django-spoons          125  3 y     2.0.0    4 y   undeclared  stale     {DESCRIPTION[:26]}…
"""
AT_80 = f"""\
PACKAGE                  ★  COMMIT  RELEASE        DJANGO      STATE
django-pots-and-pans  5.1k  3 w     2.5.0    4 mo  4.2{DASH}6.0
django-kettle ✎        841  6 y     1.9.0    6 y   ≤3.0        archived
django-spoons          125  3 y     2.0.0    4 y   undeclared  stale
"""
AT_70 = f"""\
PACKAGE                  ★  COMMIT  RELEASE  DJANGO      STATE
django-pots-and-pans  5.1k  3 w     4 mo     4.2{DASH}6.0
django-kettle ✎        841  6 y     6 y      ≤3.0        archived
django-spoons          125  3 y     4 y      undeclared  stale
"""
AT_60 = f"""\
PACKAGE                  ★  COMMIT  DJANGO      STATE
django-pots-and-pans  5.1k  3 w     4.2{DASH}6.0
django-kettle ✎        841  6 y     ≤3.0        archived
django-spoons          125  3 y     undeclared  stale
"""
AT_40 = f"""\
PACKAGE          DJANGO      STATE
django-pots-and-pans
                 4.2{DASH}6.0
django-kettle ✎  ≤3.0        archived
django-spoons    undeclared  stale
"""
IN_ASCII = f"""\
PACKAGE               STARS  COMMIT  RELEASE        DJANGO      52 WEEKS            STATE     DESCRIPTION
django-pots-and-pans   5.1k  3 w     2.5.0    4 mo  4.2-6.0     -.-.-.-.-.-.#   40            {DESCRIPTION[:23]}...
django-kettle ~         841  6 y     1.9.0    6 y   <=3.0       _____________    0  archived  {DESCRIPTION[:23]}...
django-spoons           125  3 y     2.0.0    4 y   undeclared  | not fetched |     stale     {DESCRIPTION[:23]}...
"""
BESIDE = f"""\
          django-pots-and-pans  django-kettle  django-spoons
state                           archived       stale
stars     5.1k *                841            125
commits   40 *                  0
updated   3 w *                 6 y            3 y
version   2.5.0                 1.9.0          2.0.0
released  4 mo *                6 y            4 y
python    3.10, 3.13            3.10, 3.13     3.10, 3.13
django    4.2{DASH}6.0               ≤3.0           undeclared
* best value; packages that are archived or stale do not count
"""
BELOW = f"""\
                      state     stars   commits
django-pots-and-pans            5.1k *  40 *
django-kettle         archived  841     0
django-spoons         stale     125

                      updated  version  released
django-pots-and-pans  3 w *    2.5.0    4 mo *
django-kettle         6 y      1.9.0    6 y
django-spoons         3 y      2.0.0    4 y

                      python      django
django-pots-and-pans  3.10, 3.13  4.2{DASH}6.0
django-kettle         3.10, 3.13  ≤3.0
django-spoons         3.10, 3.13  undeclared
* best value; packages that are archived or stale
do not count
"""
FEW = parse_columns("stars,commits,updated,version,released,python,django")


def listed(rows: list[Values], width: int = 100, fields: str | None = None, *, ascii_only: bool = False) -> str:
    chosen = parse_columns(fields) if fields else None
    return render_text(packages_table(rows, columns=chosen, now=NOW, width=width, ascii_only=ascii_only), width)


@pytest.mark.parametrize(
    ("width", "expected"), [(140, AT_140), (100, AT_100), (80, AT_80), (70, AT_70), (60, AT_60), (40, AT_40)]
)
def test_the_columns_that_fit_are_shown(width: int, expected: str) -> None:
    assert listed(ROWS, width) == expected


@pytest.mark.parametrize("chosen", [None, "slug,updated"])
@pytest.mark.parametrize("width", [60, 100])
def test_a_commit_dated_more_than_a_day_ahead_is_dated_in_the_future(chosen: str | None, width: int) -> None:
    future = row("ahead", last_updated="2036-01-01T00:00:00Z")
    lines = listed([*ROWS, future], width, chosen).splitlines()
    assert "dated in the future" in lines[-1]
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("width", "has_sparkline"), [(119, False), (120, True), (200, True)])
def test_the_sparkline_gives_way_to_the_description_below_120_columns(width: int, *, has_sparkline: bool) -> None:
    head = listed(ROWS, width).splitlines()[0]
    assert ("52 WEEKS" in head) is has_sparkline
    assert head.endswith("STATE     DESCRIPTION")


@pytest.mark.parametrize("width", range(60, 161))
def test_a_description_is_shown_wherever_24_columns_are_left_for_it(width: int) -> None:
    head, *lines = listed(ROWS, width).splitlines()
    if "DESCRIPTION" in head:
        assert width - head.index("DESCRIPTION") >= 24
        assert lines[0].endswith("…")
    else:  # not even the age of the release alone leaves room for it
        assert width < 65 + 2 + 24
    assert "DJANGO" in head
    assert "STATE" in head


def test_a_description_takes_one_line() -> None:
    assert listed([row("pots", repo_description="One.\r\n\r\n  Two.\t")], 140).splitlines()[1].endswith("  One. Two.")


def test_an_ascii_terminal_gets_only_ascii() -> None:
    assert listed(ROWS, 120, ascii_only=True) == IN_ASCII


def test_the_table_reads_only_its_fields() -> None:
    assert listed([{name: value for name, value in row.items() if name in TABLE_FIELDS} for row in ROWS]) == AT_100


def test_an_empty_table_is_its_header() -> None:
    assert listed([]).split() == ["PACKAGE", "★", "COMMIT", "RELEASE", "DJANGO", "STATE", "DESCRIPTION"]
    assert listed([], fields="slug,stars") == "SLUG  STARS  STATE\n"


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


def test_one_long_slug_takes_no_room_from_the_descriptions() -> None:
    long = [*ROWS, row("django-" + "x" * 48)]
    assert listed(long, 100).splitlines()[:4] == listed(ROWS, 100).splitlines()


def test_a_package_without_repository_has_no_stars_and_no_weeks() -> None:
    nowhere = listed([row("pots", repo_state="none", repo_watchers=0, commits_over_52=[], last_updated=None)], 140)
    assert "· no repository ·" in nowhere
    assert " 0 " not in nowhere


@pytest.mark.parametrize(
    ("state", "words"), [(None, "not fetched"), ("gone", "gone"), ("blocked", "blocked"), ("ok", "unknown")]
)
def test_only_what_was_never_fetched_is_not_fetched(state: str | None, words: str) -> None:
    uncounted = row("pots", repo_state=state, commits_over_52=[], commits_last_year=None)
    assert f"· {words} ·" in listed([uncounted], 140)


@pytest.mark.parametrize("chosen", [None, "slug,stars"])
def test_the_state_has_a_column_of_its_own_and_only_final_states_are_red(chosen: str | None) -> None:
    rows = [
        row("a", repo_state="gone"),
        row("b", repo_state="gone", catalog_state="removed"),
        row("c", repo_state="moved"),
        row("d", last_updated="2020-01-01T00:00:00Z", released=None),
        row("e"),
    ]
    columns = parse_columns(chosen) if chosen else None
    shown = render_styled(packages_table(rows, columns=columns, now=NOW, width=60, ascii_only=False))
    lines = shown.splitlines()[1:]
    assert lines[0].endswith("\x1b[1;31mgone\x1b[0m")
    assert lines[1].endswith("\x1b[35mremoved\x1b[0m")
    assert lines[2].endswith("\x1b[35mmoved\x1b[0m")
    assert lines[3].endswith("  stale")
    assert "active" not in shown
    assert shown.count("\x1b[1;31m") == 1


def test_only_colours_readable_on_dark_and_light_backgrounds_are_used() -> None:
    rows = [*ROWS, row("moved", repo_state="moved"), row("gone", repo_state="gone"), row("most", repo_watchers=99_999)]
    tables = (
        packages_table(rows, columns=None, now=NOW, width=140, ascii_only=False, matches={"moved": "grid Tea"}),
        comparison(rows, None, now=NOW, width=100, ascii_only=False, unfetched={"moved": {"repo_watchers"}}),
    )
    for table in tables:
        groups = re.findall(r"\x1b\[([0-9;]*)m", render_styled(table))
        # Bold, dim, red, green, magenta, cyan and the default colour.
        assert {code for group in groups for code in group.split(";")} <= {"0", "1", "2", "31", "32", "35", "36", "39"}
        assert "32" in ";".join(groups).split(";")


def test_an_active_package_has_no_word_even_if_the_state_is_chosen() -> None:
    assert listed(ROWS, fields="state,slug").splitlines() == [
        "STATE     SLUG",
        "          django-pots-and-pans",
        "archived  django-kettle",
        "stale     django-spoons",
    ]


def test_a_package_found_by_its_grid_alone_says_so() -> None:
    matches = {"django-kettle": "grid Tea"}

    def shown(width: int, chosen: str | None = None) -> list[str]:
        columns = parse_columns(chosen) if chosen else None
        table = packages_table(ROWS, columns=columns, now=NOW, width=width, ascii_only=False, matches=matches)
        return render_text(table, width).splitlines()

    assert shown(100)[2].endswith("archived  (grid Tea) Flower pots for…")
    assert shown(100)[1].endswith("          Flower pots for every mode…")
    note = "found only by grid or category: django-kettle (grid Tea)"
    assert shown(80) == [*AT_80.splitlines(), note]
    assert shown(100, "slug,stars")[-1] == note
    assert note not in shown(100)


def test_many_packages_found_by_their_grid_are_counted() -> None:
    rows = [row(f"p{number}") for number in range(9)]
    matches = {f"p{number}": "grid Tea" for number in range(9)}
    table = packages_table(rows, columns=None, now=NOW, width=50, ascii_only=False, matches=matches)
    assert render_text(table, 50).endswith(
        "found only by grid or category: p0 (grid Tea), p1\n(grid Tea), p2 (grid Tea), 6 more\n"
    )


def test_chosen_columns_are_named_as_typed() -> None:
    assert listed(ROWS, fields="slug,stars,updated,archived") == (
        "SLUG                  STARS  UPDATED      ARCHIVED  STATE\n"
        "django-pots-and-pans   5112  3 weeks ago  no\n"
        "django-kettle           841  6 years ago  yes       archived\n"
        "django-spoons           125  3 years ago  no        stale\n"
    )


def test_a_wide_column_is_cut() -> None:
    shown = listed([row("pots", repo_description="word " * 100)], 60, "slug,description,stars")
    assert shown.splitlines()[1].startswith("pots  word word")
    assert shown.splitlines()[1].endswith("…   5112")
    assert shown.splitlines()[0].endswith("STARS  STATE")


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
        table = comparison(rows[start : start + 6], None, now=NOW, width=80, ascii_only=False)
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


def compared(rows: list[Values], columns: str | None = None, width: int = 100) -> list[str]:
    chosen = parse_columns(columns) if columns else None
    return render_text(comparison(rows, chosen, now=NOW, width=width, ascii_only=False), width).splitlines()


def test_a_comparison_starts_with_state_and_description_and_leaves_out_what_nobody_knows() -> None:
    first = [line.split("  ")[0] for line in compared(ROWS)]
    assert first[1:3] == ["state", "description"]
    assert "license" in first
    assert "development status" not in first
    assert "development status" in "\n".join(compared(ROWS, "stars,development_status"))


@pytest.mark.parametrize("width", [100, 16])
@pytest.mark.parametrize("columns", [None, "stars"])
def test_a_comparison_of_active_packages_has_no_state(columns: str | None, width: int) -> None:
    shown = "\n".join(compared([row("a"), row("b", repo_watchers=7)], columns, width))
    assert "stars" in shown
    assert "state" not in shown
    assert "active" not in shown


@pytest.mark.parametrize("width", [100, 16])
@pytest.mark.parametrize("columns", [None, "stars", "stars,state"])
def test_a_comparison_does_not_write_active_beside_another_state(columns: str | None, width: int) -> None:
    shown = "\n".join(compared([row("a"), row("b", archived=True)], columns, width))
    assert "archived" in shown
    assert "active" not in shown


def test_a_chosen_state_of_active_packages_is_an_empty_line_of_a_comparison() -> None:
    assert [line.split() for line in compared([row("a"), row("b")], "slug,state")[-1:]] == [["state"]]


def test_a_long_description_is_wrapped_below_its_package() -> None:
    rows = [row("django-pots"), row("pans", repo_description="Pans.")]
    lines = compared(rows, width=80)
    assert lines[1].split("  ")[-1] == "Pans."
    column = [line[lines[0].index("django-pots") : lines[0].index("pans")].strip() for line in lines[1:]]
    assert " ".join(column).startswith(DESCRIPTION)
    assert max(map(cell_len, lines)) <= 80
    giant = compared([row("a", repo_description="word " * 200), row("b")], width=80)
    assert sum("word" in line for line in giant) == 5
    assert any(line.rstrip().endswith("…") or "… " in line for line in giant)


def test_final_states_are_red_in_a_comparison() -> None:
    shown = render_styled(comparison(ROWS, None, now=NOW, width=100, ascii_only=False))
    assert "\x1b[1;31marchived\x1b[0m" in shown
    assert shown.count("\x1b[1;31m") == 1


def test_values_of_the_catalog_are_marked_in_a_comparison() -> None:
    unfetched = {"a": {"repo_watchers", "license", "pypi_version", "repo_description"}}
    rows = [row("a"), row("b", repo_watchers=7)]
    table = comparison(
        rows, parse_columns("stars,forks,version,license"), now=NOW, width=80, ascii_only=False, unfetched=unfetched
    )
    assert [line.rstrip() for line in render_text(table, 80).splitlines()[1:]] == [
        "stars    5.1k * †      7",
        "forks    285           285",
        "version  2.5.0 †       2.5.0",
        "license  BSD-3-Clause  BSD-3-Clause",
        "* best value",
        "† from the catalog, not from a fetch",
    ]


def test_long_names_of_compared_packages_have_the_room_that_is_left() -> None:
    names = [f"django-package-with-a-longer-name-{number}" for number in range(9)]
    lines = compared([row(name, repo_watchers=number + 1) for number, name in enumerate(names)], "stars,forks", 100)
    assert [line.split()[0] for line in lines[1:10]] == names
    assert all(len(line.split()) > 1 for line in lines[1:10])
    narrow = compared([row(name, repo_watchers=number + 1) for number, name in enumerate(names)], "stars,forks", 40)
    assert narrow[1] == names[0]
    assert narrow[2].startswith(" ")


def test_chosen_columns_that_would_be_cut_to_a_few_letters_are_blocks() -> None:
    note = "used by the billing service"
    rows = [row("django-pots", note=note, tags=["production", "billing"], replaced_by="django-newer-pots", edited=[])]
    columns = parse_columns("slug,tags,note,replaced_by,repo_description")
    for width in (40, 60):
        shown = render_text(packages_table(rows, columns=columns, now=NOW, width=width, ascii_only=False), width)
        assert note in " ".join(shown.split())
        assert "django-newer-pots" in shown
