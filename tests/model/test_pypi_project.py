"""Addresses and names of projects, and what their metadata declare."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from djpkg.model.pypi_project import (
    HOSTS,
    choose_license,
    declared_django,
    declared_python,
    development_status,
    parse_project_name,
    sort_versions,
)

NOW, THEN = HOSTS[0], HOSTS[2]
still = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        # the five shapes of the catalog
        (f"http://{THEN}/pypi/django-todo", "django-todo"),
        (f"https://{THEN}/pypi/django-todo/", "django-todo"),
        (f"https://{NOW}/project/django-todo/", "django-todo"),
        ("django-todo", "django-todo"),
        (f"http://{THEN}/pypi/https://{NOW}/project/django-todo/", "django-todo"),
        # versions and deeper pages
        (f"http://{THEN}/pypi/django-todo/2.5.0", "django-todo"),
        (f"https://{THEN}/pypi/django-todo/2.5.0/", "django-todo"),
        (f"https://{NOW}/project/django-todo/2.5.0/#files", "django-todo"),
        (f"https://{NOW}/project/django-todo", "django-todo"),
        (f"https://{NOW}/project/django-todo#history", "django-todo"),
        (f"https://{NOW}/project/django-todo/?tab=x", "django-todo"),
        (f"https://{NOW}/pypi/django-todo/json", "django-todo"),
        (f"https://{NOW}/p/django-todo", "django-todo"),
        (f"https://{NOW}/simple/django-todo/", "django-todo"),
        # spellings
        (f"HTTPS://{NOW.upper()}/project/Django_Todo/", "django-todo"),
        (f"https://www.{NOW}/project/django-todo/", "django-todo"),
        (f"http://www.{THEN}/pypi/django-todo/", "django-todo"),
        (f"{NOW}/project/django-todo", "django-todo"),
        (f"https://{NOW}:443/project/django-todo", "django-todo"),
        (f"https://{NOW}//project//django-todo//", "django-todo"),
        (f"http://{THEN}/pypi/https:/{NOW}/project/django-todo/", "django-todo"),
        (f"http://{THEN}/pypi/http://{THEN}/pypi/django-todo", "django-todo"),
        (f"  http://{THEN}/pypi/django-todo \n", "django-todo"),
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
def test_an_address_or_name_means_its_project(address: str, name: str) -> None:
    assert parse_project_name(address) == name


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "  \n",
        NOW,
        THEN.upper(),
        f"https://{NOW}",
        f"https://{NOW}/",
        f"https://{NOW}/project/",
        f"https://{NOW}/project/?a",
        f"https://{NOW}/user/someone/",
        f"https://{NOW}/search/?q=django",
        f"https://{NOW}/django-todo/",
        f"http://{THEN}/pypi/",
        f"http://{THEN}/pypi?name=django-todo",
        f"http://{THEN}/pypi/https://example.org/project/django-todo/",
        f"http://{THEN}/pypi/http://{THEN}/pypi/http://{THEN}/pypi/django-todo",
        f"https://{NOW}.evil.example/project/django-todo/",
        f"https://{NOW}@evil.example/project/django-todo/",
        f"https://user@{NOW}/project/django-todo/",
        f"https://evil.example/{NOW}/project/django-todo/",
        f"https://test.{NOW}/project/django-todo/",
        f"https://{NOW}:8080/project/django-todo/",
        f"https://{NOW}./project/django-todo/",
        f"https://{NOW.replace('.', 'x')}/project/django-todo/",
        f"https://{NOW}\\project\\django-todo",
        f"ftp://{NOW}/project/django-todo/",
        f"https://{NOW}/project/../user/",
        f"https://{NOW}/project/django%2Dtodo/",
        f"https://{NOW}/project/-todo/",
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
        f"https://{NOW}/project/{'a' * 201}/",
        f"https://{NOW}/project/a/" + "x" * 2000,
    ],
)
def test_anything_else_means_no_project(address: str | None) -> None:
    assert parse_project_name(address) is None


def test_reading_a_name_needs_no_import_before_its_time() -> None:
    code = "import sys, djpkg.model.pypi_project; sys.exit('packaging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


fragments = st.sampled_from(
    [
        "https://",
        "http:/",
        *HOSTS,
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


@still
@given(st.one_of(st.text(max_size=60), st.lists(fragments, max_size=9).map("".join)))
@example(f"{NOW}/p/{NOW}")
@example("Django.-_todo")
def test_any_text_means_a_normalised_name_or_nothing(text: str) -> None:
    name = parse_project_name(text)
    event("none" if name is None else "a name")
    if name is not None:
        assert re.fullmatch("[a-z0-9]+(?:-[a-z0-9]+)*", name)
        assert parse_project_name(name) == name
        assert parse_project_name(f"https://{NOW}/project/{name}/") == name


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
def test_declared_series_of_django_are_sorted_as_versions(classifiers: list[str], series: tuple[str, ...]) -> None:
    assert declared_django(classifiers) == series


def test_declared_series_of_python_leave_out_what_is_no_series() -> None:
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
    assert declared_python(classifiers) == ("2", "3.9", "3.13")
    assert declared_python(classifiers[:3]) == ("3",)


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
def test_the_development_status_is_the_first_one(classifiers: list[str], status: str | None) -> None:
    assert development_status(classifiers) == status


BSD = "License :: OSI Approved :: BSD License"
MIT = "License :: OSI Approved :: MIT License"


@pytest.mark.parametrize(
    ("expression", "classifiers", "text", "license_"),
    [
        ("BSD-3-Clause", [MIT], "MIT", "BSD-3-Clause"),
        ("MIT OR Apache-2.0", [], None, "MIT OR Apache-2.0"),
        (None, [BSD], "MIT", "BSD License"),
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
def test_the_license_is_the_most_exact_statement(
    expression: str | None, classifiers: list[str], text: str | None, license_: str | None
) -> None:
    assert choose_license(expression, classifiers, text) == license_


numbers = st.lists(st.integers(0, 12000), min_size=1, max_size=4).map(lambda some: ".".join(map(str, some)))
series_like = st.lists(st.integers(0, 6), min_size=1, max_size=3).map(lambda some: ".".join(map(str, some)))
segments = st.one_of(
    st.sampled_from(["Framework", "Django", "Programming Language", "Python", "License", "Development Status"]),
    numbers,
    st.text(max_size=10),
)
classifier_lists = st.lists(
    st.one_of(st.lists(segments, max_size=4).map(" :: ".join), series_like.map("Framework :: Django :: {}".format)),
    max_size=8,
)


@pytest.mark.campaign
@still
@given(classifier_lists)
def test_any_classifiers_give_distinct_series_in_order(classifiers: list[str]) -> None:
    series = declared_django(classifiers)
    event("none" if not series else "some")
    versions = [tuple(map(int, text.split("."))) for text in series]
    majors = {version[0] for version in versions if len(version) > 1}
    assert len(set(series)) == len(series)
    assert versions == sorted(versions)
    assert not any(version[0] in majors for version in versions if len(version) == 1)
    assert declared_django([*reversed(classifiers), *classifiers]) == series
    assert declared_django([f"Framework :: Django :: {text}" for text in series]) == series


@pytest.mark.campaign
@still
@given(
    classifier_lists,
    st.one_of(st.none(), st.text(max_size=120)),
    st.one_of(st.none(), st.text(max_size=120)),
)
def test_no_metadata_are_an_error(classifiers: list[str], expression: str | None, text: str | None) -> None:
    stated = choose_license(expression, classifiers, text)
    assert stated is None or stated.strip()
    status = development_status(classifiers)
    assert status is None or status[0].isdigit()
    assert all(re.fullmatch("[0-9.]+", series) for series in declared_python(classifiers))


def test_versions_come_in_the_order_of_versions_and_what_is_none_before_them() -> None:
    ordered = ["", "latest", "0.9", "1.0.dev1", "1.0a2", "1.0rc1", "1.0", "1.0.post1", "1.1", "9.5", "10.0.1", "2024.1"]
    shuffled = sorted(ordered, key=lambda text: text[::-1])
    assert sort_versions(shuffled) == ordered
