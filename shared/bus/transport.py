"""The seam between the house and its event log: what every transport promises.

A topic has partitions; a record's key chooses its partition; within a partition records are read in the order in
which they were acknowledged. Delivery is at least once: what a group has not committed is delivered again, to
whichever of its members holds the partition then. One conformance suite (`tests/contract/transport_suite.py`) holds
every implementation to this.

`publish` promises one thing more, on which the order of effects rests: per partition, what was acknowledged is a
prefix of what was given. So a relay may publish again everything that is not acknowledged, and the *first* occurrence
of each record stays in order; the inbox drops the later ones.

A compacted topic keeps the *last* occurrence, so there it is not enough that the first is in order. Only a sole
publisher appends to it: one that shuts out whoever was it before, and reads what to publish after that.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.events import MAX_EVENT_BYTES, Topic


class Record(NamedTuple):
    """What is published: UTF-8 key and headers, opaque body."""

    topic: str
    key: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def size(self) -> int:
        """Bytes that count against the limit."""
        return len(self.body) + len("".join((self.key, *self.headers, *self.headers.values())).encode())


class Delivered(NamedTuple):
    """What is read: the record and its place in the log. `at` is the log's time of the append."""

    record: Record
    partition: int
    offset: int
    at: datetime


@dataclass(frozen=True)
class Position:
    """A place in one partition: the offset of the next record to read."""

    topic: str
    partition: int
    offset: int


class TransportError(Exception):
    """The log did not do what was asked; the caller keeps its rows and tries again."""


class TransportUnavailable(TransportError):
    """The log cannot be reached, or did not answer in time. `acknowledged` are indices into what was given."""

    def __init__(self, reason: str, acknowledged: frozenset[int] = frozenset()) -> None:
        super().__init__(reason)
        self.acknowledged = acknowledged


class RecordRefused(TransportError):
    """This one record can never be published (too large, or invalid to the log); the others are to be given again."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class TopicMissing(TransportError):
    """The deployment has not created these topics yet; nothing of what was given was sent."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        super().__init__(f"the log has no topic {', '.join(sorted(self.topics))}")


class SolePublisherNeeded(TransportError):
    """These topics are compacted: only a sole publisher appends to them. Nothing of what was given was sent."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        super().__init__(f"only a sole publisher appends to {', '.join(sorted(self.topics))}")


class Superseded(TransportUnavailable):
    """A newer sole publisher of this name has begun: what was given is not acknowledged, and may be old by now."""


class PositionLost(TransportError):
    """The partition went to another member before the commit; it will deliver those records again, harmlessly."""


class GroupActive(TransportError):
    """Somebody reads for this group, and his position is his own. A member that died counts until its time is over."""

    def __init__(self, group: str) -> None:
        super().__init__(f"somebody reads for {group}: stop it first, and wait some seconds if it was killed")


class Subscription(Protocol):
    """One member of a consumer group. Used by one task at a time."""

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Delivered]:
        """Return records in order per partition, at most `max_records`; an empty list when nothing came in time."""

    async def commit(self, records: Iterable[Delivered]) -> None:
        """Move the group's positions past these records. Raises PositionLost or TransportUnavailable."""

    async def seek(self, positions: Iterable[Position]) -> None:
        """Read on from these positions (of partitions held now)."""

    async def seek_to_time(self, at: datetime) -> None:
        """Read on, in every partition held now, from the first record appended at or after `at`."""

    async def lag(self) -> dict[tuple[str, int], int]:
        """Return how many records lie between position and end, per partition held. Raises TransportUnavailable."""

    async def absent(self) -> frozenset[str]:
        """Return which of the topics the log does not have now; the others are read, and these once they are there.

        Raises TransportUnavailable.
        """

    async def missed(self) -> dict[str, int]:
        """Return, once, how many records of each topic the log dropped before the group had read them."""


class Publisher(Protocol):
    """What appends records."""

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        """Append all, in order per partition; return when all are durable.

        Raises RecordRefused, for the first record that the log does not take (others may have been sent), TopicMissing
        or SolePublisherNeeded before anything is sent, or TransportUnavailable naming what was acknowledged.
        """


class Transport(Publisher, Protocol):
    """A durable partitioned log."""

    async def start(self) -> None:
        """Connect. A log that is away now is not an error: publishing and fetching say so later."""

    async def stop(self) -> None:
        """Let go of everything, within two seconds even if the log is dead."""

    async def ensure_topics(self, topics: Iterable[Topic]) -> None:
        """Create what is missing, with partitions, retention and compaction as registered; idempotent."""

    async def empty(self, topics: Iterable[str]) -> frozenset[str]:
        """Return which of these topics hold no record, or are not there. Raises TransportUnavailable."""

    def sole_publisher(self, name: str) -> AbstractAsyncContextManager[Publisher]:
        """Begin as the only publisher of this name: every earlier one appends nothing any more, it is Superseded.

        Who begins first, and only then reads what is to be published, appends no old record behind a newer one. A call
        of `publish` is acknowledged whole or not at all; after an error another one has to begin.
        """

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager[Subscription]:
        """Join `group`; the member leaves at the end of the block. A new group starts at the beginning."""

    async def rewind(self, group: str, topics: Collection[str], at: datetime | None) -> dict[str, int]:
        """Let a group that nobody reads for go back to what was appended at or after `at`; None is the beginning.

        No position moves forward: what is unread stays so, all of it in a partition that the group has never read.
        Return how many places of each topic lie before it then. Raises GroupActive or TopicMissing; nothing has moved.
        """

    async def check(self) -> None:
        """Raise TransportUnavailable when the log does not answer; for readiness."""


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key; the same on every transport, for ever."""
    return zlib.crc32(key.encode()) % partitions


def refuse_oversized(records: Sequence[Record]) -> None:
    """Raise RecordRefused for the first record above the limit."""
    for index, record in enumerate(records):
        if record.size > MAX_EVENT_BYTES:
            raise RecordRefused(index, f"record of {record.size} bytes exceeds {MAX_EVENT_BYTES}")
