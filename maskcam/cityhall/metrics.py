"""What the collector reports about itself to Prometheus. Nothing here counts people."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REASONS = (
    *("topic", "payload", "foreign", "future", "too_old", "unstorable", "overflow"),
    *("crowd", "unregistered", "site", "minutes", "noise", "before"),
    *("contradicting", "overlapping", "interleaved", "unforeseen", "flood"),
)


class Metrics:
    """The collector's figures in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("messages", "messages that the broker delivered", "kind")
        self.windows = self._counter(
            "windows",
            "windows by what became of them: stored, repeated, contradicting, replaced",
            "result",
        )
        self.rejected = self._counter("rejected", "messages that were not stored", "reason")
        self.database_failures = Counter(
            "maskcam_collector_database_failures_total",
            "transactions that failed and were tried again",
            registry=self.registry,
        )
        self.connected = self._gauge("connected", "1 while the broker is connected")
        self.waiting = self._gauge("waiting_messages", "messages received and not yet stored")
        self.newest = self._gauge(
            "newest_window_timestamp_seconds", "start of the newest window stored"
        )
        self.batch_seconds = Histogram(
            "maskcam_collector_batch_seconds",
            "time to store one batch",
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10),
            registry=self.registry,
        )
        for reason in REASONS:
            self.rejected.labels(reason)
        for result in ("stored", "repeated", "contradicting", "replaced"):
            self.windows.labels(result)

    def value(self, name: str, **labels: str) -> float:
        """Returns the current value of ``maskcam_collector_NAME``, 0 if it has none."""
        return self.registry.get_sample_value(f"maskcam_collector_{name}", labels) or 0.0

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(f"maskcam_collector_{name}_total", text, [label], registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"maskcam_collector_{name}", text, registry=self.registry)
