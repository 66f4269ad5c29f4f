"""One metrics registry per service, so that several services in one process keep theirs apart.

Names get the prefix `lantai_`, every sample the label `service`; other label values must come from a bounded set.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

PREFIX = "lantai_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Makes a service's metrics. Asking twice for one name returns the same metric."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry(auto_describe=True)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def counter(self, name: str, doc: str, labels: Sequence[str] = ()) -> Counter:
        """Return the counter `lantai_<name>_total`."""
        if name not in self._counters:
            self._counters[name] = Counter(PREFIX + name, doc, tuple(labels), registry=self.registry)
        return self._counters[name]

    def gauge(self, name: str, doc: str, labels: Sequence[str] = ()) -> Gauge:
        """Return the gauge `lantai_<name>`."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(PREFIX + name, doc, tuple(labels), registry=self.registry)
        return self._gauges[name]

    def histogram(
        self, name: str, doc: str, labels: Sequence[str] = (), buckets: Iterable[float] = SECONDS_BUCKETS
    ) -> Histogram:
        """Return the histogram `lantai_<name>`; name it with its base unit (`_seconds`)."""
        if name not in self._histograms:
            self._histograms[name] = Histogram(
                PREFIX + name, doc, tuple(labels), registry=self.registry, buckets=tuple(buckets)
            )
        return self._histograms[name]


def render(*sources: Metrics) -> bytes:
    """Return the metrics of one or several services in Prometheus' text format, each sample with its `service`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Labelled(sources))
    return generate_latest(registry)


class _Labelled(Collector):
    """Merges families of the same name, since the text format wants each described once."""

    def __init__(self, sources: Sequence[Metrics]) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for source in self._sources:
            for family in source.registry.collect():
                samples = [
                    sample._replace(labels={"service": source.service, **sample.labels})
                    for sample in family.samples
                    if not sample.name.endswith("_created")  # a process start time for each series says nothing
                ]
                merged = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                merged.samples.extend(samples)
        yield from families.values()
