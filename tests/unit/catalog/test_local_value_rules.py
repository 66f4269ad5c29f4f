"""A local value: settable where the law leaves room, stricter than the nation, and counted as the national one is."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.local_rules.rules import (
    SETTABLE,
    LaxerThanNational,
    LaxerThanSuperior,
    LocalValueData,
    NotSettable,
    Start,
    as_rule,
    check,
    last_days,
    overruled,
    require_settable,
)
from services.catalog.statutes import rule_set
from shared.calendar import national
from shared.statutes import Grade, due

days = st.dates(date(2008, 5, 1), date(2027, 6, 30))


def data(since: date, value: int | None, rule_id: str = "pub.limit") -> LocalValueData:
    return LocalValueData(rule_id, value, since, "区政务公开办法第八条", "加快公开。")


@given(days, st.integers(1, 60))
def test_a_value_is_taken_exactly_when_it_is_not_laxer(since: date, value: int) -> None:
    nation = rule_set().at("pub.limit", since)
    if value <= nation.number:
        check(data(since, value), nation)
    else:
        with pytest.raises(LaxerThanNational):
            check(data(since, value), nation)


@given(days, st.integers(1, 20), st.integers(1, 20), st.sampled_from(Start))
def test_what_a_superior_ordered_is_not_relaxed(since: date, ordered: int, value: int, start: Start) -> None:
    """A limit from 印发 may end after one from 成文, so it is laxer whatever its number."""
    superior = as_rule(rule_set().at("pub.limit", since), data(since, ordered), "青山县", "管理员甲")
    own = replace(data(since, value), start=start)
    if value <= ordered and start is Start.FORMED:
        check(own, superior)
    else:
        with pytest.raises(LaxerThanSuperior):
            check(own, superior)


@given(days, st.integers(1, 20))
def test_a_stricter_value_is_never_due_later_and_says_whose_it_is(formed: date, value: int) -> None:
    nation = rule_set().at("pub.limit", formed)
    own = as_rule(nation, data(formed, value), "青山县", "管理员甲")
    assert due(own, formed, national()) <= due(nation, formed, national())
    assert (own.grade, own.locality, own.author, own.cited) == (
        Grade.LOCAL,
        "青山县",
        "管理员甲",
        "区政务公开办法第八条",
    )
    assert (own.unit, own.start, own.effect) == (nation.unit, nation.start, nation.effect)


@given(st.sets(days, min_size=1, max_size=6))
def test_a_value_holds_until_the_day_before_the_next(since: set[date]) -> None:
    ends = last_days(since)
    assert list(ends) == sorted(since)
    for day, following in zip(sorted(since), sorted(since)[1:], strict=False):
        assert ends[day] == following - timedelta(days=1)
    assert ends[max(since)] == date.max


@given(days, st.integers(1, 60))
def test_a_value_is_overruled_exactly_when_it_could_not_be_set_today(day: date, value: int) -> None:
    nation = rule_set().at("pub.limit", day)
    assert overruled(data(day, value), nation) is (value > nation.number)
    assert not overruled(data(day, None), nation)


@given(st.sampled_from(sorted({row.id for row in rule_set().rows} - set(SETTABLE))))
def test_nothing_else_may_be_set(rule_id: str) -> None:
    with pytest.raises(NotSettable):
        require_settable(rule_id)
    for settable in SETTABLE:
        require_settable(settable)


@given(days)
def test_a_value_may_always_be_given_up(since: date) -> None:
    nation = rule_set().at("pub.limit", since)
    superior = as_rule(nation, data(since, 1), "青山县", "管理员甲")
    for above in (nation, superior):
        check(data(since, None), above)
        assert not overruled(data(since, None), above)
