"""`maskcam run` whose accelerator fails from its fourth second on; all else is the unit as it is.

    python -m tests.camera_unit.faulty_unit FAULT --closed FILE --config FILE

Each window is written to the file of closed windows before it is handed over: the truth that
city hall must store.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from maskcam import cli
from maskcam.delivery import wire
from maskcam.delivery.publisher import Publisher
from maskcam.records import MinuteCount, WindowKind
from maskcam.unit.commands import run_unit
from maskcam.unit.run import Edges
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.models import LoadedModel, load_model
from tests.broker import WAIT_S, Mosquitto
from tests.camera_unit.running_unit import RunningUnit
from tests.camera_unit.short_minutes import shorten

SOUND_S = 4.0


class Accelerator:
    """An interpreter that works for four seconds; what it does then is for the others to say."""

    def __init__(self, sound: Interpreter) -> None:
        self._sound = sound
        self._began_s: float | None = None

    def invoke(self) -> None:
        if self._began_s is None:
            self._began_s = time.monotonic()
        if time.monotonic() - self._began_s > SOUND_S:
            self.fail()
        self._sound.invoke()

    def fail(self) -> None:
        """Does nothing: all is well."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._sound, name)


class Failing(Accelerator):
    def fail(self) -> None:
        raise RuntimeError("the device has gone")


class FailingOnce(Accelerator):
    def fail(self) -> None:
        self._began_s = float("inf")
        raise RuntimeError("the device has gone")


class Hanging(Accelerator):
    def fail(self) -> None:
        time.sleep(60)


class Killing(Accelerator):
    def fail(self) -> None:
        os.abort()


FAULTS = {
    "none": Accelerator,
    "fails": Failing,
    "fails-once": FailingOnce,
    "hangs": Hanging,
    "kills": Killing,
}


class RecordingPublisher(Publisher):
    """Writes down what is handed over.

    It has longer to send the last windows than the half second of a unit, which sends after
    its next start what it could not: the machine may be busy with other things.
    """

    def __init__(self, file: Path, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options | {"stop_timeout_s": WAIT_S})
        self._file = file

    def deliver(self, count: MinuteCount) -> Future[bool]:
        payload = wire.encode_count(count, site="forville", unit="forville-01")
        with self._file.open("ab", buffering=0) as closed:
            closed.write(count.kind.encode() + b" " + payload + b"\n")
        return super().deliver(count)


class FaultyUnit(RunningUnit):
    """A running unit with a fault, one of `FAULTS`."""

    def __init__(
        self,
        directory: Path,
        broker: Mosquitto,
        *,
        source: object,
        fault: str = "none",
        state: Path | None = None,
    ) -> None:
        self._closed = directory / "closed"
        super().__init__(
            directory,
            source=source,
            port=broker.port,
            state=state,
            program=["-m", __name__, fault, "--closed", str(self._closed), "--config"],
        )

    @property
    def closed(self) -> list[MinuteCount]:
        """All windows that this unit, or one before it in this directory, has closed."""
        lines = self._closed.read_bytes().splitlines() if self._closed.exists() else []
        found = [line.partition(b" ") for line in lines]
        return [
            wire.decode_count(payload, kind=WindowKind(kind.decode())).count
            for kind, _, payload in found
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--closed", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    args = parser.parse_args()
    shorten()
    edges = Edges(
        load_model=_loads(FAULTS[args.fault]),
        publisher=lambda *parts, **options: RecordingPublisher(args.closed, *parts, **options),
    )
    cli.log_to_stderr()
    return cli.exit_code_of(lambda: run_unit(args.config, edges))


def _loads(accelerator: type[Accelerator]) -> Callable[..., LoadedModel]:
    def load(**options: Any) -> LoadedModel:
        loaded = load_model(**options)
        return replace(loaded, interpreter=cast("Interpreter", accelerator(loaded.interpreter)))

    return load


if __name__ == "__main__":
    sys.exit(main())
