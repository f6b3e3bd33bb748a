"""What lock files state: one version of each package, and who requires whom."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from packaging.markers import Marker

from djpkg.errors import UsageError
from tests.requirements.parsing import parse, parse_file


def test_uv_lock() -> None:
    text = """\
    version = 1

    [[package]]
    name = "my-app"
    source = { editable = "." }
    dependencies = [
        { name = "django" },
        { name = "colorama", marker = "sys_platform == 'win32'" },
    ]
    [package.optional-dependencies]
    s3 = [{ name = "boto3" }]
    [package.dev-dependencies]
    dev = [{ name = "pytest" }]

    [[package]]
    name = "Django"
    version = "5.2"
    source = { git = "https://me:pw@example.org/d/d?rev=main#0f" }
    dependencies = [{ name = "asgiref" }, { name = "tzdata", marker = "sys_platform == 'win32'" }]

    [[package]]
    name = "asgiref"
    version = "3.8"
    source = { registry = "https://example.org/simple" }

    [[package]]
    name = "tzdata"
    version = "2025"

    [[package]]
    name = "colorama"
    version = "0.4"

    [[package]]
    name = "boto3"
    version = "1"

    [[package]]
    name = "pytest"
    version = "9"
    dependencies = [{ name = "colorama", marker = "os_name == 'nt'" }]
    """
    found = parse_file("uv.lock", text)
    assert found.origins() == {
        "django": (True, ()),
        "asgiref": (False, ("django",)),
        "tzdata": (False, ("django",)),
        "colorama": (True, ("pytest",)),
        "boto3": (True, ()),
        "pytest": (True, ()),
    }
    assert {one.name: one.marker for one in found.mentions if one.marker} == {
        "tzdata": "sys_platform == 'win32'",
        "colorama": "(sys_platform == 'win32') or (os_name == 'nt')",
    }
    django = found.mentions[0]
    assert (django.line, django.version, django.specifier, django.url) == (16, "5.2", "", "https://example.org/d/d")


def test_uv_lock_with_two_versions_of_a_package() -> None:
    text = """\
    version = 1
    [manifest]
    requirements = [{ name = "b", specifier = ">=1" }]
    [[package]]
    name = "a"
    version = "1"
    [[package]]
    name = "a"
    version = "2"
    [[package]]
    name = "b"
    version = "1"
    dependencies = [
        { name = "a", version = "1", marker = "python_version < '3.10'" },
        { name = "a", version = "2", marker = "python_version >= '3.10'" },
    ]
    """
    (a, b) = parse("uv.lock", text)
    assert [(one.version, one.marker, one.line, one.via) for one in a.mentions] == [
        ("1", "python_version < '3.10'", 5, ("b",)),
        ("2", "python_version >= '3.10'", 8, ("b",)),
    ]
    assert (b.direct, a.direct) == (True, False)


def test_poetry_lock() -> None:
    text = """\
    [[package]]
    name = "Django"
    version = "5.2"
    optional = false
    markers = "python_version < \\"3.13\\""
    [package.dependencies]
    asgiref = ">=3"
    tzdata = {version = "*", markers = "sys_platform == \\"win32\\""}
    argon2-cffi = {version = ">=19", optional = true, markers = "extra == \\"argon2\\""}

    [[package]]
    name = "argon2-cffi"
    version = "25"

    [[package]]
    name = "asgiref"
    version = "3.8"
    markers = {main = "os_name == 'nt'", dev = "os_name == 'posix'"}
    [package.source]
    type = "git"
    url = "https://example.org/a/a.git"

    [[package]]
    name = "tzdata"
    version = "2025"
    """
    found = parse_file("poetry.lock", text)
    assert found.origins() == {
        "django": (None, ()),
        "argon2-cffi": (None, ()),
        "asgiref": (None, ("django",)),
        "tzdata": (None, ("django",)),
    }
    assert [(one.version, one.marker) for one in found.mentions] == [
        ("5.2", 'python_version < "3.13"'),
        ("25", None),
        ("3.8", "(os_name == 'nt') or (os_name == 'posix')"),
        ("2025", None),
    ]
    assert found.mentions[2].url == "https://example.org/a/a.git"


def test_pdm_lock() -> None:
    text = """\
    [metadata]
    lock_version = "4.5.0"

    [[package]]
    name = "django"
    version = "5.2"
    dependencies = ["asgiref<4,>=3.8", "tzdata; sys_platform == \\"win32\\""]

    [[package]]
    name = "django"
    version = "5.2"
    extras = ["argon2"]
    dependencies = ["django==5.2"]

    [[package]]
    name = "asgiref"
    version = "3.8"
    git = "https://example.org/a/a.git"
    marker = "python_version > '3'"
    """
    found = parse_file("pdm.lock", text)
    assert found.lines() == [("django", "pdm.lock", 5), ("django", "pdm.lock", 10), ("asgiref", "pdm.lock", 16)]
    assert found.origins() == {"django": (None, ()), "asgiref": (None, ("django",))}
    assert found.mentions[2][3:6] == ("https://example.org/a/a.git", "", "python_version > '3'")


def test_pylock() -> None:
    text = """\
    lock-version = "1.0"
    [[packages]]
    name = "app"
    directory = { path = "." }
    [[packages]]
    name = "django"
    version = "5.2"
    marker = "os_name == 'nt'"
    dependencies = [{ name = "asgiref" }]
    [[packages]]
    name = "asgiref"
    vcs = { type = "git", url = "https://example.org/a/a", commit-id = "0f" }
    """
    found = parse_file("pylock.toml", text)
    assert found.origins() == {"django": (None, ()), "asgiref": (None, ("django",))}
    assert [one[3:8] for one in found.mentions] == [
        (None, "", "os_name == 'nt'", (), "5.2"),
        ("https://example.org/a/a", "", None, (), None),
    ]


def test_pipfile_lock() -> None:
    text = """\
    {
        "_meta": {"default": {"django": 1}, "note": "a \\"django\\": {"},
        "default": {
            "dj\\u0061ngo": {"version": "==5.2", "markers": "python_version >= '3.10'", "extras": ["b", "a"]},
            "fork": {"git": "https://me:pw@example.org/a/a", "ref": "0f"}
        },
        "develop": {
            "django": {"version": "==5.2", "hashes": ["fork"]}
        }
    }
    """
    assert [one[:8] for one in parse_file("Pipfile.lock", text).mentions] == [
        ("django", "Pipfile.lock", 4, None, "==5.2", "python_version >= '3.10'", ("a", "b"), "5.2"),
        ("fork", "Pipfile.lock", 5, "https://example.org/a/a", "", None, (), None),
        ("django", "Pipfile.lock", 8, None, "==5.2", None, (), "5.2"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("uv.lock", "[[package]]\nname='a'\nversion=1", r"^uv\.lock:3: package 1\.version is not a text$"),
        ("uv.lock", "[[package]]\nname='a'\ndependencies=1", r"^uv\.lock:3: package 1\.dependencies is not a list$"),
        ("uv.lock", "[[package]]\nname='a'\ndependencies=[{}]", r"^uv\.lock:3: .* contains a value without a name$"),
        (
            "pdm.lock",
            "[[package]]\nname='a'\ndependencies=['a b']",
            r"^pdm\.lock:3: invalid requirement 'a b'$",
        ),
        ("poetry.lock", "[[package]]\nname='a'\nmarkers=1", r"^poetry\.lock:3: package 1\.markers is not a text$"),
        ("uv.lock", "version=1\n" + "[[package]]\nname='a'\n" * 101, r"^uv\.lock: more than 100 packages are named a$"),
        ("Pipfile.lock", '{"default":\n{"a": 1}}', r"^Pipfile\.lock:2: a is not an object$"),
        ("Pipfile.lock", '{"default":\n{"a": {"version": 1}}}', r"^Pipfile\.lock:2: version of a is not a text$"),
        ("Pipfile.lock", '{"default":\n{"a": {"version": "5"}}}', r"^Pipfile\.lock:2: invalid version '5' of a$"),
    ],
)
def test_an_invalid_lock_is_an_error_with_name_and_line(name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(name, text)


QUOTES = '{"_meta": {"%s": "%s"}}'
GROUPS = "[dependency-groups]\n"


@pytest.mark.parametrize(
    ("name", "piece", "text"),
    [
        ("Pipfile.lock", '\\"', QUOTES),
        ("Pipfile.lock", " ", '{"_meta": {"%s" %s: 1}}'),
        ("pyproject.toml", "a.", "%sa = 1 # %s"),
        ("pyproject.toml", "a.", "[%sa]\nb = '%s'"),
        ("pyproject.toml", "'a' . ", "x = { %sa = 1 } #%s"),
        ("pyproject.toml", "[a]\nb = '\\'\n", "%s#%s"),
        ("requirements.txt", ' -r "', "--pre %s # %s"),
        ("requirements.txt", "# via a\n#   b\n", "a==1\n%s%s"),
        ("requirements.txt", "${A}", "a # %s\n-r %s"),
    ],
)
def test_long_texts_take_no_quadratic_time(name: str, piece: str, text: str) -> None:
    def seconds(number: int) -> float:
        started = time.process_time()
        with suppress(UsageError):
            parse(name, text % (piece * number, piece * number))
        return time.process_time() - started

    # Quadratic work takes 2,500 times as long for 50 times the text.
    assert seconds(20_000) < 400 * max(seconds(400), 0.001)


def test_groups_that_include_one_another_take_no_quadratic_time() -> None:
    def seconds(number: int) -> float:
        started = time.process_time()
        parse("pyproject.toml", GROUPS + "".join(f"g{place} = [{{include-group = 'g0'}}]\n" for place in range(number)))
        return time.process_time() - started

    assert seconds(2_000) < 400 * max(seconds(40), 0.001)


# A lock of each kind, with places for the version and the marker of a package and for the marker of what it requires.
LOCKS = {
    "uv.lock": """\
        version = 1
        [[package]]
        name = "django-a"
        version = "{version}"
        source = {{ registry = "https://example.org/simple" }}
        dependencies = [
            {{ name = "django-b", marker = "{edge}" }},
        ]
        """,
    "poetry.lock": """\
        [[package]]
        name = "django-a"
        version = "{version}"
        markers = "{marker}"
        [package.dependencies]
        django-b = {{version = "*", markers = "{edge}"}}
        [metadata]
        """,
    "pdm.lock": """\
        [[package]]
        name = "django-a"
        version = "{version}"
        marker = "{marker}"
        dependencies = [
            "django-b; {edge}",
        ]
        [metadata]
        """,
    "pylock.toml": """\
        lock-version = "1.0"
        [[packages]]
        name = "django-a"
        version = "{version}"
        marker = "{marker}"
        dependencies = [{{ name = "django-b", marker = "{edge}" }}]
        """,
    "Pipfile.lock": """\
        {{"_meta": {{}},
        "default": {{
        "django-a": {{"version": "=={version}",
        "markers": "{marker}"}}
        }}}}
        """,
}
VALID = {"version": "1.0", "marker": "sys_platform == 'win32'", "edge": "python_version < '3.9'"}


MISTAKES = [
    ("version", "0.4..6", "version"),
    ("version", "not a version", "version"),
    ("marker", "python_version >>> '3.9'", "marker"),
    ("marker", "nonsense", "marker"),
    ("edge", "python_versions < '3.9'", "marker|requirement"),
    ("edge", "nonsense", "marker|requirement"),
]


@pytest.mark.parametrize(
    ("name", "key", "value", "kind"),
    [(name, *mistake) for name in LOCKS for mistake in MISTAKES if f"{{{mistake[0]}}}" in LOCKS[name]],
)
def test_an_invalid_version_or_marker_in_a_lock_is_an_error_with_its_line(
    name: str, key: str, value: str, kind: str
) -> None:
    template = LOCKS[name]
    parse(name, template.format(**VALID))
    # A package of a Pipfile.lock is one value.
    line = 1 + template[: template.index("{version}" if name == "Pipfile.lock" else f"{{{key}}}")].count("\n")
    with pytest.raises(UsageError, match=rf"^{name}:{line}: invalid (?:{kind}) .*{re.escape(value)}"):
        parse(name, template.format(**{**VALID, key: value}))


@pytest.mark.parametrize("written", ["'<empty>'", "{main = '<empty>', dev = '<empty>'}"])
def test_what_poetry_writes_for_a_marker_that_never_applies_is_one(written: str) -> None:
    text = f"[[package]]\nname = 'a'\nversion = '1'\nmarkers = {written}\n[metadata]\n"
    (mention,) = parse_file("poetry.lock", text).mentions
    assert mention.marker is not None
    assert not Marker(mention.marker).evaluate()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "version = 1\n[[package]]\nname = 'a'\nsource = { directory = 'a' }\n"),
        ("uv.lock", "version = 1\n[[package]]\nname = 'a'\nversion = '1.0.post1.dev2+g0f'\n"),
        ("poetry.lock", "[[package]]\nname = 'a'\nversion = 'main'\n[package.source]\ntype = 'git'\nurl = 'x'\n"),
        ("pdm.lock", "[[package]]\nname = 'a'\nversion = 'dynamic'\npath = './a'\n[metadata]\n"),
        (
            "pylock.toml",
            "lock-version = '1.0'\n[[packages]]\nname = 'a'\nmarker = \"'x' in extras and 'b' not in extras\"\n",
        ),
        ("pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'a'\nvcs = { type = 'git', url = 'x' }\n"),
        ("Pipfile.lock", '{"default": {"a": {"git": "x", "markers": ""}}}'),
    ],
)
def test_a_lock_may_state_no_version_or_one_that_is_not_from_pypi(name: str, text: str) -> None:
    assert [one.name for one in parse(name, text)] == ["a"]


@pytest.mark.parametrize(
    "head",
    [
        "",
        'title = """\n[[package]]\nname = "a"\n"""\n',
        'title = """\nwheels = [\n    { url = "a", hash = "b" },\n]\n"""\n',
        "[[package]] # the first\nname = 'zero'\n",
    ],
)
def test_the_lines_of_packages_do_not_depend_on_how_the_lock_is_written(head: str) -> None:
    text = f"""\
version = 1
{head}[[package]]
name = "django-a"
version = "1"
wheels = [
    {{ url = "https://example.org/a.whl", hash = "sha256:0f", size = 12, upload-time = "2026-01-01T00:00:00Z" }},
    {{ url = "https://example.org/b.whl", hash = "sha256:0f" }},
]

[[package]]
name = "django-b"
version = "2"
"""
    lines = text.split("\n")
    found = {one: line for one, _, line in parse_file("uv.lock", text).lines()}
    assert {name: found[name] for name in ("django-a", "django-b")} == {
        name: lines.index(f'name = "{name}"') + 1 for name in ("django-a", "django-b")
    }
    with pytest.raises(UsageError, match=rf"^uv\.lock:{len(lines)}: invalid TOML: "):
        parse_file("uv.lock", text + "oops")
    # The list of files is not skipped where it is invalid.
    broken = text.replace('hash = "sha256:0f" }', 'hash = "sha256:0f }')
    with pytest.raises(UsageError, match=rf"^uv\.lock:{lines.index(']', 6)}: invalid TOML: "):
        parse_file("uv.lock", broken)
