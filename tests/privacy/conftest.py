import os
import shutil

import pytest

from tests import needs
from tests.broker import MOSQUITTO
from tests.privacy.canary import Search
from tests.privacy.evidence import Evidence, gather


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "evidence" in getattr(item, "fixturenames", ()):
            item.add_marker(needs.as_root)


@pytest.fixture(scope="session")
def evidence(tmp_path_factory) -> Evidence:
    """One run of the real unit under strace."""
    for program, path in (("strace", shutil.which("strace")), ("mosquitto", MOSQUITTO)):
        if path is None:
            pytest.skip(f"needs {program} (apt install {program})")
    if os.geteuid() != 0:
        pytest.skip("needs root (sudo scripts/test --as-root): the unit is closed to its own user")
    return gather(tmp_path_factory.mktemp("privacy"))


@pytest.fixture(scope="session")
def search(evidence) -> Search:
    """All pictures that the unit saw, ready to be looked for."""
    return Search(evidence.film)
