from __future__ import annotations

import re

import pytest

from djpkg.check.report import Alternative, Failure, MirrorAge, Place, Remark, Report, Target, Verdict
from djpkg.render.plain_lines import count_columns
from tests.render.check_reports import (
    FINE,
    GONEQUEUE,
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

WIDTHS = [60, 80, 100, 120]


def section(text: str, start: str) -> str:
    """Return the line that starts so, and the indented lines below it, as one line."""
    found = re.search(rf"^{re.escape(start)}.*(?:\n +.*)*", text, re.MULTILINE)
    assert found is not None, text
    return re.sub(r"\s*\n\s+", " ", found.group())


def test_the_report_has_the_answer_first_then_fails_notes_and_what_is_fine() -> None:
    assert render(sample()) == (
        "uv.lock: 135 packages, 35 in the directory · Django 5.2.8 · mirror 14 h old\n"
        "1 fails, 4 notes, 30 fine; 100 are not in the directory and not judged (-v)\n"
        "\n"
        "FAIL  django-oldforms 1.9.0          uv.lock:611  direct\n"
        "      yanked      1.9.0 was yanked on 2026-10-03\n"
        "      next        1.9.1 is out and declares Django 5.2\n"
        "      outdated    1.9.0 is in use; 1.9.1 is out (2026-10-04)\n"
        "\n"
        "NOTE  django-gonequeue 0.8           uv.lock:702  via wagtail-bakery\n"
        "      archived    the repository was archived on 2024-03-02\n"
        "      instead     none known\n"
        "NOTE  quiet (no commit and no release for 2y): django-a, django-b, django-c\n"
        "\n"
        "FINE  30 packages (-v)\n"
        "SKIP  not in the directory: django-inhouse and 99 more (-v)\n"
        "\n"
        "Django  5.2.8 (uv.lock:12 pins 5.2.8): 34 declared, 1 unproven\n"
        "Python  3.12 (uv.lock:2 requires Python >=3.12)\n"
    )


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen(*, width: int, verbose: bool) -> None:
    for shown in (sample(), crowded(), report(), report(others=unlisted("six"))):
        lines = render(shown, width=width, verbose=verbose).splitlines()
        assert [line for line in lines if count_columns(line) > width] == []
        assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_answer_is_in_the_first_two_lines(width: int) -> None:
    for shown in (sample(), crowded(), report(*FINE), report(others=unlisted("six"))):
        first, second, third = render(shown, width=width).splitlines()[:3]
        assert "Django 5.2.8" in first
        assert "mirror 14 h old" in first
        assert re.match(r"(\d+ fails?|nothing fails|nothing to judge)\b", second)
        assert third == ""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_words_are_the_same_at_every_width_below_the_first_two_lines(width: int) -> None:
    wide = render(crowded(), width=140).split("\n\n", 1)[1].split()
    assert render(crowded(), width=width).split("\n\n", 1)[1].split() == wide


def test_colour_changes_nothing_but_styles() -> None:
    for shown in (sample(), crowded()):
        coloured = render(shown, colour=True)
        assert "\x1b[1;31mFAIL\x1b[0m" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(shown)
        assert "\x1b" not in render(shown)


@pytest.mark.parametrize("width", [30, 60, 80])
def test_hostile_texts_stay_within_the_screen_and_are_escaped(width: int) -> None:
    for seed in range(60):
        for verbose in (False, True):
            text = render(hostile(seed), width=width, verbose=verbose)
            assert not FORBIDDEN.search(text.replace("\u200d", ""))
            assert max(map(count_columns, text.splitlines())) <= width
            assert len(text.splitlines()) < 600


def test_without_unicode_everything_is_ascii() -> None:
    for shown in (sample(), crowded(), hostile(3)):
        assert render(shown, ascii_only=True).isascii()


def test_a_project_where_all_is_fine_is_short() -> None:
    assert render(report(*FINE[:3])) == (
        "uv.lock: 3 packages, 3 in the directory · Django 5.2.8 · mirror 14 h old\n"
        "nothing fails, no notes, 3 fine\n"
        "\n"
        "FINE  django-fine-0, django-fine-1, django-fine-2\n"
        "\n"
        "Django  5.2.8 (uv.lock:12 pins 5.2.8): 3 declared\n"
        "Python  3.12 (uv.lock:2 requires Python >=3.12)\n"
    )


def test_a_project_without_a_listed_dependency_has_nothing_to_judge() -> None:
    lines = render(report(others=unlisted("six", "attrs"))).splitlines()
    assert lines[0].startswith("uv.lock: 2 packages, none in the directory")
    assert lines[1] == "nothing to judge; 2 are not in the directory and not judged (-v)"
    assert not any("FINE" in line or "SKIP" in line for line in lines)


def test_a_project_without_dependencies_has_nothing_to_judge() -> None:
    assert render(report()).splitlines()[:3] == [
        "uv.lock: 0 packages, none in the directory · Django 5.2.8 · mirror 14 h old", "nothing to judge", "",
    ]  # fmt: skip


def test_unlisted_dependencies_that_look_like_django_packages_are_always_named_and_the_others_with_verbose() -> None:
    shown = report(*FINE, others=unlisted("attrs", "django-inhouse", "six"))
    assert section(render(shown), "SKIP") == "SKIP  not in the directory: django-inhouse and 2 more (-v)"
    assert section(render(shown, verbose=True), "SKIP") == "SKIP  not in the directory: attrs, django-inhouse, six"
    assert render(shown, verbose=True).splitlines()[1].endswith("3 are not in the directory and not judged")


def test_one_unlisted_dependency_is_counted_in_the_singular() -> None:
    assert (
        render(report(*FINE, others=unlisted("six")))
        .splitlines()[1]
        .endswith("1 is not in the directory and not judged (-v)")
    )


@pytest.mark.parametrize(("number", "grouped"), [(2, False), (3, True)])
def test_three_notes_of_one_rule_are_grouped(*, number: int, grouped: bool) -> None:
    text = render(report(*QUIET[:number]))
    assert ("quiet (no commit and no release for 2y): django-a" in text) is grouped
    assert ("last commit 2020-01-01" in text) is not grouped


def test_verbose_shows_the_evidence_of_a_group() -> None:
    text = render(report(*QUIET), verbose=True)
    assert "NOTE  quiet (no commit and no release for 2y)\n      django-a  last commit 2020-01-01\n" in text


def test_verbose_shows_what_is_fine_with_the_verdict() -> None:
    text = render(report(*FINE[:1]), verbose=True)
    assert "FINE  1\n      django-fine-0  2.0 (2026-07-24) declares Django 5.2\n" in text


@pytest.mark.parametrize("rule", ["yanked", "gone", "archived", "removed", "excluded", "replaced"])
def test_notes_that_need_their_evidence_are_never_grouped(rule: str) -> None:
    packages = [package(f"django-{number}", finding(rule, f"evidence {number}")) for number in range(4)]
    text = render(report(*packages))
    assert all(f"evidence {number}" in text for number in range(4))


def test_a_member_of_a_group_names_its_parent() -> None:
    text = render(report(package("django-d", finding("quiet"), via=["wagtail"]), *QUIET))
    assert "django-c, django-d (via wagtail)" in section(text, "NOTE  quiet")


def test_a_package_can_have_evidence_of_its_own_and_be_in_a_group() -> None:
    both = package("django-both", finding("archived", "archived on a day"), finding("quiet"), dead=True)
    text = render(report(both, *QUIET))
    assert section(text, "NOTE  django-both").endswith("archived on a day instead     none known")
    assert "django-both" in section(text, "NOTE  quiet")


def test_the_most_important_rules_are_first_and_direct_dependencies_before_others() -> None:
    text = render(
        report(
            package("django-1", finding("moved")),
            package("django-2", finding("archived"), via=["a"]),
            package("django-3", finding("archived")),
        )
    )
    assert re.findall(r"^NOTE  (\S+)", text, re.MULTILINE) == ["django-3", "django-2", "django-1"]


def test_next_steps_are_shown_once() -> None:
    step = "replace it, or maintain a fork"
    shown = report(
        package("django-x", finding("gone", "", step, fails=True), finding("archived", "", step, fails=True))
    )
    assert render(shown).count(step) == 1


def test_alternatives_are_offered_with_their_reason() -> None:
    dead = GONEQUEUE._replace(instead=(Alternative("django-tasks", "3 of 4 former dependents require it now"),))
    text = render(report(dead))
    assert "      instead     django-tasks (3 of 4 former dependents require it now)\n" in text
    assert "none known" not in text


def test_places_with_different_pins_are_all_named() -> None:
    places = [Place("base.txt", 3, "==1.0", "1.0"), Place("dev.txt", 4, "==1.0", "1.0"), Place("prod.txt", 7, "", None)]
    text = render(report(package("django-x", finding("moved"), places=places)))
    assert "base.txt:3 and 2 more  direct" in text
    assert "      places      base.txt:3 ==1.0, dev.txt:4 ==1.0, prod.txt:7 any version\n" in text
    assert "places" not in render(report(package("django-x", finding("moved"), places=places[:2])))


def test_the_place_is_that_of_the_version_that_a_finding_is_about() -> None:
    places = [Place("base.txt", 3, "==1.10", "1.10"), Place("prod.txt", 7, "==1.1", "1.1")]
    yanked = finding("yanked", "1.1 is yanked", fails=True)._replace(place=places[1])
    quiet = finding("outdated", "1.10 is in use")._replace(place=places[0])
    shown = report(package("django-x", quiet, yanked, version="1.10", places=places))
    assert "FAIL  django-x 1.1                   prod.txt:7 and 1 more  direct\n" in render(shown)
    assert "::error file=prod.txt,line=7," in render(shown, "github")
    assert "\t1.1\tprod.txt\t7\t" in render(shown, "tsv")
    assert "| **django-x** 1.1 | prod.txt:7 and 1 more, direct |" in render(shown, "markdown")


def test_many_parents_are_counted() -> None:
    text = render(report(package("django-x", finding("moved"), via=["a", "b", "c", "d", "e"])))
    assert "via a, b, c and 2 more\n" in text


def test_a_long_name_has_its_own_line_and_is_not_cut() -> None:
    name = "django-" + "x" * 70
    lines = render(report(package(name, finding("moved")))).splitlines()
    assert lines[3:5] == [f"NOTE  {name[:74]}", f"      {name[74:]} 1.0"]
    assert lines[5] == "      uv.lock:3  direct"


def test_several_files_are_named_below_if_the_first_line_has_no_room() -> None:
    files = ["requirements/base.txt", "requirements/dev.txt", "requirements/prod.txt"]
    text = render(report(*FINE, files=files))
    assert text.startswith("3 files in requirements: 30 packages, 30 listed · Django 5.2.8")
    assert "\nFiles   requirements/base.txt, requirements/dev.txt, requirements/prod.txt\n" in text
    assert "Files" not in render(report(*FINE, files=["base.txt", "dev.txt"]), width=120)


def test_a_file_in_a_deep_folder_is_shortened_in_the_first_line_and_named_in_full_below() -> None:
    file = "/home/runner/work/shop/shop/deployment/requirements/production.txt"
    text = render(report(*FINE, files=[file]))
    assert text.startswith(".../production.txt: 30 packages, 30 listed · Django 5.2.8 · mirror 14 h old\n")
    assert f"\nFiles   {file}\n" in text


def test_ignored_findings_are_named_with_the_reason_and_counted_where_there_are_many() -> None:
    few = report(package("django-x", finding("archived", ignored="we maintain a fork"), dead=True))
    assert "NOTE  ignored (we maintain a fork): django-x (archived)\n" in render(few)
    packages = [package(f"django-{number:02}", finding("quiet", ignored="in the baseline")) for number in range(11)]
    assert "NOTE  ignored (in the baseline): 11 findings (-v)\n" in render(report(*packages))
    assert "django-07  quiet: about quiet\n" in render(report(*packages), verbose=True)


def test_an_ignored_finding_beside_one_that_fails_is_marked() -> None:
    shown = report(
        package("django-x", finding("gone", fails=True), finding("archived", "it ended", ignored="vendored"))
    )
    assert "      archived    it ended (ignored: vendored)\n" in render(shown)


def test_remarks_are_notes_with_their_place() -> None:
    text = render(report(*FINE, remarks=[Remark("pyproject.toml", 12, "exception for django-x, quiet: remove it")]))
    assert "\nNOTE  pyproject.toml:12  exception for django-x, quiet: remove it\n" in text


def test_a_mirror_that_is_too_old_is_stated_before_the_result() -> None:
    lines = render(report(OLDFORMS, failure=Failure("the catalog was last read on 2026-01-01", "run it"))).splitlines()
    assert lines[1] == "not judged: the catalog was last read on 2026-01-01"
    assert lines[2] == "as of then 1 fails, no notes, 0 fine"
    assert any(line.startswith("FAIL  django-oldforms") for line in lines)


def test_without_a_catalog_nothing_is_called_unlisted() -> None:
    shown = report(others=unlisted("django-x", "six"), failure=Failure("the mirror has no catalog yet"))
    text = render(shown._replace(mirror=MirrorAge(None, None, None)), verbose=True)
    assert text.startswith(
        "uv.lock: 2 packages · Django 5.2.8 · mirror never fetched\nnot judged: the mirror has no catalog yet\n\nDjango"
    )
    assert "directory" not in text


def test_an_unknown_django_is_stated() -> None:
    shown = report(*FINE, django=Target(None, "the releases of Django are not in the mirror"))
    assert "Django unknown" in render(shown).splitlines()[0]
    assert "\nDjango  unknown (the releases of Django are not in the mirror)\n" in render(shown)


def test_verdicts_on_django_are_counted() -> None:
    verdicts = [*Verdict, Verdict.DECLARED, None]
    packages = [package(f"django-{number}", django=verdict) for number, verdict in enumerate(verdicts)]
    text = section(render(report(*packages)), "Django ")
    assert text.endswith(": 2 declared, 1 allowed, 1 unproven, 1 ahead, 1 excluded, 1 without a known release")


def test_what_markers_exclude_is_counted_and_named_with_verbose() -> None:
    shown: Report = report(*FINE, excluded=["colorama", "pywin32"])
    assert "; excluded by markers: 2 (-v)\n" in render(shown)
    assert section(render(shown, verbose=True), "Python").endswith("; excluded by markers: colorama, pywin32")


def test_the_pin_of_a_lock_file_is_shown_beside_another_specifier() -> None:
    places = [Place("uv.lock", 29, "", "2.4.0"), Place("pyproject.toml", 9, ">=2", None)]
    text = render(report(package("x", finding("archived"), places=places)))
    assert "places      uv.lock:29 ==2.4.0, pyproject.toml:9 >=2" in text
    same = [Place("uv.lock", 29, "", "2.4.0"), Place("pyproject.toml", 9, "==2.4.0", "2.4.0")]
    assert "places" not in render(report(package("x", finding("archived"), places=same)))


def test_remarks_count_as_notes_in_text_and_markdown() -> None:
    notes = [package("x", finding("archived")), package("y", finding("moved"))]
    shown = report(*notes, remarks=[Remark("pyproject.toml", line, "remove it") for line in (1, 2)])
    text = render(shown)
    assert text.splitlines()[1] == "nothing fails, 4 notes, 0 fine"
    assert text.count("\nNOTE ") == 4
    markdown = render(shown, "markdown")
    assert "### djpkg check: nothing fails, 4 notes, 0 fine" in markdown
    assert "<summary>4 notes</summary>" in markdown
    assert markdown.count("\n- ") == 4
