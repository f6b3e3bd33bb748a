"""Which releases of a package a project uses, and which newer ones exist."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from djpkg.check.facts import Release
from djpkg.check.series import match_specifier, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from djpkg.check.facts import PackageFacts
    from djpkg.check.series import Series
    from djpkg.requirements.requirement import Mention


class Used(NamedTuple):
    """A release that one place in a file pins, or the newest one that it allows (`is_pinned` false).

    `instead` is what pip installs in place of a yanked release that is not pinned, None if there is nothing else. Then
    `python_excludes` is whether others are allowed that do not fit the Python.
    """

    mention: Mention
    release: Release
    is_pinned: bool
    instead: Release | None
    python_excludes: bool = False

    @property
    def can_fail(self) -> bool:
        """Whether the yanked release is installed: it is pinned, or there is nothing else."""
        return self.is_pinned or self.instead is None


def find_yanked(facts: PackageFacts, mentions: Iterable[Mention], python: Series | None) -> list[Used]:
    """Return the releases in use that are yanked, one for each place; first what is installed.

    Only places that take a release from an index count.
    """
    if not facts.has_yanked:
        return []
    yanked = [release for release in facts.releases() if release.yanked]
    found = [
        used
        for one in mentions
        if one.from_index and _may_use(one, yanked, facts)
        if (used := _find_used(one, _by_version(facts), python)) is not None and used.release.yanked
    ]
    distinct = {(used.release.version, used.mention.file, used.mention.line): used for used in found}
    return sorted(distinct.values(), key=lambda used: not used.can_fail)


def _may_use(mention: Mention, yanked: Iterable[Release], facts: PackageFacts) -> bool:
    """Return False where a place certainly uses none of the yanked releases, so that all need not be compared."""
    if mention.version is not None:
        pinned = parse_version(mention.version)
        return any(parse_version(release.version) == pinned for release in yanked)
    newest = parse_version(facts.newest)
    if newest is None or newest.is_prerelease or facts.yanked or facts.released is None:
        return True
    if not _allows_newest(mention, facts):
        return True
    return any(version > newest for release in yanked if (version := parse_version(release.version)) is not None)


def find_outdated(
    facts: PackageFacts, mentions: Iterable[Mention], python: Series | None
) -> list[tuple[str, Release, Mention]]:
    """Return each version in use of which a newer final release exists, with that and a place; the lowest first.

    The newest release is final, not yanked, and fits the Python. An unpinned requirement uses the newest that
    it allows, or what pip installs in place of that.
    """
    if not facts.has_release:
        return []
    current = [one for one in mentions if one.from_index and not _allows_newest(one, facts)]
    if not current:
        return []
    newest = _newest(facts, python)
    if newest is None:
        return []
    old: dict[Version, tuple[str, Release, Mention]] = {}
    for mention in current:
        text = mention.version
        if text is None and (used := _find_used(mention, _by_version(facts), python)) is not None:
            text = (used.instead or used.release).version
        version = parse_version(text)
        if text is not None and version is not None and version < newest[0]:
            old.setdefault(version, (text, newest[1], mention))
    return [old[version] for version in sorted(old)]


def _newest(facts: PackageFacts, python: Series | None) -> tuple[Version, Release] | None:
    """Return the newest final release with files that is not yanked and fits the Python.

    PyPI's own newest release, which prefers final and unyanked ones, usually is the result: it is tried first.
    """
    stated = Release(facts.newest or "", facts.released, facts.yanked, facts.requires_python)
    version = parse_version(facts.newest)
    if version is not None and _is_usable(version, stated, python):
        return version, stated
    return next(
        (
            (version, release)
            for version, release in reversed(_by_version(facts))
            if _is_usable(version, release, python)
        ),
        None,
    )


def next_release(facts: PackageFacts, used: Used, python: Series | None) -> tuple[Release, bool] | None:
    """Return the release to use in place of a yanked one, and whether it is newer: the newest, else the next older."""
    version = parse_version(used.release.version)
    newest = _newest(facts, python)
    if newest is None or version is None:
        return None
    return newest[1], newest[0] > version


def _by_version(facts: PackageFacts) -> list[tuple[Version, Release]]:
    """Return the releases in ascending order, without invalid versions."""
    parsed = [(parse_version(release.version), release) for release in facts.releases()]
    return sorted(((version, release) for version, release in parsed if version is not None), key=lambda one: one[0])


def _allows_newest(mention: Mention, facts: PackageFacts) -> bool:
    """Return whether a place certainly allows PyPI's newest release, so that nothing else has to be compared."""
    if mention.version is not None:
        return mention.version == facts.newest
    if not mention.specifier:
        return True
    specifier, newest = _parse_specifier(mention.specifier), parse_version(facts.newest)
    if specifier is None or newest is None or newest.is_prerelease or facts.released is None:
        return False
    return newest in specifier


def _find_used(mention: Mention, releases: Sequence[tuple[Version, Release]], python: Series | None) -> Used | None:
    """Return the release that a place pins, else the newest that it allows; None if PyPI does not have it."""
    if mention.version is not None:
        pinned = parse_version(mention.version)
        release = next((release for version, release in releases if version == pinned), None)
        return None if release is None else Used(mention, release, is_pinned=True, instead=None)
    allowed = _allowed(mention.specifier, releases)
    if allowed is None:
        return None
    if not allowed.yanked:
        return Used(mention, allowed, is_pinned=False, instead=None)
    # As for pip, prereleases count only if all that is allowed is one, yanked or not, or the specifier names one.
    with_prereleases = Version(allowed.version).is_prerelease or _allows_prereleases(mention.specifier)
    left = [
        (version, one)
        for version, one in releases
        if not one.yanked and (with_prereleases or not version.is_prerelease)
    ]
    fitting = [(version, one) for version, one in left if _is_installable(one, python)]
    instead = _allowed(mention.specifier, fitting)
    unfit = instead is None and _allowed(mention.specifier, left) is not None
    return Used(mention, allowed, is_pinned=False, instead=instead, python_excludes=unfit)


def _allowed(specifier: str, releases: Sequence[tuple[Version, Release]]) -> Release | None:
    """Return the newest release with files that a specifier allows: a final one, a prerelease if there is no other."""
    parsed = _parse_specifier(specifier)
    if parsed is None:
        return None
    prerelease: Release | None = None
    for version, release in reversed(releases):
        if release.uploaded is None or not parsed.contains(version, prereleases=True):
            continue
        if not version.is_prerelease:
            return release
        prerelease = prerelease or release
    return prerelease


def _allows_prereleases(specifier: str) -> bool:
    """Return whether a specifier names a prerelease, so that pip installs them too."""
    parsed = _parse_specifier(specifier)
    return parsed is not None and bool(parsed.prereleases)


def allows(specifier: str, version: str) -> bool:
    """Return whether a specifier allows a version; an invalid one allows all."""
    parsed = _parse_specifier(specifier)
    return parsed is None or parsed.contains(version, prereleases=True)


@lru_cache(maxsize=4096)
def _parse_specifier(text: str) -> SpecifierSet | None:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def _is_usable(version: Version, release: Release, python: Series | None) -> bool:
    return not (release.yanked or version.is_prerelease) and _is_installable(release, python)


def _is_installable(release: Release, python: Series | None) -> bool:
    """Return whether a release has files and its `requires_python` admits the Python."""
    if release.uploaded is None:
        return False
    return python is None or not release.requires_python or match_specifier(release.requires_python, python).admits
