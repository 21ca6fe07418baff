"""Two cards with one unit's id: both units say so, and city hall mixes nothing."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from maskcam.cityhall import schema
from maskcam.cityhall.quarantine import Quarantine
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.store import Store
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from tests.cityhall.fleet import wait_until
from tests.cityhall.messages import assert_sums_are_right, minutes_from
from tests.cityhall.servers import Mosquitto
from tests.cityhall.test_collector import collecting

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
SITE, UNIT, MINUTES = "forville", "forville-01", 8
RUNS = (3, 17)


def test_two_units_with_one_id_are_seen_and_not_mixed(
    broker: Mosquitto,
    store: Store,
    engine: Engine,
    calendar: Calendar,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = BrokerSettings(
        host="127.0.0.1", port=broker.port, reconnect_min_s=0.05, reconnect_max_s=0.2
    )
    boxes = [Outbox(tmp_path / str(run), site=SITE, unit=UNIT) for run in RUNS]
    windows = minutes_from(START, MINUTES, unit=UNIT)
    with (
        collecting(broker, store),
        Publisher(boxes[0], broker=place, site=SITE, unit=UNIT) as one,
        Publisher(boxes[1], broker=place, site=SITE, unit=UNIT) as other,
    ):
        for window in windows:
            for publisher, run in ((other, RUNS[1]), (one, RUNS[0])):
                publisher.deliver(replace(window.count, run=run)).result(10)
                wait_until(lambda publisher=publisher: publisher.waiting == 0)
                time.sleep(0.1)
        # A window that came twice is refused twice, and kept once.
        wait_until(lambda: sum(group.number for group in Quarantine(engine).groups()) >= MINUTES)
    # An old broker gives no reason.
    assert re.search("another client (came with|use) this unit's id", caplog.text)
    [group] = Quarantine(engine).groups()
    assert (group.unit, group.reason, group.number) == (UNIT, "interleaved", MINUTES)
    assert "have two units this id?" in group.detail
    with engine.connect() as connection:
        assert set(connection.scalars(select(schema.windows.c.run))) == {RUNS[1]}
    assert_sums_are_right(engine, calendar)
