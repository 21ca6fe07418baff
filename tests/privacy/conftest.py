import os
import shutil

import pytest

from tests.broker import MOSQUITTO
from tests.privacy.canary import Search
from tests.privacy.evidence import Evidence, gather


@pytest.fixture(scope="session")
def evidence(tmp_path_factory) -> Evidence:
    """One run of the real unit under strace."""
    for program, path in (("strace", shutil.which("strace")), ("mosquitto", MOSQUITTO)):
        if path is None:
            pytest.skip(f"{program} is not installed (apt install {program})")
    if os.geteuid() != 0:
        pytest.skip("only root can look into the unit: it forbids its own user to")
    return gather(tmp_path_factory.mktemp("privacy"))


@pytest.fixture(scope="session")
def search(evidence) -> Search:
    """All pictures that the unit saw, ready to be looked for."""
    return Search(evidence.film)
