"""One member of a consumer group on the embedded log: leases on partitions, positions, and how they move.

A cursor row per (group, partition) holds the position and the lease. Each member computes the same fair share from
the list of live members; it gives up what is not in its share between two fetches, never in the middle of a batch,
and takes what is free or expired. A member that was stopped longer than its lease finds its commit refused.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from shared.bus.transport import Delivered, Position, PositionLost, Record, TransportUnavailable
from shared.bus.wakeup import Listener

Partition = tuple[str, int]
POLL_SECONDS = 0.5
FETCH_BYTES = 8_000_000  # the last record fetched begins below it

_HEARTBEAT = """
    WITH me AS (
        INSERT INTO bus_members VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
        ON CONFLICT (group_name, member) DO UPDATE SET alive_until = excluded.alive_until
    )
    UPDATE bus_cursors SET lease_until = clock_timestamp() + make_interval(secs => $4)
    WHERE group_name = $1 AND owner = $2 RETURNING topic, partition
"""
_MEMBERS = """
    DELETE FROM bus_members WHERE group_name = $1 AND alive_until < clock_timestamp()
"""
_ALIVE = "SELECT member, topics FROM bus_members WHERE group_name = $1 ORDER BY member"
_PARTITIONS = "SELECT topic, partition FROM bus_partitions WHERE topic = ANY($1::text[]) ORDER BY topic, partition"
_ADD_CURSORS = """
    INSERT INTO bus_cursors (group_name, topic, partition)
    SELECT $1, s.topic, s.partition FROM unnest($2::text[], $3::int[]) AS s(topic, partition) ON CONFLICT DO NOTHING
"""
_RELEASE = """
    UPDATE bus_cursors c SET owner = NULL, lease_until = NULL WHERE group_name = $1 AND owner = $2
    AND NOT EXISTS (SELECT FROM unnest($3::text[], $4::int[]) AS s(topic, partition)
                    WHERE s.topic = c.topic AND s.partition = c.partition)
"""
_CLAIM = """
    UPDATE bus_cursors c SET owner = $2, lease_until = clock_timestamp() + make_interval(secs => $5)
    FROM unnest($3::text[], $4::int[]) AS s(topic, partition)
    WHERE c.group_name = $1 AND c.topic = s.topic AND c.partition = s.partition
      AND (c.owner IS NULL OR c.owner = $2 OR c.lease_until < clock_timestamp())
    RETURNING c.topic, c.partition, c.position
"""
# The sizes are summed without reading the bodies, so that hundreds of records at the limit are no half gigabyte.
_FETCH = """
    SELECT topic, partition, "offset", key, headers, body, at FROM (
        SELECT *, sum(octet_length(body)) OVER (ORDER BY place, "offset") - octet_length(body) AS bytes_before FROM (
            SELECT h.place, r.*
            FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY AS h(topic, partition, position, place),
            LATERAL (SELECT * FROM bus_records b WHERE b.topic = h.topic AND b.partition = h.partition
                     AND b."offset" >= h.position ORDER BY b."offset" LIMIT $4) r
            ORDER BY h.place, r."offset" LIMIT $4
        ) AS next
    ) AS measured WHERE bytes_before < $5 ORDER BY place, "offset"
"""
# A position that a crash of the server loses only delivers again, so it does not wait for the disk.
_COMMIT = """
    UPDATE bus_cursors c SET position = n.position
    FROM unnest($3::text[], $4::int[], $5::bigint[]) AS n(topic, partition, position)
    WHERE c.group_name = $1 AND c.owner = $2 AND c.topic = n.topic AND c.partition = n.partition
      AND (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
    RETURNING c.topic, c.partition
"""
_AT_TIME = """
    SELECT p.topic, p.partition, coalesce(
        (SELECT min(r."offset") FROM bus_records r
         WHERE r.topic = p.topic AND r.partition = p.partition AND r.at >= $3), p.next_offset) AS position
    FROM bus_partitions p JOIN unnest($1::text[], $2::int[]) AS h(topic, partition) USING (topic, partition)
"""
_ENDS = """
    SELECT p.topic, p.partition, p.next_offset
    FROM bus_partitions p JOIN unnest($1::text[], $2::int[]) AS h(topic, partition) USING (topic, partition)
"""


class EmbeddedSubscription:
    """See `Subscription`."""

    def __init__(
        self,
        connection: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]],
        listener: Listener,
        group: str,
        topics: frozenset[str],
        lease_seconds: float,
    ) -> None:
        self.member: UUID = uuid4()
        self._connection = connection
        self._listener = listener
        self._group = group
        self._topics = topics
        self._lease_seconds = lease_seconds
        self._reading: dict[Partition, int] = {}  # the partitions held, and the next offset to fetch of each
        self._rebalance_at = 0.0
        self._appended = listener.wait_for(topics)
        self._membership_changed = listener.wait_for([f"group:{group}"])
        self._heartbeat: asyncio.Task[None] | None = None
        self._moving = asyncio.Lock()  # heartbeat and commit touch the same rows: one after the other

    def start(self) -> None:
        self._heartbeat = asyncio.create_task(self._keep_leases(), name=f"bus-leases-{self._group}")

    async def leave(self) -> None:
        """Give the partitions back at once; a member that cannot is replaced when its leases expire."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._listener.forget(self._appended)
        self._listener.forget(self._membership_changed)
        with suppress(TransportUnavailable, TimeoutError):
            async with asyncio.timeout(1), self._connection() as connection:
                await connection.execute(_RELEASE, self._group, self.member, [], [])
                await connection.execute("DELETE FROM bus_members WHERE member = $1", self.member)
                await self._tell_group(connection)

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Delivered]:
        deadline = time.monotonic() + timeout_seconds
        while True:
            self._appended.clear()
            if self._membership_changed.is_set() or time.monotonic() >= self._rebalance_at:
                await self._rebalance()
            if taken := await self._take(max_records):
                return taken
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            with suppress(TimeoutError):
                await asyncio.wait_for(self._appended.wait(), min(left, POLL_SECONDS))

    async def _take(self, max_records: int) -> list[Delivered]:
        if not self._reading:
            return []
        # The partition read first goes last, so that a long backlog in one starves none.
        self._reading = dict([*list(self._reading.items())[1:], next(iter(self._reading.items()))])
        held = list(self._reading)
        async with self._connection() as connection:
            rows = await connection.fetch(
                _FETCH, *zip(*held, strict=True), list(self._reading.values()), max_records, FETCH_BYTES
            )
        taken = [_delivered(row) for row in rows]
        for delivered in taken:
            place = delivered.record.topic, delivered.partition
            if place in self._reading:
                self._reading[place] = delivered.offset + 1
        return taken

    async def commit(self, records: Iterable[Delivered]) -> None:
        ends: dict[Partition, int] = {}
        for delivered in records:
            ends[delivered.record.topic, delivered.partition] = delivered.offset + 1
        if not ends:
            return
        topics, partitions = [t for t, _ in ends], [p for _, p in ends]
        async with self._moving, self._connection() as connection:
            moved = await connection.fetch(_COMMIT, self._group, self.member, topics, partitions, list(ends.values()))
        if lost := ends.keys() - {(row["topic"], row["partition"]) for row in moved}:
            for partition in lost:
                self._reading.pop(partition, None)
            raise PositionLost(f"{self._group} no longer holds {sorted(lost)}")

    async def seek(self, positions: Iterable[Position]) -> None:
        for position in positions:
            if (position.topic, position.partition) in self._reading:
                self._reading[position.topic, position.partition] = position.offset

    async def seek_to_time(self, at: datetime) -> None:
        held = list(self._reading)
        async with self._connection() as connection:
            rows = await connection.fetch(_AT_TIME, [t for t, _ in held], [p for _, p in held], at)
        await self.seek(Position(*row) for row in rows)

    async def absent(self) -> frozenset[str]:
        async with self._connection() as connection:
            there = await connection.fetch("SELECT name FROM bus_topics WHERE name = ANY($1::text[])", self._topics)
        return self._topics - {row["name"] for row in there}

    async def missed(self) -> dict[str, int]:
        return {}  # nothing expires here before every group has read it

    async def lag(self) -> dict[Partition, int]:
        held = dict(self._reading)
        async with self._connection() as connection:
            ends = await connection.fetch(_ENDS, [t for t, _ in held], [p for _, p in held])
        return {
            (row["topic"], row["partition"]): row["next_offset"] - held[row["topic"], row["partition"]] for row in ends
        }

    async def _rebalance(self) -> None:
        """Take the fair share: release what is no longer mine, claim what is mine and free."""
        self._membership_changed.clear()
        async with self._moving, self._connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"bus:{self._group}")
            await connection.execute(_MEMBERS, self._group)
            known = len(await connection.fetch(_ALIVE, self._group))
            await self._beat(connection)
            alive = await connection.fetch(_ALIVE, self._group)
            share = await self._share(connection, alive)
            topics, partitions = [t for t, _ in share], [p for _, p in share]
            await connection.execute(_ADD_CURSORS, self._group, topics, partitions)
            await connection.execute(_RELEASE, self._group, self.member, topics, partitions)
            claimed = await connection.fetch(_CLAIM, self._group, self.member, topics, partitions, self._lease_seconds)
            joined = len(alive) != known
        self._reading = {
            (row["topic"], row["partition"]): self._reading.get((row["topic"], row["partition"]), row["position"])
            for row in claimed
        }
        complete = len(self._reading) == len(share)
        self._rebalance_at = time.monotonic() + (self._lease_seconds / 3 if complete else POLL_SECONDS)
        if joined:
            async with self._connection() as connection:
                await self._tell_group(connection)

    async def _share(self, connection: asyncpg.Connection, alive: list[asyncpg.Record]) -> list[Partition]:
        share: list[Partition] = []
        for number, row in enumerate(await connection.fetch(_PARTITIONS, sorted(self._topics))):
            able = [member["member"] for member in alive if row["topic"] in json.loads(member["topics"])]
            if able[number % len(able)] == self.member:
                share.append((row["topic"], row["partition"]))
        return share

    async def _beat(self, connection: asyncpg.Connection) -> set[Partition]:
        topics = json.dumps(sorted(self._topics))
        rows = await connection.fetch(_HEARTBEAT, self._group, self.member, topics, self._lease_seconds)
        return {(row["topic"], row["partition"]) for row in rows}

    async def _tell_group(self, connection: asyncpg.Connection) -> None:
        await self._listener.notify(connection, [f"group:{self._group}"])

    async def _keep_leases(self) -> None:
        """Renew while a long batch is at work; what another member took meanwhile is no longer read."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            with suppress(TransportUnavailable):
                async with self._moving, self._connection() as connection:
                    held = await self._beat(connection)
                for partition in self._reading.keys() - held:
                    self._reading.pop(partition, None)


def _delivered(row: asyncpg.Record) -> Delivered:
    record = Record(row["topic"], row["key"], json.loads(row["headers"]), row["body"])
    return Delivered(record, row["partition"], row["offset"], row["at"])
