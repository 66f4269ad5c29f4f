"""By when a document must be public: the vectors of the source plans, and what holds on every day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.documents.deadlines import overdue_at, publication_limit, reminder_at
from services.catalog.statutes import rule_set
from shared.calendar import civil_day, national

formed = st.dates(date(2008, 5, 1), date(2027, 6, 30))


@pytest.mark.parametrize(
    ("day", "locality", "due", "cited"),
    [
        (date(2019, 2, 20), None, date(2019, 3, 20), "第十八条"),
        (date(2026, 9, 18), None, date(2026, 10, 22), "第二十六条"),
        (date(2026, 2, 10), "yanta", date(2026, 2, 13), "雁塔区"),
        (date(2026, 2, 10), "taian", date(2026, 3, 16), "第二十六条"),
    ],
)
def test_vectors(day: date, locality: str | None, due: date, cited: str) -> None:
    limit = publication_limit(rule_set().find("pub.limit", day, locality), national(), day)
    assert limit is not None
    assert limit.due_on == due
    assert cited in limit.citation


def test_before_the_regulation_there_is_no_limit() -> None:
    day = date(2008, 4, 30)
    assert publication_limit(rule_set().find("pub.limit", day), national(), day) is None


@given(formed, st.sampled_from([None, "yanta"]))
def test_a_limit_ends_on_a_working_day_after_the_day_of_signing(day: date, locality: str | None) -> None:
    calendar = national()
    limit = publication_limit(rule_set().find("pub.limit", day, locality), calendar, day)
    assert limit is not None
    assert limit.due_on > day
    assert calendar.is_working(limit.due_on)
    assert limit.provisional is calendar.is_provisional(limit.due_on)
    local = locality == "yanta" and day >= date(2019, 2, 21)
    assert calendar.working_days_between(day, limit.due_on) == (3 if local else 20)


@given(formed, st.integers(1, 10))
def test_reminders_come_before_and_earlier_on_provisional_dates(day: date, working_days: int) -> None:
    calendar = national()
    limit = publication_limit(rule_set().find("pub.limit", day), calendar, day)
    assert limit is not None
    at = reminder_at(limit.due_on, calendar, working_days)
    left = calendar.working_days_between(civil_day(at), limit.due_on)
    assert left == working_days + (2 if limit.provisional else 0)
    assert civil_day(overdue_at(limit.due_on)) == limit.due_on + timedelta(days=1)
