"""A dead timer's letter belongs to the timer: who cancels it or sets it anew closes the letter too."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from shared.bus import dead_letters as letters
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import dead_letters, timers
from shared.db.uow import UnitOfWork
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import SYSTEM, effects, effects_of, some_ids

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=9)
Word = Callable[[UnitOfWork, UUID], None]


class Desk:
    """Fires timers; while `broken`, each dies at its first failure."""

    def __init__(self, db: Database) -> None:
        self.broken = True
        self.scheduler = Scheduler(db, {"remind": self.fire, "overdue": self.fire}, retries=RetryPolicy(()))

    async def fire(self, uow: UnitOfWork, timer: DueTimer) -> None:
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))
        if self.broken:
            raise RuntimeError


async def die(db: Database, *subjects: UUID) -> Desk:
    """Let `remind` and `overdue` of the subjects die."""
    desk = Desk(db)
    async with db.write(SYSTEM) as uow:
        uow.schedule_all(subjects, dict.fromkeys(("remind", "overdue"), NOW - timedelta(hours=1)))
    await desk.scheduler.sweep()
    desk.broken = False
    return desk


async def all_letters(db: Database) -> dict[str, letters.DeadLetter]:
    async with db.read() as session:
        rows = (await session.execute(letters.listing(undecided_only=False))).all()
    return {row.key: letters.letter(row) for row in rows}


@pytest.mark.parametrize(
    ("say", "closed"),
    [
        (lambda uow, subject: uow.cancel(subject), {"remind", "overdue"}),
        (lambda uow, subject: uow.cancel(subject, "remind"), {"remind"}),
        (lambda uow, subject: uow.schedule(subject, "overdue", LATER), {"overdue"}),
        (lambda uow, subject: uow.schedule_all([subject], {"remind": LATER}), {"remind"}),
        (lambda uow, subject: (uow.cancel(subject), uow.schedule(subject, "remind", LATER)), {"remind", "overdue"}),
        (lambda uow, subject: uow.cancel(subject, "unknown"), set()),
    ],
)
async def test_what_takes_a_dead_timer_away_closes_its_letter(counters: Database, say: Word, closed: set[str]) -> None:
    subject, other = some_ids(2)
    desk = await die(counters, subject, other)
    async with counters.write(SYSTEM) as uow:
        say(uow, subject)
    found = await all_letters(counters)
    assert {key for key, letter in found.items() if letter.decided_at} == {f"{subject}/{kind}" for kind in closed}
    for kind in closed:
        letter = found[f"{subject}/{kind}"]
        assert (letter.decision, letter.decided_by) == ("withdrawn", "系统（tests）")
        with pytest.raises(letters.DeadLetterDecided):
            async with counters.write(SYSTEM) as uow:
                await letters.replay(uow, letter.id)
    await desk.scheduler.sweep()
    assert await effects_of(counters) == {}


async def test_what_is_rolled_back_closes_nothing(counters: Database) -> None:
    (subject,) = some_ids(1)
    await die(counters, subject)
    with pytest.raises(RuntimeError):
        async with counters.write(SYSTEM) as uow:
            uow.cancel(subject)
            await uow.flush()
            raise RuntimeError
    assert [letter.decided_at for letter in (await all_letters(counters)).values()] == [None, None]


@pytest.mark.parametrize("fired", [False, True])
async def test_a_timer_beside_a_newer_one_is_not_replayed(counters: Database, fired: bool) -> None:
    """The letter was written while the newer timer was being set, so nobody could close it."""
    (subject,) = some_ids(1)
    desk = await die(counters, subject)
    async with counters.write(SYSTEM) as uow:
        uow.schedule(subject, "remind", NOW - timedelta(minutes=1) if fired else LATER)
    await desk.scheduler.sweep()
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(update(dead_letters).values(decided_at=None, decision=None, decided_by=None))
    letter = (await all_letters(counters))[f"{subject}/remind"]
    with pytest.raises(letters.TimerSetAnew):
        async with counters.write(SYSTEM) as uow:
            await letters.replay(uow, letter.id)
    assert (await all_letters(counters))[f"{subject}/remind"].decided_at is None
    await desk.scheduler.sweep()
    assert await effects_of(counters) == ({subject: [1]} if fired else {})


async def test_replay_brings_back_the_payload_and_due_time_beside_fired_ones(counters: Database) -> None:
    (subject,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        uow.schedule(subject, "remind", NOW - timedelta(days=3))
        await uow.flush()
        await uow.session.execute(update(timers).values(fired_at=NOW))
    desk = await die(counters, subject)
    letter = (await all_letters(counters))[f"{subject}/remind"]
    async with counters.write(SYSTEM) as uow:
        await letters.replay(uow, letter.id)
    await desk.scheduler.sweep()
    assert await effects_of(counters) == {subject: [1]}
