"""Parts that the tests of the delivery share."""

from __future__ import annotations

import pytest

from maskcam.delivery.mqtt import Publisher
from maskcam.delivery.outbox import Outbox
from tests.broker import Mosquitto
from tests.delivery.windows import SITE, UNIT, people, window


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "state", site=SITE, unit=UNIT)


@pytest.fixture
def publisher(outbox):
    """Returns a function that makes a publisher for a broker."""

    def make(broker_settings, **changes):
        return Publisher(outbox, broker=broker_settings, site=SITE, unit=UNIT, **changes)

    return make


class Report:
    """Compares what city hall stored with the truth, and keeps the result for the table."""

    def __init__(self, record_property):
        self._record = record_property

    def check(self, fault: str, city, *, closed, attempted=None, detail: str = "") -> None:
        """Fails unless each closed window is stored, once and right, and none was made up.

        closed: minutes whose windows the outbox had accepted.
        attempted: minutes that were handed over but perhaps not accepted yet.
        """
        truth = {window(minute).start: window(minute) for minute in {*closed, *(attempted or ())}}
        must = {window(minute).start for minute in closed}
        stored = {start: count for (_, start), count in city.stored.items()}
        lost, invented = must - stored.keys(), stored.keys() - truth.keys()
        wrong = [start for start in stored.keys() & truth.keys() if stored[start] != truth[start]]
        twice = len(city.received) - len(stored)
        results = {
            "fault": fault,
            "closed": len(must),
            "lost": len(lost),
            "invented": len(invented) + len(wrong),
            "twice": twice,
            "detail": detail,
        }
        for name, value in results.items():
            self._record(name, value)
        assert not lost, results
        assert not invented, results
        assert not wrong, results
        counted = people(stored[start] for start in must)
        assert counted == people(truth[start] for start in must)


@pytest.fixture
def report(record_property):
    return Report(record_property)
