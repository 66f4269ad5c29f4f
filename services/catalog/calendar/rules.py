"""Rules of holiday notices: read and checked by `shared.calendar`; a new version replaces the whole year before it.

Versions of a year and scope count 1, 2, 3 …; a national notice has no local agency. Nothing is edited in place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from shared.calendar import Calendar, DayKind, Notice, lunar_years, parse_notices, statutory_days
from shared.errors import Category, DomainError

NAMESPACE = UUID("6b4f3c1e-8a57-4c7e-9d0e-2f5a1f6b7c10")


class NoticeUnchanged(DomainError):
    """The newest version of this year says exactly the same."""

    code = "calendar_notice_unchanged"
    title = "该通知与现行版本完全相同"
    category = Category.CONFLICT


class NoticeVersionTaken(DomainError):
    """Somebody else published a version of this year meanwhile."""

    code = "calendar_notice_version_taken"
    title = "该年度日历刚刚有新版本发布，请重新预览"
    category = Category.CONFLICT


class StatutoryHolidayMissing(DomainError):
    """A paper that leaves a statutory holiday out is most likely typed in by half."""

    code = "statutory_holiday_missing"
    title = "通知漏列了法定节日"
    category = Category.UNPROCESSABLE


class LocalHolidayDropped(DomainError):
    """A local paper takes the place of the one before it: a day that it does not repeat would work again."""

    code = "local_holiday_dropped"
    title = "通知漏列了本机关该年度已公布的地方假日"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True)
class NoticeData:
    """A notice as entered: days as the State Council's notice lists them."""

    year: int
    number: str
    title: str
    issued: date | None
    holidays: tuple[tuple[str, date, date], ...]
    make_up_days: tuple[date, ...]


@dataclass(frozen=True)
class MissingHoliday:
    """A statutory holiday (放假办法第二条), or local days off published before, that a notice leaves out."""

    name: str
    days: tuple[date, ...]


@dataclass(frozen=True)
class DayChange:
    """One day whose kind a notice changes."""

    day: date
    before: DayKind
    after: DayKind

    @property
    def working_changes(self) -> bool:
        """Whether the change moves deadlines, or only renames a day off."""
        works = (DayKind.WORKING_DAY, DayKind.MAKE_UP_DAY)
        return (self.before in works) != (self.after in works)


def notice_of(data: NoticeData) -> Notice:
    """Check a notice; raises `shared.calendar.InvalidNotice`."""
    document: Mapping[str, Any] = {
        "year": data.year,
        "notice": data.number,
        "title": data.title,
        "issued": data.issued,
        "holidays": [{"name": name, "from": first, "to": last} for name, first, last in data.holidays],
        "make_up_days": list(data.make_up_days),
    }
    return parse_notices(document)[-1]


def missing_holidays(notice: Notice, before: Calendar) -> list[MissingHoliday]:
    """Name the statutory holidays that a national notice leaves out.

    Where the lunar dates are known, each of the 13 days has to be listed. Of an earlier year, for
    which a notice exists, each holiday that it names has to be listed with at least one of its days.
    """
    listed = {day for holiday in notice.holidays for day in holiday.days()}
    missing: dict[str, list[date]] = {}
    if notice.year in lunar_years():
        for day, name in sorted(statutory_days(notice.year).items()):
            if day not in listed:
                missing.setdefault(name, []).append(day)
    else:
        for holiday in (h for known in before.notices if known.year == notice.year for h in known.holidays):
            if listed.isdisjoint(holiday.days()):
                missing.setdefault(holiday.name, []).extend(holiday.days())
    return [MissingHoliday(name, tuple(days)) for name, days in missing.items()]


def dropped_days(listed: Sequence[date], before: Sequence[date]) -> list[MissingHoliday]:
    """Name the local days off that the newest version lists and the one to take its place does not."""
    dropped = sorted(set(before) - set(listed))
    return [MissingHoliday("已公布的地方假日", tuple(dropped))] if dropped else []


def check_complete(missing: Sequence[MissingHoliday], accepted_because: str | None, *, local: bool) -> None:
    """Refuse a notice that leaves a holiday out, unless somebody says why it does."""
    if missing and accepted_because is None:
        named = "、".join(f"{each.name}（{'、'.join(map(str, each.days))}）" for each in missing)
        if local:
            raise LocalHolidayDropped(
                f"{named}；新版本取代该年度原有的地方假日，确须取消的，在 accept_missing 中写明理由。"
            )
        raise StatutoryHolidayMissing(f"{named}；确无此假的，请在 accept_missing 中写明理由。")


def subject_of(year: int, local_agency_id: UUID | None) -> UUID:
    """The stable id of a year's calendar in one scope: the aggregate of its versions."""
    return uuid5(NAMESPACE, f"{year}:{local_agency_id or 'national'}")


def next_version(versions: Sequence[int]) -> int:
    """The number of the next version after those that exist."""
    return max(versions, default=0) + 1


def changes(before: Calendar, after: Calendar, year: int) -> list[DayChange]:
    """Every day of the year (and of 29–31 December before it) whose kind differs between two calendars."""
    first, last = date(year - 1, 12, 29).toordinal(), date(year, 12, 31).toordinal()
    days = (date.fromordinal(ordinal) for ordinal in range(first, last + 1))
    kinds = ((day, before.kind(day), after.kind(day)) for day in days)
    return [DayChange(day, old, new) for day, old, new in kinds if old is not new]
