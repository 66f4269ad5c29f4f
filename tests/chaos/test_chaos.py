"""A short storm in CI; `make chaos` runs longer ones. The seed is printed: SEED=… make chaos plays it again."""

import os
import random

import pytest

from tests.chaos.__main__ import storm

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("bus", ["embedded", "kafka"])
async def test_a_short_storm(bus: str) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    outcome = await storm(bus, seed, rounds=6, events=500)
    assert outcome.clean, f"seed {seed}\n{outcome}"
