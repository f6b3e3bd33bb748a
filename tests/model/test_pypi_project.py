"""PyPI URLs, project names, and declared metadata."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from djpkg.model import pypi_project
from djpkg.model.pypi_project import (
    PYPI_HOSTS,
    choose_license,
    declared_django_versions,
    declared_python_versions,
    development_status,
    parse_project_name,
    sort_versions,
)

CURRENT, FORMER = PYPI_HOSTS[0], PYPI_HOSTS[2]
deterministic = settings(derandomize=True, deadline=None, max_examples=200, report_multiple_bugs=False, database=None)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        # the five forms in the catalog
        (f"http://{FORMER}/pypi/django-todo", "django-todo"),
        (f"https://{FORMER}/pypi/django-todo/", "django-todo"),
        (f"https://{CURRENT}/project/django-todo/", "django-todo"),
        ("django-todo", "django-todo"),
        (f"http://{FORMER}/pypi/https://{CURRENT}/project/django-todo/", "django-todo"),
        # versions and deeper pages
        (f"http://{FORMER}/pypi/django-todo/2.5.0", "django-todo"),
        (f"https://{FORMER}/pypi/django-todo/2.5.0/", "django-todo"),
        (f"https://{CURRENT}/project/django-todo/2.5.0/#files", "django-todo"),
        (f"https://{CURRENT}/project/django-todo", "django-todo"),
        (f"https://{CURRENT}/project/django-todo#history", "django-todo"),
        (f"https://{CURRENT}/project/django-todo/?tab=x", "django-todo"),
        (f"https://{CURRENT}/pypi/django-todo/json", "django-todo"),
        (f"https://{CURRENT}/p/django-todo", "django-todo"),
        (f"https://{CURRENT}/simple/django-todo/", "django-todo"),
        # variants
        (f"HTTPS://{CURRENT.upper()}/project/Django_Todo/", "django-todo"),
        (f"https://www.{CURRENT}/project/django-todo/", "django-todo"),
        (f"http://www.{FORMER}/pypi/django-todo/", "django-todo"),
        (f"{CURRENT}/project/django-todo", "django-todo"),
        (f"https://{CURRENT}:443/project/django-todo", "django-todo"),
        (f"https://{CURRENT}//project//django-todo//", "django-todo"),
        (f"http://{FORMER}/pypi/https:/{CURRENT}/project/django-todo/", "django-todo"),
        (f"http://{FORMER}/pypi/http://{FORMER}/pypi/django-todo", "django-todo"),
        (f"  http://{FORMER}/pypi/django-todo \n", "django-todo"),
        # names
        ("Django", "django"),
        ("django-todo/", "django-todo"),
        (" django-todo ", "django-todo"),
        ("Django_Todo.App", "django-todo-app"),
        ("django--todo__app", "django-todo-app"),
        ("zope.interface", "zope-interface"),
        ("a", "a"),
        ("7", "7"),
        ("a" * 200, "a" * 200),
    ],
)
def test_urls_and_names_are_parsed_into_the_project_name(address: str, name: str) -> None:
    assert parse_project_name(address) == name


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "  \n",
        CURRENT,
        FORMER.upper(),
        f"https://{CURRENT}",
        f"https://{CURRENT}/",
        f"https://{CURRENT}/project/",
        f"https://{CURRENT}/project/?a",
        f"https://{CURRENT}/user/someone/",
        f"https://{CURRENT}/search/?q=django",
        f"https://{CURRENT}/django-todo/",
        f"http://{FORMER}/pypi/",
        f"http://{FORMER}/pypi?name=django-todo",
        f"http://{FORMER}/pypi/https://example.org/project/django-todo/",
        f"http://{FORMER}/pypi/http://{FORMER}/pypi/http://{FORMER}/pypi/django-todo",
        f"https://{CURRENT}.evil.example/project/django-todo/",
        f"https://{CURRENT}@evil.example/project/django-todo/",
        f"https://user@{CURRENT}/project/django-todo/",
        f"https://evil.example/{CURRENT}/project/django-todo/",
        f"https://test.{CURRENT}/project/django-todo/",
        f"https://{CURRENT}:8080/project/django-todo/",
        f"https://{CURRENT}./project/django-todo/",
        f"https://{CURRENT.replace('.', 'x')}/project/django-todo/",
        f"https://{CURRENT}\\project\\django-todo",
        f"ftp://{CURRENT}/project/django-todo/",
        f"https://{CURRENT}/project/../user/",
        f"https://{CURRENT}/project/django%2Dtodo/",
        f"https://{CURRENT}/project/-todo/",
        "https://github.com/shacker/django-todo",
        "https://example.org/project/django-todo/",
        "shacker/django-todo",
        "django-todo==2.5.0",
        "django-todo[extra]",
        "django todo",
        "django-",
        "_django",
        ".",
        "-",
        "n/a",
        "d\u017fango",
        "\u212aango",
        "dj\u00e4ngo",
        "django\x00",
        "dja\nngo",
        "django\ud800",
        "a" * 201,
        f"https://{CURRENT}/project/{'a' * 201}/",
        f"https://{CURRENT}/project/a/" + "x" * 2000,
    ],
)
def test_anything_else_is_not_a_project(address: str | None) -> None:
    assert parse_project_name(address) is None


def test_importing_the_module_does_not_import_packaging() -> None:
    code = "import sys, djpkg.model.pypi_project; sys.exit('packaging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


fragments = st.sampled_from(
    [
        "https://",
        "http:/",
        *PYPI_HOSTS,
        "/pypi/",
        "/project/",
        "/",
        "//",
        "?",
        "#",
        "@",
        ":",
        ".",
        "-",
        "Django",
        "todo",
        "1.0",
    ]
)


@deterministic
@given(st.one_of(st.text(max_size=60), st.lists(fragments, max_size=9).map("".join)))
@example(f"{CURRENT}/p/{CURRENT}")
@example("Django.-_todo")
def test_any_text_gives_a_normalized_name_or_none(text: str) -> None:
    name = parse_project_name(text)
    event("none" if name is None else "a name")
    if name is not None:
        assert re.fullmatch("[a-z0-9]+(?:-[a-z0-9]+)*", name)
        assert parse_project_name(name) == name
        assert parse_project_name(f"https://{CURRENT}/project/{name}/") == name


@pytest.mark.parametrize(
    ("classifiers", "series"),
    [
        ([], ()),
        (["Framework :: Django"], ()),
        (["Framework :: Django :: 4.2"], ("4.2",)),
        (["Framework :: Django :: 5.0", "Framework :: Django", "Framework :: Django :: 4.2"], ("4.2", "5.0")),
        ([f"Framework :: Django :: {v}" for v in ("1.11", "1.8", "10.0", "1.9")], ("1.8", "1.9", "1.11", "10.0")),
        ([f"Framework :: Django :: {v}" for v in ("4", "4.2", "5")], ("4.2", "5")),
        ([f"Framework :: Django :: {v}" for v in ("4", "3")], ("3", "4")),
        (["Framework :: Django :: 4.2", "Framework :: Django :: 4.2"], ("4.2",)),
        (["  Framework  ::Django::  4.2 "], ("4.2",)),
        (["Framework :: Django CMS :: 3.11", "Framework :: Wagtail :: 5"], ()),
        (["Framework :: Django :: 4.2 :: x", "x :: Framework :: Django :: 4.2"], ()),
        (["Framework :: Django :: main", "Framework :: Django :: >=4", "Framework :: Django :: 4.2a1"], ()),
        (["Framework :: Django :: \u0664.\u0662", "Framework :: Django :: 4.\ud800"], ()),
        (["Framework :: Django :: " + "9" * 5000, "Framework :: Django :: " + "9." * 90], ()),
        (["", "::", ":: ::", "Framework"], ()),
    ],
)
def test_declared_django_versions_are_sorted(classifiers: list[str], series: tuple[str, ...]) -> None:
    assert declared_django_versions(classifiers) == series


def test_declared_python_versions_ignore_other_classifiers() -> None:
    classifiers = [
        "Programming Language :: Python",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 2",
        "Programming Language :: Python :: Implementation :: CPython",
        "Programming Language :: JavaScript",
    ]
    assert declared_python_versions(classifiers) == ("2", "3.9", "3.13")
    assert declared_python_versions(classifiers[:3]) == ("3",)


@pytest.mark.parametrize(
    ("classifiers", "status"),
    [
        (["Framework :: Django", "Development Status :: 5 - Production/Stable"], "5 - Production/Stable"),
        (["Development Status :: 7 - Inactive", "Development Status :: 4 - Beta"], "7 - Inactive"),
        (["Development Status"], None),
        (["Development Status :: "], None),
        (["Development Status :: fine"], None),
        (["Development Status :: 4 - Beta :: really"], None),
        (["Development Status :: 4 - " + "B" * 200], None),
        ([], None),
    ],
)
def test_the_first_valid_development_status_is_used(classifiers: list[str], status: str | None) -> None:
    assert development_status(classifiers) == status


BSD = "License :: OSI Approved :: BSD License"
MIT = "License :: OSI Approved :: MIT License"


@pytest.mark.parametrize(
    ("expression", "classifiers", "text", "license_"),
    [
        ("BSD-3-Clause", [MIT], "MIT", "BSD-3-Clause"),
        ("MIT OR Apache-2.0", [], None, "MIT OR Apache-2.0"),
        (None, [BSD], "MIT", "MIT"),
        (None, [BSD], "BSD-3-Clause", "BSD-3-Clause"),
        (None, [BSD], "bsd-3-clause", "BSD-3-Clause"),
        (None, [BSD], "MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        (None, [BSD], "Apache 2.0", "BSD License"),
        (None, [BSD], "BSD", "BSD License"),
        (None, [BSD], "((MIT", "BSD License"),
        (None, [MIT], "MIT\n\nPermission is hereby granted", "MIT License"),
        ("", [BSD], None, "BSD License"),
        (" ", [BSD], None, "BSD License"),
        ("M" * 2001, [BSD], None, "BSD License"),
        (None, ["Framework :: Django", MIT, BSD, MIT], None, "MIT License or BSD License"),
        (None, ["License :: Public Domain"], None, "Public Domain"),
        (None, ["License :: OSI Approved", MIT], None, "MIT License"),
        (None, ["License :: OSI Approved"], "BSD", "BSD"),
        (None, ["License", "License :: ", "Licenses :: X"], None, None),
        (None, [], "BSD", "BSD"),
        (None, [], "  BSD-3-Clause \n", "BSD-3-Clause"),
        (None, [], "MIT License\n\nCopyright (c) 2010 Someone\n\nPermission is hereby", "MIT License"),
        (None, [], "Copyright (c) 2010, Someone\nAll rights reserved.", None),
        (None, [], "x" * 100, "x" * 100),
        (None, [], "x" * 101, None),
        (None, [], "UNKNOWN", None),
        (None, [], "unknown", None),
        (None, [], " \n ", None),
        (None, [], "", None),
        (None, [], None, None),
    ],
)
def test_the_license_is_the_most_precise_one(
    expression: str | None, classifiers: list[str], text: str | None, license_: str | None
) -> None:
    assert choose_license(expression, classifiers, text) == license_


numbers = st.lists(st.integers(0, 12000), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
series_like = st.lists(st.integers(0, 6), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
segments = st.one_of(
    st.sampled_from(["Framework", "Django", "Programming Language", "Python", "License", "Development Status"]),
    numbers,
    st.text(max_size=10),
)
classifier_lists = st.lists(
    st.one_of(
        st.lists(segments, max_size=4).map(" :: ".join),
        series_like.map("Framework :: Django :: {}".format),
        series_like.map("Programming Language :: Python :: {}".format),
        st.text("13 -.ab", max_size=8).map("Programming Language :: Python :: {}".format),
        st.sampled_from(["5 - Stable", "4 - Beta", "5", "x - y"]).map("Development Status :: {}".format),
    ),
    max_size=8,
)


def check_any_classifiers() -> Counter[int]:
    """Check many lists of classifiers, and return how many gave which number of Django series."""
    reached: Counter[int] = Counter()

    @deterministic
    @given(classifier_lists)
    def check(classifiers: list[str]) -> None:
        series = declared_django_versions(classifiers)
        reached[len(series)] += 1
        versions = [tuple(map(int, text.split("."))) for text in series]
        majors = {version[0] for version in versions if len(version) > 1}
        assert len(set(series)) == len(series)
        assert versions == sorted(versions)
        assert not any(version[0] in majors for version in versions if len(version) == 1)
        assert declared_django_versions([*reversed(classifiers), *classifiers]) == series
        assert declared_django_versions([f"Framework :: Django :: {text}" for text in series]) == series

    check()
    return reached


@pytest.mark.campaign
def test_any_classifiers_give_distinct_sorted_versions() -> None:
    reached = check_any_classifiers()
    assert reached[0] >= 5
    assert sum(number for size, number in reached.items() if size > 1) >= 5


@pytest.mark.nightly
def test_series_in_the_order_of_their_texts_would_not_be_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packaging.version.Version", lambda text: -int(text.partition(".")[0]))
    with pytest.raises(AssertionError):
        check_any_classifiers()


def check_any_metadata() -> Counter[str]:
    """Check many declarations, and return how many gave a license, a status and Python series."""
    reached: Counter[str] = Counter()

    @deterministic
    @given(
        classifier_lists,
        st.one_of(st.none(), st.text(max_size=120)),
        st.one_of(st.none(), st.text(max_size=120)),
    )
    def check(classifiers: list[str], expression: str | None, text: str | None) -> None:
        stated = choose_license(expression, classifiers, text)
        assert stated is None or stated.strip()
        status = development_status(classifiers)
        assert status is None or status[0].isdigit()
        series = declared_python_versions(classifiers)
        assert all(re.fullmatch("[0-9.]+", text) for text in series)
        reached.update(license=stated is not None, status=status is not None, python=bool(series))

    check()
    return reached


@pytest.mark.campaign
def test_any_metadata_can_be_parsed() -> None:
    reached = check_any_metadata()
    assert reached["license"] >= 20
    assert reached["status"] >= 2
    assert reached["python"] >= 10


@pytest.mark.nightly
@pytest.mark.parametrize("check", ["_SERIES", "_STATUS"])
def test_without_a_check_of_classifiers_any_text_would_be_a_version(
    check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pypi_project, check, "(?s:.*)")
    with pytest.raises((AssertionError, ValueError, IndexError)):
        check_any_metadata()


def test_versions_are_sorted_after_invalid_ones() -> None:
    ordered = ["", "latest", "0.9", "1.0.dev1", "1.0a2", "1.0rc1", "1.0", "1.0.post1", "1.1", "9.5", "10.0.1", "2024.1"]
    shuffled = sorted(ordered, key=lambda text: text[::-1])
    assert sort_versions(shuffled) == ordered
