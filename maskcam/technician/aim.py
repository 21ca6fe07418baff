"""`maskcam aim`: boxes on a blank field, so that a camera is aimed without an image.

What is drawn is made of a few numbers: boxes, and the verdicts on light, sharpness
and head size. Nothing is counted, kept or sent, and after ten minutes it ends.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from maskcam.config import Config
from maskcam.errors import CameraError, UsageError
from maskcam.messages import say, translate
from maskcam.records import Box
from maskcam.technician import terminal, verdicts
from maskcam.technician.selfcheck import Probes
from maskcam.technician.verdicts import Verdict
from maskcam.vision.quality import FrameQuality, QualityMeter

LIMIT_S: Final = 600.0
REFRESH_S: Final = 0.25
_REMEMBERED: Final = 120  # heads, about half a minute of one person
_READ_S: Final = 3.0
_MARKS = {True: "ok", False: "!!"}
# Corners (top left, top right, bottom left, bottom right), horizontal, vertical.
_THIN: Final = "┌┐└┘─│"
_BOLD: Final = "╔╗╚╝═║"


class View(NamedTuple):
    """All that is drawn. size: of the camera's frame, px; boxes in it."""

    size: tuple[int, int]
    boxes: tuple[Box, ...]
    verdicts: tuple[Verdict, ...]
    seconds_left: float


class Shows(Protocol):
    """A screen, as `maskcam.technician.terminal.Screen` is one."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        ...

    def draw(self, lines: Sequence[str]) -> None:
        """Shows lines from the top."""
        ...

    def wants_to_quit(self) -> bool:
        """Whether the technician has seen enough."""
        ...


def aim(config: Config, probes: Probes, *, reading: int = 0, writing: int = 1) -> None:
    """Shows the aim on the terminal until Enter is pressed or ten minutes are over.

    Raises:
        UsageError: aiming is locked, or this is no terminal beside the unit.
        CameraError, ModelError: see `maskcam.errors`.
    """
    if not config.technician.aim:
        raise UsageError(say("aiming is locked on this unit ([technician] aim = false)"))
    if reason := terminal.refusal(writing):
        raise UsageError(translate(reason))
    with terminal.Screen(reading, writing) as screen:
        watch(config, probes, screen)


def watch(
    config: Config,
    probes: Probes,
    screen: Shows,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Draws what the detector finds, several times a second."""
    ends_s = clock() + LIMIT_S
    loaded = probes.load_model()
    recent: deque[Box] = deque(maxlen=_REMEMBERED)
    meter = QualityMeter()
    drawn_s = -REFRESH_S
    with probes.open_camera(loaded.input_size) as camera:
        detector = loaded.detector()
        while (now_s := clock()) < ends_s and not screen.wants_to_quit():
            frame = camera.read(timeout_s=_READ_S)
            if frame is None:
                raise CameraError("the source has ended")
            if now_s - drawn_s < REFRESH_S:
                continue
            drawn_s = now_s
            boxes = tuple(detection.box for detection in detector.detect(frame))
            recent.extend(boxes)
            view = View(
                size=camera.size,
                boxes=boxes,
                verdicts=_judge(config, meter.measure(frame.luma), tuple(recent), camera.size),
                seconds_left=ends_s - now_s,
            )
            screen.draw(draw(view, *screen.size))


def draw(view: View, columns: int, rows: int) -> list[str]:
    """Returns the lines of a screen: a heading, the field with its boxes, the verdicts."""
    minutes, seconds = divmod(int(view.seconds_left), 60)
    heading = say(
        "nothing is counted; ends in {left}, or with Enter", left=f"{minutes}:{seconds:02}"
    )
    below = [f"{_MARKS[verdict.good]} {translate(verdict.words)}" for verdict in view.verdicts]
    field = _field(view, max(4, columns), max(4, rows - len(below) - 2))
    return [line[:columns] for line in (heading, *field, *below)][:rows]


def _field(view: View, columns: int, rows: int) -> list[str]:
    """Returns the blank field with a frame for each head and its height in px."""
    cells = [[" "] * columns for _ in range(rows)]
    _frame(cells, (0, 0, columns - 1, rows - 1), _THIN)
    across, down = (columns - 1) / view.size[0], (rows - 1) / view.size[1]
    for box in view.boxes:
        left, top = min(round(box.x0 * across), columns - 4), min(round(box.y0 * down), rows - 3)
        right, bottom = max(round(box.x1 * across), left + 3), max(round(box.y1 * down), top + 2)
        edges = (left, top, min(right, columns - 1), min(bottom, rows - 1))
        _frame(cells, edges, _BOLD)
        if top + 1 < edges[3]:
            for column, digit in enumerate(f"{box.height:.0f}", left + 1):
                if column < edges[2]:
                    cells[top + 1][column] = digit
    return ["".join(line) for line in cells]


def _frame(cells: list[list[str]], edges: tuple[int, int, int, int], style: str) -> None:
    left, top, right, bottom = edges
    for column in range(left, right + 1):
        cells[top][column] = cells[bottom][column] = style[4]
    for row in range(top, bottom + 1):
        cells[row][left] = cells[row][right] = style[5]
    corners = ((top, left), (top, right), (bottom, left), (bottom, right))
    for (row, column), corner in zip(corners, style[:4], strict=True):
        cells[row][column] = corner


def _judge(
    config: Config, quality: FrameQuality, heads: Sequence[Box], size: tuple[int, int]
) -> tuple[Verdict, ...]:
    view_deg = config.camera.field_of_view_deg
    tilt = verdicts.tilt(heads, size=size, field_of_view_deg=view_deg)
    return (
        verdicts.heads(heads),
        *([tilt] if tilt else []),
        verdicts.light(quality.light),
        verdicts.sharpness(quality),
        verdicts.reach(size[0], view_deg),
    )
