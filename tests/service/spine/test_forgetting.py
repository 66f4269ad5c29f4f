"""What is old is removed and nothing else: no unpublished event, no open timer, no id that the log may repeat."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from prometheus_client import generate_latest
from sqlalchemy import Table, func, insert, select

from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import inbox, outbox, timers
from shared.events import TOPICS, Event, Topic
from shared.service import forgetting
from shared.service.forgetting import FIRED_TIMER_DAYS, INBOX_DAYS, OUTBOX_DAYS, Forgetting
from shared.telemetry.metrics import Metrics
from tests.kit.spine import SYSTEM, Counted

NOW = datetime.now(UTC)


class Stated(Event):
    type: ClassVar[str] = "lantai.test.state.stated.v1"
    topic: ClassVar[Topic] = Topic("test.states", "tests", ("tests",), compacted=True)


def made(days_ago: float) -> UUID:
    """An id as it was made so many days ago."""
    then = int((NOW - timedelta(days=days_ago)).timestamp() * 1000)
    return UUID(int=(then << 80) | (uuid7().int & ((1 << 80) - 1)))


async def fill(db: Database, table: Table, *rows: dict[str, Any]) -> None:
    async with db.write(SYSTEM) as uow:
        for row in rows:
            await uow.session.execute(insert(table).values(row))


async def count(db: Database, table: Table) -> int:
    async with db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


def event(key: str, **when: datetime) -> dict[str, Any]:
    return {"event_id": uuid7(), "topic": "t", "key": key, "headers": "{}", "body": b"{}", **when}


def timer(kind: str, fired_at: datetime | None) -> dict[str, Any]:
    place = {"id": uuid7(), "subject": UUID(int=1), "kind": kind}
    return place | {"due_at": NOW - timedelta(days=900), "fired_at": fired_at}


async def test_published_events_go_and_unpublished_ones_stay_however_old(counters: Database) -> None:
    past, recent = NOW - timedelta(days=OUTBOX_DAYS + 1), NOW - timedelta(days=OUTBOX_DAYS - 1)
    rows = event("gone", created_at=past, published_at=past), event("recent", created_at=past, published_at=recent)
    await fill(counters, outbox, *rows, event("waits", created_at=past))
    assert await Forgetting(counters, [], Metrics("tests")).forget() == 1
    async with counters.read() as session:
        assert (await session.scalars(select(outbox.c.key).order_by(outbox.c.id))).all() == ["recent", "waits"]


async def test_fired_timers_go_and_open_ones_stay_however_old(counters: Database) -> None:
    past, recent = NOW - timedelta(days=FIRED_TIMER_DAYS + 1), NOW - timedelta(days=FIRED_TIMER_DAYS - 1)
    await fill(counters, timers, timer("gone", past), timer("recent", recent), timer("open", None))
    assert await Forgetting(counters, [], Metrics("tests")).forget() == 1
    async with counters.read() as session:
        assert set((await session.scalars(select(timers.c.kind))).all()) == {"recent", "open"}


async def test_ids_go_when_no_log_can_repeat_them_and_those_of_compacted_topics_stay(counters: Database) -> None:
    past, recent = NOW - timedelta(days=INBOX_DAYS + 1), NOW - timedelta(days=1)
    kept = [
        {"event_id": made(INBOX_DAYS + 5), "type": Stated.type, "received_at": past},
        {"event_id": made(INBOX_DAYS + 4), "type": Counted.type, "received_at": recent},  # it came late
        {"event_id": made(1), "type": Counted.type, "received_at": recent},
    ]
    gone = {"event_id": made(INBOX_DAYS + 3), "type": Counted.type, "received_at": past}
    await fill(counters, inbox, *kept, gone)
    assert await Forgetting(counters, [Counted, Stated], Metrics("tests")).forget() == 1
    async with counters.read() as session:
        found = (await session.scalars(select(inbox.c.event_id).order_by(inbox.c.event_id))).all()
    assert found == [row["event_id"] for row in kept]


async def test_a_batch_is_bounded_counted_and_passes_over_what_is_in_hand(
    counters: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH_ROWS", 3)
    past = NOW - timedelta(days=OUTBOX_DAYS + 1)
    await fill(counters, outbox, *(event(str(n), created_at=past, published_at=past) for n in range(5)))
    metrics = Metrics("tests")
    forget = Forgetting(counters, [], metrics).forget
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(select(outbox).where(outbox.c.key == "0").with_for_update())
        assert [await forget(), await forget(), await count(counters, outbox)] == [3, 1, 1]
    assert [await forget(), await forget()] == [1, 0]
    assert 'lantai_rows_forgotten_total{table="outbox"} 5.0' in generate_latest(metrics.registry).decode()


def test_the_inbox_remembers_longer_than_the_log_keeps() -> None:
    assert 2 * max(topic.retention_days for topic in TOPICS.values()) < INBOX_DAYS
