"""When a period ends: one function for civil days, one for moments; the rule row says how to count.

Working days end on a working day by themselves. Calendar days and months follow 民法典第二百零一至二百零三条: the
first day is not counted, and a last day off gives way to the next working day. Hours ignore all of it.
"""

from datetime import date, datetime

from shared.calendar import Calendar, hours_after
from shared.statutes.rules import InvalidRules, Rule, RuleSet, Unit, UnknownRule


def due(rule: Rule, start: date, calendar: Calendar) -> date:
    """The last day of the rule's period that starts on `start` (that day itself is not counted).

    A fixed day of the year (`month_day`) is the next one on or after `start`; it is a date, not a period, so
    第二百零三条 does not move it.
    """
    match rule.unit:
        case Unit.WORKING_DAY:
            return calendar.add_working_days(start, rule.number)
        case Unit.CALENDAR_DAY:
            return calendar.add_calendar_days(start, rule.number)
        case Unit.MONTH:
            return calendar.add_months(start, rule.number)
        case Unit.MONTH_DAY:
            return _fixed_day(rule, start)
        case _:
            raise InvalidRules(f"{rule.id} 不以日计算（{rule.unit.value}）")


def governing(rules: RuleSet, id: str, start: date, locality: str | None = None) -> Rule:
    """The row that dates a period from `start`: the one in force on that day; raises UnknownRule.

    A fixed day of the year does not start anywhere: its row is the one in force on the day itself.
    """
    rows = rules.history(id, locality) or rules.history(id)
    fixed = [row for row in rows if row.unit is Unit.MONTH_DAY]
    if not fixed:
        return rules.at(id, start, locality)
    for row in fixed:
        if row.in_force(_fixed_day(row, start)):
            return row
    raise UnknownRule(f"{id}：{start} 之后的该日没有生效的规则", rule=id, day=start.isoformat())


def is_provisional(rule: Rule, last: date, calendar: Calendar) -> bool:
    """Whether a holiday notice may still move this last day: a fixed day of the year is a date, not a count."""
    return rule.unit is not Unit.MONTH_DAY and calendar.is_provisional(last)


def _fixed_day(rule: Rule, start: date) -> date:
    this_year = date.fromisoformat(f"{start.year}-{rule.value}")
    return this_year if this_year >= start else date.fromisoformat(f"{start.year + 1}-{rule.value}")


def due_at(rule: Rule, start: datetime) -> datetime:
    """The moment an hour clock runs out (自规定的时间开始, 第二百零一条第二款)."""
    if rule.unit is not Unit.HOUR:
        raise InvalidRules(f"{rule.id} 不以小时计算（{rule.unit.value}）")
    return hours_after(start, rule.number)
