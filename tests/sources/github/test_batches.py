"""The batch size adapts to what the server answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from djpkg.sources.github.batches import GROW_AFTER_BATCHES, BatchQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def filled_queue(max_size: int, items: Iterable[T]) -> BatchQueue[T]:
    queue: BatchQueue[T] = BatchQueue(max_size)
    for item in items:
        queue.add(item)
    return queue


def test_a_failed_batch_is_halved() -> None:
    queue = filled_queue(8, range(8))
    sizes = []
    while queue:
        batch = queue.next_batch()
        sizes.append(len(batch))
        if 5 in batch:
            if queue.finish_batch(batch):
                break
        else:
            assert queue.finish_batch() == []
    assert sizes == [8, 4, 4, 2, 1, 1]
    assert queue.remaining() == [6, 7]


def test_unanswered_items_keep_their_order() -> None:
    queue = filled_queue(4, "abcdef")
    queue.next_batch()
    assert queue.finish_batch(["b", "d"]) == []
    assert queue.remaining() == ["b", "d", "e", "f"]
    assert queue.next_batch() == ["b", "d"]
    assert queue.remaining() == ["b", "d", "e", "f"]


def test_a_halved_size_grows_by_quarters_up_to_the_maximum() -> None:
    queue = filled_queue(100, range(100_000))
    queue.finish_batch(queue.next_batch())
    queue.finish_batch(queue.next_batch())
    sizes = []
    for _ in range(5 * GROW_AFTER_BATCHES):
        sizes.append(len(queue.next_batch()))
        queue.finish_batch()
    assert sizes == [25] * GROW_AFTER_BATCHES + [50] * GROW_AFTER_BATCHES + [75] * GROW_AFTER_BATCHES + [100] * (
        2 * GROW_AFTER_BATCHES
    )


def test_items_can_be_added_in_front() -> None:
    queue = filled_queue(2, "ab")
    queue.add("c")
    queue.add_first("z")
    assert (queue.next_batch(), len(queue)) == (["z", "a"], 2)
