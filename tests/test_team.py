"""What the page of the mirror says about teams and CI, run as it stands there: one host publishes, another takes in."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import readme

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (readme.PAGES / "mirror.md").read_text(encoding="utf-8")
ADDRESS = "/OWNER/REPO/releases/download/mirror/djangopackages.jsonl.gz"
# `gh release`, as far as the workflow needs it: releases are folders of files.
GH = """#!/bin/sh
echo "$*" >> "$RELEASES/log"
test "$1" = release || exit 2
folder="$RELEASES/OWNER/REPO/releases/download/$3"
case $2 in
  view) test -d "$folder" ;;
  create) mkdir -p "$folder" ;;
  upload) cp "$4" "$folder/" ;;
esac
"""


def workflow(first: str) -> tuple[list[str], str]:
    """Return the commands of the workflow that contains this text, and the workflow."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if first in block]
    return re.findall(r"- run: (.*)$", block, re.MULTILINE), block


def run(commands: list[str], folder: Path, environment: dict[str, str]) -> list[str]:
    """Run commands one after another, as a workflow does; return what they wrote to stdout."""
    written = []
    for command in commands:
        ended = subprocess.run(
            ["bash", "-e", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, text=True, timeout=120,
        )  # fmt: skip
        assert (command, ended.returncode, ended.stderr.replace("read requirements.txt\n", "")) == (command, 0, "")
        written.append(ended.stdout)
    return written


@contextmanager
def web_server(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on loopback; yield the address and the lines of the requests."""
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            requests.append(self.requestline)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The releases after two runs of the workflow, and the environment that it ran in."""
    releases = tmp_path / "releases"
    releases.mkdir()
    with readme.stage(readme.demo_world(), width=80) as environment:
        home = Path(environment["HOME"])
        (home / "gh").write_text(GH)
        (home / "gh").chmod(0o755)
        publishing = {**environment, "DJPKG_DB": "mirror.db", "RELEASES": str(releases)}
        commands, _ = workflow("contents: write")
        for _ in range(2):
            run(commands, home, {**publishing, "PATH": f"{home}{os.pathsep}{environment['PATH']}"})
        yield releases, environment


def test_the_workflow_publishes_a_snapshot_as_a_file_of_one_release(
    published: tuple[Path, dict[str, str]],
) -> None:
    releases, _ = published
    assert (releases / ADDRESS[1:]).read_bytes().startswith(b"\x1f\x8b")
    log = (releases / "log").read_text().splitlines()
    assert [line.split()[1] for line in log] == ["view", "create", "upload", "view", "upload"]
    _, block = workflow("contents: write")
    assert "GH_TOKEN: ${{ github.token }}" in block


def test_ci_checks_a_project_with_the_snapshot_one_request_and_no_token(
    published: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    releases, environment = published
    commands, block = workflow("SNAPSHOT:")
    assert f"https://HOST{ADDRESS}\n" in block
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text((Path(environment["HOME"]) / "requirements.txt").read_text())
    nowhere = {name: "http://127.0.0.1:9" for name in environment if name.startswith("DJPKG_") and "URL" in name}
    with web_server(releases) as (address, requests):
        without = {name: value for name, value in environment.items() if not name.endswith("TOKEN")}
        known = {**without, **nowhere, "DJPKG_DB": "mirror.db", "SNAPSHOT": address + ADDRESS}
        _, report = run(commands, project, known)
        assert [line.split()[:2] for line in requests] == [["GET", ADDRESS]]
    listed = subprocess.run(
        ["djpkg", "list", "--json", "-f", "slug"], cwd=project, env=known, capture_output=True, check=True, text=True
    )
    assert "django-crispy-forms" in listed.stdout
    assert "::error" not in report
