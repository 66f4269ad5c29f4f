"""The numbers that a database tells of its spine: how much waits, and how long somebody could have done it."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, text, update

from shared.db.engine import Database
from shared.db.spine import outbox, parked_keys, timers
from shared.service.gauges import SPINE
from tests.kit.spine import SYSTEM, emit, some_ids
from tests.service.spine.test_timers import NOW, jump, schedule

PATIENCE_SECONDS = 30
"""What a busy machine may need between the writing and the asking."""


async def gauge(db: Database, name: str) -> float:
    (wanted,) = (gauge for gauge in SPINE if gauge.name == name)
    async with db.read() as session:
        return await wanted.value(session)


def some_seconds(seconds: float) -> object:
    """What equals this many seconds or a little more."""
    return pytest.approx(seconds + PATIENCE_SECONDS / 2, abs=PATIENCE_SECONDS / 2)


async def set_before(db: Database, subject: UUID, **ago: float) -> None:
    """Have the timers of a subject set so long ago."""
    async with db.write(SYSTEM) as uow:
        earlier = update(timers).values(scheduled_at=func.clock_timestamp() - timedelta(**ago))
        await uow.session.execute(earlier.where(timers.c.subject == subject))


async def change(db: Database, subject: UUID, sql: str) -> None:
    async with db.write(SYSTEM) as uow:
        await uow.fetch(f"UPDATE timers SET {sql} WHERE subject = $1", subject)


async def test_what_the_log_has_not_taken(counters: Database) -> None:
    assert (await gauge(counters, "outbox_unpublished"), await gauge(counters, "outbox_oldest_seconds")) == (0, 0)
    (subject,) = some_ids(1)
    await emit(counters, subject, 1, 2, 3)
    async with counters.write(SYSTEM) as uow:
        for number, seconds in enumerate((900, 300, 50)):
            await uow.session.execute(
                text(
                    "UPDATE outbox SET created_at = clock_timestamp() - make_interval(secs => :seconds)"
                    " WHERE id = (SELECT id FROM outbox ORDER BY id OFFSET :number LIMIT 1)"
                ),
                {"seconds": seconds, "number": number},
            )
        oldest = text("SELECT min(id) FROM outbox").columns(outbox.c.id).scalar_subquery()
        await uow.session.execute(update(outbox).where(outbox.c.id == oldest).values(published_at=NOW))
    assert await gauge(counters, "outbox_unpublished") == 2
    assert await gauge(counters, "outbox_oldest_seconds") == some_seconds(300)


async def test_keys_that_stand_still(counters: Database) -> None:
    assert (await gauge(counters, "parked_keys"), await gauge(counters, "parked_oldest_seconds")) == (0, 0)
    async with counters.write(SYSTEM) as uow:
        for key, minutes in (("a", 1), ("b", 5)):
            row = {"topic": "t", "key": key, "attempts": 1, "error": "?", "parked_at": NOW - timedelta(minutes=minutes)}
            await uow.session.execute(insert(parked_keys).values(**row))
    assert await gauge(counters, "parked_keys") == 2
    assert await gauge(counters, "parked_oldest_seconds") > 299


async def test_a_timer_that_is_late(counters: Database) -> None:
    assert await gauge(counters, "timer_overdue_seconds") == 0
    late, to_come, fired = some_ids(3)
    await schedule(counters, to_come, NOW + timedelta(hours=1))
    await schedule(counters, fired, NOW - timedelta(hours=1))
    await set_before(counters, fired, hours=2)
    await change(counters, fired, "fired_at = now()")
    assert await gauge(counters, "timer_overdue_seconds") == 0
    async with counters.write(SYSTEM) as uow:
        uow.schedule(late, "remind", uow.now - timedelta(seconds=100))
    await set_before(counters, late, hours=1)
    assert await gauge(counters, "timer_overdue_seconds") == some_seconds(100)


async def test_a_timer_set_today_for_a_day_long_past_is_not_late(counters: Database) -> None:
    """A letter that is recorded late sets those: nobody could fire them before."""
    (subject,) = some_ids(1)
    await schedule(counters, subject, NOW - timedelta(days=40))
    assert await gauge(counters, "timer_overdue_seconds") < PATIENCE_SECONDS
    await set_before(counters, subject, seconds=200)
    assert await gauge(counters, "timer_overdue_seconds") == some_seconds(200)


async def test_a_timer_that_pauses_is_not_late_until_its_pause_is_over(counters: Database) -> None:
    (subject,) = some_ids(1)
    await schedule(counters, subject, NOW - timedelta(days=40))
    await set_before(counters, subject, days=30)
    await change(counters, subject, "retry_at = now() + interval '1 hour'")
    assert await gauge(counters, "timer_overdue_seconds") == 0
    await change(counters, subject, "retry_at = now() - interval '100 seconds'")
    assert await gauge(counters, "timer_overdue_seconds") == some_seconds(100)


async def test_timers_that_fail(counters: Database) -> None:
    assert await gauge(counters, "timers_failing") == 0
    states = ("attempts = 2", "attempts = 1", "attempts = 0", "attempts = 1, fired_at = now()")
    for subject, state in zip(some_ids(4), states, strict=True):
        await schedule(counters, subject, NOW - timedelta(days=1))
        await change(counters, subject, f"{state}, retry_at = now() + interval '1 hour'")
    (moved,) = some_ids(1)
    await schedule(counters, moved, NOW + timedelta(days=1))
    await change(counters, moved, "attempts = 1")
    assert await gauge(counters, "timers_failing") == 2


async def test_lateness_by_a_shifted_clock(counters: Database) -> None:
    """When a timer is due is told by the business's clock, when it was set by the real one."""
    set_today, long_set = some_ids(2)
    await jump(counters, days=365)
    await schedule(counters, set_today, NOW - timedelta(days=40))
    assert await gauge(counters, "timer_overdue_seconds") < PATIENCE_SECONDS
    async with counters.write(SYSTEM) as uow:
        uow.schedule(long_set, "remind", uow.now - timedelta(seconds=100))
    await set_before(counters, long_set, hours=1)
    assert await gauge(counters, "timer_overdue_seconds") == some_seconds(100)
