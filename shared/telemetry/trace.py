"""The W3C trace a piece of work belongs to; it travels in requests and events, and a timer that fires begins one.

The trace context lives in OpenTelemetry's own context, so that spans made by an SDK, where one is installed, join it.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def current_traceparent() -> str | None:
    """Return the `traceparent` of the work at hand, or None outside any trace."""
    span = get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def current_trace_id() -> str | None:
    """Return the 32 hex digits that all work of one story shares, or None outside any trace."""
    span = get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else None


@contextmanager
def use(traceparent: str | None) -> Iterator[None]:
    """Work inside the given trace as a new span of it; without one, or with a malformed one, start a new trace."""
    match = TRACEPARENT.fullmatch(traceparent or "")
    trace_id = int(match[1], 16) if match else 0
    flags = TraceFlags(int(match[3], 16)) if match else TraceFlags(TraceFlags.SAMPLED)
    span = SpanContext(
        trace_id=trace_id or random.getrandbits(128) or 1,
        span_id=random.getrandbits(64) or 1,  # ids of traces are no secrets
        is_remote=False,
        trace_flags=flags,
    )
    token = otel_context.attach(set_span_in_context(NonRecordingSpan(span)))
    try:
        yield
    finally:
        otel_context.detach(token)
