"""What a receipt proves, and which addresses it may name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.feeds.rules import Change, Outcome, Receipt, ReceiptUrlInvalid, check_url, proven

receipts = st.lists(st.builds(Receipt, st.integers(1, 5), st.sampled_from(Outcome)), max_size=8)


@given(st.none() | st.integers(1, 5), receipts)
def test_only_the_newest_change_taken_is_proof(newest: int | None, answered: list[Receipt]) -> None:
    taken = {receipt.sequence for receipt in answered if receipt.outcome is Outcome.TAKEN}
    assert proven(newest, answered) is (newest in taken)


@given(st.sampled_from(Change))
def test_a_page_that_is_shown_has_an_address(change: Change) -> None:
    check_url(Outcome.TAKEN, change, "https://www.example.gov.cn/1.html")
    check_url(Outcome.FAILED, change, None)
    if change is Change.WITHDRAWN:
        check_url(Outcome.TAKEN, change, None)
    else:
        with pytest.raises(ReceiptUrlInvalid):
            check_url(Outcome.TAKEN, change, None)
    for wrong in ("ftp://example.gov.cn/1", "javascript:alert(1)", "https://", "/1.html"):
        with pytest.raises(ReceiptUrlInvalid):
            check_url(Outcome.TAKEN, change, wrong)
