from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from djpkg.model.fields import ALL_COLUMNS, FIELDS, get, parse_columns
from djpkg.render.field_docs import HEADINGS
from djpkg.render.small_tables import (
    events_table,
    field_blocks,
    fields_table,
    grids_table,
    sources_table,
    status_table,
    values_table,
)
from tests.render.samples import FORBIDDEN, NOW, PACKAGE, hostile_text, render_styled, render_text, sample_package

if TYPE_CHECKING:
    from djpkg.model.package import Value

WIDTHS = [40, 60, 80, 100, 140]


def test_events_show_the_old_and_the_new_value() -> None:
    rows = [
        ("2026-11-20T12:00:00Z", "django-pots", "released", "2.4", "2.5"),
        ("2026-11-22T12:00:00Z", "django-kettle", "archived", "", ""),
    ]
    table = events_table(rows, now=NOW, width=80, ascii_only=False)
    assert render_text(table, 80) == (
        "PACKAGE        WHEN        EVENT\n"
        "django-pots    3 days ago  released  2.4 → 2.5\n"
        "django-kettle  yesterday   archived\n"
    )
    assert "\x1b[1;31marchived" in render_styled(table, 80)


def test_grids_show_their_sizes() -> None:
    assert render_text(
        grids_table([("forms", "Forms", 12), ("cms", "CMS", 7)], heading="GRID", width=80, ascii_only=False)
    ) == ("GRID   PACKAGES  TITLE\nforms        12  Forms\ncms           7  CMS\n")


def test_categories_have_their_own_heading() -> None:
    table = grids_table([("apps", "App", 3)], heading="CATEGORY", width=80, ascii_only=False)
    assert render_text(table, 80) == "CATEGORY  PACKAGES  TITLE\napps             3  App\n"


@pytest.mark.parametrize("width", WIDTHS)
def test_every_field_is_listed_with_its_aliases_and_an_example_at_any_width(width: int) -> None:
    lines = render_text(fields_table(width=width, ascii_only=True), width).splitlines()
    shown = "".join("".join(lines).split())  # a long word may be broken
    for field in FIELDS:
        for text in (field.name, *field.aliases, field.example):
            assert "".join(text.split()) in shown
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_about_a_named_field_is_shown_at_any_width(width: int) -> None:
    shown = render_text(field_blocks(FIELDS, width=width, ascii_only=True), width)
    assert max(map(cell_len, shown.splitlines())) <= width
    words = " ".join(shown.split())
    for field in FIELDS:
        for text in (field.name, *field.aliases, field.kind.value, field.owner.value, field.example):
            assert text in words
    assert all(heading in words for heading in HEADINGS.values())


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (80, "FIELD ALIASES MEANING"),
        (100, "FIELD ALIASES TYPE MEANING"),
        (160, "FIELD ALIASES TYPE SOURCE EDIT EXAMPLE MEANING"),
        (200, " ".join(HEADINGS.values()).upper()),
    ],
)
def test_the_fields_are_a_table_of_what_fits(width: int, headings: str) -> None:
    lines = render_text(fields_table(width=width, ascii_only=False), width).splitlines()
    assert lines[0].split() == headings.split()
    stars = next(line for line in lines if line.startswith("repo_watchers "))
    assert "number of stars" in stars
    assert "stars:100.." in stars
    assert (lines[-1] == "djpkg fields NAME shows everything about a field") is (width < 200)


def test_a_named_field_is_a_block() -> None:
    shown = render_text(field_blocks([get("checked"), get("id")], width=80, ascii_only=False), 80).split("\n\n")
    assert shown[0] == (
        f"field    checked\ntype     {get('checked').kind.value}\nsource   djpkg\nquery    yes\n"
        f"example  checked:github\nmeaning  {get('checked').about}"
    )
    assert len(shown) == 2


def test_status_lines_are_labelled_and_wrapped() -> None:
    shown = render_text(
        status_table([("mirror", "/home/m/mirror.db"), ("", "word " * 20)], width=60, ascii_only=False), 60
    )
    assert shown.splitlines()[0] == "mirror  /home/m/mirror.db"
    assert all(line.startswith("        word") for line in shown.splitlines()[1:])
    assert shown.count("word") == 20


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_each_field_shows_source_age_and_upstream_value(width: int) -> None:
    lines = render_text(sources_table(PACKAGE, ALL_COLUMNS, now=NOW, width=width, ascii_only=False), width).splitlines()
    assert "repo_watchers       github   2 h  5112" in lines
    assert "title               catalog  3 d  django-pots" in lines
    assert "documentation_url   you ✎    2 d  pots.example.org/en/lates" in "\n".join(lines)
    assert any(line.startswith("                    catalog  3 d  upstream: ") for line in lines)
    assert {field.name for field in FIELDS} <= {line.split()[0] for line in lines}


def test_narrow_terminals_show_source_and_age_too() -> None:
    shown = render_text(sources_table(PACKAGE, parse_columns("docs,title"), now=NOW, width=36, ascii_only=False), 36)
    assert shown == (
        "field   docs\nsource  you ✎\nage     2 d\nvalue   pots.example.org/en/latest\n"
        "source  catalog\nage     3 d\nvalue   upstream: old.example.org\n"
        "\nfield   title\nsource  catalog\nage     3 d\nvalue   django-pots\n"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_escape_texts_and_keep_to_the_width(width: int) -> None:
    columns = parse_columns("title,checked,docs,stars")
    for seed in range(100):
        text = hostile_text(seed)
        tables = (
            events_table([(text, text, text, text, text)], now=NOW, width=width, ascii_only=False),
            grids_table([(text, text, 1)], heading="GRID", width=width, ascii_only=False),
            status_table([(text, text)], width=width, ascii_only=False),
            sources_table(
                sample_package(title=text, checked={text: text}), columns, now=NOW, width=width, ascii_only=False
            ),
        )
        for table in tables:
            shown = render_text(table, width)
            assert not FORBIDDEN.search(shown)
            assert max(map(cell_len, shown.splitlines())) <= width


def test_long_names_fit_on_narrow_terminals() -> None:
    slug = "django-pots-and-pans-and-lids-and-kettles"
    rows = [("2026-11-20T12:00:00Z", name, "released", "2.4", "2.5") for name in ("lids", slug)]
    assert render_text(events_table(rows, now=NOW, width=60, ascii_only=False), 60) == (
        "PACKAGE                      WHEN        EVENT\n"
        "lids                         3 days ago  released  2.4 → 2.5\n"
        f"{slug}\n"
        "                             3 days ago  released  2.4 → 2.5\n"
    )
    assert render_text(events_table(rows[:1], now=NOW, width=30, ascii_only=False), 30) == (
        "package  lids\nwhen     3 days ago\nevent    released\n         2.4 → 2.5\n"
    )


def test_an_empty_table_is_its_header() -> None:
    assert render_text(events_table([], now=NOW, width=80, ascii_only=False)) == "PACKAGE  WHEN  EVENT\n"


def test_named_values_come_with_a_state_that_is_not_active() -> None:
    def shown(fields: str, **changes: Value) -> str:
        values = sample_package(**changes).values
        return render_text(values_table(values, parse_columns(fields), now=NOW, width=80, ascii_only=False), 80)

    assert shown("stars") == "stars  5112\n"
    assert shown("stars", archived=True) == "stars  5112\nstate  archived\n"
    assert shown("state,stars", archived=True) == "state  archived\nstars  5112\n"
    assert shown("state") == "state  active\n"
