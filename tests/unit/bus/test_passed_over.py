"""However many types strangers invent, their number as labels is bounded."""

from datetime import UTC, datetime

from shared.bus.passed_over import LISTED, PassedOver
from shared.bus.transport import Delivered, Record
from shared.telemetry.metrics import Metrics

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def of_type(kind: str) -> Delivered:
    return Delivered(Record("t", "k", {"ce_type": kind}, b""), 0, 0, NOW)


def test_types_beyond_the_limit_are_one_label() -> None:
    metrics = Metrics("tests")
    passed_over = PassedOver(metrics, "g", {"lantai.test.a.known.v1"})
    for _ in range(2):
        passed_over.note(of_type(f"lantai.test.a.b.v{n}") for n in range(1, LISTED + 51))
    passed_over.note([of_type("lantai.test.a.known.v1"), Delivered(Record("t", "k", {}, b""), 0, 0, NOW)])
    (family,) = metrics.registry.collect()
    counts = {s.labels["type"]: s.value for s in family.samples if s.name.endswith("_total")}
    assert counts == {f"lantai.test.a.b.v{n}": 2 for n in range(1, LISTED + 1)} | {"other": 100}
