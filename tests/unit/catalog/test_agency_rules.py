"""Codes warn and are kept, and no agency comes to lie below itself."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.agencies.rules import (
    CODE,
    AgencyTreeLoop,
    InvalidAgencyCode,
    ParentInactive,
    check_code,
    check_parent,
    code_warning,
)

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ids = st.builds(uuid4)


@pytest.mark.parametrize(
    ("code", "right"),
    [("11500114YL0000001W", None), ("11500114YL0000001A", "W"), ("03143318-X", "3"), ("014416330", None)],
)
def test_a_bad_check_digit_is_named_and_nothing_more(code: str, right: str | None) -> None:
    warning = code_warning(code)
    assert (warning is None) if right is None else (f"校验位应为 {right}" in str(warning))
    assert check_code(code) == code


@given(st.text(ALPHABET, min_size=17, max_size=17))
def test_exactly_one_check_digit_of_eighteen_fits(start: str) -> None:
    assert sum(code_warning(start + last) is None for last in ALPHABET) == 1


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=8, max_size=8))
def test_exactly_one_check_digit_of_nine_fits(start: str) -> None:
    assert sum(code_warning(start + last) is None for last in "0123456789X") == 1


@given(st.text(max_size=40))
def test_a_code_is_kept_as_it_is_or_refused(text: str) -> None:
    if CODE.fullmatch(text):
        assert check_code(text) == text
        code_warning(text)
    else:
        with pytest.raises(InvalidAgencyCode):
            check_code(text)


@given(ids, ids, st.lists(ids, max_size=6), st.integers(0, 6))
def test_a_loop_is_refused_wherever_it_closes(agency: UUID, parent: UUID, above: list[UUID], at: int) -> None:
    check_parent(agency, parent, above, parent_active=True)
    with pytest.raises(AgencyTreeLoop):
        check_parent(agency, parent, [*above[:at], agency, *above[at:]], parent_active=True)
    with pytest.raises(AgencyTreeLoop):
        check_parent(agency, agency, above, parent_active=True)


@given(ids, ids)
def test_nothing_is_put_below_a_closed_agency(agency: UUID, parent: UUID) -> None:
    check_parent(agency, None, [], parent_active=False)
    with pytest.raises(ParentInactive):
        check_parent(agency, parent, [], parent_active=False)
