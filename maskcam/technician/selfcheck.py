"""`maskcam check`: looks at each part once and says what to do about what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from maskcam import __version__
from maskcam.camera.base import Camera
from maskcam.config import Config
from maskcam.errors import CameraError, MaskcamError
from maskcam.messages import translate
from maskcam.technician.checks import delivery, frames, machine, models
from maskcam.technician.finding import Finding, State
from maskcam.unit.clock import SystemClock, is_synchronised
from maskcam.unit.lockdown import lock_down
from maskcam.unit.sources import camera_for
from maskcam.unit.state import is_in_use
from maskcam.vision.models import load_model

_MARKS = {State.OK: "OK", State.FAULT: "NOT OK", State.ABSENT: "not present"}
_ANY_SIZE = (320, 320)


def _today() -> date:
    return datetime.now().astimezone().date()


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What the checks are made with.

    load_model: loads the model as the unit does.
    open_camera: returns the unit's camera, not yet open, whose frames for the
        detector fit the given width and height; raises MaskcamError if its pictures
        could reach a disk.
    synchronised: whether the system clock can be believed.
    today: the local date.
    root: where /sys and /dev are.
    """

    load_model: Callable[[], models.Model]
    open_camera: Callable[[tuple[int, int]], Camera]
    synchronised: Callable[[], bool] = is_synchronised
    today: Callable[[], date] = _today
    root: Path = field(default=Path("/"))


def probes_for(config: Config) -> Probes:
    """Returns the probes that the unit itself would use."""
    detector = config.detector

    def load() -> models.Model:
        return load_model(
            model=detector.model,
            threads=detector.threads,
            score_threshold=detector.score_threshold,
            accelerator=detector.accelerator,
            edgetpu_model=detector.edgetpu_model,
        )

    def open_camera(rgb_size: tuple[int, int]) -> Camera:
        lock_down()
        return camera_for(config.camera, rgb_size=rgb_size)

    return Probes(
        load_model=load,
        open_camera=open_camera,
        synchronised=SystemClock(trusted=config.unit.clock == "trusted").synchronised,
    )


def run_checks(config: Config, probes: Probes) -> Iterator[Finding]:
    """Yields one finding after the other; each takes at most half a minute."""
    loading = models.whole(probes.load_model)
    yield from _frame_findings(config, probes, loading.model)
    yield loading.finding
    yield models.coral(config, loading, probes.root)
    yield machine.clock(probes.synchronised)
    yield machine.lamp(config.lamp.gpio)
    yield machine.button(config.objections)
    yield delivery.network(config)
    yield delivery.tls(config, today=probes.today())
    yield delivery.broker(config, unit_runs=is_in_use(config.unit.state_directory))
    yield delivery.noise(config)
    yield machine.storage(config.unit.state_directory)
    yield machine.temperature(probes.root)
    yield machine.power(probes.root)
    yield delivery.sign(config, today=probes.today())


def _frame_findings(
    config: Config, probes: Probes, loaded: models.Model | None
) -> Iterator[Finding]:
    try:
        with probes.open_camera(loaded.input_size if loaded else _ANY_SIZE) as camera:
            seen = frames.look(camera)
    except MaskcamError as error:
        ribbon = config.camera.source == "picamera2"
        advice = (
            "check the camera's ribbon cable at both ends, then switch off and on"
            if ribbon
            else "check the camera's cable at both ends, then switch off and on"
        )
        advice = advice if isinstance(error, CameraError) else ""  # it says by itself what to do
        yield Finding.fault("camera", str(error), advice)
        for name in ("light", "exposure", "sharpness", "detector"):
            yield Finding.fault(name, "unknown without frames")
        return
    yield from frames.camera_findings(config, seen)
    if loaded is None:
        yield Finding.fault("detector", "unknown without a model")
    else:
        yield models.speed(loaded, seen)


def all_well(findings: Sequence[Finding]) -> bool:
    """Returns whether nothing is at fault; what is absent and not needed is no fault."""
    return all(finding.state is not State.FAULT for finding in findings)


def as_line(finding: Finding) -> str:
    """Returns a finding for a person, in the technician's language."""
    mark, name = translate(_MARKS[finding.state]), translate(finding.name)
    advice = f" -> {translate(finding.advice)}" if finding.advice else ""
    return f"{mark:<11}  {name:<11}  {translate(finding.detail)}{advice}"


def as_json(config: Config, findings: Sequence[Finding]) -> str:
    """Returns all findings for a machine."""
    return json.dumps(
        {
            "ok": all_well(findings),
            "unit": config.unit.id,
            "version": __version__,
            "checks": [finding._asdict() for finding in findings],
        },
        ensure_ascii=False,
        indent=2,
    )
