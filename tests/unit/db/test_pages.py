"""Cursors: opaque, exact, and refused when they were not made by this list."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db.ids import uuid7
from shared.db.pages import BadCursor, decode_cursor, encode_cursor

KINDS = [datetime, date, UUID, int, str]


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.uuids(),
    st.integers(min_value=-(2**62), max_value=2**62),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
)
def test_a_cursor_gives_back_what_went_in(moment: datetime, day: date, key: UUID, number: int, text: str) -> None:
    values = [moment, day, key, number, text]
    assert decode_cursor(encode_cursor(values), KINDS) == values


@given(st.text(max_size=60))
def test_any_other_text_is_refused_and_never_breaks(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor, [datetime, UUID])


def test_a_cursor_without_a_time_zone_is_refused() -> None:
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(["2026-11-22T08:00:00", str(uuid7())]), [datetime, UUID])


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [uuid7() for _ in range(1000)]
    assert made == sorted(made)
    assert {key.version for key in made} == {7}
