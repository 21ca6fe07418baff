"""How well a film of a street is read, against given face boxes: `maskcam evaluate street`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from maskcam.camera.video import VideoCamera
from maskcam.errors import UsageError
from maskcam.evaluate.shares import share
from maskcam.people.passages import Crowd
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.vision.detector import Detector
from maskcam.vision.models import LoadedModel, load_model

SIZES_PX = ((20, 32), (32, 50), (50, float("inf")))  # shorter side, at the width of the boxes
_SURE = 0.6  # given boxes with a lower score are neither to be found nor false alarms
_SAME_FACE_IOU = 0.2
_TIMEOUT_S = 10.0
_STATES = {
    "with_mask": MaskState.WITH_MASK,
    "without_mask": MaskState.WITHOUT_MASK,
    "incorrect": MaskState.INCORRECT,
}


class GivenFace(NamedTuple):
    """A face that is known to be in a frame; `sure` False: perhaps. `state` None: not known."""

    box: Box
    sure: bool
    state: MaskState | None


@dataclass(slots=True)
class _Tally:
    faces: int = 0
    found: int = 0
    judged: int = 0
    right: int = 0
    states: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {
            "faces": self.faces,
            **share("found", self.found, self.faces),
            **share("state_right", self.right, self.judged),
            "states": dict(self.states),
        }


@dataclass(slots=True)
class _FilmTally:
    """What was found so far in a film."""

    sizes: list[_Tally] = field(default_factory=lambda: [_Tally() for _ in SIZES_PX])
    passages: Counter[str] = field(default_factory=Counter)
    false_alarms: int = 0
    frames: int = 0
    at_s: float = 0.0
    crowd: Crowd | None = None
    anybody: Crowd | None = None  # the same, with those who were in view too briefly to object
    passed: int = 0  # of these
    detector: Detector | None = None

    def add(
        self, frame: Frame, given: Sequence[GivenFace], loaded: LoadedModel, width: float
    ) -> None:
        """Adds a frame; width: of the frame for which the faces are given, in px."""
        high, wide = frame.luma.shape
        if self.crowd is None or self.anybody is None or self.detector is None:
            self.detector = loaded.detector()
            size, score = (wide, high), loaded.high_score
            self.crowd = Crowd(frame_size=size, high_score=score, recording=True)
            self.anybody = Crowd(
                frame_size=size, high_score=score, recording=True, least_view_s=0.0
            )
        detections = self.detector.detect(frame)
        self.frames, self.at_s = self.frames + 1, frame.captured_at_s
        for crowd in (self.crowd, self.anybody):
            crowd.update(detections, self.at_s)
        ended = self.crowd.take_passages(self.at_s, observed=True)
        self.passages.update(str(one.state) for one in ended)
        self.passed += len(self.anybody.take_passages(self.at_s, observed=True))
        sure = [one for one in detections if one.score >= loaded.high_score]
        self.false_alarms += _compare(given, sure, self.sizes, wide / width)

    def finish(self, threshold: float, *, by_size: bool) -> dict[str, Any]:
        """Counts who is in view at the end; returns the report of all frames."""
        assert self.crowd is not None
        assert self.anybody is not None
        self.passages.update(str(one.state) for one in self.crowd.finish(self.at_s))
        self.passed += len(self.anybody.finish(self.at_s))
        report = {
            "frames": self.frames,
            "threshold": threshold,
            "people": self.passages.total(),
            "too_briefly_in_view": self.passed - self.passages.total(),
            "passages": {str(one): self.passages[str(one)] for one in MaskState},
        }
        if by_size:
            pairs = zip(SIZES_PX, self.sizes, strict=True)
            report["sizes"] = {_name(limits): one.as_dict() for limits, one in pairs}
            report["false_alarms_per_frame"] = self.false_alarms / self.frames
        return report


def evaluate(
    clip: Path,
    boxes: Path | None = None,
    *,
    model: Path | None = None,
    threads: int = 1,
    state: MaskState | None = None,
) -> dict[str, Any]:
    """Returns what `maskcam evaluate street --json` prints.

    Args:
        clip: a film of a street.
        boxes: JSON with `size` [width, height] in px, and `frames`: of each frame of the clip
            the faces, each with `bbox` [x, y, width, height] and if known `score` and `state`.
            None: only who passes is reported.
        model: a .tflite file with its .json beside it; None: the one that comes with maskcam.
        threads: CPU threads of one inference.
        state: how all people of the clip wear their mask, for boxes without a `state`.

    Raises:
        UsageError: the boxes cannot be read, or are of another clip.
        CameraError: the clip cannot be read.
        ModelError: the model is missing or unfit.
    """
    size, given = ((1.0, 1.0), None) if boxes is None else read_boxes(boxes, state)
    loaded = load_model(model=model, threads=threads)
    tally = _FilmTally()
    for frame in _frames(clip, loaded.input_size):
        if given is not None and tally.frames == len(given):
            raise UsageError(f"{boxes}: has {len(given)} frames, but {clip} has more")
        tally.add(frame, given[tally.frames] if given else [], loaded, size[0])
    if not tally.frames:
        raise UsageError(f"{clip}: has no frames")
    if given is not None and tally.frames != len(given):
        raise UsageError(f"{boxes}: has {len(given)} frames, but {clip} has {tally.frames}")
    return tally.finish(loaded.high_score, by_size=given is not None)


def read_boxes(
    file: Path, state: MaskState | None
) -> tuple[tuple[float, float], list[list[GivenFace]]]:
    """Returns the width and height that the boxes are given for, and the faces of each frame.

    Raises:
        UsageError: the file is missing or not as it must be.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        width, height = (float(side) for side in content["size"])
        frames = [[_given(face, state) for face in faces] for faces in content["frames"]]
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f'{file}: must hold "size" [width, height] and "frames", a list of faces for each '
            f'frame, each with "bbox" [x, y, width, height]; found {error!r}'
        ) from error
    return (width, height), frames


def as_text(report: dict[str, Any]) -> str:
    """Returns what `evaluate` found as a table for people."""
    lines = [f"{report['frames']} frames, threshold {report['threshold']}"]
    if "sizes" in report:
        lines += _faces_as_text(report)
    counted = ", ".join(f"{key} {value}" for key, value in report["passages"].items())
    lines.append(f"{report['people']} people passed: {counted}")
    brief = report["too_briefly_in_view"]
    lines.append(f"{brief} more were in view for less than a second, and are not counted")
    return "\n".join(lines)


def _faces_as_text(report: dict[str, Any]) -> list[str]:
    lines = [
        f"{'faces':12s}{'number':>8s}{'found':>21s}{'state right':>21s}   states of those found"
    ]
    for name, row in report["sizes"].items():
        states = ", ".join(f"{key} {value}" for key, value in sorted(row["states"].items()))
        cells = (_cell(row, "found"), _cell(row, "state_right"))
        lines.append(
            f"{name:12s}{row['faces']:8d}" + "".join(f"{c:>21s}" for c in cells) + f"   {states}"
        )
    lines.append(f"{report['false_alarms_per_frame']:.2f} false alarms per frame, from 20 px")
    return lines


def _cell(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "-"
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.3f} ({low:.2f}-{high:.2f})"


def _frames(clip: Path, input_size: tuple[int, int]) -> Iterator[Frame]:
    with VideoCamera(str(clip), rgb_size=input_size) as camera:
        while (frame := camera.read(timeout_s=_TIMEOUT_S)) is not None:
            yield frame


def _given(face: dict[str, Any], state: MaskState | None) -> GivenFace:
    x, y, width, height = (float(value) for value in face["bbox"])
    known = _STATES[face["state"]] if face.get("state") else state
    return GivenFace(
        Box(x, y, x + width, y + height), float(face.get("score", 1.0)) >= _SURE, known
    )


def _compare(
    given: Sequence[GivenFace],
    detections: Sequence[Detection],
    tallies: Sequence[_Tally],
    scale: float,
) -> int:
    """Adds the faces of one frame to the tallies; returns the number of false alarms.

    scale: px of the frame per px of the given boxes.
    """
    there = [one._replace(box=Box(*(edge / scale for edge in one.box))) for one in detections]
    for face in given:
        side = min(face.box.width, face.box.height)
        best = max(there, key=lambda one: one.box.iou(face.box), default=None)
        if best is not None and best.box.iou(face.box) < _SAME_FACE_IOU:
            best = None
        for (low, high), tally in zip(SIZES_PX, tallies, strict=True):
            if face.sure and low <= side < high:
                _count(tally, face, best)
    return sum(
        min(one.box.width, one.box.height) >= SIZES_PX[0][0]
        and all(one.box.iou(face.box) < _SAME_FACE_IOU for face in given)
        for one in there
    )


def _count(tally: _Tally, face: GivenFace, best: Detection | None) -> None:
    tally.faces += 1
    if best is None:
        return
    tally.found += 1
    tally.states[str(best.state)] += 1
    if face.state is not None:
        tally.judged += 1
        tally.right += best.state is face.state


def _name(limits: tuple[float, float]) -> str:
    low, high = limits
    return f"{low}-{high} px" if high < float("inf") else f"from {low} px"
