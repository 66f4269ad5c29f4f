"""Each service keeps its own numbers, and several are rendered as one text with each family described once."""

from prometheus_client.parser import text_string_to_metric_families

from shared.telemetry.metrics import Metrics, render


def samples(text: bytes) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels["service"]): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if "le" not in sample.labels
    }


def test_services_in_one_process_do_not_mix() -> None:
    catalog, requests = Metrics("catalog"), Metrics("requests")
    for service, times in ((catalog, 1), (requests, 3)):
        for _ in range(times):
            service.counter("documents", "documents").inc()
    requests.gauge("open_applications", "open").set(7)
    requests.histogram("wait_seconds", "wait").observe(0.2)
    text = render(catalog, requests)
    assert text.count(b"# TYPE lantai_documents_total counter") == 1
    assert samples(text) == {
        ("lantai_documents_total", "catalog"): 1.0,
        ("lantai_documents_total", "requests"): 3.0,
        ("lantai_open_applications", "requests"): 7.0,
        ("lantai_wait_seconds_count", "requests"): 1.0,
        ("lantai_wait_seconds_sum", "requests"): 0.2,
    }


def test_asking_twice_gives_the_same_metric() -> None:
    metrics = Metrics("catalog")
    assert metrics.counter("n", "d") is metrics.counter("n", "d")
    assert metrics.gauge("g", "d") is metrics.gauge("g", "d")
    assert metrics.histogram("h_seconds", "d") is metrics.histogram("h_seconds", "d")
