"""The statutory clock once more, slowly: written from the issue's contract and the statutes, not from the code.

It counts on its fingers, one civil day after another, and takes its working days from `chinesecalendar` where a notice
exists and from a written-out list of statutory days where none does. Nothing of the product is imported.
"""

import re
from datetime import date, timedelta
from functools import cache

import chinese_calendar

ONE = timedelta(days=1)
LAST_NOTICE = 2026
STATUTORY = {
    2027: "0101 0205 0206 0207 0208 0405 0501 0502 0609 0915 1001 1002 1003",
    2028: "0101 0125 0126 0127 0128 0404 0501 0502 0528 1001 1002 1003",
    2029: "0101 0212 0213 0214 0215 0404 0501 0502 0616 0922 1001 1002 1003",
    2030: "0101 0202 0203 0204 0205 0405 0501 0502 0605 0912 1001 1002 1003",
    2031: "0101 0122 0123 0124 0125 0405 0501 0502 0624 1001 1002 1003",
}
TYPES = {
    "correction_notice",
    "corrected",
    "fee_notice",
    "fee_paid",
    "consultation_started",
    "consultation_ended",
    "extended",
    "replied",
    "withdrawn",
}
KINDS = {"third_party", "joint_organ", "other_organ"}


@cache
def works(day: date) -> bool:
    if day.year <= LAST_NOTICE:
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5 and day.strftime("%m%d") not in STATUTORY[day.year].split()


def nth_working_day(after: date, n: int) -> date:
    day = after
    while n:
        day += ONE
        if works(day):
            n -= 1
    return day


def provisional(day: date) -> bool:
    return day > date(LAST_NOTICE, 12, 28)


class Wrong(Exception):
    """Every code that applies."""

    def __init__(self, *codes: str) -> None:
        self.codes = set(codes)


def a_day(value: object) -> date:
    if not (isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        raise Wrong("bad_field")
    try:
        return date(int(value[:4]), int(value[5:7]), int(value[8:]))
    except ValueError:
        raise Wrong("bad_field") from None


class Consultation:
    def __init__(self, kind: str, sent: date, delivered: date | None, new: bool) -> None:
        self.kind = kind
        self.sent = sent
        self.excludes = new or kind == "third_party"
        self.term = None
        if new and kind in ("third_party", "joint_organ"):
            self.term = nth_working_day(delivered or sent, 15)
        self.ended: date | None = None

    def takes_out(self, day: date, as_of: date) -> bool:
        if not self.excludes or day <= self.sent:
            return False
        if self.ended is not None and day > self.ended:
            return False
        if self.term is not None and day > self.term:
            return False
        return not (self.ended is None and self.term is None and day > as_of)


class Slow:
    """One case."""

    def __init__(self, case: dict) -> None:
        self.read(case)
        self.zero = self.received
        self.new = self.regulation == "PIR-2019"
        self.base = self.allowed = 20 if self.new else 15
        self.extended = 0
        self.waiting: tuple[str, date] | None = None
        self.waited: list[tuple[str, date, date]] = []
        self.corrections = self.fees = 0
        self.consultations: dict[str, Consultation] = {}
        self.closed: tuple[str, date] | None = None
        last = self.received
        for event in self.events:
            wrong = set(self.refusals(event, last))
            if wrong:
                raise Wrong(*wrong)
            self.apply(event)
            last = event["on"]
        if self.as_of is None:
            self.as_of = last
        if self.as_of < last:
            raise Wrong("out_of_order")
        if self.closed:
            self.as_of = self.closed[1]

    def read(self, case: dict) -> None:
        if not isinstance(case.get("id"), str) or not isinstance(case.get("events"), list):
            raise Wrong("bad_field")
        days = [a_day(case.get("received_on"))]
        self.received = days[0]
        self.as_of = None
        if case.get("as_of") is not None:
            self.as_of = a_day(case["as_of"])
            days.append(self.as_of)
        regulation = case.get("regulation")
        if regulation not in (None, "PIR-2007", "PIR-2019"):
            raise Wrong("bad_field")
        self.events = []
        for raw in case["events"]:
            if not isinstance(raw, dict) or raw.get("type") not in TYPES:
                raise Wrong("bad_field")
            event = {**raw, "on": a_day(raw.get("on"))}
            days.append(event["on"])
            if raw["type"].startswith("consultation") and not isinstance(raw.get("id"), str):
                raise Wrong("bad_field")
            if raw["type"] == "consultation_started":
                if raw.get("kind") not in KINDS:
                    raise Wrong("bad_field")
                if raw.get("delivered_on") is not None:
                    event["delivered_on"] = a_day(raw["delivered_on"])
                    days.append(event["delivered_on"])
            if raw["type"] == "extended":
                n = raw.get("working_days")
                if not isinstance(n, int) or isinstance(n, bool) or n < 1:
                    raise Wrong("bad_field")
            self.events.append(event)
        if any(day < date(2008, 5, 1) or day > date(2030, 12, 31) for day in days):
            raise Wrong("out_of_range")
        self.regulation = regulation or ("PIR-2019" if self.received >= date(2019, 5, 15) else "PIR-2007")

    def counts(self, day: date, as_of: date) -> bool:
        return works(day) and not any(each.takes_out(day, as_of) for each in self.consultations.values())

    def due(self, as_of: date) -> date:
        day, n = self.zero, self.allowed
        while n:
            day += ONE
            if self.counts(day, as_of):
                n -= 1
        return day

    def late(self, day: date) -> bool:
        due = self.due(day)
        return day > due and not provisional(due)

    def refusals(self, event: dict, last: date):
        on, type_ = event["on"], event["type"]
        if on < last:
            yield "out_of_order"
        if self.closed:
            yield "after_close"
        if type_ in ("correction_notice", "fee_notice") and self.waiting:
            yield "already_waiting"
        if type_ == "correction_notice" and self.new:
            if self.corrections:
                yield "second_notice"
            if on > nth_working_day(self.received, 7):
                yield "correction_notice_late"
        if type_ == "fee_notice":
            if not self.new or on < date(2021, 1, 1):
                yield "fee_not_in_force"
            if self.fees:
                yield "second_notice"
            if not self.waiting and self.late(on):
                yield "fee_notice_after_expiry"
        if type_ == "corrected" and (self.waiting is None or self.waiting[0] != "correction"):
            yield "not_awaited"
        if type_ == "fee_paid" and (self.waiting is None or self.waiting[0] != "fee"):
            yield "not_awaited"
        if type_ == "consultation_started":
            if event["id"] in self.consultations:
                yield "duplicate_consultation"
            if event.get("delivered_on") and event["delivered_on"] < on:
                yield "delivered_before_sent"
        if type_ == "consultation_ended":
            known = self.consultations.get(event["id"])
            if known is None or known.ended is not None:
                yield "unknown_consultation"
        if type_ == "extended":
            if self.waiting:
                yield "extension_while_waiting"
            elif self.late(on):
                yield "extension_after_expiry"
            if self.extended + event["working_days"] > self.base:
                yield "extension_over_cap"

    def apply(self, event: dict) -> None:
        on, type_ = event["on"], event["type"]
        if type_ == "correction_notice":
            self.corrections += 1
            self.waiting = ("correction", on)
        elif type_ == "fee_notice":
            self.fees += 1
            self.waiting = ("fee", on)
        elif type_ in ("corrected", "fee_paid"):
            assert self.waiting
            self.waited.append((*self.waiting, on))
            self.waiting, self.zero, self.allowed, self.extended = None, on, self.base, 0
        elif type_ == "consultation_started":
            self.consultations[event["id"]] = Consultation(event["kind"], on, event.get("delivered_on"), self.new)
        elif type_ == "consultation_ended":
            self.consultations[event["id"]].ended = on
        elif type_ == "extended":
            self.extended += event["working_days"]
            self.allowed += event["working_days"]
        else:
            self.closed = (type_, on)

    def answer(self) -> dict:
        as_of = self.as_of
        due = None if self.waiting else self.due(as_of)
        counted, day = 0, self.zero
        while due and day < min(as_of, due):
            day += ONE
            counted += self.counts(day, as_of)
        return {
            "regulation": self.regulation,
            "state": self.state(due),
            "due_on": due.isoformat() if due else None,
            "provisional": due is not None and provisional(due),
            "counted": counted,
            "left": max(self.allowed - counted, 0) if due else self.base,
            "ledger": self.ledger(due),
        }

    def state(self, due: date | None) -> str:
        late = due is not None and self.as_of > due and not provisional(due)
        if self.closed:
            return "replied_late" if self.closed[0] == "replied" and late else self.closed[0]
        if self.waiting:
            return f"awaiting_{self.waiting[0]}"
        if late:
            return "overdue"
        for each in self.consultations.values():
            if each.excludes and each.ended is None and (each.term is None or self.as_of <= each.term):
                return "paused"
        return "running"

    def ledger(self, due: date | None) -> list[dict]:
        rows = []
        day = self.received
        while day <= (due or self.as_of):
            reason = self.reason(day)
            rows.append({"on": day.isoformat(), "counted": reason in ("working_day", "make_up_day"), "reason": reason})
            day += ONE
        return rows

    def reason(self, day: date) -> str:
        if day == self.received:
            return "receipt"
        for what, notice, answer in self.waited:
            if notice < day <= answer:
                return f"awaiting_{what}"
        if self.waiting and day > self.waiting[1]:
            return f"awaiting_{self.waiting[0]}"
        if self.waiting or (self.waited and day <= self.waited[-1][2]):
            return "restarted"
        if not works(day):
            return "weekend" if day.weekday() >= 5 else "holiday"
        for each in sorted(self.consultations.values(), key=lambda each: each.sent):
            if each.takes_out(day, self.as_of):
                return each.kind
        return "make_up_day" if day.weekday() >= 5 else "working_day"


def explain(case: dict) -> dict:
    """The answer, or {"errors": every code that applies}."""
    try:
        return Slow(case).answer()
    except Wrong as wrong:
        return {"errors": wrong.codes}
