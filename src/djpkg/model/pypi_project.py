"""Parse PyPI URLs, project names and the metadata that a project declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.model import license_names

if TYPE_CHECKING:
    from collections.abc import Iterable

# Current and former hosts in URLs of the catalog and of users; no request goes there.
PYPI_HOSTS = ("pypi.org", "www.pypi.org", "pypi.python.org", "www.pypi.python.org")

# Longer names, versions and texts are ignored.
MAX_NAME = 200
MAX_TEXT = 2000
MAX_LICENSE_LINE = 100

DJANGO = "django"
"""The project whose releases packages are measured against."""
EXTRA = "extra"
"""The variable of a marker that makes a requirement optional."""

# Strings, compiled at first use: most runs never parse a PyPI URL, and compiling takes 0.4 ms.
_HOST = "|".join(map(re.escape, PYPI_HOSTS))
_PAGE = rf"(?:[Hh][Tt][Tt][Pp][Ss]?:/{{1,2}})?(?i:{_HOST})(?::80|:443)?/+(?:pypi|project|simple|p)/+(?P<rest>.*)"
# Core metadata: "Name".
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SERIES = r"(?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,3})){0,2}"
_STATUS = r"[0-9] - .+"


def parse_project_name(pypi_url: str | None) -> str | None:
    """Return the normalized name (PEP 503) of a project from its PyPI URL or bare name; None if it is neither.

    URLs are ``/pypi/NAME``, ``/project/NAME``, ``/p/NAME`` and ``/simple/NAME`` on one of PYPI_HOSTS, with or without
    scheme, version and deeper pages. The catalog also contains one such URL appended to another.
    """
    text = (pypi_url or "").strip()
    if len(text) > MAX_TEXT:
        return None
    if page := re.fullmatch(_PAGE, text):
        page = re.fullmatch(_PAGE, page["rest"]) or page
        name = re.split("[/?#]", page["rest"], maxsplit=1)[0]
    else:
        name = text.removesuffix("/")
    if len(name) > MAX_NAME or name.lower() in PYPI_HOSTS or not re.fullmatch(_NAME, name):
        return None
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - most runs parse no project name

    return canonicalize_name(name)


def declared_django_versions(classifiers: Iterable[str]) -> tuple[str, ...]:
    """Return the Django series in the classifiers, oldest first; ``4`` only without any ``4.x``."""
    return _declared_series(classifiers, ("Framework", "Django"))


def declared_python_versions(classifiers: Iterable[str]) -> tuple[str, ...]:
    """Return the Python series in the classifiers, oldest first; ``3`` only without any ``3.x``."""
    return _declared_series(classifiers, ("Programming Language", "Python"))


def development_status(classifiers: Iterable[str]) -> str | None:
    """Return the first development status in the classifiers, such as ``5 - Production/Stable``."""
    for segments in _split_classifiers(classifiers):
        if segments[:-1] == ("Development Status",) and re.fullmatch(_STATUS, segments[-1]):
            return segments[-1]
    return None


def choose_license(expression: str | None, classifiers: Iterable[str], text: str | None) -> str | None:
    """Return the most precise declaration of the license.

    That is the expression (PEP 639), else the text if it is an SPDX expression, else the classifiers, else the first
    line of the text. A first line that is long, a placeholder or a copyright notice (a pasted license) is ignored.
    """
    if expression and expression.strip() and len(expression) <= MAX_TEXT:
        return expression.strip()
    if spdx := license_names.spdx_expression((text or "").strip()):
        return spdx
    names = [
        segments[-1] for segments in _split_classifiers(classifiers) if segments[0] == "License" and len(segments) > 1
    ]
    # "License :: OSI Approved" alone names no license.
    if licenses := list(dict.fromkeys(name for name in names if name not in {"", "OSI Approved"})):
        return " or ".join(licenses)
    line = next(iter((text or "").strip().splitlines()), "").strip()
    if not line or len(line) > MAX_LICENSE_LINE or line.upper() == "UNKNOWN" or line.lower().startswith("copyright"):
        return None
    return line


def _split_classifiers(classifiers: Iterable[str]) -> Iterable[tuple[str, ...]]:
    for classifier in classifiers:
        if len(classifier) <= MAX_NAME:
            yield tuple(segment.strip() for segment in classifier.split("::"))


def _declared_series(classifiers: Iterable[str], subject: tuple[str, ...]) -> tuple[str, ...]:
    series = {
        segments[-1]
        for segments in _split_classifiers(classifiers)
        if segments[:-1] == subject and re.fullmatch(_SERIES, segments[-1])
    }
    if not series:
        return ()
    from packaging.version import Version  # noqa: PLC0415 - most runs compare no versions

    with_minor = {text.partition(".")[0] for text in series if "." in text}
    return tuple(sorted(series - with_minor, key=lambda text: (Version(text), text)))


def sort_versions(versions: Iterable[str]) -> list[str]:
    """Sort versions by PEP 440 (9.5 before 10.0); invalid ones come first, as texts."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - as above

    def sort_key(text: str) -> tuple[bool, Version, str]:
        try:
            return True, Version(text[:MAX_NAME]), text
        except InvalidVersion:
            return False, Version("0"), text

    return sorted(versions, key=sort_key)
