"""A release that packages another year dates open cases anew, as a notice does, and leaves closed ones as they were."""

import asyncio
from datetime import date
from pathlib import Path

from services.requests.desk import Desk
from services.requests.redating.tasks import note_release, redate_all
from shared.auth import Role
from shared.calendar import end_of_day
from shared.events import requests as events
from tests.kit.apps import ServiceUnderTest
from tests.kit.releases import next_release
from tests.service.requests.desk import get, replied, running_case, set_today, uid
from tests.service.requests.test_known_calendar import clock


async def redate(service: ServiceUnderTest) -> int:
    await note_release(service.deps.db)
    return await redate_all(service.deps.db, Desk.of(service.deps))


async def test_a_year_that_arrives_with_a_release_dates_open_cases_anew(
    requests: ServiceUnderTest, tmp_path: Path
) -> None:
    await set_today(requests, date(2026, 12, 10))
    assert await redate(requests) == 0
    case, certain = await running_case(requests), await running_case(requests, date(2026, 11, 20))
    assert (case["provisional"], certain["provisional"]) == (True, False)
    with next_release(tmp_path) as upgrade:
        upgrade()
        assert await redate(requests) == 1
        after = await get(requests, case)
        assert (after["due_on"], after["provisional"]) == ("2027-01-09", False)
        (listed,) = [
            row
            for row in (await requests.client.get("/applications", headers=requests.staff(Role.CLERK))).json()["items"]
            if row["id"] == case["id"]
        ]
        assert (listed["due_on"], listed["provisional"]) == ("2027-01-09", False)
        assert (await requests.open_timers(uid(case)))["overdue"] == end_of_day(date(2027, 1, 9))
        (told,) = await requests.emitted(events.ApplicationRedated)
        assert told.subject == uid(case)
        assert (await get(requests, certain))["version"] == certain["version"]
        assert await redate(requests) == 0


async def test_a_closed_case_keeps_the_years_that_were_packaged_when_it_was_closed(
    requests: ServiceUnderTest, tmp_path: Path
) -> None:
    await set_today(requests, date(2026, 12, 10))
    await note_release(requests.deps.db)
    closed = await replied(requests, await running_case(requests))
    still_open = await running_case(requests)
    before = await clock(requests, closed)
    assert before["provisional"]
    await set_today(requests, date(2026, 12, 14))
    with next_release(tmp_path) as upgrade:
        upgrade()
        await redate(requests)
        assert await clock(requests, closed) == before
        row = await get(requests, closed)
        dated = ("version", "state", "due_on", "provisional")
        assert [row[name] for name in dated] == [closed[name] for name in dated]
        later = await replied(requests, await get(requests, still_open))
        assert not (await clock(requests, later))["provisional"]


async def test_of_workers_that_start_at_once_one_asks(requests: ServiceUnderTest, tmp_path: Path) -> None:
    await set_today(requests, date(2026, 12, 10))
    await note_release(requests.deps.db)
    await running_case(requests)
    with next_release(tmp_path) as upgrade:
        upgrade()
        await asyncio.gather(*(note_release(requests.deps.db) for _ in range(4)))
        assert await redate_all(requests.deps.db, Desk.of(requests.deps)) == 1
    await note_release(requests.deps.db)  # the older release again, as after a failed upgrade
    assert await redate_all(requests.deps.db, Desk.of(requests.deps)) == 1
    assert [told.data.provisional for told in await requests.emitted(events.ApplicationRedated)] == [False, True]  # type: ignore[attr-defined]
