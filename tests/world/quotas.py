"""Rate limits per hour or minute, by the world's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class Quota:
    """A fixed window: `used` of `limit` until `resets`."""

    limit: int
    window: timedelta = timedelta(hours=1)
    used: int = 0
    resets: datetime | None = None

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def roll(self, now: datetime) -> datetime:
        """Start a new window if the last one is over, and return the end of the current one."""
        if self.resets is None or now >= self.resets:
            self.resets, self.used = now + self.window, 0
        return self.resets

    def exhaust(self, now: datetime, *, resets_in: float | None = None) -> None:
        """Use up the quota; `resets_in` (seconds) moves the end of the window."""
        self.roll(now)
        self.used = self.limit
        if resets_in is not None:
            self.resets = now + timedelta(seconds=resets_in)


@dataclass(slots=True)
class Quotas:
    """The quotas by (resource, authorised)."""

    limits: dict[tuple[str, bool], Quota] = field(
        default_factory=lambda: {
            ("github", False): Quota(60),
            ("github", True): Quota(5000),
            ("graphql", True): Quota(5000),
            ("gitlab", False): Quota(500, timedelta(minutes=1)),
            ("gitlab", True): Quota(2000, timedelta(minutes=1)),
            ("bitbucket", False): Quota(60),
            ("bitbucket", True): Quota(1000),
        }
    )

    def find(self, resource: str, *, authorised: bool) -> Quota | None:
        return self.limits.get((resource, authorised))
