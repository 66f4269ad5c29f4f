"""Chapter 3: letters with their true earlier receipt days are due today or overdue, so reminders really go out."""

from datetime import date

from services.cli.office import CaseFile, applicant, register_letter
from services.cli.story.cast import Cast
from services.cli.story.narrator import day
from services.cli.story.notices import told
from services.cli.story.online import CITIZEN_ID

REPLY_DAYS = 20  # 条例 Art. 33


def reminders(cast: Cast) -> CaseFile:
    """Return the letter that is due today (on a day off, on the nearest working day)."""
    story, calendar = cast.narrator, cast.calendar
    story.chapter("提醒与逾期")
    near = cast.working_day_near()
    soon = calendar.add_working_days(near, 4)
    due_soon, due_now = _letter(cast, "城区停车收费标准", soon), _letter(cast, "学区划分方案论证材料", near)
    for case, due in ((due_soon, soon), (due_now, near)):
        proof = told(cast, case.id, "application.due_soon", channel="mail")
        told(cast, case.id, "application.due_soon", channel="inbox")
        story.tell(f"期限为{day(due)}的申请，到期提醒已由邮件和站内信送达经办（邮件凭证：{proof['proof']}）。")
    last = calendar.nth_before(near, 2)
    late = _letter(cast, "道路挖掘许可清单", last)
    body = late.read(cast.clerk)
    story.check("逾期申请的期限", body["due_on"], last.isoformat())
    if body["provisional"]:
        story.check("暂定期限的状态", body["state"], "running")
        story.tell(f"期限{day(last)}已过，但放假通知尚未发布，期限为暂定，不作逾期认定（提醒提前两个工作日）。")
    else:
        story.check("逾期申请的状态", body["state"], "overdue")
        told(cast, late.id, "application.overdue", channel="mail")
        told(cast, late.id, "application.overdue", channel="inbox")
        story.tell(f"期限为{day(last)}的申请已经逾期，经办、负责人和督查都已收到通知。")
    return due_now


def _letter(cast: Cast, title: str, due: date) -> CaseFile:
    """Register a letter that was signed for so many working days before `due`."""
    received = cast.calendar.nth_before(due, REPLY_DAYS)
    who = applicant("孙丽", "sun.li@lantai.example", CITIZEN_ID)
    letter = register_letter(cast.clerk, cast.office_id, who, title, received.isoformat())
    letter.act(cast.clerk, "sign-for")
    cast.narrator.check(f"“{title}”的答复期限", letter.read(cast.clerk)["due_on"], due.isoformat())
    return letter
