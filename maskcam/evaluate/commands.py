"""The command line of those who measure: ``maskcam evaluate …`` and ``maskcam model …``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from maskcam.arguments import add_command, add_group, add_model_options, file_path

_DETECTIONS_EXAMPLE = "  maskcam evaluate detections --coco test.json --images images --json"
_STREET_EXAMPLE = "  maskcam evaluate street --clip street.mp4 --teacher-boxes boxes.json"
_GESTURES_EXAMPLE = "  maskcam evaluate gestures --clips clips --json"


def add_parsers(commands: Any) -> None:
    """Registers ``evaluate`` and ``model`` with their commands."""
    _add_evaluate(commands)
    _add_inspect(commands)


def _add_evaluate(commands: Any) -> None:
    kinds = add_group(
        commands,
        "evaluate",
        summary="measure the stages on labelled material",
        examples="\n".join((_DETECTIONS_EXAMPLE, _STREET_EXAMPLE, _GESTURES_EXAMPLE)),
    )
    detections = add_command(
        kinds,
        "detections",
        _evaluate_detections,
        summary="measure the average precision on labelled photographs",
        examples=_DETECTIONS_EXAMPLE,
    )
    detections.add_argument(
        "--coco", type=file_path, required=True, metavar="FILE", help="annotations in COCO's format"
    )
    detections.add_argument(
        "--images", type=file_path, required=True, metavar="DIR", help="the images that it names"
    )
    detections.add_argument("--json", action="store_true", help="print JSON instead of a table")
    detections.add_argument(
        "--detector-only", action="store_true", help="measure without the second look"
    )
    add_model_options(detections)
    _add_street(kinds)
    gestures = add_command(
        kinds,
        "gestures",
        _evaluate_gestures,
        summary="measure how head shakes are recognised on labelled clips",
        examples=_GESTURES_EXAMPLE,
    )
    gestures.add_argument(
        "--clips",
        type=file_path,
        required=True,
        metavar="DIR",
        help="a manifest.json and the .npz files that it lists",
    )
    gestures.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _add_street(kinds: Any) -> None:
    street = add_command(
        kinds,
        "street",
        _evaluate_street,
        summary="measure faces found, mask states and counts on a video of a street",
        examples=_STREET_EXAMPLE,
    )
    street.add_argument(
        "--clip", type=file_path, required=True, metavar="VIDEO", help="a video of a street"
    )
    street.add_argument(
        "--teacher-boxes",
        type=file_path,
        metavar="FILE",
        help="the faces of each frame (without it, only passages are reported): "
        '{"size": [w, h], "frames": [[{"bbox": [x, y, w, h], '
        '"score": 0.9, "state": "with_mask"}, ...], ...]}; score and state may be left out',
    )
    street.add_argument(
        "--state",
        choices=("with_mask", "without_mask", "incorrect"),
        help="how everybody in it wears the mask, for boxes without a state",
    )
    street.add_argument("--json", action="store_true", help="print JSON instead of a table")
    add_model_options(street)


def _evaluate_street(args: argparse.Namespace) -> int:
    from maskcam.evaluate import street
    from maskcam.records import MaskState

    report = street.evaluate(
        args.clip,
        args.teacher_boxes,
        model=args.model,
        threads=args.threads,
        state=MaskState(args.state) if args.state else None,
    )
    print(json.dumps(report) if args.json else street.as_text(report))
    return 0


def _evaluate_detections(args: argparse.Namespace) -> int:
    from maskcam.evaluate import detections

    report = detections.evaluate(
        coco=args.coco,
        images=args.images,
        model=args.model,
        threads=args.threads,
        second_look=not args.detector_only,
    )
    print(json.dumps(report) if args.json else detections.as_text(report))
    return 0


def _evaluate_gestures(args: argparse.Namespace) -> int:
    from maskcam.evaluate import gestures
    from maskcam.vision.models import load_face_in_view

    report = gestures.evaluate(args.clips, load_face_in_view())
    print(json.dumps(report) if args.json else gestures.as_text(report))
    return 0


def _add_inspect(commands: Any) -> None:
    example = "  maskcam model inspect models/maskcam.tflite --json"
    kinds = add_group(commands, "model", summary="inspect a model file", examples=example)
    inspect = add_command(
        kinds,
        "inspect",
        _model_inspect,
        summary="check whether a .tflite is fit for the Edge TPU",
        examples=example,
    )
    inspect.add_argument("file", type=file_path, metavar="FILE", help="a .tflite model")
    inspect.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _model_inspect(args: argparse.Namespace) -> int:
    from maskcam.evaluate import inspection

    report = inspection.inspect(args.file)
    print(json.dumps(report.as_dict()) if args.json else report.as_text())
    return 0 if report.fit else 1
