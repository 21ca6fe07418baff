"""Parts that the tests of the delivery share."""

from __future__ import annotations

import pytest

from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from tests.broker import Mosquitto
from tests.delivery.windows import SITE, UNIT, window
from tests.reliability import Report


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "state", site=SITE, unit=UNIT) as outbox:
        yield outbox


@pytest.fixture
def publisher(outbox):
    """Returns a function that makes a publisher for a broker."""

    def make(broker_settings, **changes):
        return Publisher(outbox, broker=broker_settings, site=SITE, unit=UNIT, **changes)

    return make


class MinuteReport(Report):
    """The report of windows that follow from their minute."""

    def check(self, fault: str, city, *, closed, attempted=(), detail: str = "") -> None:
        """Compares as `compare` does; windows are given by their minutes."""
        self.compare(
            fault,
            city,
            closed=map(window, closed),
            attempted=map(window, attempted),
            detail=detail,
        )


@pytest.fixture
def report(record_property):
    return MinuteReport(record_property)
