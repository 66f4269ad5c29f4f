"""Random histories for the clock: mostly legal, some not, at the edges more often than chance would have it."""

import random
from datetime import date, timedelta

FEES = date(2021, 1, 1)
EDGES = [
    date(2008, 5, 1),
    date(2018, 12, 20),
    date(2019, 5, 10),
    date(2019, 5, 15),
    date(2020, 1, 20),
    date(2020, 12, 28),
    date(2026, 9, 18),
    date(2026, 11, 25),
    date(2026, 12, 20),
    date(2028, 2, 25),
    date(2030, 11, 1),
]


def history(rng: random.Random, number: int) -> dict:
    """A case as a line of `lantai clock explain` has it."""
    start = rng.choice(EDGES) if rng.random() < 0.4 else date(2008, 5, 1) + timedelta(days=rng.randrange(8200))
    received = start + timedelta(days=rng.randrange(12))
    events: list[dict] = []
    waiting: str | None = None
    open_ids: list[str] = []
    day = received
    for _ in range(rng.choice((0, 1, 2, 2, 3, 4, 5, 7))):
        day += timedelta(
            days=rng.choice((-1, 0, 0, 1, 2, 3, 5, 8, 13, 21, 34) if rng.random() < 0.1 else (0, 1, 2, 4, 7))
        )
        event = _event(rng, day, waiting, open_ids, len(events), received)
        events.append(event)
        day = date.fromisoformat(event["on"])
        if event["type"] in ("correction_notice", "fee_notice"):
            waiting = event["type"]
        elif event["type"] in ("corrected", "fee_paid"):
            waiting = None
        elif event["type"] in ("replied", "withdrawn") and rng.random() < 0.9:
            break
    case: dict = {"id": f"c{number}", "received_on": received.isoformat(), "events": events}
    if rng.random() < 0.25:
        case["regulation"] = rng.choice(("PIR-2007", "PIR-2019", None))
    if rng.random() < 0.7:
        case["as_of"] = (day + timedelta(days=rng.choice((-1, 0, 1, 5, 20, 45, 90)))).isoformat()
    return case


def _event(
    rng: random.Random, day: date, waiting: str | None, open_ids: list[str], number: int, received: date
) -> dict:
    event: dict = {"on": day.isoformat()}
    if waiting and rng.random() < 0.7:
        answers = {"correction_notice": "corrected", "fee_notice": "fee_paid"}
        return event | {"type": answers[waiting]}
    if open_ids and rng.random() < 0.45:
        return event | {"type": "consultation_ended", "id": open_ids.pop(rng.randrange(len(open_ids)))}
    roll = rng.random()
    if roll < 0.40:
        id = f"k{number}" if rng.random() < 0.97 else "k0"
        open_ids.append(id)
        event |= {"type": "consultation_started", "id": id}
        event["kind"] = rng.choice(("third_party", "joint_organ", "other_organ"))
        if rng.random() < 0.4:
            event["delivered_on"] = (
                day + timedelta(days=rng.choice((0, 0, 1, 3, 6, 20, -1) if rng.random() < 0.3 else (0, 1, 4, 30)))
            ).isoformat()
    elif roll < 0.62:
        event |= {"type": "extended", "working_days": rng.choice((1, 5, 10, 15, 20))}
    elif roll < 0.74:
        event |= {"type": "correction_notice"}
    elif roll < 0.84 and (received >= FEES or rng.random() < 0.1):
        event |= {"type": "fee_notice"}
    elif roll < 0.87:
        event |= {"type": rng.choice(("corrected", "fee_paid", "consultation_ended")), "id": "nobody"}
    elif roll < 0.93:
        event |= {"type": rng.choice(("replied", "replied", "withdrawn"))}
    else:
        # Something that ripens late: told or asked on a day of the third or fourth week.
        later = day + timedelta(days=rng.randrange(15, 40))
        event |= {"type": rng.choice(("replied", "extended", "fee_notice")), "on": later.isoformat(), "working_days": 1}
    return event
