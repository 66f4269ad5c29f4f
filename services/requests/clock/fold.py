"""The state machine of one request: events are read in order, each is legal or raises, and the due day follows.

Days are positions in the calendar's arrays, so that every question is a look-up and a case costs microseconds. The
due day is the n-th counted working day after day zero: n working days further in `nth`, plus the working days that
excluded intervals take away. `clock` (rules.py) and `lantai clock explain` run this same code.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from services.requests.clock.errors import (
    AfterClose,
    AlreadyWaiting,
    CorrectionNoticeLate,
    DeliveredBeforeSent,
    DuplicateConsultation,
    ExtensionAfterExpiry,
    ExtensionOverCap,
    ExtensionWhileWaiting,
    FeeNoticeAfterExpiry,
    FeeNotInForce,
    NotAwaited,
    OutOfOrder,
    SecondNotice,
    UnknownConsultation,
)
from services.requests.clock.regulation import NEVER, Regulation
from shared.calendar import Calendar


class Step(NamedTuple):
    """One event with its day as a position; the other fields where the type has them."""

    type: str
    on: int
    id: str = ""
    kind: str = ""
    delivered: int = -1
    days: int = 0


class Consultation:
    """A consultation and the days it takes out of the clock: after `start` through `until`."""

    __slots__ = ("end", "excludes", "kind", "start", "term")

    def __init__(self, terms: "Terms", kind: str, start: int, delivered: int) -> None:
        self.kind = kind
        self.start = start
        self.end: int | None = None
        days = terms.terms.get(kind)
        self.term = None if days is None else terms.nth[terms.rank[delivered] + days]
        self.excludes = kind in terms.excluding

    def until(self, as_of: int) -> int:
        """Its end or its term, whichever is earlier (statutes §12-3); open without a term, through `as_of`."""
        if self.end is None:
            return as_of if self.term is None else self.term
        return self.end if self.term is None or self.end < self.term else self.term


class Wait(NamedTuple):
    """A notice that was awaited, for the correction or the fee, and the day of the answer that restarted the clock."""

    what: str
    notice: int
    answer: int


class Terms:
    """A Regulation laid on a calendar: what every case under both shares."""

    __slots__ = ("calendar", "cap", "days", "excluding", "fee_since", "final", "notice_days", "nth", "rank", "terms")

    def __init__(self, regulation: Regulation, calendar: Calendar) -> None:
        self.calendar = calendar
        self.rank = calendar.rank
        self.nth = calendar.nth
        self.final = calendar.index(calendar.final_through)
        self.days = regulation.reply_days
        self.cap = regulation.extension_cap
        self.notice_days = regulation.correction_notice_days
        self.fee_since = None if regulation.fee_since == NEVER else calendar.index(regulation.fee_since)
        self.excluding = frozenset(map(str, regulation.excluding))
        self.terms = {str(kind): days for kind, days in regulation.terms.items()}


def exclusions(zero: int, consultations: Iterable[Consultation], as_of: int) -> list[tuple[int, int]]:
    """The excluded days after day zero as disjoint intervals (start, until], overlaps merged (statutes §12-3).

    Consultations come in the order in which they started.
    """
    merged: list[tuple[int, int]] = []
    reached = zero
    for each in consultations:
        if each.excludes:
            start = each.start if each.start > reached else reached
            until = each.until(as_of)
            if until > start:
                merged.append((start, until))
                reached = until
    return merged


def due_day(terms: Terms, zero: int, allowed: int, excluded: list[tuple[int, int]]) -> int:
    """The `allowed`-th counted working day after day zero."""
    rank, nth = terms.rank, terms.nth
    ordinal = rank[zero] + allowed
    due = nth[ordinal]
    for start, until in excluded:
        if due <= start:
            break
        ordinal += rank[until] - rank[start]
        due = nth[ordinal]
    return due


class Case:
    """One request while its events are read; afterwards, the answers.

    With `judge=False` no event is called late: it was accepted by the calendar known then, and stays a fact.
    """

    __slots__ = (
        "allowed",
        "closed",
        "consultations",
        "extended",
        "judge",
        "last",
        "noticed",
        "received",
        "terms",
        "waiting",
        "waits",
        "zero",
    )

    def __init__(self, terms: Terms, received: int, judge: bool = True) -> None:
        self.terms = terms
        self.judge = judge
        self.received = self.zero = self.last = received
        self.allowed = terms.days
        self.extended = 0
        self.closed: str | None = None
        self.waiting: tuple[str, int] | None = None
        self.noticed: tuple[str, ...] = ()
        self.waits: tuple[Wait, ...] = ()
        self.consultations: dict[str, Consultation] = {}

    def take(self, step: Step) -> None:
        """Read the next event, or raise the first thing that stands against it."""
        on = step.on
        if on < self.last:
            raise OutOfOrder(f"{self._day(on)} 早于 {self._day(self.last)}")
        if self.closed:
            raise AfterClose(f"{self._day(self.last)} 已经办结")
        _TAKE[step.type](self, step)
        self.last = on

    def due(self, as_of: int) -> int:
        """The n-th counted working day after day zero, as it stands at the end of `as_of`."""
        return due_day(self.terms, self.zero, self.allowed, self.exclusions(as_of))

    def counted(self, through: int, excluded: list[tuple[int, int]]) -> int:
        """The counted days after day zero through a day."""
        rank = self.terms.rank
        days = rank[through] - rank[self.zero]
        for start, until in excluded:
            if start >= through:
                break
            days -= rank[until if until < through else through] - rank[start]
        return days

    def exclusions(self, as_of: int) -> list[tuple[int, int]]:
        """What its consultations take out, see `exclusions`."""
        return exclusions(self.zero, self.consultations.values(), as_of) if self.consultations else []

    def paused(self, as_of: int) -> bool:
        """An excluding consultation is open and its term, if any, is not over."""
        return any(
            each.excludes and each.end is None and (each.term is None or each.term >= as_of)
            for each in self.consultations.values()
        )

    def expired(self, on: int) -> bool:
        """Whether the due day, as it stood on that day, had passed; on a provisional due day nothing is late."""
        return self.judge and self.due(on) < on and self.due(on) <= self.terms.final

    def _day(self, position: int) -> str:
        return self.terms.calendar.day(position).isoformat()

    def _notice(self, what: str, on: int) -> None:
        if self.waiting:
            raise AlreadyWaiting(f"{self._day(self.waiting[1])} 的通知尚未答复")
        self.noticed += (what,)
        self.waiting = (what, on)

    def _restart(self, what: str, on: int) -> None:
        """Counting begins anew the day after (条例第三十条, 109号第六条): what was counted and extended is dropped."""
        if self.waiting is None or self.waiting[0] != what:
            raise NotAwaited("没有等待中的相应通知")
        self.waits += (Wait(what, self.waiting[1], on),)
        self.waiting = None
        self.zero = on
        self.extended = 0
        self.allowed = self.terms.days

    def correction_notice(self, step: Step) -> None:
        """条例第三十条: once, within 7 working days of receipt; 2007 sets neither limit."""
        limit = self.terms.notice_days
        if limit is not None:
            if "correction" in self.noticed:
                raise SecondNotice("补正应当一次性告知（条例第三十条）")
            last = self.terms.nth[self.terms.rank[self.received] + limit]
            if step.on > last and self.judge:
                raise CorrectionNoticeLate(f"应当在 {self._day(last)} 前告知补正（条例第三十条）")
        self._notice("correction", step.on)

    def corrected(self, step: Step) -> None:
        self._restart("correction", step.on)

    def fee_notice(self, step: Step) -> None:
        """109号第六条: since 2021-01-01 under the 2019 text, within the handling period; one notice."""
        if self.terms.fee_since is None or step.on < self.terms.fee_since:
            raise FeeNotInForce("2021-01-01 起、适用2019年修订的条例时才可以收取信息处理费")
        if "fee" in self.noticed:
            raise SecondNotice("收费通知已经发过")
        if not self.waiting and self.expired(step.on):
            raise FeeNoticeAfterExpiry(f"答复期限 {self._day(self.due(step.on))} 已过")
        self._notice("fee", step.on)

    def fee_paid(self, step: Step) -> None:
        self._restart("fee", step.on)

    def consultation_started(self, step: Step) -> None:
        """条例第三十二至三十四条: the term runs from delivery to the party asked, else from sending."""
        if step.id in self.consultations:
            raise DuplicateConsultation(f"编号 {step.id} 已经用过")
        delivered = step.on if step.delivered < 0 else step.delivered
        if delivered < step.on:
            raise DeliveredBeforeSent(f"{self._day(delivered)} 早于发出日 {self._day(step.on)}")
        self.consultations[step.id] = Consultation(self.terms, step.kind, step.on, delivered)

    def consultation_ended(self, step: Step) -> None:
        consultation = self.consultations.get(step.id)
        if consultation is None or consultation.end is not None:
            raise UnknownConsultation(f"编号 {step.id} 没有进行中的征求意见")
        consultation.end = step.on

    def extend(self, step: Step) -> None:
        """条例第三十三条: approved and told before expiry, in sum within the cap since day zero."""
        if self.waiting:
            raise ExtensionWhileWaiting(f"{self._day(self.waiting[1])} 的通知尚未答复，期限没有在走")
        if self.extended + step.days > self.terms.cap:
            raise ExtensionOverCap(f"合计不得超过 {self.terms.cap} 个工作日（条例第三十三条）")
        if self.expired(step.on):
            raise ExtensionAfterExpiry(f"答复期限 {self._day(self.due(step.on))} 已过")
        self.extended += step.days
        self.allowed += step.days

    def close(self, step: Step) -> None:
        self.closed = step.type


_TAKE: dict[str, Callable[[Case, Step], None]] = {
    "correction_notice": Case.correction_notice,
    "corrected": Case.corrected,
    "fee_notice": Case.fee_notice,
    "fee_paid": Case.fee_paid,
    "consultation_started": Case.consultation_started,
    "consultation_ended": Case.consultation_ended,
    "extended": Case.extend,
    "replied": Case.close,
    "withdrawn": Case.close,
}
EVENT_TYPES = frozenset(_TAKE)


class Answer(NamedTuple):
    """What the clock says at the end of `as_of`; days as positions, `due` None while waiting."""

    state: str
    due: int | None
    provisional: bool
    counted: int
    left: int
    as_of: int


def answer(case: Case, as_of: int | None) -> Answer:
    """The answer for a case whose events are all read. Without a day: that of the last event."""
    if as_of is None:
        as_of = case.last
    elif as_of < case.last:
        raise OutOfOrder(f"as_of {case._day(as_of)} 早于 {case._day(case.last)}")
    elif case.closed:
        as_of = case.last
    if case.waiting:
        state = case.closed or f"awaiting_{case.waiting[0]}"
        return Answer(state, None, False, 0, case.terms.days, as_of)
    excluded = case.exclusions(as_of)
    due = due_day(case.terms, case.zero, case.allowed, excluded)
    provisional = due > case.terms.final
    late = as_of > due and not provisional
    if case.closed:
        state = "replied_late" if late and case.closed == "replied" else case.closed
    elif late:
        state = "overdue"
    else:
        state = "paused" if case.consultations and case.paused(as_of) else "running"
    counted = case.counted(as_of if as_of < due else due, excluded)
    return Answer(state, due, provisional, counted, case.allowed - counted, as_of)
