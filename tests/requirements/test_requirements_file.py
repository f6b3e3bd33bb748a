"""What is kept of the lines of a requirements file: versions, markers, variables, who requires what."""

from __future__ import annotations

import pytest

from djpkg.errors import UsageError
from tests.requirements.parsing import parse, parse_file


def test_specifier_version_marker_and_extras_are_kept() -> None:
    text = """\
    Django[argon2,bcrypt]>=4.2,<6 ; python_version < "3.13"
    django_todo==2.5.0 --hash=sha256:aaaa
    zope.interface
    thing[x] @ git+https://example.org/a/b ; sys_platform == "win32"
    https://example.org/django_wheel-1.0-py3-none-any.whl ; python_version > '3'
    -e git+https://example.org/a/b#egg=egg_name[one, two]
    """
    found = parse_file("requirements.txt", text)
    assert found.details() == {
        "django": ("<6,>=4.2", None, 'python_version < "3.13"', ("argon2", "bcrypt")),
        "django-todo": ("==2.5.0", "2.5.0", None, ()),
        "zope-interface": ("", None, None, ()),
        "thing": ("", None, 'sys_platform == "win32"', ("x",)),
        "django-wheel": ("", "1.0", 'python_version > "3"', ()),
        "egg-name": ("", None, None, ("one", "two")),
    }


def test_every_place_of_a_requirement_is_kept() -> None:
    files = {"base.txt": "six==1\ndjango>=4"}
    (django, _) = parse("dev.txt", "django==5.2\n-r base.txt\n\ndjango<6; python_version<'3.9'", files)
    assert [(one.file, one.line, one.specifier) for one in django.mentions] == [
        ("dev.txt", 1, "==5.2"),
        ("dev.txt", 4, "<6"),
        ("base.txt", 2, ">=4"),
    ]


def test_an_editable_requirement_may_have_a_marker_with_quotes() -> None:
    text = "-e 'name @ git+https://example.org/x.git ; python_version<\"3\"'\n-e other @ file:///x ; os_name == 'nt'"
    found = parse_file("requirements.txt", text)
    assert found.details() == {
        "name": ("", None, 'python_version < "3"', ()),
        "other": ("", None, 'os_name == "nt"', ()),
    }


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("-e git@example.org:a/b.git#egg=My_Thing", "my-thing"),
        ('-e "git@example.org:a/b.git#egg=my-thing" --config-settings x=y', "my-thing"),
        ("-e me@example.org:/a/b.git", "ssh://example.org/a/b.git"),
    ],
)
def test_an_editable_requirement_may_be_an_scp_address(line: str, name: str) -> None:
    found = parse_file("requirements.txt", line)
    assert [(one.name, one.url) for one in found.mentions] == [(name, "ssh://example.org/a/b.git")]


@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_an_editable_requirement_may_have_a_name(quote: str) -> None:
    (mention,) = parse_file(
        "requirements.txt", f"-e {quote}My_Thing[x] @ git+https://me:pw@example.org/a/b{quote}"
    ).mentions
    assert (mention.name, mention.url, mention.extras) == ("my-thing", "git+https://example.org/a/b", ("x",))


# Byte order marks.


@pytest.mark.parametrize("name", ["requirements.txt", "-"])
def test_a_byte_order_mark_is_no_part_of_a_name(name: str) -> None:
    files = {"base.txt": "\ufeffsix"}
    found = parse(name, "\ufeff\ufeffdjango\n\ufefftodo\n-r base.txt\n\ufeff# comment\n\ufeff", files)
    assert [one.name for one in found] == ["django", "six", "todo"]


# Variables.


def test_variables_are_replaced_as_pip_does() -> None:
    environment = {"NAME": "todo", "DIR": "sub", "TOKEN": "sesame", "EMPTY": "", "lower": "x"}
    text = """\
    django-${NAME}==1
    -r ${DIR}/base.txt
    git+https://${TOKEN}@example.org/a/b
    git+https://example.org/${EMPTY}/${MISSING}
    git+https://example.org/${lower}/$NAME
    --index-url https://${ABSENT}@example.org
    -c ${ABSENT}.txt
    # ${ABSENT}
    """
    found = parse_file("requirements.txt", text, {"sub/base.txt": "six"}, environment)
    assert [(one.name, one.url) for one in found.mentions] == [
        ("django-todo", None),
        ("git+https://example.org/a/b", "git+https://example.org/a/b"),
        ("git+https://example.org/${EMPTY}/${MISSING}", "git+https://example.org/${EMPTY}/${MISSING}"),
        ("git+https://example.org/${lower}/$NAME", "git+https://example.org/${lower}/$NAME"),
        ("six", None),
    ]
    assert found.notes == [
        "requirements.txt:4: variable EMPTY is not set",
        "requirements.txt:4: variable MISSING is not set",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "git+https://example.org/${SECRET}/a",
        "./${SECRET}/a",
        "${SECRET}/a",
        "django=>${SECRET}",
        "django @ ${SECRET} ; x",
        "a>=" + "1" * 9_000 + "${SECRET}",
        "./a/${SECRET} ; bad",
    ],
)
def test_values_of_variables_are_not_shown(line: str) -> None:
    try:
        shown = str(parse_file("requirements.txt", line, environment={"SECRET": "sesame-street"}).mentions[0].name)
    except UsageError as error:
        shown = f"{error} {error.hint}"
    assert "sesame" not in shown
    assert "SECRET" in shown or "is too long" in shown


def test_an_unknown_variable_in_a_name_is_an_error_that_names_it() -> None:
    with pytest.raises(UsageError, match=r"^r\.txt:2: invalid requirement 'django-\$\{X\}': variable X is not set$"):
        parse("r.txt", "six\ndjango-${X}")


# Options.


def test_options_are_skipped_and_unknown_ones_are_noted() -> None:
    text = """\
    -i https://me:pw@example.org
    --extra-index-url=https://example.org
    --trusted-host example.org
    -f ./wheels
    -chttps://example.org/c.txt
    --no-binary :all:
    --pre
    --requirment base.txt
    -x --me https://me:secret@example.org
    """
    found = parse_file("requirements.txt", text)
    assert found.mentions == ()
    assert found.notes == [
        "requirements.txt:8: unknown option '--requirment' skipped",
        "requirements.txt:9: unknown option '-x' skipped",
    ]


@pytest.mark.parametrize(
    "line",
    ["-r base.txt -c other.txt", "--pre -r base.txt", '-r "base.txt"', "--requirement='base.txt' --pre", "-rbase.txt"],
)
def test_included_files_among_other_options(line: str) -> None:
    assert parse_file("requirements.txt", line, {"base.txt": "six"}).lines() == [("six", "base.txt", 1)]


def test_several_files_can_be_included_on_a_line() -> None:
    found = parse("requirements.txt", "-r a.txt -r b.txt", {"a.txt": "six", "b.txt": "ten"})
    assert [one.name for one in found] == ["six", "ten"]


@pytest.mark.parametrize("line", ["-r", "--requirement", "--requirement=", "-r ''"])
def test_an_include_without_a_file_is_an_error(line: str) -> None:
    with pytest.raises(UsageError, match=r"^requirements\.txt:1: -r requires a file$"):
        parse("requirements.txt", line)


@pytest.mark.parametrize("path", ["https://robot:canary@example.org/r.txt", "//robot:canary@example.org/r.txt"])
def test_an_included_address_shows_no_credentials(path: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse("sub/requirements.txt", f"-r {path}")
    assert "canary" not in str(raised.value)


# Who requires what.


def test_comments_of_pip_compile() -> None:
    text = """\
    #
    # This file is autogenerated by pip-compile
    #
    asgiref==3.8.1 \\
        --hash=sha256:aaaa \\
        --hash=sha256:bbbb
        # via
        #   django
        #   django-allauth[socialaccount]
    django==5.2  # via -r requirements.in, django-allauth
    django-allauth==65
        # via my-app (pyproject.toml)
    sqlparse==0.5
        # via
        #   -c constraints.txt
        #   Django

    # The following packages are considered to be unsafe in a requirements file:
    setuptools==80
    """
    found = parse_file("requirements.txt", text)
    assert found.origins() == {
        "asgiref": (False, ("django", "django-allauth")),
        "django": (True, ("django-allauth",)),
        "django-allauth": (True, ()),
        "sqlparse": (False, ("django",)),
        "setuptools": (None, ()),
    }


def test_a_requirer_that_is_not_required_is_the_project() -> None:
    text = "-e .\na==5\n    # via my-app\nb==3\n    # via a\nc==1\n    # via\n    #   a\n    #   my-app\n"
    found = parse_file("requirements.txt", text)
    assert found.origins() == {"a": (True, ()), "b": (False, ("a",)), "c": (True, ("a",))}


@pytest.mark.parametrize("text", ["django==5.2\nsix==1", "six==1\nthing @ file:///tmp/x"])
def test_a_list_of_exact_versions_may_be_that_of_pip_freeze(text: str) -> None:
    assert {one.direct for one in parse("requirements.txt", text)} == {None}
    assert {one.direct for one in parse("requirements.txt", f"{text}\nten>=1")} == {True}


def test_comments_that_only_look_like_those_of_pip_compile() -> None:
    found = parse_file("requirements.txt", "a>=1 # viaduct\nb  # see via c\nc\n# via the intranet\n\n#    d\nd")
    assert set(found.origins().values()) <= {(True, ()), (None, ())}


def test_the_requirers_of_all_mentions_are_combined() -> None:
    (_, found, _) = parse("r.txt", "a>=1\nb==1\n  # via c\nb==2\n  # via a\nc==1\n  # via -r r.in")
    assert (found.direct, found.via) == (False, ("a", "c"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.in", "a==1\nb==2\n"),
        ("requirements.txt", "a==1\n# for the tests\nb==2\n"),
        ("requirements.txt", "a==1  # pinned for a reason\nb==2\n"),
        ("requirements.txt", "a==1\nb==2  # pinned for a reason\n"),
        ("requirements.txt", "a==1\n\nb==2\n"),
        ("requirements.txt", "-c limits.txt\na==1\nb==2\n"),
        ("requirements.txt", "b==2\na==1\n"),
    ],
)
def test_a_file_of_pins_that_somebody_wrote_states_direct_requirements(name: str, text: str) -> None:
    assert {mention.direct for mention in parse_file(name, text).mentions} == {True}


@pytest.mark.parametrize(
    "text",
    [
        "a==1\nb==2\n",
        "# by pip freeze\na==1\nb==2\n\n",
        "Django==5.2\ndjango-x==1\ndjango_y==1\nsqlparse==1\n",
        "django_x==1\ndjango-y==1\n",
        "a==1\n# Editable Git install with no remote (shop==1.0)\n-e git+https://example.org/shop#egg=shop\nb==2\n",
        "--index-url https://index.example.org\na==1\nb==2\n",
    ],
)
def test_sorted_pins_may_be_the_output_of_pip_freeze(text: str) -> None:
    assert {mention.direct for mention in parse_file("requirements.txt", text).mentions} == {None}
