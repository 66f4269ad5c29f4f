"""A trace goes on where it came from, as a new span; a malformed one begins anew."""

import pytest

from shared.telemetry.trace import current_trace_id, current_traceparent, use

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_work_joins_the_trace_as_another_span() -> None:
    with use(PARENT):
        mine = current_traceparent()
        assert mine is not None
        assert mine.startswith("00-0af7651916cd43dd8448eb211c80319c-")
        assert mine != PARENT
    assert current_traceparent() is None


@pytest.mark.parametrize("bad", [None, "", "junk", PARENT.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_without_a_usable_parent_a_new_trace_begins(bad: str | None) -> None:
    with use(bad):
        trace_id = current_trace_id()
    assert trace_id is not None
    assert int(trace_id, 16) != 0


def test_nested_work_returns_to_the_outer_trace() -> None:
    with use(PARENT):
        outer = current_traceparent()
        with use(None):
            assert current_traceparent() != outer
        assert current_traceparent() == outer
