"""A record that the broker calls invalid is refused by name, like one too large: it is no absence of the log.

A broker of Apache's calls a record without a key invalid in a compacted topic. Ours all have one, so the client is
made to leave it out.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from sqlalchemy import update

from shared.bus import dead_letters as letters
from shared.bus.kafka import KafkaTransport
from shared.bus.kafka_publish import BatchRefused, places_of, send_all
from shared.bus.relay import Relay
from shared.bus.transport import Delivered, RecordRefused
from shared.db.engine import Database
from shared.db.spine import outbox
from tests.contract.transport_suite import a_topic, closing, read, record
from tests.kit.spine import AGENCY, SYSTEM, Counted, counters, counters_url, running, some_ids, until

__all__ = ["counters", "counters_url"]


@pytest.fixture
async def log(kafka: str) -> AsyncIterator[KafkaTransport]:
    log = KafkaTransport(kafka, session_timeout_seconds=6)
    async with closing([log]):
        yield log


@pytest.fixture
def keyless(monkeypatch: pytest.MonkeyPatch) -> set[bytes]:
    """The keys that the client leaves out."""
    left_out: set[bytes] = set()
    append = BatchBuilder.append

    def without(batch: BatchBuilder, *, key: bytes, **rest: Any) -> Any:
        return append(batch, key=None if key in left_out else key, **rest)

    monkeypatch.setattr(BatchBuilder, "append", without)
    return left_out


async def test_an_invalid_record_is_refused_and_named(log: KafkaTransport, keyless: set[bytes]) -> None:
    topic = a_topic(compacted=True, partitions=1)
    await log.ensure_topics([topic])
    keyless.add(b"k2")
    given = [record(topic, f"k{n}", n) for n in range(4)]
    async with log.sole_publisher(topic.name) as publisher:
        with pytest.raises(RecordRefused, match="InvalidRecord") as told:
            await publisher.publish(given)
    assert told.value.index == 2


async def test_a_batch_with_an_invalid_record_is_refused_whole(log: KafkaTransport, keyless: set[bytes]) -> None:
    """As records are sent to all other topics; one by one they go then."""
    topic = a_topic(compacted=True, partitions=1)
    await log.ensure_topics([topic])
    keyless.add(b"k2")
    given, acknowledged = [record(topic, f"k{n}", n) for n in range(4)], set[int]()
    producer = await log._connected()
    with pytest.raises(BatchRefused, match="InvalidRecord") as told:
        await send_all(producer, given, await places_of(producer, given), acknowledged)
    assert (told.value.indices, acknowledged) == ((0, 1, 2, 3), set())


async def test_an_invalid_row_keeps_its_place_and_holds_up_no_other(
    counters: Database, log: KafkaTransport, keyless: set[bytes]
) -> None:
    topic = a_topic(compacted=True, partitions=1)
    await log.ensure_topics([topic])
    good, bad = some_ids(2)
    keyless.add(str(bad).encode())
    relay = Relay(counters, log, poll_seconds=0.1)
    async with log.subscribe(topic.name, [topic.name]) as subscription, running(relay):
        async with counters.write(SYSTEM) as uow:
            for subject, number in ((bad, 1), (good, 2), (bad, 3), (good, 4)):
                uow.emit(Counted(number=number), subject=subject, agency_id=AGENCY)
            await uow.flush()
            await uow.session.execute(update(outbox).values(topic=topic.name))
        assert of(await read(subscription, 2)) == [(good, 2), (good, 4)]
        (letter,) = await until(lambda: open_letters(counters))
        assert (letter.kind, letter.key, letter.waiting) == ("outbox", str(bad), 1)
        assert "InvalidRecord" in letter.error
        assert relay.health().ok
        keyless.clear()
        async with counters.write(SYSTEM) as uow:
            await letters.replay(uow, letter.id)
        assert of(await read(subscription, 2)) == [(bad, 1), (bad, 3)]


def of(delivered: list[Delivered]) -> list[tuple[UUID, int]]:
    return [(UUID(one.record.key), Counted.model_validate_json(one.record.body).number) for one in delivered]


async def open_letters(db: Database) -> list[letters.DeadLetter]:
    async with db.read() as session:
        return [letters.letter(row) for row in await session.execute(letters.listing())]
