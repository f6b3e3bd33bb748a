"""Repository URLs: valid, unsupported and deceptive ones."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from djpkg.errors import ConfigError
from djpkg.model import repository_url
from djpkg.model.forge_servers import parse_forge_servers
from djpkg.model.repository_url import PUBLIC_FORGES, NoRepository, Repository, parse_repository_url
from djpkg.source_name import SourceName

FORGES = {
    "git.example.org": SourceName.FORGEJO,
    "127.0.0.1:3000": SourceName.FORGEJO,
    "localhost:8080": SourceName.GITLAB,
    "gitlab.example.org": SourceName.GITLAB,
}
KINDS = {**PUBLIC_FORGES, **FORGES}
STRICT_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9._-]+)+")

VALID = [
    # plain URLs
    ("https://github.com/shacker/django-todo", "github.com/shacker/django-todo"),
    ("http://github.com/shacker/django-todo", "github.com/shacker/django-todo"),
    ("https://www.github.com/shacker/django-todo", "github.com/shacker/django-todo"),
    ("http://www.github.com/shacker/django-todo/", "github.com/shacker/django-todo"),
    ("HTTPS://GitHub.COM/Shacker/Django-Todo", "github.com/Shacker/Django-Todo"),
    ("github.com/o/r", "github.com/o/r"),
    ("www.github.com/o/r", "github.com/o/r"),
    ("//github.com/o/r", "github.com/o/r"),
    ("  https://github.com/o/r \n", "github.com/o/r"),
    ("\thttps://github.com/o/r\r\n", "github.com/o/r"),
    # .git, slashes, queries, fragments
    ("https://github.com/o/r.git", "github.com/o/r"),
    ("https://github.com/o/r.git/", "github.com/o/r"),
    ("https://github.com/o/r.GIT", "github.com/o/r"),
    ("https://github.com/o/r/", "github.com/o/r"),
    ("https://github.com/o/r//", "github.com/o/r"),
    ("https://github.com//o//r", "github.com/o/r"),
    ("https://github.com/o/r?tab=readme-ov-file", "github.com/o/r"),
    ("https://github.com/o/r#installation", "github.com/o/r"),
    ("https://github.com/o/r/?a=b#c", "github.com/o/r"),
    ("https://github.com/o/r.git#egg=r", "github.com/o/r"),
    ("https://github.com/o/r?next=https://evil.example/a/b", "github.com/o/r"),
    ("https://github.com/o/r#@evil.example/a/../b", "github.com/o/r"),
    # deeper pages
    ("https://github.com/o/r/tree/main/x", "github.com/o/r"),
    ("https://github.com/o/r/blob/main/README.md", "github.com/o/r"),
    ("https://github.com/o/r/issues", "github.com/o/r"),
    ("https://github.com/o/r/issues/12#issuecomment-3", "github.com/o/r"),
    ("https://github.com/o/r/wiki/Overview-and-screenshots", "github.com/o/r"),
    ("https://github.com/o/r/tree/feature%2Fx", "github.com/o/r"),
    ("https://github.com/o/r/releases/tag/v1.0...v2.0", "github.com/o/r"),
    ("https://github.com/o/r.git/tree/main", "github.com/o/r"),
    # limits of names
    ("https://github.com/o/r.js", "github.com/o/r.js"),
    ("https://github.com/o/.github", "github.com/o/.github"),
    ("https://github.com/o/...", "github.com/o/..."),
    ("https://github.com/o/_r-", "github.com/o/_r-"),
    ("https://github.com/o/-r", "github.com/o/-r"),
    ("https://github.com/o/git", "github.com/o/git"),
    ("https://github.com/o-/r", "github.com/o-/r"),
    ("https://github.com/a--b/r", "github.com/a--b/r"),
    ("https://github.com/0/1", "github.com/0/1"),
    ("https://github.com/" + "o" * 39 + "/r", "github.com/" + "o" * 39 + "/r"),
    ("https://github.com/o/" + "r" * 100, "github.com/o/" + "r" * 100),
    ("https://github.com/o/" + "r" * 100 + ".git", "github.com/o/" + "r" * 100),
    ("https://github.com/django/new", "github.com/django/new"),
    ("https://github.com/o/topics", "github.com/o/topics"),
    # other schemes
    ("git://github.com/o/r.git", "github.com/o/r"),
    ("git://github.com:9418/o/r.git", "github.com/o/r"),
    ("ssh://git@github.com/o/r.git", "github.com/o/r"),
    ("ssh://git@github.com:22/o/r.git", "github.com/o/r"),
    ("ssh://github.com/o/r", "github.com/o/r"),
    ("ssh://git@github.com:o/r.git", "github.com/o/r"),
    ("SSH://git@github.com:o/r.git", "github.com/o/r"),
    ("git+ssh://git@github.com:o/r.git", "github.com/o/r"),
    ("git+https://github.com/o/r.git", "github.com/o/r"),
    ("git+http://github.com/o/r", "github.com/o/r"),
    ("git+ssh://git@github.com/o/r.git", "github.com/o/r"),
    ("git+https://github.com/o/r.git@main#egg=r", "github.com/o/r"),
    ("git+https://github.com/o/r@feature/x", "github.com/o/r"),
    # scp form
    ("git@github.com:o/r.git", "github.com/o/r"),
    ("git@github.com:o/r", "github.com/o/r"),
    ("git@github.com:/o/r.git", "github.com/o/r"),
    ("git@github.com:22/r.git", "github.com/22/r"),
    ("GIT@GITHUB.COM:O/R.git", "github.com/O/R"),
    ("git@github.com/o/r.git", "github.com/o/r"),
    ("github.com:o/r.git", "github.com/o/r"),
    ("git@gitlab.com:group/sub/r.git", "gitlab.com/group/sub/r"),
    ("git@bitbucket.org:ws/r.git", "bitbucket.org/ws/r"),
    ("git@git.example.org:o/r.git", "git.example.org/o/r"),
    # users and default ports
    ("https://git@github.com/o/r", "github.com/o/r"),
    ("https://someone@bitbucket.org/ws/r.git", "bitbucket.org/ws/r"),
    ("https://github.com:443/o/r", "github.com/o/r"),
    ("http://github.com:80/o/r", "github.com/o/r"),
    ("https://github.com:/o/r", "github.com/o/r"),
    ("github.com:443/o/r", "github.com/o/r"),
    # GitLab
    ("https://gitlab.com/o/r", "gitlab.com/o/r"),
    ("https://gitlab.com/group/sub/sub-sub/r", "gitlab.com/group/sub/sub-sub/r"),
    ("https://gitlab.com/group/sub/r.git", "gitlab.com/group/sub/r"),
    ("https://gitlab.com/o/r/-/tree/main/src", "gitlab.com/o/r"),
    ("https://gitlab.com/group/sub/r/-/issues/4", "gitlab.com/group/sub/r"),
    ("https://gitlab.com/o/r/tree/master", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/blob/master/README.md", "gitlab.com/o/r"),
    ("https://gitlab.com/group/sub/r/issues", "gitlab.com/group/sub/r"),
    ("https://gitlab.com/o/r/merge_requests/3", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/wikis/home", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/commits/main", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r.git/info/refs", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/forks", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/starrers", "gitlab.com/o/r"),
    ("https://gitlab.com/group/sub/r/forks/new", "gitlab.com/group/sub/r"),
    ("https://gitlab.com/o/r/project_members", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/labels", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/releases", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/container_registry", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/environments", "gitlab.com/o/r"),
    ("https://gitlab.com/o/r/jobs/17", "gitlab.com/o/r"),
    ("https://gitlab.com/o/forks", "gitlab.com/o/forks"),
    ("https://gitlab.com/o/issues", "gitlab.com/o/issues"),
    ("https://www.gitlab.com/O/R/", "gitlab.com/O/R"),
    ("https://gitlab.example.org/a/b/c", "gitlab.example.org/a/b/c"),
    # Bitbucket
    ("https://bitbucket.org/ws/r", "bitbucket.org/ws/r"),
    ("https://bitbucket.org/mara.kiln/r", "bitbucket.org/mara.kiln/r"),
    ("git@bitbucket.org:mara.kiln/r.git", "bitbucket.org/mara.kiln/r"),
    ("https://bitbucket.org/ws/r/src/main/setup.py", "bitbucket.org/ws/r"),
    ("https://bitbucket.org/ws/r/overview", "bitbucket.org/ws/r"),
    ("http://www.bitbucket.org/some_ws/r/", "bitbucket.org/some_ws/r"),
    # Forgejo
    ("https://codeberg.org/o/r", "codeberg.org/o/r"),
    ("https://codeberg.org/o/r/src/branch/main/README.md", "codeberg.org/o/r"),
    ("https://codeberg.org/o.o/r.git", "codeberg.org/o.o/r"),
    ("ssh://git@codeberg.org/o/r.git", "codeberg.org/o/r"),
    # configured servers
    ("https://git.example.org/o/r", "git.example.org/o/r"),
    ("https://www.git.example.org/o/r", "git.example.org/o/r"),
    ("GIT.EXAMPLE.ORG/o/r", "git.example.org/o/r"),
    ("http://127.0.0.1:3000/o/r", "127.0.0.1:3000/o/r"),
    ("https://127.0.0.1:3000/o/r.git", "127.0.0.1:3000/o/r"),
    ("127.0.0.1:3000/o/r", "127.0.0.1:3000/o/r"),
    ("http://LocalHost:8080/a/b/c/-/tree/main", "localhost:8080/a/b/c"),
]

UNSUPPORTED = [
    # not a forge
    "https://example.org/o/r",
    "https://django-todo.readthedocs.io/en/latest/",
    "https://gist.github.com/o/0123456789abcdef",
    "https://o.github.io/r",
    "https://raw.githubusercontent.com/o/r/main/x",
    "https://raw.github.com/o/r",
    "https://api.github.com/repos/o/r",
    "https://codeload.github.com/o/r/zip/main",
    "https://o.gitlab.io/r",
    "https://www.www.github.com/o/r",
    "https://code.google.com/p/django-x/",
    "https://launchpad.net/django-x",
    "http://127.0.0.1/o/r",
    "http://127.0.0.1:3001/o/r",
    "http://localhost/o/r",
    "https://git.example.org:3000/o/r",
    # not a repository
    "https://github.com",
    "https://github.com/",
    "https://github.com/o",
    "https://github.com/o/",
    "https://github.com/?o/r",
    "https://github.com#/o/r",
    "https://github.com/orgs/o/repositories",
    "https://github.com/Topics/django",
    "https://github.com/sponsors/o",
    "https://github.com/settings/profile",
    "https://github.com/marketplace/actions",
    "https://github.com/features/actions",
    "https://github.com/o/.git",
    "https://github.com/o/..git",
    "https://github.com/o/...git",
    "https://github.com/o/r.git.git",
    "https://github.com/https://github.com/o/r",
    "https://gitlab.com/o",
    "https://gitlab.com/groups/o/-/issues",
    "https://gitlab.com/o/-/issues",
    "https://gitlab.com/o/tree/x",
    "https://gitlab.com/o/tree.git",
    "https://gitlab.com/a/b/issues.git",
    "https://gitlab.com/explore/projects",
    "https://gitlab.com/a/.b",
    "https://bitbucket.org/ws",
    "https://bitbucket.org/account/settings",
    "https://codeberg.org/explore/repos",
    "https://codeberg.org/o",
    # invalid names
    "https://github.com/-o/r",
    "https://github.com/o_o/r",
    "https://github.com/o.o/r",
    "https://github.com/" + "o" * 40 + "/r",
    "https://github.com/o/" + "r" * 101,
    "https://github.com/o/r~1",
    "https://github.com/o/r@main",
    "https://github.com/o/r,",
    "https://github.com/o/r)",
    "https://github.com/o/<name>",
    "https://github.com/{{owner}}/r",
    # hosts that look like a known one
    "https://github.com@evil.example/o/r",
    "https://github.com:o@evil.example/o/r",
    "https://git@evil.example/github.com/o/r",
    "https://github.com.evil.example/o/r",
    "https://evilgithub.com/o/r",
    "https://github.com-evil.example/o/r",
    "https://github.co/o/r",
    "https://evil.example/https://github.com/o/r",
    "https://evil.example?https://github.com/o/r",
    "https://evil.example#github.com/o/r",
    "https://github.com\\@evil.example/o/r",
    "https://evil.example\\@github.com/o/r",
    "https:\\\\github.com\\o\\r",
    "https://github.com/o\\r/x",
    "https://github.com/o/r/blob\\..\\..\\a",
    "https://github.com/o/r?\\@evil.example",
    "https://github\u3002com/o/r",
    "https://github\uff0ecom/o/r",
    "https://g\u0456thub.com/o/r",
    "https://\uff47ithub.com/o/r",
    "https://bitbuc\u212aet.org/o/r",
    "https://xn--gthub-3ya.com/o/r",
    "https://github.com./o/r",
    "https://.github.com/o/r",
    "https://github..com/o/r",
    "https://github.com%2eevil.example/o/r",
    "https://github%2ecom/o/r",
    "https://140.82.121.3/o/r",
    "https://[::1]/o/r",
    "https://0x7f000001/o/r",
    "https://2130706433/o/r",
    # credentials and invalid users
    "https://user:secret@github.com/o/r",
    "https://:secret@github.com/o/r",
    "https://@github.com/o/r",
    "https://evil.example@github.com/o/r",
    "https://a@b@github.com/o/r",
    "https://%67it@github.com/o/r",
    "evil.example@github.com:o/r",
    "mailto:git@github.com",
    # ports
    "https://github.com:8443/o/r",
    "https://github.com:80/o/r",
    "http://github.com:443/o/r",
    "https://github.com:0443/o/r",
    "https://github.com:o/r",
    "ssh://git@github.com:443/o/r",
    "git@github.com:22/o/r",
    "https://github.com:99999999999999999999/o/r",
    # . and .., encoded characters
    "https://github.com/a/../../b",
    "https://github.com/o/r/../../a/b",
    "https://github.com/./o/r",
    "https://github.com/o/.",
    "https://github.com/o/..",
    "https://github.com/o/%2e%2e",
    "https://github.com/o/r/%2E%2e/%2e%2E/a/b",
    "https://github.com/o/r/x%2f..%2f..%2f..%2fa%2fb",
    "https://github.com/o/r/x%2F..%2f..%2F..%2fa%2fb",
    "https://github.com/o/r/x%5C..%5Ca",
    "https://github.com/o/r/x%5c..%5ca",
    "https://github.com/%6f/r",
    "https://github.com/o%2fr",
    "https://gitlab.com/a/b/../c",
    # invalid characters
    "https://github.com/o/r\x00",
    "https://github.com/o/r\x1b[31m",
    "https://github.com/o/\nr",
    "https://git\thub.com/o/r",
    "https://github.com/o/r (moved)",
    "\u200bhttps://github.com/o/r",
    "https://github.com/o/r\u202e",
    "https://github.com/o/\ud800",
    "https://github.com/\u00f6/r",
    # not a URL
    "shacker/django-todo",
    "django-todo",
    "https:/github.com/o/r",
    "https:github.com/o/r",
    "https:///github.com/o/r",
    "http://https://github.com/o/r",
    "://github.com/o/r",
    "javascript://github.com/o/r",
    "ftp://github.com/o/r",
    "file:///github.com/o/r",
    "svn+ssh://github.com/o/r",
    "git+git+https://github.com/o/r",
    "lp:django-x",
    "/",
    "-",
    "N/A",
    "https://github.com/o/r/" + "x" * 2000,
]


@pytest.mark.parametrize(("address", "expected"), VALID)
def test_valid_urls_are_parsed(address: str, expected: str) -> None:
    host, _, path = expected.partition("/")
    assert parse_repository_url(address, FORGES) == Repository(kind=KINDS[host], host=host, path=path)


@pytest.mark.parametrize("address", UNSUPPORTED)
def test_other_urls_are_unsupported_with_a_printable_reason(address: str) -> None:
    found = parse_repository_url(address, FORGES)
    assert isinstance(found, NoRepository)
    assert found.state == "unsupported"
    assert re.fullmatch("[ -~]{5,400}", found.reason)
    assert "secret" not in found.reason


@pytest.mark.parametrize("address", [None, "", " ", "\t\r\n ", "\u3000", "\x1f"])
def test_an_empty_url_is_none(address: str | None) -> None:
    assert parse_repository_url(address) == NoRepository(state="none", reason="no URL")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://example.org:8080/o/r", "example.org:8080 is not a known forge"),
        ("https://EXAMPLE.org/o/r", "example.org is not a known forge"),
        ("https://github.com/o", "the path names no repository on github.com"),
        ("ftp://github.com/o/r", "unsupported scheme ftp"),
        ("https://a@b@github.com/o/r", "not a repository URL"),
        ("https://github.com/o/../r", "the path contains . or .."),
    ],
)
def test_the_reason_describes_the_problem(address: str, reason: str) -> None:
    assert parse_repository_url(address) == NoRepository(state="unsupported", reason=reason)


def test_other_servers_are_unknown_unless_configured() -> None:
    assert isinstance(parse_repository_url("https://git.example.org/o/r"), NoRepository)
    assert isinstance(parse_repository_url("http://127.0.0.1:3000/o/r"), NoRepository)


def test_configuration_does_not_change_a_public_forge() -> None:
    found = parse_repository_url("https://github.com/o/r", {"github.com": SourceName.GITLAB})
    assert found == Repository(kind=SourceName.GITHUB, host="github.com", path="o/r")


def test_all_spellings_share_a_coordinate_and_the_url_keeps_the_case() -> None:
    shouted, plain = (
        parse_repository_url("http://WWW.GitHub.com/Owner/Name.git/"),
        parse_repository_url("git@github.com:owner/name"),
    )
    assert isinstance(shouted, Repository)
    assert isinstance(plain, Repository)
    assert shouted.coordinate == plain.coordinate == "github.com/owner/name"
    assert shouted.url == "https://github.com/Owner/Name"


def test_the_table_has_at_least_200_urls() -> None:
    assert len(VALID) + len(UNSUPPORTED) >= 200
    assert len(set(UNSUPPORTED)) == len(UNSUPPORTED)


pieces = st.sampled_from(
    [
        *("https://", "http://", "ssh://", "git://", "git+https://", "git+ssh://", "//", "git@", "user:pw@", "www."),
        *(
            "github.com",
            "GitHub.com",
            "gitlab.com",
            "bitbucket.org",
            "codeberg.org",
            "127.0.0.1:3000",
            "git.example.org",
        ),
        *("evil.example", "/", "//", ":", "@", "\\", "?", "#", ".", "..", "%2e", "%2f", ".git", ":443", ":22", ":99"),
        *(
            "owner",
            "name",
            "group",
            "tree",
            "blob",
            "-",
            "issues",
            "wikis",
            "src",
            "orgs",
            "\u00e9",
            "\u3002",
            "\x00",
            " ",
        ),
    ]
)
addresses = st.one_of(
    st.text(max_size=80),
    st.lists(pieces, max_size=12).map("".join),
    st.lists(st.one_of(pieces, st.text(max_size=6)), max_size=8).map(
        lambda parts: "https://github.com/" + "".join(parts)
    ),
    st.lists(pieces, max_size=8).map(lambda parts: "https://gitlab.com/a/b/" + "/".join(parts)),
)


def check_any_text() -> Counter[str]:
    """Check many texts, and return how many gave a repository and how many were refused for each reason."""
    reached: Counter[str] = Counter()

    @settings(derandomize=True, deadline=None, max_examples=800, report_multiple_bugs=False, database=None)
    @given(addresses)
    @example("https://gitlab.com/a/b/issues.git")
    @example("https://github.com/o/r.git.git")
    def check(address: str) -> None:
        found = parse_repository_url(address, FORGES)
        if isinstance(found, Repository):
            reached["repository"] += 1
            assert found.kind is KINDS[found.host]
            assert STRICT_PATH.fullmatch(found.path)
            assert {".", ".."}.isdisjoint(found.path.split("/"))
            assert parse_repository_url(found.url, FORGES) == found
        else:
            reached[found.reason.partition(" on ")[0]] += 1
            assert found.state == ("unsupported" if address.strip() else "none")
            assert re.fullmatch("[ -~]{5,400}", found.reason)

    check()
    return reached


@pytest.mark.campaign
def test_any_text_gives_a_repository_on_a_known_host_or_none() -> None:
    reached = check_any_text()
    assert reached["repository"] >= 20
    assert reached["the URL contains invalid characters or is too long"] >= 20
    assert reached["the path names no repository"] >= 5
    assert reached["the path contains . or .."] >= 1


@pytest.mark.nightly
@pytest.mark.parametrize("check", ["_NAME", "_GITLAB_SEGMENT"])
def test_without_a_check_of_names_any_text_would_be_a_path(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_url, check, ".*")
    with pytest.raises(AssertionError):
        check_any_text()


@pytest.mark.parametrize(
    ("text", "forges"),
    [
        ("", {}),
        (" \n", {}),
        ("git.example.org=forgejo", {"git.example.org": SourceName.FORGEJO}),
        ("git.example.org=gitea", {"git.example.org": SourceName.FORGEJO}),
        ("Git.Example.Org=GitLab", {"git.example.org": SourceName.GITLAB}),
        ("localhost:3000=forgejo", {"localhost:3000": SourceName.FORGEJO}),
        ("127.0.0.1:03000=forgejo", {"127.0.0.1:3000": SourceName.FORGEJO}),
        (
            " git.example.org=forgejo  gitlab.example.org=gitlab\n",
            {"git.example.org": SourceName.FORGEJO, "gitlab.example.org": SourceName.GITLAB},
        ),
        (
            "git.example.org=forgejo git.example.org:3000=gitlab",
            {"git.example.org": SourceName.FORGEJO, "git.example.org:3000": SourceName.GITLAB},
        ),
    ],
)
def test_configured_servers_are_parsed(text: str, forges: dict[str, SourceName]) -> None:
    assert parse_forge_servers(text) == forges


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("git.example.org", "invalid entry 'git.example.org', not HOST=KIND or HOST:PORT=KIND"),
        ("=forgejo", "invalid entry '=forgejo'"),
        ("git.example.org=", "invalid entry 'git.example.org='"),
        ("a.example=forgejo,b.example=gitlab", "not HOST=KIND"),
        ("https://git.example.org=forgejo", "invalid entry 'https://git.example.org=forgejo'"),
        ("git.example.org/sub=forgejo", "not HOST=KIND"),
        ("user@git.example.org=forgejo", "an entry contains a user name or password, not HOST=KIND"),
        ("git.example.org:=forgejo", "not HOST=KIND"),
        ("git.example.org.=forgejo", "not HOST=KIND"),
        ("git\u3002example=forgejo", "'git\\u3002example=forgejo'"),
        ("\x1b[31m=forgejo", "'\\x1b[31m=forgejo'"),
        ("git.example.org=github", "unknown kind github; use forgejo, gitea, gitlab"),
        ("git.example.org=bitbucket", "unknown kind bitbucket"),
        ("git.example.org=pypi", "unknown kind pypi"),
        ("github.com=gitlab", "github.com is a built-in forge"),
        ("WWW.Codeberg.org=forgejo", "www.codeberg.org is a built-in forge"),
        ("gitlab.com:8443=gitlab", "gitlab.com is a built-in forge"),
        ("git.example.org:0=forgejo", "invalid port 0"),
        ("git.example.org:65536=forgejo", "invalid port 65536"),
        ("git.example.org=forgejo GIT.example.org=gitlab", "duplicate server git.example.org"),
    ],
)
def test_invalid_servers_are_an_error_that_shows_the_entry(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_forge_servers(text)
    assert str(caught.value).startswith("DJPKG_FORGES: ")
    assert message in str(caught.value)
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    "text",
    [
        "https://robot:canary@git.example.org=forgejo",
        "robot:canary@git.example.org=forgejo",
        "canary@git.example.org=forgejo",
        "https://robot:canary canary@git.example.org=forgejo",
        "git.example.org=canary robot:c@git.example.org=forgejo",
        "git.example.org=forgejo\nhttps://robot:c@nary@git.example.org:canary=gitlab",
    ],
)
def test_the_user_and_password_of_a_server_are_not_in_the_error(text: str) -> None:
    with pytest.raises(ConfigError, match="DJPKG_FORGES: ") as caught:
        parse_forge_servers(text)
    assert not re.search("canary|robot|nary@", f"{caught.value} {caught.value.hint}")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=40), st.lists(pieces, max_size=6).map(lambda parts: "".join(parts) + "=forgejo")))
def test_any_text_gives_usable_servers_or_an_error(text: str) -> None:
    forges = {}
    with suppress(ConfigError):
        forges = parse_forge_servers(text)
    event(f"{len(forges)} servers")
    for host, kind in forges.items():
        assert parse_repository_url(f"https://{host}/o/r", forges) == Repository(kind=kind, host=host, path="o/r")
