"""A queue that is asked for in batches, whose size follows what the server can bear."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

GROW_AFTER = 4
"""After so many good batches the next ones are larger again, by a quarter of the full size."""


class BatchQueue(Generic[T]):
    """Waiting items, and those of the batch that is being asked for.

    GitHub ends a query that takes it too long or uses too much, and says neither beforehand nor for how long: the size
    is halved at once, as waiting helps nothing, and grows slowly.
    """

    def __init__(self, full: int) -> None:
        self.size = full
        self._full = full
        self._good = 0
        self._waiting: deque[T] = deque()
        self._batch: list[T] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T) -> None:
        """One more, to be asked for when all others were."""
        self._waiting.append(item)

    def add_first(self, item: T) -> None:
        """One more, to be asked for next."""
        self._waiting.appendleft(item)

    def take(self) -> list[T]:
        """The next batch, to be followed by `settle`."""
        self._batch = [self._waiting.popleft() for _ in range(min(self.size, len(self._waiting)))]
        return self._batch

    def settle(self, unanswered: Sequence[T] = ()) -> list[T]:
        """What became of the batch: `unanswered` of it are asked for again in smaller company.

        Returns those that were alone already: they have to be asked for in another way.
        """
        batch, self._batch = self._batch, []
        if not unanswered:
            self._good += 1
            if self._good % GROW_AFTER == 0:
                self.size = min(self._full, self.size + max(1, self._full // 4))
            return []
        self._good = 0
        self.size = max(1, min(self.size, len(batch) // 2))
        if len(batch) == 1:
            return batch
        self._waiting.extendleft(reversed(unanswered))
        return []

    def left(self) -> list[T]:
        """All that was not answered, that of the present batch too."""
        return [*self._batch, *self._waiting]
