"""`maskcam demo`: street, unit, broker and subscriber in one process."""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from maskcam.addresses import is_network, shown
from maskcam.camera.base import Camera
from maskcam.camera.video import VideoCamera
from maskcam.camera.wrapper import CameraWrapper
from maskcam.delivery import wire
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.embedded import EmbeddedBroker
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.errors import DeliveryError, UsageError
from maskcam.people.windows import WindowRules
from maskcam.records import Frame, MaskState, MinuteCount, WindowKind
from maskcam.street import Scene, SceneCamera, SceneConfig, SceneTruth
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.loop import Loop
from maskcam.unit.progress import Progress
from maskcam.unit.replay import count_frames, recording_counts, recording_pipeline
from maskcam.unit.run import stop_on_signals
from maskcam.unit.schedule import Schedule
from maskcam.unit.timekeeper import Timekeeper
from maskcam.vision.models import LoadedModel, load_model

_SITE, _UNIT = "demo", "demo-01"
_LIVE_MINUTES = 120.0
_FPS = 15.0
_DELIVERY_S = 10.0
_NOTICED_S = 1.0  # who came later was not in view for long enough to be a passage


def demo(
    *,
    source: str | None,
    minutes: float | None,
    fast: bool,
    seed: int,
    people_per_minute: float,
    model: Path | None,
    threads: int,
) -> int:
    """Counts a street and prints on stdout each count message as a subscriber receives it.

    Progress, and at the end the published numbers beside the exact ones and, for the
    rendered street, the true ones, go to the standard error.

    Args:
        source: a video or live source; None: the rendered street.
        minutes: ends by itself after so much of the street's time.
        fast: does not wait for the street's clock.
        seed: of the rendered street.
        people_per_minute: in the rendered street, on average.
        model: a model other than our own.
        threads: CPU threads of the detector.

    Returns:
        0, also after Ctrl-C.

    Raises:
        MaskcamError: the source, the model or the broker fails.
    """
    if fast and source is not None and (source.startswith("v4l2:") or is_network(source)):
        raise UsageError("--fast is for the rendered street and for files; this source is live")
    logging.getLogger("maskcam.delivery").setLevel(logging.ERROR)
    loaded = load_model(model=model, threads=threads)
    scene = None if source else _street(seed, minutes, people_per_minute)
    with stop_on_signals() as stop:
        _run(source, scene, loaded, minutes=minutes, fast=fast, stop=stop)
    return 0


def _run(
    source: str | None,
    scene: Scene | None,
    loaded: LoadedModel,
    *,
    minutes: float | None,
    fast: bool,
    stop: threading.Event,
) -> None:
    """Counts until the street ends, and then compares what was published, counted and true."""
    with (
        _delivery(stop) as (deliver, subscriber),
        _camera(source, scene, loaded.input_size, fast=fast) as opened,
    ):
        camera = _Ending(opened, stop, 60 * minutes if minutes else None)
        _say(f"counting {shown(source) if source else 'a rendered street'}; Ctrl-C ends it")
        if fast:
            exact = _count_fast(camera, loaded, deliver)
        else:
            exact = _count_live(camera, loaded, deliver, stop)
        subscriber.wait()
        truth = None if scene is None else scene.truth_until(camera.reached_s)
        _say(_comparison(subscriber.totals, exact, truth, camera.reached_s))


def _count_fast(
    camera: Camera, loaded: LoadedModel, deliver: Callable[[MinuteCount], None]
) -> Counter[MaskState]:
    """Counts as fast as the machine can; returns the exact numbers."""
    booked: Counter[MaskState] = Counter()
    for count in count_frames(
        camera,
        loaded.detector(),
        start=datetime.now(UTC).replace(second=0, microsecond=0),
        rules=WindowRules(),
        high_score=loaded.high_score,
        face_in_view=loaded.face_in_view,
        progress=Progress(),
        booked=booked,
    ):
        deliver(count)
    return booked


def _count_live(
    camera: _Ending,
    loaded: LoadedModel,
    deliver: Callable[[MinuteCount], None],
    stop: threading.Event,
) -> Counter[MaskState]:
    """Counts by the clock, as a unit does; returns the exact numbers."""
    now_s = time.monotonic()
    counts = recording_counts(WindowRules(), started_at_s=now_s)
    pipeline = recording_pipeline(
        camera.size,
        counts,
        now_s,
        high_score=loaded.high_score,
        face_in_view=loaded.face_in_view,
    )
    progress = Progress()
    Loop(
        camera=camera,
        worker=DetectionWorker(loaded.detector()),
        pipeline=pipeline,
        deliver=deliver,
        timekeeper=Timekeeper(SystemClock(trusted=True), Schedule(zone=ZoneInfo("UTC"))),
        on_frame=lambda at_s: progress.show(camera.reached_s, pipeline.in_view),
    ).run(stop)
    progress.end()
    return counts.booked


def _street(seed: int, minutes: float | None, people_per_minute: float) -> Scene:
    return Scene(
        SceneConfig(
            seed=seed,
            duration_s=60 * (minutes or _LIVE_MINUTES),
            people_per_minute=people_per_minute,
            fps=_FPS,
        )
    )


def _camera(
    source: str | None, scene: Scene | None, input_size: tuple[int, int], *, fast: bool
) -> Camera:
    if scene is not None:
        return SceneCamera(scene, rgb_size=input_size, fast=fast)
    assert source is not None
    return VideoCamera(source, rgb_size=input_size, paced=not fast)


@contextmanager
def _delivery(
    stop: threading.Event,
) -> Iterator[tuple[Callable[[MinuteCount], None], _Subscriber]]:
    """Gives what publishes a count through a broker of the demo's own, and its subscriber."""
    with (
        EmbeddedBroker() as broker,
        _Subscriber(broker, stop) as subscriber,
        tempfile.TemporaryDirectory(prefix="maskcam-demo-") as state,
        Publisher(
            Outbox(Path(state), site=_SITE, unit=_UNIT),
            broker=BrokerSettings(host=broker.host, port=broker.port, protocol="3.1.1"),
            site=_SITE,
            unit=_UNIT,
        ) as publisher,
    ):

        def deliver(count: MinuteCount) -> None:
            subscriber.expected += 1
            publisher.deliver(count)

        yield deliver, subscriber


class _Ending(CameraWrapper):
    """A camera that ends after so many seconds of its own time, or when asked to stop."""

    def __init__(self, camera: Camera, stop: threading.Event, seconds: float | None) -> None:
        super().__init__(camera)
        self._stop = stop
        self._seconds = seconds
        self._began_s: float | None = None
        self.reached_s = 0.0

    def read(self, *, timeout_s: float) -> Frame | None:
        frame = None if self._stop.is_set() else super().read(timeout_s=timeout_s)
        if frame is None:
            return None
        if self._began_s is None:
            self._began_s = frame.captured_at_s
        reached_s = frame.captured_at_s - self._began_s
        if self._seconds is not None and reached_s >= self._seconds:
            return None
        self.reached_s = reached_s
        return frame


class _Subscriber:
    """City hall in small: prints each count message as it arrives, and adds it up.

    Args:
        broker: where the messages arrive.
        stop: set where they can no longer be printed: the reader has gone, the disk is full.
    """

    def __init__(self, broker: EmbeddedBroker, stop: threading.Event) -> None:
        self._stop = stop
        self._failure: OSError | None = None
        self.expected = 0
        self.totals: dict[WindowKind, Counter[MaskState]] = {kind: Counter() for kind in WindowKind}
        self._received = 0
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._address = broker.host, broker.port
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._print

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.subscribe([(topic, 1) for topic in wire.FILTERS if "status" not in topic])
        self._client.loop_start()
        if not self._ready.wait(_DELIVERY_S):
            raise DeliveryError("the demo's broker did not take the subscription; try again")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self) -> None:
        """Waits until every window has arrived.

        Raises:
            DeliveryError: some did not.
            OSError: some could not be printed.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._received >= self.expected, _DELIVERY_S):
                missing = self.expected - self._received
                raise DeliveryError(f"{missing} windows did not arrive; report this as a fault")
        if self._failure is not None:
            raise self._failure

    def _print(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        del client, data
        count = wire.decode_count(bytes(message.payload), topic=message.topic).count
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        try:
            sys.stdout.write(message.payload.decode() + "\n")
            sys.stdout.flush()
        except OSError as error:  # not in this thread, which has to answer the broker
            self._failure = error
            self._stop.set()
        with self._changed:
            for state in MaskState:
                self.totals[count.kind][state] += getattr(count, state.value) or 0
            self._received += 1
            self._changed.notify()


def _comparison(
    published: dict[WindowKind, Counter[MaskState]],
    exact: Counter[MaskState],
    truth: SceneTruth | None,
    until_s: float,
) -> str:
    """Returns a table of what was published, counted and, until `until_s`, happened."""
    columns = {
        "minutes": published[WindowKind.COUNT],
        "hours": published[WindowKind.HOUR],
        "exact": exact,
    }
    notes = ["  minutes and hours carry noise, as published; a unit publishes nothing else"]
    if truth is not None:
        begun = [p for p in truth.passages if p.begin_s + _NOTICED_S <= until_s]
        columns["true"] = Counter(p.state for p in begun if not p.objecting)
        objecting = sum(passage.objecting for passage in begun)
        notes.append(f"  {objecting} shook their heads and must be in no figure")
    rows = [" " * 16 + "".join(f"{name:>9s}" for name in columns)]
    for state in MaskState:
        numbers = "".join(f"{column[state]:9d}" for column in columns.values())
        rows.append(f"  {state.value:14s}{numbers}")
    totals = "".join(f"{sum(column.values()):9d}" for column in columns.values())
    return "\n".join([*rows, f"  {'people':14s}{totals}", *notes])


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
