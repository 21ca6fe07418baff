"""Runs the unit of the soak against a real broker, and judges what is left at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from maskcam.delivery import wire
from maskcam.records import MaskState, WindowKind
from tests.broker import PLAIN, Mosquitto, Subscriber
from tests.soak.trend import Trend, trend

ROOT = Path(__file__).parents[2]
OUTAGE_EVERY_MINUTES = 180
_OUTAGE_S = 2.0
GROWTH_MB = 2.0  # in the whole run, at the upper end of the confidence interval
GROWTH_FILES = 1.0
_DRAIN_S = 60.0


@dataclass(frozen=True)
class Sample:
    """What the unit used at `at_s` of its own time.

    own_kb: resident memory without pages of files, such as libraries: a busy machine
        takes those back, and that would hide a leak.
    """

    at_s: float
    resident_kb: int
    own_kb: int
    open_files: int


@dataclass
class Result:
    """What a soak found. `lost`: closed, but not stored at city hall; `truth` and `published`:
    people by state."""

    hours: float
    took_s: float = 0.0
    outages: int = 0
    samples: list[Sample] = field(default_factory=list)
    closed: int = 0
    lost: int = 0
    invented: int = 0
    twice: int = 0
    truth: dict[str, int] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    objected: int = 0
    observed_s: float = 0.0

    @property
    def memory(self) -> Trend:
        """The trend of the unit's own resident memory in MB."""
        return trend([s.at_s for s in self.samples], [s.own_kb / 1024 for s in self.samples])

    @property
    def files(self) -> Trend:
        """The trend of the number of open files."""
        return trend([s.at_s for s in self.samples], [s.open_files for s in self.samples])

    def faults(self) -> list[str]:
        """Returns what is not as it must be."""
        found = []
        if self.memory.most_in_all > GROWTH_MB:
            found.append(f"memory may have grown by {self.memory.most_in_all:.2f} MB")
        if self.files.most_in_all > GROWTH_FILES:
            found.append(f"open files may have grown by {self.files.most_in_all:.1f}")
        if self.lost or self.invented:
            found.append(f"{self.lost} windows lost, {self.invented} invented")
        if self.published != self.truth:
            found.append(f"published {self.published}, but there were {self.truth}")
        if self.observed_s < 0.999 * 3600 * self.hours:
            found.append(f"observed {self.observed_s:.0f} s of {3600 * self.hours:.0f} s")
        return found

    def as_json(self) -> str:
        """Returns all of it, the samples and the verdict included."""
        published = asdict(self) | {"memory_mb": asdict(self.memory), "files": asdict(self.files)}
        return json.dumps(published | {"faults": self.faults()})


def soak(
    directory: Path,
    *,
    hours: float,
    seed: int = 1,
    outage_every_minutes: float = OUTAGE_EVERY_MINUTES,
    progress: Callable[[Sample], None] = lambda sample: None,
) -> Result:
    """Lets a street of `hours` go by as fast as the machine can.

    The broker is stopped for two seconds every `outage_every_minutes` of the street.
    """
    result = Result(hours)
    closed: set[tuple[str, str]] = set()
    command = [
        sys.executable, "-m", "tests.soak.unit_process", "--state", str(directory / "state"),
        "--seconds", str(3600 * hours), "--seed", str(seed), "--port",
    ]  # fmt: skip
    began_s = time.monotonic()
    with Mosquitto(directory, lines=PLAIN) as broker, Subscriber(broker) as city:
        unit = subprocess.Popen([*command, str(broker.port)], cwd=ROOT, stdout=subprocess.PIPE)
        assert unit.stdout is not None
        try:
            for line in unit.stdout:
                said = json.loads(line)
                if "closed" in said:
                    closed.add((said["kind"], said["closed"]))
                elif "at_s" in said:
                    sample = Sample(**said)
                    result.samples.append(sample)
                    progress(sample)
                    if sample.at_s >= 60 * outage_every_minutes * (result.outages + 1):
                        result.outages += 1
                        broker.stop()
                        time.sleep(_OUTAGE_S)
                        broker.start()
                elif "truth" in said:
                    result.truth, result.objected = said["truth"], said["objected"]
            if unit.wait(_DRAIN_S):
                raise RuntimeError(f"the unit ended with {unit.returncode}")
        finally:
            if unit.poll() is None:
                unit.kill()
                unit.wait()
            unit.stdout.close()
        result.took_s = time.monotonic() - began_s
        city.wait_for(len(closed), timeout_s=_DRAIN_S)
        _compare(result, closed, city)
    return result


def _compare(result: Result, closed: set[tuple[str, str]], city: Subscriber) -> None:
    """Compares what city hall stored with what the unit closed, and with who came."""
    truth = {wire.decode_count(text.encode(), kind=WindowKind(kind)).count for kind, text in closed}
    stored = set(city.stored.values())
    published: Counter[str] = Counter()
    for count in stored:
        if count.kind is WindowKind.COUNT:
            published.update({state.value: getattr(count, state) or 0 for state in MaskState})
            result.observed_s += count.observed_s
    result.closed, result.lost = len(closed), len(truth - stored)
    result.invented = len(stored - truth)
    result.twice = len(city.received) - len(stored)
    result.published = {state: people for state, people in sorted(published.items()) if people}
    result.truth = dict(sorted(result.truth.items()))
