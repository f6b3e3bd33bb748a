from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.errors import UsageError
from tests.requirements.parsing import locations, parse


def places(name: str, text: str, files: dict[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """Return the locations of each requirement; `files` can be included."""

    return {found.name: locations(found) for found in parse(name, text, files)}


def names(name: str, text: str) -> list[str]:
    return list(places(name, text))


def test_a_requirements_file_is_parsed() -> None:
    text = """\
    # dependencies
    Django>=4.2,<6  # the framework
    django_todo==2.5.0 \\
        --hash=sha256:aaaa \\
        --hash=sha256:bbbb
    --index-url https://example.org/simple
    -c constraints.txt
    -i https://example.org
    zope.interface[test] ; python_version < "3.13"
    django==4.2 ; sys_platform == "win32"
    """
    assert places("requirements.txt", text) == {
        "django": ("requirements.txt:2", "requirements.txt:10"),
        "django-todo": ("requirements.txt:3",),
        "zope-interface": ("requirements.txt:9",),
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("   # only a comment", []),
        ("a#b", None),
        ("django", ["django"]),
        ("Django_CMS", ["django-cms"]),
        ("django~=4.2", ["django"]),
        ("django (>=4)", ["django"]),
        ("django --config-settings=x=y", ["django"]),
        ("django[argon2,bcrypt]>=4", ["django"]),
        ("-e .", []),
        ("-e .[dev]", []),
        ("-e .[dev] ; python_version > '3'", []),
        ("-e ./", []),
        (".", []),
        ("-e ./libs/thing", ["./libs/thing"]),
        ("-e libs/thing[dev]", ["./libs/thing"]),
        ("-e thing", ["./thing"]),
        ("-e /home/x/thing", ["/home/x/thing"]),
        ("./local/django-todo-badge ; python_version > '3'", ["./local/django-todo-badge"]),
        ("file:///abs/x", ["file:///abs/x"]),
        ("-e git+https://example.org/a/b.git@main#egg=My_Thing", ["my-thing"]),
        ("-egit+https://example.org/a/b.git#subdirectory=x&egg=thing[extra]", ["thing"]),
        ("--editable=git+ssh://git@example.org/a/b#egg=thing", ["thing"]),
        ("--editable git+https://example.org/a/b", ["git+https://example.org/a/b"]),
        ("git+https://token@example.org/a/b.git@main#subdirectory=c", ["git+https://example.org/a/b.git@main"]),
        ("git+https://me:p@ss@example.org/a/b?key=1 --hash=sha256:aa", ["git+https://example.org/a/b"]),
        ("git+ssh://git@example.org:a/b", ["git+ssh://example.org:a/b"]),
        ("git+https://example.org/a/b@v1#egg=thing", ["thing"]),
        ("git+https://example.org/a/b", ["git+https://example.org/a/b"]),
        ("thing @ https://example.org/a.zip", ["thing"]),
        ("thing[x]@git+https://example.org/a/b@main", ["thing"]),
        ("thing @ file:///tmp/thing", ["thing"]),
        ("https://example.org/django_thing-1.0-py3-none-any.whl#sha256=aa", ["django-thing"]),
        ("./downloads/django_thing-1.0.tar.gz ; python_version < '3.13'", ["django-thing"]),
        ("django_thing-1.0-py3-none-any.whl", ["django-thing"]),
        ("C:\\wheels\\thing-1.0-py3-none-any.whl", ["thing"]),
        ("../thing", ["../thing"]),
        ("strange.whl", ["./strange.whl"]),
        ("C:\\libs\\thing", ["C:\\libs\\thing"]),
        ("--extra-index-url https://example.org", []),
        ('-e "git+https://example.org/a/b#egg=thing"', ["thing"]),
        ("--pre", []),
        ("# Editable install with no version control (x==1)", []),
    ],
)
def test_lines_of_requirements_files(line: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(UsageError, match="invalid requirement"):
            names("requirements.txt", line)
    else:
        assert names("requirements.txt", line) == expected


def test_urls_are_kept_without_credentials() -> None:
    text = """\
    thing==1
    thing @ git+https://me:secret@example.org/a/b@main#subdirectory=c
    -e git+https://secret@example.org/a/other?key=secret#egg=other
    https://example.org/wheels/third-1.0.tar.gz#sha256=aa
    fourth @ file:///tmp/fourth
    """
    found = parse("requirements.txt", text)
    assert {one.name: one.url for one in found} == {
        "thing": "git+https://example.org/a/b@main",
        "other": "git+https://example.org/a/other",
        "third": "https://example.org/wheels/third-1.0.tar.gz",
        "fourth": "file:///tmp/fourth",
    }


@pytest.mark.parametrize(
    "line",
    [
        "-r https://robot:canary@example.org/r.txt",
        "-r https://robot:ca@nary@example.org/r.txt",
        "thing @ https://robot:canary@example.org/thing.zip and more",
        "thing @@ https://robot:canary@example.org/thing.zip",
        "thing>=https://robot:canary@example.org/" + "a" * 9_000,
        "./a//robot:canary@example.org/" + "a" * 9_000,
    ],
    ids=lambda line: line[:30],
)
def test_errors_show_no_credentials(line: str) -> None:
    with pytest.raises(UsageError) as raised:
        names("requirements.txt", line)
    assert "nary" not in f"{raised.value} {raised.value.hint}"


def test_standard_input_is_the_output_of_pip_freeze() -> None:
    text = "asgiref==3.8.1\n-e git+https://example.org/a/b@0f#egg=thing\nlocal @ file:///tmp/local\n"
    assert places("-", text) == {
        "asgiref": ("standard input:1",),
        "local": ("standard input:3",),
        "thing": ("standard input:2",),
    }


def test_continued_lines_and_all_line_endings() -> None:
    assert places("dev.in", "djan\\\r\ngo\r\ntodo # not continued \\\rpytest\\") == {
        "django": ("dev.in:1",),
        "pytest": ("dev.in:4",),
        "todo": ("dev.in:3",),
    }


def test_included_files_are_read_once_relative_to_the_including_file() -> None:
    files = {
        "requirements/base.txt": "django\n-r ../other.in\n-r local.txt",
        "requirements/local.txt": "-r base.txt\ntodo\n--requirement=./base.txt",
        "other.in": "-r requirements/base.txt\ndjango",
    }
    found = places("requirements/local.txt", files["requirements/local.txt"], files)
    assert found == {"django": ("requirements/base.txt:1", "other.in:2"), "todo": ("requirements/local.txt:2",)}


def test_a_missing_included_file_is_an_error_at_the_including_line() -> None:
    with pytest.raises(UsageError, match=r"^a/requirements\.txt:2: a/missing\.txt not found$"):
        places("a/requirements.txt", "django\n-r missing.txt")
    with pytest.raises(UsageError, match=r"^requirements\.txt:1: cannot include the URL https://example\.org/r\.txt$"):
        places("requirements.txt", "-r https://example.org/r.txt")


def test_endless_includes_are_an_error() -> None:
    with pytest.raises(UsageError, match="more than 200 files"):
        parse("0.txt", "-r 1.txt", {f"{number}.txt": f"-r {number + 1}.txt" for number in range(1, 300)})


def test_pyproject() -> None:
    text = """\
    [project]
    name = "My.App"
    dependencies = [
      "Django>=4.2",  # the framework
      "my-app[extra]",
    ]

    [project.optional-dependencies]
    test = ["pytest-django>=4; python_version > '3'", "my_app"]

    [dependency-groups]
    lint = ["ruff"]
    dev = [{include-group = "Lint"}, "django-debug-toolbar"]

    [tool.uv]
    dev-dependencies = ["django-extensions"]
    """
    assert places("sub/pyproject.toml", text) == {
        "django": ("sub/pyproject.toml:4",),
        "django-debug-toolbar": ("sub/pyproject.toml:13",),
        "django-extensions": ("sub/pyproject.toml:16",),
        "pytest-django": ("sub/pyproject.toml:9",),
        "ruff": ("sub/pyproject.toml:12",),
    }


def test_pyproject_of_poetry() -> None:
    text = """\
    [tool.poetry]
    name = "app"

    [tool.poetry.dependencies]
    python = "^3.11"
    Django = "^4.2"
    django-todo = { git = "https://example.org/a/b" }
    "django.cms" = [{ version = "1", python = "<3.12" }, { version = "2" }]

    [tool.poetry.dev-dependencies]
    black = "*"

    [tool.poetry.group.docs.dependencies]
    sphinx = { version = "*", optional = true }
    django = "*"
    """
    assert places("pyproject.toml", text) == {
        "black": ("pyproject.toml:11",),
        "django": ("pyproject.toml:6", "pyproject.toml:15"),
        "django-cms": ("pyproject.toml:8",),
        "django-todo": ("pyproject.toml:7",),
        "sphinx": ("pyproject.toml:14",),
    }


def test_pyproject_without_dependencies() -> None:
    assert names("pyproject.toml", "[build-system]\nrequires = ['hatchling']") == []


def test_uv_lock() -> None:
    text = """\
    version = 1
    requires-python = ">=3.11"

    [[package]]
    name = "app"
    source = { virtual = "." }
    dependencies = [
        { name = "django" },
    ]

    [[package]]
    name = "member"
    source = { editable = "member" }

    [[package]]
    name = "django"
    version = "5.2"
    source = { registry = "https://example.org/simple" }
    """
    assert places("uv.lock", text) == {"django": ("uv.lock:16",)}


def test_poetry_lock() -> None:
    text = """\
    [[package]]
    name = "Django"
    version = "5.2"

    [package.dependencies]
    asgiref = ">=3"

    [[package]]
    name = "asgiref"
    version = "3"
    """
    assert places("poetry.lock", text) == {"asgiref": ("poetry.lock:9",), "django": ("poetry.lock:2",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "version = 1\nrequires-python = '>=3.11'"),
        ("poetry.lock", "package = []\n\n[metadata]\nlock-version = '2.1'"),
        ("poetry.lock", "[metadata]\nlock-version = '2.1'"),
        ("pylock.toml", "lock-version = '1.0'"),
        ("Pipfile.lock", '{"_meta": {}}'),
    ],
)
def test_lock_files_may_be_empty(name: str, text: str) -> None:
    assert names(name, text) == []


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.dev.toml"])
def test_pylock(name: str) -> None:
    text = "lock-version = '1.0'\n[[packages]]\nname = 'django'\nversion = '5.2'\n"
    assert places(name, text) == {"django": (f"{name}:3",)}


def test_pipfile_lock() -> None:
    text = """\
    {
        "_meta": {"sources": []},
        "default": {
            "django": {
                "version": "==5.2"
            }
        },
        "develop": {"pytest": {}, "django": {}}
    }
    """
    assert places("Pipfile.lock", text) == {
        "django": ("Pipfile.lock:4", "Pipfile.lock:8"),
        "pytest": ("Pipfile.lock:8",),
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("requirements.txt", "django\ndjango=>4", r"^requirements\.txt:2: invalid requirement 'django=>4': \S.*"),
        ("requirements.txt", "django\n''", r"^requirements\.txt:2: invalid requirement"),
        ("requirements.txt", "a\nb\0", r"^requirements\.txt:2: not a text file$"),
        ("requirements.txt", "a>=" + "1" * 9_000, r"^requirements\.txt:1: requirement .* is too long$"),
        ("requirements.txt", "./" + "a" * 9_000, r"^requirements\.txt:1: requirement .* is too long$"),
        ("requirements.txt", "a; " + "(" * 3_000 + "python_version<'3'", r"^requirements\.txt:1: invalid requirement"),
        ("pyproject.toml", "[project]\nname = ", r"^pyproject\.toml:2: invalid TOML: Invalid value"),
        ("pyproject.toml", "a = 1\na = 2", r"^pyproject\.toml:2: invalid TOML: Cannot overwrite"),
        (
            "pyproject.toml",
            "[project]\ndependencies = 'django'",
            r"^pyproject\.toml:2: project\.dependencies is not a list$",
        ),
        (
            "pyproject.toml",
            "[project]\nname = 'a'\ndependencies = [\n1]",
            r"^pyproject\.toml:3: project\.dependencies contains a value that is not a text$",
        ),
        (
            "pyproject.toml",
            "[project.optional-dependencies]\n'a b' = [ # none\n  1]",
            r"^pyproject\.toml:2: project\.optional-dependencies\.a b contains a value that is not a text$",
        ),
        ("pyproject.toml", "[project]\ndependencies = [\n'a b']", r"^pyproject\.toml:3: invalid requirement 'a b'"),
        ("pyproject.toml", "\nproject = 1", r"^pyproject\.toml:2: project is not a table$"),
        ("pyproject.toml", "[[project]]\nname = 'a'", r"^pyproject\.toml:1: project is not a table$"),
        (
            "pyproject.toml",
            "a = 1\n[tool]\nuv.dev-dependencies = 1",
            r"^pyproject\.toml:3: tool\.uv\..* is not a list$",
        ),
        (
            "pyproject.toml",
            "[dependency-groups]\nb-c = []\na = [{include-group = 'B.C'},\n {include-group = 'b'}]",
            r"^pyproject\.toml:3: dependency-groups\.a includes an unknown group$",
        ),
        (
            "pyproject.toml",
            "[tool.poetry]\ngroup.a.dependencies = 1",
            r"^pyproject\.toml:2: tool\.poetry\.group\.a\.dependencies is not a table$",
        ),
        (
            "pyproject.toml",
            "[tool.poetry]\ngroup = {a = {dependencies = 1}}",
            r"^pyproject\.toml:2: tool\.poetry\.group\.a\.dependencies is not a table$",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\na = '1'\n'bad name!' = '1'",
            r"^pyproject\.toml:3: invalid project name 'bad name!'$",
        ),
        ("pyproject.toml", "a = " + "[" * 100_000, r"^pyproject\.toml: invalid TOML: nested too deeply$"),
        ("pyproject.toml", "a = " + "1" * 5_000, r"^pyproject\.toml: invalid TOML"),
        (
            "uv.lock",
            "[[package]]\nname = 'a'\n[package.metadata]\nname = 1\n[[package]] # two\nversion = '1'",
            r"^uv\.lock:5: package 2 has no name$",
        ),
        ("uv.lock", "[[package]]\n\nname = 'a b'", r"^uv\.lock:3: invalid project name 'a b'$"),
        ("uv.lock", "version = 1\npackage = [1]", r"^uv\.lock:2: package 1 is not a table$"),
        ("uv.lock", "x = 1", r"^uv\.lock:1: not a valid uv\.lock: package and version are missing$"),
        ("uv.lock", "", r"^uv\.lock:1: not a valid uv\.lock"),
        ("poetry.lock", "package = 1", r"^poetry\.lock:1: package is not a list$"),
        (
            "a/poetry.lock",
            "[tool.poetry]",
            r"^a/poetry\.lock:1: not a valid poetry\.lock: package and metadata are missing$",
        ),
        ("pylock.toml", "", r"^pylock\.toml:1: not a valid pylock\.toml"),
        (
            "pylock.toml",
            "[[package]]\nname = 'a'",
            r"^pylock\.toml:1: package is unknown in pylock.toml, which has packages$",
        ),
        ("uv.lock", "version = 1\n[[packages]]", r"^uv\.lock:2: packages is unknown in uv.lock, which has package$"),
        ("pylock.toml", "x = 1\nlock-version = '2.0'", r"^pylock\.toml:2: lock-version '2.0' is not supported"),
        ("pylock.a.toml", "lock-version = 'ten'", r"^pylock\.a\.toml:1: lock-version 'ten' is not supported"),
        ("Pipfile.lock", '{"default": {\n"a" 1}}', r"^Pipfile\.lock:2: invalid JSON: .*column"),
        ("Pipfile.lock", "[]", r"^Pipfile\.lock:1: not a valid Pipfile\.lock: _meta, default and develop are missing$"),
        ("Pipfile.lock", '{"x": {"a": {}}}', r"^Pipfile\.lock:1: not a valid Pipfile\.lock"),
        ("Pipfile.lock", '{"_meta": {},\n"default": []}', r"^Pipfile\.lock:2: default is not an object$"),
        ("Pipfile.lock", '{"default": {\n\n"a b": {}}}', r"^Pipfile\.lock:3: invalid project name 'a b'$"),
        ("Pipfile.lock", "[" * 100_000, r"^Pipfile\.lock: invalid JSON: nested too deeply$"),
        ("Pipfile.lock", "1" * 5_000, r"^Pipfile\.lock: invalid JSON"),
        ("setup.py", "", r"^setup\.py: unsupported file$"),
        ("requirements.txt", "#" * 9_000_000, r"^requirements\.txt is too long"),
    ],
)
def test_an_invalid_file_is_an_error_with_name_and_line(name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        names(name, text)


def test_an_unsupported_file_lists_the_supported_ones() -> None:
    with pytest.raises(UsageError) as caught:
        names("package.json", "{}")
    assert caught.value.hint is not None
    assert "pyproject.toml" in caught.value.hint


KINDS = [
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "Pipfile.lock",
    "-",
]
PIECES = ["[", "]", "[[", "]]", "{", "}", '"', "'", "=", "\n", " ", "\\", "#", "-r", "-e", "--hash", "@", "://", "\0"]
PIECES += ["project", "dependencies", "package", "name", "django", "==", ";", "1", ",", ".", "tool.poetry", "(", "\r"]


@pytest.mark.parametrize("kind", KINDS)
def test_random_files_are_parsed_or_rejected(kind: str) -> None:
    rng = random.Random(kind)  # noqa: S311 - a fixed seed, no secret
    for _ in range(1_500):
        text = "".join(rng.choices(PIECES, k=rng.randint(0, 12)))
        with suppress(UsageError):
            assert all(locations(found) for found in parse(kind, text))


@given(st.sampled_from(KINDS), st.text())
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_text_is_parsed_or_rejected(kind: str, text: str) -> None:
    with suppress(UsageError):
        found = parse(kind, text)
        assert [item.name for item in found] == sorted({item.name for item in found})


@pytest.mark.parametrize(
    "text",
    [
        *(" " * 300_000, "#" * 300_000, "a" * 300_000, "a #" * 100_000, "\\\n" * 100_000),
        *("-r" + " " * 300_000, "a" + " " * 300_000 + "@", "a" * 8_000 + "[" * 100),
    ],
)
def test_pathological_files_are_parsed_or_rejected(text: str) -> None:
    with suppress(UsageError):
        assert len(names("requirements.txt", text)) <= 1
