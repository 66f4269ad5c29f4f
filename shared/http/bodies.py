"""Building blocks of request bodies: what PostgreSQL cannot store or a person cannot mean is refused at the edge."""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Strict, StringConstraints

VISIBLE_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
VISIBLE_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"
WEB_ADDRESS = r"^https?://[^\s\x00-\x20\x7f\"<>]+$"
EARLIEST_YEAR, LATEST_YEAR = 2000, 2199


class Input(BaseModel):
    """A request body: unknown fields are refused. Its days, counts and choices are `Day`, `Whole` and `Flag`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(BaseModel):
    """An answer's body, read from a row or a dataclass."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError(f"年份应在 {EARLIEST_YEAR} 至 {LATEST_YEAR} 之间")
    return moment


def _written_out(pattern: str, said: str) -> BeforeValidator:
    """Refuse numbers, which pydantic would take for seconds since 1970."""

    def check(value: object) -> object:
        if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(pattern, value)):
            return value
        raise ValueError(said)

    return BeforeValidator(check)


Day = Annotated[date, _written_out(r"\d{4}-\d{2}-\d{2}", "应为日期（如 2026-03-05）")]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_plausible),
    _written_out(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\S+", "应为带时区的时间（如 2026-03-05T10:00:00+08:00）"),
]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=VISIBLE_LINE)]
Paragraph = Annotated[str, StringConstraints(min_length=1, max_length=5_000, pattern=VISIBLE_TEXT)]
WebAddress = Annotated[str, StringConstraints(max_length=500, pattern=WEB_ADDRESS)]
