"""Every service that does not own the holiday notices keeps them: one that missed a year would call it unknown."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from services.roster import load
from shared.db.ids import uuid7
from shared.events.catalog import CalendarPublished
from tests.kit.apps import running
from tests.kit.postgres import ServiceDatabase

NOTICE = CalendarPublished(
    year=2027,
    version=1,
    notice_number="国办发明电〔2026〕99号（测试）",
    notice_date=date(2026, 11, 10),
    holidays=tuple(date(2027, 10, day) for day in range(1, 8)),
    make_up_days=(date(2027, 10, 9),),
    effective_from=datetime(2026, 11, 10, tzinfo=UTC),
)


@pytest.mark.parametrize("name", ["requests", "sentiment", "notify"])
async def test_a_published_year_is_known_to_every_service(
    name: str, service_database: Callable[[str], ServiceDatabase]
) -> None:
    async with running(load(name), service_database(name).url) as service:
        await service.consume(NOTICE, subject=uuid7())
        ready = (await service.client.get("http://service.test/readyz")).json()
        assert ready["checks"]["calendar"] == {"status": "ok", "reason": "节假日安排已载入至 2027 年"}


async def test_days_of_sentiment_are_counted_with_it(service_database: Callable[[str], ServiceDatabase]) -> None:
    async with running(load("sentiment"), service_database("sentiment").url) as service:
        path = "/statutes/msg.reply/due?on=2027-09-29"
        before = (await service.client.get(path)).json()
        await service.consume(NOTICE, subject=uuid7())
        after = (await service.client.get(path)).json()
    assert (before["provisional"], after["provisional"]) == (True, False)
    assert after["due_on"] == "2027-10-14"
