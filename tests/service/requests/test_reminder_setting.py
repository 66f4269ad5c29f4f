"""The days of the reminders are a setting: no timer set under an earlier one is left without somebody to end it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time

import httpx

from services.requests.desk import Desk
from services.requests.redating.tasks import note_reminder_days, redate_all
from shared.bus.memory import MemoryTransport
from shared.calendar import end_of_day, start_of_day
from shared.events import TOPICS
from shared.events import requests as events
from shared.service.worker import Worker
from tests.kit.apps import ServiceUnderTest, make_deps
from tests.kit.spine import until
from tests.service.requests.desk import THURSDAY, calendar, get, replied, running_case, set_today, uid
from tests.service.requests.test_reminders import DUE, NIGHT, due_soon


@asynccontextmanager
async def restarted(service: ServiceUnderTest, *days: int) -> AsyncIterator[ServiceUnderTest]:
    """The service on the same database, after its days were set to these."""
    settings = service.deps.settings.model_copy(update={"reminder_days": days})
    deps = make_deps(settings, service.deps.db.url, service.issuer)
    app = service.definition.create_app(deps)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=service.client.base_url) as client:
        yield replace(service, deps=deps, app=app, client=client)
    await deps.db.dispose()


def planned(*days: int) -> dict[str, datetime]:
    """The timers of a case that is due on `DUE`."""
    reminders = {f"reminder_{n}": start_of_day(calendar().nth_before(DUE, n)) for n in days}
    return reminders | {"overdue": end_of_day(DUE)}


async def test_a_timer_of_an_earlier_setting_ends_without_a_word_and_the_case_is_planned_anew(
    requests: ServiceUnderTest,
) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    async with restarted(requests, 2) as changed:
        assert await changed.open_timers(uid(case)) == planned(5, 3, 1)
        await set_today(changed, calendar().nth_before(DUE, 5), NIGHT)
        assert await changed.fire_due_timers() == ["reminder_5"]
        assert await changed.open_timers(uid(case)) == planned(2)
        assert await due_soon(changed) == []
        await set_today(changed, calendar().nth_before(DUE, 1), NIGHT)
        assert await changed.fire_due_timers() == ["reminder_2"]
        assert await due_soon(changed) == [1]


async def test_what_happens_to_a_case_takes_the_timers_of_an_earlier_setting_away(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    closed = await running_case(requests)
    async with restarted(requests, 7, 2) as changed:
        closed = await replied(changed, closed)
        assert await changed.open_timers(uid(closed)) == {}


async def test_a_timer_that_was_left_on_a_closed_case_ends_and_leaves_the_case_as_it_is(
    requests: ServiceUnderTest,
) -> None:
    await set_today(requests, THURSDAY)
    closed = await replied(requests, await running_case(requests))
    async with requests.write() as uow:  # as it was left where the setting changed before the case was closed
        uow.schedule(uid(closed), "reminder_60", uow.now)
    await set_today(requests, date(2026, 9, 1))
    assert await requests.fire_due_timers() == ["reminder_60"]
    assert await requests.open_timers(uid(closed)) == {}
    assert await get(requests, closed) == closed


async def test_one_who_was_reminded_under_an_earlier_setting_is_not_reminded_of_an_earlier_day(
    requests: ServiceUnderTest,
) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    await set_today(requests, calendar().nth_before(DUE, 5), NIGHT)
    assert await requests.fire_due_timers() == ["reminder_5"]
    async with restarted(requests, 7, 2) as changed:
        await set_today(changed, calendar().nth_before(DUE, 3), NIGHT)
        assert await changed.fire_due_timers() == ["reminder_3", "reminder_7"]
        assert await due_soon(changed) == [5]
        assert await changed.open_timers(uid(case)) == planned(2)
        await set_today(changed, calendar().nth_before(DUE, 2), time(9))
        assert await changed.fire_due_timers() == ["reminder_2"]
        assert [told.subject for told in await changed.emitted(events.ApplicationDueSoon)] == [uid(case)] * 2


async def test_a_worker_that_starts_with_other_days_plans_open_cases_anew(
    requests: ServiceUnderTest,
) -> None:
    await set_today(requests, THURSDAY)
    case, closed = await running_case(requests), await replied(requests, await running_case(requests))
    before = await requests.audited(uid(case))
    for days in ((7, 2), (60,), (5, 3, 1)):
        async with restarted(requests, *days) as changed:

            async def done(days: tuple[int, ...] = days) -> bool:
                return await requests.open_timers(uid(case)) == planned(*(n for n in days if n < 60))

            log = MemoryTransport()
            await log.ensure_topics(TOPICS.values())
            async with Worker(changed.definition, changed.deps, log).running():
                await until(done)
    assert [told.subject for told in await requests.emitted(events.ApplicationDueSoon)] == [uid(case)]
    assert await requests.audited(uid(case)) == [*before, "application.reminder_60"]
    assert await requests.emitted(events.ApplicationRedated) == []
    assert (await get(requests, closed), await requests.open_timers(uid(closed))) == (closed, {})


async def replan(service: ServiceUnderTest) -> int:
    """Note the days as a worker does that starts, and work off what there is; return how many chunks there were."""
    await note_reminder_days(service.deps.db, Desk.of(service.deps))
    return await redate_all(service.deps.db, Desk.of(service.deps))


async def test_a_worker_of_the_earlier_setting_leaves_the_walk_to_one_of_the_new(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    assert (await replan(requests), await replan(requests)) == (1, 0)
    case = await running_case(requests)
    async with restarted(requests, 7, 2) as changed:
        desk = Desk.of(changed.deps)
        await asyncio.gather(*(note_reminder_days(changed.deps.db, desk) for _ in range(4)))
        assert await redate_all(requests.deps.db, Desk.of(requests.deps)) == 0
        assert await requests.open_timers(uid(case)) == planned(5, 3, 1)
        assert await redate_all(changed.deps.db, desk) >= 1
        assert await requests.open_timers(uid(case)) == planned(7, 2)
        assert await replan(changed) == 0
    assert (await get(requests, case))["version"] == case["version"]


async def test_a_setting_that_is_taken_back_ends_the_walk_of_the_other(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    await replan(requests)
    case = await running_case(requests)
    async with restarted(requests, 7, 2) as changed:
        await note_reminder_days(changed.deps.db, Desk.of(changed.deps))
        assert await replan(requests) == 1
        assert await redate_all(changed.deps.db, Desk.of(changed.deps)) == 0
        assert await requests.open_timers(uid(case)) == planned(5, 3, 1)
