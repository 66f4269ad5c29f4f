"""How a template is chosen, what it may contain, and how facts are said in Chinese.

Invariant: a subject line holds no personal data and no line break; a text names only facts that its event carries.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

from shared.calendar import SHANGHAI
from shared.errors import Category, DomainError

MAX_SUBJECT_CHARACTERS = 150

STAFF_ROLES = ("clerk", "reviewer", "approver", "supervisor", "admin")


class Audience(StrEnum):
    """Whom a notice is for."""

    APPLICANT = "applicant"
    STAFF = "staff"
    SUBSCRIBERS = "subscribers"


@dataclass(frozen=True)
class Template:
    """A text for one kind of event and one audience. `version` 0 is the packaged one.

    `replaces`: templates whose unsent mails about the same case to the same person this notice makes pointless.
    """

    id: str
    event: str
    audience: Audience
    roles: tuple[str, ...]
    subject: str
    body: str
    replaces: tuple[str, ...] = ()
    version: int = 0


class TemplateRefused(DomainError):
    """The text names something unknown, or does something else than fill in facts."""

    code = "template_refused"
    title = "模板内容不符合要求"
    category = Category.UNPROCESSABLE


class UnknownTemplate(DomainError):
    """No packaged template has this id, so nothing would ever use it."""

    code = "unknown_template"
    title = "没有这个模板"
    category = Category.NOT_FOUND


# what notices call the values of events; a value without a name is said as it is
WORDS: Mapping[str, Mapping[str, str]] = {
    "state": {
        "awaiting_confirmation": "待确认收到",
        "running": "办理中",
        "awaiting_correction": "待补正",
        "paused": "征求意见中（期限暂停计算）",
        "overdue": "已逾期",
        "replied": "已答复",
        "replied_late": "已答复（逾期）",
        "withdrawn": "已撤回",
        "abandoned": "视为放弃",
    },
    "level": {
        "extremely_serious": "特别重大突发事件",
        "serious": "重大突发事件",
        "larger": "较大突发事件",
        "general": "一般突发事件",
        "not_emergency": "非突发事件舆情",
    },
    "step": {"release": "发布权威信息", "press": "举行新闻发布会", "response": "回应", "continued": "持续发布"},
    "outcome": {
        "already_public": "已主动公开",
        "disclosed": "予以公开",
        "partly_disclosed": "部分公开",
        "refused": "不予公开",
        "not_held": "信息不存在",
        "not_responsible": "不属于本机关负责公开",
        "repeated": "重复申请，不予重复处理",
        "special_procedure": "依照有关法律、行政法规的规定办理",
        "needs_making": "没有现成信息",
        "still_unclear": "补正后仍不明确",
        "petition": "信访、投诉、举报事项，不作为政府信息公开申请处理",
        "publication": "公开出版物，告知获取途径",
        "excessive": "无正当理由大量反复申请，不予处理",
        "reissue": "要求确认或者重新出具已获取信息",
        "other": "其他",
    },
    "kind": {"third_party": "第三方", "other_organ": "其他机关", "joint_organ": "共同制作机关"},
}
UNKNOWN_VALUE = "待定"


def say(name: str, value: Any) -> str:
    """Say one fact of an event as a Chinese text does."""
    match value:
        case None:
            return UNKNOWN_VALUE
        case bool():
            return "是" if value else "否"
        case datetime():
            local = value.astimezone(SHANGHAI)
            return f"{local.year}年{local.month}月{local.day}日{local.hour:02d}:{local.minute:02d}"
        case date():
            return f"{value.year}年{value.month}月{value.day}日"
        case Enum():
            return say(name, value.value)
        case UUID() | int():
            return str(value)
    return WORDS.get(_family(name), {}).get(str(value), str(value))


def _family(name: str) -> str:
    return next((family for family in WORDS if name == family or name.startswith(f"{family}_")), name)


def facts(event: Mapping[str, Any], *, site: str) -> dict[str, str]:
    """Return what a text may name: the event's fields as people say them, and the address of this site."""
    return {name: say(name, value) for name, value in event.items()} | {"site": site}


def nearest(packaged: Template, edited: Iterable[tuple[UUID, int, str, str]], chain: Sequence[UUID]) -> Template:
    """Return the text that speaks for an agency: the newest edited by it or by the nearest agency above it.

    `edited`: (agency, version, subject, body); `chain`: the agency and those above it, nearest first.
    """
    best: tuple[int, int, str, str] | None = None
    for agency, version, subject, body in edited:
        if agency in chain:
            candidate = (-chain.index(agency), version, subject, body)
            best = candidate if best is None else max(best, candidate)
    if best is None:
        return packaged
    _, version, subject, body = best
    return replace(packaged, version=version, subject=subject, body=body)


def one_line(subject: str) -> str:
    """Return a subject fit for a mail header: one line, not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    return line if len(line) <= MAX_SUBJECT_CHARACTERS else line[: MAX_SUBJECT_CHARACTERS - 1] + "…"
