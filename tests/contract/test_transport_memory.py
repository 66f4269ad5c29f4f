"""The unit tests' transport keeps the same promises as the real ones."""

import pytest

from shared.bus.memory import MemoryTransport
from tests.contract.rewind_suite import RewindSuite
from tests.contract.transport_suite import TransportSuite, World


class MemoryWorld:
    def __init__(self) -> None:
        self._log = MemoryTransport()

    async def another_process(self) -> MemoryTransport:
        return self._log


class TestMemory(TransportSuite, RewindSuite):
    @pytest.fixture
    async def world(self) -> World:
        return MemoryWorld()
