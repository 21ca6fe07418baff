"""Aiming shows boxes and words on the terminal at the unit, for ten minutes, never a pixel."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

from maskcam import config
from maskcam.errors import CameraError, UsageError
from maskcam.records import Box
from maskcam.technician import aim, terminal, verdicts
from maskcam.vision.quality import FrameQuality

from .wall_camera import HEADS, WallCamera, probes, wall

GOOD = FrameQuality(light=120, contrast=30, sharpness=0.6, changed=True)


class Paper:
    """A screen that remembers; `clock` moves on with each picture that is drawn."""

    size = (80, 24)

    def __init__(self, *, quit_after=10_000, step_s=0.3):
        self.pages = []
        self._quit_after, self._step_s, self._now_s = quit_after, step_s, 0.0

    def draw(self, lines):
        self.pages.append(lines)

    def wants_to_quit(self):
        return len(self.pages) >= self._quit_after

    def clock(self):
        self._now_s += self._step_s
        return self._now_s


@pytest.fixture
def settings(tmp_path):
    return load(tmp_path, config.example())


def load(tmp_path, text):
    path = tmp_path / "maskcam.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, environment={})


def test_it_ends_after_ten_minutes(settings):
    paper, camera = Paper(step_s=10.0), WallCamera()
    aim.watch(settings, probes(camera), paper, clock=paper.clock)
    assert len(paper.pages) == 59
    assert camera.opened == 0
    assert "ends in 9:50" in paper.pages[0][0]


def test_it_draws_a_box_for_each_head_with_its_height_and_the_verdicts(settings):
    paper = Paper(quit_after=1)
    aim.watch(settings, probes(), paper, clock=paper.clock)
    page = paper.pages[0]
    text = "\n".join(page)
    assert text.count("╔") == text.count("╝") == 2
    assert "║45" in text
    assert "║90" in text
    assert "ok heads 90 px: good" in text
    assert "ok light" in text
    assert "head shake visible to" in text
    assert len(page) <= 24
    assert max(map(len, page)) <= 80


def test_what_is_drawn_depends_on_numbers_only(settings):
    """Two different pictures of the same light and sharpness give the same screen."""
    first, second = (Paper(quit_after=3) for _ in range(2))
    marked = wall(0).copy()
    marked[90:102, 100:300] = marked[90:102, 299:99:-1]  # between the rows that are measured
    aim.watch(settings, probes(WallCamera(lambda n: wall(0))), first, clock=first.clock)
    aim.watch(settings, probes(WallCamera(lambda n: marked)), second, clock=second.clock)
    assert not np.array_equal(wall(0), marked)
    assert first.pages == second.pages
    allowed = set("┌┐└┘─│╔╗╚╝═║ ") | set(map(chr, range(33, 127)))
    assert set("".join("".join(page) for page in first.pages)) <= allowed


@pytest.mark.parametrize(
    ("columns", "rows"), [(80, 24), (40, 20), (20, 8), (200, 60), (3, 2), (1, 1)]
)
def test_it_fits_any_terminal(columns, rows):
    edge = (Box(0, 0, 5, 5), Box(1270, 700, 1280, 720), *HEADS)
    view = aim.View((1280, 720), edge, (verdicts.light(120), verdicts.heads(edge)), 61)
    lines = aim.draw(view, columns, rows)
    assert len(lines) <= rows
    assert max(map(len, lines)) <= columns


def test_an_ended_source_is_an_error(settings):
    paper = Paper()
    with pytest.raises(CameraError, match="ended"):
        aim.watch(settings, probes(WallCamera(frames=3)), paper, clock=paper.clock)


def test_the_provisioning_can_lock_it_for_good(tmp_path):
    locked = load(tmp_path, config.example().replace("# aim = true", "aim = false"))
    with pytest.raises(UsageError, match="locked"):
        aim.aim(locked, probes())


def test_a_file_is_no_terminal(settings, tmp_path):
    with (tmp_path / "record").open("wb") as file, pytest.raises(UsageError, match="redirect"):
        aim.aim(settings, probes(), writing=file.fileno())


# Not `aim` itself: it refuses a terminal inside of tmux or ssh, where the test may run.
PROGRAM = """
import sys
from pathlib import Path
from maskcam import config
from maskcam.technician import aim, terminal
from tests.technician.wall_camera import WallCamera, probes
settings = config.load(Path(sys.argv[1]), environment={})
with terminal.Screen(0, 1) as screen:
    aim.watch(settings, probes(WallCamera(frames=10**6)), screen)
"""


def read_some(handle):
    ready, _, _ = select.select([handle], [], [], 60)
    assert ready, "nothing was drawn for a minute"
    return os.read(handle, 4096)


@pytest.mark.parametrize(("end", "code"), [(b"q", 0), (b"\r", 0), (signal.SIGTERM, 143)])
def test_on_a_real_terminal(settings, tmp_path, end, code):
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path / "maskcam.toml"],
        stdin=slave, stdout=slave, stderr=subprocess.PIPE, cwd=root, env={**os.environ},
    )  # fmt: skip
    try:
        seen = b""
        while seen.count("╔".encode()) < 4:
            seen += read_some(master)
        if isinstance(end, bytes):
            os.write(master, end)
        else:
            process.send_signal(end)
        while b"\x1b[?1049l" not in seen:
            seen += read_some(master)
        assert process.wait(60) == code
    finally:
        process.kill()
        _, errors = process.communicate(timeout=20)
    assert errors == b""
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
    text = re.sub(rb"\x1b\[[?\d]*[a-zA-Z]", b"", seen).decode(errors="replace")
    assert "nothing is counted" in text


@pytest.fixture
def machine(tmp_path):
    """A process 4 under 3 under 2 under 1, and two network interfaces."""

    class Machine:
        proc, net = tmp_path / "proc", tmp_path / "net"

        def chain(self, *names):
            for number, name in enumerate(names, 1):
                folder = self.proc / str(number)
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "status").write_text(f"Name:\t{name}\nPPid:\t{number - 1}\n")
            return len(names)

        def interface(self, name, *, wireless=False, kind="1"):
            folder = self.net / name
            folder.mkdir(parents=True)
            (folder / "type").write_text(kind)
            if wireless:
                (folder / "phy80211").mkdir()

    return Machine()


@pytest.fixture
def pseudo_terminal():
    master, slave = pty.openpty()
    yield slave
    os.close(master)
    os.close(slave)


def refused(machine, handle, *names, client="", interface="", monkeypatch=None):
    if monkeypatch:
        monkeypatch.setattr(terminal, "_interface_of", lambda address: interface)
    return terminal.refusal(
        handle,
        process=machine.chain(*names),
        proc=machine.proc,
        net=machine.net,
        environment={"SSH_CONNECTION": client} if client else {},
    )


SSH = ("systemd", "sshd", "sshd", "bash", "python3")


def test_a_terminal_on_this_machine_is_fine(machine, pseudo_terminal):
    assert refused(machine, pseudo_terminal, "systemd", "login", "bash", "python3") is None


def test_over_a_cable_is_fine(machine, pseudo_terminal, monkeypatch):
    machine.interface("eth0")
    reason = refused(
        machine, pseudo_terminal, *SSH,
        client="10.0.0.2 50000 10.0.0.1 22", interface="eth0", monkeypatch=monkeypatch,
    )  # fmt: skip
    assert reason is None


@pytest.mark.parametrize(
    ("options", "client", "interface"),
    [
        ({"wireless": True}, "10.0.0.2 50000 10.0.0.1 22", "wlan0"),
        ({"kind": "65534"}, "10.8.0.2 50000 10.8.0.1 22", "tun0"),
        ({}, "10.0.0.2 50000 10.0.0.1 22", ""),
        ({}, "", "eth0"),
    ],
)
def test_over_the_air_is_not(machine, pseudo_terminal, monkeypatch, options, client, interface):
    machine.interface(interface or "eth0", **options)
    reason = refused(
        machine, pseudo_terminal, *SSH,
        client=client, interface=interface, monkeypatch=monkeypatch,
    )  # fmt: skip
    assert "not for a connection by radio" in reason


@pytest.mark.parametrize("name", ["tmux: server", "screen", "mosh-server", "telnetd"])
def test_terminals_that_others_can_join_are_not(machine, pseudo_terminal, name):
    assert refused(machine, pseudo_terminal, "systemd", name, "bash", "python3")


def test_a_cable_is_found_by_its_address():
    assert terminal._interface_of("127.0.0.1") == "lo"
    assert terminal._interface_of("192.0.2.1") == ""


@pytest.mark.parametrize(
    ("boxes", "good", "words"),
    [
        ([], False, "no head in view"),
        ([Box(0, 0, 20, 28)], False, "heads 28 px: too small"),
        ([Box(0, 0, 30, 36)], True, "heads 36 px: just enough"),
        ([Box(0, 0, 30, 45)], True, "heads 45 px: good"),
        ([Box(0, 0, 30, 31.9)], False, "heads 31 px: too small"),
        # One who comes nearer: far most of the time, near enough at last.
        ([Box(0, 0, 20, height) for height in range(20, 60)], True, "heads 50 px: good"),
    ],
)
def test_verdicts_on_heads(boxes, good, words):
    verdict = verdicts.heads(boxes)
    assert verdict.good is good
    assert verdict.words.startswith(words)


@pytest.mark.parametrize(
    ("centre_y", "words"),
    [(360, "tilt: good"), (446, "tilt down 5 degrees"), (188, "tilt up 10 degrees")],
)
def test_verdicts_on_tilt(centre_y, words):
    head = Box(600, centre_y - 25, 640, centre_y + 25)
    verdict = verdicts.tilt([head], size=(1280, 720), field_of_view_deg=66)
    assert verdict is not None
    assert verdict.words == words
    assert verdicts.tilt([], size=(1280, 720), field_of_view_deg=66) is None


def test_people_far_away_do_not_ask_for_a_tilt():
    near = Box(600, 360, 640, 410)
    far = [Box(600, y, 612, y + 15) for y in range(100, 200, 10)]
    size, lens = (1280, 720), 66
    good = verdicts.tilt([near, *far], size=size, field_of_view_deg=lens)
    assert good is not None
    assert good.words == "tilt: good"
    up = verdicts.tilt(far, size=size, field_of_view_deg=lens)
    assert up is not None
    assert up.words.startswith("tilt up")


def test_the_reach_of_the_standard_lens():
    assert verdicts.reach(1280, 66).words == "head shake visible to 5 m"
    assert verdicts.reach(1920, 66).words == "head shake visible to 8 m"


def test_verdicts_on_light_and_sharpness():
    assert verdicts.light(120).good
    assert not verdicts.light(5).good
    assert verdicts.sharpness(GOOD).good
    assert "blurred" in verdicts.sharpness(GOOD._replace(sharpness=0.1)).words
