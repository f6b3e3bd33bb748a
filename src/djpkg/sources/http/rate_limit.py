"""Rate limits: the requests that remain, read from response headers. Pure: `now` is an argument.

Sources of the rules: GitHub REST "Rate limits", RFC 9110 section 10.2.3 (Retry-After), the IETF draft on RateLimit
fields (GitLab), and the headers of Bitbucket and Forgejo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

from djpkg.errors import QuotaExhausted

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WAIT = timedelta(hours=24)
"""Cap for Retry-After."""
MAX_RESET = timedelta(hours=2)
"""Cap for the reset time of a quota. No source has a longer window than an hour."""
MIN_WAIT = timedelta(seconds=1)
"""Pause for a time that has passed already (a wrong clock, ``Retry-After: 0``)."""
DEFAULT_WAIT = timedelta(seconds=60)
"""Pause when the response gives no time; GitHub requires at least that for its secondary limits."""
SAME_WINDOW = timedelta(seconds=2)
"""Reset times that differ by less belong to one window: some servers compute them for each response."""
FIRST_EPOCH, LAST_EPOCH = 10**9, 10**11
"""A number from FIRST_EPOCH (2001) on is a Unix time, a smaller one a number of seconds from now."""
MAX_NUMBER = 10**9

_NUMBER = re.compile(r"[0-9]{1,15}")
_PREFIXES = ("x-ratelimit-", "ratelimit-")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitHit:
    """A response that a rate limit was reached; `wait` is the time or the seconds that it gives, if any.

    `max_wait` is how far ahead that time may be. `secondary` is true for a limit that the rate-limit headers do not
    count, such as concurrent requests.
    """

    wait: datetime | float | None = None
    max_wait: timedelta = MAX_WAIT
    secondary: bool = False
    message: str = ""

    def retry_at(self, now: datetime) -> datetime:
        """Return when the next request is allowed: after `now`, within `max_wait`, in whole seconds.

        Whole seconds give concurrent responses the same time.
        """
        if isinstance(self.wait, datetime):
            until = self.wait
        elif self.wait is not None:
            until = now + timedelta(seconds=max(0, min(self.wait, self.max_wait.total_seconds())))
        else:
            until = now + DEFAULT_WAIT
        return min(_next_second(max(until, now + MIN_WAIT)), now + self.max_wait)


def rate_limit_from_headers(headers: Mapping[str, str], *, secondary: bool = False, message: str = "") -> RateLimitHit:
    """Return the time of Retry-After, else the reset time of an exhausted quota; invalid values are ignored.

    Header names are in lower case.
    """
    wait, max_wait = _parse_when(headers.get("retry-after")), MAX_WAIT
    if wait is None and not _parse_number(_rate_header(headers, "remaining")):
        wait, max_wait = _parse_when(_rate_header(headers, "reset")), MAX_RESET
    return RateLimitHit(wait=wait, max_wait=max_wait, secondary=secondary, message=message)


class Charge(Enum):
    """What a finished request used of its quota."""

    NONE = "there was no response"
    STATED = "the response stated what remains"
    ASSUMED = "the response did not state what remains"


@dataclass(slots=True, kw_only=True)
class Quota:
    """One pool of requests, as the source reported it, minus the pending requests.

    `remaining` is for the window that ends at `reset`. No request is allowed before `blocked_until`. Headers for
    another resource than `resource` are ignored, if it is given. `unstated` counts the responses of this run that did
    not contain what remains.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: datetime | None = None
    blocked_until: datetime | None = None
    resource: str | None = None
    unstated: int = field(default=0, init=False)
    _pending: int = field(default=0, init=False, repr=False)
    _waited: timedelta = field(default=timedelta(0), init=False, repr=False)
    _waiting_until: datetime | None = field(default=None, init=False, repr=False)

    def reserve(self, cost: int = 1, *, now: datetime) -> None:
        """Reserve `cost` for one request, until `release`.

        QuotaExhausted when the source is blocked, or when the rest does not cover this and all pending requests: each
        of those may still be counted, so that the limit is never exceeded.
        """
        if self.blocked_until is not None and now < self.blocked_until:
            raise QuotaExhausted("rate limit reached", until=self.blocked_until)
        if (
            self.remaining is not None
            and self.reset is not None
            and now < self.reset
            and self.remaining - self._pending < cost
        ):
            raise QuotaExhausted("rate limit reached", until=self.reset)
        self._pending += cost

    def is_held_by_pending(self, *, now: datetime) -> bool:
        """Whether only pending requests prevent another one: they may cost less than what they reserved."""
        blocked = self.blocked_until is not None and now < self.blocked_until
        return not blocked and self._pending > 0 and bool(self.remaining)

    def release(self, charge: Charge, cost: int = 1) -> None:
        """Release a reservation, and subtract its cost if the response did not contain what remains.

        A request without a response costs nothing: it may never have reached the server.
        """
        self._pending = max(0, self._pending - cost)
        if charge is not Charge.ASSUMED:
            return
        self.unstated += cost
        if self.remaining is not None:
            self.remaining = max(0, self.remaining - cost)

    def update_from_headers(self, headers: Mapping[str, str], *, now: datetime) -> bool:
        """Update from response headers (names in lower case); return whether they contained what remains."""
        resource = headers.get("x-ratelimit-resource")
        if self.resource is not None and resource is not None and resource != self.resource:
            return False
        limit, remaining = (_parse_number(_rate_header(headers, name)) for name in ("limit", "remaining"))
        return self.update(limit, remaining, _parse_reset(_rate_header(headers, "reset"), now), now=now)

    def update(self, limit: int | None, remaining: int | None, reset: datetime | None, *, now: datetime) -> bool:
        """Update from reported values; return whether they contained what remains.

        Responses arrive in any order: within one window `remaining` only decreases, and a response of an earlier
        window is ignored.
        """
        if limit is not None:
            self.limit = limit
        if remaining is None:
            return False
        if reset is not None:
            reset = min(reset, now + MAX_RESET)
        if reset is None or self.remaining is None or self.reset is None or now >= self.reset:
            self.remaining, self.reset = remaining, reset or self.reset
        elif reset > self.reset + SAME_WINDOW:
            self.remaining, self.reset = remaining, reset
        elif reset >= self.reset - SAME_WINDOW:
            self.remaining = min(self.remaining, remaining)
        return True

    def block(self, until: datetime, *, now: datetime) -> None:
        """Allow no request before `until` (at most a day from now); a later time that was set before stays."""
        until = min(until, now + MAX_WAIT)
        if self.blocked_until is None or until > self.blocked_until:
            self.blocked_until = until

    def may_wait(self, until: datetime, *, now: datetime, limit: float) -> bool:
        """Whether all waits of the run, with this one, stay within `limit` seconds; counts it if so.

        Concurrent waits are counted once.
        """
        start = now if self._waiting_until is None else max(now, self._waiting_until)
        additional = max(timedelta(0), until - start)
        if self._waited + additional > timedelta(seconds=limit):
            return False
        self._waited += additional
        self._waiting_until = max(start, until)
        return True


def _next_second(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)


def _rate_header(headers: Mapping[str, str], name: str) -> str | None:
    return next((headers[key] for prefix in _PREFIXES if (key := prefix + name) in headers), None)


def _parse_number(text: str | None) -> int | None:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    number = int(text)
    return number if number <= MAX_NUMBER else None


def _parse_reset(text: str | None, now: datetime) -> datetime | None:
    when = _parse_when(text)
    return now + timedelta(seconds=when) if isinstance(when, int) else when


def _parse_when(text: str | None) -> datetime | int | None:
    """Return the time of a header, or its seconds from now; None if it is missing or invalid."""
    if text is None:
        return None
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = int(text)
        if number < FIRST_EPOCH:
            return number
        return datetime.fromtimestamp(number, UTC) if number < LAST_EPOCH else None
    try:
        date = parsedate_to_datetime(text)
        # Dates without a zone (the forms of RFC 850 and asctime, and "-0000") are in UTC.
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
