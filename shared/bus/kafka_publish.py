"""Publishing to Kafka: batches in order per partition, and the sole publisher of compacted topics.

A sole publisher is a producer with a `transactional_id`: to begin is InitProducerId, which ends what an earlier holder
had under way and makes the broker refuse whatever else that one sends. The transaction is only the fence. Consumers
read uncommitted records all the same, because each is a fact that the outbox has committed: what a transaction that
was broken off leaves in the log comes again with the same id, and the inbox drops it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    BrokerResponseError,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    MessageSizeTooLargeError,
    ProducerClosed,
    ProducerFenced,
    RecordListTooLargeError,
    for_code,
    kafka_errors,
)

from shared.bus.kafka_door import let_in
from shared.bus.kafka_limits import REQUEST_SECONDS, end, unavailable
from shared.bus.transport import (
    Record,
    RecordRefused,
    Superseded,
    TopicMissing,
    TransportUnavailable,
    partition_of,
    refuse_oversized,
)
from shared.events import MAX_EVENT_BYTES

NEW_TOPIC_SECONDS = 1.0  # a topic that was created a moment ago is not known to every broker at once
BATCH_BYTES = MAX_EVENT_BYTES + 20_000  # one record at the limit, with its framing, still fits the broker's 1 MiB
SHUT_OUT = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState)
Places = Mapping[TopicPartition, list[int]]  # where each record goes, by its index


class InvalidRecord(BrokerResponseError):  # type: ignore[misc]  # the client is untyped
    """Code 87, which the client does not know: it would be taken for a fault of the broker, and tried for ever."""

    errno = 87
    message = "INVALID_RECORD"
    description = "A record failed the validation on the broker and was rejected."


kafka_errors.setdefault(InvalidRecord.errno, InvalidRecord)
# What the broker says of the records: too large for the topic's settings, or against what the topic demands of them.
# All else passes with the moment. Timestamps are of the sending, so an invalid one tells of a clock that is wrong; a
# policy that is violated is a gateway's, and of the manner of sending: put right, every row goes without a decision.
REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, for_code(InvalidRecord.errno))


class BatchRefused(Exception):
    """The broker will never take these records together. The producer has counted them, and is of no more use."""

    def __init__(self, indices: Sequence[int], reason: str) -> None:
        super().__init__(reason)
        self.indices = tuple(indices)

    def of_one(self) -> RecordRefused:
        """The refusal of a batch of one."""
        return RecordRefused(self.indices[0], f"Kafka: {self}")


async def opened(common: Mapping[str, Any], **more: Any) -> AIOKafkaProducer:
    """Return a producer that is connected and has its id."""
    producer = AIOKafkaProducer(**common, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES, **more)
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            await let_in(producer.start(), common)
    except BaseException:
        await dropped(producer)
        raise
    return producer


async def dropped(producer: AIOKafkaProducer) -> None:
    """End a producer with whatever it still holds: the relay gives those rows again.

    The client has no word for it. `stop` alone waits for what is unsent, and cut short it leaves a sender behind that
    goes on trying, and sends when the broker is back; so what is unsent fails first, and the sender ends before it.
    """
    accumulator = producer._message_accumulator
    unsent = [*chain.from_iterable(accumulator._batches.values()), *accumulator._pending_batches]
    accumulator._pending_batches.update(unsent)  # where each looks for itself when it ends
    accumulator.fail_all(ProducerClosed())
    for batch in unsent:  # heard here: whoever waited for it has been cut short
        for future in (batch.future, batch._drain_waiter):
            _ = future.cancelled() or future.exception()
    if (sender := producer._sender.sender_task) is not None:
        sender.cancel()
    await end(producer.client.close())
    await end(producer.stop())


async def places_of(producer: AIOKafkaProducer, records: Sequence[Record]) -> Places:
    """Return the partition of every record. Raises TopicMissing, or TransportUnavailable."""
    places: dict[TopicPartition, list[int]] = defaultdict(list)
    counts = await _partition_counts(producer, {record.topic for record in records})
    for index, record in enumerate(records):
        places[TopicPartition(record.topic, partition_of(record.key, counts[record.topic]))].append(index)
    return places


async def send_all(
    producer: AIOKafkaProducer,
    records: Sequence[Record],
    places: Places,
    acknowledged: set[int],
    *,
    one_by_one: bool = False,
) -> None:
    """Send to every partition, and note what the broker took. Raises BatchRefused for what it never will."""
    sends = [_send(producer, place, indices, records, acknowledged, one_by_one) for place, indices in places.items()]
    if len(sends) == 1:  # needs no task
        await sends[0]
        return
    # Every partition gets its chance before the first failure is told: the acknowledged ones are not sent again.
    failures = [each for each in await asyncio.gather(*sends, return_exceptions=True) if each is not None]
    refusals = [failure for failure in failures if isinstance(failure, BatchRefused)]
    if len(refusals) == len(failures) > 0:
        raise min(refusals, key=lambda refused: refused.indices)
    for failure in failures:
        if not isinstance(failure, BatchRefused):
            raise failure


class SolePublisher:
    """See `Transport.sole_publisher`."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._broken = False

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        refuse_oversized(records)
        if self._broken:
            raise TransportUnavailable("Kafka: this publisher failed before: another one has to begin")
        with unavailable("not acknowledged"):
            async with asyncio.timeout(timeout_seconds):
                places = await places_of(self._producer, records)
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._transaction(records, places)
            except BaseException as error:  # the transaction stays open: the next publisher to begin breaks it off
                self._broken = True
                await dropped(self._producer)
                if isinstance(error, BatchRefused):
                    raise error.of_one() from error
                raise

    async def _transaction(self, records: Sequence[Record], places: Places) -> None:
        try:
            await self._producer.begin_transaction()
            # One by one, so that a refusal names its record: what goes to a compacted topic is seldom and little.
            await send_all(self._producer, records, places, set(), one_by_one=True)
            await self._producer.commit_transaction()
        except SHUT_OUT as shut_out:
            raise Superseded(f"Kafka: another publisher has begun: {shut_out!r}") from shut_out


async def _partition_counts(producer: AIOKafkaProducer, topics: Collection[str]) -> dict[str, int]:
    """Return how many partitions each topic has. Raises TopicMissing, or TransportUnavailable."""
    client = producer.client
    until = time.monotonic() + NEW_TOPIC_SECONDS
    while missing := [topic for topic in topics if not client.cluster.partitions_for_topic(topic)]:
        for topic in missing:
            client.add_topic(topic)
        # Only a broker that answers can tell that there is no such topic.
        if not await client.force_metadata_update():
            raise TransportUnavailable("Kafka: no broker answers")
        if time.monotonic() > until:
            raise TopicMissing(missing)
        await asyncio.sleep(0.1)
    return {topic: len(client.cluster.partitions_for_topic(topic)) for topic in topics}


async def _send(
    producer: AIOKafkaProducer,
    place: TopicPartition,
    indices: list[int],
    records: Sequence[Record],
    acknowledged: set[int],
    one_by_one: bool,
) -> None:
    """Send one partition's records, one batch after the other: a later batch never overtakes a failed one."""
    rest = iter(indices)
    index = next(rest, None)
    while index is not None:
        batch = producer.create_batch()
        sent: list[int] = []
        while index is not None and not (one_by_one and sent) and _append(batch, records[index]):
            sent.append(index)
            index = next(rest, None)
        batch.close()
        try:
            await (await producer.send_batch(batch, place.topic, partition=place.partition))
        except REFUSALS as refused:
            raise BatchRefused(sent, f"{place.topic}: {type(refused).__name__}") from refused
        acknowledged.update(sent)


def _append(batch: Any, record: Record) -> bool:
    headers = list(zip(record.headers, map(str.encode, record.headers.values()), strict=True))
    return batch.append(key=record.key.encode(), value=record.body, timestamp=None, headers=headers) is not None
