"""When the circuit breaker opens."""

from __future__ import annotations

import pytest

from djpkg.errors import (
    CredentialsRejected,
    HTTPStatusError,
    QuotaExhausted,
    SourceError,
    UnexpectedPayload,
    Unreachable,
)
from djpkg.sources.http.circuit_breaker import MAX_FAILURES, CircuitBreaker

DOWN = Unreachable("down")


def after(*results: SourceError | None, blocking: tuple[int, ...] = ()) -> SourceError | None:
    circuit = CircuitBreaker(blocking_statuses=blocking)
    for error in results:
        circuit.record(error)
    return circuit.cause


@pytest.mark.parametrize("error", [DOWN, HTTPStatusError("no", status=503), HTTPStatusError("no", status=204)])
def test_it_opens_after_consecutive_failures(error: SourceError) -> None:
    assert after(*[error] * (MAX_FAILURES - 1)) is None
    assert after(*[error] * MAX_FAILURES) is error
    assert after(*[error] * (MAX_FAILURES - 1), None, error) is None


@pytest.mark.parametrize(
    "error", [HTTPStatusError("no", status=403), HTTPStatusError("no", status=451), UnexpectedPayload("odd")]
)
def test_an_error_about_one_item_counts_as_an_answer(error: SourceError) -> None:
    assert after(*[error] * 100) is None
    assert after(*[DOWN] * (MAX_FAILURES - 1), error, DOWN) is None


def test_a_blocking_status_counts_as_a_failure() -> None:
    error = HTTPStatusError("no", status=403)
    assert after(*[error] * MAX_FAILURES, blocking=(403,)) is error


@pytest.mark.parametrize("error", [QuotaExhausted("later", until=None), CredentialsRejected("who?")])
def test_it_opens_at_once_when_access_is_refused(error: SourceError) -> None:
    assert after(error) is error
    assert after(*[DOWN] * MAX_FAILURES, error, None) is error
