"""``djpkg edit``: override upstream values."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar, cast

import typer

from djpkg import config
from djpkg.cli import interrupts, options, output, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import edit_command
from djpkg.editing import assignments, document
from djpkg.errors import INTERRUPTED, TERMINATED, DjpkgError, MirrorError, MirrorMissing, UsageError
from djpkg.mirror import busy, lock, resolve
from djpkg.mirror.categories import get_known_names
from djpkg.mirror.connection import find_version, open_read, open_write
from djpkg.mirror.overrides import read_raw
from djpkg.mirror.package import get_merged
from djpkg.mirror.seed import open_seed
from djpkg.mirror.serialization import to_public
from djpkg.model import fields, forge_servers, repository_url
from djpkg.model.fields import EDITABLE, Field, Kind, Owner
from djpkg.model.overrides import merge_lists
from djpkg.render.escape import escape, field_text
from djpkg.render.rows import RowList

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from djpkg.editing.assignments import KnownNames
    from djpkg.model.merge import Merged, StoredValue
    from djpkg.model.package import Value

    # The effective values -> the overrides to store.
    Revise: TypeAlias = Callable[[Mapping[str, StoredValue]], Mapping[str, StoredValue]]

# Whose values fetches change often.
_FETCHED = (Owner.FORGE, Owner.PYPI, Owner.PYPI_OR_FORGE)
ResultT = TypeVar("ResultT")

app = options.new_app()

Assignments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ASSIGNMENT]...",
        help="field=value (field= clears), field:=JSON, field+=value, field-=value.",
        autocompletion=candidates.assignments,
    ),
]


class FieldChange(NamedTuple):
    """The effective value of a field before and after the edit, and its upstream value.

    `field` is None for an override of an unknown field; `is_valid` is False for an old value that cannot be set again.
    """

    name: str
    field: Field | None
    old: Value
    new: Value
    upstream: Value
    was_edited: bool
    is_edited: bool
    is_valid: bool = True


class _Found(NamedTuple):
    """The package to edit; `merged` is None if it is damaged, `overrides` are as stored."""

    number: int
    merged: Merged | None
    name: str
    overrides: Mapping[bytes, object]
    ids: KnownNames


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
            autocompletion=candidates.editable,
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Edit a package. Fetches keep your values.

    Without assignments the editable fields open in VISUAL or EDITOR.
    """
    try:
        found, changes = _edit(package, assigned or (), unset or (), db)
    except DjpkgError as error:
        if as_json:  # scripts always get one object
            output.write_object(to_json(None, [], error))
        raise
    except (KeyboardInterrupt, SystemExit) as ending:
        if as_json:
            output.write_object(to_json(None, [], _to_error(ending)))
        raise
    try:
        _write_changes(found.name, changes, as_json=as_json)
    except MirrorError as error:
        raise MirrorError(f"{error}; the edit is stored") from error
    _write_notes(changes, _undo_command(found.merged, changes, db))


def _write_changes(name: str, changes: list[FieldChange], *, as_json: bool) -> None:
    """Write to stdout what the edit changed. Raises MirrorError if the output cannot be written."""
    if as_json:
        output.write_object(to_json(name, changes))
    elif not terminal.is_terminal():
        rows = [(change.name, _text(change, change.old), _text(change, change.new)) for change in changes]
        output.write_rows(RowList(("field", "old", "new"), rows), "plain")
    else:
        for change in changes:
            old, new = _text(change, change.old) or "(none)", _text(change, change.new) or "(none)"
            terminal.write_stdout(f"{escape(name)} {escape(change.name)}: {old} -> {new}\n")
    terminal.flush()


def _to_error(ending: KeyboardInterrupt | SystemExit) -> DjpkgError:
    """Return a signal, as `interrupts.raising_signals` raises it, as an error."""
    error = DjpkgError("interrupted")
    error.exit_code = INTERRUPTED if isinstance(ending, KeyboardInterrupt) else TERMINATED
    return error


def to_json(slug: str | None, changes: list[FieldChange], error: DjpkgError | None = None) -> dict[str, object]:
    """Return the report of an edit; `slug` is null after an error."""
    return {
        "schema": 1,
        "slug": slug,
        **output.ending_json(error),
        "changes": [
            {
                "field": change.name,
                "old": change.old,
                "new": change.new,
                "upstream": change.upstream,
            }
            for change in changes
        ],
    }


def _edit(
    package: str, assigned: Sequence[str], unset: Sequence[str], db: Path | None
) -> tuple[_Found, list[FieldChange]]:
    """Store the edit; return the package before it, and the changed fields."""
    options.check_package_name(package)
    parsed = assignments.parse_assignments(assigned)
    path = config.mirror_path(os.environ, db)
    fields_to_unset = [_find_editable(name) for name in unset]
    both = {item.field.name for item in parsed} & {field.name for field in fields_to_unset if field is not None}
    if both:
        raise UsageError(f"{', '.join(sorted(both))} cannot be assigned and unset at once")
    if not parsed and not unset:
        _check_terminal()
    shown: set[str] = set()

    def find() -> _Found:
        found = _find(path, package, must_merge=bool(parsed) or not unset, shown=shown)
        _check_editable(unset, found.overrides)
        return found

    if not parsed and not unset:
        found = _wait(path, find)
        with interrupts.raising_signals():
            return found, _edit_in_editor(path, found)
    edited = {*unset, *(item.field.name for item in parsed), *(field.name for field in fields_to_unset if field)}
    names = [*(os.fsencode(name) for name in unset), *(field.name.encode() for field in fields_to_unset if field)]

    def find_and_store() -> tuple[_Found, tuple[Merged, Merged] | None]:
        found = find()

        def revise(current: Mapping[str, StoredValue]) -> Mapping[str, StoredValue]:
            return assignments.apply_assignments(parsed, current, found.ids)

        if find_version(path, busy_seconds=busy.ATTEMPT) is None:
            with closing(open_seed(writable=True)) as mirror:
                stored = _update(mirror, found.number, revise, names)
            if not _find_changes(found, stored, edited):
                return found, stored
        return found, _store(path, found.number, revise, names)

    found, stored = _wait(path, find_and_store)
    return found, _find_changes(found, stored, edited)


def _wait(path: Path, work: Callable[[], ResultT]) -> ResultT:
    """Return the result of `work`, which is repeated while another program locks the mirror."""
    with interrupts.raising_signals():
        return options.wait_for_mirror(path, work)


def _find_editable(name: str) -> Field | None:
    field = fields.find(name)
    return field if field is not None and field.editable else None


def _check_editable(unset: Sequence[str], overrides: Mapping[bytes, object]) -> None:
    """Raise UsageError for a name that is neither an editable field nor one under which a value is stored."""
    for name in unset:
        if os.fsencode(name) not in overrides:
            assignments.get_editable_field(name)


def _check_terminal() -> None:
    """Raise UsageError if an editor cannot be used."""
    if sys.stdin is None or not sys.stdin.isatty():
        name = "input"
    elif not terminal.is_terminal():
        name = "output"
    else:
        return
    message = f"nothing to edit: standard {name} is not a terminal, so no editor is opened"
    hint = "pass assignments or --unset, for example: djpkg edit django-todo docs=https://example.org/docs"
    raise UsageError(message, hint=hint)


def _find(path: Path, package: str, *, must_merge: bool, shown: set[str]) -> _Found:
    """Return the package, without a mirror from the packaged record.

    Problems with its stored values are shown once and added to `shown`.
    """
    with ExitStack() as stack:
        try:
            mirror = stack.enter_context(open_read(path, busy_seconds=busy.ATTEMPT))
        except MirrorMissing:
            mirror = stack.enter_context(closing(open_seed()))
        forges = forge_servers.forge_servers(os.environ)
        number = resolve.get_id(mirror, package, catalog=config.catalog_url(os.environ), forges=forges)
        merged: Merged | None = None
        try:
            merged, _, problems = get_merged(mirror, number, forges=forges)
        except MirrorError as error:
            if must_merge:
                raise
            problems = (str(error),)
        for problem in problems if must_merge or merged is None else ():
            if problem not in shown:
                shown.add(problem)
                terminal.write_stderr(f"djpkg: {problem}")
        name = resolve.find_slug(mirror, number) or str(number)
        return _Found(number, merged, name, read_raw(mirror, number), get_known_names(mirror, number))


def _store(path: Path, number: int, revise: Revise, unset: Sequence[bytes]) -> tuple[Merged, Merged] | None:
    """Store the edit in the mirror, which is created if missing: only now, so that a refused edit leaves no file."""
    lock.ensure(path)
    with open_write(path, busy_seconds=busy.ATTEMPT) as mirror:
        return _update(mirror, number, revise, unset)


def _update(
    mirror: sqlite3.Connection, number: int, revise: Revise, unset: Sequence[bytes]
) -> tuple[Merged, Merged] | None:
    from djpkg.mirror.write import Writer  # noqa: PLC0415 - loads sqlite-utils, so after all checks

    writer = Writer(mirror, forges=forge_servers.forge_servers(os.environ))
    return writer.update_overrides(number, revise, unset=unset, now=options.now())


def _edit_in_editor(path: Path, found: _Found) -> list[FieldChange]:
    from djpkg.cli.editor import Draft  # noqa: PLC0415 - terminals only

    package = found.merged
    if package is None:
        return []
    shown = package.values
    draft = Draft(document.write_document(found.name, shown, package.upstream, found.ids))
    values = draft.edit(found.ids)
    if not values:
        return []
    try:
        revise: Revise = partial(_merge_meanwhile, shown, values)
        stored = _wait(path, lambda: _store(path, found.number, revise, []))
    except BaseException:
        draft.keep()
        raise
    draft.discard()
    return _find_changes(found, stored, set(values))


def _merge_meanwhile(
    shown: Mapping[str, StoredValue], typed: Mapping[str, StoredValue], current: Mapping[str, StoredValue]
) -> dict[str, StoredValue]:
    """Return the typed values; lists of names with what was added and removed while the editor was open."""
    values = dict(typed)
    for name, mine in typed.items():
        before, theirs = shown[name], current[name]
        if fields.get(name).kind not in (Kind.NAMES, Kind.GRIDS):
            continue
        if isinstance(mine, list) and isinstance(before, list) and isinstance(theirs, list):
            values[name] = cast("StoredValue", merge_lists(before, mine, theirs))
    return values


def _find_changes(found: _Found, stored: tuple[Merged, Merged] | None, edited: set[str]) -> list[FieldChange]:
    """Return the edited fields whose value changed, or that became or are no longer overridden."""
    changes = [
        FieldChange(
            field.name,
            field,
            to_public(field, before.values[field.name]),
            to_public(field, after.values[field.name]),
            to_public(field, after.upstream.get(field.name, after.values[field.name])),
            field.name in before.upstream,
            field.name in after.upstream,
        )
        for before, after in ([stored] if stored is not None else [])
        for field in EDITABLE
        if field.name in edited
    ]
    changes = [change for change in changes if change.old != change.new or change.was_edited != change.is_edited]
    listed = {change.name for change in changes}
    for name in sorted(edited - listed):
        raw = found.overrides.get(os.fsencode(name))
        if raw is None and os.fsencode(name) not in found.overrides:
            continue
        if stored is not None and name in stored[0].upstream:
            continue
        field = _find_editable(name)
        new = to_public(field, stored[1].values[field.name]) if stored is not None and field is not None else None
        changes.append(
            FieldChange(name, field, _raw_text(raw), new, new, was_edited=True, is_edited=False, is_valid=False)
        )
    return changes


def _raw_text(stored: object) -> str:
    """Return a stored value that no field accepts, as a text for people."""
    return stored if isinstance(stored, str) else repr(stored)


def _write_notes(changes: list[FieldChange], undo_command: str | None) -> None:
    """Write to stderr which fields no longer follow fetches, and the command that undoes the edit."""
    if not changes:
        terminal.write_stderr("nothing changed")
    for change in changes:
        if change.is_edited and change.field is not None and change.field.owner in _FETCHED:
            terminal.write_stderr(f"{change.name}: edited; fetches no longer change the shown value")
        if change.is_edited and change.name == "repo_url":
            _report_unsupported(str(change.new or ""))
    if undo_command is not None:
        terminal.write_stderr(f"undo: {undo_command}")


def _report_unsupported(url: str) -> None:
    """Write to stderr why fetches cannot follow a repository URL, if they cannot."""
    repository = repository_url.parse_repository_url(url, forge_servers.forge_servers(os.environ))
    if isinstance(repository, repository_url.NoRepository) and repository.state == "unsupported":
        terminal.write_stderr(f"repo_url: {repository.reason}; fetches get nothing from there")


def _undo_command(package: Merged | None, changes: list[FieldChange], db: Path | None) -> str | None:
    """Return the command that sets the old values, None if there are none that can be set."""
    words: list[str] = []
    for change in changes:
        if change.was_edited and change.is_valid:
            words.append(f"{change.name}:={json.dumps(change.old)}")
        elif change.is_edited:
            words += ["--unset", change.name]
    return edit_command(package.values, words, db) if words and package is not None else None


def _text(change: FieldChange, value: Value) -> str:
    if isinstance(value, list) and change.field is not None and change.field.kind is not Kind.COUNTS:
        return ", ".join(escape(str(item)) for item in value)
    return field_text(value)
