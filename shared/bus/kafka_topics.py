"""Kafka's topics as the registry says: made, or brought to its retention and compaction. Safe to repeat."""

from collections.abc import Collection, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import DescribeConfigsRequest

from shared.bus.transport import TransportUnavailable
from shared.events import Topic

SET_FOR_THE_TOPIC = 1  # where a setting comes from: the topic's own, not the broker's or a default


async def ensure(admin: AIOKafkaAdminClient, topics: Iterable[Topic]) -> None:
    """Create what is missing and configure all. The client raises nothing by itself: each topic's code is answered."""
    wanted = [_new_topic(topic) for topic in topics]
    answer = await admin.create_topics(wanted)
    for name, code, *message in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise TransportUnavailable(f"Kafka: topic {name} not created: {for_code(code).__name__} {message}")
    await _configure(admin, wanted)


def _new_topic(topic: Topic) -> NewTopic:
    if topic.compacted:
        configs = {"cleanup.policy": "compact", "retention.ms": "-1"}
    else:
        configs = {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * 86_400_000)}
    # An empty assignment lets the broker's own default.replication.factor decide.
    return NewTopic(topic.name, topic.partitions, -1, replica_assignments={}, topic_configs=configs)


async def _configure(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    """Give topics that existed before what the registry says now, and leave what an operator has set besides.

    The request replaces all that is set of a topic, so what is there goes along.
    """
    (described,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, t.name) for t in topics])
    wanted = {topic.name: topic.topic_configs for topic in topics}
    changed = []
    for _, _, _, name, entries in described.resources:
        own = {entry[0]: entry[1] for entry in entries if entry[3] == SET_FOR_THE_TOPIC}
        if own | wanted[name] != own:
            changed.append(ConfigResource(ConfigResourceType.TOPIC, name, own | wanted[name]))
    if changed:
        (answer,) = await admin.alter_configs(changed)
        for code, message, _, name in answer.resources:
            if code:
                raise TransportUnavailable(f"Kafka: topic {name} not configured: {for_code(code).__name__} {message}")


async def empty(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, topics: Collection[str]) -> frozenset[str]:
    """Ask the broker which of these topics hold nothing. All are described: asking for one by name could make it."""
    places = [
        TopicPartition(described["topic"], partition["partition"])
        for described in await admin.describe_topics()
        if described["topic"] in topics
        for partition in described["partitions"]
    ]
    ends = await consumer.end_offsets(places) if places else {}
    return frozenset(topics) - {place.topic for place, end in ends.items() if end}


async def compacted(client: AIOKafkaClient, topics: Collection[str]) -> dict[str, bool]:
    """Ask the broker which of these topics it compacts."""
    wanted = [(ConfigResourceType.TOPIC, topic, ["cleanup.policy"]) for topic in topics]
    answer = await client.send(client.get_random_node(), DescribeConfigsRequest(wanted))
    found = {}
    for code, message, _, name, entries in answer.resources:
        if code:
            raise TransportUnavailable(f"Kafka: topic {name} not described: {for_code(code).__name__} {message}")
        found[name] = any("compact" in entry[1] for entry in entries)
    return found
