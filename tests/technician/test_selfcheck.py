"""`maskcam check` on a sound unit is all well; each thing that is wrong is found by name."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cache

import cv2
import numpy as np
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from gpiozero.pins.mock import MockFactory, MockPin

from maskcam import config
from maskcam.config import ObjectionsSection
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.errors import AcceleratorError, CameraError, MaskcamError, ModelError
from maskcam.technician import selfcheck
from maskcam.technician.checks import delivery, frames, machine, models
from maskcam.technician.finding import Finding, State
from maskcam.unit.lamp import Lamp
from maskcam.unit.state import StateDirectory, is_in_use
from maskcam.vision import models as vision_models
from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from tests import needs
from tests.broker import Mosquitto, free_port, needs_mosquitto, wait_until
from tests.vision.tiny_model import TinyModel

from .conftest import issue
from .wall_camera import WallCamera, wall

NAMES = [
    "camera",
    "light",
    "exposure",
    "sharpness",
    "detector",
    "model",
    "accelerator",
    "clock",
    "lamp",
    "button",
    "network",
    "tls",
    "broker",
    "noise",
    "storage",
    "temperature",
    "power",
    "sign",
]
LABELS = ["with_mask", "without_mask", "mask_worn_incorrectly"]


@pytest.fixture
def broker(tmp_path, authority):
    """A mosquitto at "localhost" that wants certificates and grants only a unit's own topics."""
    with broker_at(tmp_path, authority) as running:
        yield running


@contextmanager
def broker_at(tmp_path, authority, more=""):
    for_servers = ExtendedKeyUsageOID.SERVER_AUTH
    server = issue("localhost", by=authority, host="localhost", purpose=for_servers)
    files = {"ca.crt": authority.pem, "server.crt": server.pem, "server.key": server.key_pem()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "acl").write_text("pattern write maskcam/v2/+/%u/#\n")
    lines = (
        f"cafile {tmp_path}/ca.crt\ncertfile {tmp_path}/server.crt\nkeyfile {tmp_path}/server.key\n"
        f"require_certificate true\nuse_identity_as_username true\nacl_file {tmp_path}/acl\n{more}"
    )
    with Mosquitto(tmp_path, lines=lines) as running:
        yield running


@pytest.fixture
def settle(folder, tmp_path):
    """Returns the configuration in the provisioning folder, with changes."""
    (tmp_path / "state").mkdir()

    def settled(port=1, **replacements):
        path = folder / "maskcam.toml"
        text = path.read_text(encoding="utf-8")
        replacements |= {
            'host = "mqtt.cannes.test"': 'host = "localhost"',
            '# model = "maskcam.tflite"': 'model = "maskcam.tflite"',
            "# port = 8883": f"port = {port}",
            '# state_directory = "/var/lib/maskcam"': f'state_directory = "{tmp_path}/state"',
        }
        for old, new in replacements.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return config.load(path, environment={})

    return settled


@pytest.fixture
def machine_root(tmp_path):
    """A Raspberry Pi's /sys with a Coral plugged in."""
    root = tmp_path / "root"
    files = {
        "sys/class/thermal/thermal_zone0/temp": "51540\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
        "sys/bus/usb/devices/1-1/idVendor": "18d1\n",
        "sys/bus/usb/devices/1-1/idProduct": "9302\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(TinyModel().build())
    return path


class Loaded:
    """A real, tiny model."""

    input_size = (32, 32)
    runs_on = "Edge TPU (usb), 12 ms"
    library: str | None = "libedgetpu.so.1"

    def __init__(self, file):
        self._interpreter = Interpreter(file, threads=1)

    def detector(self):
        return Detector(self._interpreter, labels=LABELS, score_threshold=0.5)


def parts(model_file, root, *, camera=None, **changes):
    values = {
        "load_model": lambda: Loaded(model_file),
        "open_camera": lambda size: camera or WallCamera(),
        "synchronised": lambda: True,
        "today": lambda: date(2026, 6, 1),
        "root": root,
    }
    return selfcheck.Probes(**values | changes)


@needs_mosquitto
def test_a_sound_unit_is_all_well(broker, settle, machine_root, model_file):
    camera = WallCamera()
    settings = settle(broker.port)
    found = list(selfcheck.run_checks(settings, parts(model_file, machine_root, camera=camera)))
    assert [finding.name for finding in found] == NAMES
    assert selfcheck.all_well(found), "\n".join(map(selfcheck.as_line, found))
    assert camera.opened == 0
    report = json.loads(selfcheck.as_json(settings, found))
    assert report["ok"] is True
    assert report["unit"] == "forville-01"
    absent = [check["name"] for check in report["checks"] if check["state"] != "ok"]
    assert absent == ["lamp", "button"]


def test_the_model_of_the_head_shake_stage_must_be_whole_too(settle, monkeypatch):
    def damaged(description):
        raise ModelError(f"{description.file.name}: is damaged")

    load = selfcheck.probes_for(settle(free_port())).load_model
    assert "face-in-view" not in models.whole(load).finding.detail
    monkeypatch.setattr(vision_models, "FaceInView", damaged)
    finding = models.whole(load).finding
    assert finding.state is State.FAULT
    assert "face-in-view.tflite" in finding.detail


def test_a_unit_with_everything_wrong_still_gets_all_its_lines(settle, tmp_path, model_file):
    settings = settle(free_port())
    shutil.rmtree(tmp_path / "state")

    def no_model():
        raise ModelError("maskcam.tflite: no such model file; check the path")

    bad = parts(
        model_file,
        tmp_path / "nowhere",
        camera=WallCamera(fails=True),
        load_model=no_model,
        synchronised=lambda: False,
        today=lambda: date(2026, 4, 30),
    )
    found = {finding.name: finding for finding in selfcheck.run_checks(settings, bad)}
    assert list(found) == NAMES
    assert not selfcheck.all_well(list(found.values()))
    # No model says what runs it, and no Coral is there.
    sound = {name for name, finding in found.items() if finding.state is not State.FAULT}
    assert sound == {
        "accelerator",
        "button",
        "lamp",
        "noise",
        "network",
        "tls",
        "temperature",
        "power",
    }
    assert "nothing listens there" in found["broker"].detail
    for finding in found.values():
        assert "\n" not in selfcheck.as_line(finding)


def test_where_pictures_could_reach_a_swap_none_is_taken(settle, monkeypatch):
    def refuse():
        raise MaskcamError("swap is on and memory cannot be locked: switch swap off")

    monkeypatch.setattr(selfcheck, "lock_down", refuse)
    monkeypatch.setattr(selfcheck, "camera_for", lambda *_, **__: pytest.fail("opens the camera"))
    settings = settle()
    finding = next(selfcheck.run_checks(settings, selfcheck.probes_for(settings)))
    assert (finding.name, finding.state, finding.advice) == ("camera", State.FAULT, "")
    assert "swap is on" in finding.detail


@pytest.mark.parametrize("key", ["epsilon_minute", "epsilon_hour"])
def test_so_little_noise_that_it_hides_nobody_is_a_fault(settle, key):
    settings = settle()
    assert delivery.noise(settings).state is State.OK
    assert delivery.noise(with_counting(settings, **{key: 2.0})).state is State.OK
    finding = delivery.noise(with_counting(settings, **{key: 4.0}))
    assert finding.state is State.FAULT
    assert "single people can be told" in finding.detail
    assert delivery.noise(with_counting(settings, exact=True)).state is State.FAULT


def with_counting(settings, **changed):
    return replace(settings, counting=replace(settings.counting, **changed))


def dark(number):
    return wall(number % 2) // 16


def glaring(number):
    return np.maximum(wall(number % 2), 246)


@cache
def smooth(seed):
    return cv2.GaussianBlur(wall(seed), (0, 0), 9)


def blurred(number):
    return smooth(number % 2)


def flat(number):
    return np.full((180, 320), 120 + number % 2, np.uint8)


def half_sky(number):
    return np.where(np.arange(320) < 150, 255, wall(number % 2)).astype(np.uint8)


@pytest.mark.parametrize(
    ("camera", "name", "words"),
    [
        (lambda: WallCamera(dark), "light", "too dark"),
        (lambda: WallCamera(glaring), "light", "too bright"),
        (lambda: WallCamera(blurred), "sharpness", "blurred"),
        (lambda: WallCamera(flat), "sharpness", "flat"),
        (lambda: WallCamera(half_sky), "exposure", "burnt out"),
        (lambda: WallCamera(fps=4.0), "camera", "4.0 frames/s"),
        (lambda: WallCamera(lambda number: wall(1)), "camera", "frozen"),
    ],
)
def test_a_bad_frame_is_reported_by_name(settle, camera, name, words):
    seen = frames.look(camera())
    found = {finding.name: finding for finding in frames.camera_findings(settle(), seen)}
    assert found[name].state is State.FAULT
    assert words in found[name].detail


def test_a_look_is_short_and_keeps_one_frame():
    seen = frames.look(WallCamera(frames=10_000), seconds=3)
    assert seen.frames == 46
    assert seen.fps == pytest.approx(15)
    assert seen.frame.rgb.shape == (90, 160, 3)


def usb(tmp_path, vendor, product):
    device = tmp_path / "sys/bus/usb/devices/1-1"
    device.mkdir(parents=True)
    (device / "idVendor").write_text(vendor)
    (device / "idProduct").write_text(product)
    return tmp_path


def on(model, words):
    model.runs_on = words
    model.library = "libedgetpu.so.1" if words.startswith("Edge TPU") else None
    return models.Loading(Finding.ok("model", "loaded"), model)


def test_a_coral_that_does_the_work_is_well(settle, tmp_path, model_file):
    finding = models.coral(settle(), on(Loaded(model_file), "Edge TPU (usb), 12 ms"), tmp_path)
    assert (finding.state, finding.detail) == (State.OK, "Edge TPU (usb), 12 ms")


@pytest.mark.parametrize("ids", [("1a6e", "089a"), ("18d1", "9302")])
def test_a_coral_that_is_plugged_in_but_idle_is_a_fault(settle, tmp_path, model_file, ids):
    words = "CPU: libedgetpu.so.1: crashes with this TFLite runtime (SIGSEGV)"
    finding = models.coral(settle(), on(Loaded(model_file), words), usb(tmp_path, *ids))
    assert finding.state is State.FAULT
    assert finding.detail == "plugged in, but not used: the CPU does the work"
    assert "tell city hall" in finding.advice


def test_no_coral_is_no_fault_unless_it_is_required(settle, tmp_path, model_file):
    root = usb(tmp_path, "1d6b", "0002")
    cpu = on(Loaded(model_file), "CPU: no Edge TPU found")
    assert models.coral(settle(), cpu, root).state is State.ABSENT

    def refuse():
        raise AcceleratorError("no Edge TPU found; plug it in")

    loading = models.whole(refuse)
    assert loading.finding.state is State.FAULT
    assert models.coral(settle(), loading, root).detail == "no Edge TPU found; plug it in"
    off = settle(**{'# accelerator = "auto"': 'accelerator = "off"'})
    assert models.coral(off, cpu, root).state is State.ABSENT


def test_a_coral_in_a_card_that_was_made_without_one_is_no_fault(settle, tmp_path, model_file):
    words = "CPU: maskcam_edgetpu.tflite: no such model; compile it with edgetpu_compiler"
    root = usb(tmp_path, "18d1", "9302")
    finding = models.coral(settle(), on(Loaded(model_file), words), root)
    assert finding.state is State.ABSENT
    assert "unplug it" in finding.detail
    required = settle(**{'# accelerator = "auto"': 'accelerator = "required"'})
    assert models.coral(required, on(Loaded(model_file), words), root).state is State.FAULT


def test_the_lamp_is_lit_for_a_moment():
    factory = MockFactory()
    finding = machine.lamp(17, pin_factory=factory, seconds=0.3)
    assert finding.state is State.OK
    assert any(state.state == 1 for state in factory.pin(17).states)
    assert machine.lamp(None).state is State.ABSENT
    with Lamp(17, pin_factory=factory):
        assert machine.lamp(17, pin_factory=factory).state is State.FAULT
    factory.reset()


def test_a_detector_that_is_too_slow_is_a_fault(model_file, monkeypatch):
    monkeypatch.setattr(models, "SLOWEST_MS", 0)
    finding = models.speed(Loaded(model_file), frames.look(WallCamera()))
    assert finding.state is State.FAULT
    assert "ms per frame" in finding.detail


@needs_mosquitto
def test_the_broker_says_why_it_refuses(broker, settle, folder):
    stranger = issue("Another", authority=True)
    own = issue("forville-01", by=stranger)
    (folder / "client.crt").write_bytes(own.pem)
    (folder / "client.key").write_bytes(own.key_pem())
    settings = settle(broker.port)
    assert delivery.tls(settings, today=date.today()).state is State.FAULT
    finding = delivery.broker(settings)
    assert finding.state is State.FAULT
    assert "certificate" in finding.detail or "CA" in finding.detail


@needs_mosquitto
def test_checking_leaves_no_last_will_behind(broker, settle):
    settings = settle(broker.port)
    assert delivery.broker(settings).state is State.OK
    wait_until(lambda: "forville-01-check" in broker.log.split("connected from")[-1])
    assert "closed its connection" not in broker.log, "it left without a goodbye"


@needs_mosquitto
def test_a_unit_that_counts_keeps_its_connection(tmp_path, authority, settle):
    """City hall's broker takes the name in the certificate for the client's id."""
    with broker_at(tmp_path, authority, "use_username_as_clientid true\n") as running:
        settings = settle(running.port)
        outbox = Outbox(settings.unit.state_directory, site="forville", unit="forville-01")
        with (
            StateDirectory(settings.unit.state_directory),
            Publisher(
                outbox,
                broker=settings.broker.connection(),
                site=settings.unit.site,
                unit=settings.unit.id,
            ) as unit,
        ):
            wait_until(lambda: unit.connected)
            probes = selfcheck.Probes(load_model=no_model, open_camera=no_camera)
            found = {one.name: one for one in selfcheck.run_checks(settings, probes)}
            assert found["broker"].state is State.OK
            assert "the unit runs" in found["broker"].detail
            time.sleep(1)
            assert unit.connected
            assert running.log.count("New client connected") == 1, running.log
        assert not is_in_use(settings.unit.state_directory)
        assert "accepts this unit" in delivery.broker(settings).detail


@needs_mosquitto
def test_beside_a_unit_that_counts_a_wrong_certificate_is_found(broker, settle, folder):
    own = issue("forville-01", by=issue("Another", authority=True))
    (folder / "client.crt").write_bytes(own.pem)
    (folder / "client.key").write_bytes(own.key_pem())
    finding = delivery.broker(settle(broker.port), unit_runs=True)
    assert finding.state is State.FAULT
    assert "CA" in finding.detail or "certificate" in finding.detail
    broker.stop()
    finding = delivery.broker(config.load(folder / "maskcam.toml", environment={}), unit_runs=True)
    assert "nothing listens there" in finding.detail


def no_model():
    raise ModelError("none here")


def no_camera(size):
    raise CameraError("none here")


def test_a_silent_broker_is_given_up(settle):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        in_the_clear = {f"\n{key} = ": f"\n# {key} = " for key in ("ca", "certificate", "key")}
        settings = settle(silent.getsockname()[1], **in_the_clear)
        finding = delivery.broker(settings, timeout_s=0.5)
    assert finding.state is State.FAULT
    assert "no answer" in finding.detail


def test_a_name_that_does_not_resolve(settle):
    settings = settle()
    elsewhere = replace(settings, broker=replace(settings.broker, host="unit.invalid"))
    assert delivery.network(settings).state is State.OK
    assert delivery.network(elsewhere).state is State.FAULT


def test_hot_and_starved(machine_root, tmp_path):
    assert machine.temperature(machine_root).detail == "52 °C"
    (machine_root / "sys/class/thermal/thermal_zone0/temp").write_text("83000")
    assert machine.temperature(machine_root).state is State.FAULT
    throttled = machine_root / "sys/devices/platform/soc/soc:firmware/get_throttled"
    throttled.write_text("50005\n")
    assert machine.power(machine_root).detail == "under-voltage, throttled now"
    throttled.write_text("10000\n")
    assert machine.power(machine_root).detail == "under-voltage since the start"
    assert machine.power(tmp_path / "none").state is State.ABSENT
    assert machine.temperature(tmp_path / "none").state is State.ABSENT


def test_under_voltage_by_the_newer_kernel(tmp_path):
    sensor = tmp_path / "sys/class/hwmon/hwmon1"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("rpi_volt\n")
    (sensor / "in0_lcrit_alarm").write_text("0\n")
    assert machine.power(tmp_path).state is State.OK
    (sensor / "in0_lcrit_alarm").write_text("1\n")
    assert machine.power(tmp_path).state is State.FAULT


def test_storage_is_written_to_and_left_clean(tmp_path):
    finding = machine.storage(tmp_path)
    assert finding.state is State.OK
    assert list(tmp_path.iterdir()) == []
    assert machine.storage(tmp_path / "none").state is State.FAULT


@needs.mounts
@pytest.mark.parametrize(
    ("options", "words"),
    [("size=64m", "is in memory"), ("size=2m", "2.0 MiB free"), ("ro", "cannot be written")],
)
def test_storage_in_memory_full_or_read_only(tmp_path, options, words):
    program = (
        "import sys; from pathlib import Path; from maskcam.technician.checks import machine;"
        "print(machine.storage(Path(sys.argv[1])))"
    )
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o "$1" t "$2" && "$3" -c "$4" "$2"',
         "sh", options, tmp_path, sys.executable, program],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert words in result.stdout, result.stderr
    assert "State.FAULT" in result.stdout


class Grounded(MockPin):
    """A pin that no pull-up lifts: the button is down."""

    def _set_pull(self, value):
        super()._set_pull(value)
        self.drive_low()


def test_a_button_is_tried_only_where_there_is_one():
    factory, there = MockFactory(), ObjectionsSection(button_gpio=27, button_pause_s=45)
    assert machine.button(ObjectionsSection()).state is State.ABSENT
    free = machine.button(there, pin_factory=factory)
    assert (free.state, free.detail) == (State.OK, "GPIO 27; a press pauses for 45 s")
    stuck = machine.button(there, pin_factory=MockFactory(pin_class=Grounded))
    assert stuck.state is State.FAULT
    assert "nobody is counted" in stuck.detail
    with Lamp(27, pin_factory=factory):
        assert "cannot be used" in machine.button(there, pin_factory=factory).detail
    factory.reset()


def test_dates_of_the_sign(settle):
    settings = settle(**{"# deployment_ends = 2026-12-31": "deployment_ends = 2026-12-31"})
    states = [
        delivery.sign(settings, today=day).state
        for day in (date(2026, 4, 30), date(2026, 5, 1), date(2026, 12, 31), date(2027, 1, 1))
    ]
    assert states == [State.FAULT, State.OK, State.OK, State.FAULT]


def test_a_sign_that_names_the_examples_people_is_a_fault(settle):
    day, settings = date(2026, 6, 1), settle()
    assert delivery.sign(settings, today=day).state is State.OK
    notice = replace(settings.notice, dpo_contact="dpo@example.org")
    finding = delivery.sign(replace(settings, notice=notice), today=day)
    assert finding.state is State.FAULT
    assert finding.detail == "[notice] dpo_contact: still the example's"
