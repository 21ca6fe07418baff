"""`maskcam run`: the unit, from its configuration to its last word."""

from __future__ import annotations

import logging
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Protocol
from zoneinfo import ZoneInfo

import maskcam
from maskcam.camera.base import Camera
from maskcam.config import CameraSection, Config
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.errors import AcceleratorError, CameraError, MaskcamError, ModelError, UsageError
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.unit.button import Button
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.lamp import Lamp, flashing_s
from maskcam.unit.lamp_codes import Fault
from maskcam.unit.lockdown import lock_down
from maskcam.unit.loop import Loop, Panel
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.schedule import Schedule
from maskcam.unit.sources import camera_for
from maskcam.unit.starting import start
from maskcam.unit.state import StateDirectory
from maskcam.unit.timekeeper import Timekeeper
from maskcam.vision.accelerator import Mode
from maskcam.vision.models import LoadedModel, load_model

_log = logging.getLogger(__name__)
_FLUSH_S = 0.4  # of the 2 s that a stop may take


class OpensCamera(Protocol):
    """Returns the camera of a configuration, not yet open: `camera_for`, or a fake."""

    def __call__(self, section: CameraSection, *, rgb_size: tuple[int, int]) -> Camera:
        """See `maskcam.unit.sources.camera_for`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Where a unit touches hardware and network: the real ones, or a test's own.

    load_model: see `maskcam.vision.models.load_model`.
    camera_for: see `maskcam.unit.sources.camera_for`.
    lamp: makes the lamp for a GPIO pin, or for none.
    publisher: see `maskcam.delivery.publisher.Publisher`.
    """

    load_model: Callable[..., LoadedModel] = load_model
    camera_for: OpensCamera = camera_for
    lamp: Callable[[int | None], Lamp] = Lamp
    publisher: Callable[..., Publisher] = Publisher


def run(config: Config, edges: Edges | None = None) -> None:
    """Counts until SIGTERM or SIGINT, then publishes what is due and ends within 2 s.

    What fails is shown by the lamp, once at each attempt, before the program ends.

    Args:
        config: the unit's settings.
        edges: in place of the real hardware and network.

    Raises:
        CameraError, ModelError, AcceleratorError, DeliveryError: see `maskcam.errors`.
        StoppedError: asked to stop while the model or the camera was being started.
    """
    lock_down()
    edges = edges or Edges()
    clock = SystemClock(trusted=config.unit.clock == "trusted")
    if not clock.synchronised():
        _log.warning(
            "the clock is not synchronised: windows wait until it is (on a machine with a battery "
            'clock or a test bench: clock = "trusted" in [unit])'
        )
    with stop_on_signals() as stop, _lamp_if_it_works(config.lamp.gpio, edges) as lamp:
        try:
            _count(config, edges, clock=clock, lamp=lamp, stop=stop)
        except UsageError:
            raise
        except MaskcamError as error:
            fault = _fault_of(error)
            lamp.show(fault)
            if config.lamp.gpio is not None:
                stop.wait(flashing_s(fault))
            raise


def _fault_of(error: MaskcamError) -> Fault:
    if isinstance(error, CameraError):
        return Fault.CAMERA
    is_model = isinstance(error, ModelError | AcceleratorError)
    return Fault.MODEL if is_model else Fault.CONFIGURATION  # such as a button that is not there


@contextmanager
def _lamp_if_it_works(gpio: int | None, edges: Edges) -> Iterator[Lamp]:
    """Gives the lamp; one that cannot be used is no reason not to count."""
    with ExitStack() as parts:
        try:
            lamp = parts.enter_context(edges.lamp(gpio))
        except MaskcamError as error:
            _log.warning("%s; counting without it", error)
            lamp = edges.lamp(None)
        yield lamp


def _load_model(config: Config, edges: Edges) -> tuple[LoadedModel, bool]:
    """Returns the model, and whether an accelerator that was asked for does its work."""
    detector = config.detector

    def load(accelerator: Mode) -> LoadedModel:
        return edges.load_model(
            model=detector.model,
            threads=detector.threads,
            score_threshold=detector.score_threshold,
            accelerator=accelerator,
            edgetpu_model=detector.edgetpu_model,
        )

    try:
        return load(detector.accelerator), True
    except (AcceleratorError, ModelError) as error:
        if detector.accelerator != "required":
            raise
        _log.error("the accelerator is required and missing; the CPU does the work: %s", error)
        return load("off"), False


def _count(
    config: Config, edges: Edges, *, clock: SystemClock, lamp: Lamp, stop: threading.Event
) -> None:
    unit = config.unit
    with ExitStack() as parts:
        state = parts.enter_context(StateDirectory(unit.state_directory))
        loaded, is_accelerated = start(lambda: _load_model(config, edges), stop=stop)
        _log.info("the model runs on %s", loaded.runs_on)
        outbox = Outbox(unit.state_directory, site=unit.site, unit=unit.id)
        last_run = outbox.last_run
        publisher = parts.enter_context(_publisher_for(config, edges, outbox, clock))
        button = parts.enter_context(_button_for(config, lamp))
        camera = edges.camera_for(config.camera, rgb_size=loaded.input_size)
        start(camera.__enter__, stop=stop)
        parts.push(camera)
        now_s = time.monotonic()
        counts = MinuteCounts(
            started_at_s=now_s,
            rules=rules_for(config),
            next_run=lambda: state.next_run(above=last_run),
            random_below=secrets.randbelow,
        )
        pipeline = _pipeline_for(
            config, loaded, counts, lamp, frame_size=camera.size, started_at_s=now_s
        )

        _log.info("maskcam %s has started as %s/%s", maskcam.__version__, unit.site, unit.id)
        Loop(
            camera=camera,
            worker=DetectionWorker(loaded.detector(), renew=loaded.renew),
            pipeline=pipeline,
            deliver=publisher.deliver,
            timekeeper=Timekeeper(clock, schedule_for(config)),
            panel=Panel(
                show_fault=lamp.show,
                other_fault=lambda: (
                    fault_of_delivery(outbox, publisher) if is_accelerated else Fault.MODEL
                ),
                is_pausing=button.is_pausing,
            ),
        ).run(stop)


def fault_of_delivery(outbox: Outbox, publisher: Publisher) -> Fault | None:
    """Returns what is wrong on the path to city hall; a disk that hangs is none that stores."""
    if not outbox.on_disk or not publisher.healthy:
        return Fault.STORAGE
    return None if publisher.connected else Fault.NETWORK


def _publisher_for(config: Config, edges: Edges, outbox: Outbox, clock: SystemClock) -> Publisher:
    return edges.publisher(
        outbox,
        broker=config.broker.connection(),
        site=config.unit.site,
        unit=config.unit.id,
        utc_now=lambda: _utc_now(clock),
        delay_minutes=rules_for(config).delay_minutes,
        stop_timeout_s=_FLUSH_S,
    )


def _button_for(config: Config, lamp: Lamp) -> Button:
    return Button(
        config.objections.button_gpio,
        pause_s=config.objections.button_pause_s,
        on_press=lamp.light,
    )


def _pipeline_for(
    config: Config,
    loaded: LoadedModel,
    counts: MinuteCounts,
    lamp: Lamp,
    *,
    frame_size: tuple[int, int],
    started_at_s: float,
) -> Pipeline:
    return Pipeline(
        frame_size=frame_size,
        counts=counts,
        started_at_s=started_at_s,
        high_score=loaded.high_score,
        min_fps=config.counting.min_fps,
        face_in_view=loaded.face_in_view,
        hand=config.objections.hand,
        on_objection=lamp.answer_objection,
        on_half_objection=lamp.hint,
    )


def rules_for(config: Config) -> WindowRules:
    """Returns which windows are published, and with how much noise."""
    counting = config.counting
    return WindowRules.preset(
        counting.preset,
        epsilon_minute=counting.epsilon_minute,
        epsilon_hour=counting.epsilon_hour,
        exact=counting.exact,
    )


def schedule_for(config: Config) -> Schedule:
    """Returns when people may be counted."""
    return Schedule(
        zone=ZoneInfo(config.counting.timezone),
        hours=config.operating_times(),
        begins=config.notice.sign_date,
        ends=config.notice.deployment_ends,
    )


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Gives an event that SIGTERM and SIGINT set, for as long as the block lasts."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _utc_now(clock: SystemClock) -> datetime | None:
    return datetime.now(UTC) if clock.synchronised() else None
