"""What a source still lets us ask, told by the headers of its answers and by its refusals.

Pure but for its own state; `now` is an argument. GitHub keeps several pools (REST: ``core``, GraphQL: ``graphql``), so
it has one `Quota` for each. Sources of the rules: GitHub REST "Rate limits", RFC 9110 section 10.2.3 (Retry-After), the
IETF draft on RateLimit fields (GitLab), and what Bitbucket and Forgejo send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from djpkg.errors import QuotaExhausted

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WAIT = timedelta(hours=24)
"""No source is believed when it closes itself for longer."""
MIN_WAIT = timedelta(seconds=1)
"""A moment that is past already (a clock that is wrong, ``Retry-After: 0``) still asks for a pause."""
DEFAULT_WAIT = timedelta(seconds=60)
"""What a refusal that names no moment is taken to ask for; GitHub wants at least that for its secondary limits."""
SAME_WINDOW = timedelta(seconds=2)
"""The end of one window, computed anew for each answer, moves by so much."""
FIRST_EPOCH, LAST_EPOCH = 10**9, 10**11
"""A number from the first on (2001) is a moment in seconds of the epoch, a smaller one a distance in seconds."""
MAX_NUMBER = 10**9

_NUMBER = re.compile(r"[0-9]{1,15}")
_PREFIXES = ("x-ratelimit-", "ratelimit-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A source's word that it was asked too much: the moment or the seconds it named, if it named any.

    `secondary` says that the limit is one on the manner of asking and not the quota that the headers count.
    """

    until: datetime | None = None
    seconds: float | None = None
    secondary: bool = False
    message: str = ""

    def moment(self, now: datetime) -> datetime:
        """When one may ask again: after now, and within a day; in whole seconds, as it is told and kept in such.

        Requests that were refused side by side so name one moment, not one each.
        """
        if self.until is not None:
            until = max(self.until, now + MIN_WAIT)
        elif self.seconds is not None:
            until = now + timedelta(seconds=min(max(self.seconds, MIN_WAIT.total_seconds()), MAX_WAIT.total_seconds()))
        else:
            until = now + DEFAULT_WAIT
        return min(_next_second(until), now + MAX_WAIT)


def read_refusal(headers: Mapping[str, str], *, secondary: bool = False, message: str = "") -> Refusal:
    """The moment that a refusal's headers name: Retry-After, else the reset of a quota that is used up.

    Keys of `headers` are in lower case. What makes no sense counts as not named.
    """
    remaining = _number(_rate_header(headers, "remaining"))
    for text in (headers.get("retry-after"), None if remaining else _rate_header(headers, "reset")):
        named = _named(text)
        if isinstance(named, datetime):
            return Refusal(until=named, secondary=secondary, message=message)
        if named is not None:
            return Refusal(seconds=named, secondary=secondary, message=message)
    return Refusal(secondary=secondary, message=message)


@dataclass(slots=True, kw_only=True)
class Quota:
    """One pool of requests: what the source said of it, less what is under way.

    `remaining` is of the window that ends at `reset`; `closed_until` is a moment before which nothing may be asked.
    Where `resource` is given, headers that name another one are not read.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: datetime | None = None
    closed_until: datetime | None = None
    resource: str | None = None
    _under_way: int = field(default=0, init=False, repr=False)
    _waited: timedelta = field(default=timedelta(0), init=False, repr=False)
    _waiting_until: datetime | None = field(default=None, init=False, repr=False)

    def admit(self, cost: int = 1, *, now: datetime) -> None:
        """Reserves `cost` for one request; `settle` gives it back.

        Raises QuotaExhausted when the source is closed, or when what remains does not cover this request and all that
        are under way: as each of those may still be counted, no more is ever sent than the source said it would take.
        """
        if self.closed_until is not None and now < self.closed_until:
            raise QuotaExhausted("the source asked to be left alone", until=self.closed_until)
        if (
            self.remaining is not None
            and self.reset is not None
            and now < self.reset
            and self.remaining - self._under_way < cost
        ):
            raise QuotaExhausted("the quota is used up", until=self.reset)
        self._under_way += cost

    def is_reserved(self, *, now: datetime) -> bool:
        """Whether only those that are under way stand in the way: what they turn out to cost may leave some over."""
        closed = self.closed_until is not None and now < self.closed_until
        return not closed and self._under_way > 0 and bool(self.remaining)

    def settle(self, cost: int = 1, *, stated: bool) -> None:
        """Gives back what `admit` reserved. `stated` says that the answer told what remains (see `observe`).

        A request that broke, or whose answer did not tell, counts as charged.
        """
        self._under_way = max(0, self._under_way - cost)
        if not stated and self.remaining is not None:
            self.remaining = max(0, self.remaining - cost)

    def observe(self, headers: Mapping[str, str], *, now: datetime) -> bool:
        """Takes in what an answer's headers (keys in lower case) say; returns whether they said what remains.

        Answers arrive in any order: within one window what remains only goes down, and an answer that belongs to an
        earlier window is passed over.
        """
        resource = headers.get("x-ratelimit-resource")
        if self.resource is not None and resource is not None and resource != self.resource:
            return False
        limit, remaining = (_number(_rate_header(headers, name)) for name in ("limit", "remaining"))
        return self.learn(limit, remaining, _moment(_rate_header(headers, "reset"), now), now=now)

    def learn(self, limit: int | None, remaining: int | None, reset: datetime | None, *, now: datetime) -> bool:
        """The same for what an answer says in its body."""
        if limit is not None:
            self.limit = limit
        if remaining is None:
            return False
        if reset is not None:
            reset = min(reset, now + MAX_WAIT)
        if reset is None or self.remaining is None or self.reset is None or now >= self.reset:
            self.remaining, self.reset = remaining, reset or self.reset
        elif reset > self.reset + SAME_WINDOW:
            self.remaining, self.reset = remaining, reset
        elif reset >= self.reset - SAME_WINDOW:
            self.remaining = min(self.remaining, remaining)
        return True

    def close(self, until: datetime, *, now: datetime) -> None:
        """Nothing may be asked before `until`, or for a day where that is further off; a later end stands."""
        until = min(until, now + MAX_WAIT)
        if self.closed_until is None or until > self.closed_until:
            self.closed_until = until

    def allow_wait(self, until: datetime, *, now: datetime, limit: float) -> bool:
        """Whether the run may wait until then, having waited at most `limit` seconds in all; counts it if so.

        Tasks that wait side by side wait once.
        """
        start = now if self._waiting_until is None else max(now, self._waiting_until)
        longer = max(timedelta(0), until - start)
        if self._waited + longer > timedelta(seconds=limit):
            return False
        self._waited += longer
        self._waiting_until = max(start, until)
        return True


def _next_second(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)


def _rate_header(headers: Mapping[str, str], name: str) -> str | None:
    return next((headers[key] for prefix in _PREFIXES if (key := prefix + name) in headers), None)


def _number(text: str | None) -> int | None:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    number = int(text)
    return number if number <= MAX_NUMBER else None


def _moment(text: str | None, now: datetime) -> datetime | None:
    """A reset as a moment, at most a day from now."""
    named = _named(text)
    if named is None:
        return None
    if isinstance(named, datetime):
        return min(named, now + MAX_WAIT)
    return now + min(timedelta(seconds=named), MAX_WAIT)


def _named(text: str | None) -> datetime | int | None:
    """What a header names: a moment, a distance in seconds, or nothing that makes sense."""
    if text is None:
        return None
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = int(text)
        if number < FIRST_EPOCH:
            return number
        return datetime.fromtimestamp(number, UTC) if number < LAST_EPOCH else None
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone (RFC 850's and asctime's forms, and "-0000") is meant in UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
