"""Requests at every stage of their life: some due, some overdue, some paused, answered, withdrawn.

Receipt days are chosen backwards from the day of loading, on the national calendar, so that on any day something is
due today, soon and late (on a provisional day, where nothing is late, due days are provisional instead).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from services.cli.office import REQUESTS, CaseFile, applicant, file_online, register_letter
from services.cli.samples.people import Office
from services.start_page.samples import SampleCase
from shared.calendar import Calendar, national

REPLY_DAYS = 20  # 条例 Art. 33
NOBODY = "11010519491231002X"  # the check-digit example of GB 11643
CONTENT = "所申请信息已附后，如需纸质件可到政务公开专区领取。"


@dataclass(frozen=True)
class Desk:
    """What a sample needs: the office, the day, the calendar."""

    office: Office
    today: date
    calendar: Calendar

    def letter(self, title: str, name: str, working_days_ago: int) -> CaseFile:
        """Register and sign for a letter that came so many working days before today, or the next working day."""
        who = applicant(name, "sample@applicant.lantai.example", NOBODY)
        received = self.calendar.nth_before(self.calendar.next_working_day(self.today), working_days_ago)
        letter = register_letter(self.office.clerk, self.office.agency_id, who, title, received.isoformat())
        letter.act(self.office.clerk, "sign-for")
        return letter

    def online(self, title: str, name: str) -> CaseFile:
        """File online."""
        who = applicant(name, "sample@applicant.lantai.example", NOBODY)
        return file_online(self.office.citizen, self.office.agency_id, who, title, f"{title}，请提供电子版。")

    def answer(self, case: CaseFile, **draft: str) -> None:
        """Draft, approve and deliver a reply today."""
        case.act(self.office.clerk, "reply", **draft)
        case.act(self.office.approver, "reply/approval", approved=True)
        case.act(self.office.clerk, "delivery", mode="post", on=self.today.isoformat(), proof="EZ000000001CN")


@dataclass(frozen=True)
class Sample:
    """One sample: its title is its mark; `on_start_page` says whether visitors are offered its number and code."""

    title: str
    make: Callable[[Desk, str], CaseFile]
    stage: str
    on_start_page: bool = False


def _awaiting(desk: Desk, title: str) -> CaseFile:
    return desk.online(title, "马超")


def _running(desk: Desk, title: str) -> CaseFile:
    return desk.letter(title, "黄忠", 3)


def _due_soon(desk: Desk, title: str) -> CaseFile:
    return desk.letter(title, "姜维", REPLY_DAYS - 4)


def _due_today(desk: Desk, title: str) -> CaseFile:
    return desk.letter(title, "赵云", REPLY_DAYS)


def _overdue(desk: Desk, title: str) -> CaseFile:
    return desk.letter(title, "关平", REPLY_DAYS + 3)


def _correction(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "张苞", 2)
    case.act(
        desk.office.clerk,
        "correction-notice",
        on=desk.today.isoformat(),
        items="请写明所需信息的年度。",
        answer_within_working_days=10,
    )
    return case


def _paused(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "诸葛瞻", 8)
    sent = desk.calendar.nth_before(desk.today, 2).isoformat()
    case.act(desk.office.clerk, "consultations", kind="third_party", consulted="某建设有限公司", on=sent)
    return case


def _extended(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "庞统", 15)
    case.act(desk.office.clerk, "extension", working_days=15, reason="需跨部门核对数据。")
    case.act(desk.office.approver, "extension/approval", approved=True)
    return case


def _replied(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "法正", 12)
    desk.answer(case, outcome="disclosed", row="3.1", content=CONTENT)
    return case


def _refused(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "马良", 10)
    grounds = "该信息属于内部事务信息，依法可以不予公开。"
    desk.answer(case, outcome="refused", row="3.3.5", grounds=grounds)
    return case


def _replied_late(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "陈到", REPLY_DAYS + 6)
    desk.answer(case, outcome="disclosed", row="3.1", content=CONTENT)
    return case


def _withdrawn(desk: Desk, title: str) -> CaseFile:
    case = desk.letter(title, "向朗", 5)
    case.act(desk.office.clerk, "withdrawal", on=desk.today.isoformat(), reason="申请人已自行取得所需信息。")
    return case


SAMPLES = (
    Sample("2025年公共停车场建设计划", _awaiting, "待双方确认", True),
    Sample("城区公交线路调整论证材料", _running, "办理中", True),
    Sample("2025年度环境空气质量监测月报", _due_soon, "即将到期"),
    Sample("农村饮水安全工程验收资料", _due_today, "今日到期", True),
    Sample("校车服务采购合同", _overdue, "逾期未答复", True),
    Sample("历年征地补偿标准文件", _correction, "等待补正"),
    Sample("污水处理厂扩建工程合同", _paused, "征求第三方意见", True),
    Sample("近三年行政处罚统计", _extended, "已延长"),
    Sample("2026年重点项目清单", _replied, "已答复", True),
    Sample("机关食堂采购台账", _refused, "不予公开"),
    Sample("公租房分配方案", _replied_late, "逾期答复"),
    Sample("文化馆设计图纸", _withdrawn, "已撤回"),
)


def load(office: Office) -> list[SampleCase]:
    """Make the samples that are missing; return those that visitors are offered among the new ones."""
    there = _titles(office)
    desk = Desk(office, date.fromisoformat(office.citizen.get(f"{REQUESTS}/today")["today"]), national())
    offered: list[SampleCase] = []
    for sample in SAMPLES:
        if sample.title not in there:
            case = sample.make(desk, sample.title)
            if sample.on_start_page:
                offered.append(SampleCase(f"{sample.stage}：{sample.title}", case.number, case.code))
    return offered


def _titles(office: Office) -> set[str]:
    found: set[str] = set()
    cursor: str | None = None
    while True:
        asked = {"cursor": cursor} if cursor else {}
        page = office.clerk.get(f"{REQUESTS}/applications", limit=100, **asked)
        found.update(each["title"] for each in page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
