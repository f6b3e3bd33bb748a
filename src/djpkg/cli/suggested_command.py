"""Commands that messages suggest as the next step, quoted for a shell."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from djpkg.render.escape import escape
from djpkg.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from djpkg.mirror.removed_edits import RemovedEdits


_COMMAND = re.compile(
    r"\bdjpkg (?:backup|changes|check|compare|doctor(?: --rebuild)?|edit|fetch|grids|help datasette|list"
    r"|show|snapshot|status)\b(?!.* --db )"
)


def add_db_option(text: str, db: Path | None) -> str:
    """Return a message in which each command, ``djpkg fetch …``, names the mirror that ``--db`` named."""
    if db is None or "djpkg " not in text:
        return text
    option = f" --db {quote_word(str(db))}"
    return _COMMAND.sub(lambda match: match[0] + option, text)


def edit_command(package: Mapping[str, object], words: Iterable[str], db: Path | None) -> str:
    """Return ``djpkg edit`` with `words` for a package, given its id, slug and catalog_state, in the same mirror."""
    slug = str(package["slug"])
    # The slug of a removed package may belong to another one; digits are an id, and a leading dash is an option.
    plain = package["catalog_state"] == "listed" and not slug.isdigit() and not slug.startswith("-")
    db_option = [] if db is None else ["--db", str(db)]
    return " ".join(map(quote_word, ["djpkg", "edit", slug if plain else str(package["id"]), *db_option, *words]))


def show_command(package: str) -> str:
    """Return ``djpkg show`` for a package as typed."""
    return f"djpkg show {quote_word(package)}"


def quote_word(word: str) -> str:
    """Return a word for a shell, as bytes in ``$'…'`` where a message would show other characters instead of it."""
    if escape(word) == word:
        return shlex.quote(word)
    octal = re.sub(r"[^ -~]|[\\']", lambda match: f"\\{ord(match[0]):03o}", os.fsencode(word).decode("latin-1"))
    return f"$'{octal}'"


def describe_removed_edits(edits: RemovedEdits, db: Path | None) -> str:
    """Return the message about edits of a removed package, with the command that sets them on the listed one."""
    package = {"slug": edits.slug, "id": edits.id, "catalog_state": "listed"}
    command = edit_command(package, edits.assignments, db)
    noun = pluralize(len(edits.values), "edit")
    verb = "belongs" if len(edits.values) == 1 else "belong"
    names = ", ".join(edits.values)
    removed = f"the removed package {edits.removed_id} of that name"
    return f"{edits.slug}: {noun} ({names}) {verb} to {removed}; to carry over: {command}"
