"""A reply that leads to a new document asks for it in both versions of the event, until no reader of v1 is left."""

from datetime import date

from shared.events.requests import PublicationRequested, PublicationRequestedV2
from tests.kit.apps import BUREAU, ServiceUnderTest
from tests.service.requests.desk import THURSDAY, replied, running_case, set_today, uid

TITLE, FORMED_ON = "供热管网改造公告", date(2026, 6, 1)


async def test_both_versions_go_out_with_one_id_and_the_newer_first(requests: ServiceUnderTest) -> None:
    """A reader that knows both takes the first and its inbox drops the second: the order decides which one acts."""
    await set_today(requests, date(2026, 6, 15))
    case = await running_case(requests, THURSDAY)
    await replied(requests, case, new_document_title=TITLE, new_document_formed_on=FORMED_ON.isoformat())
    told = [e for e in await requests.emitted() if isinstance(e.data, PublicationRequested | PublicationRequestedV2)]
    fact = {
        "application_id": uid(case),
        "receipt_number": case["receipt_number"],
        "title": TITLE,
        "formed_on": FORMED_ON,
    }
    note = f"由依申请公开转为主动公开（受理编号 {case['receipt_number']}）"
    assert [envelope.data for envelope in told] == [
        PublicationRequestedV2(**fact),
        PublicationRequested(**fact, note=note),
    ]
    assert {(envelope.id, envelope.subject, envelope.agency_id) for envelope in told} == {
        (told[0].id, uid(case), BUREAU)
    }


async def test_a_reply_without_a_new_document_asks_for_none(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 15))
    await replied(requests, await running_case(requests, THURSDAY))
    assert await requests.emitted(PublicationRequested) == []
    assert await requests.emitted(PublicationRequestedV2) == []
