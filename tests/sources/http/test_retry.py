"""Time limits, retries and throttling."""

from __future__ import annotations

import pytest

from djpkg.sources.http.retry import Limits, RetryBudget, Throttle

LIMITS = Limits(attempt=30, total=60, attempts=4, backoff=0.5)


def test_the_time_limit_of_an_attempt_shrinks_with_the_total() -> None:
    budget = RetryBudget(LIMITS)
    left = []
    for seconds in (30, 20, 15):
        left.append(budget.attempt)
        budget.spend(seconds)
    assert [*left, budget.attempt] == [30, 30, 10, 0]


def test_pauses_grow_with_jitter_and_end_with_the_last_attempt() -> None:
    pauses = {budget.next_pause() for budget in (RetryBudget(LIMITS) for _ in range(20))}
    assert len(pauses) > 1
    budget = RetryBudget(LIMITS)
    for middle in (0.5, 1, 2):
        pause = budget.next_pause()
        assert pause is not None
        assert middle / 2 <= pause <= middle * 1.5
    assert budget.next_pause() is None


def test_a_pause_longer_than_the_rest_ends_the_request() -> None:
    budget = RetryBudget(LIMITS)
    budget.spend(50)
    assert budget.next_pause(retry_after=9) == 9
    assert budget.next_pause(retry_after=10) is None


def test_only_the_first_broken_connection_is_replaced_without_a_pause() -> None:
    budget = RetryBudget(LIMITS)
    assert budget.next_pause(broken=True) == 0
    assert budget.next_pause(broken=True) != 0
    assert RetryBudget(Limits(attempts=1)).next_pause(broken=True) is None


@pytest.mark.parametrize("most", [1, 3, 900])
def test_a_throttle_limits_the_starts_in_every_window(most: int) -> None:
    throttle = Throttle(most)
    starts = []
    for step in range(3 * most):
        now = step * 0.01
        starts.append(now + throttle.reserve(now))
    assert starts[:most] == [step * 0.01 for step in range(most)]
    assert all(late - early > 59.999 for early, late in zip(starts, starts[most:], strict=False))
    assert throttle.reserve(starts[-1] + 60) == 0
