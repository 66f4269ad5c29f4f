"""The relay on a real PostgreSQL: nothing missed, nothing out of order, one at a time, and a log that is away."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from shared.bus import dead_letters as letters
from shared.bus.dead_letters import DeadLetter
from shared.bus.doorbell import Doorbell
from shared.bus.embedded import EmbeddedTransport
from shared.bus.memory import MemoryTransport
from shared.bus.outbox import BATCH_BYTES, Shard
from shared.bus.relay import Relay
from shared.bus.transport import Record, RecordRefused, TopicMissing, TransportUnavailable
from shared.db import direct
from shared.db.engine import Database
from shared.db.spine import outbox
from shared.events import Event, EventTooLarge
from shared.telemetry.metrics import Metrics
from tests.kit.spine import AGENCY, COUNTERS, SYSTEM, Counted, Renamed, emit, running, some_ids, until


class Log(MemoryTransport):
    """A log that notes what it took, and can be away or refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Record] = []
        self.away = False
        self.asked_in_vain: list[float] = []
        self.acknowledges_only = -1
        self.refuses: set[tuple[str, int]] = set()
        self.topics: set[str] | None = None
        self.batches: list[int] = []
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        await self.hangs.wait()
        if self.away:
            self.asked_in_vain.append(time.monotonic())
            raise TransportUnavailable("away")
        if self.topics is not None and (missing := {record.topic for record in records} - self.topics):
            raise TopicMissing(missing)
        for index, record in enumerate(records):
            if self.refuses and (record.key, Counted.model_validate_json(record.body).number) in self.refuses:
                raise RecordRefused(index, "refused")
        self.batches.append(sum(len(record.body) for record in records))
        if self.acknowledges_only >= 0:
            part, self.acknowledges_only = records[: self.acknowledges_only], -1
            self.taken += part
            raise TransportUnavailable("partly", frozenset(range(len(part))))
        self.taken += records

    def numbers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for record in self.taken:
            found[record.key].append(Counted.model_validate_json(record.body).number)
        return dict(found)


@pytest.fixture
def log() -> Log:
    return Log()


async def published(db: Database) -> bool:
    async with db.read() as session:
        left = await session.scalar(select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None)))
    return left == 0


async def taken(log: Log, count: int) -> bool:
    return len(log.taken) >= count


async def test_events_of_a_commit_are_published_in_order_and_marked(counters: Database, log: Log) -> None:
    a, b = some_ids(2)
    async with running(Relay(counters, log)):
        await emit(counters, a, 1, 2, 3)
        await emit(counters, b, 1)
        await emit(counters, a, 4)
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): [1, 2, 3, 4], str(b): [1]}
    assert log.taken[0].headers["ce_type"] == Counted.type
    assert log.taken[0].headers["ce_agencyid"] == str(AGENCY)


async def test_a_rolled_back_event_is_never_published(counters: Database, log: Log) -> None:
    (a,) = some_ids(1)
    with pytest.raises(RuntimeError):
        async with counters.write(SYSTEM) as uow:
            uow.emit(Counted(number=1), subject=a, agency_id=AGENCY)
            await uow.flush()
            raise RuntimeError
    async with running(Relay(counters, log)):
        await emit(counters, a, 2)
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): [2]}


async def _naive_relay(db: Database, found: set[int], stop: asyncio.Event) -> None:
    """The control: reads above the last id it saw, as many home-made relays do."""
    last = 0
    while not stop.is_set():
        async with db.read() as session:
            rows = await session.execute(text("SELECT id FROM outbox WHERE id > :last ORDER BY id"), {"last": last})
            for (row_id,) in rows.all():
                found.add(row_id)
                last = row_id
        await asyncio.sleep(0.005)


async def test_a_late_commit_with_a_lower_id_is_not_lost(counters: Database, log: Log) -> None:
    """A transaction takes an id, others take higher ones and commit first. The naive control must lose events."""
    seen_by_naive: set[int] = set()
    stop = asyncio.Event()
    naive = asyncio.create_task(_naive_relay(counters, seen_by_naive, stop))

    async def write(subject: UUID, slow: bool) -> None:
        async with counters.write(SYSTEM) as uow:
            uow.emit(Counted(number=1), subject=subject, agency_id=AGENCY)
            await uow.flush()
            await asyncio.sleep(0.1 if slow else 0)

    subjects = some_ids(120)
    chance = random.Random(4)
    async with running(Relay(counters, log)):
        for start in range(0, len(subjects), 8):
            await asyncio.gather(*(write(s, chance.random() < 0.3) for s in subjects[start : start + 8]))
        await until(lambda: published(counters))
        await asyncio.sleep(0.05)
    stop.set()
    await naive
    assert len(seen_by_naive) < len(subjects), "the control lost nothing, so this test shows nothing"
    assert log.numbers() == {str(s): [1] for s in subjects}


async def test_of_two_relays_one_is_active_and_the_other_takes_over(counters: Database, log: Log) -> None:
    first, second = Relay(counters, log, poll_seconds=0.1), Relay(counters, log, poll_seconds=0.1)
    (a,) = some_ids(1)
    async with running(second):
        async with running(first):
            for n in range(50):
                await emit(counters, a, n)
            await until(lambda: published(counters))
        for n in range(50, 100):
            await emit(counters, a, n)
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): list(range(100))}


async def test_a_stopped_holder_loses_the_lock(counters: Database, log: Log) -> None:
    """A process that is frozen (SIGSTOP) sends nothing: the server ends its session, and another relay goes on."""
    frozen = await direct.connect(counters.url, "frozen", idle_session_timeout_seconds=1)
    from shared.bus.relay import RELAY_LOCK

    assert await frozen.fetchval("SELECT pg_try_advisory_lock($1::int, $2::int)", RELAY_LOCK, 0)
    (a,) = some_ids(1)
    await emit(counters, a, 1)
    async with running(Relay(counters, log, poll_seconds=0.1)):
        await asyncio.sleep(0.4)
        assert log.taken == []
        await until(lambda: published(counters))
    await direct.close(frozen)


async def test_a_publish_longer_than_the_lease_keeps_the_lock(counters: Database, log: Log) -> None:
    log.hangs.clear()
    slow, other = Relay(counters, log, lease_seconds=1), Relay(counters, log, poll_seconds=0.1, lease_seconds=1)
    (a,) = some_ids(1)
    await emit(counters, a, 1)
    async with running(slow):
        await asyncio.sleep(0.3)
        async with running(other):
            await asyncio.sleep(2)
            log.hangs.set()
            await until(lambda: published(counters))
    assert log.numbers() == {str(a): [1]}


async def test_shards_share_the_keys(counters: Database, log: Log) -> None:
    subjects = some_ids(20)
    relays = [Relay(counters, log, shard=Shard(n, 2)) for n in range(2)]
    for n in range(3):
        for subject in subjects:
            await emit(counters, subject, n)
    async with running(relays[0]):
        await asyncio.sleep(0.5)
        half = set(log.numbers())
    assert 0 < len(half) < 20
    async with running(*relays):
        await until(lambda: published(counters))
    assert log.numbers() == {str(s): [0, 1, 2] for s in subjects}


async def test_a_log_that_is_away_is_waited_for(counters: Database, log: Log) -> None:
    log.away = True
    (a,) = some_ids(1)
    relay = Relay(counters, log)
    async with running(relay):
        await emit(counters, a, 1, 2)
        await asyncio.sleep(0.5)
        assert not await published(counters)
        log.away = False
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): [1, 2]}


async def test_a_log_that_is_away_is_asked_less_and_less_often(counters: Database, log: Log) -> None:
    """However many events are committed meanwhile: each of them wakes the relay."""
    log.away = True
    (a,) = some_ids(1)
    async with running(Relay(counters, log)):
        for n in range(600):
            await emit(counters, a, n)
            await asyncio.sleep(0.05)
            if len(log.asked_in_vain) >= 4:
                break
        log.away = False
        await until(lambda: published(counters))
    pauses = [later - earlier for earlier, later in pairwise(log.asked_in_vain)]
    assert len(pauses) == 3
    assert all(pause > least for pause, least in zip(pauses, (0.19, 0.39, 0.79), strict=True)), pauses
    assert log.numbers() == {str(a): list(range(n + 1))}


async def test_what_was_acknowledged_is_not_sent_again(counters: Database, log: Log) -> None:
    log.acknowledges_only = 2
    (a,) = some_ids(1)
    await emit(counters, a, 1, 2, 3, 4)
    async with running(Relay(counters, log)):
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): [1, 2, 3, 4]}


async def refused(db: Database, log: Log) -> tuple[UUID, UUID, DeadLetter]:
    """The log refuses one event, others of its key and of another one follow; the other's go on."""
    good, bad = some_ids(2)
    log.refuses = {(str(bad), 2)}
    await emit(db, bad, 1, 2, 3)
    await emit(db, good, 1)
    await emit(db, bad, 4)
    await until(lambda: taken(log, 2))
    await asyncio.sleep(0.3)
    assert log.numbers() == {str(bad): [1], str(good): [1]}
    async with db.read() as session:
        (row,) = (await session.execute(letters.listing())).all()
    return good, bad, letters.letter(row)


async def test_a_key_waits_behind_a_refused_row_and_replay_sends_it_in_its_place(counters: Database, log: Log) -> None:
    async with running(Relay(counters, log, poll_seconds=0.1)):
        good, bad, letter = await refused(counters, log)
        assert (letter.kind, letter.key, letter.error) == ("outbox", str(bad), "refused")
        log.refuses = set()
        async with counters.write(SYSTEM) as uow:
            await letters.replay(uow, letter.id)
        await until(lambda: published(counters))
    assert log.numbers() == {str(bad): [1, 2, 3, 4], str(good): [1]}


async def test_a_refused_row_that_is_discarded_lets_its_key_go_on(counters: Database, log: Log) -> None:
    async with running(Relay(counters, log, poll_seconds=0.1)):
        good, bad, letter = await refused(counters, log)
        async with counters.write(SYSTEM) as uow:
            await letters.discard(uow, letter.id, "不再需要")
        await until(lambda: published(counters))
    assert log.numbers() == {str(bad): [1, 3, 4], str(good): [1]}


async def test_a_missing_topic_holds_up_its_own_events_until_it_exists(counters: Database, log: Log) -> None:
    """It is the deployment's fault, not the events': none is a dead letter, and readiness names the topic."""
    log.topics = {COUNTERS.name}
    late, other = some_ids(2)
    await emit(counters, late, 1, 2)
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(update(outbox).values(topic="test.late"))
    await emit(counters, other, 1)
    metrics = Metrics("tests")
    relay = Relay(counters, log, metrics, poll_seconds=0.1)
    async with running(relay):
        await until(lambda: taken(log, 1))
        await emit(counters, other, 2)
        await until(lambda: taken(log, 2))
        assert log.numbers() == {str(other): [1, 2]}
        assert not relay.health().ok and "test.late" in relay.health().reason
        assert metrics.registry.get_sample_value("lantai_relay_topics_missing") == 1
        log.topics |= {"test.late"}
        await until(lambda: published(counters))
        assert relay.health().ok
    assert log.numbers() == {str(other): [1, 2], str(late): [1, 2]}
    async with counters.read() as session:
        assert (await session.execute(letters.listing())).all() == []


async def test_two_missing_topics_hold_up_nothing_else(counters: Database, log: Log) -> None:
    log.topics = {COUNTERS.name}
    subjects = some_ids(3)
    for topic, subject in zip(("test.a", "test.b", COUNTERS.name), subjects, strict=True):
        await emit(counters, subject, 1)
        async with counters.write(SYSTEM) as uow:
            await uow.session.execute(update(outbox).where(outbox.c.key == str(subject)).values(topic=topic))
    async with running(Relay(counters, log, batch_rows=1)):
        await until(lambda: taken(log, 1), 5)
    assert log.numbers() == {str(subjects[2]): [1]}


async def test_a_batch_is_bounded_by_bytes(counters: Database, log: Log) -> None:
    subjects = some_ids(40)
    for subject in subjects:
        async with counters.write(SYSTEM) as uow:
            uow.emit(Renamed(name="x" * 900_000), subject=subject, agency_id=AGENCY)
    async with running(Relay(counters, log)):
        await until(lambda: published(counters))
    assert len(log.taken) == 40
    assert max(log.batches) < BATCH_BYTES + 1_000_000
    assert len(log.batches) <= 5


async def test_a_relay_survives_the_loss_of_its_session(counters: Database, log: Log) -> None:
    (a,) = some_ids(1)
    async with running(Relay(counters, log)):
        await emit(counters, a, 1)
        await until(lambda: published(counters))
        async with counters.write(SYSTEM) as uow:
            await uow.session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%-relay'")
            )
        await emit(counters, a, 2)
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): [1, 2]}


async def test_a_commit_wakes_the_relay_across_processes(counters: Database, log: Log) -> None:
    """The doorbell's NOTIFY is heard although the relay polls only every three seconds."""
    (a,) = some_ids(1)
    writer = Database(counters.url, "tests")
    async with running(Relay(counters, log, poll_seconds=30), Doorbell(writer)):
        await emit(writer, a, 1)
        await until(lambda: published(counters))
        started = datetime.now(UTC)
        for n in range(2, 12):
            await emit(writer, a, n)
        await until(lambda: published(counters))
        assert (datetime.now(UTC) - started).total_seconds() < 1.5
    await writer.dispose()


async def test_an_oversized_event_fails_the_command_that_makes_it(counters: Database) -> None:
    (a,) = some_ids(1)
    with pytest.raises(EventTooLarge, match="exceeds 1000000"):
        async with counters.write(SYSTEM) as uow:
            huge: Event = Renamed(name="名" * 400_000)
            uow.emit(huge, subject=a, agency_id=AGENCY)
    assert await published(counters)


async def test_end_to_end_on_the_embedded_log(counters: Database, bus: EmbeddedTransport) -> None:
    subjects = some_ids(5)
    async with running(Relay(counters, bus)), bus.subscribe("g", [COUNTERS.name]) as subscription:
        for n in range(10):
            for subject in subjects:
                await emit(counters, subject, n)
        found: dict[str, list[int]] = defaultdict(list)
        async with asyncio.timeout(20):
            while sum(map(len, found.values())) < 50:
                for one in await subscription.fetch(100, 1):
                    found[one.record.key].append(Counted.model_validate_json(one.record.body).number)
    assert found == {str(s): list(range(10)) for s in subjects}
