"""Reading the log again: a group goes back, its inbox drops what it has handled; `lantai replay` does it by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from subprocess import CompletedProcess

import pytest
from sqlalchemy import delete, select

from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.spine import inbox
from shared.events.sentiment import INCIDENTS
from tests.kit.lantai import run
from tests.kit.spine import COUNTERS, SYSTEM, Counter, effects, effects_of, emit, running, some_ids, until_effects

Command = Callable[..., CompletedProcess[str]]
GROUP = "lantai.notify"


async def test_what_was_handled_takes_no_second_effect_and_what_was_lost_comes_back(
    counters: Database, bus: EmbeddedTransport
) -> None:
    (subject,) = some_ids(1)
    counter = Counter()
    async with running(Relay(counters, bus), Consumers(counters, bus, "g", counter.handlers)):
        await emit(counters, subject, 1, 2, 3)
        await until_effects(counters, {subject: [1, 2, 3]})
    async with counters.write(SYSTEM) as uow:  # as a database restored from an older copy: the third never happened
        third = select(inbox.c.event_id).order_by(inbox.c.event_id.desc()).limit(1).scalar_subquery()
        await uow.session.execute(delete(inbox).where(inbox.c.event_id == third))
        await uow.session.execute(delete(effects).where(effects.c.number == 3))
    assert await bus.rewind("g", [COUNTERS.name], None) == {COUNTERS.name: 3}
    async with running(Relay(counters, bus), Consumers(counters, bus, "g", counter.handlers)):
        await until_effects(counters, {subject: [1, 2, 3]})
        await emit(counters, subject, 4)
        await until_effects(counters, {subject: [1, 2, 3, 4]})
    assert await effects_of(counters) == {subject: [1, 2, 3, 4]}


@pytest.fixture
async def log(bus: EmbeddedTransport) -> AsyncIterator[EmbeddedTransport]:
    """A log with three incidents that the group of notify has read."""
    await bus.ensure_topics([INCIDENTS])
    await bus.publish([Record(INCIDENTS.name, f"k{n}", {}, b"{}") for n in range(3)])
    async with bus.subscribe(GROUP, [INCIDENTS.name]) as subscription:
        await subscription.commit(await subscription.fetch(10, 10))
    yield bus


@pytest.fixture
def command(counters_url: str, bus_url: str) -> Command:
    environment = {"LANTAI_ENV": "test", "LANTAI_POSTGRES_URL": counters_url, "LANTAI_BUS_URL": bus_url}
    return lambda *arguments: run("replay", "notify", *arguments, environment=environment)


async def unread(log: EmbeddedTransport) -> int:
    async with log.subscribe(GROUP, [INCIDENTS.name]) as subscription:
        return len(await subscription.fetch(10, 2))


async def test_the_command_sends_a_service_back(log: EmbeddedTransport, command: Command) -> None:
    topic = ("--topic", INCIDENTS.name)
    assert await unread(log) == 0
    done = await asyncio.to_thread(command, "--from-beginning", *topic)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"notify {INCIDENTS.name}: 3 to read")
    assert await unread(log) == 3


async def test_the_command_passes_nothing_over(log: EmbeddedTransport, command: Command) -> None:
    """Neither by a time after what is unread, nor by a year mistyped."""
    topic = ("--topic", INCIDENTS.name)
    await log.publish([Record(INCIDENTS.name, "k3", {}, b"{}")])
    now = datetime.now(UTC)
    done = await asyncio.to_thread(command, "--from-time", now.isoformat(), *topic)
    assert done.stdout.startswith(f"notify {INCIDENTS.name}: 1 to read")
    refused = await asyncio.to_thread(command, "--from-time", now.replace(year=now.year + 1, day=1).isoformat(), *topic)
    assert refused.returncode == 1 and "lies in the future" in refused.stderr
    assert await unread(log) == 1


async def test_the_command_leaves_a_service_alone_that_is_reading(log: EmbeddedTransport, command: Command) -> None:
    async with log.subscribe(GROUP, [INCIDENTS.name]) as subscription:
        await subscription.fetch(1, 1)
        refused = await asyncio.to_thread(command, "--from-beginning", "--topic", INCIDENTS.name)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"lantai: somebody reads for {GROUP}: stop `lantai worker notify`, or `lantai up`")
    assert await unread(log) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "--from-time"),
        (["--from-beginning", "--from-time", "2026-11-23T08:00+08:00"], 2, "--from-beginning"),
        (["--from-time", "yesterday"], 1, "not a time"),
        (["--from-time", "2026-11-23T08:00"], 1, "+08:00"),
        (["--from-time", "1969-12-31T23:59+00:00"], 1, "say --from-beginning"),
        (["--from-beginning", "--topic", "lantai.requests.replies"], 1, "notify does not read"),
    ],
)
def test_a_wrong_use_is_told(command: Command, arguments: list[str], code: int, said: str) -> None:
    refused = command(*arguments)
    assert refused.returncode == code and said in refused.stderr
