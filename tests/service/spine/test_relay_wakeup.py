"""Who wakes the relay: commits of its process at once, others by NOTIFY; what a batch left waits for nobody."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text, update

from shared.bus.doorbell import Doorbell
from shared.bus.outbox import CHANNEL, FEW_ROWS, OutboxRow, Shard, unpublished
from shared.bus.relay import Relay
from shared.db import direct
from shared.db.engine import Database
from shared.db.spine import outbox
from tests.kit.spine import COUNTERS, SYSTEM, emit, running, some_ids, until
from tests.service.spine.test_relay import Log, published, taken

POLL_SECONDS = 30.0  # a relay waits no longer than a third of its lease: three seconds
SOON_SECONDS = 1.5
END_RELAYS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%-relay'")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def elsewhere(counters: Database) -> AsyncIterator[Database]:
    """The same database in another process."""
    db = Database(counters.url, "tests")
    yield db
    await db.dispose()


async def soon(check: Callable[[], Awaitable[object]]) -> None:
    """Wait until it is so, less long than until the relay would look by itself."""
    began = time.monotonic()
    await until(check)
    assert time.monotonic() - began < SOON_SECONDS


async def one_of(*relays: Relay) -> bool:
    """Whether one of them has the lock."""
    return any(relay._relaying for relay in relays)


@asynccontextmanager
async def hearing(db: Database) -> AsyncIterator[asyncio.Event]:
    """Listen as another process's relay does."""
    heard, listener = asyncio.Event(), await direct.connect(db.url, "listener")
    await listener.add_listener(CHANNEL, lambda *_: heard.set())
    yield heard
    await direct.close(listener)


async def test_a_commit_beside_the_relay_wakes_it_and_nobody_else(counters: Database, log: Log) -> None:
    (a,) = some_ids(1)
    async with (
        hearing(counters) as heard,
        running(Doorbell(counters), Relay(counters, log, poll_seconds=POLL_SECONDS)),
    ):
        await emit(counters, a, 1)
        await until(lambda: published(counters))
        heard.clear()  # the first may have come before the relay had its lock
        for number in range(2, 12):
            await emit(counters, a, number)
            await soon(lambda: published(counters))
        await asyncio.sleep(0.1)
        assert not heard.is_set()
    assert log.numbers() == {str(a): list(range(1, 12))}


async def test_a_relay_that_stands_by_leaves_it_to_the_doorbell(
    counters: Database, elsewhere: Database, log: Log
) -> None:
    (a,) = some_ids(1)
    async with running(Relay(elsewhere, log, poll_seconds=POLL_SECONDS)):
        await emit(elsewhere, a, 1)
        await until(lambda: published(counters))
        async with running(Doorbell(counters), Relay(counters, log, poll_seconds=POLL_SECONDS)):
            for number in range(2, 12):
                await emit(counters, a, number)
                await soon(lambda: published(counters))
    assert log.numbers() == {str(a): list(range(1, 12))}


async def test_a_relay_that_lost_its_lock_leaves_it_to_the_doorbell(
    counters: Database, elsewhere: Database, log: Log
) -> None:
    (a,) = some_ids(1)
    doorbell = Doorbell(counters)
    losing, taking = (Relay(db, log, poll_seconds=POLL_SECONDS) for db in (counters, elsewhere))

    async def told() -> bool:
        return not losing._wake()

    async with running(doorbell, losing):
        await emit(counters, a, 1)
        await until(lambda: published(counters))
        async with running(taking):
            async with counters.write(SYSTEM) as uow:
                await uow.session.execute(END_RELAYS)
            # Whichever has the lock by now, the other does not keep the news from it.
            await until(lambda: one_of(losing, taking))
            for number in range(2, 8):
                await emit(counters, a, number)
                await soon(lambda: published(counters))
            await losing.stop()
            await until(told)
            await until(lambda: one_of(taking))
            for number in range(8, 12):
                await emit(counters, a, number)
                await soon(lambda: published(counters))
    assert log.numbers() == {str(a): list(range(1, 12))}


@pytest.mark.parametrize("count", [3, FEW_ROWS, 20])
async def test_a_relay_rests_when_all_was_handed_over(
    counters: Database, log: Log, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = list[int]()

    async def counted(*arguments: Any) -> list[OutboxRow]:
        rows = await unpublished(*arguments)
        reads.append(len(rows))
        return rows

    monkeypatch.setattr("shared.bus.relay.unpublished", counted)
    (a,) = some_ids(1)
    await emit(counters, a, *range(count))
    async with running(Relay(counters, log, poll_seconds=POLL_SECONDS)):
        await until(lambda: published(counters))
        await asyncio.sleep(0.5)
        assert sum(reads) >= count and len(reads) <= 4
        reads.clear()
        await emit(counters, a, count)
        await until(lambda: published(counters))
        await asyncio.sleep(0.5)
        assert reads == [1]


async def test_a_relay_of_some_keys_does_not_keep_the_others_from_theirs(
    counters: Database, elsewhere: Database, log: Log
) -> None:
    subjects, doorbell = some_ids(10), Doorbell(counters)
    relays = [
        Relay(db, log, shard=Shard(n, 2), poll_seconds=POLL_SECONDS) for n, db in enumerate((counters, elsewhere))
    ]
    async with running(doorbell, *relays):
        await emit(counters, subjects[0], 0)
        await until(lambda: published(counters))
        for subject in subjects:
            await emit(counters, subject, 1)
            await soon(lambda: published(counters))


@pytest.mark.parametrize("batch_rows", [1, 3, 1000])
async def test_what_a_batch_did_not_take_goes_at_once(counters: Database, log: Log, batch_rows: int) -> None:
    (a,) = some_ids(1)
    await emit(counters, a, *range(20))
    async with running(Relay(counters, log, batch_rows=batch_rows, poll_seconds=POLL_SECONDS)):
        await soon(lambda: published(counters))
    assert log.numbers() == {str(a): list(range(20))}


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_refused_row_holds_up_no_other_key(counters: Database, log: Log, place: int) -> None:
    subjects = some_ids(3)
    log.refuses = {(str(subjects[place]), 1)}
    for subject in subjects:
        await emit(counters, subject, 1)
    async with running(Relay(counters, log, poll_seconds=POLL_SECONDS)):
        await soon(lambda: taken(log, 2))
    assert log.numbers() == {str(subject): [1] for n, subject in enumerate(subjects) if n != place}


async def test_a_missing_topic_holds_up_no_other(counters: Database, log: Log) -> None:
    log.topics = {COUNTERS.name}
    absent, other = some_ids(2)
    await emit(counters, absent, 1)
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(update(outbox).values(topic="test.absent"))
    await emit(counters, other, 1)
    async with running(Relay(counters, log, poll_seconds=POLL_SECONDS)):
        await soon(lambda: taken(log, 1))
    assert log.numbers() == {str(other): [1]}
