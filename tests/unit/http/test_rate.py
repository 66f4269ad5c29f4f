"""A client gets its share in a burst and then by the second; one client's use does not touch another's."""

import pytest

from shared.http.rate import MAX_CLIENTS, RateLimit, TooManyRequests


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def used_up(limit: RateLimit, client: str) -> bool:
    try:
        limit.take(client)
    except TooManyRequests:
        return True
    return False


def test_a_burst_then_one_per_interval() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    for _ in range(60):
        limit.take("10.0.0.1")
    with pytest.raises(TooManyRequests) as refusal:
        limit.take("10.0.0.1")
    assert refusal.value.extra["retry_after"] == pytest.approx(1.0)
    clock.now += 1
    limit.take("10.0.0.1")
    assert used_up(limit, "10.0.0.1")
    assert not used_up(limit, "10.0.0.2")


def test_refused_requests_do_not_lengthen_the_wait() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    for _ in range(500):
        used_up(limit, "10.0.0.1")
    clock.now += 1
    assert not used_up(limit, "10.0.0.1")


def test_an_ipv6_subscriber_is_one_client() -> None:
    limit = RateLimit(2, Clock())
    for host in ("2001:db8::1", "2001:db8::ffff"):
        limit.take(host)
    assert used_up(limit, "2001:db8::2")
    assert not used_up(limit, "2001:db8:0:1::2")


def test_memory_is_bounded() -> None:
    limit = RateLimit(1, Clock())
    for number in range(MAX_CLIENTS + 10):
        limit.take(f"client-{number}")
    assert len(limit._buckets) == MAX_CLIENTS
