"""What ``pyproject.toml`` and ``Pipfile`` declare, in the tables of each tool."""

from __future__ import annotations

import pytest

from djpkg.errors import UsageError
from tests.requirements.parsing import locations, parse, parse_file


def test_standard_dependencies_keep_their_details_and_lines() -> None:
    text = """\
    [project]
    dependencies = [
      "Django[argon2]>=4.2,<6",
      "six==1.16 ; python_version < \\"3.9\\"",
    ]
    [dependency-groups]
    dev = ["tool @ git+https://me:pw@example.org/a/b"]
    """
    found = parse_file("pyproject.toml", text)
    assert found.details() == {
        "django": ("<6,>=4.2", None, None, ("argon2",)),
        "six": ("==1.16", "1.16", 'python_version < "3.9"', ()),
        "tool": ("", None, None, ()),
    }
    assert found.lines() == [(name, "pyproject.toml", line) for name, line in (("django", 3), ("six", 4), ("tool", 7))]
    assert found.mentions[2].url == "git+https://example.org/a/b"
    assert {one.direct for one in found.mentions} == {True}


def test_dependencies_of_poetry() -> None:
    text = """\
    [tool.poetry.dependencies]
    python = "^3.11"
    django = "^4.2"
    exact = "1.2.3"
    both = "^1 || ^3"
    long = { version = "~1.2", extras = ["b", "a"], python = "<3.12", markers = "os_name == 'nt'" }
    fork = { git = "https://me:pw@example.org/a/b.git", platform = "darwin" }
    several = [{ version = "1", python = "<3.12" }, { version = "2" }]
    """
    found = parse_file("pyproject.toml", text)
    assert [(one.name, one.line, one.specifier, one.version) for one in found.mentions] == [
        ("django", 3, "<5,>=4.2", None),
        ("exact", 4, "==1.2.3", "1.2.3"),
        ("both", 5, "<2,>=1", None),
        ("both", 5, "<4,>=3", None),
        ("long", 6, "<1.3,>=1.2", None),
        ("fork", 7, "", None),
        ("several", 8, "==1", "1"),
        ("several", 8, "==2", "2"),
    ]
    details = found.details()
    assert details["long"][2:] == ('os_name == "nt" and python_version < "3.12"', ("a", "b"))
    assert details["fork"][2] == 'sys_platform == "darwin"'
    assert found.mentions[5].url == "https://example.org/a/b.git"


def test_dependencies_of_pdm_hatch_and_uv() -> None:
    text = """\
    [tool.pdm.dev-dependencies]
    test = ["pytest>=8", "-e file:///${PROJECT_ROOT}/sub#egg=sub"]

    [tool.hatch.envs.default]
    dependencies = ["coverage"]
    extra-dependencies = [
      "mypy",
    ]
    [tool.hatch.envs.docs]
    features = ["docs"]
    dependencies = ["mkdocs==1.6"]
    [tool.uv]
    dev-dependencies = ["ruff"]
    """
    found = parse("pyproject.toml", text)
    assert [(one.name, locations(one)) for one in found] == [
        ("coverage", ("pyproject.toml:5",)),
        ("mkdocs", ("pyproject.toml:11",)),
        ("mypy", ("pyproject.toml:7",)),
        ("pytest", ("pyproject.toml:2",)),
        ("ruff", ("pyproject.toml:13",)),
        ("sub", ("pyproject.toml:2",)),
    ]


def test_pipfile() -> None:
    text = """\
    [[source]]
    url = "https://me:pw@example.org/simple"
    [packages]
    Django = ">=4.2,<6"
    six = "*"
    long = {version = "==1.2", extras = ["x"], markers = "os_name == 'nt'", sys_platform = "== 'win32'"}
    fork = {git = "https://example.org/a/b.git", ref = "main", editable = true}
    [dev-packages]
    pytest = "~=8.1"
    [docs]
    sphinx = {}
    [requires]
    python_version = "3.11"
    [scripts]
    test = "pytest"
    """
    found = parse_file("sub/Pipfile", text)
    assert found.details() == {
        "django": ("<6,>=4.2", None, None, ()),
        "six": ("", None, None, ()),
        "long": ("==1.2", "1.2", 'os_name == "nt" and sys_platform == "win32"', ("x",)),
        "fork": ("", None, None, ()),
        "pytest": ("~=8.1", None, None, ()),
        "sphinx": ("", None, None, ()),
    }
    assert found.lines()[0] == ("django", "sub/Pipfile", 4)
    assert found.mentions[3].url == "https://example.org/a/b.git"
    assert {one.direct for one in found.mentions} == {True}


# Dynamic dependencies.

SETUPTOOLS = """\
[project]
name = "app"
dynamic = ["version", "dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = [
  "requirements/base.txt",
  "requirements/web.txt",
]}
optional-dependencies.dev = {file = "dev.txt"}
"""


def test_files_that_setuptools_reads_are_read() -> None:
    files = {
        "sub/requirements/base.txt": "django\napp[web]\n-r more.txt",
        "sub/requirements/more.txt": "six",
        "sub/requirements/web.txt": "web==1",
        "sub/dev.txt": "pytest",
    }
    found = parse_file("sub/pyproject.toml", SETUPTOOLS, files)
    assert found.lines() == [
        ("django", "sub/requirements/base.txt", 1),
        ("six", "sub/requirements/more.txt", 1),
        ("web", "sub/requirements/web.txt", 1),
        ("pytest", "sub/dev.txt", 1),
    ]
    assert found.notes == []


def test_a_missing_file_of_setuptools_is_an_error_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"^pyproject\.toml:7: requirements/web\.txt not found$"):
        parse("pyproject.toml", SETUPTOOLS, {"requirements/base.txt": ""})


def test_fields_that_hatch_replaces_hide_only_what_depends_on_them() -> None:
    text = """\
    [build-system]
    build-backend = "hatchling.build"
    [project]
    dependencies = ["sub @ {root:uri}/sub", "six{env:SIX:>=1}", "attrs>={env:ATTRS}"]
    [tool.hatch.envs.test]
    dependencies = [
      "Django[argon2]~={matrix:django}.0",
      "x-{matrix:y}",
      "{env:MORE}",
      "packed=={matrix:y}%d",
      "tool @ {home:uri}/tool",
      "pytest>=8",
    ]
    """
    found = parse_file("pyproject.toml", text)
    assert found.details() == {
        "attrs": ("", None, None, ()),
        "django": ("", None, None, ("argon2",)),
        "packed": ("", None, None, ()),
        "pytest": (">=8", None, None, ()),
        "sub": ("", None, None, ()),
        "tool": ("", None, None, ()),
    }
    assert found.notes == [
        "pyproject.toml:4: name of 'six{env:SIX:>=1}' not read: Hatch replaces '{env:SIX:>=1}'",
        "pyproject.toml:4: version of 'attrs>={env:ATTRS}' not read: Hatch replaces '{env:ATTRS}'",
        "pyproject.toml:7: version of 'Django[argon2]~={matrix:django}.0' not read: Hatch replaces '{matrix:django}'",
        "pyproject.toml:8: name of 'x-{matrix:y}' not read: Hatch replaces '{matrix:y}'",
        "pyproject.toml:9: name of '{env:MORE}' not read: Hatch replaces '{env:MORE}'",
        "pyproject.toml:10: version of 'packed=={matrix:y}%d' not read: Hatch replaces '{matrix:y}'",
    ]


@pytest.mark.parametrize("table", ["project", "tool.uv", "dependency-groups"])
def test_only_hatch_replaces_fields(table: str) -> None:
    key = "dev-dependencies" if table == "tool.uv" else "dependencies"
    with pytest.raises(UsageError, match="invalid requirement"):
        parse("pyproject.toml", f"[{table}]\n{key} = ['django~={{matrix:django}}.0']")


def test_files_of_the_hatch_plugin_are_read() -> None:
    text = """\
    [project]
    dynamic = ["dependencies", "optional-dependencies"]
    [tool.hatch.metadata.hooks.requirements_txt]
    files = ["requirements.txt"]
    [tool.hatch.metadata.hooks.requirements_txt.optional-dependencies]
    dev = ["dev.txt"]
    """
    found = parse_file("pyproject.toml", text, {"requirements.txt": "django", "dev.txt": "pytest"})
    assert [one.name for one in found.mentions] == ["django", "pytest"]
    assert found.notes == []


def test_dynamic_dependencies_that_no_file_is_named_for_are_noted() -> None:
    text = """\
    [project]
    dynamic = [
      "dependencies",
      "optional-dependencies",
    ]
    [dependency-groups]
    dev = ["pytest"]
    """
    found = parse_file("pyproject.toml", text)
    assert [one.name for one in found.mentions] == ["pytest"]
    assert found.notes == [
        "pyproject.toml:3: dependencies not read: they are dynamic, and no file is named for them",
        "pyproject.toml:4: optional-dependencies not read: they are dynamic, and no file is named for them",
    ]


def test_dynamic_dependencies_in_the_table_of_poetry_are_not_noted() -> None:
    text = "[project]\ndynamic = ['dependencies']\n[tool.poetry.dependencies]\ndjango = '^5'"
    found = parse_file("pyproject.toml", text)
    assert ([one.name for one in found.mentions], found.notes) == (["django"], [])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pyproject.toml", "[tool.poetry.dependencies]\na = 1", r"^pyproject\.toml:2: .*version is not a text$"),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\na = '^^1'",
            r"^pyproject\.toml:2: invalid version '\^\^1' of a$",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\na = {extras = 'x'}",
            r"^pyproject\.toml:2: .* not a list of texts$",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\na = {markers = 'x'}",
            r"^pyproject\.toml:2: .* has an invalid marker$",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\na = {python = 'x'}",
            r"^pyproject\.toml:2: .* has an invalid marker$",
        ),
        (
            "pyproject.toml",
            "[tool.pdm.dev-dependencies]\na = [1]",
            r"^pyproject\.toml:2: .* a value that is not a text$",
        ),
        ("pyproject.toml", "[tool.hatch.envs.a]\ndependencies = 1", r"^pyproject\.toml:2: .* is not a list$"),
        ("pyproject.toml", "[project]\ndynamic = 1", r"^pyproject\.toml:2: project\.dynamic is not a list$"),
        (
            "pyproject.toml",
            "[project]\ndynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies.file = [1]",
            r"^pyproject\.toml:4: .* contains a value that is not a text$",
        ),
        (
            "pyproject.toml",
            "a = 1\n" + "a." * 200 + "b = 1",
            r"^pyproject\.toml:2: invalid TOML: a key has more than 100 parts$",
        ),
        ("Pipfile", "[packages]\na = '^1'", r"^Pipfile:2: invalid version '\^1' of a$"),
        ("Pipfile", "[packages]\n\n'a b' = '*'", r"^Pipfile:3: invalid project name 'a b'$"),
        ("Pipfile", "packages = 1", r"^Pipfile:1: packages is not a table$"),
        ("Pipfile", "[packages", r"^Pipfile:1: invalid TOML"),
    ],
)
def test_an_invalid_file_is_an_error_with_name_and_line(name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(name, text)


@pytest.mark.parametrize(
    "text",
    [
        "[project]\ndependencies = ['a @@ https://robot:canary@example.org/a']",
        "[project]\ndynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies.file = 'https://robot:canary@example.org/r.txt'",
        "[tool.poetry.dependencies]\na = 'https://robot:canary@example.org/a'",
        "[tool.poetry.dependencies]\n'https://robot:canary@example.org/a' = '*'",
    ],
)
def test_errors_show_no_credentials(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse("pyproject.toml", text)
    assert "canary" not in f"{raised.value} {raised.value.hint}"


def test_texts_with_many_dots_are_no_keys() -> None:
    dots = "." * 500
    text = f"a = '{dots}' # {dots}\nb = [{'1.5,' * 200}]\nc = {{ d = '{dots}' }}\n[project]\ndependencies = ['six']"
    assert [one.name for one in parse("pyproject.toml", text)] == ["six"]
