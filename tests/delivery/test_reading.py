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


def test_the_examples_are_valid_messages():
    count = re.search(r'\{"v":2,"site".*?\}', TEXT, re.DOTALL)
    wire.decode_count(count[0].encode())
    status = re.search(r'\{"v":2,"online".*?\}', TEXT)
    wire.decode_status(status[0].encode())


def test_every_field_is_explained():
    schema = json.loads(Path(wire.__file__).with_name("wire-v2.schema.json").read_text())
    for field in schema["definitions"]["count"]["properties"]:
        assert f"`{field}`" in TEXT or field in ("site", "unit")


def test_the_python_example_compiles():
    compile(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], str(DOCUMENT), "exec")


@needs_mosquitto
@pytest.mark.skipif(
    not (shutil.which("mosquitto_sub") and shutil.which("jq")),
    reason="needs mosquitto_sub and jq (apt install mosquitto-clients jq)",
)
def test_the_command_for_mosquitto_sub_and_jq_prints_the_counts(broker, publisher):
    """As documented, but without the certificates and for three windows."""
    block = re.search(r"( {4}mosquitto_sub .*?)\n\n", TEXT, re.DOTALL)[1].replace("\\\n", "")
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
        window(minute).people for minute in minutes
    )
