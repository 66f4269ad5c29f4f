"""Moves the positions of a Kafka group that nobody reads for; the broker refuses it to anybody else's group."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from shared.bus.transport import GroupActive, TopicMissing

ACTIVE = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


async def rewind(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str, topics: Collection[str], at: datetime | None
) -> dict[str, int]:
    """See `Transport.rewind`. `consumer` names the group and subscribes to nothing."""
    places = await _places(admin, topics)
    (described,) = await admin.describe_consumer_groups([group])
    if any(_members(each) for each in described.groups):
        raise GroupActive(group)
    consumer.assign(places)
    starts = await _starts(consumer, places, at)
    try:
        await consumer.commit(starts)
    except ACTIVE:
        raise GroupActive(group) from None
    ends, ahead = await consumer.end_offsets(places), Counter(dict.fromkeys(topics, 0))
    for place in places:
        ahead[place.topic] += ends[place] - starts[place]
    return dict(ahead)


async def _places(admin: AIOKafkaAdminClient, topics: Collection[str]) -> list[TopicPartition]:
    """All topics are described: asking for one by name could make it."""
    found = [
        TopicPartition(described["topic"], partition["partition"])
        for described in await admin.describe_topics()
        if described["topic"] in topics
        for partition in described["partitions"]
    ]
    if missing := set(topics) - {place.topic for place in found}:
        raise TopicMissing(missing)
    return found


def _members(group: Any) -> Any:
    _error, _name, _state, _protocol_type, _protocol, members, *_ = group
    return members


async def _starts(
    consumer: AIOKafkaConsumer, places: list[TopicPartition], at: datetime | None
) -> dict[TopicPartition, int]:
    if at is None:
        first: dict[TopicPartition, int] = await consumer.beginning_offsets(places)
        return first
    found = await consumer.offsets_for_times({place: int(at.timestamp() * 1000) for place in places})
    ends = await consumer.end_offsets(places)
    return {place: ends[place] if found[place] is None else found[place].offset for place in places}
