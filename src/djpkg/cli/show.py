"""``djpkg show``: one package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config, fields
from djpkg.cli import options, terminal
from djpkg.cli.options import AsJson, Db, Fields
from djpkg.mirror import find, read
from djpkg.render import json
from djpkg.render.text import plain

if TYPE_CHECKING:
    from djpkg.record import Package

app = options.new_app()


@app.command(
    epilog="Examples: djpkg show django-todo · djpkg show 409 --json | jq .repo_watchers · "
    "djpkg show shacker/django-todo -f slug,stars,updated"
)
def show(
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE", help="An id, slug, catalog address, owner/name, repository or project on PyPI."
        ),
    ],
    *,
    as_json: AsJson = False,
    names: Fields = None,
    db: Db = None,
) -> None:
    """Show one package, from the mirror alone."""
    wanted = fields.columns(names) if names is not None else None
    with options.reading(db) as mirror:
        number = find.get(mirror, package, catalog=config.catalog(os.environ), forges=config.forges(os.environ))
        if as_json or wanted or not terminal.is_terminal():
            columns = wanted or (fields.RECORD_COLUMNS if as_json else fields.ALL_COLUMNS)
            values = read.get_values(mirror, number, columns)
            terminal.answer(json.record(values, columns) if as_json else plain(values, columns))
            return
        from djpkg.mirror.detail import get_package  # noqa: PLC0415 - what only a terminal needs

        told = get_package(mirror, number, forges=config.forges(os.environ))
    _draw(told)


def _draw(told: Package) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.card import card  # noqa: PLC0415 - as above

    screen.draw(
        card(
            told,
            now=options.now(),
            width=terminal.width(),
            links=screen.links(),
            ascii_only=screen.ascii_only(),
        )
    )
