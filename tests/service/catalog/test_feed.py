"""The change feed: no change is missed, withdrawn titles vanish, pollers are spared, CMSs answer."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
from lxml import etree
from sqlalchemy import func, select

from services.catalog.documents.models import Document
from services.catalog.feeds.commands import SEALER_LOCK, append, seal_once
from services.catalog.feeds.rules import Change
from shared.auth import Role
from tests.kit.apps import OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.catalog.desk import act, approver, clerk, ok, published, refused, seal
from tests.service.catalog.test_changes import CLEAR, decide, propose, reviewer

ATOM = {"a": "http://www.w3.org/2005/Atom", "at": "http://purl.org/atompub/tombstones/1.0"}
WITHDRAWAL = {"reason": "内容有误。"}


async def poll(service: ServiceUnderTest, **params: Any) -> dict[str, Any]:
    return ok(await service.client.get("/feed", params=params))


async def test_published_corrected_withdrawn_in_their_order(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)
    document = ok(await propose(catalog, document), 201)
    document = ok(await decide(catalog, document, "approval", reviewer(catalog), CLEAR))
    assert (await poll(catalog))["items"] == []
    assert (await catalog.gauges())["feed_lag_seconds"] > 0
    assert await seal(catalog) == 2

    page = await poll(catalog)
    assert [(item["sequence"], item["change"]) for item in page["items"]] == [(1, "published"), (2, "corrected")]
    assert page["items"][0]["title"] == document["title"]
    ok(await act(catalog, document, "withdrawal", approver(catalog), WITHDRAWAL))
    await seal(catalog)
    news = await poll(catalog, cursor=page["next_cursor"])
    assert [(item["change"], item["reason"]) for item in news["items"]] == [("withdrawn", "内容有误。")]
    assert [item["title"] for item in (await poll(catalog))["items"]] == [None, None, None]
    quiet = await poll(catalog, cursor=news["next_cursor"])
    assert (quiet["items"], quiet["next_cursor"]) == ([], news["next_cursor"])
    assert (await catalog.gauges())["feed_lag_seconds"] == 0


async def test_a_change_that_commits_late_is_not_missed(catalog: ServiceUnderTest) -> None:
    """The first transaction writes first and commits last; a poller in between must still get its change."""
    documents = [await published(catalog, document_number=None) for _ in range(2)]
    await seal(catalog)
    cursor = (await poll(catalog))["next_cursor"]
    written, polled = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        async with catalog.write() as uow:
            row = await uow.session.get_one(Document, UUID(documents[0]["id"]), with_for_update=True)
            append(uow, row, Change.CORRECTED, "先写后交")
            await uow.session.flush()
            written.set()
            await polled.wait()

    task = asyncio.create_task(late())
    await written.wait()
    async with catalog.write() as uow:
        row = await uow.session.get_one(Document, UUID(documents[1]["id"]), with_for_update=True)
        append(uow, row, Change.CORRECTED, "后写先交")
    await seal(catalog)
    first = await poll(catalog, cursor=cursor)
    polled.set()
    await task
    await seal(catalog)
    second = await poll(catalog, cursor=first["next_cursor"])

    assert [item["reason"] for item in first["items"]] == ["后写先交"]
    assert [item["reason"] for item in second["items"]] == ["先写后交"]


async def test_two_sealers_at_once_give_each_change_one_number(catalog: ServiceUnderTest) -> None:
    for _ in range(5):
        await published(catalog, document_number=None)
    await asyncio.gather(*(seal_once(catalog.deps.db) for _ in range(4)))
    await seal(catalog)
    assert [item["sequence"] for item in (await poll(catalog))["items"]] == [1, 2, 3, 4, 5]


async def test_a_sealer_waits_for_nobody_and_numbers_nothing_beside_another(catalog: ServiceUnderTest) -> None:
    await published(catalog, document_number=None)
    async with catalog.write() as uow:
        await uow.session.execute(select(func.pg_advisory_xact_lock(SEALER_LOCK)))
        assert await seal(catalog) == 0
    assert await seal(catalog) == 1


async def test_a_poller_pages_through_and_may_ask_for_one_agency(catalog: ServiceUnderTest) -> None:
    for _ in range(3):
        await published(catalog, document_number=None)
    await seal(catalog)
    page = await poll(catalog, limit=2)
    assert (len(page["items"]), page["has_more"]) == (2, True)
    rest = await poll(catalog, limit=2, cursor=page["next_cursor"])
    assert (len(rest["items"]), rest["has_more"]) == (1, False)
    assert (await poll(catalog, agency_id=str(OTHER_COUNTY)))["items"] == []
    refused(await catalog.client.get("/feed", params={"cursor": "WyJhIl0"}), 400, "bad_cursor")


async def test_head_answers_as_get_without_the_body(catalog: ServiceUnderTest) -> None:
    await published(catalog)
    await seal(catalog)
    for path in ("/feed", "/feed.atom"):
        whole, head = await catalog.client.get(path), await catalog.client.head(path)
        assert (head.status_code, head.content, len(whole.content) > 100) == (200, b"", True)
        for field in ("etag", "content-type", "content-length", "cache-control"):
            assert head.headers[field] == whole.headers[field], (path, field)
        again = await catalog.client.head(path, headers={"If-None-Match": head.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_an_unchanged_feed_is_304(catalog: ServiceUnderTest) -> None:
    await published(catalog, document_number=None)
    await seal(catalog)
    for path in ("/feed", "/feed.atom"):
        first = await catalog.client.get(path)
        tag = {"If-None-Match": first.headers["etag"]}
        assert "last-modified" not in first.headers  # another change may still fall into this second
        unchanged = await catalog.client.get(path, headers=tag)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    await asyncio.sleep(2.1)
    settled = await catalog.client.get("/feed")
    since = {"If-Modified-Since": settled.headers["last-modified"]}
    assert (await catalog.client.get("/feed", headers=since)).status_code == 304
    assert (await catalog.client.get("/feed", headers={"If-Modified-Since": "gestern"})).status_code == 200
    await published(catalog, document_number=None)
    await seal(catalog)
    for path in ("/feed", "/feed.atom"):
        assert (await catalog.client.get(path, headers=tag | since)).status_code == 200


async def test_atom_shows_each_document_once_and_a_tombstone_for_the_withdrawn(catalog: ServiceUnderTest) -> None:
    kept = await published(catalog, title="关于<节约用水>的通知 & 说明")
    gone = await published(catalog, document_number=None)
    ok(await act(catalog, gone, "withdrawal", approver(catalog), WITHDRAWAL))
    await seal(catalog)

    answer = await catalog.client.get("/feed.atom")

    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.content)
    assert [e.text for e in feed.findall("a:entry/a:title", ATOM)] == ["关于<节约用水>的通知 & 说明"]
    assert [e.text for e in feed.findall("a:entry/a:id", ATOM)] == [f"urn:uuid:{kept['id']}"]
    (tombstone,) = feed.findall("at:deleted-entry", ATOM)
    assert tombstone.get("ref") == f"urn:uuid:{gone['id']}"
    assert gone["title"] not in answer.text


async def test_an_empty_atom_feed_is_still_a_feed(catalog: ServiceUnderTest) -> None:
    feed = etree.fromstring((await catalog.client.get("/feed.atom")).content)
    assert feed.findtext("a:updated", namespaces=ATOM)
    assert feed.findall("a:entry", ATOM) == []


async def receipt(service: ServiceUnderTest, who: dict[str, str] | None = None, **changed: Any) -> httpx.Response:
    body = {
        "cms": "青山县政府网",
        "sequence": 1,
        "outcome": "taken",
        "url": "https://www.example.gov.cn/1.html",
    }
    return await service.client.post("/feed/receipts", json=body | changed, headers=(who or clerk(service)) | new_key())


async def test_a_cms_proves_what_it_shows(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)
    await seal(catalog)
    path = f"/workbench/documents/{document['id']}/receipts"
    proof = ok(await catalog.client.get(path, headers=clerk(catalog)))
    assert (proof["newest_sequence"], proof["proven"]) == (1, False)

    ok(await receipt(catalog, outcome="failed", url=None, note="栏目未建。"), 201)
    assert ok(await catalog.client.get(path, headers=clerk(catalog)))["proven"] is False
    taken = ok(await receipt(catalog), 201)
    assert ok(await receipt(catalog), 201)["id"] == taken["id"]
    refused(await receipt(catalog, url="https://www.example.gov.cn/2.html"), 409, "receipt_already_recorded")
    proof = ok(await catalog.client.get(path, headers=clerk(catalog)))
    assert (proof["proven"], len(proof["receipts"])) == (True, 1)
    document = ok(await act(catalog, document, "withdrawal", approver(catalog), WITHDRAWAL))
    await seal(catalog)
    assert ok(await catalog.client.get(path, headers=clerk(catalog)))["proven"] is False
    ok(await receipt(catalog, sequence=2, url=None), 201)
    assert ok(await catalog.client.get(path, headers=clerk(catalog)))["proven"] is True


async def test_receipts_that_are_refused(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)
    await seal(catalog)
    refused(await receipt(catalog, sequence=99), 404, "not_found")
    refused(await receipt(catalog, url=None), 422, "receipt_url_invalid")
    refused(await receipt(catalog, url="javascript:alert(1)"), 422, "validation_failed")
    refused(await receipt(catalog, who=clerk(catalog, OTHER_COUNTY)), 403, "forbidden")
    refused(await receipt(catalog, who=catalog.staff(Role.REVIEWER)), 403, "forbidden")
    unkeyed = await catalog.client.post("/feed/receipts", json={}, headers=clerk(catalog))
    refused(unkeyed, 400, "idempotency_key_missing")
    path = f"/workbench/documents/{document['id']}/receipts"
    refused(await catalog.client.get(path, headers=clerk(catalog, OTHER_COUNTY)), 403, "forbidden")
    refused(await catalog.client.get(path), 401, "unauthenticated")
