"""However the steps are tried, nothing becomes public unreviewed, unsigned, or when it is not to be."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.documents import errors, rules
from services.catalog.documents.rules import Document, Ground, ReturnReason, ReviewItem, State, Verdict
from shared.errors import DomainError
from shared.events.catalog import DisclosureAttribute

TODAY = date(2026, 11, 20)
people = st.sampled_from(["甲", "乙", "丙"])
verdict = st.builds(Verdict, clear=st.booleans(), note=st.none() | st.just("见批注"))
reviews = st.fixed_dictionaries(dict.fromkeys(ReviewItem, verdict)) | st.dictionaries(
    st.sampled_from(ReviewItem), verdict
)
drafts = st.builds(
    Document,
    state=st.just(State.DRAFT),
    drafter_id=people,
    attribute=st.none() | st.sampled_from(DisclosureAttribute),
    ground=st.none() | st.sampled_from(Ground),
    reason=st.none() | st.just("属于过程稿"),
)
Step = Callable[[Document], Document]


def signing(person: str, formed: date, printed: date | None) -> Step:
    return lambda d: rules.sign_off(d, person, formed_on=formed, printed_on=printed, today=TODAY)


def returning(reason: ReturnReason) -> Step:
    return lambda d: rules.send_back(d, reason)


def reviewing(verdicts: Mapping[ReviewItem, Verdict], person: str) -> Step:
    return lambda d: rules.review(d, verdicts, person)


days = st.dates(TODAY - timedelta(days=5), TODAY + timedelta(days=2))
steps: st.SearchStrategy[Step] = st.one_of(
    st.just(rules.submit),
    st.just(lambda d: rules.publish(d, TODAY)),
    st.just(rules.withdraw),
    st.builds(returning, st.sampled_from(ReturnReason)),
    st.builds(reviewing, reviews, people),
    st.builds(signing, people, days, st.none() | days),
)


@given(drafts, st.lists(steps, max_size=14))
def test_every_way_to_the_public_leads_through_review_and_signature(draft: Document, tried: list[Step]) -> None:
    document, passed = draft, [draft.state]
    for step in tried:
        try:
            document = step(document)
        except DomainError:
            continue
        passed.append(document.state)
    if State.PUBLISHED in passed:
        before = passed[: passed.index(State.PUBLISHED)]
        assert before[-3:] == [State.SUBMITTED, State.REVIEWED, State.SIGNED]
        assert document.attribute is DisclosureAttribute.PROACTIVE
        assert document.published_on == TODAY
        assert document.formed_on is not None
        assert document.formed_on <= TODAY
    if document.state in (State.REVIEWED, State.SIGNED):
        rules.check_attribute(document)


@given(drafts, reviews, people)
def test_a_review_is_complete_by_another_and_a_concern_stops_publication(
    draft: Document, verdicts: dict[ReviewItem, Verdict], reviewer: str
) -> None:
    submitted = rules.submit(draft)
    try:
        after = rules.review(submitted, verdicts, reviewer)
    except DomainError:
        return
    assert reviewer != draft.drafter_id
    assert set(verdicts) == set(ReviewItem)
    concern = any(not v.clear for v in verdicts.values())
    if draft.attribute is DisclosureAttribute.PROACTIVE and concern:
        assert (after.state, after.return_reason) == (State.RETURNED, ReturnReason.SECRECY_CONCERN)
    else:
        assert after.state is State.REVIEWED


ALL_CLEAR = {item: Verdict(True) for item in ReviewItem}
PUBLIC = Document(State.PUBLISHED, "甲", DisclosureAttribute.PROACTIVE, formed_on=TODAY, published_on=TODAY, revision=1)


@given(st.sampled_from(State))
def test_only_drafts_and_returned_documents_are_edited(state: State) -> None:
    document = Document(state, "甲")
    if state in (State.DRAFT, State.RETURNED):
        rules.edit(document)
    else:
        with pytest.raises(errors.NotEditable):
            rules.edit(document)


ALLOWED: dict[str, tuple[Step, tuple[State, ...]]] = {
    "submit": (rules.submit, (State.DRAFT, State.RETURNED)),
    "return": (returning(ReturnReason.SECRECY_CONCERN), (State.SUBMITTED, State.REVIEWED)),
    "review": (reviewing({item: Verdict(True) for item in ReviewItem}, "乙"), (State.SUBMITTED,)),
    "sign off": (signing("乙", TODAY, None), (State.REVIEWED,)),
    "publish": (lambda d: rules.publish(d, TODAY), (State.SIGNED,)),
    "withdraw": (rules.withdraw, (State.PUBLISHED,)),
    "correct": (lambda d: rules.correct(d, ALL_CLEAR, "甲", "乙"), (State.PUBLISHED,)),
}


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("state", State)
def test_a_step_is_taken_from_its_states_and_no_other(name: str, state: State) -> None:
    step, states = ALLOWED[name]
    document = Document(state, "甲", DisclosureAttribute.PROACTIVE)
    if state in states:
        step(document)
    else:
        with pytest.raises((errors.WrongState, errors.NotEditable)):
            step(document)


@given(people, people)
def test_a_correction_is_reviewed_by_another_than_its_author(author: str, reviewer: str) -> None:
    if author == reviewer:
        with pytest.raises(errors.SamePerson):
            rules.correct(PUBLIC, ALL_CLEAR, author, reviewer)
    else:
        assert rules.correct(PUBLIC, ALL_CLEAR, author, reviewer).revision == 2


@given(st.sampled_from(ReturnReason), st.none() | st.sampled_from(DisclosureAttribute))
def test_a_return_names_a_fault_the_draft_has(reason: ReturnReason, attribute: DisclosureAttribute | None) -> None:
    document = Document(State.SUBMITTED, "甲", attribute)
    founded = {
        ReturnReason.ATTRIBUTE_MISSING: attribute is None,
        ReturnReason.REASON_MISSING: attribute in (DisclosureAttribute.ON_REQUEST, DisclosureAttribute.NOT_PUBLIC),
        ReturnReason.SECRECY_CONCERN: True,
    }[reason]
    if founded:
        assert rules.send_back(document, reason).return_reason is reason
    else:
        with pytest.raises(errors.ReturnReasonUnfounded):
            rules.send_back(document, reason)


@given(st.dates(), st.dates())
def test_late_means_after_the_due_day(published: date, due: date) -> None:
    assert rules.is_late(replace(PUBLIC, published_on=published, due_on=due)) is (published > due)
    assert rules.is_late(replace(PUBLIC, due_on=None)) is False


@given(st.integers(1, 99_999), st.integers(1, 99_999), st.integers(2008, 2100))
def test_index_numbers_differ_with_their_serials(one: int, other: int, year: int) -> None:
    pattern = "{code}/{year}-{serial:05d}"
    numbers = [rules.index_number(pattern, "014416330", year, serial) for serial in (one, other)]
    assert (numbers[0] == numbers[1]) is (one == other)
    assert rules.index_number(pattern, "014416330", 2018, 4736) == "014416330/2018-04736"
