"""Every service of the card is closed, as systemd itself judges it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.sdcard.conftest import ROOT

# From 0, closed, to 10, open.
HIGHEST = {
    "maskcam-broker.service": 3.0,  # asks for names, and sets the packet filter
    "maskcam-data.service": 4.2,  # mounts for all to see: it can have no view of its own
    "maskcam-unconfigured.service": 3.0,  # root, for the lamp
}
DEFAULT = 2.0
SERVICES = sorted(path.name for path in (ROOT / "systemd").glob("*.service"))


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd (apt install systemd)"
)
@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_is_low(name):
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", ROOT / "systemd" / name],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level.*: ([\d.]+)", result.stdout)
    assert found, result.stderr
    assert float(found[1]) <= HIGHEST.get(name, DEFAULT)
