"""What a person cannot mean is refused at the edge."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.http.bodies import Day, Flag, Line, Moment, Whole


class Body(BaseModel):
    day: Day | None = None
    moment: Moment | None = None
    line: Line = "x"
    count: Whole = 0
    choice: Flag = False


@pytest.mark.parametrize("value", ["2026-03-05", date(2026, 3, 5)])
def test_a_day_is_written_out(value: Any) -> None:
    assert Body(day=value).day == date(2026, 3, 5)


@pytest.mark.parametrize("value", [0, "0", "1772668800", 1.5, "2026-3-5", "2026-02-30", "2026-03-05T00:00:00", ""])
def test_a_number_is_no_day(value: Any) -> None:
    with pytest.raises(ValidationError):
        Body(day=value)


@pytest.mark.parametrize("value", ["2026-03-05T10:00:00", "1999-12-31T10:00:00+08:00", 0, "0", 1772668800])
def test_a_moment_has_a_zone_and_a_plausible_year(value: Any) -> None:
    with pytest.raises(ValidationError):
        Body(moment=value)


@pytest.mark.parametrize("value", ["2026-03-05T10:00:00+08:00", "2026-03-05T02:00:00.000Z"])
def test_a_moment_is_taken_as_it_is_written(value: str) -> None:
    assert Body(moment=value).moment == datetime(2026, 3, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", " ", "a\x00b", "a\nb", "x" * 201])
def test_a_line_is_visible_and_one(value: str) -> None:
    with pytest.raises(ValidationError):
        Body(line=value)


@pytest.mark.parametrize("value", [True, "5", 5.0, 1.5])
def test_only_a_whole_number_is_a_count(value: Any) -> None:
    assert Body(count=5).count == 5
    with pytest.raises(ValidationError):
        Body(count=value)


@pytest.mark.parametrize("value", [1, 0, "true", "yes", None])
def test_only_true_and_false_are_a_choice(value: Any) -> None:
    assert Body(choice=True).choice is True
    with pytest.raises(ValidationError):
        Body(choice=value)
