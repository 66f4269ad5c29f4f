"""Which addresses are written to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.channels.addresses import is_address


@pytest.mark.parametrize("mail", ["zhang.san@example.cn", "a+b@x-y.gov.cn", "root@localhost", "o'hara@example.com"])
def test_good_addresses(mail: str) -> None:
    assert is_address(mail)


@pytest.mark.parametrize(
    "mail",
    ["", "zhang", "@example.cn", "a@", "a@-x.cn", "a b@x.cn", "a@x.cn\nBcc: b@x.cn", "a@x.cn,b@x.cn", "张三@例子.cn"],
)
def test_what_is_no_address(mail: str) -> None:
    assert not is_address(mail)


@given(st.text(max_size=300), st.sampled_from(list("\r\n\t ,;<>\x00：")))
def test_nothing_that_could_break_a_header_is_an_address(text: str, breaking: str) -> None:
    assert not is_address(f"a{breaking}{text}@example.cn")
