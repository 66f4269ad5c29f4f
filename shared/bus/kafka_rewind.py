"""Moves the positions of a Kafka group back; the broker refuses it for a group that somebody reads for."""

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
    """Nothing unread is passed over: never behind what is committed, and from the beginning where nothing is."""
    first = await consumer.beginning_offsets(places)
    asked = first if at is None else await _appended_since(consumer, places, at)
    committed = {place: await consumer.committed(place) for place in places}
    return {
        place: first[place] if committed[place] is None else min(committed[place], asked[place]) for place in places
    }


async def _appended_since(
    consumer: AIOKafkaConsumer, places: list[TopicPartition], at: datetime
) -> dict[TopicPartition, int]:
    found = await consumer.offsets_for_times({place: int(at.timestamp() * 1000) for place in places})
    ends = await consumer.end_offsets(places)
    return {place: ends[place] if found[place] is None else found[place].offset for place in places}
