"""No identity number, phone, mail or token reaches a log; ids and times stay readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.redaction import HIDDEN, redact, redact_text, redaction_processor


@pytest.mark.parametrize(
    "secret",
    [
        "330106199001011234",
        "33010619900101123X",
        "330106 19900101 1234",
        "330106900101123",
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "+86 13812345678",
        "0571-87654321",
        "zhang.san+gov@mail.example.cn",
        "Bearer abcdef.ghijkl",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ6cyJ9.c2lnbmF0dXJl",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_secrets_are_hidden_inside_any_sentence(secret: str) -> None:
    for text in (secret, f"电话{secret}。", f"a={secret};", f"（{secret}）"):
        shown = redact_text(text)
        assert HIDDEN in shown
        assert secret not in shown


def test_a_password_in_an_address_is_hidden_and_the_host_kept() -> None:
    assert redact_text("postgresql://user:pw@db:5432/lantai") == f"postgresql://{HIDDEN}@db:5432/lantai"


def test_what_postgresql_quotes_is_hidden() -> None:
    text = 'duplicate key "notes_key"\nDETAIL:  Key (address)=(解放路1号) already exists.\nHINT: x'
    assert redact_text(text) == f'duplicate key "notes_key"\n{HIDDEN}\nHINT: x'


@pytest.mark.parametrize(
    "text",
    [
        "01a2042c-f183-76de-9860-138123456789",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "2026-11-22T16:40:18.756860Z",
        "/api/requests/v1/applications/{application_id}",
        "国办发明电〔2025〕7号",
        "took 138.25 ms for 1795365618 rows",
    ],
)
def test_what_operators_need_stays(text: str) -> None:
    assert redact_text(text) == text


def test_fields_with_a_telling_name_are_dropped_whatever_they_hold() -> None:
    event = {
        "event": "x",
        "Secret-Code": "ab12",
        "deep": [{"phone": "短号 12345", "n": 3}],
        "_record": object(),
        "level": "info",
    }
    shown = redaction_processor(None, "info", dict(event))
    assert shown["Secret-Code"] == HIDDEN
    assert shown["deep"] == [{"phone": HIDDEN, "n": 3}]
    assert shown["_record"] is event["_record"]


def test_numbers_and_objects_are_searched_too() -> None:
    class Form:
        def __str__(self) -> str:
            return "form of 13812345678"

    assert redact(13812345678) == HIDDEN
    assert redact(Form()) == f"form of {HIDDEN}"
    assert redact({"13812345678": (1, None, True, 2.5)}) == {HIDDEN: [1, None, True, 2.5]}


@given(st.text(), st.text())
def test_a_mobile_number_never_survives(before: str, after: str) -> None:
    assert "13812345678" not in redact_text(f"{before} 13812345678 {after}")
