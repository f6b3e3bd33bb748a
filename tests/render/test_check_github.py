from __future__ import annotations

import re

from djpkg.check.report import Alternative, Failure, Place, Remark
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

# What GitHub's runner reads: a command, its properties, and the message.
COMMAND = re.compile(r"::(?P<kind>error|notice) (?P<properties>[^:]*)::(?P<message>.*)")


def decoded(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Return kind, properties and message of each line as GitHub decodes them."""
    found = []
    for line in text.removesuffix("\n").split("\n"):
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        properties = dict(pair.split("=", 1) for pair in match["properties"].split(","))
        found.append(
            (match["kind"], {name: decode(value) for name, value in properties.items()}, decode(match["message"]))
        )
    return found


def decode(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_the_answer_is_first_then_errors_then_notices() -> None:
    assert render(sample(), "github") == (
        "::notice title=djpkg check::1 fails, 4 notes, 30 fine; 100 are not in the directory and not judged"
        " (135 packages, 35 in the directory, Django 5.2.8, mirror 14 h old)\n"
        "::error file=uv.lock,line=611,title=djpkg check%3A django-oldforms yanked::django-oldforms 1.9.0 (direct):"
        " 1.9.0 was yanked on 2026-10-03; 1.9.1 is out and declares Django 5.2\n"
        "::notice file=uv.lock,line=702,title=djpkg check%3A django-gonequeue archived::django-gonequeue 0.8"
        " (via wagtail-bakery): the repository was archived on 2024-03-02; instead: none known\n"
        "::notice title=djpkg check%3A quiet::no commit and no release for 2y: django-a, django-b, django-c\n"
        "::notice file=uv.lock,line=9,title=djpkg check%3A django-inhouse::django-inhouse is not in the directory"
        " and not judged\n"
    )


def test_signs_that_would_end_a_value_are_encoded() -> None:
    places = [Place("a,b:c%d\r\ne.txt", 7, "", None)]
    text = render(report(package("x", finding("moved", "100%\n::error::gone, really: %0A"), places=places)), "github")
    line = text.splitlines()[1]
    assert line.startswith("::notice file=a%2Cb%3Ac%25d%0D%0Ae.txt,line=7,title=djpkg check%3A x moved::x ")
    assert line.endswith(": 100%25%0A::error::gone, really: %250A")
    assert decoded(text)[1][1]["file"] == "a,b:c%d\r\ne.txt"


def test_hostile_texts_make_no_further_command_and_no_control_character() -> None:
    for seed in range(60):
        text = render(hostile(seed), "github")
        assert not FORBIDDEN.search(text)
        assert {kind for kind, _, _ in decoded(text)} == {"error", "notice"}
        assert sum(kind == "error" for kind, _, _ in decoded(text)) == 1


def test_every_failing_dependency_is_an_error_at_its_first_place() -> None:
    shown = crowded()
    errors = [properties for kind, properties, _ in decoded(render(shown, "github")) if kind == "error"]
    failing = [one for one in shown.packages if one.severity == "fail"]
    assert [(one["file"], int(one["line"])) for one in errors] == [
        (one.places[0].file, one.places[0].line) for one in failing
    ]
    assert len(failing) > 10


def test_standard_input_is_no_file() -> None:
    places = [Place("standard input", 7, "", None)]
    assert "file=" not in render(report(package("x", finding("gone", fails=True), places=places)), "github")


def test_what_is_ignored_is_one_notice_for_each_reason() -> None:
    text = render(report(package("x", finding("gone", ignored="vendored"))), "github")
    assert [message for _, _, message in decoded(text)] == [
        "nothing fails, 1 note, 0 fine (1 package, 1 in the directory, Django 5.2.8, mirror 14 h old)",
        "ignored (vendored): x (gone)",
    ]


def test_an_alternative_and_a_remark_are_in_the_messages() -> None:
    dead = package("x", finding("gone", fails=True), dead=True, instead=[Alternative("django-y", "your replaced_by")])
    found = decoded(render(report(dead, remarks=[Remark("pyproject.toml", 12, "remove it")]), "github"))
    assert found[1][2].endswith("instead: django-y (your replaced_by)")
    assert found[2] == (
        "notice",
        {"file": "pyproject.toml", "line": "12", "title": "djpkg check"},
        "remove it",
    )


def test_a_check_that_could_not_judge_is_an_error() -> None:
    failure = Failure("the catalog was last read on 2026-01-01", "run djpkg fetch --all")
    found = decoded(render(report(OLDFORMS, failure=failure), "github"))
    assert found[0] == (
        "error", {"title": "djpkg check: not judged"}, "the catalog was last read on 2026-01-01; run djpkg fetch --all"
    )  # fmt: skip
    assert found[1][2].startswith("not judged; as of then 1 fails")
    assert len(decoded(render(report(others=unlisted("six"), failure=failure), "github"))) == 1


def test_what_is_not_listed_but_looks_like_a_django_package_has_a_notice() -> None:
    found = decoded(render(report(*FINE, others=unlisted("django-own", "requests")), "github"))
    assert found[1:] == [
        (
            "notice", {"file": "uv.lock", "line": "9", "title": "djpkg check: django-own"},
            "django-own is not in the directory and not judged",
        )
    ]  # fmt: skip


def test_without_findings_only_the_answer_is_there() -> None:
    assert len(decoded(render(report(*FINE), "github"))) == 1
    assert len(decoded(render(report(*FINE, *QUIET), "github"))) == 2
