"""What every service that applies rules serves of them: the rows with their citation, and the end of a period by one.

Every period the law knows ends by the same two functions (`due` for civil days, `due_at` for hours) and the same rows;
a date that rests on a year without a notice says that it is provisional, a row graded C that it is unconfirmed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from shared.calendar import OutsideCalendar, civil_day
from shared.db.sessions import AnySession
from shared.errors import Category, DomainError
from shared.http.bodies import Day, Moment, Output
from shared.http.openapi import PUBLIC
from shared.http.problems import responses
from shared.http.sessions import Read
from shared.replicas import calendars
from shared.statutes import Rule, RuleSet, Unit, UnknownRule, due, due_at, governing, is_provisional, listed


class NotAPeriod(DomainError):
    """The row is a setting or an amount, or the start is of the wrong kind for its unit."""

    code = "not_a_period"
    title = "该条款不是期限，或者起算时间的形式不符"
    category = Category.UNPROCESSABLE


class RuleBody(Output):
    """One rule row: a number of the law, its article, how certain it is, and when it is in force."""

    id: str
    value: Any
    unit: str
    start: str
    effect: str
    citation: str
    grade: str
    unconfirmed: bool = Field(description="待法制机构确认")
    from_: date = Field(alias="from", serialization_alias="from")
    to: date | None
    locality: str | None
    note: str
    author: str
    reason: str
    agency_id: UUID | None = Field(default=None, description="自定该数值的机关；国家和随附的地方条款为空")
    overruled: bool = Field(default=False, description="自定数值宽于现行国家规定，不适用")


class PeriodBody(Output):
    """When a period ends, by which row, and whether the date is certain."""

    rule: str
    value: Any
    unit: str
    due_on: date | None = Field(description="以日、月计算的期限的最后一日")
    due_at: datetime | None = Field(description="以小时计算的期限届满的时刻")
    provisional: bool = Field(description="暂定：所依据年度的放假通知尚未发布")
    citation: str
    unconfirmed: bool = Field(description="待法制机构确认")

    @classmethod
    def of(cls, rule: Rule, last: date | datetime, *, provisional: bool) -> Self:
        moment = last if isinstance(last, datetime) else None
        return cls(
            rule=rule.id,
            value=rule.value,
            unit=rule.unit.value,
            due_on=None if isinstance(last, datetime) else last,
            due_at=moment,
            provisional=provisional,
            citation=rule.cited,
            unconfirmed=rule.unconfirmed,
        )


@dataclass(frozen=True)
class AgencyRow:
    """A row that an agency set for itself; `overruled` when the national one has become stricter."""

    rule: Rule
    agency_id: UUID
    overruled: bool


RuleOfAgency = Callable[[AnySession, str, date, UUID], Awaitable[Rule]]
RowsOfAgencies = Callable[[AnySession, UUID | None], Awaitable[Sequence[AgencyRow]]]


def _bodies(rules: RuleSet, own: Sequence[AgencyRow] = ()) -> list[RuleBody]:
    """Show the packaged rows, and after those of one id what agencies set beside them."""
    order = {id: place for place, id in enumerate(dict.fromkeys(row.id for row in rules.rows))}
    bodies = [RuleBody.model_validate(listed(row)) for row in rules.rows]
    for each in own:
        whose = {"agency_id": each.agency_id, "overruled": each.overruled}
        bodies.append(RuleBody.model_validate(listed(each.rule) | whose))
    return sorted(bodies, key=lambda body: order[body.id])


def statutes_router(
    rules: Callable[[], RuleSet], rule_at: RuleOfAgency | None = None, rows_of: RowsOfAgencies | None = None
) -> APIRouter:
    """Return the routes that list a service's rows and date a period by one of them.

    Where agencies may set values of their own, `rule_at` finds the row that holds for one, and `rows_of` all that an
    agency and those above it set (None: that any set).
    """
    router = APIRouter(prefix="/statutes", tags=["适用的法规条款"])
    if rows_of is None:
        _add_list(router, rules)
    else:
        _add_list_with_own(router, rules, rows_of)

    @router.get(
        "/{rule_id}/due",
        summary="按条款计算期限",
        openapi_extra=PUBLIC,
        responses=responses(404, 422, examples={404: (UnknownRule,), 422: (NotAPeriod, OutsideCalendar)}),
    )
    async def get_due(
        rule_id: str,
        session: Read,
        on: Annotated[Day | None, Query(description="起算之日，当日不计入")] = None,
        at: Annotated[Moment | None, Query(description="起算时刻，以小时计算的期限用")] = None,
        agency_id: Annotated[UUID | None, Query(description="按该机关的地方假日和自定数值计算")] = None,
        locality: Annotated[str | None, Query(max_length=40, description="地方规则的地名")] = None,
    ) -> PeriodBody:
        """Say when a period by this row ends, by which article, and whether the date is certain."""
        if (on is None) == (at is None):
            raise NotAPeriod("起算之日（on）与起算时刻（at）须填且只填一个。")
        day = on or civil_day(_given(at))
        if rule_at is not None and agency_id is not None and locality is None:
            rule = await rule_at(session, rule_id, day, agency_id)
        else:
            rule = governing(rules(), rule_id, day, locality)
        if (rule.unit is Unit.HOUR) != (at is not None) or rule.unit not in PERIODS:
            raise NotAPeriod(f"{rule_id} 的单位为 {rule.unit.value}。")
        if on is None:
            return PeriodBody.of(rule, due_at(rule, _given(at)), provisional=False)
        calendar = await calendars.current(session, agency_id)
        last = due(rule, on, calendar)
        return PeriodBody.of(rule, last, provisional=is_provisional(rule, last, calendar))

    return router


def _add_list(router: APIRouter, rules: Callable[[], RuleSet]) -> None:
    @router.get("", summary="适用的法规条款", openapi_extra=PUBLIC)
    async def list_statutes() -> list[RuleBody]:
        """List the rule rows that this service applies, each with its citation."""
        return _bodies(rules())


def _add_list_with_own(router: APIRouter, rules: Callable[[], RuleSet], rows_of: RowsOfAgencies) -> None:
    @router.get("", summary="适用的法规条款", openapi_extra=PUBLIC)
    async def list_statutes(
        session: Read,
        agency_id: Annotated[UUID | None, Query(description="只列该机关及其上级自定的数值；不填列全部机关的")] = None,
    ) -> list[RuleBody]:
        """List the rule rows that this service applies, with what agencies set beside them, by whom and why."""
        return _bodies(rules(), await rows_of(session, agency_id))


PERIODS = frozenset({Unit.WORKING_DAY, Unit.CALENDAR_DAY, Unit.MONTH, Unit.MONTH_DAY, Unit.HOUR})


def _given(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment
