"""The unit of the soak: all real from the pixels on, and a clock as fast as the machine.

Writes one line of JSON for each minute of its own time: memory and open files. Before a
window is handed over it is written as well, so that nothing depends on what the network does.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path

from maskcam.delivery import wire
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.people.windows import WindowRules
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.vision.models import load_face_in_view
from tests.soak.street import SIZE, Street

SITE, UNIT = "forville", "forville-01"
BEGIN = datetime(2026, 5, 4, tzinfo=UTC).timestamp()
_UNSYNCHRONISED_S = 300.0
_MINUTE_S = 60.0


def utc_s(at_s: float) -> float | None:
    """A clock that is set after five minutes, and then wanders by a tenth of a second."""
    return None if at_s < _UNSYNCHRONISED_S else BEGIN + at_s + 0.1 * math.sin(at_s / 1000)


def say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def memory_kb() -> dict[str, int]:
    """Resident memory in all, and that part which the kernel cannot take back as it likes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {name: int(value.split()[0]) for name, _, value in
             (line.partition(":") for line in lines) if name in {"VmRSS", "RssAnon"}}  # fmt: skip
    return {"resident_kb": found["VmRSS"], "own_kb": found["RssAnon"]}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def run(*, state: Path, port: int, seconds: float, seed: int) -> None:
    street = Street(seed=seed, seconds=seconds)
    # What rendering the films needed would be room in which a leak could hide for hours.
    ctypes.CDLL(None).malloc_trim(0)
    outbox = Outbox(state, site=SITE, unit=UNIT)
    # Exact, and from the first frame to the last: all who came must be found again.
    pipeline = Pipeline(
        frame_size=SIZE,
        counts=recording_counts(WindowRules.preset("standard", exact=True), started_at_s=0),
        started_at_s=0,
        high_score=0.5,
        face_in_view=load_face_in_view(),
        recording=True,
    )
    broker = BrokerSettings(
        host="127.0.0.1", port=port, reconnect_min_s=0.05, reconnect_max_s=0.5, keepalive_s=5
    )
    with Publisher(outbox, broker=broker, site=SITE, unit=UNIT, stop_timeout_s=20) as publisher:

        def deliver(counts) -> None:
            for count in counts:
                payload = wire.encode_count(count, site=SITE, unit=UNIT)
                say(kind=count.kind, closed=payload.decode())
                publisher.deliver(count).result(60)

        at_s, next_minute_s = 0.0, _MINUTE_S
        for frame, detections in street.frames():
            at_s = frame.captured_at_s
            if detections is not None:
                pipeline.update_detections(detections, at_s)
            pipeline.process_frame(frame)
            deliver(pipeline.take_counts(utc_s(at_s)))
            if at_s >= next_minute_s:
                next_minute_s += _MINUTE_S
                say(at_s=at_s, **memory_kb(), open_files=open_files())
        deliver(pipeline.finish())
        say(truth=street.truth, objected=street.objected)
    say(waiting=publisher.waiting, delivered=publisher.delivered)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    run(**vars(parser.parse_args()))
