"""The list of all projects, read in pieces of any size."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from djpkg.errors import UnexpectedPayload
from djpkg.sources.pypi import serials
from djpkg.sources.pypi.serials import Serials, parse_serials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable

META = {"_last-serial": 9, "api-version": "1.4"}


def text(*projects: object, **more: object) -> str:
    return json.dumps({"meta": META, "projects": list(projects)} | more)


def project(name: str, serial: object = 7) -> dict[str, object]:
    return {"_last-serial": serial, "name": name}


def read(body: str | bytes, wanted: Collection[str] = (), *, size: int = 1 << 16) -> Serials:
    """Read a text that arrives in pieces of `size` bytes, with slices of that size."""
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serials, "SLICE_BYTES", size)
        return read_pieces((raw[place : place + size] for place in range(0, len(raw), size)), wanted)


def read_pieces(pieces: Iterable[bytes], wanted: Collection[str]) -> Serials:
    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    reading = parse_serials(arriving(), wanted)
    with pytest.raises(StopIteration) as ended:  # it awaits only the pieces, so no event loop is needed
        reading.send(None)
    result: Serials = ended.value.value
    return result


def test_serials_are_found_by_normalized_name() -> None:
    body = text(project("Django", 1), project("zope.interface", 2), project("a__B.-c", 3), project("other", 4))
    wanted = {"django", "zope-interface", "a-b-c", "absent"}
    assert read(body, wanted) == Serials(found={"django": 1, "zope-interface": 2, "a-b-c": 3}, count=4)


@pytest.mark.parametrize("name", ["two\nthree", "\n", "", "-", "\u03a3"])
def test_an_unusual_name_does_not_affect_those_beside_it(name: str) -> None:
    body = text(project("One.", 1), project(name, 2), project("_Two", 3), project("three", 4))
    assert read(body, {"one-", "-two", "three"}) == Serials(found={"one-": 1, "-two": 3, "three": 4}, count=4)


def test_keys_may_be_in_any_order_and_whitespace_anywhere() -> None:
    body = """
      { "x" : [ { "projects" : "}" } ] , "n":1, "projects" : [ { "name" : "one" , "_last-serial" : 1 }
      , {"_last-serial":2,"z":{"name":"no"},"name":"two"}\t] \r\n, "meta" : { "api-version" : "]}" }, "t" : true }
      """
    for size in (1, 2, 7, 1 << 16):
        assert read(body, {"one", "two", "no"}, size=size) == Serials(found={"one": 1, "two": 2}, count=2)


@pytest.mark.parametrize(
    "name", ["a}", "}]}", '},{"', 'x"},{"_last-serial":5,"name":"y"}', "\\", '\\"}', "[{", "é}\u2028", "\ud800"]
)
def test_a_name_may_contain_json_syntax(name: str) -> None:
    body = text(project(name), project("b", 2), project(name), project("c", 3))
    for size in (1, 5, len(body) - 3):
        assert read(body, {"b", "c", "y"}, size=size) == Serials(found={"b": 2, "c": 3}, count=4)


def test_names_may_be_escaped() -> None:
    assert read(r'{"projects":[{"name":"\u0044j\u0061ngo","_last-serial":3}]}', {"django"}).found == {"django": 3}


names = st.text(st.sampled_from('ab-_.{}[]",:\\é\u2028\n'), max_size=8)
scalars = st.none() | st.integers() | names
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(names, st.lists(scalars, max_size=2), max_size=2)
objects = st.builds(
    lambda more, name, serial, is_reversed: dict(
        list((more | project(name, serial)).items())[:: -1 if is_reversed else 1]
    ),
    st.dictionaries(names, values, max_size=2),
    names,
    st.integers(0, 2**53 - 1),
    st.booleans(),
)


def check_pieces() -> Counter[str]:
    """Read many lists in pieces, and return how many had several pieces, found something, and have braces in names."""
    reached: Counter[str] = Counter()

    @settings(derandomize=True, deadline=None, max_examples=100, report_multiple_bugs=False, database=None)
    @given(
        st.lists(objects, min_size=1, max_size=12),
        st.dictionaries(names, values, max_size=2),
        st.integers(1, 200),
        st.sampled_from([None, 1, "\t"]),
        st.sampled_from([True, False]),
    )
    def check(
        projects: list[dict[str, Any]],
        more: dict[str, object],
        size: int,
        indent: int | str | None,
        projects_first: object,
    ) -> None:
        listed = {"projects": projects} | more if projects_first else more | {"projects": projects}
        body = json.dumps(listed, indent=indent, ensure_ascii=bool(projects_first))
        wanted = {canonicalize_name(str(item["name"])) for item in projects[::2]}
        expected: dict[str, int] = {
            key: item["_last-serial"] for item in projects if (key := canonicalize_name(str(item["name"]))) in wanted
        }
        braces = any(set("{}") & set(item["name"]) for item in projects)
        reached.update(pieces=len(body) > size, found=bool(expected), braces=braces)
        assert read(body, wanted, size=size) == Serials(found=expected, count=len(projects))

    check()
    return reached


@pytest.mark.campaign
def test_reading_in_pieces_equals_reading_at_once() -> None:
    reached = check_pieces()
    assert reached["pieces"] >= 20
    assert reached["found"] >= 20
    assert reached["braces"] >= 5


@pytest.mark.nightly
def test_without_a_search_for_the_end_of_a_project_braces_in_names_would_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serials, "_objects_end", lambda buffer: buffer.find(b"}") + 1)
    with pytest.raises((AssertionError, UnexpectedPayload)):
        check_pieces()


@pytest.mark.parametrize("size", [10, 1 << 16])
def test_an_incomplete_list_is_rejected(size: int) -> None:
    body = text(project("one", 1), project("two}", 2), project("three", 3), last={"a": [1]})
    assert read(body, {"one"}, size=size).count == 3
    for end in range(len(body)):
        with pytest.raises(UnexpectedPayload):
            read(body[:end], {"one"}, size=size)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "was truncated"),
        ("<html>", "is not valid JSON"),
        ("[]", "is not valid JSON"),
        ("{}", "is not valid JSON"),
        ('{"meta":{}}', "is empty"),
        ('{"projects":[]}', "is empty"),
        ('{"projects":{}}', "is not valid JSON"),
        ('{"projects":[1]}', "is invalid"),
        (text(project("a"), None, project("b")), "is invalid"),
        (text(project("a"))[:-2] + ",]}", "is invalid"),
        (text(project("a")) + "x", "is not valid JSON"),
        (text(project("a")) + " " * 300_000 + "{}", "is not valid JSON"),
        (text(project("a")).replace('"name"', "name"), "is not valid JSON"),
        ('{"projects":[{"name":"a","_last-serial":1}{"name":"b","_last-serial":1}]}', "is not valid JSON"),
        ('{"projects":[{"name":"a","_last-serial":1};]}', "is not valid JSON"),
        ('{"meta":nul,"projects":[{"name":"a","_last-serial":1}]}', "is not valid JSON"),
        ('{"projects":[{"name":"a","_last-serial":1}] "meta":1}', "is not valid JSON"),
        ('{"projects":[{"name":"a","x":' + "[" * 100_000 + "]" * 100_000 + "}]}", "nested too deeply"),
        ('{"meta":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"meta":"' + "x" * (5 << 20) + '"}', "is invalid"),
        ('{"projects":[{"x":"' + "x" * (5 << 20) + '"}]}', "is invalid"),
    ],
)
def test_an_invalid_list_is_rejected_with_its_cause(body: str, message: str) -> None:
    with pytest.raises(UnexpectedPayload, match=message) as caught:
        read(body, {"a"})
    assert str(caught.value).startswith("pypi: the ")


@pytest.mark.parametrize("invalid", [{"name": "b"}, {"_last-serial": 1}, project("b", "7"), project("b", -1), {}])
def test_an_invalid_project_does_not_affect_others(invalid: object) -> None:
    body = text(invalid, project("a", 1), invalid, project("c", 3), invalid)
    assert read(body, {"a", "b", "c"}) == Serials(found={"a": 1, "c": 3}, count=5)


def test_many_invalid_projects_reject_the_list() -> None:
    with pytest.raises(UnexpectedPayload, match="is invalid"):
        read(text(project("a"), *[project("b", "7")] * 1000), {"a"})


def test_a_list_with_many_keys_is_rejected_before_all_are_read() -> None:
    read_chunks = 0

    def pieces() -> Iterable[bytes]:
        nonlocal read_chunks
        yield b"{"
        for _ in range(500):
            read_chunks += 1
            yield b'"a":1,' * 10_000

    with pytest.raises(UnexpectedPayload, match="is invalid"):
        read_pieces(pieces(), ())
    assert read_chunks < 10


def peak_memory(*, at_once: bool) -> int:
    """Return the most bytes in memory while a list of 30,000 projects is read."""

    def pieces() -> Iterable[bytes]:
        yield b'{"meta":{},"projects":['
        for first in range(0, 30_000, 1000):
            rows = (json.dumps(project(f"Some_name-{number}", number)) for number in range(first, first + 1000))
            yield ((b"," if first else b"") + ",".join(rows).encode())
        yield b"]}"

    read_pieces([text(project("warm")).encode()], ())
    tracemalloc.start()
    try:
        found = read_pieces([b"".join(pieces())] if at_once else pieces(), {"some-name-29999"})
        assert found == Serials(found={"some-name-29999": 29999}, count=30_000)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.campaign
def test_the_list_is_never_completely_in_memory() -> None:
    assert peak_memory(at_once=False) < 1 << 20


@pytest.mark.nightly
def test_a_list_read_at_once_would_be_completely_in_memory() -> None:
    assert peak_memory(at_once=True) > 1 << 20


def test_the_accept_header_is_that_of_pep_691() -> None:
    assert serials.ACCEPT == "application/vnd.pypi.simple.v1+json"
