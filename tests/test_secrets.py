"""Tokens are sent only to their own API, over https or to loopback, and are never stored or shown."""

from __future__ import annotations

import base64
import os
import re
import socket
import stat
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from djpkg import config, credentials
from djpkg.cli import app
from djpkg.errors import ConfigError
from djpkg.fetch.report_text import error_lines
from djpkg.source_name import SourceName
from djpkg.sources.http.response import Authorization
from tests.fetching import Desk, add_starter, quick_folder
from tests.forking import write_program
from tests.launching import SOURCE, command
from tests.world import BITBUCKET, CODEBERG, GITLAB, World, WorldServer
from tests.world.server import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The APIs of each token, by their names in the test world.
OWN = {api: {api} for api in TOKENS} | {"github": {"github", "graphql"}}
VARIABLES = [variable for api in config.APIS for variable in api.token_variables]


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    for place in range(12):  # enough for GraphQL
        world.add_package(f"on-github{place}", commits=[2, 50], releases=[("1.0", 3)])
    world.add_package("on-gitlab", host=GITLAB, path="group/x", commits=[2])
    world.add_package("on-bitbucket", host=BITBUCKET, path="team/x", commits=[2])
    world.add_package("on-codeberg", host=CODEBERG, path="team/y", commits=[2])
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db", tokens=server.token_env())


@pytest.fixture
def elsewhere(world: World) -> Iterator[WorldServer]:
    """A server that must get no request."""
    with WorldServer(world) as other:
        yield other


def spellings(token: str) -> set[str]:
    """Return a token as it is, and in Basic credentials."""
    return {token, base64.b64encode(token.encode()).decode()}


def sent_tokens(server: WorldServer) -> set[tuple[str, str]]:
    """Return the pairs of a token (by its API) and the API that received it."""
    return {
        (owner, request.api)
        for request in list(server.log)
        for owner, token in server.tokens.items()
        if any(text in f"{request.target} {request.headers} {request.body!r}" for text in spellings(token))
    }


def check_no_token(desk: Desk, *texts: str) -> None:
    """Check that no token is in a file of the mirror's directory or in the output."""
    stored = b"".join(path.read_bytes() for path in desk.path.parent.rglob("*") if path.is_file())
    for token in desk.server.tokens.values():
        for spelling in spellings(token):
            assert spelling.encode() not in stored
            assert not [text for text in texts if spelling in text]


# Where tokens are sent.


def test_each_token_is_sent_only_to_its_own_api(desk: Desk, server: WorldServer) -> None:
    desk.fetch()
    sent = sent_tokens(server)
    assert {owner for owner, _ in sent} == set(OWN)
    assert all(api in OWN[owner] for owner, api in sent)
    desk.fetch("on-github0", "on-gitlab", "on-bitbucket", "on-codeberg")
    again = sent_tokens(server)
    assert {owner for owner, _ in again} == set(OWN)
    assert all(api in OWN[owner] for owner, api in again)
    assert {request.api for request in server.log} >= {"catalog", "pypi"}


@pytest.mark.parametrize("api", sorted(set().union(*OWN.values())))
def test_no_token_follows_a_redirect_to_another_server(
    desk: Desk, server: WorldServer, elsewhere: WorldServer, api: str
) -> None:
    place = "DJPKG_GITHUB_URL" if api == "graphql" else f"DJPKG_{api.upper()}_URL"
    fault = server.fault(api, kind="redirect", location=f"{elsewhere.env[place]}/repos/acme/x")
    desk.fetch()
    desk.fetch("on-github1")  # a single one uses REST
    assert fault.hits
    assert elsewhere.log == []


@pytest.mark.parametrize(
    ("api", "match"), [("bitbucket", "/commits"), ("gitlab", "/commits"), ("codeberg", "/commits")]
)
def test_no_token_follows_a_next_page_to_another_server(
    desk: Desk, server: WorldServer, elsewhere: WorldServer, api: str, match: str
) -> None:
    link = f"{elsewhere.url}/bitbucket/2.0/repositories/team/x/commits?page=2"
    fault = server.fault(
        api,
        "/commits",
        kind="rewrite",
        rewrite=lambda page: page | {"next": link} if isinstance(page, dict) else page,
        headers={"link": f'<{link}>; rel="next"', "x-next-page": link, "x-hasmore": "true"},
    )
    desk.fetch()
    assert fault.hits
    assert elsewhere.log == []


def test_no_token_is_sent_over_plain_http_to_another_machine(
    desk: Desk, server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return original("127.0.0.1" if name == "world.test" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    desk.env = {name: url.replace("127.0.0.1", "world.test") for name, url in server.env.items()}
    desk.fetch()
    assert {request.api for request in server.log} >= {"github", "gitlab", "bitbucket", "codeberg"}
    assert sent_tokens(server) == set()


def test_netrc_is_not_used(desk: Desk, server: WorldServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login robot password canary-netrc\nmachine 127.0.0.1 login robot password canary-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    desk.tokens = {}
    desk.fetch()
    assert server.log
    assert not [request for request in server.log if "authorization" in request.headers]


# Where tokens are not stored or shown.


@pytest.mark.parametrize("case", ["success", "failure"])
def test_no_token_is_stored_or_shown_with_all_debug_logs(
    desk: Desk, server: WorldServer, tmp_path: Path, case: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import logging\nlogging.basicConfig(level=logging.DEBUG)\n")
    env = {
        **server.env,
        **server.token_env(),
        "GITHUB_TOKEN": server.tokens["github"],
        "PYTHONPATH": f"{tmp_path}:{SOURCE}",
        "PYTHONASYNCIODEBUG": "1",
    }
    kept = dict(server.tokens)
    if case == "failure":
        server.tokens.update(github="another", gitlab="another")
        server.fault("bitbucket", kind="invalid_json")
        server.fault("codeberg", kind="html")
    ended = subprocess.run(
        command("fetch", "--all", "--json", "-v", "--db", str(desk.path)),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    server.tokens.update(kept)
    assert ended.returncode == (0 if case == "success" else 5)
    assert "DEBUG" in ended.stderr
    assert "Traceback" not in ended.stderr
    check_no_token(desk, ended.stdout, ended.stderr)


def test_debug_logs_each_request_without_tokens_and_queries(desk: Desk, server: WorldServer, tmp_path: Path) -> None:
    write_program(tmp_path / "djpkg", desk.world.now)
    server.fault("gitlab", kind="redirect", location=f"/gitlab/api/v4/{server.tokens['gitlab']}?private={'x' * 9}")
    ended = subprocess.run(
        [tmp_path / "djpkg", "--debug", "fetch", "--all", "--db", str(desk.path)],
        env={**server.env, **server.token_env()},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith(("GET ", "POST "))]
    address = re.escape(server.url.removeprefix("http://"))
    assert all(re.fullmatch(rf"(GET|POST) {address}/[^\s?]* \d{{3}} \d+ ms", line) for line in lines)
    assert len(lines) == len(server.log)
    assert any("/gitlab/api/v4/… " in line for line in lines)
    check_no_token(desk, ended.stdout, ended.stderr)


@pytest.mark.parametrize("status", [400, 403, 422, 429, 500])
def test_a_token_quoted_by_a_server_is_neither_stored_nor_shown(desk: Desk, server: WorldServer, status: int) -> None:
    for api, token in [*server.tokens.items(), ("graphql", server.tokens["github"])]:
        body = {"message": f"secondary rate limit for {token}", "errors": [{"type": token, "message": f"bad {token}"}]}
        server.fault(api, kind="status", status=status, body=body, headers={"x-token": token, "retry-after": "3600"})
    report = desk.fetch()
    assert report.failures or report.deferred
    check_no_token(desk, str(report.as_json()), *error_lines(report))


def test_a_token_quoted_in_facts_or_a_validator_is_not_stored(desk: Desk, server: WorldServer) -> None:
    """A server that answers with what was sent, in every form in which it was sent."""

    def describe(own: set[str], page: Any) -> Any:
        return page | {"description": f"mine: {' '.join(own)}"} if isinstance(page, dict) else page

    forms = {api: {token, token.rpartition(":")[2]} for api, token in server.tokens.items()}
    forms["bitbucket"] |= spellings(server.tokens["bitbucket"])
    faults = [
        server.fault(
            api,
            kind="rewrite",
            rewrite=partial(describe, own),
            headers={"etag": f'"{min(own, key=len)}"'},
        )
        for api, own in forms.items()
    ]
    desk.fetch("on-github0", "on-gitlab", "on-bitbucket", "on-codeberg")
    assert all(fault.hits for fault in faults)
    for name in ("on-github0", "on-gitlab", "on-bitbucket", "on-codeberg"):
        assert "mine: …" in desk.field(name, "description")
    check_no_token(desk)
    stored = desk.path.read_bytes()
    assert not [form for own in forms.values() for form in own if form.encode() in stored]


def test_a_url_with_a_token_is_stored_without_it(desk: Desk, server: WorldServer) -> None:
    token = server.tokens["github"]
    desk.fetch(sources=["catalog"])
    report = desk.fetch(f"https://robot:{token}@github.com/acme/on-github1")
    assert report.exit_code == 0
    report = desk.fetch(f"https://ro@bot:{token}@@github.com/acme/on-github1")
    check_no_token(desk, str(report.as_json()), *error_lines(report))
    report = desk.fetch(f"https://{token}@github.com/acme/no-such-thing")
    assert report.exit_code == 3
    check_no_token(desk, str(report.as_json()), *error_lines(report))


def test_the_repr_of_objects_with_a_token_hides_it() -> None:
    token = credentials.token_from_environment(SourceName.GITHUB, {"GH_TOKEN": "ghp_canary_0123456789"})
    assert token is not None
    header = Authorization(value="Bearer ghp_canary", origin="GH_TOKEN")
    assert "canary" not in f"{token!r} {token} {header!r} {header}"


# Valid and invalid tokens.


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("text", ["ghp_ca\nnary", "ghp_ca nary", "ghp_canäry", "ghp_ca\x00nary"[:6] + "\x1b"], ids=repr)
def test_an_invalid_token_is_an_error_that_names_its_variable(
    desk: Desk, server: WorldServer, variable: str, text: str
) -> None:
    desk.tokens = {variable: text}
    with pytest.raises(ConfigError, match=variable) as caught:
        desk.fetch()
    assert caught.value.exit_code == 1
    assert "ghp" not in f"{caught.value} {caught.value.hint}"
    assert server.log == []


def test_white_space_around_a_token_is_ignored(desk: Desk, server: WorldServer) -> None:
    desk.tokens = {"GH_TOKEN": "  ", "GITHUB_TOKEN": f" {server.tokens['github']}\r\n"}
    assert desk.fetch("on-github1").exit_code == 0
    assert all(request.authorised for request in server.requests("github"))


def fake_gh(folder: Path, script: str) -> dict[str, str]:
    program = folder / "gh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a healthy gh take longer, on a slow machine."""
    monkeypatch.setattr(credentials, "GH_TIMEOUT", 30)


@pytest.mark.usefixtures("patient")
def test_the_token_of_gh_is_used_if_no_variable_is_set(desk: Desk, server: WorldServer, tmp_path: Path) -> None:
    arguments = tmp_path / "arguments"
    desk.env = fake_gh(tmp_path, f'echo "$@" > {arguments}; echo {server.tokens["github"]}')
    desk.tokens = {}
    assert desk.fetch("on-github1").exit_code == 0
    assert arguments.read_text() == "auth token\n"
    assert all(request.authorised for request in server.requests("github"))
    assert server.requests("github")
    arguments.unlink()
    desk.tokens = server.token_env("github")
    desk.fetch("on-github1")
    assert not arguments.exists()
    check_no_token(desk)


@pytest.mark.usefixtures("patient")
def test_the_stored_token_of_gh_is_used_if_those_of_the_variables_are_rejected(
    desk: Desk, server: WorldServer, tmp_path: Path
) -> None:
    # gh itself prefers the variables to its own token.
    desk.env = fake_gh(tmp_path, f'echo "${{GH_TOKEN:-${{GITHUB_TOKEN:-{server.tokens["github"]}}}}}"')
    desk.tokens = {"GH_TOKEN": "ghp_canary_expired_1", "GITHUB_TOKEN": "ghp_canary_expired_2"}
    report = desk.fetch("on-github1")
    assert report.exit_code == 0
    assert [request.status for request in server.requests("github")].count(401) == 2
    assert all(request.authorised for request in server.requests("github") if request.status == 200)
    first, second = error_lines(report)
    assert "GH_TOKEN; continued with the token from GITHUB_TOKEN" in first
    assert "GITHUB_TOKEN; continued with the token from gh auth token" in second
    check_no_token(desk, first, second, str(report.as_json()))


@pytest.mark.parametrize(
    "script",
    ["sleep 10; touch {0}; echo ghp_canary", "echo ghp_canary; exit 4", "exit 0", "(sleep 10; touch {0}) & sleep 10"],
    ids=["hangs", "fails", "silent", "leaves-a-child"],
)
def test_a_gh_that_hangs_or_fails_is_ignored(
    desk: Desk, server: WorldServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(credentials, "GH_TIMEOUT", 0.2)
    child_file = tmp_path / "child-file"
    desk.env = fake_gh(tmp_path, script.format(child_file))
    desk.tokens = {}
    assert desk.fetch("on-github1").exit_code == 0
    assert not child_file.exists()
    assert server.requests("github")
    assert not [request for request in server.requests("github") if "authorization" in request.headers]


def test_gh_has_a_time_limit_of_two_seconds() -> None:
    assert credentials.GH_TIMEOUT == 2


def test_no_command_has_a_token_option() -> None:
    for name in app.COMMANDS:
        result = CliRunner().invoke(app.app, [name, "--help"])
        assert result.exit_code == 0
        assert not re.search(r"--\S*token", result.stdout)
