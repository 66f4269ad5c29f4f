"""Consumers on a real PostgreSQL and the embedded log: one effect per event, in order, whatever fails between."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog
from sqlalchemy import func, insert, select, text

from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.memory import MemorySubscription, MemoryTransport
from shared.bus.relay import Relay
from shared.bus.transport import Record
from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import dead_letters, inbox, outbox, parked_events, parked_keys
from shared.db.uow import UnitOfWork
from shared.events import Envelope, encode
from shared.telemetry.metrics import Metrics
from tests.kit.spine import (
    AGENCY,
    COUNTERS,
    Counted,
    Counter,
    Renamed,
    effects,
    emit,
    running,
    some_ids,
    until,
    until_effects,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def record(subject: UUID, number: int, **changed: str) -> Record:
    envelope = Envelope(uuid7(), "/tests", subject, NOW, AGENCY, Counted(number=number))
    key, headers, body = encode(envelope)
    return Record(COUNTERS.name, key, headers | changed, body)


async def count(db: Database, table: object) -> int:
    async with db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)  # type: ignore[arg-type]  # any table


async def until_count(db: Database, table: object, wanted: int) -> None:
    async def there() -> bool:
        return await count(db, table) == wanted

    await until(there)


async def test_each_event_takes_effect_once_in_order(counters: Database, bus: EmbeddedTransport) -> None:
    counter, subjects = Counter(), some_ids(6)
    async with running(Relay(counters, bus), Consumers(counters, bus, "g", counter.handlers)):
        for n in range(20):
            for subject in subjects:
                await emit(counters, subject, n)
        await until_effects(counters, {s: list(range(20)) for s in subjects})


async def test_an_event_published_twice_takes_effect_once(counters: Database, bus: EmbeddedTransport) -> None:
    counter, (a,) = Counter(), some_ids(1)
    twice, other = record(a, 1), record(a, 2)
    await bus.publish([twice, twice, other])
    await bus.publish([twice])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {a: [1, 2]})
        await bus.publish([twice, record(a, 3)])
        await until_effects(counters, {a: [1, 2, 3]})


async def test_two_members_of_a_group_share_without_doubling(
    counters: Database, bus_url: str, bus: EmbeddedTransport
) -> None:
    other = EmbeddedTransport(bus_url, lease_seconds=1.5)
    await other.start()
    counter, subjects = Counter(), some_ids(20)
    members = [Consumers(counters, log, "g", counter.handlers, fetch_records=20) for log in (bus, other)]
    async with running(*members):
        for n in range(15):
            await bus.publish([record(s, n) for s in subjects])
        await until_effects(counters, {s: list(range(15)) for s in subjects})
    await other.stop()


async def test_a_restart_delivers_again_what_was_not_committed(counters: Database, bus: EmbeddedTransport) -> None:
    """The crash between the effects' commit and the position's: the next member drops what it finds done."""
    counter, (a,) = Counter(), some_ids(1)
    await bus.publish([record(a, n) for n in range(5)])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {a: [0, 1, 2, 3, 4]})
    connection = await direct.connect(bus.url, "test")
    await connection.execute("UPDATE bus_cursors SET position = 0")
    await direct.close(connection)
    await bus.publish([record(a, 5)])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {a: [0, 1, 2, 3, 4, 5]})
    assert set(counter.calls.values()) == {1}


async def test_an_unknown_event_type_is_passed_over(counters: Database, bus: EmbeddedTransport) -> None:
    """It is counted, and told once."""
    counter, metrics, (a,), unheard = Counter(), Metrics("tests"), some_ids(1), "lantai.test.counter.unheard_of.v9"
    await bus.publish([record(a, n, ce_type=kind) for n, kind in enumerate((unheard, unheard, "a stranger's", "x"))])
    await bus.publish([record(a, 5)])
    with structlog.testing.capture_logs() as lines:
        async with running(Consumers(counters, bus, "g", counter.handlers, metrics)):
            await until_effects(counters, {a: [5]})
    assert await count(counters, inbox) == 1
    told = [
        metrics.registry.get_sample_value("lantai_consumer_unknown_events_total", {"type": kind})
        for kind in (unheard, "other", "x")
    ]
    assert told == [2, 2, None]
    assert sorted(line["type"] for line in lines if "no handler" in line["event"]) == [unheard, "other"]


async def test_an_unknown_field_is_ignored(counters: Database, bus: EmbeddedTransport) -> None:
    counter, (a,) = Counter(), some_ids(1)
    newer = record(a, 1)
    await bus.publish([Record(newer.topic, newer.key, newer.headers, b'{"number": 1, "added_later": true}')])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {a: [1]})


async def test_a_poison_event_parks_its_key_and_no_other(counters: Database, bus: EmbeddedTransport) -> None:
    counter, (sick, well) = Counter(), some_ids(2)
    counter.poison = {3}
    await bus.publish([record(subject, n) for n in range(6) for subject in (sick, well) if (n, subject) != (3, well)])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {sick: [0, 1, 2], well: [0, 1, 2, 4, 5]})
        await bus.publish([record(sick, 6), record(well, 6)])
        await until_effects(counters, {sick: [0, 1, 2], well: [0, 1, 2, 4, 5, 6]})
        await until_count(counters, parked_events, 4)
        assert await count(counters, parked_keys) == 1
        counter.poison = set()
        await until_effects(counters, {sick: [0, 1, 2, 3, 4, 5, 6], well: [0, 1, 2, 4, 5, 6]})
        await bus.publish([record(sick, 7)])
        await until_effects(counters, {sick: list(range(8)), well: [0, 1, 2, 4, 5, 6]})
    assert await count(counters, parked_keys) == 0
    assert await count(counters, parked_events) == 0
    assert await count(counters, dead_letters) == 0


async def test_a_malformed_event_is_parked_like_a_failing_one(counters: Database, bus: EmbeddedTransport) -> None:
    counter, (sick, well) = Counter(), some_ids(2)
    good = record(sick, 1)
    await bus.publish([Record(good.topic, good.key, good.headers, b"{not json"), record(well, 1)])
    await bus.publish([Record(good.topic, str(sick), {}, b"{}"), record(well, 2)])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {well: [1, 2]})
        await until_count(counters, parked_events, 2)
        async with counters.read() as session:
            (key,) = (await session.execute(select(parked_keys))).all()
    assert key.key == str(sick)
    assert "MalformedEvent" in key.error


async def test_a_key_too_long_for_an_index_is_parked_like_any_other(counters: Database, bus: EmbeddedTransport) -> None:
    (well,) = some_ids(1)
    long, other = (random.Random(seed).randbytes(3000).hex() for seed in (1, 2))
    await bus.publish([Record(COUNTERS.name, key, {}, b"{}") for key in (long, long[:-1] + "x", other, long)])
    await bus.publish([record(well, 1)])
    async with running(Consumers(counters, bus, "g", Counter().handlers)):
        await until_effects(counters, {well: [1]})
        await until_count(counters, parked_events, 4)
        async with counters.read() as session:
            keys = (await session.scalars(select(parked_keys.c.key))).all()
    assert sorted(key[:250] for key in keys) == sorted(key[:250] for key in (long, long, other))


async def test_many_poison_events_among_good_ones(counters: Database, bus: EmbeddedTransport) -> None:
    counter, subjects = Counter(), some_ids(300)
    counter.poison = {n for n in range(300) if n % 7 == 0}
    await bus.publish([record(s, n) for n, s in enumerate(subjects)])
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        good = {s: [n] for n, s in enumerate(subjects) if n % 7}
        await until_effects(counters, good)
        counter.poison = set()
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects)})


@pytest.mark.parametrize("where", ["flush", "commit"])
async def test_a_failure_that_only_the_end_tells_is_pinned_on_its_event(
    counters: Database, bus: EmbeddedTransport, where: str
) -> None:
    """A violated constraint shows at the flush or, deferred, at the commit: each event is then tried alone."""
    deferred = "DEFERRABLE INITIALLY DEFERRED" if where == "commit" else ""
    async with counters.engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE effects ADD UNIQUE (subject, number) {deferred}"))
    subjects = some_ids(10)
    seen: list[int] = []

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        seen.append(event.data.number)
        await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))

    await bus.publish([record(s, 1) for s in subjects] + [record(subjects[4], 1)] + [record(s, 2) for s in subjects])
    async with running(Consumers(counters, bus, "g", {Counted: handler})):
        await until_effects(counters, {s: [1] if s == subjects[4] else [1, 2] for s in subjects})
        await until_count(counters, parked_events, 2)
        async with counters.read() as session:
            (key,) = (await session.execute(select(parked_keys))).all()
    assert (key.key, key.error) == (str(subjects[4]), "UniqueViolationError 23505")


async def test_a_handlers_own_events_leave_with_its_effect(counters: Database, bus: EmbeddedTransport) -> None:
    (a,) = some_ids(1)

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        uow.emit(Renamed(name=f"第{event.data.number}"), subject=event.subject, agency_id=AGENCY)
        if event.data.number == 2:
            raise RuntimeError

    await bus.publish([record(a, 1), record(a, 2)])
    async with running(Consumers(counters, bus, "g", {Counted: handler})):
        await until(lambda: count(counters, parked_keys))
    assert await count(counters, outbox) == 1


async def test_a_slow_handler_is_cut_and_parked(counters: Database, bus: EmbeddedTransport) -> None:
    slow, well = some_ids(2)
    counter = Counter()

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if event.subject == slow:
            await asyncio.sleep(60)
        await counter.on_counted(uow, event)

    await bus.publish([record(slow, 1), record(well, 1)])
    async with running(Consumers(counters, bus, "g", {Counted: handler}, handler_seconds=0.3)):
        await until_effects(counters, {well: [1]})
        await until_count(counters, parked_keys, 1)


async def test_a_database_in_trouble_parks_nothing(counters: Database, bus: EmbeddedTransport) -> None:
    """Its sessions are killed again and again in the middle of handlers: the events wait, none is accused."""
    counter, subjects, metrics = Counter(), some_ids(10), Metrics("tests")
    at_work = asyncio.Event()

    async def slowly(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        at_work.set()
        await asyncio.sleep(0.003)
        await counter.on_counted(uow, event)

    consumers = Consumers(counters, bus, "g", {Counted: slowly}, metrics, events_per_transaction=10)
    await bus.publish([record(s, n) for n in range(10) for s in subjects])
    killer = await direct.connect(counters.url, "killer")
    async with running(consumers):
        for _ in range(5):
            at_work.clear()
            await asyncio.wait_for(at_work.wait(), 30)
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await direct.close(killer)
        await until_effects(counters, {s: list(range(10)) for s in subjects})
    assert sum(counter.calls.values()) > 100, "no kill hit a handler, so this test shows nothing"
    assert metrics.registry.get_sample_value("lantai_consumer_events_total", {"outcome": "failed"}) is None
    assert await count(counters, dead_letters) == await count(counters, parked_keys) == 0


async def test_stopping_in_the_middle_loses_nothing(counters: Database, bus: EmbeddedTransport) -> None:
    counter, subjects = Counter(), some_ids(5)
    await bus.publish([record(s, n) for n in range(100) for s in subjects])
    for _ in range(4):
        async with running(Consumers(counters, bus, "g", counter.handlers, fetch_records=50)):
            await asyncio.sleep(0.15)
    async with running(Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {s: list(range(100)) for s in subjects})


async def test_health_shows_a_log_that_does_not_answer(
    counters: Database, bus: EmbeddedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.consumers.ILL_AFTER_SECONDS", 0.5)
    monkeypatch.setattr("shared.bus.consumers.LAG_SECONDS", 0.1)
    dead = EmbeddedTransport("postgresql://nobody@127.0.0.1:1/none")
    await dead.start()
    well, ill = (Consumers(counters, log, "g", Counter().handlers) for log in (bus, dead))
    assert not well.health().ok
    async with running(well, ill):
        await asyncio.sleep(1.5)
        assert well.health().ok
        assert not ill.health().ok
        assert "does not answer" in ill.health().reason
    await dead.stop()


async def test_a_topic_that_the_log_lacks_is_told_of(counters: Database) -> None:
    log, counter, metrics, (a,) = MemoryTransport(), Counter(), Metrics("tests"), some_ids(1)
    consumers = Consumers(counters, log, "g", counter.handlers, metrics)

    async def ill() -> bool:
        return not consumers.health().ok

    async def well() -> bool:
        return consumers.health().ok

    with structlog.testing.capture_logs() as lines:
        async with running(consumers):
            await until(ill)
            assert f"no topic {COUNTERS.name}: `lantai migrate` creates it" in consumers.health().reason
            assert metrics.registry.get_sample_value("lantai_consumer_topics_missing") == 1
            assert metrics.registry.get_sample_value("lantai_consumer_lag", {"topic": COUNTERS.name}) is None
            await log.ensure_topics([COUNTERS])
            await log.publish([record(a, 1)])
            await until_effects(counters, {a: [1]})
            await until(well)
    assert [line["event"] for line in lines] == ["no such topic, the others are read", "topic is there"]


async def test_how_far_behind_is_not_told_while_nobody_knows(
    counters: Database, bus: EmbeddedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.consumers.LAG_SECONDS", 0.1)
    metrics = Metrics("tests")
    consumers = Consumers(counters, bus, "g", Counter().handlers, metrics)

    async def told() -> bool:
        return metrics.registry.get_sample_value("lantai_consumer_lag", {"topic": COUNTERS.name}) == 0

    async def untold() -> bool:
        return metrics.registry.get_sample_value("lantai_consumer_lag", {"topic": COUNTERS.name}) is None

    async with running(consumers):
        await until(told)
        connection = await direct.connect(bus.url, "test")
        await connection.execute("ALTER TABLE bus_partitions RENAME TO away")
        await until(untold)
        await connection.execute("ALTER TABLE away RENAME TO bus_partitions")
        await direct.close(connection)
        await until(told)


async def test_without_handlers_there_is_nothing_to_do(counters: Database, bus: EmbeddedTransport) -> None:
    idle = Consumers(counters, bus, "g", {})
    async with running(idle):
        assert idle.health().ok


class Forgetful(MemoryTransport):
    """A log that dropped three records before this group had read them."""

    @asynccontextmanager
    async def _subscription(self, group: str, topics: frozenset[str]) -> AsyncIterator[MemorySubscription]:
        async with super()._subscription(group, topics) as member:
            dropped = [{COUNTERS.name: 3}]
            member.__dict__["missed"] = lambda: asyncio.sleep(0, dropped.pop() if dropped else {})
            yield member


async def test_records_that_expired_unread_are_told_of(counters: Database) -> None:
    log, metrics = Forgetful(), Metrics("tests")
    await log.ensure_topics([COUNTERS])
    consumers = Consumers(counters, log, "g", Counter().handlers, metrics)
    labels = {"topic": COUNTERS.name}

    async def told() -> bool:
        return metrics.registry.get_sample_value("lantai_consumer_records_missed_total", labels) == 3

    async with running(consumers):
        await until(told)
        assert not consumers.health().ok
        assert f"3 of {COUNTERS.name}" in consumers.health().reason
