"""Any address or name of a project on PyPI as its normalised name, and what a project's metadata declare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# PyPI at its present and at its former address, as the catalog and people write them; nothing is asked there.
HOSTS = ("pypi.org", "www.pypi.org", "pypi.python.org", "www.pypi.python.org")

# Longer names and versions are none; longer texts are not looked at.
MAX_NAME = 200
MAX_TEXT = 2000
MAX_LICENSE_LINE = 100

# Patterns are compiled at their first use: most runs of the program never see a project's address.
_HOST = "|".join(map(re.escape, HOSTS))
_PAGE = rf"(?:[Hh][Tt][Tt][Pp][Ss]?:/{{1,2}})?(?i:{_HOST})(?::80|:443)?/+(?:pypi|project|simple|p)/+(?P<rest>.*)"
# Core metadata: "Name".
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SERIES = r"(?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,3})){0,2}"
_STATUS = r"[0-9] - .+"


def parse_project_name(pypi_url: str | None) -> str | None:
    """The normalised name (PEP 503) of the project that an address of PyPI or a bare name means, None if it means none.

    Addresses are ``/pypi/NAME``, ``/project/NAME``, ``/p/NAME`` and ``/simple/NAME`` on one of HOSTS, with or without
    scheme, version and deeper pages; also one such address behind another, as the catalog has it.
    """
    text = (pypi_url or "").strip()
    if len(text) > MAX_TEXT:
        return None
    if page := re.fullmatch(_PAGE, text):
        if doubled := re.fullmatch(_PAGE, page["rest"]):
            page = doubled
        name = re.split("[/?#]", page["rest"], maxsplit=1)[0]
    else:
        name = text.removesuffix("/")
    if len(name) > MAX_NAME or name.lower() in HOSTS or not re.fullmatch(_NAME, name):
        return None
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - not needed where an address is never read

    return canonicalize_name(name)


def declared_django(classifiers: Iterable[str]) -> tuple[str, ...]:
    """The series of Django that the classifiers name, oldest first; ``4`` only where no ``4.x`` is named."""
    return _series(classifiers, ("Framework", "Django"))


def declared_python(classifiers: Iterable[str]) -> tuple[str, ...]:
    """The series of Python that the classifiers name, oldest first; ``3`` only where no ``3.x`` is named."""
    return _series(classifiers, ("Programming Language", "Python"))


def development_status(classifiers: Iterable[str]) -> str | None:
    """The first development status among the classifiers, as in ``5 - Production/Stable``."""
    for segments in _split(classifiers):
        if segments[:-1] == ("Development Status",) and re.fullmatch(_STATUS, segments[-1]):
            return segments[-1]
    return None


def choose_license(expression: str | None, classifiers: Iterable[str], text: str | None) -> str | None:
    """What a project says its license is: the expression of PEP 639, else its classifiers, else a short free text.

    Of a free text the first line counts, unless it is long, a placeholder or the copyright notice of a pasted license.
    """
    if expression and expression.strip() and len(expression) <= MAX_TEXT:
        return expression.strip()
    names = [segments[-1] for segments in _split(classifiers) if segments[0] == "License" and len(segments) > 1]
    # "License :: OSI Approved" by itself is a heading, not a license.
    if named := list(dict.fromkeys(name for name in names if name not in {"", "OSI Approved"})):
        return " or ".join(named)
    line = next(iter((text or "").strip().splitlines()), "").strip()
    if not line or len(line) > MAX_LICENSE_LINE or line.upper() == "UNKNOWN" or line.lower().startswith("copyright"):
        return None
    return line


def _split(classifiers: Iterable[str]) -> Iterable[tuple[str, ...]]:
    for classifier in classifiers:
        if len(classifier) <= MAX_NAME:
            yield tuple(segment.strip() for segment in classifier.split("::"))


def _series(classifiers: Iterable[str], subject: tuple[str, ...]) -> tuple[str, ...]:
    series = {
        segments[-1]
        for segments in _split(classifiers)
        if segments[:-1] == subject and re.fullmatch(_SERIES, segments[-1])
    }
    if not series:
        return ()
    from packaging.version import Version  # noqa: PLC0415 - most runs of the program never compare versions

    refined = {text.partition(".")[0] for text in series if "." in text}
    return tuple(sorted(series - refined, key=lambda text: (Version(text), text)))


def sort_versions(versions: Iterable[str]) -> list[str]:
    """Versions as they follow each other (PEP 440): 9.5, then 10.0; what is no version comes first, as texts do."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - as above

    def place(text: str) -> tuple[bool, Version, str]:
        try:
            return True, Version(text[:MAX_NAME]), text
        except InvalidVersion:
            return False, Version("0"), text

    return sorted(versions, key=place)
