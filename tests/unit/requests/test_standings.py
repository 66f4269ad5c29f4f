"""Cases whose histories are alike are read once, and stand where each would stand by itself."""

import random
from datetime import date, timedelta
from uuid import UUID

from services.requests.applications.history import Fact, Position, Standings, standing
from services.requests.applications.rules import EntryType
from services.requests.desk import packaged_rules
from shared.calendar import national
from shared.errors import DomainError

RULES, TODAY = packaged_rules(), date(2026, 11, 2)
FIRST = date(2026, 9, 21)


def test_each_stands_as_if_it_were_read_alone() -> None:
    chance, read = random.Random(5), Standings(national(), RULES, TODAY)
    alike = set[tuple[str, ...]]()
    for _ in range(20_000):
        position, facts = _case(chance)
        try:
            alone = standing(position, facts, calendar=national(), rules=RULES, today=TODAY)
        except DomainError:
            continue
        assert read.of(position, facts) == alone, facts
        alike.add((str(position), *map(str, facts)))
    assert len(alike) > 500, "too few different histories for a difference to show"


def test_consultations_of_two_cases_are_not_taken_for_one_another() -> None:
    """The same days in the same order, but another consultation of the two is the one that ended."""
    read = Standings(national(), RULES, TODAY)
    a, b = "a", "b"
    began = [
        _fact(1, EntryType.CONSULTATION_STARTED, 1, consultation=a, kind="third_party"),
        _fact(2, EntryType.CONSULTATION_STARTED, 1, consultation=b, kind="other_organ"),
    ]
    lasting, short = (
        read.of(Position(FIRST), [*began, _fact(3, EntryType.CONSULTATION_ENDED, 3, consultation=ended)])
        for ended in (a, b)
    )
    assert lasting.moves_daily and not short.moves_daily


def _case(chance: random.Random) -> tuple[Position, list[Fact]]:
    """A history of a few days, so that many are alike; ids are the case's own."""
    ids = [str(UUID(int=chance.getrandbits(128))) for _ in range(2)]
    facts = [_fact(0, EntryType.REGISTERED, 0)]
    for number in range(chance.randrange(5)):
        kind = chance.choice(("third_party", "joint_organ", "other_organ"))
        facts.append(
            chance.choice(
                (
                    _fact(
                        number + 1, EntryType.CONSULTATION_STARTED, number, consultation=chance.choice(ids), kind=kind
                    ),
                    _fact(number + 1, EntryType.CONSULTATION_DELIVERED, number + 1, consultation=chance.choice(ids)),
                    _fact(number + 1, EntryType.CONSULTATION_ENDED, number + 1, consultation=chance.choice(ids)),
                    _fact(number + 1, EntryType.EXTENDED, number, working_days=chance.choice((5, 10))),
                    _fact(number + 1, EntryType.CORRECTION_NOTICE, number),
                    _fact(number + 1, EntryType.CORRECTED, number + 1),
                )
            )
        )
    override = chance.choice((None, None, "PIR-2007"))
    return Position(FIRST + timedelta(days=chance.randrange(2)), override), facts


def _fact(sequence: int, type: EntryType, after: int, **data: object) -> Fact:
    return Fact(sequence, type, FIRST + timedelta(days=2 + after), data)
