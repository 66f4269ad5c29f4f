"""What the service shows of itself: its OpenAPI document, its gauges, and what it drafts on request."""

from datetime import date
from uuid import UUID

from sqlalchemy import event as sqlalchemy_event

from shared.db.ids import uuid7
from shared.events.catalog import DocumentPublished
from shared.events.requests import PublicationRequested, PublicationRequestedV2
from tests.kit.apps import BUREAU, ServiceUnderTest
from tests.service.catalog.desk import CLEAR, act, approver, clerk, match, ok, reviewer, submitted


async def test_every_operation_declares_who_may_call_it(catalog: ServiceUnderTest) -> None:
    document = ok(await catalog.client.get("http://service.test/api/catalog/openapi.json"))
    own = ("agencies", "calendar-notices", "documents", "workbench", "obligation", "search", "feed")
    public, staff = set(), set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            short = path.removeprefix("/api/catalog/v1/")
            if short.startswith(own):
                (public if operation["security"] == [] else staff).add(f"{method} {short}")
    assert public == {
        "get agencies",
        "get agencies/{agency_id}",
        "get calendar-notices",
        "get calendar-notices/{notice_id}",
        "get documents",
        "get documents/{document_id}",
        "get documents/{document_id}/meta-tags",
        "get search",
        "get feed",
        "get feed.atom",
    }
    assert {"post documents", "get workbench/documents", "post feed/receipts", "post calendar-notices/preview"} <= staff


async def test_gauges_count_what_waits(catalog: ServiceUnderTest) -> None:
    await submitted(catalog)
    gauges = await catalog.gauges()
    assert gauges["documents_awaiting_review"] == 1
    assert gauges["documents_awaiting_publication"] == 0
    assert set(gauges) == {
        "obligations_overdue",
        "documents_awaiting_review",
        "documents_awaiting_publication",
        "calendar_coverage_days",
        "feed_lag_seconds",
    }


async def test_a_reply_that_leads_to_a_document_is_drafted_once_and_told_when_public(catalog: ServiceUnderTest) -> None:
    case = uuid7()
    event = PublicationRequestedV2(
        application_id=case,
        receipt_number="11500000MB1670257B-2026-000007",
        title="青山县防汛物资储备情况",
        formed_on=date(2026, 11, 20),
        public_text="截至十月底，全县储备编织袋二十万条。",
    )
    for _ in range(2):
        await catalog.consume(event, subject=case, agency_id=BUREAU)

    listed = ok(await catalog.client.get("/workbench/documents", headers=clerk(catalog)))
    (document,) = listed["items"]
    assert (document["state"], document["attribute"]) == ("draft", "proactive")
    assert document["origin_application_id"] == str(case)
    document = ok(await act(catalog, document, "submission", clerk(catalog)))
    document = ok(await act(catalog, document, "review", reviewer(catalog), CLEAR))
    document = ok(await act(catalog, document, "sign-off", approver(catalog), {}))
    document = ok(await act(catalog, document, "publication", clerk(catalog)))
    (told,) = await catalog.emitted(DocumentPublished)
    assert told.data.origin_application_id == case
    assert told.data.url.endswith(f"/api/catalog/v1/documents/{UUID(document['id'])}/page")
    assert match(document) == {"If-Match": '"5"'}


async def test_a_request_of_the_version_before_is_drafted_without_its_note(catalog: ServiceUnderTest) -> None:
    """The log still holds some; their note names the case, which the public text must not."""
    case = uuid7()
    event = PublicationRequested(
        application_id=case,
        receipt_number="11500000MB1670257B-2026-000008",
        title="青山县防汛物资储备情况",
        formed_on=date(2026, 11, 20),
        note="由依申请公开转为主动公开（受理编号 11500000MB1670257B-2026-000008）",
    )
    await catalog.consume(event, subject=case, agency_id=BUREAU)
    (document,) = ok(await catalog.client.get("/workbench/documents", headers=clerk(catalog)))["items"]
    whole = ok(await catalog.client.get(f"/workbench/documents/{document['id']}", headers=clerk(catalog)))
    assert whole["body"] == "青山县防汛物资储备情况"
    assert "000008" not in str({name: whole[name] for name in ("title", "body")})


async def test_lists_cost_the_same_number_of_statements_however_long(catalog: ServiceUnderTest) -> None:
    counted: list[str] = []
    engine = catalog.deps.db.engine.sync_engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    costs = []
    for n in range(1, 4):
        await submitted(catalog, document_number=f"青应急〔2026〕{n}号")
        counted.clear()
        ok(await catalog.client.get("/workbench/documents", headers=clerk(catalog)))
        costs.append(len(counted))
    assert len(set(costs)) == 1
