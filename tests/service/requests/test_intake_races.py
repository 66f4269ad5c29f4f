"""Filing without a lock: whoever was too late with a number or a key has written nothing, and does it again.

Two applications on one database stand for two processes: they share no lane.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from services.requests.applications.models import Application
from services.requests.service import SERVICE
from shared.auth import Role
from shared.db.spine import audit_entries, idempotency_keys, outbox
from shared.db.uow import UnitOfWork
from tests.kit.apps import ServiceUnderTest, make_deps, new_key, running
from tests.kit.postgres import ServiceDatabase
from tests.service.requests.desk import application, register, submit

Offices = tuple[ServiceUnderTest, ServiceUnderTest]


@pytest.fixture
async def offices(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[Offices]:
    url = service_database("requests").url
    async with running(SERVICE, url, public_requests_per_minute=100_000) as one:
        deps = make_deps(one.deps.settings, url, one.issuer)
        app = SERVICE.create_app(deps)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=one.client.base_url) as client:
            yield one, replace(one, deps=deps, app=app, client=client)
        await deps.db.dispose()


async def file(office: ServiceUnderTest, key: dict[str, str]) -> httpx.Response:
    return await office.client.post("/applications", json=application(), headers=key)


async def note(answers: list[httpx.Response], office: ServiceUnderTest, key: dict[str, str]) -> None:
    answers.append(await file(office, key))


def assert_replayed(first: httpx.Response, second: httpx.Response) -> None:
    """The second is the first's answer, byte for byte, and says that it is a repeat."""
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers


def serial(receipt: dict[str, Any]) -> int:
    return int(receipt["receipt_number"].rpartition("-")[2])


async def count(office: ServiceUnderTest, what: Any) -> int:
    async with office.deps.db.read() as session:
        found: int = (await session.execute(select(func.count()).select_from(what))).scalar_one()
    return found


@pytest.fixture
def in_between(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Any]]:
    """What is put in here is done once, between what a unit of work has asked first and what it does then."""
    to_do: list[Callable[[], Any]] = []

    def later(does: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def done(uow: UnitOfWork, *asked: Any) -> Any:
            if to_do and uow.actor.kind != "system":
                await to_do.pop()()
            return await does(uow, *asked)

        return done

    for name in ("commit", "fetch"):
        monkeypatch.setattr(UnitOfWork, name, later(getattr(UnitOfWork, name)))
    return to_do


async def test_numbers_are_given_once_and_without_a_gap_whoever_files(offices: Offices) -> None:
    answers = await asyncio.gather(*(file(office, new_key()) for _ in range(40) for office in offices))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(serial(answer.json()) for answer in answers) == list(range(1, 81))
    assert [await count(offices[0], table) for table in (Application, outbox, audit_entries)] == [80, 80, 80]


async def test_who_loses_the_race_for_a_number_gets_the_next(
    offices: Offices, in_between: list[Callable[[], Any]]
) -> None:
    here, there = offices
    in_between.append(lambda: submit(there))
    assert serial(await submit(here)) == 2
    assert serial(await submit(here)) == 3
    assert [await count(here, table) for table in (Application, outbox, audit_entries)] == [3, 3, 3]


async def test_numbers_never_go_back(offices: Offices, in_between: list[Callable[[], Any]]) -> None:
    """Also where no case bears the last ones any more."""
    here, there = offices
    await submit(here)

    async def move_on() -> None:
        async with there.write() as uow:
            await uow.session.execute(text("UPDATE receipt_series SET last_serial = 7"))

    in_between.append(move_on)
    assert [serial(await submit(office)) for office in (here, there)] == [8, 9]


async def test_who_loses_the_race_for_a_key_gets_the_first_answer(
    offices: Offices, in_between: list[Callable[[], Any]]
) -> None:
    here, there = offices
    key, first = new_key(), list[httpx.Response]()
    in_between.append(lambda: note(first, there, key))
    second = await file(here, key)
    assert_replayed(first[0], second)
    assert [await count(here, table) for table in (Application, outbox, idempotency_keys)] == [1, 1, 1]


async def test_repeats_at_one_time_are_one_case(offices: Offices) -> None:
    key = new_key()
    answers = await asyncio.gather(*(file(office, key) for _ in range(8) for office in offices))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await count(offices[0], Application) == 1
    assert serial(await submit(offices[1])) == 2


async def test_a_repeat_that_came_under_the_lock_gets_the_answer_of_one_without(
    offices: Offices, in_between: list[Callable[[], Any]]
) -> None:
    """It lost a number first, so it holds the lock when the other one, which asks for none, is done before it."""
    here, there = offices
    key, first = new_key(), list[httpx.Response]()

    async def take_the_number() -> None:
        await submit(there)
        in_between.append(lambda: note(first, there, key))

    in_between.append(take_the_number)
    second = await file(here, key)
    assert_replayed(first[0], second)
    assert [await count(here, table) for table in (Application, outbox, idempotency_keys)] == [2, 2, 2]
    assert serial(await submit(here)) == 3


async def test_repeats_among_others_are_all_answered_with_their_case(offices: Offices) -> None:
    """Others take the numbers, so one of them is under the lock when the other, which asks for none, is done."""
    rounds = 25
    for _ in range(rounds):
        key = new_key()
        others = [asyncio.create_task(submit(office)) for office in (*offices, *offices)]
        repeats = await asyncio.gather(*(file(office, key) for office in offices))
        await asyncio.gather(*others)
        assert [answer.status_code for answer in repeats] == [201, 201]
        assert repeats[0].content == repeats[1].content
    assert await count(offices[0], Application) == rounds * 5
    assert serial(await submit(offices[1])) == rounds * 5 + 1


async def test_a_refusal_takes_no_number_and_leaves_the_key_free(requests: ServiceUnderTest) -> None:
    clerk, key = requests.staff(Role.CLERK), new_key()
    body = application() | {"channel": "counter", "delivered_on": "2999-01-04"}
    refused = await requests.client.post("/registrations", json=body, headers=clerk | key)
    assert (refused.status_code, refused.json()["code"]) == (422, "date_in_future")
    assert serial(await register(requests)) == 1
    assert await count(requests, idempotency_keys) == 1


async def test_a_key_of_two_days_ago_is_taken_anew(requests: ServiceUnderTest) -> None:
    key = new_key()
    first = await file(requests, key)
    async with requests.write() as uow:
        await uow.session.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '2 days'"))
    second = await file(requests, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert (serial(first.json()), serial(second.json())) == (1, 2)
