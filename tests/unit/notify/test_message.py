"""A mail as it goes out, and the settings that sending needs."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.notify.channels.message import Letter, compose
from services.notify.settings import NotifySettings
from services.notify.templates.rules import one_line

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def letter(subject: str, body: str) -> Letter:
    return Letter("<1@lantai.test>", "zhang@example.cn", subject, body, AT)


@given(st.text(max_size=300), st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=500))
def test_whatever_is_written_arrives_and_adds_no_header(subject: str, body: str) -> None:
    sent = compose(letter(one_line(subject), body), sender="notice@lantai.test", sender_name="兰台")
    arrived = message_from_bytes(sent.as_bytes(), policy=default)
    assert set(arrived.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert arrived["To"] == "zhang@example.cn"
    assert arrived["Message-ID"] == "<1@lantai.test>"
    assert arrived.get_content().rstrip() == body.rstrip()


def test_links_follow_the_text_with_their_purpose() -> None:
    written = Letter(
        "<1@lantai.test>", "zhang@example.cn", "题", "文", AT, (("取消订阅", "http://x.test/e"),), "http://x.test/e"
    )
    sent = compose(written, sender="notice@lantai.test", sender_name="兰台")
    assert sent.get_content().splitlines() == ["文", "", "取消订阅：", "http://x.test/e"]
    assert sent["List-Unsubscribe"] == "<http://x.test/e>"


def test_a_lease_outlasts_the_longest_conversation() -> None:
    with pytest.raises(ValidationError, match="LANTAI_NOTIFY_MAIL_LEASE_SECONDS"):
        NotifySettings(mail_lease_seconds=100)


@pytest.mark.parametrize("sender", ["nobody", "a b@x.cn", "a@x.cn>\r\nBcc: b@x.cn", "<a@x.cn>"])
def test_the_senders_address_is_one_address(sender: str) -> None:
    with pytest.raises(ValidationError, match="mail_from"):
        NotifySettings(mail_from=sender)
