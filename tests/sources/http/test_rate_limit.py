"""Quotas and rate limits in response headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from djpkg.errors import QuotaExhausted
from djpkg.sources.http.rate_limit import MAX_RESET, Charge, Quota, RateLimitHit, rate_limit_from_headers

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def epoch(seconds: float) -> str:
    return str(int(after(seconds).timestamp()))


def rate(remaining: object, reset: object, *, limit: object = 60, prefix: str = "x-ratelimit-") -> dict[str, str]:
    return {f"{prefix}limit": str(limit), f"{prefix}remaining": str(remaining), f"{prefix}reset": str(reset)}


def known(remaining: int, *, reset: float = 600) -> Quota:
    quota = Quota()
    assert quota.update_from_headers(rate(remaining, epoch(reset)), now=NOW)
    return quota


@pytest.mark.parametrize("prefix", ["x-ratelimit-", "ratelimit-"])
@pytest.mark.parametrize("reset", [epoch(90), "90"])
def test_a_reset_header_is_a_unix_time_or_seconds_from_now(prefix: str, reset: str) -> None:
    quota = Quota()
    quota.update_from_headers(rate(7, reset, prefix=prefix), now=NOW)
    assert (quota.limit, quota.remaining, quota.reset) == (60, 7, after(90))


INVALID = ["-1", "", "abc", "1e9", "²", "0x10", "9" * 16, "9" * 5000, "1, 2", "é"]


@pytest.mark.parametrize("text", [*INVALID, "9" * 15])
def test_invalid_numbers_are_ignored(text: str) -> None:
    quota = known(5)
    quota.update_from_headers(rate(text, epoch(600), limit=text), now=NOW)
    assert (quota.limit, quota.remaining, quota.reset) == (60, 5, after(600))


@pytest.mark.parametrize("text", [*INVALID, "99999999999999"])
def test_an_invalid_reset_does_not_block_requests(text: str) -> None:
    quota = Quota()
    quota.update_from_headers(rate(0, text), now=NOW)
    quota.reserve(now=NOW)
    assert (quota.remaining, quota.reset) == (0, None)


def test_a_reset_is_at_most_two_hours_from_now() -> None:
    assert known(0, reset=7_199).reset == after(7_199)
    assert known(0, reset=7_201).reset == NOW + MAX_RESET
    assert known(0, reset=86_400 * 365 * 30).reset == NOW + MAX_RESET == after(7_200)


def test_retry_after_is_believed_for_a_day_and_a_reset_for_two_hours() -> None:
    for seconds in ("864000", epoch(864_000)):
        assert rate_limit_from_headers({"retry-after": seconds}).retry_at(NOW) == NOW + DAY
        reset = {"ratelimit-remaining": "0", "ratelimit-reset": seconds}
        assert rate_limit_from_headers(reset).retry_at(NOW) == NOW + MAX_RESET
        assert rate_limit_from_headers({"retry-after": "80000"} | reset).retry_at(NOW) == after(80_000)


def test_headers_of_another_resource_are_ignored() -> None:
    quota = Quota(resource="core")
    assert not quota.update_from_headers(rate(0, epoch(60)) | {"x-ratelimit-resource": "graphql"}, now=NOW)
    assert quota.update_from_headers(rate(9, epoch(60)) | {"x-ratelimit-resource": "core"}, now=NOW)
    assert quota.remaining == 9


def test_within_a_window_the_remaining_number_never_rises() -> None:
    quota = known(10)
    for remaining, reset in ((7, 600), (9, 600), (8, 601), (9, 599)):
        quota.update_from_headers(rate(remaining, epoch(reset)), now=NOW)
    assert quota.remaining == 7


def test_a_new_window_replaces_the_old_one_and_late_responses_are_ignored() -> None:
    quota = known(0)
    quota.update_from_headers(rate(59, epoch(4200)), now=after(601))
    quota.update_from_headers(rate(0, epoch(600)), now=after(602))
    assert (quota.remaining, quota.reset) == (59, after(4200))


def test_nothing_can_be_reserved_at_zero_until_the_reset() -> None:
    quota = known(0)
    for moment in (NOW, after(599.9)):
        with pytest.raises(QuotaExhausted) as caught:
            quota.reserve(now=moment)
        assert caught.value.until == after(600)
    quota.reserve(now=after(600))


def test_exactly_the_remaining_number_can_be_reserved() -> None:
    quota = known(3)
    for _ in range(3):
        quota.reserve(now=NOW)
    with pytest.raises(QuotaExhausted):
        quota.reserve(now=NOW)


def test_a_reservation_counts_until_it_is_released() -> None:
    quota = known(5)
    quota.reserve(4, now=NOW)
    with pytest.raises(QuotaExhausted):
        quota.reserve(2, now=NOW)
    quota.update_from_headers(rate(4, epoch(600)), now=NOW)  # the cost was one
    quota.release(Charge.STATED, 4)
    quota.reserve(4, now=NOW)


def test_a_quota_held_by_pending_requests_may_become_free() -> None:
    quota = known(1)
    assert not quota.is_held_by_pending(now=NOW)
    quota.reserve(now=NOW)
    assert quota.is_held_by_pending(now=NOW)
    quota.release(Charge.STATED)  # it cost nothing
    quota.reserve(now=NOW)
    quota.block(after(9), now=NOW)
    assert not quota.is_held_by_pending(now=NOW)
    assert quota.is_held_by_pending(now=after(9))


def test_a_response_that_states_nothing_counts_as_charged() -> None:
    quota = known(1)
    quota.reserve(now=NOW)
    quota.release(Charge.ASSUMED)
    with pytest.raises(QuotaExhausted):
        quota.reserve(now=NOW)


def test_a_request_without_a_response_costs_nothing() -> None:
    quota = known(1)
    for _ in range(3):
        quota.reserve(now=NOW)
        quota.release(Charge.NONE)
    assert (quota.remaining, quota.unstated) == (1, 0)


def test_a_blocked_quota_allows_nothing_until_the_latest_end() -> None:
    quota = known(50)
    quota.block(after(100), now=NOW)
    quota.block(after(30), now=NOW)
    with pytest.raises(QuotaExhausted) as caught:
        quota.reserve(now=after(99))
    assert caught.value.until == after(100)
    quota.reserve(now=after(100))


def test_a_quota_is_blocked_for_at_most_a_day() -> None:
    quota = Quota()
    quota.block(datetime.max.replace(tzinfo=UTC), now=NOW)
    assert quota.blocked_until == NOW + DAY


def test_a_quota_can_be_updated_from_a_response_body() -> None:
    quota = known(3)
    assert quota.update(5000, 2, after(600), now=NOW)
    assert (quota.limit, quota.remaining) == (5000, 2)
    assert not quota.update(None, None, None, now=NOW)
    assert quota.update(5000, 4000, NOW + 9 * DAY, now=NOW)
    assert quota.reset == NOW + MAX_RESET


def test_concurrent_rate_limit_hits_have_the_same_end() -> None:
    moments = {
        rate_limit_from_headers({"retry-after": "7"}).retry_at(NOW + timedelta(microseconds=n))
        for n in (1, 500, 99_999)
    }
    assert moments == {after(8)}


def test_waits_add_up_to_the_limit_and_concurrent_ones_count_once() -> None:
    quota = Quota()
    assert all(quota.may_wait(after(20), now=NOW, limit=30) for _ in range(8))
    assert not quota.may_wait(after(71), now=after(60), limit=30)
    assert quota.may_wait(after(70), now=after(60), limit=30)
    assert not quota.may_wait(after(201), now=after(200), limit=30)


@pytest.mark.parametrize(
    ("headers", "moment"),
    [
        ({"retry-after": "7"}, after(7)),
        ({"retry-after": " 7 "}, after(7)),
        ({"retry-after": "Thu, 01 Oct 2026 12:00:30 GMT"}, after(30)),
        ({"retry-after": "Thu, 01 Oct 2026 14:00:30 +0200"}, after(30)),
        ({"retry-after": "Thu, 01 Oct 2026 12:00:30 -0000"}, after(30)),
        ({"retry-after": epoch(40)}, after(40)),
        ({"retry-after": "0"}, after(1)),
        ({"retry-after": "Thu, 01 Oct 2020 12:00:30 GMT"}, after(1)),
        ({"retry-after": "86399"}, after(86_399)),
        ({"retry-after": "604800"}, NOW + DAY),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, NOW + DAY),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -1200"}, after(60)),
        ({"retry-after": "9"} | rate(0, epoch(500)), after(9)),
        (rate(0, epoch(500)), after(500)),
        (rate(0, "45"), after(45)),
        (rate(3, epoch(500)), after(60)),
        ({}, after(60)),
        *(({"retry-after": text}, after(60)) for text in [*INVALID, "99999999999999", "nan", "inf", "-5", "1.5"]),
    ],
)
def test_the_end_of_a_rate_limit_is_read_from_headers(headers: dict[str, str], moment: datetime) -> None:
    assert rate_limit_from_headers(headers).retry_at(NOW) == moment


@pytest.mark.parametrize(
    ("hit", "moment"),
    [
        (RateLimitHit(secondary=True), after(60)),
        (RateLimitHit(wait=float("inf")), NOW + DAY),
        (RateLimitHit(wait=-3.0), after(1)),
        (RateLimitHit(wait=datetime.min.replace(tzinfo=UTC)), after(1)),
        (RateLimitHit(wait=after(3)), after(3)),
    ],
)
def test_a_rate_limit_ends_after_now_and_within_a_day(hit: RateLimitHit, moment: datetime) -> None:
    assert hit.retry_at(NOW) == moment
