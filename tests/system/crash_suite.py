"""The crash matrix, run on the embedded log and on Kafka: after each crash every committed event takes effect once.

Real processes are killed (-9) at named points, stopped (SIGSTOP) for longer than their sessions live, and lose their
database in the middle. Each test asserts that the point was hit: a child that did not die proves nothing.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.kit.crash import PATIENCE, Arena, CrashServer, reached
from tests.kit.spine import until
from tests.kit.spine_worker import EMBEDDED_LEASE_SECONDS, KAFKA_SESSION_SECONDS, RELAY_LEASE_SECONDS

LONGER_THAN_EVERY_SESSION = max(EMBEDDED_LEASE_SECONDS, KAFKA_SESSION_SECONDS, RELAY_LEASE_SECONDS) + 2
RELAY_POINTS = ["before_publish:2", "mid_publish:2", "after_publish:2", "before_mark:2", "after_mark:2"]
SOLE_PUBLISHER_POINTS = ["after_begin:2", "before_sole_publish:2", "mid_sole_publish:2", "after_sole_publish:2"]
# Where a relay freezes, on which kind of topic, and what is last in the log of one key's 1 and 2 when it has thawed.
# The ordinary topic is the control: there the old record does come last, and only the inboxes drop it.
FREEZES = [("before_publish:1", True, 2), ("before_sole_publish:1", True, 2), ("before_publish:1", False, 1)]
CONSUMER_POINTS = ["in_handler:15", "before_position:2", "after_position:2"]


async def _logged(arena: Arena, owed: set[tuple[UUID, int]]) -> bool:
    """Whether all of these events stand in the log."""
    return owed <= {(subject, number) for subject, numbers in (await arena.log()).items() for number in numbers}


async def _took_effect(arena: Arena, owed: set[tuple[UUID, int]]) -> bool:
    return owed <= {(subject, number) for subject, numbers in (await arena.effects()).items() for number in numbers}


async def _all_published(arena: Arena) -> bool:
    return await arena.unpublished() == 0


class CrashSuite:
    """A subclass gives `bus`: None for the embedded log, or `kafka BOOTSTRAP`."""

    @pytest.fixture
    async def arena(self, crash_server: CrashServer, bus: str | None) -> AsyncIterator[Arena]:
        arena = await asyncio.to_thread(Arena, crash_server, bus)
        await arena.open()
        yield arena
        await asyncio.to_thread(arena.close)

    @pytest.mark.parametrize("point", ["after_insert:40", "after_commit:40"])
    async def test_a_producer_dies(self, arena: Arena, point: str) -> None:
        arena.start("relay")
        arena.start("consumer")
        dying = arena.start("producer", kill_at=point)
        assert await dying.ended() == -signal.SIGKILL
        assert await arena.start("producer").ended() == 0
        await arena.settled()
        committed = sum(map(len, (await arena.committed()).values()))
        assert committed == 139 + (point == "after_commit:40")

    @pytest.mark.parametrize("point", RELAY_POINTS)
    async def test_a_relay_dies(self, arena: Arena, point: str) -> None:
        arena.start("consumer")
        dying = arena.start("relay", kill_at=point)
        await arena.start("producer").ended()
        assert await dying.ended() == -signal.SIGKILL
        arena.start("relay")
        await arena.settled()

    @pytest.mark.parametrize("point", SOLE_PUBLISHER_POINTS)
    async def test_a_relay_dies_as_the_sole_publisher(self, arena: Arena, point: str) -> None:
        await arena.open(compacted=True)
        arena.start("consumer")
        dying = arena.start("relay", kill_at=point)
        await arena.start("producer").ended()
        assert await dying.ended() == -signal.SIGKILL
        arena.start("relay")
        await arena.settled()

    @pytest.mark.parametrize(("point", "compacted", "last"), FREEZES)
    async def test_a_thawed_relay_appends_nothing_old_to_a_compacted_topic(
        self, arena: Arena, point: str, compacted: bool, last: int
    ) -> None:
        await arena.open(compacted=compacted)
        frozen = arena.start("relay", STOP_AT=point)
        producer = arena.start("producer", SUBJECTS="1", COMMITS="2", PAUSE_SECONDS="2")
        await reached(lambda: frozen.stopped)
        arena.start("relay")
        assert await producer.ended() == 0
        await until(lambda: _all_published(arena), PATIENCE)
        (before,) = (await arena.log()).values()
        assert before[-1] == 2
        frozen.signal(signal.SIGCONT)
        await reached(lambda: "relay lost its session" in frozen.out.read_text())
        await asyncio.sleep(1)
        (found,) = (await arena.log()).values()
        assert found[-1] == last, found
        arena.start("consumer")
        await arena.start("producer").ended()
        await arena.settled()

    @pytest.mark.parametrize("point", CONSUMER_POINTS)
    async def test_a_consumer_dies(self, arena: Arena, point: str) -> None:
        arena.start("relay")
        dying = arena.start("consumer", kill_at=point)
        await arena.start("producer", PAUSE_SECONDS="0.01").ended()
        assert await dying.ended() == -signal.SIGKILL
        arena.start("consumer")
        await arena.settled()

    async def test_a_relay_is_stopped_for_longer_than_its_session(self, arena: Arena) -> None:
        arena.start("consumer")
        stopped = arena.start("relay")
        producer = arena.start("producer", COMMITS="400", PAUSE_SECONDS="0.03")
        await reached(lambda: stopped.worked)
        stopped.signal(signal.SIGSTOP)
        arena.start("relay")
        await asyncio.sleep(LONGER_THAN_EVERY_SESSION)
        owed = set(producer.acknowledged())
        await until(lambda: _logged(arena, owed), PATIENCE)
        assert stopped.stopped, "the lock was another's before the holder could give it up"
        stopped.signal(signal.SIGCONT)
        await producer.ended()
        await arena.settled()

    async def test_a_consumer_is_stopped_for_longer_than_its_session(self, arena: Arena) -> None:
        arena.start("relay")
        stopped = arena.start("consumer")
        producer = arena.start("producer", COMMITS="400", PAUSE_SECONDS="0.03")
        await reached(lambda: stopped.worked)
        stopped.signal(signal.SIGSTOP)
        before = set(producer.acknowledged())
        arena.start("consumer")
        await asyncio.sleep(LONGER_THAN_EVERY_SESSION)
        owed = set(producer.acknowledged())
        assert owed > before
        await until(lambda: _took_effect(arena, owed), PATIENCE)
        assert stopped.stopped, "its partitions were another's before the holder could give them up"
        stopped.signal(signal.SIGCONT)
        await producer.ended()
        await arena.settled()

    async def test_the_database_is_killed_in_the_middle(self, arena: Arena) -> None:
        arena.start("relay")
        arena.start("consumer")
        producer = arena.start("producer", COMMITS="300", PAUSE_SECONDS="0.02")
        for acknowledged in (60, 120):
            await reached(lambda wanted=acknowledged: len(producer.acknowledged()) >= wanted)
            arena.server.kill9()
        await producer.ended()
        await arena.settled()
        assert len(producer.acknowledged()) > 100

    async def test_two_of_each_share_the_work_and_one_of_each_dies(self, arena: Arena) -> None:
        relays = [arena.start("relay") for _ in range(2)]
        consumers = [arena.start("consumer") for _ in range(2)]
        producers = [arena.start("producer", COMMITS="100000", PAUSE_SECONDS="0.02") for _ in range(2)]
        await reached(lambda: any(relay.worked for relay in relays) and all(one.worked for one in consumers))
        relaying = next(relay for relay in relays if relay.worked)  # the other one stands by
        for dying in (relaying, consumers[0]):
            dying.signal(signal.SIGKILL)
            assert await dying.ended() == -signal.SIGKILL
        enough = sum(len(producer.acknowledged()) for producer in producers) + 100
        await reached(lambda: sum(len(producer.acknowledged()) for producer in producers) >= enough)
        for producer in producers:
            producer.signal(signal.SIGKILL)
            await producer.ended()
        await arena.settled()

    async def test_sigterm_ends_every_part_in_time(self, arena: Arena) -> None:
        parts = [arena.start(role) for role in ("relay", "consumer", "timers")]
        producer = arena.start("producer", COMMITS="100000")
        await reached(lambda: len(producer.acknowledged()) >= 200 and all(part.worked for part in parts[:2]))
        for part in parts:
            part.signal(signal.SIGTERM)
        assert [await part.ended(10) for part in parts] == [0, 0, 0]
        producer.signal(signal.SIGKILL)
        await producer.ended()
        arena.start("relay")
        arena.start("consumer")
        await arena.settled()
