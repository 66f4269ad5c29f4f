"""A document's way from draft to publication, and who may not take which step."""

from shared.events.catalog import DocumentPublished
from tests.kit.apps import ServiceUnderTest
from tests.service.catalog.desk import (
    DRAFT,
    ok,
    published,
)


async def test_a_document_becomes_public_with_its_number_events_and_page(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)

    year = document["published_on"][:4]
    assert document["state"] == "published"
    assert document["index_number"] == f"11500000MB1670257B/{year}-00001"
    assert document["formed_on"] == document["published_on"]
    shown = ok(await catalog.client.get(f"/documents/{document['id']}"))
    assert shown["body"] == DRAFT["body"]
    assert shown["content_source"] == "青山县应急管理局"
    page = await catalog.client.get(f"/documents/{document['id']}/page")
    assert page.status_code == 200
    assert '<meta name="ArticleTitle" content="青山县应急管理局关于做好汛期安全工作的通知">' in page.text
    (event,) = await catalog.emitted(DocumentPublished)
    assert event.data.index_number == document["index_number"]
    assert str(event.data.document_id) == document["id"]
    listed = ok(await catalog.client.get("/documents", params={"document_number": "青应急[2026]7号"}))
    assert [item["id"] for item in listed["items"]] == [document["id"]]
