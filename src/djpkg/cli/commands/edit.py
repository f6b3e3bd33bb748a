"""``djpkg edit``: override upstream values."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from djpkg import config
from djpkg.cli import interrupts, options, output, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import edit_command
from djpkg.editing import assignments, document
from djpkg.errors import DjpkgError, UsageError
from djpkg.mirror import busy, lock, resolve
from djpkg.mirror.categories import get_categories_and_grids
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.package import get_merged
from djpkg.mirror.serialization import to_public
from djpkg.model import forge_servers
from djpkg.model.fields import EDITABLE, Field, Kind, Owner
from djpkg.render.escape import escape, field_text
from djpkg.render.rows import RowList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from djpkg.editing.assignments import CategoryAndGridIds
    from djpkg.model.merge import Merged, StoredValue
    from djpkg.model.package import Value

    # The effective values -> the overrides to store.
    Revise: TypeAlias = Callable[[Mapping[str, StoredValue]], Mapping[str, StoredValue]]

app = options.new_app()

Assignments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ASSIGNMENT]...",
        help="field=value (field= clears), field:=JSON, field+=value, field-=value.",
        autocompletion=candidates.when_completing(candidates.assignments),
    ),
]


class FieldChange(NamedTuple):
    """The effective value of a field before and after the edit, and its upstream value."""

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
        more=f"Editable fields: {', '.join(field.name for field in EDITABLE)}.",
    ),
)
def edit(
    package: Annotated[str, options.package_argument("PACKAGE", "Package, as for show.")],
    assigned: Assignments = None,
    *,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            "--unset",
            metavar="FIELD",
            help="Remove your value; the latest upstream value is shown again.",
            autocompletion=candidates.when_completing(candidates.editable),
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Edit a package. Fetches keep your values.

    Without assignments the editable fields open in VISUAL or EDITOR.
    """
    try:
        before, changes = _edit(package, assigned or (), unset or (), db)
    except DjpkgError:
        if as_json:  # scripts always get one object
            output.write_object(to_json(None, []))
        raise
    slug = str(before.values["slug"])
    if as_json:
        output.write_object(to_json(slug, changes))
    elif not terminal.is_terminal():
        rows = [
            (change.field.name, _text(change.field, change.old), _text(change.field, change.new)) for change in changes
        ]
        output.write_rows(RowList(("field", "old", "new"), rows), "plain")
    else:
        for change in changes:
            old, new = _text(change.field, change.old) or "(none)", _text(change.field, change.new) or "(none)"
            terminal.write_stdout(f"{escape(slug)} {change.field.name}: {old} -> {new}\n")
    terminal.flush()
    _write_notes(changes, _undo_command(before, changes, db))


def to_json(slug: str | None, changes: list[FieldChange]) -> dict[str, object]:
    """Return the report of an edit; `slug` is null after an error."""
    return {
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


def _edit(
    package: str, assigned: Sequence[str], unset: Sequence[str], db: Path | None
) -> tuple[Merged, list[FieldChange]]:
    """Store the edit; return the package before it, and the changed fields."""
    parsed = assignments.parse_assignments(assigned)
    unset_fields = [assignments.get_editable_field(name) for name in unset]
    both = {item.field.name for item in parsed} & {field.name for field in unset_fields}
    if both:
        raise UsageError(f"{', '.join(sorted(both))} cannot be assigned and unset at once")
    if not parsed and not unset_fields and not _is_interactive():
        message = "nothing to edit: pass assignments or --unset"
        raise UsageError(message, hint="for example: djpkg edit django-todo docs=https://example.org/docs")
    path = config.mirror_path(os.environ, db)
    with interrupts.raising_signals():
        lock.ensure(path, notify=partial(_notify_waiting, path))
    number, before_edit, categories_and_grids = _find(path, package)
    if not parsed and not unset_fields:
        with interrupts.raising_signals():
            return before_edit, _edit_in_editor(path, number, before_edit, categories_and_grids)

    def revise(current: Mapping[str, StoredValue]) -> Mapping[str, StoredValue]:
        return assignments.apply_assignments(parsed, current, categories_and_grids)

    before, after = _store(path, number, revise, unset_fields)
    edited = {field.name for field in (*(item.field for item in parsed), *unset_fields)}
    return before_edit, _find_changes(before, after, edited)


def _is_interactive() -> bool:
    return terminal.is_terminal() and sys.stdin is not None and sys.stdin.isatty()


def _find(path: Path, package: str) -> tuple[int, Merged, CategoryAndGridIds]:
    with open_read(path) as mirror:
        forges = forge_servers.forge_servers(os.environ)
        number = resolve.get_id(mirror, package, catalog=config.catalog_url(os.environ), forges=forges)
        merged, _ = get_merged(mirror, number, forges=forges)
        return number, merged, get_categories_and_grids(mirror)


def _store(path: Path, number: int, revise: Revise, unset: list[Field]) -> tuple[Merged, Merged]:
    from djpkg.mirror.write import Writer  # noqa: PLC0415 - loads sqlite-utils, so after all checks

    def store() -> tuple[Merged, Merged]:
        with open_write(path) as mirror:
            writer = Writer(mirror, forges=forge_servers.forge_servers(os.environ))
            return writer.update_overrides(number, revise, unset=[field.name for field in unset], now=options.now())

    with interrupts.raising_signals():
        return busy.retry(store, busy.EDIT, notify=partial(_notify_waiting, path))


def _notify_waiting(path: Path) -> None:
    terminal.write_warning(busy.waiting_message(path, busy.EDIT))


def _edit_in_editor(
    path: Path, number: int, package: Merged, categories_and_grids: CategoryAndGridIds
) -> list[FieldChange]:
    from djpkg.cli.editor import Draft  # noqa: PLC0415 - terminals only

    text = document.write_document(str(package.values["slug"]), package.values, package.upstream, categories_and_grids)
    draft = Draft(text)
    values = draft.edit(categories_and_grids)
    if not values:
        return []
    try:
        before, after = _store(path, number, lambda _: values, [])
    except BaseException:
        draft.keep()
        raise
    draft.discard()
    return _find_changes(before, after, set(values))


def _find_changes(before: Merged, after: Merged, edited: set[str]) -> list[FieldChange]:
    """Return the edited fields whose value changed, or that became or are no longer overridden."""
    changes = [
        FieldChange(
            field,
            before.values[field.name],
            after.values[field.name],
            after.upstream.get(field.name, after.values[field.name]),
            field.name in before.upstream,
            field.name in after.upstream,
        )
        for field in EDITABLE
        if field.name in edited
    ]
    return [change for change in changes if change.old != change.new or change.was_edited != change.is_edited]


def _write_notes(changes: list[FieldChange], undo_command: str) -> None:
    """Write to stderr which fields no longer follow fetches, and the command that undoes the edit."""
    if not changes:
        terminal.write_stderr("nothing changed")
    for change in changes:
        if change.is_edited and change.field.owner in (Owner.FORGE, Owner.PYPI):
            terminal.write_stderr(f"{change.field.name}: your value is shown from now on, also after a fetch")
    if changes:
        terminal.write_stderr(f"undo: {undo_command}")


def _undo_command(package: Merged, changes: list[FieldChange], db: Path | None) -> str:
    words: list[str] = []
    for change in changes:
        if change.was_edited:
            words.append(f"{change.field.name}:={json.dumps(to_public(change.field, change.old))}")
        else:
            words += ["--unset", change.field.name]
    return edit_command(package.values, words, db)


def _text(field: Field, stored: StoredValue) -> str:
    value: Value = to_public(field, stored)
    if isinstance(value, list) and field.kind is not Kind.COUNTS:
        return ", ".join(escape(str(item)) for item in value)
    return field_text(value)
