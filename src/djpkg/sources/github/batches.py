"""A queue that hands out batches and adapts their size to what the server can answer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

GROW_AFTER_BATCHES = 4
"""Number of answered batches after which the batch size grows by a quarter of the maximum."""


class BatchQueue(Generic[T]):
    """Waiting items and the batch in flight.

    GitHub aborts a query that is too expensive, without stating a limit. Retrying it later does not help, so the batch
    size is halved at once and grows again slowly.
    """

    def __init__(self, max_size: int) -> None:
        self.size = max_size
        self._max_size = max_size
        self._successes = 0
        self._waiting: deque[T] = deque()
        self._batch: list[T] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T) -> None:
        """Append an item."""
        self._waiting.append(item)

    def add_first(self, item: T) -> None:
        """Put an item in front of all others."""
        self._waiting.appendleft(item)

    def next_batch(self) -> list[T]:
        """Return the next batch; call `finish_batch` before the next one."""
        self._batch = [self._waiting.popleft() for _ in range(min(self.size, len(self._waiting)))]
        return self._batch

    def finish_batch(self, unanswered: Sequence[T] = ()) -> list[T]:
        """Requeue the unanswered items in a smaller batch.

        Return the item of a batch of one that was not answered: GraphQL cannot answer it.
        """
        batch, self._batch = self._batch, []
        if not unanswered:
            self._successes += 1
            if self._successes % GROW_AFTER_BATCHES == 0:
                self.size = min(self._max_size, self.size + max(1, self._max_size // 4))
            return []
        self._successes = 0
        self.size = max(1, min(self.size, len(batch) // 2))
        if len(batch) == 1:
            return batch
        self._waiting.extendleft(reversed(unanswered))
        return []

    def remaining(self) -> list[T]:
        """Return all unanswered items, the batch in flight first."""
        return [*self._batch, *self._waiting]
