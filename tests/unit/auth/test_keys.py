"""Keys are fetched once, again when they rotate, seldom for strangers, and kept when the provider is away."""

from collections.abc import Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet

from shared.auth import IdentityUnavailable, RemoteKeys


class Provider:
    """An identity provider's key set, which can rotate, break and go away."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", auto_kid=True)]
        self.fetches = 0
        self.fault: Exception | None = None
        self.now = 1000.0

    async def fetch(self) -> Mapping[str, Any]:
        self.fetches += 1
        if self.fault:
            raise self.fault
        return KeySet(list(self.keys)).as_dict(private=False)

    def remote(self) -> RemoteKeys:
        return RemoteKeys(self.fetch, keep_seconds=600, refetch_seconds=30, clock=lambda: self.now)


def kids(keys: KeySet) -> set[str | None]:
    return {key.kid for key in keys.keys}


async def test_known_keys_are_fetched_once_until_they_are_old() -> None:
    provider = Provider()
    remote = provider.remote()
    kid = provider.keys[0].kid
    for _ in range(3):
        await remote.holding(kid)
    assert provider.fetches == 1
    provider.now += 601
    await remote.holding(kid)
    assert provider.fetches == 2


async def test_a_rotated_key_is_found_and_unknown_ids_do_not_hammer_the_provider() -> None:
    provider = Provider()
    remote = provider.remote()
    await remote.holding(provider.keys[0].kid)
    provider.keys.append(ECKey.generate_key("P-256", auto_kid=True))
    provider.now += 31
    assert provider.keys[1].kid in kids(await remote.holding(provider.keys[1].kid))
    for number in range(50):
        await remote.holding(f"forged-{number}")
    assert provider.fetches == 2


@pytest.mark.parametrize("fault", [OSError("away"), ValueError("no JSON"), KeyError("keys")])
async def test_with_the_provider_away_known_keys_go_on_serving(fault: Exception) -> None:
    provider = Provider()
    remote = provider.remote()
    kid = provider.keys[0].kid
    await remote.holding(kid)
    provider.fault = fault
    provider.now += 3600
    assert kid in kids(await remote.holding(kid))
    assert provider.fetches == 2


async def test_with_no_keys_at_all_the_door_says_unavailable_and_recovers() -> None:
    provider = Provider()
    provider.fault = OSError("away")
    remote = provider.remote()
    with pytest.raises(IdentityUnavailable):
        await remote.holding("any")
    provider.fault = None
    provider.now += 31
    assert kids(await remote.holding(provider.keys[0].kid)) == {provider.keys[0].kid}
