"""Who cannot be done is found among those that can, in order, whatever is known of the culprit."""

from collections.abc import Sequence

import pytest

from shared.bus.dispatch import EventsCut, EventsFailed, Failure
from shared.bus.incoming import Incoming
from shared.bus.isolate import isolate
from shared.bus.transport import Record
from shared.db.ids import uuid7

EVENTS = [Incoming(uuid7(), "t", Record("topic", str(n), {}, b"")) for n in range(20)]


class Trial:
    """Attempts all or nothing; events at `poison` fail, blamed alone or with neighbours."""

    def __init__(self, poison: set[int], *, blamed: int, cut: bool = False) -> None:
        self.poison = poison
        self.blamed = blamed
        self.kind: type[Failure] = EventsCut if cut else EventsFailed
        self.done: list[int] = []
        self.given_up: list[int] = []
        self.attempts = 0
        self.handled = 0

    async def attempt(self, events: Sequence[Incoming]) -> None:
        self.attempts += 1
        for place, event in enumerate(events):
            self.handled += 1
            if EVENTS.index(event) in self.poison:
                start = place - place % self.blamed
                raise self.kind(events[start : start + self.blamed], "wrong")
        self.done += [EVENTS.index(event) for event in events]

    async def give_up(self, event: Incoming, error: str) -> None:
        assert error == "wrong"
        self.given_up.append(EVENTS.index(event))


@pytest.mark.parametrize("blamed", [1, 3, 5, 20], ids="{} blamed together".format)
@pytest.mark.parametrize("poison", [set(), {0}, {19}, {7}, {3, 4, 5, 18}, set(range(20))], ids=str)
async def test_all_others_are_done_in_order(poison: set[int], blamed: int) -> None:
    trial = Trial(poison, blamed=blamed)
    await isolate(EVENTS, trial.attempt, trial.give_up)
    assert trial.done == [n for n in range(20) if n not in poison]
    assert trial.given_up == sorted(poison)


async def test_a_known_culprit_costs_its_predecessors_once_more() -> None:
    trial = Trial({12}, blamed=1)
    await isolate(EVENTS, trial.attempt, trial.give_up)
    assert (trial.attempts, trial.handled) == (4, 13 + 12 + 1 + 7)


async def test_an_unknown_culprit_is_found_in_halves() -> None:
    trial = Trial({12}, blamed=20)
    await isolate(EVENTS, trial.attempt, trial.give_up)
    assert trial.attempts <= 11


async def test_an_event_is_given_up_only_when_nobody_stood_before_it() -> None:
    """One event spoils the attempt and the next is accused: alone, the accused does well."""
    spoilt = False

    async def attempt(events: Sequence[Incoming]) -> None:
        nonlocal spoilt
        spoilt = EVENTS[4] in events
        if spoilt and len(events) > 1 and events[-1] is not EVENTS[4]:
            raise EventsFailed([events[list(events).index(EVENTS[4]) + 1]], "accused")
        if spoilt:
            raise EventsFailed(list(events), "told at the end")

    given_up: list[int] = []

    async def give_up(event: Incoming, error: str) -> None:
        given_up.append(EVENTS.index(event))

    await isolate(EVENTS, attempt, give_up)
    assert given_up == [4]


async def test_what_takes_more_than_the_attempt_is_left_to_the_caller() -> None:
    trial = Trial({2}, blamed=1, cut=True)
    with pytest.raises(EventsCut):
        await isolate(EVENTS, trial.attempt, trial.give_up, EventsFailed)
    assert trial.given_up == []
