"""Settings and tokens from the environment."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import djpkg
from djpkg import config, credentials
from djpkg.errors import ConfigError
from djpkg.model import forge_servers
from djpkg.source_name import FORGES, SourceName

HOME = {"HOME": "/home/mara"}
TOKENS = [(api.source, variable) for api in config.APIS for variable in api.token_variables]


@pytest.mark.parametrize(
    ("environment", "option", "path"),
    [
        ({}, Path("x.db"), "x.db"),
        ({"DJPKG_DB": "y.db"}, Path("x.db"), "x.db"),
        ({"DJPKG_DB": "y.db"}, None, "y.db"),
        ({"DJPKG_DB": "/tmp/y z.db"}, None, "/tmp/y z.db"),  # noqa: S108 - not opened
        ({"DJPKG_DB": "~/y.db"}, None, "~/y.db"),
        ({}, Path("~/x.db"), "~/x.db"),
    ],
)
def test_the_db_option_overrides_the_variable(environment: dict[str, str], option: Path | None, path: str) -> None:
    assert config.mirror_path(environment, option) == Path.cwd() / path


def test_a_tilde_is_the_home_directory() -> None:
    home = Path.home()
    assert config.mirror_path({**HOME, "DJPKG_DB": "~/y.db"}) == home / "y.db"
    assert config.mirror_path(HOME, Path("~/x.db")) == home / "x.db"


def test_a_relative_path_without_a_working_directory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match=r"cannot resolve y\.db: the working directory does not exist") as raised:
        config.mirror_path({**HOME, "DJPKG_DB": "y.db"})
    assert "absolute path" in (raised.value.hint or "")
    assert config.mirror_path(HOME, Path("/x.db")) == Path("/x.db")


def test_the_home_of_an_unknown_user_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"~nobody-of-that-name/y\.db"):
        config.mirror_path({**HOME, "DJPKG_DB": "~nobody-of-that-name/y.db"})
    with pytest.raises(ConfigError, match=r"~nobody-of-that-name/x\.db"):
        config.mirror_path(HOME, Path("~nobody-of-that-name/x.db"))


def test_the_mirror_is_in_the_users_data_directory_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data/of/mara")
    assert config.mirror_path(HOME) == Path("/data/of/mara/djpkg/mirror.db")
    assert config.mirror_path({**HOME, "DJPKG_DB": ""}) == Path("/data/of/mara/djpkg/mirror.db")


def test_no_home_and_no_file_is_an_error_with_a_hint() -> None:
    with pytest.raises(ConfigError, match="no home directory") as raised:
        config.mirror_path({})
    assert "--db" in (raised.value.hint or "")


@pytest.mark.parametrize("api", config.APIS, ids=lambda api: api.source.value)
def test_each_api_has_a_default_url_that_its_variable_replaces(api: config.ApiSettings) -> None:
    assert config.api_url(api.source, {}) == api.default_url
    assert config.api_url(api.source, {api.variable: ""}) == api.default_url
    assert config.custom_host(api.source, {}) is None
    custom = {api.variable: " http://127.0.0.1:8000/api/v4/ "}
    assert config.api_url(api.source, custom) == "http://127.0.0.1:8000/api/v4"
    for other in config.APIS:
        assert other is api or config.api_url(other.source, custom) == other.default_url


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
def test_a_server_that_is_neither_public_nor_loopback_is_custom(address: str, host: str | None) -> None:
    assert config.custom_host(SourceName.GITHUB, {"DJPKG_GITHUB_URL": address}) == host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert config.is_loopback(host)


@pytest.mark.parametrize("host", ["", "127.999.1.1", "127.1", "127.0.0.1.example.org", "10.0.0.1", "::2", "localhost."])
def test_nothing_else_is_loopback(host: str) -> None:
    assert not config.is_loopback(host)


def test_an_api_url_may_contain_an_ipv6_address() -> None:
    assert config.catalog_url({"DJPKG_CATALOG_URL": "http://[::1]:8000/api/v4"}) == "http://[::1]:8000/api/v4"


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
def test_the_error_about_an_invalid_url_names_only_its_variable(address: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config.api_url(SourceName.GITHUB, {"DJPKG_GITHUB_URL": address})
    message = f"{raised.value} {raised.value.hint}"
    assert "DJPKG_GITHUB_URL" in message
    assert "secret" not in message


@pytest.mark.parametrize(("source", "variable"), TOKENS)
def test_a_token_is_read_from_its_variable_without_surrounding_white_space(source: SourceName, variable: str) -> None:
    secret = "mara@example.org:canary-0123456789" if source is SourceName.BITBUCKET else "ghp_canary-0123456789"
    found = credentials.token_from_environment(source, {variable: f" {secret}\n"})
    assert found == credentials.Token(variable, secret)
    assert "canary" not in repr(found)
    assert "canary" not in f"{[found]} {found!s}"
    for other in SourceName:
        assert other is source or credentials.token_from_environment(other, {variable: secret}) is None


def test_the_tokens_of_a_source_are_tried_in_order_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = credentials.Token(credentials.GH_COMMAND, "gho_canary_of_gh_0123456789")
    calls: list[object] = []

    def find_gh_token(environment: object) -> credentials.Token:
        calls.append(environment)
        return stored

    monkeypatch.setattr(credentials, "find_gh_token", find_gh_token)
    one, two = "ghp_canary_one_0123456789", "ghp_canary_two_0123456789"
    tokens = credentials.find_tokens(SourceName.GITHUB, {"GH_TOKEN": one, "GITHUB_TOKEN": two})
    assert [next(tokens).origin, next(tokens).origin, len(calls)] == ["GH_TOKEN", "GITHUB_TOKEN", 0]
    assert list(tokens) == [stored]
    same = {"GH_TOKEN": one, "GITHUB_TOKEN": one}
    assert [token.origin for token in credentials.find_tokens(SourceName.GITHUB, same)] == [
        "GH_TOKEN",
        credentials.GH_COMMAND,
    ]
    later_invalid = {"GH_TOKEN": one, "GITHUB_TOKEN": "not a token"}
    assert len(list(credentials.find_tokens(SourceName.GITHUB, later_invalid))) == 2
    with pytest.raises(ConfigError, match="GITHUB_TOKEN"):
        next(credentials.find_tokens(SourceName.GITHUB, {"GITHUB_TOKEN": "not a token"}))
    assert [one.origin for one in credentials.find_tokens(SourceName.GITLAB, {"GITLAB_TOKEN": two})] == ["GITLAB_TOKEN"]
    assert list(credentials.find_tokens(SourceName.PYPI, same)) == []


def test_only_forges_use_tokens() -> None:
    assert {source for source, _ in TOKENS} == set(FORGES)


def test_the_first_github_variable_with_a_token_wins() -> None:
    first, second = "first-0123456789", "second-0123456789"
    both = {"GH_TOKEN": first, "GITHUB_TOKEN": second}
    assert credentials.token_from_environment(SourceName.GITHUB, both) == credentials.Token("GH_TOKEN", first)
    assert credentials.token_from_environment(SourceName.GITHUB, {**both, "GH_TOKEN": " "}) == credentials.Token(
        "GITHUB_TOKEN", second
    )
    assert credentials.token_from_environment(SourceName.GITHUB, {}) is None


@pytest.mark.parametrize("secret", ["ghp canary", "ghp_canary\nX: y", "ghp_canäry", "ghp_canary\x00", "ghp_\x7fcanary"])
def test_the_error_about_an_invalid_token_names_only_its_variable(secret: str) -> None:
    with pytest.raises(ConfigError) as raised:
        credentials.token_from_environment(SourceName.GITHUB, {"GITHUB_TOKEN": secret})
    message = f"{raised.value} {raised.value.hint}"
    assert "GITHUB_TOKEN" in message
    assert "ghp" not in message
    assert "can" not in message.replace("can be", "")


@pytest.mark.parametrize("secret", ["canary-0123456789", ":canary-0123456789"])
def test_the_error_about_a_bitbucket_token_without_email_names_only_its_variable(secret: str) -> None:
    with pytest.raises(ConfigError, match="BITBUCKET_TOKEN does not have the form EMAIL:TOKEN") as raised:
        credentials.token_from_environment(SourceName.BITBUCKET, {"BITBUCKET_TOKEN": secret})
    assert "canary" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize(("source", "variable"), TOKENS)
@pytest.mark.parametrize("secret", ["c", "canary-01234567", "mara@example.org:canary-01234567", "mara@example.org:"])
def test_a_token_under_16_characters_is_refused(source: SourceName, variable: str, secret: str) -> None:
    with pytest.raises(ConfigError, match=f"the token in {variable} is too short") as raised:
        credentials.token_from_environment(source, {variable: secret})
    assert "canary" not in f"{raised.value} {raised.value.hint}"
    assert credentials.parse_token(variable, f"mara@example.org:{'c' * 16}")


def test_custom_forges_use_https_except_on_loopback() -> None:
    environment = {
        "DJPKG_FORGES": "git.example.org=forgejo localhost:3000=gitea 127.0.0.1:8=gitlab gitlab.example.org=gitlab"
    }
    assert forge_servers.api_roots(SourceName.FORGEJO, environment) == {
        "git.example.org": "https://git.example.org/api/v1",
        "localhost:3000": "http://localhost:3000/api/v1",
    }
    assert forge_servers.api_roots(SourceName.GITLAB, environment) == {
        "127.0.0.1:8": "http://127.0.0.1:8/api/v4",
        "gitlab.example.org": "https://gitlab.example.org/api/v4",
    }


def test_there_are_no_custom_forges_by_default_and_invalid_ones_are_an_error() -> None:
    assert forge_servers.forge_servers({}) == {}
    assert forge_servers.forge_servers({"DJPKG_FORGES": "  "}) == {}
    with pytest.raises(ConfigError):
        forge_servers.forge_servers({"DJPKG_FORGES": "git.example.org"})
    with pytest.raises(ConfigError):
        forge_servers.forge_servers({"DJPKG_FORGES": "git.example.org=github"})


@pytest.mark.parametrize("host", ["127.999.1.1", "localhost.example.org", "127.example.org", "127.0.0.1.example.org"])
def test_a_host_name_that_begins_like_loopback_is_not_loopback(host: str) -> None:
    assert forge_servers.api_roots(SourceName.FORGEJO, {"DJPKG_FORGES": f"{host}=forgejo"}) == {
        host: f"https://{host}/api/v1"
    }


def test_the_home_page_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"]["Homepage"] == djpkg.HOME_PAGE
