"""Assignments of `edit`: operators, kinds of fields, errors."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from djpkg.editing import assignments
from djpkg.editing.assignments import KnownNames, apply_assignments, describe_values, parse_assignments
from djpkg.errors import UsageError
from djpkg.mirror.connection import create_in_memory
from djpkg.mirror.serialization import from_sql, to_row
from djpkg.model import fields
from djpkg.model.fields import Kind
from djpkg.model.merge import merge
from djpkg.query.columns import column_sql
from tests.seed import seed_facts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from djpkg.model.merge import StoredValue

IDS = KnownNames(
    {"1": 1, "2": 2, "apps": 1, "app": 1, "frameworks": 2},
    {"10": 10, "11": 11, "gardening": 10, "pottery": 11, "pottery & kilns": 11},
    {"django-kiln": "Django_Kiln", "lids": "lids"},
)
CURRENT: dict[str, StoredValue] = {
    "participants": ["mara", "otto"], "grids": [10], "title": "Pots", "tags": ["prod"], "django_versions": ["5.2"],
}  # fmt: skip
WEEKS = list(range(52))
SHOWN = [field for field in fields.FIELDS if field.in_record or field.editable]
RECORD = "https://djangopackages.org/api/v4"


def applied(*words: str) -> dict[str, StoredValue]:
    return apply_assignments(parse_assignments(words), CURRENT, IDS)


def error_of(*words: str) -> str:
    with pytest.raises(UsageError) as raised:
        applied(*words)
    assert raised.value.exit_code == 2
    return f"{raised.value} | {raised.value.hint}"


@pytest.mark.parametrize(
    ("word", "field", "stored"),
    [
        ("title=Clay pots", "title", "Clay pots"),
        ("title= padded ", "title", "padded"),
        (" title =x", "title", "x"),
        ("title=a=b:=c+=d", "title", "a=b:=c+=d"),
        ("title=two\nlines", "title", "two\nlines"),
        ("title=", "title", ""),
        ("TITLE=x", "title", "x"),
        ("description=", "repo_description", ""),
        ("repo-description=x", "repo_description", "x"),
        ("version=2.0", "pypi_version", "2.0"),
        ("version=", "pypi_version", None),
        ("stars=0", "repo_watchers", 0),
        ("forks= 007 ", "repo_forks", 7),
        ("stars=9007199254740991", "repo_watchers", 2**53 - 1),
        ("updated=2026-01-31", "last_updated", "2026-01-31T00:00:00Z"),
        ("updated=2026-01-31T12:00:00", "last_updated", "2026-01-31T12:00:00Z"),
        ("updated=2026-01-31T12:00:00Z", "last_updated", "2026-01-31T12:00:00Z"),
        ("updated=2026-01-31T12:00:00.123456-05:00", "last_updated", "2026-01-31T12:00:00.123456-05:00"),
        ("updated=2026-01-31 12:00+0100", "last_updated", "2026-01-31 12:00+0100"),
        ("updated=2026-01-31X12:00:00Z", "last_updated", "2026-01-31T12:00:00Z"),
        ("updated=", "last_updated", None),
        ("repo_url=https://github.com/mara/pots", "repo_url", "https://github.com/mara/pots"),
        ("repo_url=HTTP://example.org:80?a=b#c", "repo_url", "HTTP://example.org:80?a=b#c"),
        ("repo_url=", "repo_url", ""),
        ("repo_url=mara/pots", "repo_url", "https://github.com/mara/pots"),
        ("repo_url=mara/pots.js", "repo_url", "https://github.com/mara/pots.js"),
        ("repo_url=github.com/mara/pots", "repo_url", "https://github.com/mara/pots"),
        ("repo_url=git@github.com:mara/pots.git", "repo_url", "https://github.com/mara/pots"),
        ("repo_url=git@gitlab.com:group/sub/pots.git", "repo_url", "https://gitlab.com/group/sub/pots"),
        ("repo_url=git@git.example.org:mara/pots.git", "repo_url", "https://git.example.org/mara/pots"),
        ("repo_url=ssh://git@git.example.org:2222/mara/pots", "repo_url", "https://git.example.org/mara/pots"),
        ("repo_url=git://github.com/mara/pots.git", "repo_url", "https://github.com/mara/pots"),
        ("repo_url=git+https://github.com/mara/pots@main", "repo_url", "https://github.com/mara/pots"),
        ('repo_url:="mara/pots"', "repo_url", "https://github.com/mara/pots"),
        ("docs=", "documentation_url", None),
        ("pypi_url=Django.Pots", "pypi_url", "Django.Pots"),
        ("pypi_url=https://pypi.org/project/pots/", "pypi_url", "https://pypi.org/project/pots/"),
        ("pypi_url=", "pypi_url", ""),
        ("category=Apps", "category", 1),
        ("category=2", "category", 2),
        (f"category={RECORD}/categories/2/", "category", 2),
        ("grids=pottery, 10", "grids", [11, 10]),
        ("grids=Pottery & Kilns", "grids", [11]),
        ("grids=10,10", "grids", [10]),
        ("grids=", "grids", []),
        (f"grids={RECORD}/grids/11/,{RECORD}/grids/10", "grids", [11, 10]),
        ("participants=otto, mara,,otto", "participants", ["otto", "mara"]),
        ("participants=", "participants", []),
        (f"commits_over_52={','.join(map(str, WEEKS))}", "commits_over_52", WEEKS),
        (f"commits_over_52={WEEKS}", "commits_over_52", WEEKS),
        ("commits_over_52=", "commits_over_52", []),
        ("commits_over_52=[]", "commits_over_52", []),
        ('title:="x"', "title", "x"),
        ("stars:= 5 ", "repo_watchers", 5),
        ("updated:=null", "last_updated", None),
        ('docs:=""', "documentation_url", ""),
        ("docs:=null", "documentation_url", None),
        ('grids:=["pottery", 10]', "grids", [11, 10]),
        (f'grids:=["{RECORD}/grids/11/"]', "grids", [11]),
        ("grids:=[]", "grids", []),
        ("category:=2", "category", 2),
        ('category:="frameworks"', "category", 2),
        ('participants:=["a, b", ""]', "participants", ["a, b", ""]),
        (f"commits_over_52:={json.dumps(WEEKS)}", "commits_over_52", WEEKS),
        ("license=MIT OR Apache-2.0", "license", "MIT OR Apache-2.0"),
        ("license=", "license", None),
        ("archived=yes", "archived", True),
        ("archived=False", "archived", False),
        ("archived=", "archived", None),
        ("archived:=true", "archived", True),
        ("django=4.2, 5.2", "django_versions", ["4.2", "5.2"]),
        ("django+=6.0", "django_versions", ["5.2", "6.0"]),
        ("django_versions-=5.2", "django_versions", []),
        ("note=used by billing,\nask mara", "note", "used by billing,\nask mara"),
        ("note=", "note", None),
        ("tags=prod, to do,,Billing", "tags", ["Billing", "prod", "to do"]),
        ("tag+=billing", "tags", ["billing", "prod"]),
        ("tags-=prod", "tags", []),
        ("tags=", "tags", []),
        ('tags:=["b", "a", "b"]', "tags", ["a", "b"]),
        ("replaced_by=lids", "replaced_by", "lids"),
        ("replaced_by=DJANGO_kiln", "replaced_by", "Django_Kiln"),
        ("replaced_by=https://example.org/better", "replaced_by", "https://example.org/better"),
        ("replaced_by=", "replaced_by", None),
        ("participants+=zoe", "participants", ["mara", "otto", "zoe"]),
        ("participants+=otto,zoe", "participants", ["mara", "otto", "zoe"]),
        ("participants-=mara", "participants", ["otto"]),
        ("participants-=otto, mara", "participants", []),
        ("grid+=pottery", "grids", [10, 11]),
        ("grids-=gardening", "grids", []),
    ],
)
def test_assignments_give_the_stored_value(word: str, field: str, stored: StoredValue) -> None:
    assert applied(word) == {field: stored}


@pytest.mark.parametrize("word", ["participants+=", "participants-=", "participants+=otto", "grids+=gardening"])
def test_adding_or_removing_nothing_creates_no_override(word: str) -> None:
    assert applied(word) == {}


def test_assignments_apply_in_order() -> None:
    assert applied("participants=zoe", "participants+=ines", "participants-=zoe") == {"participants": ["ines"]}
    assert applied("title=a", "stars=1") == {"title": "a", "repo_watchers": 1}
    assert applied() == {}


def test_the_current_values_are_not_modified() -> None:
    applied("participants+=zoe", "participants-=mara")
    assert CURRENT["participants"] == ["mara", "otto"]


KINDS = {
    "title": ("5", "null", "[]", '{"a": 1}', "true", '"\\u0000"', '"\\ud800"'),
    "stars": ("-1", "1.5", "true", '"5"', "null", "1e3", "9007199254740992", "NaN", "Infinity"),
    "updated": ('"yesterday"', '""', "5", '"2026-02-30"', '"2026"', '"0001-01-01T00:00:00+10:00"', "[]"),
    "repo_url": ('"ftp://example.org"', '"example.org"', '"https://a b"', '"https://a\\u0085"', "null", "5"),
    "docs": ('"javascript:alert(1)"', '"//example.org"', '"https://a\\u202e"', '"x"'),
    "pypi_url": ('"two words"', "null", '"-x-"', "7"),
    "category": ("null", '"none of these"', "99", "true", "1.0", "[1]", '""'),
    "grids": ("null", '"pottery"', "[99]", '["none"]', "[true]", "[[10]]", "[null]", "{}"),
    "participants": ("null", '"mara"', "[5]", "[null]", '["\\u0000"]', '["\\udfff"]', "[[]]"),
    "commits_over_52": (
        "null",
        "[1]",
        json.dumps([0] * 53),
        json.dumps([-1] * 52),
        json.dumps([1.5] * 52),
        "52",
        json.dumps([True] * 52),
        json.dumps(["1"] * 52),
        json.dumps([2**53] * 52),
    ),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in KINDS.items() for text in texts])
def test_an_invalid_json_value_names_the_field_and_its_valid_values(name: str, text: str) -> None:
    message = error_of(f"{name}:={text}")
    field = fields.get(name)
    assert field.name in message
    assert describe_values(field) in message


@pytest.mark.parametrize(
    "word",
    [
        "stars=many",
        "stars=",
        "stars=-1",
        "stars=1.5",
        "stars=٣",
        "stars=1_000",
        "stars=9007199254740992",
        "stars=1e3",
        "updated=yesterday",
        "updated=2026-02-30",
        "repo_url=github.com/mara",
        "repo_url=mara",
        "repo_url=mara/../pots",
        "repo_url=-mara/pots",
        "repo_url=git@git.example.org:mara/../pots",
        "repo_url=git@host:mara/pots",
        "docs=mara/pots",
        "repo_url=https://",
        "docs=x",
        "pypi_url=two words",
        "category=",
        "category=nothing",
        "grids=nothing",
        "grids=10,nothing",
        "title=a\x00b",
        "commits_over_52=1,2,3",
        "commits_over_52=a",
        "commits_over_52=-1" + ",0" * 51,
        f"participants=a{chr(0xDCFF)}",
    ],
)
def test_an_invalid_text_names_the_field_and_its_valid_values(word: str) -> None:
    field = fields.get(word.partition("=")[0])
    message = error_of(word)
    assert field.name in message
    assert describe_values(field) in message


@pytest.mark.parametrize("user", ["robot:canary", "canary", "ca:na@ry", ":canary"])
@pytest.mark.parametrize("word", ["repo_url={}", "docs={}", "pypi_url={}", 'docs:="{}"'])
def test_a_url_with_a_user_or_a_password_is_refused_and_not_shown(user: str, word: str) -> None:
    message = error_of(word.format(f"https://{user}@example.org/mara/pots"))
    assert "contains a user name or password" in message
    assert "canary" not in message
    assert "ry" not in message
    assert applied("repo_url=https://git@example.org/mara/pots")


@pytest.mark.parametrize("word", ["", "title", "=x", "title x", "5=x", "ti tle=x", ":=5", "title!=x", "-title=x"])
def test_a_malformed_assignment_shows_the_forms(word: str) -> None:
    assert "field:=JSON" in error_of(word)


@pytest.mark.parametrize("name", [field.name for field in fields.FIELDS if not field.editable])
def test_a_field_that_cannot_be_edited_lists_those_that_can(name: str) -> None:
    message = error_of(f"{name}=x")
    assert f"{name} cannot be edited" in message
    assert all(field.name in message for field in fields.EDITABLE)


def test_the_editable_fields_are_all_but_five_of_the_record() -> None:
    fixed = {field.name for field in fields.RECORD if not field.editable}
    assert fixed == {"id", "slug", "created", "modified", "last_fetched"}
    others = [field.name for field in fields.EDITABLE if not field.in_record]
    assert others == ["archived", "django_versions", "license", "note", "tags", "replaced_by"]


def test_an_unknown_field_suggests_the_nearest() -> None:
    assert "did you mean title?" in error_of("titel=x")


@pytest.mark.parametrize("field", [one for one in fields.EDITABLE if one.kind not in (Kind.NAMES, Kind.GRIDS)])
def test_only_lists_of_names_can_be_changed_item_by_item(field: fields.Field) -> None:
    for operator in ("+=", "-="):
        message = error_of(f"{field.name}{operator}x")
        assert field.name in message
        assert describe_values(field) in message


@pytest.mark.parametrize("start", ["", "title:=", "participants-=", "repo_forks=", "x" * 99 + "="])
def test_errors_quote_only_the_start_of_long_input(start: str) -> None:
    assert len(error_of(start + "x" * 99_999)) < 500


def test_an_item_that_is_not_in_the_list_cannot_be_removed() -> None:
    assert "'zoe' is not in participants" in error_of("participants-=zoe")
    assert "'zoe' is not in participants" in error_of("participants-=mara, zoe")
    assert "'pottery' is not in grids" in error_of("grids-=pottery")


@pytest.mark.parametrize("text", ["", "{", "nul", "'x'", "[1,]", "\ud800", "[" * 100_000, "9" * 5000])
def test_invalid_json_names_the_field_and_its_valid_values(text: str) -> None:
    message = error_of(f"stars:={text}")
    assert "repo_watchers" in message
    assert describe_values(fields.get("stars")) in message


def test_a_long_value_is_cut_in_the_error_and_a_long_text_is_invalid() -> None:
    assert len(error_of("stars=" + "x" * 100_000)) < 300
    assert len(error_of("category=" + "x" * 100_000)) < 300
    assert len(error_of("title=" + "x" * (64 * 1024 + 1))) < 300
    assert applied("title=" + "x" * 64 * 1024) == {"title": "x" * 64 * 1024}


def test_every_editable_kind_describes_its_values() -> None:
    own = {"repo_url", "tags", "django_versions", "replaced_by"}
    kinds = {field.name if field.name in own else field.kind for field in fields.EDITABLE}
    assert len({describe_values(field) for field in fields.EDITABLE}) == len(kinds)


def stored_and_shown(db: sqlite3.Connection, values: dict[str, StoredValue]) -> dict[str, Any]:
    """Store the values in a real mirror and return the record that `show --json` prints."""
    row = to_row(merge([seed_facts()], values))
    db.execute(
        f"INSERT OR REPLACE INTO packages ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
    )
    stored = db.execute(f"SELECT {', '.join(column_sql(field) for field in SHOWN)} FROM packages").fetchone()
    shown = {field.name: from_sql(field, one) for field, one in zip(SHOWN, stored, strict=True)}
    text = json.dumps(shown, indent=4, allow_nan=False)
    assert text.isascii()
    assert json.loads(text) == shown
    return shown


@pytest.fixture(scope="module")
def mirror() -> Iterator[sqlite3.Connection]:
    with closing(create_in_memory()) as db:
        yield db


names = st.sampled_from([name for field in fields.EDITABLE for name in (field.name, *field.aliases)])
operators = st.sampled_from(["=", ":=", "+=", "-="])
texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=())).map(json.dumps),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}.[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?", fullmatch=True
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=8,
    ).map(json.dumps),
    st.lists(st.integers(-1, 2**54), min_size=51, max_size=53).map(json.dumps),
    st.lists(st.sampled_from(["10", "pottery", "mara", "a b", ""]), max_size=4).map(", ".join),
)


@settings(derandomize=True, deadline=None, max_examples=250)
@given(name=names, operator=operators, text=texts)
@example(name="last_updated", operator=":=", text=json.dumps("2026-01-31\ud80012:00:00Z"))
@example(name="last_updated", operator=":=", text=json.dumps("2026-01-31\x0012:00:00Z"))
@example(name="last_updated", operator="=", text="2026-01-31\n12:00:00Z")
@example(name="repo_watchers", operator=":=", text="1e400")
@example(name="grids", operator=":=", text=f"[{'9' * 4299}]")
def test_any_text_is_invalid_or_gives_a_value_that_can_be_stored_and_shown(
    mirror: sqlite3.Connection, name: str, operator: str, text: str
) -> None:
    field = fields.get(name)
    try:
        values = applied(f"{name}{operator}{text}")
    except UsageError as error:
        message = str(error)
    else:
        message = field.name
        shown = stored_and_shown(mirror, values)
        if field.kind not in (Kind.CATEGORY, Kind.GRIDS):
            assert {name: shown[name] for name in values} == values
    assert field.name in message


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=20), max_size=3))
def test_any_words_give_assignments_or_a_usage_error(words: Sequence[str]) -> None:
    try:
        found = parse_assignments(words)
    except UsageError:
        return
    assert len(found) == len(words)
    assert all(one.field.editable for one in found)


def test_editable_fields_are_found_by_alias() -> None:
    assert assignments.get_editable_field("Docs").name == "documentation_url"
    with pytest.raises(UsageError):
        assignments.get_editable_field("slug")


@pytest.mark.parametrize("words", [("stars=1", "stars=2"), ("stars:=1", "stars=2"), ("grids+=forms", "grids=")])
def test_a_second_value_for_a_field_is_an_error(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="is assigned more than once"):
        applied(*words)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("stars:=true", "'true'"),
        ("stars:=NaN", "'NaN'"),
        ("title:=null", "'null'"),
        ('participants:={"a": null}', "'{\"a\": null}'"),
        ("commits_over_52=1", "'1'"),
        ("commits_over_52:=[1]", "'[1]'"),
        ("commits_over_52:=[" + "1, " * 51 + "false]", "'false'"),
    ],
)
def test_an_error_shows_the_value_as_typed(word: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        applied(word)
    assert f"invalid value {shown}" in str(caught.value)


@pytest.mark.parametrize(
    "address", ["git@github.com:a/b/c.git", "ssh://git@github.com/a/b/c", "git@gitlab.com:a/b/-/c"]
)
def test_a_git_address_with_more_than_a_repository_is_invalid(address: str) -> None:
    with pytest.raises(UsageError, match="invalid value"):
        applied(f"repo_url={address}")
