from __future__ import annotations

import pytest
from rich.cells import cell_len

from djpkg.model.fields import FIELDS, parse_columns
from djpkg.render.field_docs import HEADS
from djpkg.render.small_tables import (
    EventRow,
    GridRow,
    events_table,
    fields_table,
    grids_table,
    sources_table,
    status_table,
)
from tests.render.samples import FORBIDDEN, NOW, PACKAGE, drawn, hostile, package, styled

WIDTHS = [40, 60, 80, 100, 140]


def test_events_are_told_with_what_was_and_what_is() -> None:
    rows = [
        EventRow("2026-11-20T12:00:00Z", "django-pots", "released", "2.4", "2.5"),
        EventRow("2026-11-22T12:00:00Z", "django-kettle", "archived", "", ""),
    ]
    table = events_table(rows, now=NOW, width=80, ascii_only=False)
    assert drawn(table, 80) == (
        "PACKAGE        WHEN        EVENT\n"
        "django-pots    3 days ago  released  2.4 → 2.5\n"
        "django-kettle  yesterday   archived\n"
    )
    assert "\x1b[1;31marchived" in styled(table, 80)


def test_grids_are_told_with_their_sizes() -> None:
    assert drawn(
        grids_table([GridRow("forms", "Forms", 12), GridRow("cms", "CMS", 7)], width=80, ascii_only=False)
    ) == ("GRID   PACKAGES  TITLE\nforms        12  Forms\ncms           7  CMS\n")


def test_categories_are_told_under_their_own_head() -> None:
    table = grids_table([GridRow("apps", "App", 3)], head="CATEGORY", width=80, ascii_only=False)
    assert drawn(table, 80) == "CATEGORY  PACKAGES  TITLE\napps             3  App\n"


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_is_told_of_every_field_at_any_width(width: int) -> None:
    lines = drawn(fields_table(width=width, ascii_only=True), width).splitlines()
    shown = " ".join(" ".join(lines).split())
    for field in FIELDS:
        for text in (field.name, *field.aliases, field.kind.value, field.owner.value, field.example):
            assert text in shown
    assert all(head in shown.lower().split() for head in HEADS.values())
    assert max(map(cell_len, lines)) <= width


def test_what_a_field_is_stands_in_a_line_on_a_wide_terminal() -> None:
    lines = drawn(fields_table(width=140, ascii_only=False), 140).splitlines()
    assert lines[0].split() == [head.upper() for head in HEADS.values()]
    assert next(line for line in lines if line.startswith("repo_watchers ")).split() == (
        ["repo_watchers", "stars", "number", "forge", "yes", "yes", "yes", "yes", "stars:100..", "stars"]
    )


def test_what_a_field_is_is_a_block_on_a_narrow_terminal() -> None:
    lines = drawn(fields_table(width=80, ascii_only=False), 80).split("\n\n")
    assert lines[[field.name for field in FIELDS].index("checked")] == (
        "field    checked\ntype     texts by name\nsource   djpkg\nquery    yes\nexample  checked:github\n"
        "what     when each source last answered"
    )


def test_a_status_is_labels_and_wrapped_lines() -> None:
    shown = drawn(status_table([("mirror", "/home/m/mirror.db"), ("", "word " * 20)], width=60, ascii_only=False), 60)
    assert shown.splitlines()[0] == "mirror  /home/m/mirror.db"
    assert all(line.startswith("        word") for line in shown.splitlines()[1:])
    assert shown.count("word") == 20


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_each_field_is_shown_with_its_source_its_age_and_what_an_edit_hides(width: int) -> None:
    lines = drawn(sources_table(PACKAGE, now=NOW, width=width, ascii_only=False), width).splitlines()
    assert "repo_watchers       github   2 h   5112" in lines
    assert "title               catalog  3 d   django-pots" in lines
    assert "documentation_url   you ✎    2 d   pots.example.org/en/lates" in "\n".join(lines)
    assert any(line.startswith("                    catalog  3 d   upstream: ") for line in lines)
    assert {field.name for field in FIELDS} <= {line.split()[0] for line in lines}


def test_no_field_is_without_its_source_and_its_age_on_the_narrowest_terminal() -> None:
    shown = drawn(sources_table(PACKAGE, parse_columns("docs,title"), now=NOW, width=36, ascii_only=False), 36)
    assert shown == (
        "field   docs\nsource  you ✎\ntold    2 d\nvalue   pots.example.org/en/latest\n"
        "source  catalog\ntold    3 d\nvalue   upstream: old.example.org\n"
        "\nfield   title\nsource  catalog\ntold    3 d\nvalue   django-pots\n"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_tables_hold_no_foreign_control_characters_and_keep_to_the_width(width: int) -> None:
    spoilt = parse_columns("title,checked,docs,stars")
    for seed in range(100):
        text = hostile(seed)
        tables = (
            events_table([EventRow(text, text, text, text, text)], now=NOW, width=width, ascii_only=False),
            grids_table([GridRow(text, text, 1)], width=width, ascii_only=False),
            status_table([(text, text)], width=width, ascii_only=False),
            sources_table(package(title=text, checked={text: text}), spoilt, now=NOW, width=width, ascii_only=False),
        )
        for table in tables:
            shown = drawn(table, width)
            assert not FORBIDDEN.search(shown)
            assert max(map(cell_len, shown.splitlines())) <= width


def test_what_happened_is_said_of_a_package_of_any_name_on_a_narrow_terminal_too() -> None:
    slug = "django-pots-and-pans-and-lids-and-kettles"
    rows = [EventRow("2026-11-20T12:00:00Z", name, "released", "2.4", "2.5") for name in ("lids", slug)]
    assert drawn(events_table(rows, now=NOW, width=60, ascii_only=False), 60) == (
        "PACKAGE                      WHEN        EVENT\n"
        "lids                         3 days ago  released  2.4 → 2.5\n"
        f"{slug}\n"
        "                             3 days ago  released  2.4 → 2.5\n"
    )
    assert drawn(events_table(rows[:1], now=NOW, width=30, ascii_only=False), 30) == (
        "package  lids\nwhen     3 days ago\nevent    released\n         2.4 → 2.5\n"
    )


def test_nothing_to_tell_is_the_heads() -> None:
    assert drawn(events_table([], now=NOW, width=80, ascii_only=False)) == "PACKAGE  WHEN  EVENT\n"
