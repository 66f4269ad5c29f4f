"""The clock and its second, slow reading agree on 100,000 random histories."""

import random

import pytest

from tests.unit.clock import slow
from tests.unit.clock.cases import ask
from tests.unit.clock.histories import history


@pytest.mark.parametrize("seed", range(10))
def test_the_slow_reading_agrees_on_ten_thousand_histories(seed: int) -> None:
    rng = random.Random(seed)
    seen = set()
    for number in range(10_000):
        asked = history(rng, number)
        said, expected = ask(asked), slow.explain(asked)
        assert said.pop("id") == asked["id"]
        if "errors" in expected:
            assert said.get("error") in expected["errors"], asked
            seen.add(said["error"])
            continue
        assert "error" not in said, (asked, said)
        seen.add(said["state"])
        for row in said["ledger"]:
            assert row.pop("citation"), row
        assert said == expected, asked
    assert seen >= STATES | CODES


STATES = {"running", "paused", "overdue", "awaiting_correction", "awaiting_fee", "replied", "replied_late", "withdrawn"}
CODES = {
    "out_of_range",
    "out_of_order",
    "after_close",
    "already_waiting",
    "second_notice",
    "correction_notice_late",
    "fee_not_in_force",
    "fee_notice_after_expiry",
    "not_awaited",
    "duplicate_consultation",
    "delivered_before_sent",
    "unknown_consultation",
    "extension_while_waiting",
    "extension_over_cap",
    "extension_after_expiry",
}
