"""What each collector says of itself, kept in the database so that the dashboard can show it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector as MetricsSource
from sqlalchemy import Engine, delete, insert, select

from maskcam.cityhall.access_schema import collectors
from maskcam.cityhall.database import writing
from maskcam.cityhall.metrics import Metrics

REPORT_EVERY_S = 10.0
GONE_S = 7 * 86_400
"""A collector that said nothing for so long is no longer shown."""


def report(engine: Engine, name: str, metrics: Metrics) -> None:
    """Writes the figures of this collector over those that it wrote before."""
    now = int(time.time())
    values = {
        "name": name,
        "seen_at": now,
        "connected": metrics.value("connected") == 1,
        "figures": generate_latest(metrics.registry).decode(),
    }
    with writing(engine).begin() as connection:
        connection.execute(
            delete(collectors).where(
                (collectors.c.name == name) | (collectors.c.seen_at < now - GONE_S)
            )
        )
        connection.execute(insert(collectors).values(values))


class CollectorFigures(MetricsSource):
    """The figures of all collectors for Prometheus, each with the collector's name.

    Args:
        engine: the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> Iterator[Metric]:
        """Yields nothing: which figures there are, the collectors say."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yields each figure once, with a sample for each collector."""
        seen = GaugeMetricFamily(
            "maskcam_collector_seen_timestamp_seconds",
            "when the collector last wrote its figures",
            labels=["collector"],
        )
        families: dict[str, Metric] = {}
        with self._engine.connect() as connection:
            rows = connection.execute(select(collectors).order_by(collectors.c.name)).all()
        for row in rows:
            seen.add_metric([row.name], row.seen_at)
            for family in text_string_to_metric_families(row.figures):
                kept = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    labels = {**sample.labels, "collector": row.name}
                    kept.add_sample(sample.name, labels, sample.value)
        yield seen
        yield from families.values()
