"""How soon a unit counts again after it was started again."""

from __future__ import annotations

import signal
import time

import pytest

from tests.broker import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.camera_unit.running_unit import RunningUnit, write_film

LIMIT_S = 5.0
STARTS = 3


@pytest.mark.slow  # a timing: a busy machine spoils it
@needs_mosquitto
@pytest.mark.timeout(300)
def test_a_killed_unit_counts_again_within_five_seconds(tmp_path, record_property):
    """From the start of the process to the first frame that counts, on the CPU, best of three."""
    film = write_film(tmp_path / "film.avi", alive_s=30)
    took_s = []
    with Mosquitto(tmp_path) as broker, Subscriber(broker):
        for _ in range(STARTS):
            began_s = time.monotonic()
            with RunningUnit(tmp_path / "unit", source=film, port=broker.port) as unit:
                wait_until(lambda unit=unit: unit.says("the unit sees"), timeout_s=60)
                took_s.append(time.monotonic() - began_s)
                unit.process.send_signal(signal.SIGKILL)
                unit.process.wait(10)
    record_property("first_counted_frame_s", round(min(took_s), 2))
    assert min(took_s) < LIMIT_S
