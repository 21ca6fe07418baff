"""A unit that cannot count flashes why before it ends, at each attempt."""

from __future__ import annotations

import re
import threading
import time
from functools import partial

import pytest

from maskcam import config
from maskcam.delivery import publisher
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.outbox import Outbox
from maskcam.errors import AcceleratorError, CameraError, MaskcamError, ModelError, UsageError
from maskcam.unit import run
from maskcam.unit.lamp import Lamp, flashing_s
from maskcam.unit.lamp_codes import Fault
from maskcam.unit.run import Edges
from tests.broker import wait_until
from tests.delivery.windows import window
from tests.minimal import MINIMAL


@pytest.fixture
def lamp(factory, monkeypatch):
    """Makes a lamp on pins of gpiozero's own fake."""
    monkeypatch.setattr(run, "lock_down", lambda: None)  # of a unit, not of the tests
    return partial(Lamp, pin_factory=factory)


def flashes(factory) -> int:
    """Returns how often the lamp lit."""
    return sum(state.state == 1 for state in factory.pin(17).states)


def failing(error: MaskcamError):
    def fail(**_):
        raise error

    return fail


def settings(tmp_path, lamp="[lamp]\ngpio = 17\n"):
    path = tmp_path / "maskcam.toml"
    path.write_text(MINIMAL + lamp)
    state = {"MASKCAM_UNIT_STATE_DIRECTORY": str(tmp_path / "state")}
    return config.load(path, environment=state)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (CameraError("no camera"), Fault.CAMERA),
        (ModelError("no model"), Fault.MODEL),
        (AcceleratorError("no Coral"), Fault.MODEL),
        (MaskcamError("the button on GPIO 27 cannot be used"), Fault.CONFIGURATION),
    ],
)
def test_it_flashes_the_code_once(tmp_path, lamp, factory, error, fault):
    with pytest.raises(type(error)):
        run.run(settings(tmp_path), Edges(load_model=failing(error), lamp=lamp))
    assert fault - 1 <= flashes(factory) <= fault  # a busy machine may sleep through one


def test_a_lamp_that_cannot_be_used_does_not_stop_the_unit(tmp_path, lamp, caplog):
    taken, reached = lamp(17), UsageError("so far it came")
    with taken, pytest.raises(UsageError, match=str(reached)):
        run.run(settings(tmp_path), Edges(load_model=failing(reached), lamp=lamp))
    assert re.search("the lamp on GPIO 17 cannot be used .*; counting without it", caplog.text)


def test_a_required_accelerator_that_is_missing_does_not_stop_the_unit(tmp_path, lamp, caplog):
    asked, reached = [], UsageError("so far it came")

    def load(*, accelerator, **_):
        asked.append(accelerator)
        raise AcceleratorError("no Edge TPU") if accelerator == "required" else reached

    required = settings(tmp_path, lamp='[detector]\naccelerator = "required"\n')
    with pytest.raises(UsageError, match=str(reached)):
        run.run(required, Edges(load_model=load, lamp=lamp))
    assert asked == ["required", "off"]
    assert "the CPU does the work: no Edge TPU" in caplog.text


def test_without_a_lamp_it_ends_at_once(tmp_path, lamp):
    began_s = time.monotonic()
    with pytest.raises(ModelError):
        run.run(settings(tmp_path, lamp=""), Edges(load_model=failing(ModelError("no")), lamp=lamp))
    assert time.monotonic() - began_s < flashing_s(Fault.MODEL)


def test_a_disk_that_hangs_is_no_storage(tmp_path, monkeypatch):
    """A worn card may let a write hang for minutes; nothing fails, and nothing is stored."""
    monkeypatch.setattr(publisher, "STALE_S", 2.0)
    outbox, released = Outbox(tmp_path, site="s", unit="u-1"), threading.Event()
    monkeypatch.setattr(outbox, "put", lambda count: released.wait(60))
    broker = BrokerSettings(host="127.0.0.1", port=1)
    with publisher.Publisher(outbox, broker=broker, site="s", unit="u-1") as delivering:
        assert run.fault_of_delivery(outbox, delivering) is Fault.NETWORK
        delivering.deliver(window(1))
        wait_until(lambda: run.fault_of_delivery(outbox, delivering) is Fault.STORAGE)
        released.set()
        wait_until(lambda: run.fault_of_delivery(outbox, delivering) is Fault.NETWORK)
