"""Timers on a real PostgreSQL: fired once, with the due time, by one of several schedulers, whatever fails."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from shared.bus import dead_letters as letters
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import clock_offset, dead_letters, outbox, timers
from shared.db.uow import UnitOfWork
from shared.telemetry.metrics import Metrics, render
from shared.timers import DueTimer, Scheduler, TimerHandler
from tests.kit.spine import (
    AGENCY,
    SYSTEM,
    Counted,
    effects,
    effects_of,
    running,
    some_ids,
    until,
    until_effects,
)

QUICK = RetryPolicy((timedelta(milliseconds=50), timedelta(milliseconds=100)))
NOW = datetime.now(UTC)


class Desk:
    """A handler that writes one effect per firing, and fails for the payloads told."""

    def __init__(self) -> None:
        self.fails: set[int] = set()
        self.told: list[DueTimer] = []

    @property
    def handlers(self) -> dict[str, TimerHandler]:
        return {"remind": self.fire, "escalate": self.fire}

    async def fire(self, uow: UnitOfWork, timer: DueTimer) -> None:
        number = timer.payload.get("n", 0)
        self.told.append(timer)
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=number, note=timer.kind))
        if number in self.fails:
            raise RuntimeError(f"number {number}")


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def schedule(db: Database, subject: UUID, due_at: datetime, n: int = 0, kind: str = "remind") -> None:
    async with db.write(SYSTEM) as uow:
        uow.schedule(subject, kind, due_at, {"n": n})


async def jump(db: Database, **by: float) -> None:
    async with db.write(SYSTEM) as uow:
        await uow.session.execute(delete(clock_offset))
        await uow.session.execute(insert(clock_offset).values(seconds=int(timedelta(**by).total_seconds())))


async def open_timers(db: Database) -> int:
    async with db.read() as session:
        query = select(func.count()).select_from(timers).where(timers.c.fired_at.is_(None))
        return int(await session.scalar(query) or 0)


async def test_a_due_timer_fires_once_and_a_later_one_waits(counters: Database, desk: Desk) -> None:
    due, later = some_ids(2)
    await schedule(counters, due, NOW - timedelta(minutes=5), 1)
    await schedule(counters, later, NOW + timedelta(hours=1), 2)
    scheduler = Scheduler(counters, desk.handlers)
    for _ in range(3):
        await scheduler.sweep()
    assert await effects_of(counters) == {due: [1]}
    (told,) = desk.told
    assert (told.subject, told.kind, told.attempts) == (due, "remind", 0)
    assert told.due_at == NOW - timedelta(minutes=5)
    assert await open_timers(counters) == 1


async def test_after_three_days_stopped_each_fires_once_with_its_own_due_time(counters: Database, desk: Desk) -> None:
    subjects = some_ids(30)
    for n, subject in enumerate(subjects):
        await schedule(counters, subject, NOW + timedelta(hours=2 * n), n)
    await jump(counters, days=3)
    async with running(*(Scheduler(counters, desk.handlers, poll_seconds=0.05) for _ in range(3))):
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects)})
    assert sorted(t.due_at for t in desk.told) == [NOW + timedelta(hours=2 * n) for n in range(30)]
    async with counters.read() as session:
        row = (await session.execute(select(timers).where(timers.c.subject == subjects[0]))).one()
    assert row.due_at == NOW
    assert row.fired_at - NOW > timedelta(days=2, hours=23)


@pytest.mark.parametrize("ahead", [0, 3, -1])
async def test_lateness_is_measured_from_when_a_timer_could_first_fire(
    counters: Database, desk: Desk, ahead: int
) -> None:
    """A letter of last week sets, or moves, timers that are due at once: nobody was late with them, on any clock."""
    await jump(counters, days=ahead)
    backdated, moved, late = some_ids(3)
    await schedule(counters, backdated, NOW - timedelta(days=9), 1)
    await schedule(counters, moved, NOW + timedelta(days=9), 2)
    await schedule(counters, late, NOW - timedelta(days=2), 3)
    async with counters.write(SYSTEM) as uow:
        hours_ago = func.clock_timestamp() - timedelta(hours=3)
        await uow.session.execute(update(timers).values(scheduled_at=hours_ago))
        await uow.session.execute(delete(timers).where(timers.c.subject == backdated))
    await schedule(counters, backdated, NOW - timedelta(days=9), 1)
    await schedule(counters, moved, NOW - timedelta(days=9), 2)
    await schedule(counters, late, NOW - timedelta(days=2), 3)
    metrics = Metrics("counters")
    assert await Scheduler(counters, desk.handlers, metrics).sweep() == 3
    told = re.search(rb"lantai_timer_lateness_seconds_sum\{[^}]*\} ([0-9.]+)", render(metrics))
    assert told is not None
    assert 3 * 3600 <= float(told[1]) < 3 * 3600 + 60, "only the timer that waited three hours since it was set"


async def test_timers_of_one_subject_fire_in_the_order_of_their_due_times(counters: Database) -> None:
    subjects = some_ids(10)
    kinds = [f"k{n}" for n in range(6)]
    told: dict[UUID, list[str]] = {s: [] for s in subjects}

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        await asyncio.sleep(0.01)
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=timer.payload["n"]))

    for subject in subjects:
        for n, kind in reversed(list(enumerate(kinds))):
            await schedule(counters, subject, NOW - timedelta(hours=10 - n), n, kind)
    handlers = dict.fromkeys(kinds, fire)
    async with running(*(Scheduler(counters, handlers, poll_seconds=0.02) for _ in range(4))):
        await until_effects(counters, {s: list(range(6)) for s in told})


async def test_clock_jumps_back_and_forward_do_no_harm(counters: Database, desk: Desk) -> None:
    (a,) = some_ids(1)
    await schedule(counters, a, NOW + timedelta(days=2), 1)
    scheduler = Scheduler(counters, desk.handlers)
    for days in (1, -5, 3, -30, 3, 0, 40):
        await jump(counters, days=days)
        await scheduler.sweep()
    assert await effects_of(counters) == {a: [1]}


async def test_a_cancelled_or_moved_timer_does_not_fire(counters: Database, desk: Desk) -> None:
    cancelled, moved, closed = some_ids(3)
    for subject in (cancelled, moved, closed):
        await schedule(counters, subject, NOW - timedelta(hours=1), 1)
        await schedule(counters, subject, NOW - timedelta(hours=1), 2, "escalate")
    async with counters.write(SYSTEM) as uow:
        uow.cancel(cancelled, "remind")
        uow.schedule(moved, "remind", NOW + timedelta(days=1), {"n": 1})
        uow.cancel(closed)
    await Scheduler(counters, desk.handlers).sweep()
    assert await effects_of(counters) == {cancelled: [2], moved: [2]}


async def test_a_command_and_the_firing_of_its_timer_do_not_deadlock(counters: Database) -> None:
    """Both want the aggregate's row, then the timers: the loser's effect is rolled back, nobody is a victim."""
    (a,) = some_ids(1)
    await schedule(counters, a, NOW - timedelta(hours=1))
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(insert(effects).values(subject=a, number=-1))
    aggregate = select(effects).where(effects.c.number == -1).with_for_update()
    command_holds, timer_waits = asyncio.Event(), asyncio.Event()

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        timer_waits.set()
        await uow.session.execute(aggregate)
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    async def command() -> None:
        async with counters.write(SYSTEM) as uow:
            await uow.session.execute(aggregate)
            command_holds.set()
            await timer_waits.wait()
            await asyncio.sleep(0.1)
            uow.cancel(a)

    running_command = asyncio.create_task(command())
    await command_holds.wait()
    await Scheduler(counters, {"remind": fire}).sweep()
    await running_command
    assert await effects_of(counters) == {a: [-1]}
    assert await open_timers(counters) == 0


async def test_a_handler_may_set_its_own_kind_anew(counters: Database) -> None:
    (a,) = some_ids(1)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        await uow.session.execute(insert(effects).values(subject=a, number=timer.payload["n"]))
        uow.schedule(a, "remind", timer.due_at + timedelta(days=1), {"n": timer.payload["n"] + 1})

    await schedule(counters, a, NOW - timedelta(days=2, hours=1), 1)
    scheduler = Scheduler(counters, {"remind": fire})
    for _ in range(5):
        await scheduler.sweep()
    assert await effects_of(counters) == {a: [1, 2, 3]}
    assert await open_timers(counters) == 1


async def test_what_a_firing_timer_emits_and_changes_is_one_transaction_with_its_mark(counters: Database) -> None:
    good, bad = some_ids(2)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        uow.emit(Counted(number=1), subject=timer.subject, agency_id=AGENCY)
        if timer.subject == bad:
            raise RuntimeError

    for subject in (bad, good):
        await schedule(counters, subject, NOW - timedelta(hours=1))
    await Scheduler(counters, {"remind": fire}).sweep()
    async with counters.read() as session:
        assert (await session.scalars(select(outbox.c.key))).all() == [str(good)]
    assert await open_timers(counters) == 1


async def test_a_failing_timer_is_retried_and_ends_as_a_dead_letter_while_others_fire(
    counters: Database, desk: Desk
) -> None:
    subjects = some_ids(20)
    desk.fails = {7}
    for n, subject in enumerate(subjects):
        await schedule(counters, subject, NOW - timedelta(hours=20 - n), n)
    async with running(Scheduler(counters, desk.handlers, retries=QUICK, poll_seconds=0.02)):
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects) if n != 7})
        await until(lambda: dead(counters))
        letter = await dead(counters)
        assert letter is not None
        assert (letter.kind, letter.attempts, letter.error) == ("timer", 3, "RuntimeError: number 7")
        assert await open_timers(counters) == 0
        desk.fails = set()
        async with counters.write(SYSTEM) as uow:
            await letters.replay(uow, letter.id)
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects)})
    assert desk.told[-1].due_at == NOW - timedelta(hours=13)


async def dead(db: Database) -> letters.DeadLetter | None:
    async with db.read() as session:
        row = (await session.execute(letters.listing())).first()
    return letters.letter(row) if row else None


async def test_a_discarded_timer_never_fires(counters: Database, desk: Desk) -> None:
    (a,) = some_ids(1)
    desk.fails = {1}
    await schedule(counters, a, NOW - timedelta(hours=1), 1)
    async with running(Scheduler(counters, desk.handlers, retries=QUICK, poll_seconds=0.02)):
        letter = await until(lambda: dead(counters))
        desk.fails = set()
        async with counters.write(SYSTEM) as uow:
            await letters.discard(uow, letter.id, "不再需要")
        await asyncio.sleep(0.3)
    assert await effects_of(counters) == {}


@pytest.mark.parametrize("where", ["flush", "commit"])
async def test_a_failure_that_only_the_end_tells_holds_up_no_other(counters: Database, desk: Desk, where: str) -> None:
    deferred = "DEFERRABLE INITIALLY DEFERRED" if where == "commit" else ""
    async with counters.engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE effects ADD UNIQUE (subject, number) {deferred}"))
    subjects = some_ids(5)
    for subject in subjects:
        await schedule(counters, subject, NOW - timedelta(hours=1), 1)
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(insert(effects).values(subject=subjects[2], number=1))
    async with running(Scheduler(counters, desk.handlers, retries=QUICK, poll_seconds=0.02)):
        await until_effects(counters, {s: [1] for s in subjects})
        letter = await until(lambda: dead(counters))
    assert letter.error == "UniqueViolationError 23505"


async def test_a_kind_without_a_handler_is_left_alone(counters: Database, desk: Desk) -> None:
    (a,) = some_ids(1)
    await schedule(counters, a, NOW - timedelta(hours=1), 1, "unheard_of")
    await Scheduler(counters, desk.handlers).sweep()
    assert await open_timers(counters) == 1


async def test_a_database_in_trouble_accuses_no_timer(counters: Database, desk: Desk) -> None:
    subjects = some_ids(200)
    async with counters.write(SYSTEM) as uow:
        for subject in subjects:
            uow.schedule(subject, "remind", NOW - timedelta(hours=1), {"n": 1})
    async with running(Scheduler(counters, desk.handlers, poll_seconds=0.02)):
        for _ in range(8):
            await asyncio.sleep(0.03)
            async with counters.engine.connect() as connection:
                await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
        await until_effects(counters, {s: [1] for s in subjects})
    async with counters.read() as session:
        assert await session.scalar(select(func.count()).select_from(dead_letters)) == 0
        assert await session.scalar(select(func.max(timers.c.attempts))) == 0
