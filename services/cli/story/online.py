"""Chapters 1 and 2: a citizen files online, both confirm, and the clock runs, restarts, pauses and is extended."""

from datetime import date
from typing import Any

from services.cli.office import REQUESTS, CaseFile, applicant, file_online, register_letter
from services.cli.story.cast import Cast
from services.cli.story.narrator import day

CITIZEN_MAIL = "wang.fang@lantai.example"
CITIZEN_ID = "11010519491231002X"  # the check-digit example of GB 11643, nobody's number


def filing(cast: Cast) -> CaseFile:
    """Chapter 1. A citizen files; it is registered, signed for, and confirmed by both sides. Return the case."""
    story = cast.narrator
    story.chapter("公民在网上提交申请")
    case = file_online(
        cast.citizen,
        cast.office_id,
        applicant("王芳", CITIZEN_MAIL, CITIZEN_ID),
        "雁塔区2025年老旧小区改造项目验收报告",
        "2025年完成的老旧小区改造项目竣工验收报告全文及验收结论。",
    )
    story.tell(f"王芳提交申请，当场登记，受理编号 {case.number}，查询码 {case.code}。")
    status = _status(cast, case)
    story.check("登记后的状态", status["state"], "awaiting_confirmation")
    story.check("双方确认之前的答复期限", status["due_on"], None)
    story.tell("网上申请以双方确认之日为收到之日（条例第三十一条第三项），此时尚无答复期限。")

    story.refused("外区经办签收本区申请", "forbidden", lambda: case.act(cast.outsider, "sign-for"))
    case.act(cast.clerk, "sign-for")
    story.tell("外区的经办无权办理；本机关经办李静签收。")
    confirmed = case.act(cast.clerk, "confirmation", on=cast.today.isoformat(), how="电话", with_whom="申请人本人")
    expected = cast.calendar.add_working_days(cast.today, 20).isoformat()
    story.check("确认后的状态", confirmed["state"], "running")
    story.check("答复期限", confirmed["due_on"], expected)
    story.check("剩余工作日", confirmed["left"], 20)
    story.tell(f"李静于{day(cast.today)}电话与申请人确认，期限20个工作日，应于{_due(confirmed)}前答复。")
    _hold_ledger(cast, case, 20)
    return case


def clock(cast: Cast, case: CaseFile) -> CaseFile:
    """Chapter 2. Correction, consultation, extension: after each the date and the ledger are right.

    Return the letter that was consulted about and extended.
    """
    story = cast.narrator
    story.chapter("时钟：补正、征求意见、延长")
    waiting = case.act(
        cast.clerk,
        "correction-notice",
        on=cast.today.isoformat(),
        items="请写明小区名称。",
        answer_within_working_days=10,
    )
    story.check("补正期间的状态", waiting["state"], "awaiting_correction")
    story.check("补正期间的答复期限", waiting["due_on"], None)
    story.tell(f"一次性告知补正，请申请人于{day(waiting['correction_answer_by'])}前补正；期间不计期限。")
    again = case.act(cast.clerk, "correction", on=cast.today.isoformat())
    story.check("补正后的剩余工作日", again["left"], 20)
    story.refused(
        "第二次告知补正",
        "second_notice",
        lambda: case.act(cast.clerk, "correction-notice", on=cast.today.isoformat(), items="再补正一次。"),
    )
    story.tell(f"收到补正，期限重新起算（第三十条），应于{_due(again)}前答复；不得再次要求补正。")
    _hold_ledger(cast, case, 20)
    return _letter_with_consultation(cast)


def _letter_with_consultation(cast: Cast) -> CaseFile:
    """A letter of 12 working days ago, whose third party answered in between: the excluded days are known exactly."""
    story, calendar = cast.narrator, cast.calendar
    received = calendar.nth_before(cast.today, 12)
    sent, answered = calendar.nth_before(cast.today, 9), calendar.nth_before(cast.today, 4)
    letter = register_letter(
        cast.clerk,
        cast.office_id,
        applicant("刘洋", "liu.yang@lantai.example", CITIZEN_ID),
        "某供热公司与区政府签订的特许经营协议",
        received.isoformat(),
    )
    letter.act(cast.clerk, "sign-for")
    plain = letter.read(cast.clerk)["due_on"]
    story.check("挂号信的答复期限", plain, calendar.add_working_days(received, 20).isoformat())
    story.tell(f"挂号信于{day(received)}签收，签收之日即收到之日，应于{day(plain)}前答复。")
    asked = letter.act(
        cast.clerk,
        "consultations",
        kind="third_party",
        consulted="某热力有限公司",
        on=sent.isoformat(),
        delivered_on=sent.isoformat(),
    )
    consultation = asked["consultations"][0]
    term = calendar.add_working_days(sent, 15)
    story.check("征求意见的状态", asked["state"], "paused")
    story.check("第三方答复的期限", consultation["term_ends_on"], term.isoformat())
    story.tell(f"{day(sent)}向第三方发出征求意见书，第三方应于{day(term)}前答复（15个工作日，第三十二条）。")
    back = letter.act(
        cast.clerk, f"consultations/{consultation['id']}/outcome", on=answered.isoformat(), opinion="agrees"
    )
    excluded = calendar.working_days_between(sent, answered)
    due = calendar.add_working_days(received, 20 + excluded)
    story.check("扣除征求意见时间后的答复期限", back["due_on"], due.isoformat())
    story.tell(f"{day(answered)}收到第三方意见，其间{excluded}个工作日不计入（第三十三条），顺延至{day(due)}。")
    _hold_ledger(cast, letter, 20)
    _extend(cast, letter, 20 + excluded, received)
    return letter


def _extend(cast: Cast, letter: CaseFile, working_days: int, received: date) -> None:
    story = cast.narrator
    letter.act(cast.clerk, "extension", working_days=10, reason="所涉档案需从档案馆调阅。")
    story.refused("经办自己批准延长", "forbidden", lambda: letter.act(cast.clerk, "extension/approval", approved=True))
    longer = letter.act(cast.approver, "extension/approval", approved=True)
    due = cast.calendar.add_working_days(received, working_days + 10)
    story.check("延长后的答复期限", longer["due_on"], due.isoformat())
    story.refused(
        "累计延长超过20个工作日",
        "extension_over_cap",
        lambda: letter.act(cast.clerk, "extension", working_days=11, reason="再延长。"),
    )
    story.tell(f"经负责人王强批准延长10个工作日并告知申请人，应于{day(due)}前答复；累计不得超过20个工作日。")
    _hold_ledger(cast, letter, 30)


def _hold_ledger(cast: Cast, case: CaseFile, allowed: int) -> None:
    """Every civil day is named, every one with a citation; the last counted day is the due day."""
    story, clock_ = cast.narrator, case.clock(cast.clerk)
    ledger = clock_["ledger"]
    counted = [entry["on"] for entry in ledger if entry["counted"]]
    story.check("台账中计入的天数", len(counted), allowed)
    story.check("台账的最后一日", (ledger[-1]["on"], counted[-1]), (clock_["due_on"], clock_["due_on"]))
    story.ensure("台账每一日都有依据", all(entry["citation"] for entry in ledger))
    skipped = len(ledger) - len(counted)
    mark = "（暂定：所依据年度的放假通知尚未发布）" if clock_["provisional"] else ""
    story.tell(f"台账逐日列明：{len(ledger)}日中计入{len(counted)}个工作日，另{skipped}日不计，均附依据{mark}。")


def _due(body: dict[str, Any]) -> str:
    return day(body["due_on"]) + ("（暂定）" if body["provisional"] else "")


def _status(cast: Cast, case: CaseFile) -> dict[str, Any]:
    asked = {"receipt_number": case.number, "code": case.code}
    found: dict[str, Any] = cast.citizen.ask(f"{REQUESTS}/status", asked).body
    return found
