"""``djpkg edit``: lay values of one's own over the upstream ones."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from djpkg import config
from djpkg.cli import options, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import edit_command
from djpkg.editing import assignments, document
from djpkg.errors import DjpkgError, UsageError
from djpkg.mirror import lock, resolve
from djpkg.mirror.categories import get_categories_and_grids
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.package import get_merged
from djpkg.mirror.serialization import to_public
from djpkg.model import forge_servers
from djpkg.model.fields import EDITABLE, Field, Kind, Owner
from djpkg.render.escape import escape, field_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from djpkg.editing.assignments import CategoriesAndGrids
    from djpkg.model.merge import Merged, StoredValue
    from djpkg.model.package import Value

    # The effective values -> those to lay over them.
    Revise: TypeAlias = Callable[[Mapping[str, StoredValue]], Mapping[str, StoredValue]]

app = options.new_app()

Wishes = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ASSIGNMENT]...",
        help="field=value (field= clears), field:=JSON, field+=value, field-=value.",
        autocompletion=candidates.when_completing(candidates.assignments),
    ),
]


class Change(NamedTuple):
    """One field's effective value before and after, and the upstream value beneath."""

    field: Field
    old: StoredValue
    new: StoredValue
    upstream: StoredValue
    was_edited: bool
    is_edited: bool


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg edit django-todo docs=https://example.org/docs",
        "djpkg edit 409 grids+=forms participants-=nobody",
        "djpkg edit django-todo --unset docs",
        more=f"Editable are {', '.join(field.name for field in EDITABLE)}.",
    ),
)
def edit(
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE", help="As show takes it.", autocompletion=candidates.when_completing(candidates.packages)
        ),
    ],
    wishes: Wishes = None,
    *,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            "--unset",
            metavar="FIELD",
            help="Take your value off; the newest upstream value shows again.",
            autocompletion=candidates.when_completing(candidates.editable),
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Correct a package. Your values lie over the upstream ones: no fetch changes them.

    Without assignments the editable fields open in VISUAL or EDITOR.
    """
    try:
        before, changes = _edit(package, wishes or (), unset or (), db)
    except DjpkgError:
        if as_json:  # scripts get their one object whatever the exit code
            terminal.write_stdout(_as_json(None, []))
        raise
    slug = str(before.values["slug"])
    terminal.write_stdout(_as_json(slug, changes) if as_json else _told(slug, changes))
    terminal.flush()
    _talk(changes, _undo(before, changes, db))


def _edit(package: str, wishes: Sequence[str], unset: Sequence[str], db: Path | None) -> tuple[Merged, list[Change]]:
    """The package as it was found, and what became of its fields."""
    wanted = assignments.parse_assignments(wishes)
    freed = [assignments.get_editable(name) for name in unset]
    both = {one.field.name for one in wanted} & {field.name for field in freed}
    if both:
        raise UsageError(f"{', '.join(sorted(both))} cannot be assigned and unset at once")
    if not wanted and not freed and not _has_person():
        message = "nothing to change: give assignments, or --unset"
        raise UsageError(message, hint="for example: djpkg edit django-todo docs=https://example.org/docs")
    path = config.mirror_path(os.environ, db)
    lock.ensure(path)
    number, found, places = _look_up(path, package)
    if not wanted and not freed:
        return found, _from_editor(path, number, found, places)
    before, after = _store(path, number, lambda current: assignments.apply_assignments(wanted, current, places), freed)
    return found, _changes(before, after, {field.name for field in (*(one.field for one in wanted), *freed)})


def _has_person() -> bool:
    return terminal.is_terminal() and sys.stdin is not None and sys.stdin.isatty()


def _look_up(path: Path, package: str) -> tuple[int, Merged, CategoriesAndGrids]:
    with open_read(path) as mirror:
        forges = forge_servers.forge_servers(os.environ)
        number = resolve.get_id(mirror, package, catalog=config.catalog_address(os.environ), forges=forges)
        merged, _ = get_merged(mirror, number, forges=forges)
        return number, merged, get_categories_and_grids(mirror)


def _store(path: Path, number: int, revise: Revise, freed: list[Field]) -> tuple[Merged, Merged]:
    from djpkg.mirror.write import Writer  # noqa: PLC0415 - loads sqlite-utils, after every check

    with open_write(path) as mirror:
        writer = Writer(mirror, forges=forge_servers.forge_servers(os.environ))
        return writer.revise_overrides(number, revise, unset=[field.name for field in freed], now=options.now())


def _from_editor(path: Path, number: int, shown_before: Merged, places: CategoriesAndGrids) -> list[Change]:
    from djpkg.cli.editor import Draft  # noqa: PLC0415 - terminals only

    text = document.write_document(str(shown_before.values["slug"]), shown_before.values, shown_before.upstream, places)
    draft = Draft(text)
    values = draft.ask(places)
    if not values:
        return []
    try:
        before, after = _store(path, number, lambda _: values, [])
    except BaseException:
        draft.keep()
        raise
    draft.discard()
    return _changes(before, after, set(values))


def _changes(before: Merged, after: Merged, touched: set[str]) -> list[Change]:
    return [
        Change(
            field,
            before.values[field.name],
            after.values[field.name],
            after.upstream.get(field.name, after.values[field.name]),
            field.name in before.upstream,
            field.name in after.upstream,
        )
        for field in EDITABLE
        if field.name in touched and _states(before, field) != _states(after, field)
    ]


def _states(merged: Merged, field: Field) -> tuple[StoredValue, bool]:
    return merged.values[field.name], field.name in merged.upstream


def _as_json(slug: str | None, changes: list[Change]) -> str:
    told = {
        "schema": 1,
        "slug": slug,
        "changes": [
            {
                "field": change.field.name,
                "old": to_public(change.field, change.old),
                "new": to_public(change.field, change.new),
                "upstream": to_public(change.field, change.upstream),
            }
            for change in changes
        ],
    }
    return json.dumps(told, indent=4) + "\n"


def _told(slug: str, changes: list[Change]) -> str:
    """What changed, a line a field."""
    if not terminal.is_terminal():
        return "".join(
            f"{change.field.name}\t{_text(change.field, change.old)}\t{_text(change.field, change.new)}\n"
            for change in changes
        )
    return "".join(
        f"{escape(slug)} {change.field.name}: {_text(change.field, change.old) or '(none)'}"
        f" -> {_text(change.field, change.new) or '(none)'}\n"
        for change in changes
    )


def _talk(changes: list[Change], undo: str) -> None:
    """What follows from the changes, and how to take them back."""
    if not changes:
        terminal.write_stderr("nothing changed")
    for change in changes:
        if change.is_edited and change.field.owner in (Owner.FORGE, Owner.PYPI):
            terminal.write_stderr(f"{change.field.name} is frozen: fetches go on measuring it, but your value is shown")
    if changes:
        terminal.write_stderr(f"undo: {undo}")


def _undo(package: Merged, changes: list[Change], db: Path | None) -> str:
    """The command that brings back what was shown before, in the same mirror."""
    words: list[str] = []
    for change in changes:
        if change.was_edited:
            words.append(f"{change.field.name}:={json.dumps(to_public(change.field, change.old))}")
        else:
            words += ["--unset", change.field.name]
    return edit_command(package.values, words, db)


def _text(field: Field, kept: StoredValue) -> str:
    value: Value = to_public(field, kept)
    if isinstance(value, list) and field.kind is not Kind.COUNTS:
        return ", ".join(escape(str(item)) for item in value)
    return field_text(value, field.kind)
