"""The transport of unit tests: the log is a list, and nothing survives the process. Never offered by a setting."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

from shared.bus.transport import (
    Delivered,
    GroupActive,
    Position,
    PositionLost,
    Publisher,
    Record,
    SolePublisherNeeded,
    Superseded,
    TopicMissing,
    partition_of,
    refuse_oversized,
)
from shared.events import Topic

Partition = tuple[str, int]


def _log_time() -> datetime:
    return datetime.now(UTC)


class MemoryTransport:
    """Topics as lists of records; groups as dictionaries of positions; members share partitions round robin."""

    def __init__(self, now: Callable[[], datetime] = _log_time) -> None:
        self._now = now
        self._topics: dict[str, int] = {}
        self._compacted: set[str] = set()
        self._terms: dict[str, int] = {}
        self._logs: dict[Partition, list[Delivered]] = {}
        self._positions: dict[tuple[str, Partition], int] = {}
        self._members: dict[str, list[MemorySubscription]] = {}
        self._appended = asyncio.Condition()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def check(self) -> None: ...

    async def ensure_topics(self, topics: Iterable[Topic]) -> None:
        for topic in topics:
            self._topics.setdefault(topic.name, topic.partitions)
            (self._compacted.add if topic.compacted else self._compacted.discard)(topic.name)
            for partition in range(self._topics[topic.name]):
                self._logs.setdefault((topic.name, partition), [])

    async def empty(self, topics: Iterable[str]) -> frozenset[str]:
        return frozenset(topics) - {topic for (topic, _), log in self._logs.items() if log}

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        if needed := {record.topic for record in records} & self._compacted:
            raise SolePublisherNeeded(needed)
        await self._append(records)

    @asynccontextmanager
    async def sole_publisher(self, name: str) -> AsyncIterator[Publisher]:
        self._terms[name] = self._terms.get(name, 0) + 1
        yield MemoryPublisher(self, name, self._terms[name])

    async def _append(self, records: Sequence[Record]) -> None:
        refuse_oversized(records)
        if missing := {record.topic for record in records} - self._topics.keys():
            raise TopicMissing(missing)
        for record in records:
            partition = partition_of(record.key, self._topics[record.topic])
            log = self._logs[record.topic, partition]
            log.append(Delivered(record, partition, len(log), self._now()))
        async with self._appended:
            self._appended.notify_all()

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager["MemorySubscription"]:
        return self._subscription(group, frozenset(topics))

    @asynccontextmanager
    async def _subscription(self, group: str, topics: frozenset[str]) -> AsyncIterator["MemorySubscription"]:
        member = MemorySubscription(self, group, topics)
        members = self._members.setdefault(group, [])
        members.append(member)
        self._rewind(group)
        try:
            yield member
        finally:
            members.remove(member)
            self._rewind(group)

    async def rewind(self, group: str, topics: Collection[str], at: datetime | None) -> dict[str, int]:
        if missing := set(topics) - self._topics.keys():
            raise TopicMissing(missing)
        if self._members.get(group):
            raise GroupActive(group)
        ahead = dict.fromkeys(topics, 0)
        for place, log in self._logs.items():
            if place[0] in ahead:
                asked = next((d.offset for d in log if at is None or d.at >= at), len(log))
                start = min(self._positions.get((group, place), 0), asked)
                self._positions[group, place] = start
                ahead[place[0]] += len(log) - start
        return ahead

    def _rewind(self, group: str) -> None:
        """A rebalance: every member reads on from what the group has committed."""
        for member in self._members[group]:
            member.reading = {}


class MemoryPublisher:
    def __init__(self, log: MemoryTransport, name: str, term: int) -> None:
        self._log = log
        self._name = name
        self._term = term

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        if self._log._terms[self._name] != self._term:
            raise Superseded(f"a newer publisher {self._name} has begun")
        await self._log._append(records)


class MemorySubscription:
    def __init__(self, log: MemoryTransport, group: str, topics: frozenset[str]) -> None:
        self._log = log
        self._group = group
        self._topics = topics
        self.reading: dict[Partition, int] = {}

    def _held(self) -> list[Partition]:
        members = self._log._members[self._group]
        mine = members.index(self)
        partitions = sorted(p for p in self._log._logs if p[0] in self._topics)
        return [p for number, p in enumerate(partitions) if number % len(members) == mine]

    def _position(self, partition: Partition) -> int:
        return self.reading.get(partition, self._log._positions.get((self._group, partition), 0))

    def _take(self, max_records: int) -> list[Delivered]:
        taken: list[Delivered] = []
        for partition in self._held():
            start = self._position(partition)
            part = self._log._logs[partition][start : start + max_records - len(taken)]
            self.reading[partition] = start + len(part)
            taken += part
        return taken

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Delivered]:
        taken = self._take(max_records)
        if not taken:
            async with self._log._appended:
                try:
                    await asyncio.wait_for(self._log._appended.wait(), timeout_seconds)
                except TimeoutError:
                    return []
            taken = self._take(max_records)
        return taken

    async def commit(self, records: Iterable[Delivered]) -> None:
        held = set(self._held())
        for delivered in records:
            partition = (delivered.record.topic, delivered.partition)
            if partition not in held:
                raise PositionLost(f"{partition} is not held")
            self._log._positions[self._group, partition] = delivered.offset + 1

    async def seek(self, positions: Iterable[Position]) -> None:
        for position in positions:
            self.reading[position.topic, position.partition] = position.offset

    async def seek_to_time(self, at: datetime) -> None:
        for partition in self._held():
            log = self._log._logs[partition]
            self.reading[partition] = next((d.offset for d in log if d.at >= at), len(log))

    async def absent(self) -> frozenset[str]:
        return self._topics - self._log._topics.keys()

    async def missed(self) -> dict[str, int]:
        return {}

    async def lag(self) -> dict[Partition, int]:
        return {p: len(self._log._logs[p]) - self._position(p) for p in self._held()}
