from __future__ import annotations

import re

import pytest

from djpkg.check.report import Alternative, Failure, Remark
from tests.render.check_reports import (
    FINE,
    OLDFORMS,
    QUIET,
    crowded,
    finding,
    hostile,
    package,
    render,
    report,
    sample,
    unlisted,
)
from tests.render.samples import FORBIDDEN

# GitHub's limit for a comment.
MAX_LENGTH = 65_536


def test_a_comment_has_the_answer_a_table_of_what_fails_and_a_list_of_notes() -> None:
    assert render(sample(), "markdown") == (
        "### djpkg check: 1 fails, 4 notes, 30 fine\n"
        "\n"
        "uv.lock: 135 packages, 35 in the directory · Django 5.2.8 · mirror 14 h old\n"
        "\n"
        "| fails | where | why | next |\n"
        "|---|---|---|---|\n"
        "| **django-oldforms** 1.9.0 | uv.lock:611, direct | **yanked**: 1.9.0 was yanked on 2026-10-03<br>"
        "also outdated | 1.9.1 is out and declares Django 5.2 |\n"
        "\n"
        "- **django-gonequeue** 0.8 (uv.lock:702, via wagtail-bakery):"
        " archived: the repository was archived on 2024-03-02; instead: none known\n"
        "- **quiet** (no commit and no release for 2y): django-a, django-b, django-c\n"
        "\n"
        "100 are not in the directory and not judged, among them django-inhouse\n"
        "\n"
        "Django 5.2.8 (uv.lock:12 pins 5.2.8): 34 declared, 1 unproven\n"
    )


def test_a_project_where_all_is_fine_is_short() -> None:
    assert render(report(*FINE), "markdown") == (
        "### djpkg check: nothing fails, no notes, 30 fine\n"
        "\n"
        "uv.lock: 30 packages, 30 in the directory · Django 5.2.8 · mirror 14 h old\n"
        "\n"
        "Django 5.2.8 (uv.lock:12 pins 5.2.8): 30 declared\n"
    )


def test_many_notes_are_folded() -> None:
    packages = [package(f"django-{number}", finding("archived")) for number in range(4)]
    text = render(report(*packages), "markdown")
    assert "<details><summary>4 notes</summary>\n\n- **django-0** 1.0" in text
    assert "</details>\n" in text
    assert "<details>" not in render(report(*packages[:3]), "markdown")


def test_many_remarks_are_folded_where_nothing_is_judged() -> None:
    remarks = [Remark("pyproject.toml", line, "the rule no longer applies; remove it") for line in range(1, 5)]
    text = render(report(remarks=remarks), "markdown")
    assert "<details><summary>4 notes</summary>\n\n- pyproject.toml:1: the rule no longer applies" in text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("<img src=x> | `a` **b** [c](d) ~~e~~ \\", r"\<img src=x\> \| \`a\` \*\*b\*\* \[c\](d) \~\~e\~\~ \\"),
        ("thanks @mara, see #12 and GH-7", r"thanks @<!-- -->mara, see \#<!-- -->12 and GH-<!-- -->7"),
        ("costs $x$", "costs <span>$</span>x<span>$</span>"),
        ("two\nlines", "two lines"),
        ("&amp; <!-- x -->", r"\&amp; \<!-- x --\>"),
    ],
)
def test_markup_mentions_and_references_are_shown_as_they_are(message: str, shown: str) -> None:
    text = render(report(package("x", finding("gone", message, fails=True))), "markdown")
    assert f"| **gone**: {shown} |" in text


def test_hostile_texts_keep_the_table_and_contain_no_control_characters() -> None:
    for seed in range(60):
        text = render(hostile(seed), "markdown")
        assert not FORBIDDEN.search(text)
        row = next(line for line in text.splitlines() if "**yanked**" in line)
        assert len(re.findall(r"(?<!\\)\|", row)) == 5
        assert not re.search(r"(?<!\\)[\[`]", text)


def test_a_crowded_report_fits_a_comment() -> None:
    text = render(crowded(), "markdown")
    assert len(text) < MAX_LENGTH
    packages = [
        package(f"django-{number:03}", finding("gone", "x" * 900, "y" * 900, fails=True)) for number in range(300)
    ]
    text = render(report(*packages, files=["f" * 90] * 9), "markdown")
    assert len(text) < MAX_LENGTH
    assert "| and 250 more | | | |\n" in text


def test_alternatives_and_remarks_are_shown() -> None:
    dead = package("x", finding("gone", fails=True), dead=True, instead=[Alternative("django-y", "your replaced_by")])
    text = render(report(dead, remarks=[Remark("pyproject.toml", 12, "remove it")]), "markdown")
    assert "| instead: django-y (your replaced\\_by) |" in text
    assert "- pyproject.toml:12: remove it\n" in text


def test_what_is_ignored_is_a_note_with_its_reason() -> None:
    shown = report(package("django-x", finding("gone", ignored="vendored")))
    assert "- ignored (vendored): django-x (gone)\n" in render(shown, "markdown")


def test_verbose_names_what_is_unlisted() -> None:
    shown = report(*FINE, others=unlisted("attrs", "six"))
    assert "\n2 are not in the directory and not judged\n" in render(shown, "markdown")
    assert "\n2 are not in the directory and not judged: attrs, six\n" in render(shown, "markdown", verbose=True)


def test_a_check_that_could_not_judge_is_no_answer() -> None:
    failure = Failure("the catalog was last read on 2026-01-01", "run djpkg fetch --all")
    text = render(report(OLDFORMS, *QUIET, failure=failure), "markdown")
    assert text.startswith(
        "### djpkg check: not judged; as of then 1 fails, 3 notes, 0 fine\n\n"
        "**the catalog was last read on 2026-01-01; run djpkg fetch --all**\n"
    )
    assert render(report(others=unlisted("six"), failure=failure), "markdown").startswith(
        "### djpkg check: not judged\n"
    )
