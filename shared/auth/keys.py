"""The identity provider's public keys: known from the start, or fetched and kept for a while.

A token signed with an unknown key makes one fetch (keys rotate), at most every `refetch_seconds`, so that forged
key ids cannot make us hammer the provider. When the provider is away, the keys we have go on serving.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from shared.auth.errors import IdentityUnavailable

log = structlog.get_logger()


class Keys(Protocol):
    """Where a verifier gets the key set that holds `kid`."""

    async def holding(self, kid: str | None) -> KeySet: ...


class LocalKeys:
    """Keys known in advance: the development issuer's own, or a file's."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def holding(self, kid: str | None) -> KeySet:
        return self._keys


class RemoteKeys:
    """Keys behind a JWKS address; `fetch` returns its JSON and brings its own time limit."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Mapping[str, Any]]],
        *,
        keep_seconds: float = 600,
        refetch_seconds: float = 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._keep = keep_seconds
        self._refetch = refetch_seconds
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def holding(self, kid: str | None) -> KeySet:
        """Return the key set, fetched anew when it is old or does not hold `kid`."""
        if not self._is_enough_for(kid):
            async with self._lock:
                if not self._is_enough_for(kid) and self._clock() - self._tried_at >= self._refetch:
                    await self._refresh()
        if self._keys is None:
            raise IdentityUnavailable("无法取得身份认证服务的签名公钥，请稍后重试。")
        return self._keys

    def _is_enough_for(self, kid: str | None) -> bool:
        fresh = self._keys is not None and self._clock() - self._fetched_at < self._keep
        return fresh and self._keys is not None and any(key.kid == kid for key in self._keys.keys)

    async def _refresh(self) -> None:
        self._tried_at = self._clock()
        try:
            document = await self._fetch()
            self._keys = KeySet.import_key_set(cast(KeySetSerialization, document))
            self._fetched_at = self._clock()
        except (JoseError, KeyError, TypeError, ValueError, OSError) as error:
            log.warning("identity_keys_not_fetched", error=repr(error), kept=self._keys is not None)
