"""The agency tree of a service that starts empty: read from the log, many agencies together."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from shared.bus.consumers import Consumers
from shared.bus.dispatch import Handler, InBatches
from shared.bus.embedded import EmbeddedTransport
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import parked_keys
from shared.events import Envelope, Event, encode
from shared.events.catalog import AgencyUpserted
from shared.replicas.agencies import on_agencies_upserted
from shared.replicas.tables import agency_replica
from tests.kit.spine import running, some_ids, until

HANDLERS: dict[type[Event], Handler] = {AgencyUpserted: InBatches(on_agencies_upserted)}
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def record(agency_id: UUID, code: str, name: str) -> Record:
    state = AgencyUpserted(code=code, name=name, parent_id=None, level="county", active=True)
    key, headers, body = encode(Envelope(uuid7(), "/catalog", agency_id, NOW, agency_id, state))
    return Record(AgencyUpserted.topic.name, key, headers, body)


async def append(bus: EmbeddedTransport, records: list[Record]) -> None:
    async with bus.sole_publisher("tests") as publisher:
        await publisher.publish(records)


async def until_known(db: Database, wanted: dict[str, str]) -> None:
    async def known() -> bool:
        async with db.read() as session:
            rows = await session.execute(select(agency_replica.c.code, agency_replica.c.name))
            return {row.code: row.name for row in rows} == wanted

    await until(known)


async def test_the_newest_state_of_every_agency_stands(counters: Database, bus: EmbeddedTransport) -> None:
    await bus.ensure_topics([AgencyUpserted.topic])
    agencies = some_ids(40)
    await append(bus, [record(a, f"A{n}", "旧名") for n, a in enumerate(agencies)])
    await append(bus, [record(a, f"A{n}", f"第{n}局") for n, a in enumerate(agencies)])
    async with running(Consumers(counters, bus, "g", HANDLERS)):
        await until_known(counters, {f"A{n}": f"第{n}局" for n in range(40)})
        await append(bus, [record(agencies[0], "A0", "新名")])
        await until_known(counters, {f"A{n}": f"第{n}局" if n else "新名" for n in range(40)})


async def test_a_code_that_another_agency_bears_parks_one_agency(counters: Database, bus: EmbeddedTransport) -> None:
    await bus.ensure_topics([AgencyUpserted.topic])
    agencies = some_ids(12)
    await append(bus, [record(a, f"A{n if n != 9 else 3}", "某局") for n, a in enumerate(agencies)])
    async with running(Consumers(counters, bus, "g", HANDLERS)):
        await until_known(counters, {f"A{n}": "某局" for n in range(12) if n != 9})
    async with counters.read() as session:
        (key,) = (await session.execute(select(parked_keys))).all()
    assert key.key in {str(agencies[3]), str(agencies[9])}
    assert key.error == "UniqueViolationError 23505"
