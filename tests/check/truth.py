"""What a check of the generated project has to find, computed in another way.

It knows what was planted, not what the mirror stores. It is slow: it tries each release X.Y.0 to X.Y.99 with
`packaging`, and sorts all releases for each question.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from djpkg.times import format_time
from tests.check.world import INPUT, LINUX, PYTHON, SERIES
from tests.mirrors import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.markers import Marker
    from packaging.utils import NormalizedName

    from djpkg.model import facts as model
    from tests.check.world import Planted, Planting


def true_verdict(one: Planted, series: str) -> str | None:
    if one.state in ("unknown", "project gone"):
        return None
    parsed = [Requirement(text) for text in one.requires]
    on_django = [
        requirement.specifier
        for requirement in parsed
        if canonicalize_name(requirement.name) == "django"
        and (requirement.marker is None or ("extra" not in str(requirement.marker) and _holds(requirement.marker)))
    ]
    if on_django:
        specifier = on_django[0]
        micros = [f"{series}.{micro}" for micro in range(100)]
        if not any(specifier.contains(version, prereleases=True) for version in micros):
            later = [
                f"{major}.{minor}.{micro}" for major in range(3, 9) for minor in range(3) for micro in (0, 50, 150)
            ]
            above = [one for one in later if Version(one) > Version(micros[-1])]
            below = [one for one in later if Version(one) < Version(micros[0])] + ["1.11.5", "2.2.1", "4.2.11"]
            fits_above = any(specifier.contains(version, prereleases=True) for version in above)
            fits_below = any(
                specifier.contains(version, prereleases=True) for version in below if Version(version) < Version(series)
            )
            return "ahead" if fits_above and not fits_below else "excluded"
    if series in one.series:
        return "declared"
    first = NOW - timedelta(days=SERIES[series])
    released = one.newest.uploaded
    if on_django and released is not None and released > format_time(first):
        return "allowed"
    return "unproven"


def true_python(one: Planted) -> bool | None:
    if one.state in ("unknown", "project gone"):
        return None
    return _fits_python(one.newest)


def true_rules(one: Planted, text: str, series: str) -> set[str]:
    rules: set[str] = set()
    verdict = true_verdict(one, series)
    rules |= {verdict} & {"excluded", "ahead", "unproven"} if verdict else set()
    if one.state == "unknown":
        rules.add("unknown")
    known = [] if one.state in ("unknown", "gone", "blocked") else [one.committed]
    if true_python(one) is not None:
        known += [_moment(one.newest)] if one.newest.uploaded else []
        rules |= {"python"} if true_python(one) is False else set()
        rules |= _release_rules(one, text)
    if known and all(moment < NOW.replace(year=NOW.year - 2) for moment in known):
        rules.add("quiet")
    if one.archived and one.state not in ("unknown", "gone", "blocked"):
        rules.add("archived")
    if one.removed:
        rules.add("removed")
    if one.state == "moved" or one.moves or (one.state == "gone" and one.suggests):
        rules.add("moved")
    if one.state == "gone" and one.suggests:
        pass
    elif one.state in ("gone", "blocked", "project gone"):
        rules.add("gone")
    return rules


def _release_rules(one: Planted, text: str) -> set[str]:
    specifier = Requirement(text.partition("#")[0].strip()).specifier
    pins = [clause.version for clause in specifier if clause.operator == "=="]
    downloadable = [release for release in one.releases if release.uploaded is not None]
    left: list[model.Release] = []
    if pins:
        used = next((release for release in one.releases if Version(release.version) == Version(pins[0])), None)
    else:
        allowed = [release for release in downloadable if specifier.contains(release.version, prereleases=True)]
        final = [release for release in allowed if not Version(release.version).is_prerelease]
        used = max(final or allowed, key=lambda release: Version(release.version), default=None)
        left = [one for one in final or allowed if not one.yanked and _fits_python(one)]
    if used is None:
        return set()
    usable = [
        Version(release.version)
        for release in downloadable
        if not release.yanked and not Version(release.version).is_prerelease and _fits_python(release)
    ]
    installed = max((Version(one.version) for one in left if used.yanked), default=Version(used.version))
    is_outdated = bool(usable) and max(usable) > installed
    return ({"yanked"} if used.yanked else set()) | ({"outdated"} if is_outdated else set())


def _fits_python(release: model.Release) -> bool:
    return _has_micro(release.requires_python or "")


@cache
def _has_micro(requires_python: str) -> bool:
    specifier = SpecifierSet(requires_python)
    return any(specifier.contains(f"{PYTHON}.{micro}", prereleases=True) for micro in range(100))


def _holds(marker: Marker) -> bool:
    environment: Any = LINUX
    return marker.evaluate(environment)


def _moment(release: model.Release) -> datetime:
    assert release.uploaded is not None
    return datetime.fromisoformat(release.uploaded)


def true_severities(one: Planted, text: str, series: str, *, direct: bool) -> dict[str, str]:
    """Return each rule that applies, with whether it fails the check for this series."""
    failing = {"gone", "excluded"} if direct else set()
    if _is_yanked_installed(one, text):
        failing.add("yanked")
    return {rule: "fail" if rule in failing else "note" for rule in true_rules(one, text, series)}


def _is_yanked_installed(one: Planted, text: str) -> bool:
    """Whether pip has nothing else to install than a yanked release, if that is the newest that the text allows."""
    specifier = Requirement(text.partition("#")[0].strip()).specifier
    if any(clause.operator == "==" for clause in specifier):
        return True
    allowed = [
        release
        for release in one.releases
        if release.uploaded and specifier.contains(release.version, prereleases=True)
    ]
    takes_prereleases = specifier.prereleases or all(Version(release.version).is_prerelease for release in allowed)
    return not any(
        not release.yanked
        and _fits_python(release)
        and (takes_prereleases or not Version(release.version).is_prerelease)
        for release in allowed
    )


def true_origins(required: Mapping[NormalizedName, Planted]) -> dict[NormalizedName, tuple[bool, list[NormalizedName]]]:
    """Return whether the project requires each package itself, and which of the others require it.

    Where no comment states it, the newest releases of the others do. What no other requires is direct, and so is what
    cannot be reached from there.
    """
    via: dict[NormalizedName, set[NormalizedName]] = {name: set() for name in required}
    for name, one in required.items():
        for text in one.requires if one.state not in ("unknown", "project gone") else ():
            need = Requirement(text)
            wanted = canonicalize_name(need.name)
            if wanted in via and wanted != name and not required[wanted].via and _counts(need.marker):
                via[wanted].add(name)
    for name, one in required.items():
        via[name] |= {canonicalize_name(parent) for parent in one.via if parent != INPUT}
    reached = {name for name, parents in via.items() if not parents or INPUT in required[name].via}
    while more := {name for name, parents in via.items() if parents & reached} - reached:
        reached |= more
    return {
        name: (not parents or INPUT in required[name].via or name not in reached, sorted(parents))
        for name, parents in via.items()
    }


def true_instead(one: Planted, planting: Planting, series: str) -> list[tuple[str, str]]:
    """Return what is offered for a package, each with its reason; [] for one that is not dead."""
    is_archived = one.archived and one.state not in ("unknown", "gone", "blocked")
    lost = one.state in ("gone", "blocked", "project gone")
    if not (is_archived or lost or (one.removed and not _is_active(one))):
        return []
    found = []
    number = planting.packages.index(one) + 1
    if one.state == "gone" and one.suggests:
        found.append((one.suggests, "the project names it"))
    if one.moves and not is_archived and _within_a_year(one.committed):
        found.append((f"https://github.com/mara/new-{number}", "the repository moved there"))
    if one.names is not None:
        other = next(other for other in planting.packages if other.name == one.names)
        is_alive = other.state in ("ok", "moved") and not other.archived and not other.removed and _is_active(other)
        is_unfit = other.newest.yanked or true_verdict(other, series) in ("excluded", "ahead")
        if is_alive and not is_unfit and true_python(other):
            found.append((f"slug-{planting.packages.index(other) + 1}", "its description names it"))
    return found


def _is_active(one: Planted) -> bool:
    repository = [one.committed] if one.state in ("ok", "moved", "project gone") else []
    released = one.newest.uploaded is not None and one.state not in ("unknown", "project gone")
    return any(map(_within_a_year, [*repository, *([_moment(one.newest)] if released else [])]))


def _within_a_year(moment: datetime) -> bool:
    return NOW - timedelta(days=365) <= moment <= NOW


def _counts(marker: Marker | None) -> bool:
    return marker is None or ("extra" not in str(marker) and _holds(marker))
