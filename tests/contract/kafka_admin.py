"""What an operator and the time do to topics on a real broker: settings of their own, and records that expire."""

import asyncio

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.events import Topic


async def settings_of(bootstrap: str, topic: Topic) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
    await admin.close()
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def until_set(bootstrap: str, topic: Topic, wanted: dict[str, str]) -> None:
    """A broker answers with the new settings some milliseconds after it has taken them."""
    found: dict[str, str] = {}
    for _ in range(50):
        found = await settings_of(bootstrap, topic)
        if found | wanted == found:
            return
        await asyncio.sleep(0.1)
    assert {name: found[name] for name in wanted} == wanted


async def expire(bootstrap: str, topic: Topic, before_offset: int) -> None:
    """What retention does, at once."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic.name, 0): RecordsToDelete(before_offset)})
    await admin.close()


async def limit(bootstrap: str, topic: Topic, most_bytes: int) -> None:
    """Let the broker take less than the house does, as an operator may have set it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    own = {"cleanup.policy": "compact" if topic.compacted else "delete", "max.message.bytes": str(most_bytes)}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, own)])
    await admin.close()
    await until_set(bootstrap, topic, own)
