"""What an event causes belongs to the trace of the request that caused it; what a timer sets off has one of its own."""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.db.engine import Database
from shared.db.spine import outbox
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.telemetry import trace
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import AGENCY, SYSTEM, Counted, Renamed, emit, running, some_ids, until


async def trace_ids(db: Database) -> list[str]:
    """The trace of each event in the outbox, in order."""
    async with db.read() as session:
        headers = (await session.execute(select(outbox.c.headers).order_by(outbox.c.id))).scalars()
        return [json.loads(each)["ce_traceparent"].split("-")[1] for each in headers]


async def test_what_an_event_causes_is_in_its_producers_trace(counters: Database, bus: EmbeddedTransport) -> None:
    async def on_counted(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        uow.emit(Renamed(name="后果"), subject=event.subject, agency_id=AGENCY)

    first, second = some_ids(2)
    begun = []
    for subject in (first, second):
        with trace.use(None):
            begun.append(trace.current_trace_id())
            await emit(counters, subject, 1)

    async def followed() -> bool:
        return len(await trace_ids(counters)) == 4

    async with running(Relay(counters, bus), Consumers(counters, bus, "g", {Counted: on_counted})):
        await until(followed)
    assert len(set(begun)) == 2
    assert sorted(await trace_ids(counters)) == sorted([*begun, *begun])


async def test_each_timer_begins_a_trace(counters: Database) -> None:
    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        uow.emit(Counted(number=1), subject=timer.subject, agency_id=AGENCY)

    async with counters.write(SYSTEM) as uow:
        for subject in some_ids(2):
            uow.schedule(subject, "remind", datetime.now(UTC) - timedelta(hours=1))
    await Scheduler(counters, {"remind": fire}).sweep()
    assert len(set(await trace_ids(counters))) == 2
