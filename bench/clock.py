"""Goals 9 and 10 (recomputation) and the speed of `lantai clock explain`, as ratios to naive ways in the same run.

The naive ways: the usual `chinesecalendar` loop, a day-by-day loop over it, and the slow second reading of the
contract that the tests use. Rounds are interleaved, the first is dropped, medians are reported with their spread.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar

from bench.rig import line
from services.requests.applications.history import Fact, Position, Standings
from services.requests.applications.rules import EntryType, Standing
from shared.calendar import national, parse_notices
from shared.statutes import RuleSet
from tests.unit.clock import slow
from tests.unit.clock.histories import history

ROUNDS = 6
RULES = RuleSet.load(Path(__file__).parents[1] / "services" / "requests" / "statutes.toml")
CALENDAR = national()
ONE = timedelta(days=1)
TODAY = date(2026, 12, 15)


def interleaved(*ways: tuple[Callable[[], object], int]) -> list[tuple[float, float]]:
    """(median, spread) of operations per second for each way (call, operations), A B A B, the first round dropped."""
    rates: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for (call, operations), seen in zip(ways, rates, strict=True):
            start = time.perf_counter()
            call()
            seen.append(operations / (time.perf_counter() - start))
    return [(statistics.median(seen[1:]), max(seen[1:]) / min(seen[1:]) - 1) for seen in rates]


def report(goal: str, ours: tuple[float, float], naive: tuple[float, float], target: str, more: str = "") -> None:
    detail = f"{ours[0]:,.0f}/s (±{ours[1]:.0%}) ÷ {naive[0]:,.1f}/s (±{naive[1]:.0%}){more}"
    line(goal, f"{ours[0] / naive[0]:,.0f}", target, detail)


def naive_add(day: date, count: int) -> date:
    while count:
        day += ONE
        count -= chinese_calendar.is_workday(day)
    return day


def deadlines() -> None:
    """Goal 9: a million deadlines of 1–60 working days against the usual loop; every start day 2008–2026 checked."""
    rng = random.Random(9)
    starts = [date(2008, 1, 1) + ONE * rng.randrange(6_800) for _ in range(1_000_000)]
    counts = [rng.randrange(1, 61) for _ in starts]
    ours, naive = interleaved(
        (lambda: CALENDAR.add_working_days_bulk(starts, counts), len(starts)),
        (lambda: [naive_add(*pair) for pair in zip(starts[:300], counts[:300], strict=True)], 300),
    )
    days = [date(2008, 1, 1) + ONE * n for n in range(6_940)]
    working = [day for day in days if chinese_calendar.is_workday(day)]
    wrong = checked = 0
    for day in days:
        after = bisect_right(working, day)
        for count, expected in enumerate(working[after : after + 60], 1):
            checked += 1
            wrong += CALENDAR.add_working_days(day, count) != expected
    report("9  deadlines", ours, naive, "≥ 1,000", f"; mismatches {wrong} of {checked:,}")


def redating() -> None:
    """Goal 10, recomputation alone: where each open case stands on a calendar with a new notice, as the job asks it."""
    (notice,) = parse_notices({"year": 2027, "holidays": ["2027-01-01"], "make_up_days": ["2027-01-02"]})
    after = CALENDAR.with_year(notice)
    cases = [_open_case(number) for number in range(100_000)]

    def stand() -> list[Standing]:
        read = Standings(after, RULES, TODAY)
        return [read.of(*case) for case in cases]

    ours, naive = interleaved((stand, len(cases)), (lambda: [_day_by_day(*case) for case in cases[:300]], 300))
    wrong = sum(_day_by_day(*case) != stood.due_on for case, stood in zip(cases[:300], stand(), strict=False))
    report("10 re-dating, recomputation", ours, naive, "≥ 500", f"; mismatches {wrong} of 300")


def _open_case(number: int) -> tuple[Position, list[Fact]]:
    """Every fourth case has a consultation, every fifth an extension."""
    received = date(2026, 9, 1) + ONE * (number % 60)
    facts = list[Fact]()
    if number % 4 == 0:
        asked = {"consultation": "k", "kind": "third_party"}
        facts.append(Fact(1, EntryType.CONSULTATION_STARTED, received + 3 * ONE, asked))
    if number % 5 == 0:
        facts.append(Fact(2, EntryType.EXTENDED, received + 5 * ONE, {"working_days": 10}))
    return Position(received), facts


def _day_by_day(position: Position, facts: list[Fact]) -> date:
    assert position.received_on is not None
    day, left = position.received_on, 20
    spans = list[tuple[date, date]]()
    for fact in facts:
        if fact.type is EntryType.EXTENDED:
            left += fact.data["working_days"]
        else:
            spans.append((fact.on, naive_add(fact.on, 15)))
    while left:
        day += ONE
        works = chinese_calendar.is_workday(day) if day.year < 2027 else day.weekday() < 5
        left -= works and not any(sent < day <= until for sent, until in spans)
    return day


def explaining() -> None:
    """`lantai clock explain` as a process on 100,000 cases of two events, start-up included, and the slow reading."""
    rng = random.Random(5)
    cases = []
    while len(cases) < 100_000:
        found = history(rng, len(cases))
        if len(found["events"]) == 2:
            cases.append(found)
    sample = cases[:10_000]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(found) + "\n" for found in cases)
        file.flush()

        def explain(*flags: str) -> None:
            command = [sys.executable, "-m", "services.cli.main", "clock", "explain", file.name, *flags]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

        bare, full, naive = interleaved(
            (lambda: explain("--no-ledger"), len(cases)),
            (explain, len(cases)),
            (lambda: [slow.explain(found) for found in sample], len(sample)),
        )
    report("explain, without the ledger", bare, naive, "floor 50,000/s")
    report("explain, with the ledger", full, naive, "floor 15,000/s")


def main() -> None:
    for measure in (deadlines, redating, explaining):
        measure()


if __name__ == "__main__":
    main()
