"""Find which versions of Python a project supports: ``requires-python`` and what other tools call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.requirements.requirement import RequiredPython
from djpkg.requirements.version_ranges import to_specifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.requirements.toml_file import TomlFile

# PEP 621 and 751, uv.lock; Poetry; pdm.lock; poetry.lock; Pipfile.
_PLACES = (
    ("project", "requires-python"),
    ("requires-python",),
    ("tool", "poetry", "dependencies", "python"),
    ("metadata", "requires_python"),
    ("metadata", "python-versions"),
    ("requires", "python_full_version"),
    ("requires", "python_version"),
)


def find_required_python(file: TomlFile) -> Iterator[RequiredPython]:
    """Yield the supported versions of Python that a TOML file states, as PEP 440; an invalid text is skipped."""
    for path in _PLACES:
        value: object = file.document
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and (specifier := python_specifier(value)):
            yield RequiredPython(file.name, file.line(*path), specifier)


def python_specifier(text: str) -> str | None:
    """Return the specifier in ``>=3.10``, ``^3.10`` (Poetry) or ``3.12`` (Pipenv); None without a single range."""
    try:
        found = to_specifiers(text)
    except ValueError:
        return None
    # Alternatives have no common lower bound.
    if len(found) != 1 or not found[0]:
        return None
    is_series = found[0].startswith("==") and found[0].count(".") == 1
    return f"{found[0]}.*" if is_series else found[0]
