"""A member of a group in a process of its own, to be killed: it reads, commits a part, and then only stays a member.

Arguments: the log's kind and address, the topic, how many records it reads before it says so, and below which number
it commits them.
"""

import asyncio
import sys

from shared.bus.embedded import EmbeddedTransport
from shared.bus.kafka import KafkaTransport
from shared.bus.transport import Transport
from tests.contract.transport_suite import read


def log_at(kind: str, address: str) -> Transport:
    """Return a transport whose members are given up soon after they fall silent."""
    if kind == "embedded":
        return EmbeddedTransport(address, lease_seconds=1.5)
    return KafkaTransport(address, session_timeout_seconds=6)


async def main(kind: str, address: str, topic: str, reads: int, commits_below: int) -> None:
    log = log_at(kind, address)
    await log.start()
    async with log.subscribe(f"g-{topic}", [topic]) as subscription:
        found = await read(subscription, reads, commit=False)
        await subscription.commit(one for one in found if int(one.record.body) < commits_below)
        print("read", flush=True)
        while True:
            await subscription.fetch(100, 0.5)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
