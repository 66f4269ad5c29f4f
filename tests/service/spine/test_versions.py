"""Two versions of one event side by side: a reader of yesterday, one that knows both, and what the log held before."""

from typing import ClassVar

import pytest
from sqlalchemy import insert, select

from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.db.engine import Database
from shared.db.spine import outbox
from shared.db.uow import UnitOfWork, VersionsCollide
from shared.events import Envelope, Event, Topic
from tests.kit.spine import AGENCY, COUNTERS, SYSTEM, Counted, Counter, effects, emit, running, some_ids, until_effects


class CountedV2(Event):
    """The number went to text: a break, so a new version."""

    type: ClassVar[str] = "lantai.test.counter.counted.v2"
    topic: ClassVar[Topic] = COUNTERS

    amount: str


async def on_counted_v2(uow: UnitOfWork, event: Envelope[CountedV2]) -> None:
    await uow.session.execute(insert(effects).values(subject=event.subject, number=1000 + int(event.data.amount)))


@pytest.mark.parametrize("reader", ["of yesterday", "of both"])
async def test_each_reader_applies_the_fact_once(counters: Database, bus: EmbeddedTransport, reader: str) -> None:
    handlers = Counter().handlers | ({CountedV2: on_counted_v2} if reader == "of both" else {})
    (a,) = some_ids(1)
    await emit(counters, a, 1)  # before the new version there was only the old one
    for number in (2, 3, 4):
        async with counters.write(SYSTEM) as uow:
            uow.emit(CountedV2(amount=str(number)), beside=Counted(number=number), subject=a, agency_id=AGENCY)
    async with running(Relay(counters, bus), Consumers(counters, bus, "g", handlers)):
        wanted = [1, 2, 3, 4] if reader == "of yesterday" else [1, 1002, 1003, 1004]
        await until_effects(counters, {a: wanted})
        await emit(counters, a, 5)
        await until_effects(counters, {a: [*wanted, 5]})


async def test_both_have_one_id_and_the_newer_goes_first(counters: Database) -> None:
    (a,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        event_id = uow.emit(CountedV2(amount="7"), beside=Counted(number=7), subject=a, agency_id=AGENCY)
    async with counters.read() as session:
        rows = (await session.execute(select(outbox).order_by(outbox.c.id))).all()
    assert [row.event_id for row in rows] == [event_id, event_id]
    assert [CountedV2.type in row.headers for row in rows] == [True, False]


STATES = Topic("test.states", "tests", ("tests",), compacted=True)
STATES_V2 = Topic("test.states.v2", "tests", ("tests",), compacted=True)


class State(Event):
    type: ClassVar[str] = "lantai.test.state.set.v1"
    topic: ClassVar[Topic] = STATES

    number: int


class StateV2(Event):
    type: ClassVar[str] = "lantai.test.state.set.v2"
    topic: ClassVar[Topic] = STATES

    amount: str


class StateV2Apart(StateV2):
    topic: ClassVar[Topic] = STATES_V2


async def test_a_compacted_topic_takes_no_two_versions_of_a_key(counters: Database) -> None:
    (a,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        with pytest.raises(VersionsCollide, match=r"on test\.states$"):
            uow.emit(StateV2(amount="7"), beside=State(number=7), subject=a, agency_id=AGENCY)
        uow.emit(StateV2Apart(amount="7"), beside=State(number=7), subject=a, agency_id=AGENCY)
    async with counters.read() as session:
        topics = (await session.scalars(select(outbox.c.topic).order_by(outbox.c.id))).all()
    assert topics == ["test.states.v2", "test.states"]
