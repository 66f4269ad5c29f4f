"""`lantai clock what-if`: every case as it is and as it would be with further events.

What is supposed is checked once, before any case is read; then it goes to the same function as what happened.
"""

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import typer

from services.cli.clock_input import Calendars, File, Service, batches_of, calendar_of, rule_set
from services.cli.output import while_read
from services.requests.clock.diagnosis import FIRST
from services.requests.clock.explain import Explainer, decode, decode_slowly
from services.requests.clock.lines import read_case
from shared.calendar import Calendar
from shared.statutes import RuleSet

Event = dict[str, Any]


def what_if(
    file: File,
    event: Annotated[list[str], typer.Option("--event", help="a hypothetical event as JSON; repeatable")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="the day of the answer with them, YYYY-MM-DD; not before an --event")
    ] = None,
    calendar: Calendars = None,
) -> None:
    """Say for each case what the clock reads now and what it would read with further events."""
    days, rules = calendar_of(calendar), rule_set(Service.requests)
    explainer, grounds = Explainer(days, rules, ledger=False), Grounds(days, rules)
    extra = [_supposed(explainer, text) for text in event]
    if as_of is not None:
        _check_as_of(explainer, as_of, extra)
    out = sys.stdout.buffer
    with while_read():
        for lines in batches_of(file):
            out.writelines(_compared(explainer, grounds, line, extra, as_of) for line in lines)
            out.flush()


def _supposed(explainer: Explainer, text: str) -> Event:
    """An event that `explain` would read in some case; typer.BadParameter says what is wrong with any other."""
    try:
        event = decode_slowly(text.encode())
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--event") from error
    if wrong := _unreadable(explainer, {"events": [event]}):
        raise typer.BadParameter(wrong.replace("events[0]", "event"), param_hint="--event")
    supposed: Event = event
    return supposed


def _check_as_of(explainer: Explainer, as_of: str, extra: list[Event]) -> None:
    if wrong := _unreadable(explainer, {"events": [], "as_of": as_of}):
        raise typer.BadParameter(wrong, param_hint="--as-of")
    if last := max((event["on"] for event in extra if event["on"] > as_of), default=None):
        raise typer.BadParameter(f"{as_of} is before the --event of {last}", param_hint="--as-of")


def _unreadable(explainer: Explainer, part: Event) -> str | None:
    """Why no case with this part can be read; whether it is legal depends on the case and is answered there."""
    said = orjson.loads(explainer.case({"id": "", "received_on": FIRST.isoformat(), **part}))
    return str(said["detail"]) if said.get("error") in ("bad_field", "out_of_range") else None


@dataclass(frozen=True)
class Grounds:
    """What an answer rests on: whether it is confirmed, and each text that it cites, in the order of its days."""

    calendar: Calendar
    rules: RuleSet

    def beside(self, said: Event, case: Event) -> Event:
        if "error" in said:
            return said
        found = read_case(case, self.calendar, self.rules)
        citations = dict.fromkeys([found.basis, *(day.citation for day in found.ledger())])
        return said | {"unconfirmed": found.unconfirmed, "citations": list(citations)}


def _compared(explainer: Explainer, grounds: Grounds, line: bytes, extra: list[Event], as_of: str | None) -> bytes:
    answer = explainer.line(line)
    now = orjson.loads(answer)
    if "error" in now:
        return answer
    case = decode(line)
    # The sort is stable: within a day what happened comes before what is supposed.
    supposed = case | {"events": sorted([*case["events"], *extra], key=lambda event: str(event["on"]))}
    if as_of is not None:
        supposed["as_of"] = as_of
    then = orjson.loads(explainer.case(supposed))
    asked = supposed.get("as_of")
    if then.get("error") == "out_of_order" and asked is not None and any(event["on"] > asked for event in extra):
        then["detail"] += "；该行的 as_of 早于所设事件，可用 --as-of 另定"
    compared = {"id": now["id"], "now": grounds.beside(now, case), "then": grounds.beside(then, supposed)}
    return orjson.dumps(compared, option=orjson.OPT_APPEND_NEWLINE)
