"""Settings of the requests service."""

from pathlib import Path

from pydantic import Field, field_validator

from services.requests.reminders.rules import LONGEST_BEFORE
from shared.service.settings import ServiceSettings


class RequestsSettings(ServiceSettings):
    """`receipt_number_format` is filled with the agency's `code`, the `year` and the gap-free `serial` of both.

    `reminder_days`: how many working days before the due day the handlers are reminded.
    `redating_chunk`: how many open cases one transaction dates anew after a holiday notice.
    `font_dir`: where an office keeps its licensed fonts for printed sheets; the system's fonts are used beside it.
    `review_body`: how the remedy sentence names the 行政复议机关; the default is true of every agency, a place may be
    more exact.
    """

    service: str = "requests"
    receipt_number_format: str = "{code}-{year}-{serial:06d}"
    reminder_days: tuple[int, ...] = (5, 3, 1)
    redating_chunk: int = Field(default=2_000, ge=1, le=10_000)
    redating_poll_seconds: float = Field(default=2.0, gt=0)
    font_dir: Path | None = None
    review_body: str = (
        "有管辖权的行政复议机关（答复机关为政府工作部门的，为本级人民政府；为人民政府的，为上一级人民政府；"
        "依法另有规定的从其规定）"
    )

    @field_validator("receipt_number_format")
    @classmethod
    def names_agency_year_and_serial(cls, value: str) -> str:
        """Refuse a format that could give two cases one number."""
        try:
            numbers = {
                value.format(code=code, year=year, serial=serial)
                for code in ("A", "B")
                for year in (2026, 2027)
                for serial in (1, 2)
            }
        except (KeyError, IndexError, AttributeError):
            raise ValueError("受理编号格式只能由 {code}、{year} 与 {serial} 组成") from None
        if len(numbers) < 8:
            raise ValueError("受理编号格式须含 {code}、{year} 与 {serial}")
        return value

    @field_validator("reminder_days")
    @classmethod
    def distinct_and_falling(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        """Reminders are ordered from the earliest to the latest, each at least one working day before."""
        if any(not 1 <= days <= LONGEST_BEFORE for days in value) or len(set(value)) != len(value):
            raise ValueError(f"提醒天数须为互不相同的正整数，且不大于 {LONGEST_BEFORE}")
        return tuple(sorted(value, reverse=True))
