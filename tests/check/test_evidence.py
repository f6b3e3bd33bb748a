"""The evidence of an unproven package states only what the mirror knows."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.check.directory import Package, make_directory
from tests.cli.running import run


@pytest.mark.parametrize(
    ("change", "django", "reason"),
    [
        ("SELECT 1", "5.2", "but is older than Django 5.2 (2025-04-02)"),
        ("SELECT 1", "7.0", "Django 7.0 has no release on PyPI yet"),
        ("DELETE FROM project_releases WHERE project = 'django'", "5.2", "Django's releases are not in the mirror"),
        ("UPDATE packages SET released_utc = NULL", "5.2", "the date of the release is unknown"),
    ],
)
def test_the_evidence_names_what_is_not_known(change: str, django: str, reason: str) -> None:
    path = make_directory(Path(os.environ["DJPKG_DB"]), [Package("django-x", django=("4.2",), days=900)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    report = json.loads(run("check", "-", "--json", "--django", django, stdin="django-x\n").out)
    (package,) = report["packages"]
    assert package["django"] == "unproven"
    assert package["evidence"].partition(">=4.2")[2].lstrip(";, ") == reason
