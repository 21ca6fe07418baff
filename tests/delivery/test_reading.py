"""How to read the counts that docs/mqtt/wire-format.md shows."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from maskcam.delivery import wire
from tests.broker import needs_mosquitto
from tests.delivery.windows import window

DOCUMENT = Path(__file__).parents[2] / "docs" / "mqtt" / "wire-format.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def documented(pattern: str) -> str:
    """Returns the first passage that the pattern finds: its group, if it has one."""
    match = re.search(pattern, TEXT, re.DOTALL)
    assert match is not None, pattern
    return match[match.lastindex or 0]


def test_the_examples_are_valid_messages():
    wire.decode_count(documented(r'\{"v":2,"site".*?\}').encode())
    wire.decode_status(documented(r'\{"v":2,"online".*?\}').encode())


def test_every_field_is_explained():
    schema = json.loads(Path(wire.__file__).with_name("wire-v2.schema.json").read_text())
    for field in schema["definitions"]["count"]["properties"]:
        assert f"`{field}`" in TEXT or field in ("site", "unit")


def test_the_python_example_compiles():
    compile(documented(r"```python\n(.*?)```"), str(DOCUMENT), "exec")


@needs_mosquitto
@pytest.mark.skipif(
    not (shutil.which("mosquitto_sub") and shutil.which("jq")),
    reason="needs mosquitto_sub and jq (apt install mosquitto-clients jq)",
)
def test_the_command_for_mosquitto_sub_and_jq_prints_the_counts(broker, publisher):
    """As documented, but without the certificates and for three windows."""
    block = documented(r"( {4}mosquitto_sub .*?)\n\n").replace("\\\n", "")
    subscribe, jq = (shlex.split(part) for part in block.split("|", 1))
    for option in ("--cafile", "--cert", "--key"):
        place = subscribe.index(option)
        del subscribe[place : place + 2]
    subscribe[subscribe.index("-h") + 1] = broker.host
    subscribe[subscribe.index("-p") + 1] = str(broker.port)
    minutes = [minute for minute in range(9) if window(minute).observed_s][:3]
    reader = subprocess.Popen([*subscribe, "-C", "3", "-W", "20"], stdout=subprocess.PIPE)
    with publisher(broker.settings()) as unit:
        for minute in minutes:
            unit.deliver(window(minute)).result(10)
        output, _ = reader.communicate(timeout=30)
    shown = subprocess.run(jq, input=output, capture_output=True, check=True, timeout=10)
    # Sorted: a window that came before the subscription is offered again after the others.
    assert sorted(json.loads(line)[2] for line in shown.stdout.splitlines()) == sorted(
        window(minute).people or 0 for minute in minutes
    )
