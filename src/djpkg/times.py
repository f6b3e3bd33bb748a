"""The clock, and times as texts: those that djpkg takes in, those from elsewhere, and the instants behind both."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The clock of the program, which everything else takes as an argument."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """An aware moment in whole seconds of UTC, as ``2026-11-23T12:00:00Z``, which jq's `fromdate` takes."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def instant(text: str | None) -> datetime | None:
    """The aware UTC moment that an ISO 8601 text names; one without an offset is UTC. None for what is no time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None  # the first and the last day of the calendar have no UTC in every offset


def sortable(text: str | None) -> str | None:
    """The UTC instant of an ISO 8601 text as the mirror keeps it. None for what is no time."""
    moment = instant(text)
    return None if moment is None else sortable_instant(moment)


def sortable_instant(moment: datetime) -> str:
    """An aware moment in UTC with all six digits of its fraction, so that texts compare as times do."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def same_instant(one: str | None, other: str | None) -> bool:
    """Whether two texts name the same moment, whatever their offsets. False where either names none."""
    moment = instant(one)
    return moment is not None and moment == instant(other)
