"""Chapter 4: a reply that points at a published document, and one that leads to a new one, which a CMS takes."""

from typing import Any

from services.cli.office import CATALOG, CaseFile, DraftFile, all_clear
from services.cli.story.cast import Cast
from services.cli.story.cms import StandInCms
from services.cli.story.narrator import day
from services.cli.story.notices import told
from services.cli.story.subscriber import Subscriber

NEW_TITLE = "雁塔区2025年老旧小区改造项目竣工验收报告"


def replies(cast: Cast, due_now: CaseFile, online: CaseFile) -> None:
    """Answer both cases; what was disclosed to one becomes public for all."""
    cast.narrator.chapter("答复与公开")
    cms = StandInCms(cast.citizen, cast.clerk, cast.office_id)
    cms.catch_up()
    resident = Subscriber(cast)
    resident.subscribe()
    cast.narrator.tell("一位居民订阅了本机关的公开文件，并按确认邮件中的链接确认。")
    _point_at_published(cast, due_now)
    _lead_to_new(cast, online)
    document = _publish(cast, online)
    mail = cast.narrator.eventually("订阅者收到的邮件", lambda: resident.received(NEW_TITLE))
    cast.narrator.tell(f"订阅者收到邮件《{mail['subject']}》，内有地址和取消订阅的链接。")
    _feed(cast, cms, document)


def _point_at_published(cast: Cast, case: CaseFile) -> None:
    """Art. 36(一): the information is public already; the reply says how and where."""
    story = cast.narrator
    hit = cast.citizen.get(f"{CATALOG}/search", q="政务公开", agency_id=cast.office_id)["items"][0]["document"]
    story.tell(f"在目录中检索“政务公开”，找到已公开的《{hit['title']}》（索引号 {hit['index_number']}）。")
    draft = {
        "outcome": "already_public",
        "row": "3.1",
        "content": "该信息已主动公开，可在区政府门户网站查阅。",
        "document_id": hit["id"],
        "document_title": hit["title"],
        "document_url": hit["url"],
    }
    answered = _answer(cast, case, draft)
    story.check("答复所指的文件", answered["reply"]["document_id"], hit["id"])
    story.tell(f"答复为“{answered['reply']['outcome_label']}”（{answered['reply']['articles']}），今日交邮，如期答复。")


def _lead_to_new(cast: Cast, case: CaseFile) -> None:
    """Art. 36(二) and 44: the information may be disclosed, and becomes public for everybody."""
    draft = {
        "outcome": "disclosed",
        "row": "3.1",
        "content": "现将所申请的验收报告提供给您，并将主动公开。",
        "new_document_title": NEW_TITLE,
        "new_document_formed_on": cast.today.isoformat(),
    }
    _answer(cast, case, draft)
    told(cast, case.id, "application.replied", channel="mail", kind="applicant")
    cast.narrator.tell("王芳的申请予以公开；答复已邮件告知本人，所涉文件转为主动公开。")


def _answer(cast: Cast, case: CaseFile, draft: dict[str, Any]) -> dict[str, Any]:
    """Draft, approve by another person, deliver; the remedy sentence is there, and the case is closed in time."""
    story = cast.narrator
    case.act(cast.clerk, "reply", **draft)
    story.refused("经办自己审批答复", "forbidden", lambda: case.act(cast.clerk, "reply/approval", approved=True))
    case.act(cast.approver, "reply/approval", approved=True)
    done = case.act(cast.clerk, "delivery", mode="post", on=cast.today.isoformat(), proof="EZ123456789CN")
    story.check("答复后的状态", done["state"], "replied")
    story.ensure("答复载有救济途径", "行政复议" in done["reply"]["remedy"] and "诉讼" in done["reply"]["remedy"])
    return done


def _publish(cast: Cast, case: CaseFile) -> DraftFile:
    """The catalog has drafted it by event; attribute, review, signature, publication are four people's steps."""
    story = cast.narrator
    draft = DraftFile(story.eventually("目录中由答复产生的草稿", lambda: _draft_of(cast, case.id)))
    draft.edit(cast.clerk, title=NEW_TITLE, body="一、工程概况……二、验收结论：合格。", attribute="proactive")
    draft.act(cast.clerk, "submission")
    draft.act(cast.reviewer, "review", items=all_clear())
    signed = draft.act(cast.approver, "sign-off", formed_on=cast.today.isoformat())
    story.ensure("发布期限不早于今天", signed["due_on"] >= cast.today.isoformat())
    story.tell(
        f"草稿标明“主动公开”，经保密审查逐项通过、负责人签发，应于{day(signed['due_on'])}前公开（{signed['due_citation']}）。"
    )
    public = draft.act(cast.approver, "publication")
    story.ensure("发布不晚于期限", public["published_on"] <= signed["due_on"])
    story.tell(f"当日发布，索引号 {public['index_number']}。")
    told(cast, case.id, "application.document_published", channel="mail", kind="applicant")
    story.tell("目录服务的事件回到申请，王芳收到邮件：文件已经公开，附有地址。")
    return draft


def _draft_of(cast: Cast, case_id: str) -> str | None:
    items = cast.clerk.get(f"{CATALOG}/workbench/documents", limit=100)["items"]
    return next((each["id"] for each in items if each["origin_application_id"] == case_id), None)


def _feed(cast: Cast, cms: StandInCms, document: DraftFile) -> None:
    """The change feed tells publication, correction and withdrawal; the CMS follows and answers for each."""
    story = cast.narrator

    def taken(change: str) -> bool:
        seen = [each for each in cms.poll() if each["document_id"] == document.id]
        return any(each["change"] == change for each in seen)

    story.eventually("门户网站取走发布", lambda: taken("published"))
    story.check("门户网站的页面标题", cms.pages.get(document.id), NEW_TITLE)
    proof = cast.clerk.get(f"{document.address}/receipts")
    story.check("网站已回执", proof["proven"], True)
    atom = cast.citizen.get(f"{CATALOG}/feed.atom", agency_id=cast.office_id).text
    story.ensure("Atom 中有这份文件", document.id in atom)
    story.tell("门户网站的 CMS 凭游标取走变更、上网并回执；Atom 中同样可见。")
    proposed = document.act(cast.clerk, "corrections", body="一、工程概况……二、验收结论：优良。", reason="结论笔误。")
    correction = proposed["corrections"][-1]["id"]
    document.act(cast.reviewer, f"corrections/{correction}/approval", items=all_clear())
    story.eventually("门户网站取走更正", lambda: taken("corrected"))
    document.act(cast.approver, "withdrawal", reason="内容将由新文件替代。")
    story.eventually("门户网站取走撤回", lambda: taken("withdrawn"))
    story.ensure("撤回后网站已撤下页面", document.id not in cms.pages)
    story.tell("更正与撤回同样经变更目录到达网站，页面已撤下。")
