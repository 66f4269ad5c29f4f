"""Who is told: the nearest holder of each role, each person once, nobody silently left out."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.notify.recipients.rules import Candidate, choose

BUREAU, COUNTY, CITY = (UUID(int=n) for n in (1, 2, 3))
CHAIN = [BUREAU, COUNTY, CITY]
ROLES = ["clerk", "approver", "supervisor"]

candidates = st.builds(
    Candidate,
    id=st.uuids(),
    agency_id=st.sampled_from([*CHAIN, UUID(int=9)]),
    role=st.sampled_from(ROLES),
    person=st.sampled_from(["wang", "li", "zhao"]),
    subject=st.none(),
)


def person(name: str, role: str, agency: UUID) -> Candidate:
    return Candidate(UUID(int=hash((name, role)) & 0xFFFF), agency, role, name, name)


def test_a_role_is_told_where_it_is_held_nearest() -> None:
    near, far = person("wang", "clerk", BUREAU), person("li", "clerk", COUNTY)
    supervisor = person("zhao", "supervisor", COUNTY)
    assert choose(["clerk", "supervisor"], [far, near, supervisor], CHAIN) == ([near, supervisor], [])


def test_one_person_with_two_roles_is_told_once() -> None:
    both = [person("wang", "clerk", BUREAU), person("wang", "approver", BUREAU)]
    chosen, missing = choose(["clerk", "approver"], both, CHAIN)
    assert (len(chosen), missing) == (1, [])


def test_a_role_that_nobody_holds_is_reported() -> None:
    elsewhere = person("li", "clerk", UUID(int=9))
    assert choose(["clerk"], [elsewhere], CHAIN) == ([], ["clerk"])


@given(st.lists(st.sampled_from(ROLES), unique=True), st.lists(candidates))
def test_each_role_is_told_or_missing_and_never_from_above_when_held_below(
    roles: list[str], known: list[Candidate]
) -> None:
    chosen, missing = choose(roles, known, CHAIN)
    assert len({candidate.person for candidate in chosen}) == len(chosen)
    for role in roles:
        holders = [candidate for candidate in known if candidate.role == role and candidate.agency_id in CHAIN]
        assert (role in missing) == (not holders)
        if holders:
            nearest = min(CHAIN.index(holder.agency_id) for holder in holders)
            told = {holder.person for holder in holders if holder.agency_id == CHAIN[nearest]}
            assert told <= {candidate.person for candidate in chosen}
    assert {candidate.role for candidate in chosen} <= set(roles)
