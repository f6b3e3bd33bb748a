"""Batches whose size follows what the server can bear, and what a sweep costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from djpkg.sources.github.batches import GROW_AFTER, BatchQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def filled(full: int, items: Iterable[T]) -> BatchQueue[T]:
    batches: BatchQueue[T] = BatchQueue(full)
    for item in items:
        batches.add(item)
    return batches


def test_a_batch_that_failed_is_asked_for_again_in_halves() -> None:
    batches = filled(8, range(8))
    sizes = []
    while batches:
        batch = batches.take()
        sizes.append(len(batch))
        if 5 in batch:
            if batches.settle(batch):
                break
        else:
            assert batches.settle() == []
    assert sizes == [8, 4, 4, 2, 1, 1]
    assert batches.left() == [6, 7]


def test_what_was_lost_keeps_its_place() -> None:
    batches = filled(4, "abcdef")
    batches.take()
    assert batches.settle(["b", "d"]) == []
    assert batches.left() == ["b", "d", "e", "f"]
    assert batches.take() == ["b", "d"]
    assert batches.left() == ["b", "d", "e", "f"]


def test_a_size_that_was_halved_grows_by_quarters_and_never_beyond() -> None:
    batches = filled(100, range(100_000))
    batches.settle(batches.take())
    batches.settle(batches.take())
    sizes = []
    for _ in range(5 * GROW_AFTER):
        sizes.append(len(batches.take()))
        batches.settle()
    assert sizes == [25] * GROW_AFTER + [50] * GROW_AFTER + [75] * GROW_AFTER + [100] * (2 * GROW_AFTER)


def test_what_is_to_go_on_comes_first() -> None:
    batches = filled(2, "ab")
    batches.add("c")
    batches.add_first("z")
    assert (batches.take(), len(batches)) == (["z", "a"], 2)
