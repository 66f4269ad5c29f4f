"""Receipt days, dates that may be entered, numbers, codes, masks."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.applications import codes
from services.requests.applications.personal import Content, Personal, blind_id_number, is_plausible_id_number
from services.requests.applications.rules import (
    CLOSED_STATES,
    REGULATION_2019,
    ApplicantKind,
    CaseClosed,
    Channel,
    DateBeforeLaw,
    DateBeforeReceipt,
    DateInFuture,
    EntryType,
    HandlingHasBegun,
    NotSignedFor,
    ReceiptUnconfirmed,
    SamePerson,
    check_arrival,
    check_entered,
    known_receipt,
    receipt_number,
    require_another,
    require_open,
    require_receipt,
    require_signed_for,
    require_untouched,
)
from services.requests.settings import RequestsSettings
from shared.crypto import Vault
from shared.errors import DomainError
from shared.events.requests import ApplicationState

VAULT = Vault({"k": b"k" * 32}, "k")
DAYS = st.dates(date(2008, 5, 1), date(2030, 12, 31))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


@given(DAYS)
def test_the_receipt_day_follows_article_31(day: date) -> None:
    assert known_receipt(Channel.COUNTER, day) == day
    assert known_receipt(Channel.POST_REGISTERED, day) == day
    for channel in (Channel.ONLINE, Channel.POST_ORDINARY, Channel.FAX):
        assert known_receipt(channel, day) is None
    assert known_receipt(Channel.EMAIL, day) == (day if day < REGULATION_2019 else None)


def refusal_of_day(on: date, today: date, not_before: date) -> type[DomainError] | None:
    try:
        check_entered(on, today=today, not_before=not_before)
    except DomainError as error:
        return type(error)
    return None


@given(DAYS, DAYS, DAYS)
def test_a_clerks_date_lies_between_receipt_and_today(on: date, today: date, not_before: date) -> None:
    expected = DateInFuture if on > today else DateBeforeReceipt if on < not_before else None
    assert refusal_of_day(on, today, not_before) is expected


@given(st.dates(date(2000, 1, 1), date(2030, 12, 31)), DAYS)
def test_nothing_arrives_before_the_law_or_tomorrow(on: date, today: date) -> None:
    if on > today:
        with pytest.raises(DateInFuture):
            check_arrival(on, today)
    elif on < date(2008, 5, 1):
        with pytest.raises(DateBeforeLaw):
            check_arrival(on, today)
    else:
        check_arrival(on, today)


@given(st.sampled_from(ApplicationState))
def test_only_an_open_case_changes(state: ApplicationState) -> None:
    if state in CLOSED_STATES:
        with pytest.raises(CaseClosed):
            require_open(state)
    else:
        require_open(state)


@given(st.sets(st.sampled_from(EntryType)))
def test_a_case_is_returned_only_untouched(entries: set[EntryType]) -> None:
    if entries <= {EntryType.REGISTERED, EntryType.SIGNED_FOR, EntryType.RETURNED}:
        require_untouched(entries)
    else:
        with pytest.raises(HandlingHasBegun):
            require_untouched(entries)


def test_the_doors_of_a_case() -> None:
    require_signed_for(True)
    with pytest.raises(NotSignedFor):
        require_signed_for(False)
    assert require_receipt(date(2026, 6, 11)) == date(2026, 6, 11)
    with pytest.raises(ReceiptUnconfirmed):
        require_receipt(None)
    require_another("a", "b")
    with pytest.raises(SamePerson):
        require_another("a", "a")


@given(*[st.tuples(st.sampled_from("AB"), st.integers(2019, 2030), st.integers(1, 2_000_000))] * 2)
def test_two_receipt_numbers_are_equal_only_in_everything(one: tuple[str, int, int], two: tuple[str, int, int]) -> None:
    pattern = RequestsSettings().receipt_number_format
    first, second = (receipt_number(pattern, code=c, year=y, serial=s) for c, y, s in (one, two))
    assert (first == second) == (one == two)


@pytest.mark.parametrize("pattern", ["{code}-{serial}", "{year}-{serial}", "{code}-{year}", "fixed"])
def test_a_format_that_could_repeat_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="受理编号格式"):
        RequestsSettings(receipt_number_format=pattern)


def test_reminder_days_fall_and_are_distinct() -> None:
    assert RequestsSettings(reminder_days=(1, 7, 3)).reminder_days == (7, 3, 1)
    for wrong in ((0, 1), (3, 3), (61, 3)):
        with pytest.raises(ValueError, match="提醒天数"):
            RequestsSettings(reminder_days=wrong)


def test_a_code_survives_typing_and_no_other_fits() -> None:
    code, other = codes.new_code(), codes.new_code()
    kept = codes.code_hash(VAULT, code)
    assert code.replace("-", "") not in kept
    for typed in (code, code.lower(), f" {code} ", code.replace("-", ""), code.replace("-", " - ")):
        assert codes.matches(VAULT, typed, kept)
    assert not codes.matches(VAULT, other, kept)
    assert len({codes.new_code() for _ in range(1000)}) == 1000


@given(TEXTS, st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True), TEXTS)
def test_personal_data_opens_as_it_was_sealed(name: str, number: str, address: str) -> None:
    personal = Personal(name, "resident_id", number, "13812345678", "a@example.cn", address)
    sealed = personal.seal(VAULT)
    assert Personal.open(VAULT, sealed) == personal
    assert number not in sealed
    masked = personal.masked()
    assert masked.id_number != number
    assert masked.phone == "138****5678"
    assert masked.address is not None
    assert address not in masked.address or set(address) <= {"*"}


@given(TEXTS, TEXTS)
def test_content_opens_as_it_was_sealed(title: str, description: str) -> None:
    content = Content(title, description)
    assert Content.open(VAULT, content.seal(VAULT)) == content


@given(st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True))
def test_of_eleven_check_characters_one_is_right(number: str) -> None:
    assert sum(is_plausible_id_number(number[:17] + last) for last in "0123456789X") == 1


def test_id_numbers_are_compared_without_case_and_spaces() -> None:
    assert is_plausible_id_number("11010519491231002x")
    assert not is_plausible_id_number("11010519491231002")
    assert not is_plausible_id_number("１１010519491231002X")
    assert blind_id_number(VAULT, "11010519491231002x ") == blind_id_number(VAULT, "110105 19491231002X")


def test_everything_a_person_reads_has_a_name() -> None:
    for member in (*Channel, *ApplicantKind, *EntryType):
        assert member.label
