"""The sample data loads wholly, once, and without anything outside the repository."""

from sqlalchemy import func, select

from services.catalog.documents.models import Document
from services.catalog.obligations.models import Instance
from services.catalog.sample.load import Loaded, agency_id, document_id, load
from shared.auth import Role
from tests.kit.apps import ServiceUnderTest
from tests.service.catalog.desk import ok, seal


async def test_it_loads_once_and_a_second_load_adds_nothing(catalog: ServiceUnderTest) -> None:
    first = await load(catalog.deps.db, catalog.deps.settings)
    async with catalog.deps.db.read() as session:
        instances = (await session.execute(select(func.count()).select_from(Instance))).scalar_one()
    second = await load(catalog.deps.db, catalog.deps.settings)

    assert first == Loaded(agencies=140, obligations=138, documents=5)
    assert second == Loaded(0, 0, 0)
    async with catalog.deps.db.read() as session:
        assert (await session.execute(select(func.count()).select_from(Instance))).scalar_one() == instances
        documents = {row.id: row for row in (await session.execute(select(Document))).scalars()}
    assert documents[document_id("000")].index_number == "11500114009130039C/2017-00861"
    assert documents[document_id("004")].printed_on.isoformat() == "2017-06-22"
    assert all(row.state == "published" for row in documents.values())


async def test_its_plans_are_found_listed_and_fed(catalog: ServiceUnderTest) -> None:
    await load(catalog.deps.db, catalog.deps.settings)
    await seal(catalog)

    found = ok(await catalog.client.get("/search", params={"q": "不予公开等属性"}))
    assert {hit["document"]["id"] for hit in found["items"]} == {str(document_id("000")), str(document_id("002"))}
    numbered = ok(await catalog.client.get("/search", params={"q": "川办发［2017］40号"}))
    assert [document["id"] for document in numbered["by_number"]] == [str(document_id("001"))]
    feed = ok(await catalog.client.get("/feed"))
    assert [change["change"] for change in feed["items"]] == ["published"] * 5
    office = catalog.staff(Role.CLERK, agency_id("11370900YL0000001C"))
    listed = ok(await catalog.client.get("/obligations", headers=office, params={"limit": 200}))
    assert {"G01", "G33", "G38"} <= {item["key"] for item in listed["items"]}
