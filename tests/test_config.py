from __future__ import annotations

from pathlib import Path

import pytest

from djpkg import config, credentials
from djpkg.errors import ConfigError
from djpkg.model import forge_servers
from djpkg.source_name import SourceName

HOME = {"HOME": "/home/mara"}
TOKENS = [(api.source, variable) for api in config.APIS for variable in api.tokens]


@pytest.mark.parametrize(
    ("environment", "option", "path"),
    [
        ({}, Path("x.db"), "x.db"),
        ({"DJPKG_DB": "y.db"}, Path("x.db"), "x.db"),
        ({"DJPKG_DB": "y.db"}, None, "y.db"),
        ({"DJPKG_DB": "/tmp/y z.db"}, None, "/tmp/y z.db"),  # noqa: S108 - a text
        ({"DJPKG_DB": "~/y.db"}, None, "~/y.db"),
        ({}, Path("~/x.db"), "~/x.db"),
    ],
)
def test_the_option_goes_before_the_variable(environment: dict[str, str], option: Path | None, path: str) -> None:
    assert config.mirror_path(environment, option) == Path.cwd() / path


def test_a_tilde_is_the_home_where_there_is_one() -> None:
    home = Path.home()
    assert config.mirror_path({**HOME, "DJPKG_DB": "~/y.db"}) == home / "y.db"
    assert config.mirror_path(HOME, Path("~/x.db")) == home / "x.db"


def test_without_a_working_folder_there_is_an_error_that_says_how_to_name_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match=r"no working folder to find y\.db in") as raised:
        config.mirror_path({**HOME, "DJPKG_DB": "y.db"})
    assert "whole path" in (raised.value.hint or "")
    assert config.mirror_path(HOME, Path("/x.db")) == Path("/x.db")


def test_the_home_of_nobody_is_an_error_that_names_the_place() -> None:
    with pytest.raises(ConfigError, match=r"~nobody-of-that-name/y\.db"):
        config.mirror_path({**HOME, "DJPKG_DB": "~nobody-of-that-name/y.db"})
    with pytest.raises(ConfigError, match=r"~nobody-of-that-name/x\.db"):
        config.mirror_path(HOME, Path("~nobody-of-that-name/x.db"))


def test_the_mirror_is_in_the_users_data_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data/of/mara")
    assert config.mirror_path(HOME) == Path("/data/of/mara/djpkg/mirror.db")
    assert config.mirror_path({**HOME, "DJPKG_DB": ""}) == Path("/data/of/mara/djpkg/mirror.db")


def test_without_a_home_and_a_place_there_is_an_error_that_says_how_to_name_one() -> None:
    with pytest.raises(ConfigError, match="no home folder") as raised:
        config.mirror_path({})
    assert "--db" in (raised.value.hint or "")


@pytest.mark.parametrize("api", config.APIS, ids=lambda api: api.source.value)
def test_each_api_has_an_address_that_its_own_variable_replaces(api: config.Api) -> None:
    assert config.api_address(api.source, {}) == api.address
    assert config.api_address(api.source, {api.variable: ""}) == api.address
    assert config.foreign_host(api.source, {}) is None
    there = {api.variable: " http://127.0.0.1:8000/api/v4/ "}
    assert config.api_address(api.source, there) == "http://127.0.0.1:8000/api/v4"
    for other in config.APIS:
        assert other is api or config.api_address(other.source, there) == other.address


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://github.example.org/api/v3", "github.example.org"),
        ("https://github.example.org:8443/api", "github.example.org:8443"),
        ("http://127.0.0.1:8000", None),
        ("http://localhost", None),
        ("http://[::1]:8000/api", None),
        ("http://[0:0:0:0:0:0:0:1]", None),
        ("http://LOCALHOST:8000", None),
        ("http://127.999.1.1", "127.999.1.1"),
        ("https://api.github.com", None),
    ],
)
def test_a_server_that_is_neither_the_public_one_nor_loopback_is_foreign(address: str, host: str | None) -> None:
    assert config.foreign_host(SourceName.GITHUB, {"DJPKG_GITHUB_URL": address}) == host


def test_an_api_at_an_ipv6_address_is_taken() -> None:
    assert config.catalog_address({"DJPKG_CATALOG_URL": "http://[::1]:8000/api/v4"}) == "http://[::1]:8000/api/v4"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "example.org",
        "http://",
        "https://user:secret@example.org",
        "https://example.org/?a=b",
        "https://example.org/#x",
        "https://example.org/a b",
        "https://example.org/\x00",
        "https://exämple.org",
        "https://a\\b",
        "http://[x",
        "http://[x]/api",
        "http://:8000",
        "http://example.org:70000",
        "http://example.org:0",
        "http://example.org:eight",
    ],
)
def test_what_is_no_address_names_its_variable_and_not_its_text(address: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config.api_address(SourceName.GITHUB, {"DJPKG_GITHUB_URL": address})
    said = f"{raised.value} {raised.value.hint}"
    assert "DJPKG_GITHUB_URL" in said
    assert "secret" not in said


@pytest.mark.parametrize(("source", "variable"), TOKENS)
def test_a_token_comes_from_its_variable_without_the_white_space_around_it(source: SourceName, variable: str) -> None:
    secret = "mara@example.org:canary" if source is SourceName.BITBUCKET else "ghp_canary"
    found = credentials.token_from_environment(source, {variable: f" {secret}\n"})
    assert found == credentials.Token(variable, secret)
    assert "canary" not in repr(found)
    assert "canary" not in f"{[found]} {found!s}"
    for other in SourceName:
        assert other is source or credentials.token_from_environment(other, {variable: secret}) is None


def test_every_forge_but_no_other_source_takes_a_token() -> None:
    assert {source for source, _ in TOKENS} == {
        SourceName.GITHUB,
        SourceName.GITLAB,
        SourceName.BITBUCKET,
        SourceName.FORGEJO,
    }


def test_the_first_of_githubs_variables_that_holds_anything_wins() -> None:
    both = {"GH_TOKEN": "one", "GITHUB_TOKEN": "two"}
    assert credentials.token_from_environment(SourceName.GITHUB, both) == credentials.Token("GH_TOKEN", "one")
    assert credentials.token_from_environment(SourceName.GITHUB, {**both, "GH_TOKEN": " "}) == credentials.Token(
        "GITHUB_TOKEN", "two"
    )
    assert credentials.token_from_environment(SourceName.GITHUB, {}) is None


@pytest.mark.parametrize("secret", ["ghp canary", "ghp_canary\nX: y", "ghp_canäry", "ghp_canary\x00", "ghp_\x7fcanary"])
def test_a_token_that_no_header_can_carry_is_named_by_its_variable_alone(secret: str) -> None:
    with pytest.raises(ConfigError) as raised:
        credentials.token_from_environment(SourceName.GITHUB, {"GITHUB_TOKEN": secret})
    said = f"{raised.value} {raised.value.hint}"
    assert "GITHUB_TOKEN" in said
    assert "ghp" not in said
    assert "can" not in said.replace("can be", "")


@pytest.mark.parametrize("secret", ["canary", ":canary", "mara@example.org:", ":"])
def test_a_token_of_bitbuckets_without_an_email_is_named_by_its_variable_alone(secret: str) -> None:
    with pytest.raises(ConfigError, match="BITBUCKET_TOKEN does not have the form EMAIL:TOKEN") as raised:
        credentials.token_from_environment(SourceName.BITBUCKET, {"BITBUCKET_TOKEN": secret})
    assert "canary" not in f"{raised.value} {raised.value.hint}"


def test_further_servers_are_asked_over_https_but_on_loopback() -> None:
    named = {
        "DJPKG_FORGES": "git.example.org=forgejo localhost:3000=gitea 127.0.0.1:8=gitlab gitlab.example.org=gitlab"
    }
    assert forge_servers.api_roots(SourceName.FORGEJO, named) == {
        "git.example.org": "https://git.example.org/api/v1",
        "localhost:3000": "http://localhost:3000/api/v1",
    }
    assert forge_servers.api_roots(SourceName.GITLAB, named) == {
        "127.0.0.1:8": "http://127.0.0.1:8/api/v4",
        "gitlab.example.org": "https://gitlab.example.org/api/v4",
    }


def test_no_further_servers_is_the_default_and_nonsense_an_error() -> None:
    assert forge_servers.forge_servers({}) == {}
    assert forge_servers.forge_servers({"DJPKG_FORGES": "  "}) == {}
    with pytest.raises(ConfigError):
        forge_servers.forge_servers({"DJPKG_FORGES": "git.example.org"})
    with pytest.raises(ConfigError):
        forge_servers.forge_servers({"DJPKG_FORGES": "git.example.org=github"})


@pytest.mark.parametrize("host", ["127.999.1.1", "localhost.example.org", "127.example.org", "127.0.0.1.example.org"])
def test_a_name_that_begins_like_loopback_is_not_loopback(host: str) -> None:
    assert forge_servers.api_roots(SourceName.FORGEJO, {"DJPKG_FORGES": f"{host}=forgejo"}) == {
        host: f"https://{host}/api/v1"
    }
