"""How much one client address may ask of the public routes: a token bucket each, refilled every second.

Held in this process only and bounded: it protects one process from one client, no more. The gateway in front limits
across processes.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from shared.errors import Category, DomainError

MAX_CLIENTS = 50_000


class TooManyRequests(DomainError):
    """This client address has used up its share for now."""

    code = "too_many_requests"
    title = "请求过于频繁，请稍后再试"
    category = Category.TOO_MANY


class RateLimit:
    """`per_minute` requests from each client, in one burst at most."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count one request of `client`; raises TooManyRequests with the seconds to wait."""
        now = self._clock()
        key = _network(client)
        left, since = self._buckets.pop(key, (self._capacity, now))
        left = min(self._capacity, left + (now - since) * self._per_second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if not allowed:
            raise TooManyRequests(retry_after=(1 - left) / self._per_second)


def _network(client: str) -> str:
    """An IPv6 subscriber holds a whole /64, so that is what is counted."""
    if ":" not in client:
        return client
    try:
        return str(ipaddress.IPv6Network((client, 64), strict=False))
    except ValueError:
        return client
