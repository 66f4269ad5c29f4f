"""`lantai parked-keys`, `timers` and `dead-letters` on a service's database: one line each, and the decisions."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from subprocess import CompletedProcess
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import make_url

from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, dead_letters, parked_events, parked_keys, timers
from shared.timers.rows import due
from tests.kit.lantai import run
from tests.kit.spine import SYSTEM

ERROR = "ValidationError: 2 errors\nname\n  Field required"
KIND = "lantai.test.counter.counted.v1"
Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def command(counters_url: str) -> Command:
    environment = {
        "LANTAI_ENV": "test",
        "LANTAI_POSTGRES_URL": counters_url,
        "LANTAI_NOTIFY_DATABASE_URL": counters_url,
    }
    return lambda *arguments: run(*arguments, environment=environment)


@pytest.fixture
async def head(counters: Database) -> UUID:
    """The head of a key with two events waiting behind it."""
    ids, place = [uuid7() for _ in range(3)], {"topic": "test.counters", "key": str(uuid7())}
    row = {**place, "headers": json.dumps({"ce_type": KIND}), "body": b'{"number":1}'}
    async with counters.write(SYSTEM) as uow:
        retry = {"attempts": 3, "error": ERROR, "retry_at": func.clock_timestamp()}
        await uow.session.execute(insert(parked_keys).values(**place, **retry))
        for event_id in ids:
            await uow.session.execute(insert(parked_events).values(event_id=event_id, **row))
    return ids[0]


async def test_a_parked_key_is_listed_shown_retried_and_discarded(
    counters: Database, head: UUID, command: Command
) -> None:
    (line,) = (await asyncio.to_thread(command, "parked-keys", "list", "notify")).stdout.splitlines()
    assert line.startswith(f"{head} test.counters {KIND} ")
    assert " attempts=3 waiting=2 since=" in line and " next=20" in line
    assert line.endswith("ValidationError: 2 errors …")
    shown = json.loads((await asyncio.to_thread(command, "parked-keys", "show", "notify", str(head))).stdout)
    assert (shown["error"], shown["body"]) == (ERROR, '{"number":1}')

    retried = await asyncio.to_thread(command, "parked-keys", "retry", "notify", str(head))
    assert retried.returncode == 0, retried.stderr
    nameless = await asyncio.to_thread(command, "parked-keys", "discard", "notify", str(head))
    assert nameless.returncode == 2 and "--reason" in nameless.stderr
    why = ("--reason", "对方系统已停用")
    done = await asyncio.to_thread(command, "parked-keys", "discard", "notify", str(head), *why)
    assert done.returncode == 0, done.stderr
    again = await asyncio.to_thread(command, "parked-keys", "discard", "notify", str(head), *why)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1) and "stands still for the event" in again.stderr
    async with counters.read() as session:
        entries = (await session.execute(select(audit_entries).order_by(audit_entries.c.id))).all()
        left = await session.scalar(select(func.count()).select_from(parked_events))
    assert [entry.action for entry in entries] == ["parked_key.retried", "dead_letter.discarded"]
    assert "对方系统已停用" in entries[1].details and entries[1].actor_id.startswith("operator:")
    assert left == 2


async def test_a_dead_letter_is_one_line(counters: Database, head: UUID, command: Command) -> None:
    letter_id = uuid7()
    async with counters.write(SYSTEM) as uow:
        key = (
            await uow.session.execute(update(parked_keys).values(retry_at=None).returning(parked_keys.c.key))
        ).scalar_one()
        await uow.session.execute(
            insert(dead_letters).values(
                id=letter_id,
                kind="event",
                event_id=head,
                topic="test.counters",
                key=key,
                headers=json.dumps({"ce_type": KIND}),
                body=b"{}",
                attempts=8,
                error=ERROR,
            )
        )
    (line,) = (await asyncio.to_thread(command, "dead-letters", "list", "notify")).stdout.splitlines()
    assert line.startswith(f"{letter_id} event test.counters {KIND} {key} died=20")
    assert line.endswith(" attempts=8 waiting=2 ValidationError: 2 errors …")
    (standing,) = (await asyncio.to_thread(command, "parked-keys", "list", "notify")).stdout.splitlines()
    assert f" letter={letter_id} " in standing
    why = ("--reason", "对方系统已停用")
    done = await asyncio.to_thread(command, "dead-letters", "discard", "notify", str(letter_id), *why)
    assert done.returncode == 0, done.stderr
    (line,) = (await asyncio.to_thread(command, "dead-letters", "list", "notify", "--all")).stdout.splitlines()
    assert " waiting=0 discarded ValidationError" in line


async def test_a_failing_timer_is_listed_and_retried(counters: Database, command: Command) -> None:
    first, second, well, fired = subjects = [uuid7() for _ in range(4)]
    async with counters.write(SYSTEM) as uow:
        for place, subject in enumerate(subjects):
            uow.schedule(subject, "overdue", uow.now + timedelta(seconds=place - 10))
    async with counters.write(SYSTEM) as uow:
        later = func.clock_timestamp() + timedelta(hours=1)
        failed = update(timers).values(attempts=3, error=ERROR, retry_at=later).where(timers.c.subject != well)
        await uow.session.execute(failed)
        await uow.session.execute(update(timers).values(fired_at=func.now()).where(timers.c.subject == fired))
        query = select(timers.c.id).where(timers.c.subject == first)
        timer = (await uow.session.execute(query)).scalar_one()
    done = await asyncio.to_thread(command, "timers", "list", "notify")
    assert done.returncode == 0, done.stderr
    line, other = done.stdout.splitlines()
    assert line.startswith(f"{timer} overdue {first} due=20") and " attempts=3 next=20" in line
    assert line.endswith("ValidationError: 2 errors …") and f" {second} " in other

    retried = await asyncio.to_thread(command, "timers", "retry", "notify", str(timer))
    assert retried.returncode == 0, retried.stderr
    async with counters.read() as session:
        ids = await due(session, ["overdue"], 10)
        entries = (await session.execute(select(audit_entries))).all()
    assert timer in ids and len(ids) == 2, "it may be fired now, as the one that is well"
    assert [(entry.action, entry.subject) for entry in entries] == [("timer.retried", first)]
    assert "ValidationError" in entries[0].details and entries[0].actor_id.startswith("operator:")

    absent = await asyncio.to_thread(command, "timers", "retry", "notify", str(uuid7()))
    assert absent.returncode == 1 and "lantai timers list notify" in absent.stderr


async def test_a_sign_in_that_is_refused_is_no_outage(counters_url: str) -> None:
    """The roles' passwords are made from a secret: it was another, or they were never made."""
    stranger = make_url(counters_url).set(username="a_stranger").render_as_string(hide_password=False)
    environment = {"LANTAI_ENV": "test", "LANTAI_NOTIFY_DATABASE_URL": stranger, "LANTAI_POSTGRES_URL": counters_url}
    refused = await asyncio.to_thread(run, "timers", "list", "notify", environment=environment)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "a_stranger" in line and "lantai migrate all" in line and "LANTAI_SECRET_KEY" in line
