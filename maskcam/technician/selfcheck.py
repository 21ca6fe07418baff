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
from maskcam.errors import MaskcamError
from maskcam.technician.checks import delivery, machine, picture
from maskcam.technician.finding import Finding, State
from maskcam.unit.clock import is_synchronised
from maskcam.unit.detection import Detects

_MARKS = {State.OK: "OK", State.FAULT: "NOT OK", State.ABSENT: "not present"}


def _today() -> date:
    return datetime.now().astimezone().date()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the checks are made with.

    open_camera: returns the unit's camera, not yet opened.
    load_detector: loads the model as the unit does, for boxes in pictures of the given
        width and height.
    synchronised: whether the system clock can be believed.
    today: the local date.
    root: where /sys and /dev are.
    """

    open_camera: Callable[[], Camera]
    load_detector: Callable[[tuple[int, int]], Detects]
    synchronised: Callable[[], bool] = is_synchronised
    today: Callable[[], date] = _today
    root: Path = field(default=Path("/"))


def run_checks(config: Config, parts: Parts) -> Iterator[Finding]:
    """Yields one finding after the other; each takes at most half a minute."""
    seen: picture.Look | None = None
    try:
        with parts.open_camera() as camera:
            seen = picture.look(camera)
    except MaskcamError as error:
        advice = "stop the unit first (systemctl stop maskcam), then check the camera's cable"
        yield Finding.fault("camera", str(error), advice)
        yield from (
            Finding.fault(name, "unknown without frames")
            for name in ("light", "exposure", "sharpness")
        )
    else:
        yield from picture.camera_findings(config, seen)
    yield picture.accelerator(config, parts.root)
    size = seen.size if seen else (config.camera.width, config.camera.height)
    yield picture.model(lambda: parts.load_detector(size), seen.rgb if seen else None)
    yield machine.clock(parts.synchronised)
    yield delivery.network(config)
    yield delivery.tls(config)
    yield delivery.broker(config)
    yield machine.storage(config.unit.state_directory)
    yield machine.temperature(parts.root)
    yield machine.power(parts.root)
    yield delivery.sign(config, today=parts.today())


def all_well(findings: Sequence[Finding]) -> bool:
    """Returns whether nothing is at fault; what is absent and not needed is no fault."""
    return all(finding.state is not State.FAULT for finding in findings)


def as_line(finding: Finding) -> str:
    """Returns a finding for a person."""
    advice = f" -> {finding.advice}" if finding.advice else ""
    return f"{_MARKS[finding.state]:<11}  {finding.name:<11}  {finding.detail}{advice}"


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
