"""A unit that cannot count flashes why before it ends, at each attempt."""

from __future__ import annotations

import time

import pytest

from maskcam import config
from maskcam.errors import AcceleratorError, CameraError, MaskcamError, ModelError
from maskcam.unit import lamp, run
from maskcam.unit.lamp import flashing_s
from maskcam.unit.lamp_codes import Fault

MINIMAL = """
[unit]
id = "forville-01"
site = "forville"
clock = "trusted"
[broker]
host = "localhost"
[notice]
controller = "Ville de Cannes"
contact = "masques@cannes.test"
sign_date = 2026-05-01
"""


@pytest.fixture
def flashes(monkeypatch):
    """Lets the lamp shine on a pin of gpiozero's own fake; returns how often it lit."""
    mock = pytest.importorskip("gpiozero.pins.mock")
    factory = mock.MockFactory()

    class Lamp(lamp.Lamp):
        def __init__(self, gpio):
            super().__init__(gpio, pin_factory=factory)

    monkeypatch.setattr(run, "Lamp", Lamp)
    monkeypatch.setattr(run, "lock_down", lambda: None)  # of a unit, not of the tests
    yield lambda: sum(state.state == 1 for state in factory.pin(17).states)
    factory.close()


def failing(error):
    def fail(**_):
        raise error

    return fail


def settings(tmp_path, lamp="[lamp]\ngpio = 17\n"):
    path = tmp_path / "maskcam.toml"
    path.write_text(f"{MINIMAL}{lamp}")
    return config.load(path, environment={})


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (CameraError("no camera"), Fault.CAMERA),
        (ModelError("no model"), Fault.MODEL),
        (AcceleratorError("no Coral"), Fault.MODEL),
    ],
)
def test_it_flashes_the_code_once(tmp_path, flashes, monkeypatch, error, fault):
    monkeypatch.setattr(run, "load_model", failing(error))
    with pytest.raises(type(error)):
        run.run(settings(tmp_path))
    assert fault - 1 <= flashes() <= fault  # a busy machine may sleep through one


def test_a_lamp_that_cannot_be_used_does_not_stop_the_unit(tmp_path, flashes, monkeypatch, caplog):
    def unusable(self):
        if self._gpio is not None:
            raise MaskcamError("the lamp on GPIO 17 cannot be used (no pins)")
        return self

    monkeypatch.setattr(lamp.Lamp, "__enter__", unusable)
    counted = []
    monkeypatch.setattr(run, "_count", lambda *_, **parts: counted.append(parts["lamp"]))
    run.run(settings(tmp_path))
    assert [light.is_lit() for light in counted] == [False]
    assert "cannot be used (no pins); counting without it" in caplog.text


def test_a_required_accelerator_that_is_missing_does_not_stop_the_unit(tmp_path, monkeypatch):
    asked = []

    def load(*, accelerator, **_):
        asked.append(accelerator)
        if accelerator == "required":
            raise AcceleratorError("no Edge TPU found; plug it in")
        return "on the CPU"

    monkeypatch.setattr(run, "load_model", load)
    required = settings(tmp_path, lamp='[detector]\naccelerator = "required"\n')
    assert run._load_model(required) == ("on the CPU", False)
    assert asked == ["required", "off"]


def test_without_a_lamp_it_ends_at_once(tmp_path, flashes, monkeypatch):
    monkeypatch.setattr(run, "load_model", failing(ModelError("no model")))
    began_s = time.monotonic()
    with pytest.raises(ModelError):
        run.run(settings(tmp_path, lamp=""))
    assert time.monotonic() - began_s < flashing_s(Fault.MODEL)
