"""Cases as lines of `lantai clock explain`, and the answers to them."""

import json
from pathlib import Path

import orjson

from services.requests.clock.explain import Explainer
from shared.calendar import Calendar, national
from shared.statutes import RuleSet

RULES = RuleSet.load(Path(__file__).parents[3] / "services" / "requests" / "statutes.toml")
_EXPLAINER = Explainer(national(), RULES)


def ask(case: object, calendar: Calendar | None = None) -> dict:
    """The answer to one case, as decoded JSON."""
    explainer = _EXPLAINER if calendar is None else Explainer(calendar, RULES)
    answer = orjson.loads(explainer.line(case if isinstance(case, bytes) else json.dumps(case).encode()))
    assert isinstance(answer, dict)
    return answer


def case(received_on: str, *events: dict, **fields: object) -> dict:
    return {"id": "c", "received_on": received_on, "events": list(events), **fields}


def event(type_: str, on: str, **fields: object) -> dict:
    return {"type": type_, "on": on, **fields}


def consult(on: str, id: str = "k", kind: str = "third_party", **fields: object) -> dict:
    return event("consultation_started", on, id=id, kind=kind, **fields)


def heard(on: str, id: str = "k") -> dict:
    return event("consultation_ended", on, id=id)


def due(received_on: str, *events: dict, **fields: object) -> str | None:
    answer = ask(case(received_on, *events, **fields))
    assert "error" not in answer, answer
    return answer["due_on"]


def error(received_on: str, *events: dict, **fields: object) -> str | None:
    return ask(case(received_on, *events, **fields)).get("error")


def reasons(answer: dict) -> dict[str, str]:
    return {row["on"]: row["reason"] for row in answer["ledger"]}


NOTICE, ANSWER = event("correction_notice", "2026-09-22"), event("corrected", "2026-09-28")
FEE, PAID = event("fee_notice", "2026-09-22"), event("fee_paid", "2026-10-04")
REPLY = event("replied", "2026-10-09")
