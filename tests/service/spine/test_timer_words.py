"""Several words about one timer in one unit of work: the last counts, however each was said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from shared.db.engine import Database
from shared.db.spine import timers
from shared.db.uow import UnitOfWork
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import SYSTEM, some_ids

NOW = datetime.now(UTC)
ONE_DAY, TWO_DAYS = NOW + timedelta(days=1), NOW + timedelta(days=2)
Word = Callable[[UnitOfWork, UUID], None]


def alone(due_at: datetime, kind: str = "remind") -> Word:
    return lambda uow, subject: uow.schedule(subject, kind, due_at)


def for_many(due_at: datetime, *kinds: str) -> Word:
    moments = dict.fromkeys(kinds or ("remind",), due_at)
    return lambda uow, subject: uow.schedule_all([subject, subject], moments)


def cancelled(*kinds: str) -> Word:
    return lambda uow, subject: uow.cancel(subject, *kinds)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ([alone(ONE_DAY), cancelled()], {}),
        ([alone(ONE_DAY), cancelled(), alone(TWO_DAYS)], {"remind": TWO_DAYS}),
        ([for_many(ONE_DAY), cancelled()], {}),
        ([for_many(ONE_DAY), cancelled("remind")], {}),
        ([for_many(ONE_DAY), cancelled("overdue")], {"remind": ONE_DAY}),
        ([for_many(ONE_DAY, "remind", "overdue"), cancelled("remind")], {"overdue": ONE_DAY}),
        ([for_many(ONE_DAY), alone(TWO_DAYS)], {"remind": TWO_DAYS}),
        ([alone(TWO_DAYS), for_many(ONE_DAY)], {"remind": ONE_DAY}),
        ([alone(TWO_DAYS, "overdue"), for_many(ONE_DAY)], {"overdue": TWO_DAYS, "remind": ONE_DAY}),
        ([for_many(ONE_DAY), for_many(TWO_DAYS)], {"remind": TWO_DAYS}),
        ([for_many(ONE_DAY, "remind", "overdue"), for_many(TWO_DAYS), cancelled("overdue")], {"remind": TWO_DAYS}),
        ([cancelled(), for_many(ONE_DAY)], {"remind": ONE_DAY}),
    ],
)
@pytest.mark.parametrize("open_before", [False, True])
async def test_the_last_word_counts(
    counters: Database, words: list[Word], left: dict[str, datetime], open_before: bool
) -> None:
    subject, other = some_ids(2)
    async with counters.write(SYSTEM) as uow:
        uow.schedule_all([other, subject] if open_before else [other], {"remind": NOW})
    async with counters.write(SYSTEM) as uow:
        uow.schedule_all([other], {"remind": ONE_DAY})
        for say in words:
            say(uow, subject)
    async with counters.read() as session:
        rows = (await session.execute(select(timers.c.subject, timers.c.kind, timers.c.due_at))).all()
    assert {row.kind: row.due_at for row in rows if row.subject == subject} == left
    assert [row.due_at for row in rows if row.subject == other] == [ONE_DAY]


@pytest.mark.parametrize("say", [alone(TWO_DAYS, "second"), for_many(TWO_DAYS, "second"), cancelled("second")])
async def test_a_handler_that_moves_or_cancels_a_due_sibling_stops_it(counters: Database, say: Word) -> None:
    (subject,) = some_ids(1)
    fired: list[str] = []

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        fired.append(timer.kind)
        say(uow, subject)

    async with counters.write(SYSTEM) as uow:
        uow.schedule(subject, "first", NOW - timedelta(hours=2))
        uow.schedule(subject, "second", NOW - timedelta(hours=1))
    await Scheduler(counters, {"first": fire, "second": fire}).sweep()
    assert fired == ["first"]
