"""Pictures with a pattern go through the running unit; nothing of them may come out.

Everything that the process writes or sends is recorded by strace, and once more
by a proxy before the broker.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import datetime
from itertools import islice

import cv2
import numpy as np
import pytest

from maskcam.camera.video import VideoCamera
from maskcam.delivery import rows, wire
from maskcam.delivery.outbox import FILL_BYTES
from maskcam.records import WindowKind
from maskcam.vision.interpreter import runtime_name
from maskcam.vision.models import load_model
from tests.privacy.canary import pictures
from tests.privacy.evidence import MINUTE_S, SITE, UNIT
from tests.privacy.packets import CONNECT, DISCONNECT, PINGREQ, PUBLISH

pytestmark = pytest.mark.timeout(300)  # the one run under strace, on a busy machine

COUNT_FIELDS = {
    "v", "site", "unit", "run", "start", "minutes", "people", "with_mask", "without_mask",
    "incorrect", "unclear", "observed_s", "epsilon",
}  # fmt: skip
STATUS_FIELDS = {"v", "online", "version", "since"}
COUNT_TOPICS = {wire.count_topic(site=SITE, unit=UNIT, kind=kind) for kind in WindowKind}
STATUS_TOPIC = wire.status_topic(site=SITE, unit=UNIT)
MEMORY_FILE = "/memfd:native-stderr"  # holds the runtime's own words until they go to the log
BELL = b"."  # wakes the network thread


# --- the proof has teeth --------------------------------------------------------------------


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(lambda crop: crop.tobytes(), id="plain"),
        pytest.param(lambda crop: crop[3:4, 5:20].tobytes(), id="15 bytes of one row"),
        pytest.param(lambda crop: crop.tobytes().hex().encode(), id="hexadecimal"),
        pytest.param(lambda crop: base64.b64encode(crop.tobytes()), id="base64"),
        pytest.param(lambda crop: zlib.compress(crop.tobytes()), id="deflated"),
        pytest.param(lambda crop: cv2.imencode(".jpg", crop)[1].tobytes(), id="JPEG"),
        pytest.param(lambda crop: cv2.imencode(".png", crop)[1].tobytes(), id="PNG"),
    ],
)
@pytest.mark.parametrize("form", [0, 1, 2], ids=["luma", "detector's picture", "camera's picture"])
def test_a_crop_would_be_found(evidence, search, packed, form):
    picture = next(islice(pictures(evidence.film), form, None))
    crop = np.ascontiguousarray(picture[60:92, 60:92])
    assert search.left_in(b"INFO maskcam: a crop " + packed(crop) + b"\n")


def test_there_are_people_in_the_pictures_and_the_unit_ran_to_their_end(evidence):
    assert evidence.exit_code == 0, evidence.log
    assert evidence.windows, "no window was published"
    model = load_model()
    with VideoCamera(str(evidence.film), rgb_size=model.input_size) as camera:
        detector = model.detector()
        frames = islice(iter(lambda: camera.read(timeout_s=5), None), 12, None, 8)
        seen = sum(len(detector.detect(frame)) for frame in frames)
    assert seen >= 3, "the detector sees nobody in this film"


# --- pictures -------------------------------------------------------------------------------


def test_nothing_of_a_picture_is_written_or_sent(evidence, search):
    assert len(evidence.recorded) > 1000
    assert search.left_in(evidence.recorded) == []


# --- people ---------------------------------------------------------------------------------


def test_while_people_pass_nothing_at_all_is_written_or_sent(evidence):
    """Not even when: only the turn of a minute and systemd's clock let anything out.

    The last words before that are that the unit sees well enough to count.
    """
    [ready] = [call for call in evidence.writes if b"the first frame is counted" in call.data]
    begins_s = max(evidence.first_frame_s + 2, ready.at_s + 0.1)
    ends_s = max(call.at_s for call in evidence.calls) - 2
    assert ends_s - begins_s > 3
    said = [
        call
        for call in evidence.writes
        if begins_s < call.at_s < ends_s
        and 3 < (call.at_s - evidence.boot_s) % MINUTE_S < MINUTE_S - 0.2
        and not call.data.startswith(b"WATCHDOG=1\n")
    ]
    assert said == []


def test_what_systemd_hears_has_no_number(evidence):
    assert evidence.notified[0] == "READY=1"
    assert evidence.notified[-1] == "STOPPING=1"
    for message in evidence.notified[1:-1]:
        assert re.fullmatch(r"WATCHDOG=1\nSTATUS=[a-z ,:;()]+", message)


def test_the_log_says_nothing_of_persons(evidence):
    """At --verbose. A new line in the log has to be judged, and written down here."""
    allowed = [
        r"DEBUG maskcam\.vision\.interpreter: runtime: INFO: Created TensorFlow Lite \w+ delegate "
        r"for CPU\.",
        r"INFO maskcam\.unit\.run: the model runs on CPU: no Edge TPU found",
        r"WARNING maskcam\.delivery\.publisher: the connection to 127\.0\.0\.1 is NOT "
        r"ENCRYPTED: .*",
        r"INFO maskcam\.delivery\.publisher: connected to 127\.0\.0\.1:\d+",
        r"INFO maskcam\.unit\.run: maskcam \S+ has started as forville/forville-01",
        r"INFO maskcam\.unit\.timekeeper: the clock is synchronised: windows can be published",
        r"INFO maskcam\.unit\.loop: (?:[\d.]+ degrees C, )?(?:[a-zA-Z ,():]+, )?"
        r"\d+ MB of the unit, \d+ MB available",  # once an hour: the machine, not the street
        r"INFO maskcam\.unit\.timekeeper: counting",
        r"INFO maskcam\.unit\.loop: the unit sees; counting begins with the next whole minute",
        r"INFO maskcam\.unit\.loop: the first frame is counted",
    ]
    assert evidence.log
    unknown = [
        line for line in evidence.log if not any(re.fullmatch(known, line) for known in allowed)
    ]
    assert unknown == []


def test_the_state_directory_holds_windows_and_nothing_else(evidence):
    assert sorted(path.name for path in evidence.state.iterdir()) == ["outbox.log", "run"]
    assert re.fullmatch(rb"(\n1 [0-9a-f]{8}\n){2}", (evidence.state / "run").read_bytes())
    outbox = f"{evidence.state}/outbox"
    to_disk = [call for call in evidence.writes if call.target.startswith(outbox)]
    written = b"".join(call.data for call in to_disk)
    rows_found = list(rows.scan(written))
    assert all(row.key is not None for row in rows_found)
    kept = [
        rows.unpack_window(written[row.offset : row.offset + row.length])
        for row in rows_found
        if not row.sent
    ]
    assert {window.payload for window in kept if window} == {
        message.payload
        for said in evidence.conversations
        for message in said.messages
        if message.topic in COUNT_TOPICS
    }
    rest = bytearray(written)
    for row in reversed(rows_found):
        del rest[row.offset : row.offset + row.length]
    assert rest == b"\n" * FILL_BYTES, "the file is filled ahead, once, with nothing"


def test_the_unit_only_publishes(evidence):
    assert len(evidence.conversations) == 1
    [said] = evidence.conversations
    assert said.kinds[0] == CONNECT
    assert said.kinds[-1] == DISCONNECT
    assert set(said.kinds[1:-1]) <= {PUBLISH, PINGREQ}
    assert said.client_ids == [UNIT]
    assert {message.topic for message in said.messages} == COUNT_TOPICS | {STATUS_TOPIC}


def test_each_message_is_exactly_the_fields_of_the_schema(evidence):
    [said] = evidence.conversations
    counts = [message for message in said.messages if message.topic in COUNT_TOPICS]
    assert len(counts) == len(evidence.windows) >= 1
    for message in said.messages:
        published = json.loads(message.payload)
        assert message.properties == b""
        if message.topic in COUNT_TOPICS:
            received = wire.decode_count(message.payload, topic=message.topic)
            # The very bytes: nothing is hidden in the order of fields, spaces or digits.
            again = wire.encode_count(received.count, site=received.site, unit=received.unit)
            assert set(published) == COUNT_FIELDS
        else:
            status = wire.decode_status(message.payload)
            again = wire.encode_status(
                online=status.online, version=status.version, since=status.since
            )
            assert set(published) == STATUS_FIELDS
        assert message.payload == again
        assert message.retain == (message.topic == STATUS_TOPIC)


def test_no_time_is_published_but_whole_minutes_and_that_of_the_connection(evidence):
    [said] = evidence.conversations
    since = {wire.decode_status(m.payload).since for m in said.messages if m.topic == STATUS_TOPIC}
    times = re.findall(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*Z?", evidence.recorded)
    assert times
    for text in set(times):
        moment = datetime.fromisoformat(text.decode())
        assert moment.second == 0 or moment in since


def test_the_proxy_and_strace_report_the_same(evidence):
    """Neither record has a hole that the other does not have."""
    traced = b"".join(c.data for c in evidence.writes if c.target.startswith("TCP"))
    assert traced == b"".join(evidence.streams)


def test_every_byte_has_a_known_destination(evidence):
    for call in evidence.writes:
        target = call.target
        if target.startswith("UNIX-STREAM"):
            assert call.data == BELL
        elif target.startswith("UNIX"):
            assert b"notify" in call.data, call
        elif target.startswith("TCP"):
            assert "->127.0.0.1:" in target or "[0.0.0.0:" in target or "[127.0.0.1:" in target
        else:
            assert target in (str(evidence.log_file), MEMORY_FILE) or target.startswith(
                f"{evidence.state}/"
            ), call


def test_the_runtime_is_the_one_that_a_unit_installs():
    assert runtime_name().startswith("ai-edge-litert")
