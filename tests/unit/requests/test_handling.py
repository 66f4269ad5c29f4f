"""Corrections, consultations, replies and remedies: what is refused, and which sentence is chosen."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.applications.history import Fact
from services.requests.applications.rules import EntryType
from services.requests.clock.events import ConsultationKind, RegulationName
from services.requests.corrections.rules import (
    AnswerTerm,
    CorrectionNotAwaited,
    CorrectionStillOpen,
    answer_by,
    answer_term,
    check_abandoned,
)
from services.requests.desk import packaged_rules
from services.requests.replies.dispositions import (
    InvalidTables,
    Outcome,
    Remedy,
    RemedyKind,
    articles_of,
    check_remedies,
    remedies,
    remedy_for,
    table_rows,
)
from services.requests.replies.remedy_periods import last_days, sentence
from services.requests.replies.rules import (
    DISCLOSING,
    WITHOUT_GROUNDS,
    AlreadyApproved,
    DeliveredBeforeDecided,
    DeliveryMode,
    Draft,
    GroundsMissing,
    InformationMissing,
    NoDraft,
    NotApproved,
    ProofMissing,
    RefusedRowMissing,
    ReplyState,
    RowDoesNotFit,
    check_delivery,
    check_draft,
    require_changeable,
    require_draft,
)
from services.requests.third_parties.rules import LABELS, Opinion, ReasonMissing, check_opinion, silence_means
from shared.calendar import national
from shared.errors import DomainError

CALENDAR = national()
DAYS = st.dates(date(2010, 1, 1), date(2026, 12, 1))
TODAY = date(2026, 6, 11)
OUTCOMES = st.sampled_from(Outcome)
ROWS = st.sampled_from(sorted(table_rows()))


def refusal(check: Callable[[], object]) -> type[DomainError] | None:
    try:
        check()
    except DomainError as error:
        return type(error)
    return None


@given(DAYS, st.integers(1, 60), st.integers(-40, 120))
def test_silence_is_abandonment_only_after_the_period(sent_on: date, days: int, later: int) -> None:
    until = answer_by(sent_on, days, CALENDAR)
    assert CALENDAR.working_days_between(sent_on, until) == days
    today = sent_on + timedelta(days=later)
    expected = None if today > until else CorrectionStillOpen
    notice = Fact(1, EntryType.CORRECTION_NOTICE, sent_on, {"working_days": days})
    term = answer_term(until, [notice], CALENDAR)
    assert term == AnswerTerm(until, CALENDAR.is_provisional(until))
    assert refusal(lambda: check_abandoned(AnswerTerm(until, False), today)) is expected
    assert refusal(lambda: check_abandoned(AnswerTerm(until, True), today)) is CorrectionStillOpen
    assert refusal(lambda: check_abandoned(answer_term(None, [notice], CALENDAR), today)) is CorrectionNotAwaited


def test_a_day_that_the_applicant_was_told_is_never_cut_short() -> None:
    told = date(2026, 6, 30)
    notice = Fact(1, EntryType.CORRECTION_NOTICE, TODAY, {"working_days": 5})
    assert answer_term(told, [notice], CALENDAR) == AnswerTerm(told, False)
    of_before = Fact(1, EntryType.CORRECTION_NOTICE, TODAY, {})
    assert answer_term(told, [of_before], CALENDAR) == AnswerTerm(told, False)


@given(st.sampled_from(Opinion), st.none() | st.text(min_size=1))
def test_an_objection_says_why(opinion: Opinion, reason: str | None) -> None:
    expected = ReasonMissing if opinion is Opinion.OBJECTS and reason is None else None
    assert refusal(lambda: check_opinion(opinion, reason)) is expected
    assert opinion.label


def test_silence_means_what_the_article_says() -> None:
    joint, third = ConsultationKind.JOINT_ORGAN, ConsultationKind.THIRD_PARTY
    assert "视为同意" in silence_means(joint, provisional=False)
    assert "行政机关依照条例决定" in silence_means(third, provisional=False)
    assert "视为" not in silence_means(ConsultationKind.OTHER_ORGAN, provisional=False)
    assert "暂定" in silence_means(third, provisional=True)
    assert "暂定" not in silence_means(third, provisional=False)
    assert set(LABELS) == set(ConsultationKind)


@given(OUTCOMES, ROWS, st.booleans(), st.booleans(), st.none() | ROWS)
def test_a_draft_is_refused_for_the_first_thing_it_lacks(
    outcome: Outcome, row: str, grounds: bool, content: bool, refused_row: str | None
) -> None:
    draft = Draft(outcome, row, "理由。" if grounds else None, "全文。" if content else None, refused_row)
    expected: type[DomainError] | None = None
    if outcome not in table_rows()[row].outcomes:
        expected = RowDoesNotFit
    elif outcome not in WITHOUT_GROUNDS and not grounds:
        expected = GroundsMissing
    elif outcome in DISCLOSING and not content:
        expected = InformationMissing
    elif outcome is Outcome.PARTLY_DISCLOSED and refused_row not in {f"3.3.{n}" for n in range(1, 8)}:
        expected = RefusedRowMissing
    assert refusal(lambda: check_draft(draft, TODAY)) is expected


@given(st.none() | st.sampled_from(ReplyState))
def test_a_reply_is_changed_until_approved_and_decided_once(state: ReplyState | None) -> None:
    fixed = state in (ReplyState.APPROVED, ReplyState.DELIVERED)
    assert refusal(lambda: require_changeable(state)) is (AlreadyApproved if fixed else None)
    assert refusal(lambda: require_draft(state)) is (None if state is ReplyState.DRAFT else NoDraft)


@given(
    st.none() | st.sampled_from(ReplyState), st.sampled_from(DeliveryMode), DAYS, DAYS, st.sampled_from(["", " ", "1"])
)
def test_a_delivery_follows_its_decision_with_proof(
    state: ReplyState | None, mode: DeliveryMode, on: date, decided_on: date, proof: str
) -> None:
    expected: type[DomainError] | None = None
    if state is not ReplyState.APPROVED:
        expected = NotApproved
    elif on < decided_on:
        expected = DeliveredBeforeDecided
    elif mode is DeliveryMode.POST and not proof.strip():
        expected = ProofMissing
    assert refusal(lambda: check_delivery(state, mode, on, decided_on, proof)) is expected
    assert mode.label
    assert ("交邮" in mode.counts_from) == (mode is DeliveryMode.POST)


REVIEW_FIRST = {*(f"3.3.{n}" for n in range(1, 8)), "3.2"}


@given(ROWS, st.dates(date(2008, 5, 1), date(2035, 1, 1)))
def test_the_remedy_follows_row_and_day_of_decision(row: str, decided_on: date) -> None:
    """Statutes §6, read independently: 先复议 since 2024-01-01 for refusals and the refused part, never before."""
    remedy = remedy_for(table_rows()[row], decided_on)
    assert remedy.since <= decided_on <= remedy.until
    assert ("应当先" in remedy.sentence) == (row in REVIEW_FIRST and decided_on >= date(2024, 1, 1))
    assert ("不予公开的部分" in remedy.sentence) == (row == "3.2" and decided_on >= date(2024, 1, 1))
    told = sentence(remedy, packaged_rules(), decided_on, "上一级机关")
    assert ("3个月" in told) == (decided_on < date(2015, 5, 1))
    straight = row == "3.2" or not (row in REVIEW_FIRST and decided_on >= date(2024, 1, 1))
    assert ("6个月" in told) == (straight and decided_on >= date(2015, 5, 1))
    assert "60日内向上一级机关申请" in told
    assert "{" not in told
    assert ("2026年修订" in remedy.citation) == (row in REVIEW_FIRST and decided_on >= date(2026, 7, 1))
    assert "{body}" in remedy.sentence


def test_the_last_days_to_object() -> None:
    def days(kind: RemedyKind, delivered: date, decided: date, mode: DeliveryMode = DeliveryMode.DIRECT) -> list[tuple]:
        found = last_days(kind, mode, delivered, decided, packaged_rules(), national())
        return [(day.last, day.provisional) for day in found]

    # 60 日 ends on 2 October, 6 个月 on 28 February 2027, a Sunday: both give way to the next working day.
    august = date(2026, 8, 3), date(2026, 8, 3)
    assert days(RemedyKind.OTHER, *august) == [(date(2026, 10, 8), False), (date(2027, 2, 3), True)]
    assert days(RemedyKind.OTHER, date(2026, 8, 31), date(2026, 8, 31))[1] == (date(2027, 3, 1), True)
    assert days(RemedyKind.REFUSAL, *august) == [(date(2026, 10, 8), False)]
    assert len(days(RemedyKind.PARTIAL, *august)) == 2
    assert len(days(RemedyKind.REFUSAL, date(2023, 12, 29), date(2023, 12, 29))) == 2
    assert days(RemedyKind.OTHER, *august, DeliveryMode.POST) == [(None, False), (None, True)]


def test_by_post_the_condition_is_named_and_no_last_day() -> None:
    """The period runs from 签收, which is not on record: the last day is not before that of a letter read at once."""
    sent = date(2026, 8, 3)
    review, sue = last_days(RemedyKind.OTHER, DeliveryMode.POST, sent, sent, packaged_rules(), national())
    assert (review.last, review.not_before, review.condition) == (
        None,
        date(2026, 10, 8),
        "自签收之日起60日，当日不计入",
    )
    assert (sue.not_before, sue.condition) == (date(2027, 2, 3), "自签收之日起6个月，当日不计入")


@given(st.sampled_from(remedies()))
def test_a_gap_or_an_overlap_of_remedies_is_refused(taken: Remedy) -> None:
    rows = remedies()
    with pytest.raises(InvalidTables):
        check_remedies(tuple(row for row in rows if row is not taken))
    with pytest.raises(InvalidTables):
        check_remedies((*rows, taken))


def test_every_outcome_has_a_row_and_a_name() -> None:
    assert {outcome for row in table_rows().values() for outcome in row.outcomes} == set(Outcome)
    assert all(outcome.label for outcome in Outcome)
    refusing = {row.row for row in table_rows().values() if row.remedy is RemedyKind.REFUSAL}
    assert refusing | {"3.2"} == REVIEW_FIRST


@pytest.mark.parametrize(
    ("outcome", "row", "refused_row", "articles"),
    [
        (Outcome.ALREADY_PUBLIC, "3.1", None, "第三十六条第一项"),
        (Outcome.DISCLOSED, "3.1", None, "第三十六条第二项"),
        (Outcome.NOT_HELD, "3.4.1", None, "第三十六条第四项"),
        (Outcome.NOT_RESPONSIBLE, "3.4.1", None, "第三十六条第五项"),
        (Outcome.PARTLY_DISCLOSED, "3.2", "3.3.5", "第三十七条；不予公开的部分：第三十六条第三项、第十六条第一款"),
    ],
)
def test_a_reply_names_the_item_it_rests_on(outcome: Outcome, row: str, refused_row: str | None, articles: str) -> None:
    assert articles_of(outcome, row, refused_row, RegulationName.PIR_2019) == articles


@pytest.mark.parametrize(
    ("outcome", "row", "refused_row", "articles"),
    [
        (Outcome.REFUSED, "3.3.1", None, "第二十一条第二项（待确认）"),
        (Outcome.NOT_HELD, "3.4.1", None, "第二十一条第三项（待确认）"),
        (
            Outcome.PARTLY_DISCLOSED,
            "3.2",
            "3.3.5",
            "第二十二条（待确认）；不予公开的部分：第二十一条第二项（待确认）",
        ),
        (Outcome.PETITION, "3.5.1", None, ""),
    ],
)
def test_a_case_of_2007_is_answered_with_articles_of_2007(
    outcome: Outcome, row: str, refused_row: str | None, articles: str
) -> None:
    assert articles_of(outcome, row, refused_row, RegulationName.PIR_2007) == articles
